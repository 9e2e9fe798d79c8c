#pragma once
/* Inside the layer applier: apply.c finds the place of an entry, apply_node.c makes it. */
#include "store/write.h"

struct applier {
	int root;
	struct tar_stream *stream;
	FILE *times;       /* directories' times, set at the end: path, NUL, struct timespec */
	char *parent_path; /* the directory of the entry before, still open: most have the same */
	int parent_fd;
	uint64_t entries, bytes, max_bytes;
};

/* Where an entry goes: a directory (O_PATH, borrowed) and one name in it, neither "." nor "..". */
struct place {
	int dir;
	const char *name;
	const char *path; /* all of it, for messages and for the directories' times */
};

/* Normalizes: no "", ".", leading or trailing '/'; refuses "..". "" is the root. */
int entry_path(const char *name, char ret[ENTRY_NAME_MAX + 1], struct err *e);
int applier_note_time(struct applier *, const char *path, const struct timespec *, struct err *e);

/* Makes what `entry` says at its place, replacing what is there. */
int node_make(struct applier *, const struct place *, struct archive_entry *, struct err *e);
/* Writes an entry's content into the empty file `fd`, runs of zeros as holes. */
int node_write_content(struct applier *, int fd, int64_t size, struct err *e);
/* The root's own owner, mode and so on. */
int node_set_root(struct applier *, struct archive_entry *, struct err *e);
/* `name` of a lower layer is hidden. */
int node_make_whiteout(const struct place *, struct err *e);
