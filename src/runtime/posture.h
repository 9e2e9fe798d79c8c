#pragma once
/*
 * The default confinement of every container and machine, as data.  A test compares all of it with
 * a golden file, so that no change goes unnoticed.
 */
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
#define POSTURE_PIDS_LIMIT 2048
#define POSTURE_SHM_SIZE   (64u << 20)

/* Name of capability `n` as in capabilities(7) without "CAP_", or NULL. */
const char *posture_cap_name(unsigned n);
