#pragma once
/*
 * The default seccomp filter, as rules and as a program.
 *
 * The list is Docker's default profile as SECURITY.md describes it, plus our own blocks: AF_ALG,
 * AF_VSOCK and audit sockets, TIOCSTI and TIOCLINUX, socketcall(2) (its arguments are in memory,
 * out of a filter's sight), all x32 numbers.  What the list does not name fails with EPERM; numbers
 * newer than libseccomp knows fail with ENOSYS, so that programs fall back as they do on an older
 * kernel.  A capability brings the calls that are of use with it.
 *
 * libseccomp gives the numbers; the filter is a binary search over ranges (about ten comparisons
 * a call) where libseccomp's own output would compare one number after the other.
 */
#include <linux/filter.h>
#include <stdint.h>

#define SECCOMP_PROGRAM_MAX 4096
struct seccomp_program {
	struct sock_filter code[SECCOMP_PROGRAM_MAX];
	unsigned used;
};
enum seccomp_machine { SECCOMP_X86_64, SECCOMP_AARCH64 };

/* The filter for one who has `caps` (bit n: capability n). */
void seccomp_rules(enum seccomp_machine, uint64_t caps, struct seccomp_program *ret);
