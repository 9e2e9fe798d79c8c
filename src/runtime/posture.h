#pragma once
/*
 * The default confinement of every container and machine, as data.  A test compares all of it with
 * a golden file, so that no change goes unnoticed.
 */
#include "runtime/spec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Capabilities kept: Podman's eleven. */
extern const uint64_t posture_caps;
/* Paths below /proc and /sys that are covered, or made read-only; both end with NULL. */
extern const char *const posture_masked[];
extern const char *const posture_read_only[];

struct posture_device {
	const char *name; /* below /dev */
	unsigned major, minor;
};
extern const struct posture_device posture_devices[]; /* ends with a NULL name */
/* Rules for the device cgroup of version 1, after "deny all"; ends with NULL. */
extern const char *const posture_device_rules[];
/* Symbolic links below /dev: name, target pairs; ends with NULL. */
extern const char *const posture_dev_links[];
/* Key, value pairs below /proc/sys for containers with a network namespace; ends with NULL. */
extern const char *const posture_net_sysctls[];
#define POSTURE_PIDS_LIMIT  2048
#define POSTURE_SHM_SIZE    (64u << 20)
#define POSTURE_FILES_LIMIT 1048576 /* as Podman, or our own hard limit if that is less */

/* Name of capability `n` as in capabilities(7) without "CAP_", or NULL. */
const char *posture_cap_name(unsigned n);
/* The number of a capability's name, with or without "CAP_", in any case; -1. */
int posture_cap_number(const char *name);
/* All that this kernel knows and we can give: our own bounding set. */
uint64_t posture_caps_all(void);

/* Puts the default confinement into a specification: capabilities, namespaces, the mounts of /proc,
 * /dev and /sys, devices and rules for them, masked and read-only paths, sysctls, the limit of open
 * files and of processes. To be called first; later mounts come on top. `shm_size` of the
 * specification is used if it is not 0. */
void posture_fill(struct spec *);
/* Takes the confinement away from what posture_fill() made: all capabilities, no filter, nothing
 * masked or read-only, all devices of the host. */
void posture_privilege(struct spec *);
