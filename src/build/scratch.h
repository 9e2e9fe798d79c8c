#pragma once
/*
 * A private directory for as long as a build lasts: below the engine's own, where nobody else gets.
 * Each is locked by its process; what a dead one has left is removed by the next that is made.
 */
#include "engine/engine.h"

struct scratch {
	int parent_fd, fd; /* the directory that holds it, and itself, locked */
	char name[24];
};
#define SCRATCH_INIT                                                                               \
	{                                                                                          \
		.parent_fd = -1, .fd = -1                                                          \
	}
int scratch_make(struct engine *, struct scratch *ret, struct err *e);
void scratch_remove(struct scratch *); /* with all that is in it */
#define auto_scratch __attribute__((cleanup(scratch_remove))) struct scratch
