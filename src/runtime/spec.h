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
#include "runtime/cgroup.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum spec_mount_type {
	SPEC_BIND,
	SPEC_TMPFS,
	SPEC_FILE_SYSTEM, /* any other, by `fs_type` and `options` */
};
struct spec_id_map {
	int64_t inside, outside, count;
};
struct spec_mount {
	enum spec_mount_type type;
	char *source, *target;
	char *mount_ns; /* bind: path of the mount namespace that `source` is in; NULL: ours */
	int64_t ns_pid, ns_start; /* whose it must be: see struct spec_namespace */
	char *fs_type, *options;  /* options: of the file system, with commas */
	bool read_only;
	bool no_recursive;     /* bind: without what is mounted below the source */
	bool copy_up;          /* bind: an empty source gets what the root has at the target */
	uint64_t attrs, clear; /* MOUNT_ATTR_* to set and to clear, besides read_only */
	uint64_t recursive_attrs, recursive_clear; /* the same with AT_RECURSIVE */
	int64_t propagation; /* MS_SHARED, MS_REC | MS_SLAVE, ...; 0: private */
	uint64_t size;       /* tmpfs: bytes, 0 for the default */
	mode_t mode;         /* tmpfs */
	/* bind: owners are shown through these (mount_setattr(2), MOUNT_ATTR_IDMAP) */
	struct spec_id_map *uid_maps, *gid_maps;
	size_t n_uid_maps, n_gid_maps;
	bool recursive_maps; /* for what is mounted below the source, too */
};

enum spec_network {
	SPEC_NETWORK_PREPARED, /* a namespace that the caller hands over with "go" */
	SPEC_NETWORK_HOST,
};

/* A namespace of namespaces(7): new, or an existing one. Those that are not in the list are the
 * host's; the network of an engine's container is `network`'s business. */
struct spec_namespace {
	int64_t flag; /* CLONE_NEWPID, ... */
	char *path;   /* NULL: a new one */
	/* a path below /proc/<pid>: that process must have begun at `start` (proc_start_time()), or
	 * the pid is somebody else's by now; 0: whoever it is */
	int64_t pid, start;
};
struct spec_rlimit {
	int64_t resource;   /* RLIMIT_* */
	int64_t soft, hard; /* -1: unlimited */
};
struct spec_device {
	char *path; /* absolute */
	char type;  /* 'c', 'b', 'p' */
	int64_t major, minor, mode, uid, gid;
};
struct spec_caps {
	uint64_t bounding, permitted, effective, inheritable, ambient; /* bit n: capability n */
};
enum spec_hook_phase { /* config.md, "POSIX-platform Hooks" */
	HOOK_PRESTART,
	HOOK_CREATE_RUNTIME,
	HOOK_CREATE_CONTAINER,
	HOOK_START_CONTAINER,
	HOOK_POSTSTART,
	HOOK_POSTSTOP,
};
struct spec_hook {
	enum spec_hook_phase phase;
	char *path;
	struct strv args, env;
	int64_t timeout; /* seconds, 0: none */
};

struct spec {
	char *id;
	/* process */
	struct strv args, env;
	char *cwd, *user;   /* user: "name|uid[:group|gid]", resolved inside the root */
	struct strv groups; /* more of them, names or numbers */
	bool only_groups; /* and no others: neither the user's own group nor those of /etc/group */
	bool tty, stdin_open;
	int64_t console_rows,
		console_columns; /* size of the terminal at first, 0 for the default */
	bool init;               /* PID 1 is ours: it reaps and forwards signals */
	bool no_new_privs;
	bool keep_keyring;    /* no session keyring of its own */
	int64_t preserve_fds; /* so many descriptors from 3 on are the process's */
	struct spec_caps caps;
	/* NULL: the filter that is built in; "": none; else the file that holds the program, an
	 * array of struct sock_filter, relative to `state_dir` */
	char *seccomp;
	int64_t seccomp_flags;  /* SECCOMP_FILTER_FLAG_* of a filter from a file */
	char *seccomp_listener; /* socket that gets the fd of a filter that notifies, or NULL */
	char *seccomp_metadata; /* text for the listener */
	char *apparmor, *selinux, *mount_label; /* NULL: none */
	struct spec_rlimit *rlimits;
	size_t n_rlimits;
	int64_t oom_score_adj;
	bool set_oom_score_adj;
	int64_t umask; /* -1: 022 */
	int64_t personality;
	/* sched_setattr(2); the times are nanoseconds */
	bool set_scheduler;
	int64_t sched_policy, sched_flags, sched_nice, sched_priority;
	int64_t sched_runtime, sched_deadline, sched_period;
	int64_t io_priority; /* of ioprio_set(2), class and data; 0: the caller's */
	char *cpus;          /* sched_setaffinity(2), "0-3,7"; NULL: those of the control group */
	/* for processes of `exec` alone: the CPUs of who starts one, and its own */
	char *exec_cpus, *exec_final_cpus;
	/* namespaces */
	struct spec_namespace *namespaces;
	size_t n_namespaces;
	struct spec_id_map *uid_maps, *gid_maps;
	size_t n_uid_maps, n_gid_maps;
	struct strv
		time_offsets; /* "monotonic SECONDS NANOSECONDS", as /proc/self/timens_offsets */
	/* root: a directory (OCI bundle), or an overlay, all names relative to `state_dir` */
	char *rootfs;
	char *state_dir;
	struct strv lower; /* "layers/<name>/fs", topmost first */
	char *upper, *work;
	char *mountpoint;   /* an empty directory; shared, since each container has its own tree */
	bool volatile_root; /* nothing in it needs to reach the disk */
	bool read_only_root;
	bool no_pivot;
	int64_t root_propagation; /* MS_SLAVE, ...; 0: slave */
	char *hostname, *domainname;
	struct spec_mount *mounts;
	size_t n_mounts;
	struct spec_device *devices;
	size_t n_devices;
	struct strv masked, read_only_paths; /* absolute */
	struct strv sysctls;                 /* "net/ipv4/x=value" or with dots */
	char *notify_path;                   /* NULL: none */
	enum spec_network network;
	struct spec_hook *hooks;
	size_t n_hooks;
	/* resources */
	char *cgroup; /* "<parent>/<id>" below each hierarchy */
	struct cgroup_resources resources;
	uint64_t shm_size;
	int stop_signal;
	/* what the monitor needs beside it */
	char *run_root;       /* run state is in <run_root>/containers/<id> */
	char *name, *machine; /* claims below <state_dir>/names, for auto_remove */
	struct strv release;  /* files to unlink when the container has ended (claims) */
	char *address;        /* text, for the state file */
	bool auto_remove;
	struct strv annotations; /* KEY=value, for events and logs: "image=…" and the labels */
	/* supervision */
	int64_t restart, restart_max; /* enum restart_policy of engine/config.h */
	int64_t restarts;             /* how often its policy has started it before this start */
	struct strv health; /* the command, {"CMD", ...} or {"CMD-SHELL", TEXT}; empty: none */
	int64_t health_interval, health_timeout, health_start_period,
		health_start_interval; /* nanoseconds */
	int64_t health_retries;
	char *log_driver;     /* NULL: "json-file" */
	struct strv log_opts; /* KEY=value */
	struct strv ports;    /* "tcp/0.0.0.0/8080/80": protocol, host address and port, our port */
	/* a program and its arguments that take the network back, run at the end if there is a file
	 * `network` in the container's run directory */
	struct strv network_release;
};

void spec_release(struct spec *);
#define auto_spec __attribute__((cleanup(spec_release))) struct spec
/* Appends the encoded spec to `out`. */
void spec_encode(const struct spec *, struct str *out);
/* Decodes what spec_encode() wrote. -EINVAL for anything else, and for a container's specification
 * that lacks what every container needs. */
int spec_decode(const char *data, size_t len, struct spec *ret, struct err *e);
/* The same for the specification of one more process (runtime/exec.h): needs `args` alone. */
int spec_decode_exec(const char *data, size_t len, struct spec *ret, struct err *e);

/* Each appends an empty element and returns it; valid until the next one is appended. */
struct spec_mount *spec_add_mount(struct spec *);
struct spec_device *spec_add_device(struct spec *);
struct spec_namespace *spec_add_namespace(struct spec *, int64_t flag, const char *path);
struct spec_rlimit *spec_add_rlimit(struct spec *);
struct spec_hook *spec_add_hook(struct spec *);
struct cgroup_device *spec_add_device_rule(struct spec *);
struct spec_id_map *spec_add_id_map(struct spec_id_map **list, size_t *n);
/* The namespace of this kind (CLONE_NEWPID, ...), or NULL: the host's. */
const struct spec_namespace *spec_namespace_of(const struct spec *, int64_t flag);
