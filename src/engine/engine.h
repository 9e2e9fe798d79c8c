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
#include "engine/config.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ENGINE_ID_SIZE 65 /* 64 hexadecimal digits and a NUL */

struct engine;

/* How an engine tells what it is doing; `text` is one line without a newline. Level 0 is for
 * everybody (progress of long work), 1 and more for -v; ENGINE_WARNING is something that is not as
 * it should be, and no reason to refuse: a line that stays; ENGINE_MOMENT is how far something is,
 * for who can show that without leaving a line each time. May be NULL. */
#define ENGINE_WARNING (-1)
#define ENGINE_MOMENT  (-2)
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
	CONTAINER_RESTARTING, /* ended; its restart policy waits before the next attempt */
	CONTAINER_EXITED,
};
const char *container_state_text(enum container_state); /* "created", "running", ... */

enum health_status { HEALTH_NONE, HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY };
const char *health_status_text(enum health_status); /* "none", "starting", ... */
/* One run of a health check. */
struct health_probe {
	int64_t started, finished;
	int exit_code;
	char *output; /* its beginning */
};

/* A port as it is published now. */
struct port_binding {
	char *protocol;
	uint16_t container_port, host_port; /* host_port 0: only exposed */
	char *host_address;                 /* "0.0.0.0" for all */
};

/* A network that the container is on; the addresses are "" while it does not run. */
struct endpoint_info {
	char *network, *network_id;
	char *address, *gateway, *mac; /* texts */
	unsigned prefix;               /* length */
	struct strv aliases;
};

/* A mount as it was resolved: volumes have names and a directory by now. */
struct mount_info {
	enum mount_type type;
	char *name, *driver; /* volume, else NULL */
	char *source, *target;
	bool read_only;
	enum mount_propagation propagation;
};

struct container_info {
	char id[ENGINE_ID_SIZE];
	/* with what the image and the defaults gave; config.name is the name */
	struct container_config config;
	char *image_id; /* digest of the image's config, "sha256:…" */
	char *command;  /* the process, joined by blanks */
	enum container_state state;
	bool ready; /* said READY=1 since it was started */
	bool oom_killed;
	uint64_t oom_kills;                 /* processes killed for want of memory */
	int exit_code;                      /* of an exited container; -1: unknown, it was missed */
	char *error;                        /* why the last start failed, or NULL */
	pid_t pid;                          /* of its init, 0 unless it runs */
	unsigned restart_count;             /* by its policy, since a person started it */
	int64_t created, started, finished; /* base/time.h */
	enum health_status health;
	unsigned failing_streak;
	struct health_probe *probes; /* the last five, oldest first; only from engine_inspect() */
	size_t n_probes;
	struct port_binding *ports;
	size_t n_ports;
	struct endpoint_info *endpoints;
	size_t n_endpoints;
	struct mount_info *mounts;
	size_t n_mounts;
	char *log_path; /* NULL when its driver keeps no file */
};
void container_info_release(struct container_info *);
/* The address on its first network, "" when it has none. */
const char *container_info_address(const struct container_info *);

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

/* Whether the ports that the configuration names are free now. EADDRINUSE: the message names who
 * has one. For whoever creates a container in order to start it at once. */
int engine_check_ports(struct engine *, const struct container_config *, struct err *e);

/* A person's (or program's) end of a container's stdin, stdout, stderr. */
struct session;
enum session_event_type {
	SESSION_OUTPUT, /* data, len, stream: 1 stdout, 2 stderr */
	SESSION_EXIT,   /* exit_code; the last event: the container is gone (and removed if --rm) */
	SESSION_LOST,   /* the other end is gone without an exit code */
	SESSION_OTHER,  /* something that is of no interest here: wait for the next */
};
struct session_event {
	enum session_event_type type;
	int stream;
	const char *data; /* valid until the next call */
	size_t len;
	int exit_code;
	unsigned oom_kills;   /* processes of the container killed for want of memory */
	int64_t memory_limit; /* its limit in bytes, 0: none */
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
/* Its stop signal, then, after `timeout` seconds (-1: never, STOP_DEFAULT: as it was made),
 * SIGKILL. Returns when it has ended; its restart policy is at rest until the next start. A
 * container that does not run is success. */
#define STOP_DEFAULT INT_MIN
int engine_stop(struct engine *, const char *id, int timeout, struct err *e);
int engine_pause(struct engine *, const char *id, struct err *e);   /* EALREADY: it is paused */
int engine_unpause(struct engine *, const char *id, struct err *e); /* EALREADY: it is not */
int engine_rename(struct engine *, const char *id, const char *name, struct err *e);
struct update_config {
	struct resources resources; /* members that are zero or NULL stay as they are */
	bool set_restart;
	enum restart_policy restart;
	int64_t restart_max;
};
/* Changes limits and policy of a container, running or not. What the kernel refuses changes
 * nothing. */
int engine_update(struct engine *, const char *id, const struct update_config *, struct err *e);
struct remove_options {
	bool force;   /* a running one is killed; without it, refused with EBUSY */
	bool volumes; /* its anonymous volumes go, too; those of an --rm container always do */
};
int engine_remove(struct engine *, const char *id, const struct remove_options *, struct err *e);

/* Attaches to a running container. */
struct attach_options {
	bool stdin_open; /* the session's input goes to the container */
};
int engine_attach(struct engine *, const char *id, const struct attach_options *,
	struct session **ret, struct err *e);

struct exec_config {
	struct strv args, env; /* env: KEY=value over the container's; "KEY" copies the caller's */
	char *workdir, *user;  /* NULL: the container's */
	bool tty, stdin_open, privileged, detach;
	int64_t console_rows, console_columns;
};
void exec_config_release(struct exec_config *);
/* Runs a program in a running container. Without `detach` the session is its input and output and
 * ends with its exit code; *ret_exec_status as engine_start() has it. */
int engine_exec(struct engine *, const char *id, const struct exec_config *,
	struct session **ret_session, int *ret_exec_status, struct err *e);

struct process_table {
	struct strv titles;
	struct strv *rows; /* as many cells as titles each */
	size_t n_rows;
};
void process_table_release(struct process_table *);
/* The container's processes as ps(1) of this host shows them with `ps_args` (empty: "-ef"). */
int engine_top(struct engine *, const char *id, char *const *ps_args, struct process_table *ret,
	struct err *e);

struct log_options {
	bool follow, standard_output, standard_error;
	int64_t since, until; /* 0: no bound */
	int64_t tail;         /* this many entries from the end, -1: all */
};
struct log_entry {
	int64_t time;
	int stream;       /* 1 stdout, 2 stderr */
	const char *data; /* a line with its newline, or a part of a long one */
	size_t len;
	const char *details; /* "key=value,..." of the log's options, or NULL */
};
/* Calls `each` for every entry until it returns other than 0, which is then returned. With `follow`
 * until the container has ended. ENOTSUP: its driver cannot be read. */
typedef int engine_log_each(void *arg, const struct log_entry *);
int engine_logs(struct engine *, const char *id, const struct log_options *, engine_log_each *each,
	void *arg, struct err *e);

struct container_stats {
	int64_t time;
	int64_t clock;   /* monotonic, for what lies between two of these */
	uint64_t cpu_ns; /* used by all its processes since it was started */
	unsigned online_cpus;
	uint64_t memory, memory_limit; /* bytes; without the page cache that can be dropped */
	uint64_t memory_max;           /* the most it has used, 0: not known */
	uint64_t net_received, net_sent, block_read, block_written; /* bytes */
	uint64_t pids, pids_limit;
};
int engine_stats(struct engine *, const char *id, struct container_stats *ret, struct err *e);

/* ---- a container's files ---- */

struct path_stat {
	char *name; /* last part of the path */
	uint64_t size;
	mode_t mode; /* of inode(7) */
	int64_t modified;
	char *link_target; /* where a symbolic link leads at last, absolute; else "" */
	bool many;         /* the path is a pattern that more than this one match */
};
void path_stat_release(struct path_stat *);
int engine_path_stat(
	struct engine *, const char *id, const char *path, struct path_stat *ret, struct err *e);
/* Writes a tar archive of `path` (which may have glob(7) patterns) to `fd`. A directory is the
 * archive's top entry; "/." at the end of the path makes its content the top. */
int engine_copy_from(
	struct engine *, const char *id, const char *path, bool follow_link, int fd, struct err *e);
struct copy_to_options {
	bool keep_owner; /* user and group from the archive; else root's, or the path's */
	bool no_overwrite_with_dir; /* a directory and a file do not replace each other */
};
/* Extracts a tar archive (plain or compressed) from `fd` into directory `path`. */
int engine_copy_to(struct engine *, const char *id, const char *path,
	const struct copy_to_options *, int fd, struct err *e);
/* cp(1)'s rules between a container's files and the caller's own: a destination that is a directory
 * gets the source below it under its own name; else it is the new name; "/." at the end of a source
 * means what is in the directory. Several sources (globs of the container's side) need a directory.
 * No name in the archive leads out of the destination, no link that is there is followed below it,
 * and a file is the old one or the new one. */
struct transfer_options {
	bool follow_link; /* a source that is a symbolic link stands for what it leads to */
	bool keep_owner;  /* owners and set-user-ID bits; else root's, or the caller's */
};
int engine_download(struct engine *, const char *id, const char *path, const char *local,
	const struct transfer_options *, struct err *e);
int engine_upload(struct engine *, const char *id, const char *local, const char *path,
	const struct transfer_options *, struct err *e);
/* Writes the whole file system, without volumes, as a tar archive. */
int engine_export(struct engine *, const char *id, int fd, struct err *e);
enum change_kind { CHANGE_MODIFIED, CHANGE_ADDED, CHANGE_DELETED }; /* Docker's numbers */
struct change {
	enum change_kind kind;
	char *path;
};
struct change_list {
	struct change *v; /* sorted by path */
	size_t n;
};
void change_list_release(struct change_list *);
int engine_diff(struct engine *, const char *id, struct change_list *ret, struct err *e);

/* One resolver: exact container name, then exact machine "a:b", then a unique id
 * prefix of at least 4 digits. ENOENT when there is none. */
int engine_inspect(struct engine *, const char *name, struct container_info *ret, struct err *e);
/* The id of the container that has exactly this name: a look at one link, where engine_inspect()
 * reads and repairs. For who acts on the container next and is told then how it is. -ENOENT. */
int engine_find(struct engine *, const char *name, char ret_id[ENGINE_ID_SIZE], struct err *e);
int engine_inspect_machine(
	struct engine *, const char *machine, struct container_info *ret, struct err *e);
/* All containers, running ones only unless `all`; newest first. */
int engine_list(struct engine *, bool all, struct container_list *ret, struct err *e);
/* How many files, directories and removals differ from the image. */
int engine_count_changes(
	struct engine *, const char *id, int64_t since, uint64_t *ret, struct err *e);
/* A short exclusive claim on a name of the caller's choosing ("machine:a:b"), so that two commands
 * on one thing go one after the other; bounded wait. Returns an fd that releases it when closed. */
int engine_lock(struct engine *, const char *name, struct err *e);

struct commit_options {
	const char *message, *author; /* NULL: none */
	char *const *changes;         /* Dockerfile instructions: "CMD [\"sh\"]", "ENV A=b", ... */
	bool no_pause;                /* do not freeze it while it is read */
};
/* Saves the container's file system as image `reference` (frozen while it is read); durable when
 * it returns. Without a reference (NULL or "") the image is known by its id alone. */
int engine_commit(struct engine *, const char *id, const char *reference,
	const struct commit_options *, char ret_image_id[72], struct err *e);

/* ---- images ---- */

struct image_info {
	char *reference;     /* "repository:tag"; "<none>:<none>" of one without a name */
	bool dangling;       /* it has no name: it stays until it is pruned or removed by id */
	uint64_t containers; /* made from it, running or not; only from engine_image_list() */
	char *id;            /* digest of the config */
	char *manifest;      /* digest of the manifest */
	int64_t created;
	uint64_t size; /* bytes of the files of all its layers */
	char *author, *comment, *architecture, *os;
	struct strv layers;    /* diff-ids, lowest first */
	uint64_t *layer_sizes; /* of their files, the same order; may be NULL */
	/* only from engine_image_inspect(): all of its names, and "repository@digest" of those that
	 * came from a registry */
	struct strv names, digests;
	/* what a container gets from it: entrypoint, cmd, env, workdir, user, labels, exposed,
	 * stop_signal, health, and one MOUNT_VOLUME for each of its VOLUMEs */
	struct container_config config;
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
	char *const
		*changes; /* Dockerfile instructions, as engine_commit() takes them; NULL: none */
};
/* Makes an image of one layer from a tar archive (plain, gzip, zstd, xz or bzip2) read from `fd`.
 */
int engine_image_import(struct engine *, int fd, const char *reference,
	const struct import_options *, char ret_image_id[72], struct err *e);
/* One more name for an image; taken from another image, if that has it. */
int engine_image_tag(struct engine *, const char *reference, const char *name, struct err *e);

struct image_step {
	int64_t created;
	char *created_by, *comment;
	uint64_t size; /* of its layer */
	bool has_layer;
};
struct image_history { /* the newest first */
	char *id;      /* the image's; what was before it has none of its own */
	struct strv names;
	struct image_step *v;
	size_t n;
};
void image_history_release(struct image_history *);
int engine_image_history(
	struct engine *, const char *reference, struct image_history *ret, struct err *e);

enum image_archive { ARCHIVE_DOCKER, ARCHIVE_OCI };
/* Writes images to `fd`, as a docker archive or an OCI image layout in a tar archive. A repository
 * without a tag is all of its tags, as in Docker. Equal images make equal archives. */
int engine_image_save(struct engine *, char *const *references, size_t n, enum image_archive,
	int fd, struct err *e);
struct loaded_image {
	char *id;
	struct strv names; /* maybe none */
};
struct loaded_list {
	struct loaded_image *v;
	size_t n;
};
void loaded_list_release(struct loaded_list *);
/* Either kind, plain or compressed, from a file, a pipe, or a directory (of an image layout). */
int engine_image_load(struct engine *, int fd, struct loaded_list *ret, struct err *e);

/* Untags it, and drops what no other image or container needs. Refused (EBUSY) with the reason
 * while a container was made from it, unless `force`. */
int engine_image_remove(struct engine *, const char *reference, bool force, struct err *e);

/* ---- registries ---- */

/* What a transfer says while it goes on: of one layer, or (layer NULL) a line for everybody. */
struct transfer_event {
	const char *layer;       /* the first 12 digits of its digest */
	const char *status;      /* Docker's words: "Downloading", "Pull complete", ... */
	uint64_t current, total; /* bytes; total 0: nobody knows */
};
typedef void engine_transfer_each(void *arg, const struct transfer_event *);
struct transfer {
	const char *platform;       /* OS/ARCH[/VARIANT] of a pull; NULL: this host's */
	bool all;                   /* every tag of the repository */
	engine_transfer_each *each; /* may be NULL */
	void *arg;
};
struct transferred {
	char *reference; /* whole: "docker.io/library/debian:12" */
	char *digest;    /* of its manifest in the registry */
	char *id;
	bool is_new;   /* of a pull: the name stood for something else before, or for nothing */
	uint64_t size; /* of a push: of the manifest */
};
struct transferred_list {
	struct transferred *v;
	size_t n;
};
void transferred_list_release(struct transferred_list *);
#define auto_transferred __attribute__((cleanup(transferred_list_release))) struct transferred_list
/* Names are Docker's: without a registry's host, Docker Hub's. An interrupted one goes on where it
 * was when it is called again. ENOENT: the registry has none; EACCES: it wants a login. */
int engine_image_pull(struct engine *, const char *reference, const struct transfer *,
	struct transferred_list *ret, struct err *e);
int engine_image_push(struct engine *, const char *reference, const struct transfer *,
	struct transferred_list *ret, struct err *e);

struct login {
	const char *host; /* HOST[:PORT]; NULL: Docker Hub */
	const char *user, *password;
};
struct login_result {
	char *host;
	bool was;       /* of a logout: there was something to forget */
	bool elsewhere; /* of a logout: another program's file has credentials, too */
};
void login_result_release(struct login_result *);
/* Asks the registry, and keeps what it accepts for the person who calls. */
int engine_login(struct engine *, const struct login *, struct login_result *ret, struct err *e);
int engine_logout(struct engine *, const char *host, struct login_result *ret, struct err *e);

/* ---- files from elsewhere, for builds ---- */

struct fetch_request {
	const char *url;            /* http or https, without user and password: nobody logs in */
	const char *checksum;       /* "sha256:...", what it must have; NULL: anything */
	uint64_t max;               /* bytes, 0: no bound */
	engine_transfer_each *each; /* may be NULL */
	void *arg;
};
struct fetched {
	char *url; /* where it was at last */
	char *digest;
	uint64_t size;
	int64_t modified; /* seconds, as the server says; -1: it does not */
};
void fetched_release(struct fetched *);
#define auto_fetched __attribute__((cleanup(fetched_release))) struct fetched
/* Writes what is at an address to the (empty) file `fd`. ENOENT: nothing is there; EACCES: not for
 * everybody; EBADMSG: it has another checksum. */
int engine_fetch(
	struct engine *, const struct fetch_request *, int fd, struct fetched *ret, struct err *e);
/* Unpacks a tar archive (plain, gzip, zstd, xz or bzip2) that a stranger may have made into
 * directory `dir_fd`: what `head` holds (its first `len` bytes, read already), then what `fd`
 * gives. Owners become the caller's; device nodes are refused; no name and no link leads out. */
int engine_unpack(struct engine *, const void *head, size_t len, int fd, int dir_fd, struct err *e);

/* ---- volumes ---- */

struct volume_info {
	char *name, *driver, *mountpoint;
	bool anonymous;
	int64_t created;
	struct strv labels, options; /* KEY=value */
	uint64_t users;              /* containers that mount it */
	int64_t size;                /* bytes, -1: not counted */
};
struct volume_list {
	struct volume_info *v;
	size_t n;
};
void volume_info_release(struct volume_info *);
void volume_list_release(struct volume_list *);
#define auto_volume_info __attribute__((cleanup(volume_info_release))) struct volume_info
#define auto_volume_list __attribute__((cleanup(volume_list_release))) struct volume_list
struct volume_config {
	const char *name;   /* NULL: an anonymous one */
	const char *driver; /* NULL: "local" */
	char *const *labels, *const *options;
};
/* One that exists with the same driver and options is success. */
int engine_volume_create(
	struct engine *, const struct volume_config *, struct volume_info *ret, struct err *e);
int engine_volume_inspect(
	struct engine *, const char *name, struct volume_info *ret, struct err *e);
/* `sizes`: count what is in them, which takes time. */
int engine_volume_list(struct engine *, bool sizes, struct volume_list *ret, struct err *e);
/* EBUSY while a container, running or not, mounts it. */
int engine_volume_remove(struct engine *, const char *name, struct err *e);

/* ---- networks ---- */

struct network_member {
	char id[ENGINE_ID_SIZE];
	char *name, *address, *mac;
	unsigned prefix;
};
struct network_info {
	char id[ENGINE_ID_SIZE];
	char *name, *driver;    /* "bridge", "host", "null" */
	char *subnet, *gateway; /* "10.1.2.0/24", "10.1.2.1"; "" when it has none */
	char *bridge;           /* link name on the host, "" without one */
	bool internal;          /* no way out */
	bool predefined;        /* bridge, host and none: cannot be removed */
	int64_t created;
	struct strv labels, options;
	struct network_member *members; /* running containers on it */
	size_t n_members;
};
struct network_list {
	struct network_info *v;
	size_t n;
};
void network_info_release(struct network_info *);
void network_list_release(struct network_list *);
#define auto_network_info __attribute__((cleanup(network_info_release))) struct network_info
#define auto_network_list __attribute__((cleanup(network_list_release))) struct network_list
struct network_config {
	const char *name;
	const char *driver;           /* NULL: "bridge" */
	const char *subnet, *gateway; /* NULL: chosen against the live routes; the first address */
	bool internal;
	char *const *labels, *const *options;
};
int engine_network_create(
	struct engine *, const struct network_config *, char ret_id[ENGINE_ID_SIZE], struct err *e);
/* By name or unique id prefix. */
int engine_network_inspect(
	struct engine *, const char *name, struct network_info *ret, struct err *e);
int engine_network_list(struct engine *, struct network_list *ret, struct err *e);
/* EBUSY while a container, running or not, is on it. */
int engine_network_remove(struct engine *, const char *name, struct err *e);
/* At once if the container runs, else with its next start. `endpoint->network` names the network.
 */
int engine_network_connect(
	struct engine *, const char *id, const struct endpoint_config *endpoint, struct err *e);
int engine_network_disconnect(
	struct engine *, const char *id, const char *network, bool force, struct err *e);
/* Makes bridges, rules, published ports and names anew where somebody has removed them. */
int engine_network_reload(struct engine *, struct err *e);

/* ---- the engine as a whole ---- */

struct event {
	int64_t time;
	const char *type;       /* "container", "image", "network", "volume" */
	const char *action;     /* "create", "start", "die", ... */
	const char *id;         /* of a volume and a network: Docker's, name or id */
	struct strv attributes; /* KEY=value */
};
/* What happened since `since` (0: from now on), and what happens until `until` (0: for ever), until
 * `each` returns other than 0, which is then returned. */
typedef int engine_event_each(void *arg, const struct event *);
int engine_events(struct engine *, int64_t since, int64_t until, engine_event_each *each, void *arg,
	struct err *e);

struct engine_info {
	char *version, *root, *run_root;
	char *kernel, *operating_system, *architecture, *host_name;
	char *cgroup;                   /* "1", "2" or "none" */
	char *cgroup_manager;           /* "systemd", "cgroupfs", "none" */
	struct strv warnings, security; /* security: "seccomp", "apparmor", ... */
	unsigned cpus;
	uint64_t memory;
	uint64_t containers, running, paused, stopped, images;
};
void engine_info_release(struct engine_info *);
int engine_info(struct engine *, struct engine_info *ret, struct err *e);

enum check_result { CHECK_GOOD, CHECK_NOTE, CHECK_BAD };
/* One thing that redock uses of this host. */
struct check {
	enum check_result
		result;    /* NOTE: something works less well, BAD: something does not work */
	const char *group; /* "kernel", "permissions", "programs", ... */
	char *name;        /* of the thing */
	char *found;       /* what is there */
	const char *means; /* what is lost without it, NULL when nothing is */
	const char *mend;  /* the command that mends it, or NULL */
};
struct check_list {
	struct check *v;
	size_t n;
};
void check_list_release(struct check_list *);
/* Without an engine (NULL: it could not be opened): what the built-in one needs of this host. */
int engine_doctor(struct engine *, struct check_list *ret, struct err *e);

/* One thing on the disk that is not as it should be. */
struct finding {
	bool bad;     /* something cannot work; false: it is in nobody's way */
	char *object; /* "image 'x:latest'", "blob 0123456789ab" */
	char *found;  /* what is wrong with it */
	char *done;   /* what has been done about it, or NULL: nothing */
	char *mend;   /* what a person can do, or NULL */
};
struct finding_list {
	struct finding *v;
	size_t n;
	char *quarantine; /* where what could not be mended is now; NULL: nothing was moved */
};
void finding_list_release(struct finding_list *);
#define auto_finding_list __attribute__((cleanup(finding_list_release))) struct finding_list
struct check_options {
	bool repair; /* mends what can be mended, moves aside what cannot; removes only what nobody
			needs or what is half-made */
	bool full;   /* looks at each file of each layer */
};
/* Whether everything that the engine keeps is there and whole. Beside other commands. */
int engine_system_check(
	struct engine *, const struct check_options *, struct finding_list *ret, struct err *e);

struct engine_usage { /* bytes; "reclaimable" is what `prune` would give back */
	uint64_t images, images_active, images_size, images_reclaimable;
	uint64_t containers, containers_active, containers_size, containers_reclaimable;
	uint64_t volumes, volumes_active, volumes_size, volumes_reclaimable;
};
int engine_usage(struct engine *, struct engine_usage *ret, struct err *e);
/* Bytes in the container's own layer, and with its image. */
int engine_container_size(
	struct engine *, const char *id, uint64_t *ret_own, uint64_t *ret_all, struct err *e);
/* After a boot: starts what its restart policy wants running. Goes on after a failure, which it
 * says; returns the first one. */
int engine_resume(struct engine *, struct err *e);

/* Removes everything this engine made: containers, images, networks, its two roots' content. */
int engine_reset(struct engine *, struct err *e);

/* Directory fd (owned by the engine) below which machine/ keeps what is its own. */
int engine_state_fd(struct engine *, struct err *e);
/* Absolute path of the same, for bind mounts. */
const char *engine_state_path(struct engine *);
