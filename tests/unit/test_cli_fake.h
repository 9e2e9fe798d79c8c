#pragma once
/*
 * An engine and machines made up for the tests of cli/: what is called is written to a log, what is
 * asked for comes from tables. A session is a real process of the host.
 */
#include "base/str.h"
#include "engine/engine.h"
#include "machine/machine.h"

struct fake_container {
	const char *name, *machine, *id, *image;
	enum container_state state;
};
struct fake {
	const struct fake_container *containers; /* a NULL id closes the table */
	const char *const *images;               /* NULL-terminated references */
	int open_code;                           /* engine_open fails with it */
	int start_code, start_exec_status;       /* engine_start fails so */
	uint64_t lost;                           /* files that machine_kill() loses */
	bool say;                                /* machine_start() reports progress */
	int ssh_status;
	const char *stubborn; /* id of one that never ends */
};
extern struct fake fake;

struct ran {
	int status;
	char *out, *err, *log;
};
void ran_release(struct ran *);
#define auto_ran __attribute__((cleanup(ran_release))) struct ran
/* Runs cli_main() in a process of its own; `line` is split at blanks ("''" is an empty word).
 * `input` is its standard input (NULL: /dev/null). */
struct ran run_cli(const char *line, const char *input);
/* The same with these fds (-1: captured), and a command for the fake container in `line`'s CMD. */
struct ran run_cli_on(const char *line, int in, int out, int err);
/* Starts it only; run_cli_finish() waits and collects. */
struct running {
	int pid;
	int out, err, log; /* temporary files */
};
struct running run_cli_start(const char *line, int in, int out, int err);
struct ran run_cli_finish(struct running *);
