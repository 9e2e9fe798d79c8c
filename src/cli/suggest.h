#pragma once
/* What a person may have meant by a name that does not exist. Each sets the error's hint, or leaves
 * it alone when nothing is near, and returns -e->code; `command` is what stands before the name. */
#include "cli/cli.h"

int suggest_container(struct engine *, const char *command, const char *name, struct err *e);
/* Of the machines alone; those of `repository` by their tag. */
int suggest_machine(struct engine *, const char *command, const char *name, const char *repository,
	struct err *e);
int suggest_image(struct engine *, const char *command, const char *name, struct err *e);
int suggest_network(struct engine *, const char *command, const char *name, struct err *e);
int suggest_volume(struct engine *, const char *command, const char *name, struct err *e);
