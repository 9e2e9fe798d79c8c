#pragma once
/*
 * Where the parts of a container are, below the engine's two roots:
 *   <root>/containers/<id>/{config.json,upper,work,exit,last,log,hosts,hostname,resolv.conf}
 *   <root>/names/<name>          symbolic link to the id; machines claim "repository:tag"
 *   <root>/pins/<id>             the store's: keeps the image that the container was made from
 *   <run>/containers/<id>/{state,spec,alive,lock,control}
 * Used by the commands and by the monitor.
 */
#include "base/err.h"

#include <stdbool.h>

struct container_dirs {
	int root;       /* <root> */
	int containers; /* <root>/containers */
	int names;      /* <root>/names */
	int run;        /* <run>/containers */
};
#define CONTAINER_DIRS_INIT                                                                        \
	{                                                                                          \
		-1, -1, -1, -1                                                                     \
	}
/* Opens them, making what is missing. */
int container_dirs_open(
	const char *root, const char *run_root, struct container_dirs *ret, struct err *e);
void container_dirs_release(struct container_dirs *);

/* File name of a claim: '/' becomes "%". Caller frees. */
char *container_name_key(const char *name);
/* Removes every trace of container `id`: it is invisible as soon as this begins. A missing part is
 * fine, so that anybody can finish what another began. `name` and `machine` may be NULL. */
int container_remove_files(const struct container_dirs *, const char *id, const char *name,
	const char *machine, struct err *e);
/* The same in two steps: the first makes it invisible, gives its names back and unpins its image,
 * and leaves the files to the second, which takes longer and which anybody can do later. */
int container_hide_files(const struct container_dirs *, const char *id, const char *name,
	const char *machine, struct err *e);
int container_erase_files(const struct container_dirs *, const char *id, struct err *e);
