#pragma once
/* A container that stands still while its files are read. */
#include "engine/local/local.h"

struct frozen {
	char *cgroup;
	int run_dir; /* borrowed */
	pid_t init;  /* 0: nothing is frozen */
};
/* Freezes the container if it runs (not one that is paused already). Whatever becomes of this
 * process, it is thawed: the next command that looks at it sees to that. */
int frozen_begin(struct local *, const struct container *, const struct local_status *, int run_dir,
	struct frozen *ret, struct err *e);
/* Lets it go on; the second time nothing is done. `arg` is a struct frozen. */
void frozen_thaw(void *arg);
void frozen_end(struct frozen *);
#define FROZEN_INIT                                                                                \
	{                                                                                          \
		.run_dir = -1                                                                      \
	}
#define auto_frozen __attribute__((cleanup(frozen_end))) struct frozen
