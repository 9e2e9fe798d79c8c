#pragma once
/*
 * A container's options: what of them is refused, and what each becomes in the runtime's
 * specification.  Everything here works on a configuration that has the image's defaults already.
 * Internal to engine/local/.
 */
#include "engine/config.h"
#include "runtime/spec.h"

/* Refuses what cannot be, and what contradicts itself, before anything is made of it. */
int options_check(const struct container_config *, struct err *e);
/* Mounts, in check_mounts.c: paths, duplicates, options. */
int options_check_mounts(const struct container_config *, struct err *e);
/* Networks and what names are written into files for: check_net.c. */
int options_check_net(const struct container_config *, struct err *e);

/* ---- resources.c ---- */

int resources_check(const struct resources *, struct err *e);
/* Sets what is set; with `defaults` also what Docker gives to one who says nothing. */
void resources_to_cgroup(const struct resources *, bool defaults, struct cgroup_resources *ret);
/* How many processes it may have: the default counts; -1: no limit, 0: there is nothing that counts
 * them. */
int64_t resources_pids(const struct resources *);
int limits_check(const struct container_config *, struct err *e);
void limits_to_spec(const struct container_config *, struct spec *);
/* "0-3,7" against the list of what the host has. */
int cpuset_check(const char *what, const char *list, const char *available, struct err *e);

/* ---- security.c ---- */

/* What `security` says; texts belong to the configuration. */
struct security {
	bool no_new_privs, seccomp_unconfined, unmask;
	const char *seccomp_profile; /* its text */
	const char *apparmor, *selinux;
};
int security_parse(const struct container_config *, struct security *ret, struct err *e);
/* The capabilities that cap_add, cap_drop and privileged leave, as a mask. */
int caps_parse(const struct container_config *, uint64_t *ret, struct err *e);
int sysctls_check(const struct container_config *, struct err *e);
void security_to_spec(
	const struct container_config *, const struct security *, uint64_t caps, struct spec *);

/* ---- devices.c ---- */

/* Adds the devices and rules that were asked for. What is no device of the host is an error that
 * names it. */
int devices_to_spec(const struct container_config *, struct spec *, struct err *e);
