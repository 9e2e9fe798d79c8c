#pragma once
/* Processes: start a program, wait for it, tell whether a pid is still who it was. */
#include "base/err.h"
#include "base/str.h"

#include <stdint.h>
#include <sys/types.h>

struct proc_spawn {
	const char *path;  /* absolute path of the program: no PATH search ... */
	bool search;       /* ... unless this is set (host tools, e.g. mmdebstrap) */
	int exec_fd;       /* if > 0: fexecve(3) this instead of `path` */
	char *const *argv; /* argv[0] first, NULL-terminated */
	char *const *env;  /* NULL: our own environment */
	int fds[8];        /* fds[i] becomes fd i of the child; -1: /dev/null (0-2) or closed */
	int n_fds;         /* all others are closed in the child */
	/* more of them, for the numbers from n_fds on; each itself of a number above all these */
	const int *more_fds;
	int n_more_fds;
	bool new_session; /* setsid(2) */
	int cgroup;       /* if > 0: directory of the version 2 control group it begins in */
};
#define PROC_SPAWN_INIT                                                                            \
	{                                                                                          \
		.n_fds = 3, .fds = { 0, 1, 2, -1, -1, -1, -1, -1 }                                 \
	}

/* Starts it. A program that cannot be executed is an error here (ENOENT, EACCES, ...), not an
 * exit status. Returns the pid; *ret_pidfd (may be NULL) is an O_CLOEXEC pidfd. */
pid_t proc_start(const struct proc_spawn *p, int *ret_pidfd, struct err *e);
/* waitpid(2) that no signal interrupts. */
pid_t proc_reap(pid_t pid, int *ret_status);
/* Until the process behind `fd`, a pidfd or a socket to it, has ended or said something; at most so
 * long, then false. */
bool proc_await(int fd, int timeout_ms);
/* Waits; returns the exit status, or 128+n for a death by signal n. */
int proc_wait(pid_t pid);
/* Runs argv (argv[0] absolute, or searched in PATH) with stdin empty; its stdout goes to *ret_out
 * if not NULL (at most the str's limit). Returns the exit status or -errno; what it printed
 * on stderr is the error's text when it fails with a non-zero status. */
int proc_run(char *const *argv, struct str *ret_out, struct err *e);

/* Start time of `pid` in clock ticks since boot (proc(5), field 22), or 0 if there is none. */
uint64_t proc_start_time(pid_t pid);
/* How long ago that was, in nanoseconds, by a clock that nobody can set (CLOCK_BOOTTIME). */
int64_t proc_age(uint64_t start_time);
/* True while `pid` is that process, and has not ended (a zombie has); and while that cannot be
 * told, since what is taken for dead is buried. */
bool proc_lives(pid_t pid, uint64_t start_time);
/* The same, and who its parent is; 0: not known. */
bool proc_lives_with(pid_t pid, uint64_t start_time, pid_t *ret_parent);
/* The inode number of a pidfd for `pid`: no other process has it before the next boot (Linux 6.9,
 * fs/pidfs.c). 0 where the kernel has no such numbers. */
uint64_t proc_inode(pid_t pid);
/* 1 while `pid` is the process with that number and has not ended, else 0; -errno: no telling. */
int proc_is(pid_t pid, uint64_t inode);
/* A pidfd for `pid` if it still is the process that began at `start_time`; else -ESRCH. */
int proc_open(pid_t pid, uint64_t start_time);
/* How a process that is not our child has ended, by its pidfd: its exit status, or 128+n for a
 * death by signal n. The kernel knows when its parent has reaped it (Linux 6.15), for which this
 * waits at most `wait_ms` milliseconds; else -ENODATA. */
int proc_exit_status(int pidfd, int wait_ms);
/* The boot id of the running kernel (random(4)), 36 characters and a NUL. */
void proc_boot_id(char ret[37]);
/* Closes all descriptors from `from` on but those `n` (negative ones do not count); sorts them. */
int proc_close_others(unsigned from, int *keep, size_t n);
/* The number of a signal: "TERM", "SIGTERM", "15", "RTMIN+1", "RTMAX-1"; -EINVAL. */
int proc_signal(const char *text);
/* The path of one of our helper programs, beside the running program or in libexec; the caller
 * frees it. */
char *proc_helper_path(const char *name);
