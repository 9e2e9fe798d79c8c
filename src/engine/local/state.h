#pragma once
/*
 * State of a container as plain "key=value" lines: `state` in the run directory while it runs (gone
 * after a reboot), `last` in the container's directory once it has ended.  Read and written by the
 * commands and by the monitor, which has no JSON library.
 */
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct run_state {
	char boot[37];
	pid_t pid;      /* of init */
	uint64_t start; /* its start time, see proc_start_time() */
	uint64_t inode; /* its proc_inode() */
	pid_t monitor;  /* who looks after it; 0: not known */
	uint64_t monitor_inode;
	int64_t started;
	char address[46];
	bool ready;
	bool restarting; /* there is no process: its policy waits for the next attempt */
	unsigned restarts;
	int health; /* enum health_status of engine.h */
	unsigned failing;
};
int run_state_write(int run_dir, const struct run_state *, struct err *e);
int run_state_read(int run_dir, struct run_state *ret, struct err *e);
int run_state_parse(const char *text, struct run_state *ret, struct err *e);
#define STATE_TEXT_MAX 4096

struct last_state {
	int exit_code; /* -1: unknown */
	int64_t started, finished;
	bool oom_killed;
	uint64_t oom_kills;
	int64_t memory_limit; /* bytes, 0: none */
	unsigned restarts;
	char error[256]; /* why it could not be started again, or "" */
};
int last_state_write(int container_dir, const struct last_state *, struct err *e);
int last_state_read(int container_dir, struct last_state *ret, struct err *e);
int last_state_parse(const char *text, struct last_state *ret, struct err *e);
/* The same state once more, in the file `exit` behind what init writes there: it lasts when the run
 * directory is emptied. */
int exit_file_write_state(int exit_fd, const struct run_state *, struct err *e);
int exit_file_state(int container_dir, struct run_state *ret);
/* What init wrote when its process ended, and when; -ENOENT if it could not. */
int exit_file_read(int container_dir, int *ret_code, int64_t *ret_time);
