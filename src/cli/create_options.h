#pragma once
/* What `run` and `create` have in common: all options that describe a container. */
#include "cli/cli.h"

struct create_options {
	struct container_config config; /* first: most parsers write to it */
	struct strv env, env_files, labels, label_files, aliases;
	const char *cidfile, *pull, *address;
	char *entrypoint;
	int attach; /* streams named with -a: 1 stdin, 2 stdout, 4 stderr; 0: none was */
	bool no_health, ignored;
};
enum { ATTACH_STDIN = 1, ATTACH_STDOUT = 2, ATTACH_STDERR = 4 };

/* For OPTION_MORE at the end of a table whose struct begins with a struct create_options. */
extern const struct verb_option create_options[];
/* As `release` of struct verb. */
void create_options_release(void *create_options);

/* Refuses what cannot go together and completes the configuration with the image and command of the
 * operands; CLI_USAGE. Nothing has been made by then. */
int create_options_finish(
	struct create_options *, char **operands, size_t n_operands, struct err *e);
/* Makes the container and writes its --cidfile. An image that is missing is pulled, as --pull says.
 */
int create_container(struct cli *, struct engine *, const char *command, struct create_options *,
	char ret_id[ENGINE_ID_SIZE], struct err *e);
/* The lines of the files, then what was given with -e, into *ret. */
int create_options_env(
	const struct strv *files, const struct strv *given, struct strv *ret, struct err *e);
