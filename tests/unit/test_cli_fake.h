#pragma once
/*
 * An engine and machines made up for the tests of cli/: what is called is written to a log, what is
 * asked for comes from tables. A session is a real process of the host.
 */
#include "base/str.h"
#include "engine/ops.h"
#include "machine/machine.h"

struct fake_container {
	const char *name, *machine, *id, *image;
	enum container_state state;
};
struct fake {
	const struct fake_container *containers; /* a NULL id closes the table */
	const char *const *images;               /* NULL-terminated references */
	size_t doctor_checks;                    /* how many of its three findings there are */
	int open_code;                           /* engine_open fails with it */
	int start_code, start_exec_status;       /* engine_start fails so */
	uint64_t lost;                           /* files that machine_kill() loses */
	bool say;                                /* machine_start() reports progress */
	int ssh_status;
	const char *stubborn;                      /* id of one that never ends */
	bool whole_config;                         /* engine_create() notes all of it, as JSON */
	void (*describe)(struct container_info *); /* adds to what inspect and list return */
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

/* ---- for the parts of the fake ---- */

/* Writes to the log. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void note_list(const char *name, char *const *list); /* " name=[a|b]" */

struct fake_engine {
	struct engine engine;
	char *session_command;
	volatile pid_t *session_pid; /* shared with the fake monitor */
};
static inline struct fake_engine *fake_engine_of(struct engine *engine)
{
	return (struct fake_engine *)engine;
}
/* A session of `session_command`. */
int fake_session(struct fake_engine *, struct session **ret, struct err *e);
/* Sets the operations of test_cli_resources.c. */
void fake_more_ops(struct engine_ops *);
