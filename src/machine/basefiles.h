#pragma once
/* The files that redock puts into its base image, and the script that puts them there. */
#include <stddef.h>
#include <sys/types.h>

/* What PID 1 runs in a machine, and the SSH server's program. */
#define BASE_BOOT "/usr/sbin/redock-boot"
#define BASE_SSHD "/usr/sbin/sshd"

struct base_file {
	const char *path; /* relative to the image's root */
	mode_t mode;
	const char *text;
};
extern const struct base_file base_files[];
extern const size_t base_files_count;

/* Packages that are installed beside the essential ones, joined by commas. */
extern const char base_packages[];
/* Scripts that mmdebstrap(1) runs with the new root's path, after the essential packages were
 * unpacked and at the end; beside them lies "files/", a tree to copy. */
extern const char base_extract[], base_customize[];
