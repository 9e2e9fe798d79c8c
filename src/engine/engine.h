#pragma once
/*
 * The waist of redock: one interface to whatever runs containers.
 *
 * Everything a person touches (machine/, cli/, later map/, build/, api/) is written against this
 * header and nothing below it.  Terms and fields are Docker's object model.  An engine is one of
 * several implementations; engine_open() picks it by URL.
 *
 * Ownership: strings in structs that an engine returns belong to the struct and go with its
 * release function; what a caller passes in stays the caller's.
 */
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ENGINE_ID_SIZE 65 /* 64 hexadecimal digits and a NUL */

struct engine;

/* How an engine tells what it is doing; `text` is one line without a newline. Level 0 is for
 * everybody (progress of long work), 1 and more for -v. May be NULL. */
typedef void engine_say(void *arg, int level, const char *text);

struct engine_options {
	const char *root;     /* NULL: $REDOCK_ROOT, else /var/lib/redock */
	const char *run_root; /* NULL: $REDOCK_RUN_ROOT, else /run/redock */
	const char *bridge;   /* NULL: derived from the root (a private one has its own name) */
	const char *subnet;   /* NULL: chosen against the live routes; "10.1.2.0/24" */
	engine_say *say;
	void *say_arg;
};

/* Opens the engine at `url` ("local:", NULL means that). Fails with EPERM and a hint when what it
 * needs is missing. */
int engine_open(const char *url, const struct engine_options *, struct engine **ret, struct err *e);
void engine_close(struct engine *); /* NULL is fine */
static inline void engine_cleanup(struct engine **en)
{
	if (*en)
		engine_close(*en);
}
#define auto_engine __attribute__((cleanup(engine_cleanup))) struct engine
void engine_say_to(struct engine *, int level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- containers ---- */

enum container_state {
	CONTAINER_CREATED,
	CONTAINER_RUNNING,
	CONTAINER_PAUSED,
	CONTAINER_EXITED,
};
const char *container_state_text(enum container_state); /* "created", "running", ... */

enum mount_type { MOUNT_BIND, MOUNT_TMPFS };
struct mount_config {
	enum mount_type type;
	const char *source; /* bind: absolute host path, file or directory */
	const char *target; /* absolute path in the container */
	bool read_only;
	uint64_t size; /* tmpfs: bytes, 0 for the kernel's default */
	mode_t mode;   /* tmpfs: permissions, 0 for 01777 */
};

/* What a container is made from. Zero and NULL mean Docker's defaults. */
struct container_config {
	const char *name;        /* NULL: one is made up */
	const char *machine;     /* "repository:tag" when the container is a machine, else NULL */
	const char *image;       /* a reference, resolved when the container is created */
	char *const *entrypoint; /* NULL: the image's */
	char *const *cmd;        /* NULL: the image's */
	char *const *env;        /* KEY=value, over the image's; "KEY" copies the caller's */
	char *const *labels;     /* KEY=value */
	const char *hostname, *workdir, *user;
	const char *network; /* "bridge" (the default), "none", "host" */
	bool tty, stdin_open, auto_remove;
	unsigned console_rows, console_columns; /* size of a tty at first, 0 for the default */
	int64_t memory;                         /* bytes, 0 for no limit */
	int64_t nano_cpus;                      /* 1e9 is one CPU, 0 for no limit */
	int64_t pids_limit;                     /* 0: the default (2048), -1: no limit */
	const struct mount_config *mounts;
	size_t n_mounts;
	/* Path in the container of a socket on which one process says "READY=1" (sd_notify(3));
	 * its directory must be a tmpfs of `mounts`. NULL: none. */
	const char *notify_path;
	const char *stop_signal; /* NULL: the image's, else SIGTERM */
};

struct container_info {
	char id[ENGINE_ID_SIZE];
	char *name;
	char *machine;  /* NULL when it is not a machine */
	char *image;    /* as the person wrote it */
	char *image_id; /* digest of the image's config, "sha256:…" */
	char *command;  /* the process, joined by blanks */
	char *hostname;
	char *network;
	char *address; /* IPv4 text while running on the bridge, else "" */
	enum container_state state;
	bool ready; /* said READY=1 since it was started */
	bool oom_killed, auto_remove, tty;
	int exit_code;                      /* of an exited container; -1: unknown, it was missed */
	pid_t pid;                          /* of its init, 0 unless it runs */
	int64_t created, started, finished; /* base/time.h */
	struct strv labels;
};
void container_info_release(struct container_info *);

struct container_list {
	struct container_info *v;
	size_t n;
};
void container_list_release(struct container_list *);
#define auto_container_list __attribute__((cleanup(container_list_release))) struct container_list
#define auto_container_info __attribute__((cleanup(container_info_release))) struct container_info

/* Makes the container; nothing runs. EEXIST: the name (or machine) is taken; ENOENT: no such
 * image. `ret_id` gets the full id. */
int engine_create(struct engine *, const struct container_config *, char ret_id[ENGINE_ID_SIZE],
	struct err *e);

/* A person's (or program's) end of a container's stdin, stdout, stderr. */
struct session;
enum session_event_type {
	SESSION_OUTPUT, /* data, len, stream: 1 stdout, 2 stderr */
	SESSION_EXIT,   /* exit_code; the last event: the container is gone (and removed if --rm) */
	SESSION_LOST,   /* the other end is gone without an exit code */
};
struct session_event {
	enum session_event_type type;
	int stream;
	const char *data; /* valid until the next call */
	size_t len;
	int exit_code;
};
int session_fd(const struct session *); /* becomes readable (poll(2)) when there is an event */
/* Takes the next event; blocks. */
int session_next(struct session *, struct session_event *ret, struct err *e);
int session_send(struct session *, const void *data, size_t len, struct err *e); /* to stdin */
int session_close_stdin(struct session *, struct err *e);
int session_resize(struct session *, unsigned rows, unsigned columns, struct err *e);
void session_close(struct session *); /* detaches; the container goes on */

/* Starts a created or exited container. With `ret_session` the caller is attached from the first
 * byte on. Returns once the program has been executed; ENOENT / EACCES of the *program* come with
 * *ret_exec_status 127 / 126 (else it is 125). EALREADY: it runs. */
int engine_start(struct engine *, const char *id, struct session **ret_session,
	int *ret_exec_status, struct err *e);

enum wait_for { WAIT_EXIT, WAIT_READY };
/* Waits at most timeout_ms (-1: for ever). WAIT_EXIT returns the exit code; WAIT_READY returns 0
 * when it said READY=1, -ESRCH when it exited instead. -ETIMEDOUT. */
int engine_wait(struct engine *, const char *id, enum wait_for, int timeout_ms, struct err *e);
int engine_kill(struct engine *, const char *id, int signal, struct err *e);
/* Removes it. A running one is refused (EBUSY) unless `force`, which kills it first. */
int engine_remove(struct engine *, const char *id, bool force, struct err *e);

/* One resolver: exact container name, then exact machine "a:b", then a unique id
 * prefix of at least 4 digits. ENOENT when there is none. */
int engine_inspect(struct engine *, const char *name, struct container_info *ret, struct err *e);
int engine_inspect_machine(
	struct engine *, const char *machine, struct container_info *ret, struct err *e);
/* All containers, running ones only unless `all`; newest first. */
int engine_list(struct engine *, bool all, struct container_list *ret, struct err *e);
/* The last `lines` lines that the container printed, stdout and stderr in order. */
int engine_log_tail(struct engine *, const char *id, size_t lines, struct str *ret, struct err *e);
/* How many files, directories and removals differ from the image. */
int engine_count_changes(
	struct engine *, const char *id, int64_t since, uint64_t *ret, struct err *e);
/* A short exclusive claim on a name of the caller's choosing ("machine:a:b"), so that two commands
 * on one thing go one after the other; bounded wait. Returns an fd that releases it when closed. */
int engine_lock(struct engine *, const char *name, struct err *e);

struct commit_options {
	const char *message, *author; /* NULL: none */
};
/* Saves the container's file system as image `reference` (frozen while it is read); durable when
 * it returns. */
int engine_commit(struct engine *, const char *id, const char *reference,
	const struct commit_options *, char ret_image_id[72], struct err *e);

/* ---- images ---- */

struct image_info {
	char *reference; /* "repository:tag" */
	char *id;        /* digest of the config */
	int64_t created;
	uint64_t size; /* bytes of all its layers, unpacked as tar streams */
	char *author, *comment;
};
struct image_list {
	struct image_info *v;
	size_t n;
};
void image_info_release(struct image_info *);
void image_list_release(struct image_list *);
#define auto_image_list __attribute__((cleanup(image_list_release))) struct image_list

int engine_image_list(struct engine *, struct image_list *ret, struct err *e);
/* 0 when there is one, -ENOENT with the error set. `ret` may be NULL. */
int engine_image_inspect(
	struct engine *, const char *reference, struct image_info *ret, struct err *e);

/* Whether `path` exists in the image (its links followed inside it). */
int engine_image_has_path(
	struct engine *, const char *reference, const char *path, bool *ret, struct err *e);

struct import_options {
	char *const *cmd; /* NULL: none */
	char *const *env;
	const char *message;
	const char *workdir, *stop_signal;
};
/* Makes an image of one layer from a tar archive (plain, gzip, zstd, xz or bzip2) read from `fd`.
 */
int engine_image_import(struct engine *, int fd, const char *reference,
	const struct import_options *, char ret_image_id[72], struct err *e);
/* Untags it, and drops what no other image or container needs. Refused (EBUSY) with the reason
 * while a container was made from it, unless `force`. */
int engine_image_remove(struct engine *, const char *reference, bool force, struct err *e);

/* Removes everything this engine made: containers, images, networks, its two roots' content. */
int engine_reset(struct engine *, struct err *e);

/* Directory fd (owned by the engine) below which machine/ keeps what is its own. */
int engine_state_fd(struct engine *, struct err *e);
/* Absolute path of the same, for bind mounts. */
const char *engine_state_path(struct engine *);
