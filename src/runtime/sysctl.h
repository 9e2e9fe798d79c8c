#pragma once
/* Kernel parameters of a container: only those that belong to a namespace of its own (T26). */
#include "base/err.h"
#include "runtime/spec.h"

/* "net.ipv4.x=value" or "net/ipv4/x=value": *ret_key, which the caller frees, has slashes
 * (sysctl(8): whichever of the two is first separates); *ret_value points into `text`. A leading
 * '-' is passed over: it says that a kernel without this parameter is fine, as in sysctl.d(5).
 * EINVAL. */
int sysctl_parse(const char *text, char **ret_key, const char **ret_value, struct err *e);
/* EPERM unless the parameter belongs to a namespace that the container does not share. */
int sysctl_allowed(const struct spec *, const char *key, struct err *e);
/* Sets all of them through `proc_fd`. */
int sysctls_write(const struct spec *, int proc_fd, struct err *e);
