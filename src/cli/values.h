#pragma once
/* The parsers of option values; each fits `parse` of struct verb_option. */
#include "base/err.h"

#include <stdint.h>

/* Reads "12.345" at *text as a whole number of 1/scale, at most 9 digits after the point; leaves
 * *text behind it. -EINVAL when there is no number, -ERANGE when it does not fit. */
int value_decimal(const char **text, int64_t scale, int64_t *ret);

/* "64m", "1.5g": bytes in powers of 1024, to an int64_t; suffixes b, k, m, g, t. */
int value_size(const char *text, void *ret_int64, struct err *e);
/* "0.5": CPUs, to an int64_t of billionths. */
int value_cpus(const char *text, void *ret_int64, struct err *e);
/* A count or -1 (and 0) for no limit, to an int64_t that is -1 then. */
int value_limit(const char *text, void *ret_int64, struct err *e);
/* "30", "0.5": seconds, to an int of milliseconds. */
int value_seconds(const char *text, void *ret_int, struct err *e);
/* "TERM", "SIGTERM", "15", "RTMIN+1": to an int. */
int value_signal(const char *text, void *ret_int, struct err *e);
/* These check and store a const char *. */
int value_absolute_path(const char *text, void *ret_text, struct err *e); /* as it is */
int value_container_name(const char *text, void *ret_text, struct err *e);
int value_hostname(const char *text, void *ret_text, struct err *e); /* RFC 1123 */
int value_line(const char *text, void *ret_text, struct err *e);     /* not empty, one line */
/* "KEY=value", or "KEY" which takes the caller's value (nothing when it has none); to a strv. */
int value_env(const char *text, void *ret_strv, struct err *e);

/* ---- time (values_time.c) ---- */

/* "1m30s": to an int64_t of nanoseconds. */
int value_duration(const char *text, void *ret_int64, struct err *e);
/* A point in time: RFC 3339, its shorter local forms, seconds since 1970, or how long ago ("10m");
 * to an int64_t of base/time.h. */
int value_moment(const char *text, void *ret_int64, struct err *e);

/* ---- parts of a container's configuration: to a struct container_config ---- */

int value_volume(const char *text, void *config, struct err *e);  /* -v SRC:DST[:opts] */
int value_mount(const char *text, void *config, struct err *e);   /* --mount type=bind,... */
int value_tmpfs(const char *text, void *config, struct err *e);   /* --tmpfs DST[:opts] */
int value_publish(const char *text, void *config, struct err *e); /* -p 127.0.0.1:80:8080/tcp */
int value_expose(const char *text, void *config, struct err *e);  /* --expose 80-90/udp */
int value_attach_network(const char *text, void *config, struct err *e); /* --network */
int value_device(const char *text, void *config, struct err *e);
int value_ulimit(const char *text, void *config, struct err *e);
int value_restart(const char *text, void *config, struct err *e); /* no, on-failure:3, ... */
int value_security(const char *text, void *config, struct err *e);
int value_stop_timeout(const char *text, void *config, struct err *e);
int value_health_command(const char *text, void *config, struct err *e);
/* /dev/sda:1mb, /dev/sda:100, /dev/sda:500 (values_device.c) */
int value_read_bps(const char *text, void *config, struct err *e);
int value_write_bps(const char *text, void *config, struct err *e);
int value_read_iops(const char *text, void *config, struct err *e);
int value_write_iops(const char *text, void *config, struct err *e);
int value_device_weight(const char *text, void *config, struct err *e);

/* ---- smaller things; these check and store a const char * (or push it on a strv) ---- */

int value_address(const char *text, void *ret_text, struct err *e); /* IPv4 */
int value_signal_name(const char *text, void *ret_text, struct err *e);
int value_cpuset(const char *text, void *ret_text, struct err *e); /* "0-3,7" */
int value_mac(const char *text, void *ret_text, struct err *e);    /* as it is */
int value_pid_mode(const char *text, void *ret_text, struct err *e);
int value_ipc_mode(const char *text, void *ret_text, struct err *e);
int value_uts_mode(const char *text, void *ret_text, struct err *e);
int value_userns_mode(const char *text, void *ret_text, struct err *e);
int value_cgroupns_mode(const char *text, void *ret_text, struct err *e);
int value_pull(const char *text, void *ret_text, struct err *e);
int value_log_driver(const char *text, void *ret_text, struct err *e);
int value_name_push(const char *text, void *ret_strv, struct err *e);    /* a DNS name */
int value_address_push(const char *text, void *ret_strv, struct err *e); /* IPv4 or IPv6 */
int value_host_push(const char *text, void *ret_strv, struct err *e);    /* NAME:ADDRESS */
int value_link_push(const char *text, void *ret_strv, struct err *e);
int value_from_push(const char *text, void *ret_strv, struct err *e); /* CONTAINER[:ro] */
int value_capability_push(const char *text, void *ret_strv, struct err *e);
int value_line_push(const char *text, void *ret_strv, struct err *e);
int value_label_push(const char *text, void *ret_strv, struct err *e);   /* KEY[=VALUE] */
int value_setting_push(const char *text, void *ret_strv, struct err *e); /* KEY=VALUE */
int value_sysctl_push(const char *text, void *ret_strv, struct err *e);

/* ---- numbers within bounds: to an int64_t ---- */

int value_memory_swap(const char *text, void *ret_int64, struct err *e); /* a size or -1 */
int value_positive_size(const char *text, void *ret_int64, struct err *e);
int value_cpu_shares(const char *text, void *ret_int64, struct err *e);
int value_blkio_weight(const char *text, void *ret_int64, struct err *e);
int value_swappiness(const char *text, void *ret_int64, struct err *e); /* SWAPPINESS_NONE for 0 */
int value_oom_score(const char *text, void *ret_int64, struct err *e);
int value_microseconds(const char *text, void *ret_int64, struct err *e);
int value_count(const char *text, void *ret_int64, struct err *e);

/* ---- options of Docker that are here to be refused, or because they change nothing
 * (values_foreign.c); nothing is stored ---- */

int value_isolation(const char *text, void *unused, struct err *e);     /* default */
int value_platform(const char *text, void *unused, struct err *e);      /* this host's */
int value_volume_driver(const char *text, void *unused, struct err *e); /* local */
int value_runtime(const char *text, void *unused, struct err *e);       /* redock */
int value_no_ipv6(const char *text, void *unused, struct err *e);
int value_no_gpus(const char *text, void *unused, struct err *e);
int value_no_quota(const char *text, void *unused, struct err *e);
int value_no_kernel_memory(const char *text, void *unused, struct err *e);
int value_no_real_time(const char *text, void *unused, struct err *e);
