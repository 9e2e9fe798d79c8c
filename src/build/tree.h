#pragma once
/*
 * Files that COPY and ADD take: of a build context, of an image. Paths are relative to the tree's
 * top; a symbolic link leads to where it would lead if the tree were the root ("/", ".." at the
 * top), never out of it (T28); what the tree leaves out is not there.
 */
#include "base/sha256.h"
#include "build/ignore.h"

#include <sys/stat.h>

#define TREE_PATH_MAX 4096
#define TREE_FILES    4000000 /* in one walk */

struct tree {
	int fd;                      /* of its top, borrowed */
	const struct ignore *ignore; /* NULL: nothing is left out */
	const char *name;            /* for messages: "the build context" */
	bool foreign; /* somebody else's files: no devices, FIFOs and sockets are taken */
};

struct tree_file {
	const char *path; /* in the tree, without links on the way; "" for the top */
	const char *name; /* below the source of the walk, "" for the source itself */
	const char *link; /* target of a symbolic link, else NULL */
	struct stat st;
};
/* Opens a file of the walk for reading. Returns the fd. */
int tree_open(const struct tree *, const struct tree_file *, struct err *e);

/* Follows all links of `path`. `ret` gets where that is, `ret_stat` (may be NULL) what it is.
 * -ENOENT, also for what is left out. */
int tree_resolve(const struct tree *, const char *path, char ret[TREE_PATH_MAX],
	struct stat *ret_stat, struct err *e);
/* The paths that a pattern of COPY stands for (Go's filepath.Match), sorted; itself if it has
 * nothing of a pattern. Links on the way are followed, the last part is as it is called.
 * -ENOENT: there is none. */
int tree_glob(const struct tree *, const char *pattern, struct strv *ret, struct err *e);

/* Calls `each` for the source, which may be a link, and for all below it, in the order of their
 * names; links below it stay links. A directory comes before its content. `exclude` (may be NULL)
 * has patterns for names. Stops at the first error. */
typedef int tree_each(void *arg, const struct tree_file *, struct err *e);
int tree_walk(const struct tree *, const char *source, const struct ignore *exclude,
	tree_each *each, void *arg, struct err *e);

/* Adds to `hash` what a copy of it depends on: names, kinds, permissions, content, and owners where
 * `owners` says that they are kept; no times. */
int tree_hash(const struct tree *, const char *source, const struct ignore *exclude, bool owners,
	struct sha256 *hash, struct err *e);
