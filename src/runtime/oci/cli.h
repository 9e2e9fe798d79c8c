#pragma once
/* The command line of redock-runtime: that of runc and crun, as far as it is the same in both. */
#include "base/err.h"
#include "base/str.h"
#include "runtime/oci/log.h"

#include <stdbool.h>
#include <stdint.h>

/* Every option of every verb; who has which is in the tables of cli.c. */
struct options {
	/* before the verb */
	char *root, *log, *log_format, *log_level, *cgroup_manager, *rootless;
	bool debug, systemd_cgroup, help, version;
	/* create, run, exec */
	char *bundle, *config, *console_socket, *pid_file, *notify_socket;
	char *process, *cwd, *user, *process_label, *apparmor, *sub_cgroup;
	struct strv env, additional_gids, caps, ignored;
	bool no_pivot, no_new_keyring, detach, keep, no_subreaper, tty, no_new_privs, ignore_paused;
	int64_t preserve_fds;
	/* the others */
	char *format, *resources, *interval;
	bool all, force, quiet, stats, regex;
	/* update */
	struct strv limits; /* OPTION=VALUE */
};
struct invocation {
	struct options o;
	const char *verb;
	char **operands; /* NULL-terminated */
	size_t n_operands;
	struct log log;
};

/* A verb: returns the exit status, or -errno with the error set. */
typedef int verb_fn(struct invocation *, struct err *e);
verb_fn verb_create, verb_delete, verb_events, verb_exec, verb_features, verb_kill, verb_list,
	verb_pause, verb_ps, verb_resume, verb_run, verb_spec, verb_start, verb_state, verb_update;

/* Parses the command line; *ret_run is NULL when help or the version was asked for and has been
 * printed. */
int cli_parse(int argc, char **argv, struct invocation *ret, verb_fn **ret_run, struct err *e);
void cli_release(struct invocation *);
