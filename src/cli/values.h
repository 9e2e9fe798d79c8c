#pragma once
/* The parsers of option values; each fits `parse` of struct verb_option. */
#include "base/err.h"

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
int value_network(const char *text, void *ret_text, struct err *e);       /* none, bridge, host */
int value_absolute_path(const char *text, void *ret_text, struct err *e); /* as it is */
int value_container_name(const char *text, void *ret_text, struct err *e);
int value_hostname(const char *text, void *ret_text, struct err *e); /* RFC 1123 */
int value_line(const char *text, void *ret_text, struct err *e);     /* not empty, one line */
/* "KEY=value", or "KEY" which takes the caller's value (nothing when it has none); to a strv. */
int value_env(const char *text, void *ret_strv, struct err *e);
