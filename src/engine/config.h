#pragma once
/*
 * What a container is made from: Docker's Config, HostConfig and NetworkingConfig as one struct
 * that owns all it holds, and the one table that says how each member is called in Docker's JSON.
 *
 * The table serves config.json on disk, `inspect`, and whoever speaks Docker's HTTP API.  Zero and
 * NULL mean Docker's defaults throughout, so that memset(0) is an empty configuration.
 */
#include "base/json.h"
#include "base/str.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum mount_type { MOUNT_BIND, MOUNT_VOLUME, MOUNT_TMPFS };
enum mount_propagation { /* mount_namespaces(7); each with MS_REC */
	PROPAGATION_RPRIVATE,
	PROPAGATION_PRIVATE,
	PROPAGATION_RSHARED,
	PROPAGATION_SHARED,
	PROPAGATION_RSLAVE,
	PROPAGATION_SLAVE,
};
struct mount_config {
	enum mount_type type;
	char *source; /* bind: absolute host path; volume: its name, NULL for an anonymous one */
	char *target; /* absolute path in the container */
	bool read_only;
	bool make_source; /* bind: a missing source becomes a directory (-v does it, --mount not) */
	bool no_recursive; /* bind: without what is mounted below the source */
	bool no_copy;      /* volume: not filled with what the image has there */
	enum mount_propagation propagation;
	uint64_t size;           /* tmpfs: bytes, 0 for the kernel's default */
	mode_t mode;             /* tmpfs: permissions, 0 for 01777 */
	struct strv options;     /* tmpfs: more of mount(8)'s: "noexec", "uid=1000", ... */
	char *driver;            /* volume: NULL for "local" */
	struct strv driver_opts; /* volume, used if it has to be made: "type=nfs", ... */
	struct strv labels;      /* KEY=value, likewise */
};

/* One published port: host_port 0 means that the kernel chooses. A range is one of these a port. */
struct port_config {
	char *protocol;     /* "tcp", "udp", "sctp" */
	char *host_address; /* NULL: every address, or publish_address of the configuration */
	uint16_t host_port, container_port;
	uint16_t host_port_end; /* not 0: any free one from host_port to this */
};

struct device_config {
	char *host, *container; /* absolute paths; a directory stands for the devices in it */
	char *permissions;      /* of "rwm" */
};

struct ulimit_config {
	char *name;         /* as setrlimit(2) calls it, without RLIMIT_ and in lower case */
	int64_t soft, hard; /* -1: unlimited */
};

/* One network that a container is on. */
struct endpoint_config {
	char *network; /* name or id */
	struct strv aliases;
	char *address; /* IPv4 text that was asked for, or NULL */
};

/* What can be changed while it runs (redock update). */
struct resources {
	int64_t memory;                /* bytes, 0 for no limit */
	int64_t memory_swap;           /* memory and swap together; 0: twice memory, -1: no limit */
	int64_t memory_reservation;    /* bytes */
	int64_t nano_cpus;             /* 1e9 is one CPU */
	int64_t cpu_shares;            /* 2 to 262144; the default is 1024 */
	int64_t cpu_period, cpu_quota; /* microseconds; exclude nano_cpus */
	char *cpuset_cpus, *cpuset_mems; /* lists of cpuset(7): "0-3,7" */
	int64_t pids_limit;              /* 0: the default (2048), -1: no limit */
	int64_t blkio_weight;            /* 10 to 1000 */
	int64_t memory_swappiness;       /* 1 to 100; 0: the kernel's, SWAPPINESS_NONE: 0 */
};

enum restart_policy { RESTART_NO, RESTART_ON_FAILURE, RESTART_ALWAYS, RESTART_UNLESS_STOPPED };

struct health_config {
	/* {"NONE"}; {"CMD", ARG...}; {"CMD-SHELL", COMMAND}; empty: the image's */
	struct strv test;
	int64_t interval, timeout, start_period, start_interval; /* nanoseconds, 0: default */
	int64_t retries;                                         /* 0: 3 */
};

struct container_config {
	char *name;    /* NULL: one is made up */
	char *machine; /* "repository:tag" when the container is a machine */
	char *image;   /* a reference, resolved when the container is created */
	char *hostname, *domainname;
	struct strv labels;      /* KEY=value */
	struct strv annotations; /* KEY=value: kept and shown, for whoever looks for them */

	/* the process */
	struct strv entrypoint, cmd; /* empty: the image's; an entrypoint {""} means none at all */
	struct strv env;             /* KEY=value over the image's; "KEY" copies the caller's */
	char *workdir, *user;
	struct strv groups; /* more groups for the user: names or numbers */
	bool tty, stdin_open;
	bool init;            /* --init: accepted; PID 1 is a reaper of ours anyway */
	char *stop_signal;    /* NULL: the image's, else SIGTERM */
	int64_t stop_timeout; /* seconds; 0: 10; -1: for ever; STOP_AT_ONCE: none at all */
	int64_t console_rows, console_columns; /* size of a tty at first, 0 for the default */
	struct ulimit_config *ulimits;
	size_t n_ulimits;
	int64_t oom_score_adj;
	bool oom_kill_disable;
	/* path in the container of a socket on which one process says "READY=1" (sd_notify(3)); its
	 * directory must be a tmpfs of `mounts` */
	char *notify_path;

	/* isolation */
	bool privileged, read_only;
	struct strv cap_add, cap_drop; /* "NET_ADMIN", "ALL", with or without "CAP_" */
	/* "no-new-privileges", "seccomp=unconfined", "seccomp=" and the profile's text,
	 * "apparmor=PROFILE", "label=OPTION", "systempaths=unconfined" */
	struct strv security;
	struct device_config *devices;
	size_t n_devices;
	struct strv device_rules; /* "c 10:200 rwm" */
	struct strv sysctls;      /* KEY=value */
	char *pid_mode, *ipc_mode, *uts_mode, *userns_mode, *cgroupns_mode;
	struct resources resources;
	uint64_t shm_size; /* bytes, 0 for 64 MiB */
	char *cgroup_parent;
	/* of one block device: "read_bps /dev/sda 1048576", write_bps, read_iops, write_iops;
	 * "weight /dev/sda 500" */
	struct strv throttles;

	/* files */
	struct mount_config *mounts;
	size_t n_mounts;
	struct strv volumes_from; /* "CONTAINER[:ro]" */

	/* network */
	char *network; /* "bridge" (the default), "none", "host", "container:NAME", or a network */
	struct endpoint_config *endpoints; /* of `network` first; more by `network connect` */
	size_t n_endpoints;
	char *mac_address; /* on `network`; NULL: made of the address */
	struct strv links; /* "CONTAINER[:ALIAS]" */
	struct strv dns, dns_search, dns_options;
	struct strv extra_hosts; /* "NAME:ADDRESS"; the address may be "host-gateway" */
	struct port_config *ports;
	size_t n_ports;
	struct strv exposed; /* "80/tcp" */
	bool publish_all;

	/* supervision */
	bool auto_remove;
	enum restart_policy restart;
	int64_t restart_max; /* on-failure: 0 for no limit */
	struct health_config health;
	char *log_driver; /* NULL: "json-file" */
	struct strv log_opts;
};
#define STOP_AT_ONCE    INT64_MIN
#define SWAPPINESS_NONE INT64_MIN

void container_config_release(struct container_config *);
#define auto_container_config                                                                      \
	__attribute__((cleanup(container_config_release))) struct container_config
void container_config_copy(const struct container_config *, struct container_config *ret);
/* Puts the members that are not zero into `object` under Docker's names: {"Name": ..., "Config":
 * {...}, "HostConfig": {...}, "NetworkingConfig": {...}}; names of ours begin with "Redock". */
void container_config_to_json(const struct container_config *, json_t *object);
/* The other way; what is missing stays zero. EINVAL names a member that cannot be. */
int container_config_from_json(const json_t *object, struct container_config *ret, struct err *e);

/* Each appends an empty element and returns it. */
struct mount_config *container_config_add_mount(struct container_config *);
struct port_config *container_config_add_port(struct container_config *);
struct device_config *container_config_add_device(struct container_config *);
struct ulimit_config *container_config_add_ulimit(struct container_config *);
struct endpoint_config *container_config_add_endpoint(struct container_config *);

const char *restart_policy_text(enum restart_policy); /* "no", "on-failure", ... */
int restart_policy_parse(const char *text);           /* -EINVAL */
const char *mount_type_text(enum mount_type);         /* "bind", "volume", "tmpfs" */
const char *mount_propagation_text(enum mount_propagation);
int mount_propagation_parse(const char *text); /* -EINVAL */
