#pragma once
/*
 * Files of a container and of the caller, in and out of tar archives, by the helper program: see
 * enter.h for how it gets at a container's.
 */
#include "store/store.h"

#include <sys/types.h>

struct store_root_mount {
	const char *source, *target;
	bool read_only;
};
/* A container's root file system. */
struct store_root {
	store_progress *progress; /* hears of a copy how far it is; may be NULL */
	void *progress_arg;
	int pidfd; /* of a running container's init; -1: it is put together from the rest */
	const char *state_dir;
	char *const *lower; /* below state_dir, the topmost first */
	const char *upper, *work;
	bool read_only;
	const struct store_root_mount *mounts;
	size_t n_mounts;
};

struct store_path_stat {
	char *name, *link_target;
	uint64_t size;
	mode_t mode;
	int64_t modified;
};
/* -ENOENT. A pattern that one file matches is that file; *ret_many: more than one does. */
int store_path_stat(struct store *, const struct store_root *, const char *path,
	struct store_path_stat *ret, bool *ret_many, struct err *e);

struct store_pause { /* called when the files need not stand still any more */
	void (*read_done)(void *arg);
	void *arg;
};
int store_copy_from(struct store *, const struct store_root *, const char *path, bool follow_link,
	int fd, const struct store_pause *, struct err *e);
int store_copy_to(struct store *, const struct store_root *, const char *path, bool keep_owner,
	bool no_replace, int fd, struct err *e);
/* The whole tree of overlay directory `upper_fd` on image `manifest`. */
int store_export(struct store *, int upper_fd, const struct digest *manifest, int fd,
	const struct store_pause *, struct err *e);

/* The caller's own files; these run beside the caller until store_files_finish(). */
struct store_files;
struct store_extract {
	int fd;             /* the archive */
	int dir_fd;         /* where to */
	const char *rename; /* as struct extract has them */
	const char *expect; /* a file name, or a pattern */
	bool keep_owner;
	bool keep_mode; /* set-user-ID bits although the owner changes: nobody reaches `dir_fd` */
};
int store_extract_start(const struct store_extract *, struct store_files **ret, struct err *e);
/* `name` in `dir_fd` (never followed) as `as`, "" for a directory's content, to `fd`. */
int store_pack_start(int dir_fd, const char *name, const char *as, int fd, struct store_files **ret,
	struct err *e);
int store_files_finish(struct store_files *, struct err *e); /* frees it */
