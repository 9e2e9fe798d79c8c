#pragma once
/*
 * Volumes: <root>/volumes/<name>/{volume.json,_data}.  Internal to engine/local/.
 *
 * Whoever makes a container that uses volumes holds the lock of volumes/ shared from before they
 * are made until the container is visible; whoever removes one holds it exclusively. So a volume
 * that no visible container uses is nobody's.
 */
#include "engine/config.h"
#include "engine/local/local.h"

/* [a-zA-Z0-9][a-zA-Z0-9_.-]{0,127} (T34). */
int volume_name_check(const char *name, struct err *e);
/* 64 hexadecimal digits, as anonymous ones are called. */
bool volume_name_is_made_up(const char *name);
/* The driver's options: type=, device=, o=; values are handed to mount(2), never to a shell. */
int volume_options_check(char *const *options, struct err *e);

/* Opens <root>/volumes, making it. */
int volumes_dir(struct local *, struct err *e);
/* The lock, for one who makes a container. Returns an fd. */
int volumes_lock_shared(struct local *, struct err *e);
/* EEXIST: there is a volume of that name, with other options. */
int volume_check(struct local *, const struct mount_config *, struct err *e);
/* Makes the volume of a mount, whose name is set, unless it is there. EEXIST: there is one with
 * other options. */
int volume_ensure(
	struct local *, const struct mount_config *, bool anonymous, bool durable, struct err *e);
/* "<root>/volumes/<name>/_data", with what its driver mounts there. The caller frees. */
int volume_use(struct local *, const char *name, char **ret_path, struct err *e);
/* Removes those of a removed container's anonymous volumes that nobody else uses. */
void volumes_remove_anonymous(struct local *, const struct container *);
/* Unmounts what no container that runs needs; removes what dead commands left. */
void volumes_sweep(struct local *, bool (*is_alive)(void *, const char *), void *arg);
/* Unmounts all of them. */
void volumes_unmount_all(struct local *);

/* Whether it is whole; *ret_user is the name of a container that uses it, or "". */
int volume_verify(struct local *, int volumes, const char *name, char ret_user[129], struct err *e);

/* ---- volume_mount.c ---- */

/* Mounts at the directory `data` what the options say. */
int volume_mount(const char *name, int data, const struct strv *options, struct err *e);
/* Whether something is mounted at `name` below `dirfd`. */
bool volume_is_mounted(int dirfd, const char *name);
int volume_unmount(int dirfd, const char *name);

int local_volume_create(
	struct engine *, const struct volume_config *, struct volume_info *, struct err *);
int local_volume_inspect(struct engine *, const char *, struct volume_info *, struct err *);
int local_volume_list(struct engine *, bool, struct volume_list *, struct err *);
int local_volume_remove(struct engine *, const char *, struct err *);
