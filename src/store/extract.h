#pragma once
/*
 * An archive's entries among files that are somebody's: below a directory of a container, or of the
 * caller's.  extract.c finds the place of an entry, extract_node.c makes it.
 *
 * Unlike a layer (apply.c), nothing here begins empty, so each file is made beside its place and
 * renamed onto it: whoever looks, and whatever dies, finds the old one or the new one.  Symbolic
 * links come last: no entry can pass through one that its own archive has brought.
 */
#include "store/apply.h"

struct extract {
	int archive_fd;
	int root_fd;        /* what "/" and ".." mean on the way */
	const char *path;   /* of the directory to extract into, below that */
	const char *rename; /* the entries' first part becomes this; NULL: stays */
	const char *expect; /* fnmatch(3) pattern that the first part must match; NULL: anything */
	bool follow;     /* directories that are symbolic links are passed through, in the root */
	bool keep_owner; /* owners, set-user-ID bits and capabilities */
	bool keep_mode;  /* set-user-ID bits by themselves */
	bool devices;    /* device nodes are made */
	bool no_replace; /* a directory and a file do not replace each other */
	const struct teller *teller; /* may be NULL */
	uid_t uid;                   /* of all, unless keep_owner */
	gid_t gid;
};
int extract(const struct extract *, struct err *e);

/* ---- between the two files ---- */

struct late_link {
	char *path, *target; /* path: below the root */
	ino_t there;         /* what is at its place until then; 0: nothing */
	uid_t uid;
	gid_t gid;
	struct timespec mtime;
};
struct extractor {
	struct applier a; /* its stream, times and limits; parent_fd */
	const struct extract *o;
	struct late_link *links;
	size_t n_links;
};
/* Opens (O_PATH) the directory `path` below the root, making what is missing. */
int extractor_open_dir(struct extractor *, const char *path, bool make, struct err *e);
/* The path below the root of an entry that the archive calls `name`: 1, or 0 for the top itself. */
int extractor_path(
	struct extractor *, const char *name, char ret[ENTRY_NAME_MAX + 1], struct err *e);
int extract_node(struct extractor *, const struct place *, struct archive_entry *, struct err *e);
int extract_links(struct extractor *, struct err *e);
