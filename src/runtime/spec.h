#pragma once
/*
 * What the runtime executes: the fields of an OCI runtime spec (runtime-spec 1.2, config.md) that
 * redock uses, with the root file system given as overlay layers instead of one directory.
 *
 * A spec travels from a command to the monitor as a flat list of "key=value" strings, each ended by
 * a NUL (arguments and environments cannot hold one).  The monitor is a static program without a
 * JSON library, and a list is read without allocating twice.
 */
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum spec_mount_type { SPEC_BIND, SPEC_TMPFS };
struct spec_mount {
	enum spec_mount_type type;
	char *source, *target;
	bool read_only;
	uint64_t size; /* tmpfs: bytes, 0 for the default */
	mode_t mode;   /* tmpfs */
};

enum spec_network {
	SPEC_NETWORK_PREPARED, /* a namespace that the caller hands over with "go" */
	SPEC_NETWORK_HOST,
};

struct spec {
	char *id;
	/* process */
	struct strv args, env;
	char *cwd, *user; /* user: "name|uid[:group|gid]", resolved inside the root */
	bool tty, stdin_open;
	int64_t console_rows,
		console_columns; /* size of the terminal at first, 0 for the default */
	bool init;               /* PID 1 is ours: it reaps and forwards signals */
	bool no_new_privs;
	uint64_t caps; /* bounding, permitted and effective set; bit n is capability n */
	/* root: overlay, all names relative to the working directory `state_dir` */
	char *state_dir;
	struct strv lower; /* "layers/<name>/fs", topmost first */
	char *upper, *work;
	char *mountpoint;   /* an empty directory; shared, since each container has its own tree */
	bool volatile_root; /* nothing in it needs to reach the disk */
	char *hostname;
	struct spec_mount *mounts;
	size_t n_mounts;
	char *notify_path; /* NULL: none */
	enum spec_network network;
	/* resources */
	char *cgroup;                          /* "<parent>/<id>" below each hierarchy */
	int64_t memory, nano_cpus, pids_limit; /* bytes, 1e-9 CPUs, tasks; 0: no limit */
	uint64_t shm_size;
	int stop_signal;
	/* what the monitor needs beside it */
	char *run_root;       /* run state is in <run_root>/containers/<id> */
	char *name, *machine; /* claims below <state_dir>/names, for auto_remove */
	struct strv release;  /* files to unlink when the container has ended (claims) */
	char *address;        /* text, for the state file */
	bool auto_remove;
};

void spec_release(struct spec *);
#define auto_spec __attribute__((cleanup(spec_release))) struct spec
/* Appends the encoded spec to `out`. */
void spec_encode(const struct spec *, struct str *out);
/* Decodes what spec_encode() wrote. -EINVAL for anything else. */
int spec_decode(const char *data, size_t len, struct spec *ret, struct err *e);
