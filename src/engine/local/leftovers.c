/* What commands that died have left of containers. */
#include "base/mem.h"
#include "engine/local/local.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

/* True for a container's directory that a command is filling. With the names' lock held, under
 * which create.c makes and locks it. */
static bool is_being_made(struct local *l, const char *temporary)
{
	auto_close int fd = openat(
		l->dirs.containers, temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return errno != ENOENT;
	return flock(fd, LOCK_EX | LOCK_NB) < 0;
}

/* Pins of images for containers that neither exist nor are being made. With the names' lock held,
 * under which the one becomes the other. */
static void find_pins(struct local *l, local_each_leftover *each, void *arg)
{
	auto_strv ids = { 0 };
	struct err ignored;

	if (store_pins(l->store, &ids, &ignored) < 0)
		return;
	for (size_t i = 0; i < ids.n; i++) {
		auto_free char *temporary = xasprintf(".new-%s", ids.v[i]);
		if (faccessat(l->dirs.containers, ids.v[i], F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
			errno == ENOENT && !is_being_made(l, temporary))
			each(arg, LEFT_PIN, ids.v[i]);
	}
}

/* Claims on names, and run directories, of containers that neither exist nor are being made. With
 * the names' lock held, under which a claim and its container appear as one. */
static void find_claims(
	struct local *l, enum leftover kind, int dirfd, local_each_leftover *each, void *arg)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *ent;

	while (d && (ent = readdir(d))) {
		char id[ENGINE_ID_SIZE];
		ssize_t n = kind == LEFT_NAME ? readlinkat(dirfd, ent->d_name, id, sizeof id)
					      : snprintf(id, sizeof id, "%s", ent->d_name);
		if (n != ENGINE_ID_SIZE - 1)
			continue;
		id[n] = '\0';
		if (faccessat(l->dirs.containers, id, F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
			errno == ENOENT)
			each(arg, kind, ent->d_name);
	}
}

void local_find_leftovers(struct local *l, local_each_leftover *each, void *arg)
{
	struct err ignored;
	auto_close int lock = fs_lock(l->dirs.names, ".lock", -1, &ignored);
	int fd = openat(l->dirs.containers, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *ent;

	if (lock < 0)
		return;
	while (d && (ent = readdir(d)))
		if (str_starts(ent->d_name, ".gone-") ||
			(str_starts(ent->d_name, ".new-") && !is_being_made(l, ent->d_name)))
			each(arg, LEFT_CONTAINER, ent->d_name);
	find_pins(l, each, arg);
	find_claims(l, LEFT_NAME, l->dirs.names, each, arg);
	find_claims(l, LEFT_RUN, l->dirs.run, each, arg);
}

struct sweep {
	struct local *local;
	struct strv containers; /* later: that takes longer, and needs no lock */
};

static void sweep_one(void *arg, enum leftover kind, const char *name)
{
	struct sweep *s = arg;
	struct err ignored;

	if (kind == LEFT_CONTAINER)
		strv_push(&s->containers, name);
	else if (kind == LEFT_PIN)
		store_unpin(s->local->store, name, &ignored);
	else
		fs_remove_tree(kind == LEFT_NAME ? s->local->dirs.names : s->local->dirs.run, name,
			&ignored);
}

void local_sweep_leftovers(struct local *l)
{
	struct sweep s = { .local = l };
	struct err ignored;

	local_find_leftovers(l, sweep_one, &s);
	for (size_t i = 0; i < s.containers.n; i++) {
		const char *name = s.containers.v[i];
		if (str_starts(name, ".gone-")) /* its volumes may go with it */
			container_erase_files(&l->dirs, name + strlen(".gone-"), &ignored);
		else
			fs_remove_tree(l->dirs.containers, name, &ignored);
	}
	strv_release(&s.containers);
}
