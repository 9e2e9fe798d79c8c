#pragma once
/*
 * Files below a directory that we hold open.
 *
 * fs_*  is for our own state: plain names below a directory fd, written so that a reader sees
 *       the old file or the new one, never half of one.
 * rfd_* is the one way into a root file system, layer or anything else whose paths are hostile:
 *       openat2(2) below a held directory fd, never a joined string (rules R1 and R2).
 */
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

enum fs_durability { FS_VOLATILE, FS_DURABLE };

/* Opens (creating it with `mode` when missing, parents too) the directory `path`, relative to
 * `dirfd` or absolute. Returns an fd. Not for hostile paths. */
int fs_open_dir_make(int dirfd, const char *path, mode_t mode, struct err *e);
/* Opens the existing directory `name`; a symbolic link is an error. */
int fs_open_dir(int dirfd, const char *name, struct err *e);

/* Reads a whole regular file of at most `max` bytes into *ret (NUL-terminated, caller frees).
 * -ENOENT sets the error as any other; callers that expect it clear it. */
int fs_read_file(
	int dirfd, const char *name, size_t max, char **ret, size_t *ret_len, struct err *e);
/* Replaces `name` atomically: temporary, (fsync,) rename(, fsync of the directory). */
int fs_write_file(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
	enum fs_durability, struct err *e);
/* Removes `name` and all below it, never following a symbolic link or leaving the file system's
 * tree; a missing `name` is success. */
int fs_remove_tree(int dirfd, const char *name, struct err *e);
/* fsync(2) of a directory or file fd. */
int fs_sync(int fd, struct err *e);
/* Writes all of it, over short writes and EINTR. 0 or -errno (no err: also for pipes). */
int fs_write_all(int fd, const void *data, size_t len);
/* The same at an offset, which the file position does not learn of. */
int fs_pwrite_all(int fd, const void *data, size_t len, off_t at);
/* Reads until `len` bytes or the end; returns the count or -errno. */
ssize_t fs_read_full(int fd, void *data, size_t len);
/* The same from `at` on, without moving the descriptor's own place. */
ssize_t fs_pread_full(int fd, void *data, size_t len, off_t at);

/* openat2(2) below `rootfd` with the root's view of "/" and ".." (RESOLVE_IN_ROOT) and no magic
 * links. `flags` and `mode` as in open(2); O_CLOEXEC is added. Returns an fd or -errno. */
int rfd_open(int rootfd, const char *path, int flags, mode_t mode);
/* The same, but no symbolic link is followed anywhere in `path`. */
int rfd_open_nolink(int rootfd, const char *path, int flags, mode_t mode);
/* Reads a regular file of a root file system: never blocks on a FIFO or device (T19). */
/* Below `rootfd` and in its own mount: no link is followed, and nothing that is mounted on the way
 * or on `path` itself is entered (-EXDEV). */
int rfd_open_own(int rootfd, const char *path, int flags);
int rfd_read_file(
	int rootfd, const char *path, size_t max, char **ret, size_t *ret_len, struct err *e);

/* A lock held by this process on `name` below `dirfd` (flock(2) on a file with the owner's pid
 * inside). Waits at most `timeout_ms` (-1: the default of 60 s) and then fails with ETIMEDOUT,
 * naming the owner. Returns the fd: closing it unlocks. */
int fs_lock(int dirfd, const char *name, int timeout_ms, struct err *e);
/* The same, held together with other shared holders, who leave no pid. */
int fs_lock_shared(int dirfd, const char *name, int timeout_ms, struct err *e);
/* True if somebody holds `name` (or false, also when it is missing). */
bool fs_is_locked(int dirfd, const char *name);
