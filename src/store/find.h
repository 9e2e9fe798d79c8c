#pragma once
/* Names that a person gave for files below a root: "/." and "/" at their ends, patterns, links. */
#include "base/err.h"
#include "base/fs.h"
#include "base/str.h"

#include <stdbool.h>

struct wanted {
	struct strv paths; /* below the root, without "/" at either end; "" is the root */
	bool content;      /* not the directory but what is in it: "DIR/." */
	bool directory;    /* it has to be one: "DIR/" */
	bool pattern;
};
void wanted_release(struct wanted *);
#define auto_wanted __attribute__((cleanup(wanted_release))) struct wanted
/* Files below `rootfd` that `path` stands for: itself, if there is a file of that very name, else
 * all that match it as a glob(7) pattern, sorted. -ENOENT. */
int wanted_find(int rootfd, const char *path, struct wanted *ret, struct err *e);

/* One file by the directory that it lies in and its name there ("." of the root itself). */
struct found_file {
	int dir; /* O_PATH */
	char name[256];
	struct str path; /* of that directory and name, below the root */
};
void found_file_release(struct found_file *);
#define auto_found __attribute__((cleanup(found_file_release))) struct found_file
/* `follow`: what a symbolic link leads to, at last. */
int find_file(int rootfd, const char *path, bool follow, struct found_file *ret, struct err *e);
