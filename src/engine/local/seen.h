#pragma once
/*
 * What the last listing of many containers has read, for the next one: <run>/seen.
 *
 * It is no truth of its own but a memory of files, and each is asked for by what the kernel says of
 * it: config.json, `state` and `last` by inode, size and time of change (ctime, which nobody can
 * set back without the clock), and the claims on names by the same of their directory.  One stat(2)
 * then stands for opening, reading and parsing.  Whatever differs is read anew.
 *
 * - A file that changed less than SEEN_AGE ago is not remembered: it could change again within the
 *   same tick of its file system's clock (git's "racy" entries).
 * - It is looked at before it is read, so that one that is replaced meanwhile is not taken for what
 *   was read.
 * - Only what was found whole is remembered; a damaged container is reported each time.
 * - The whole is replaced by rename(2), has a checksum, the boot id, and a number made of the table
 * of a configuration's members: of another boot, another build or damaged, it counts as empty.
 * - Whether a container runs is not remembered but asked of the kernel each time (status.c).
 *
 * Nobody else writes it and anybody may delete it.  With fewer than SEEN_MIN containers there is
 * none.
 */
#include "engine/local/local.h"

#define SEEN_MIN 32
#define SEEN_AGE INT64_C(3000000000) /* nanoseconds */

struct seen;
/* NULL if it is not worth it for `n` containers. `now` as by time_now(). */
struct seen *seen_begin(struct local *, size_t n, int64_t now);
/* Remembers what was read since seen_begin(), if that is much; frees. NULL is fine. */
void seen_end(struct local *, struct seen *);

/* Each container between the two, once, in ascending order of their ids. */
void seen_next(struct seen *, const char *id);
/* True if that is the container at hand; false for NULL. The calls below are about that one. */
bool seen_is_at(const struct seen *, const char *id);
/* The configuration of this container: true if it is remembered. Else, after reading it, _keep()
 * (of one that is whole) remembers it; the first call has looked at the file. */
bool seen_container(struct seen *, struct local *, struct container *ret);
void seen_keep_container(struct seen *, const struct container *);
/* Whether the names in it are as they were claimed. */
bool seen_names(const struct seen *);
/* `state` (below dirs.run) or `last` (below dirs.containers), like fs_read_file(). */
int seen_read(struct seen *, struct local *, const char *name, char **ret, struct err *e);
/* After seen_read() of `state`: whether the run directory is known to have no "network" or
 * "freezing"; whoever found that out says so. */
bool seen_lacks(const struct seen *, const char *name);
void seen_keep_lack(struct seen *, const char *name);
