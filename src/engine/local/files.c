#include "engine/local/files.h"
#include "base/fs.h"
#include "base/mem.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>

int container_dirs_open(
	const char *root, const char *run_root, struct container_dirs *ret, struct err *e)
{
	struct container_dirs d = CONTAINER_DIRS_INIT;
	auto_close int run = -1;

	d.root = fs_open_dir_make(AT_FDCWD, root, 0700, e);
	if (d.root >= 0)
		d.containers = fs_open_dir_make(d.root, "containers", 0700, e);
	if (d.containers >= 0)
		d.names = fs_open_dir_make(d.root, "names", 0700, e);
	if (d.names >= 0)
		run = fs_open_dir_make(AT_FDCWD, run_root, 0700, e);
	if (run >= 0)
		d.run = fs_open_dir_make(run, "containers", 0700, e);
	if (d.run < 0) {
		container_dirs_release(&d);
		return -e->code;
	}
	*ret = d;
	return 0;
}

void container_dirs_release(struct container_dirs *d)
{
	close_fd(&d->root);
	close_fd(&d->containers);
	close_fd(&d->names);
	close_fd(&d->run);
}

char *container_name_key(const char *name)
{
	char *key = xstrdup(name);

	for (char *p = key; (p = strchr(p, '/'));)
		*p = '%';
	return key;
}

/* Unlinks the claim on `name` if it is container `id`'s. */
static void release_name(const struct container_dirs *d, const char *id, const char *name)
{
	auto_free char *key = container_name_key(name);
	char owner[65];
	ssize_t n = readlinkat(d->names, key, owner, sizeof owner);

	if (n == (ssize_t)strlen(id) && memcmp(owner, id, (size_t)n) == 0)
		unlinkat(d->names, key, 0);
}

int container_hide_files(const struct container_dirs *d, const char *id, const char *name,
	const char *machine, struct err *e)
{
	auto_free char *gone = xasprintf(".gone-%s", id), *pin = xasprintf("pins/%s", id);

	if (renameat(d->containers, id, d->containers, gone) < 0 && errno != ENOENT)
		return err_errno(e, "cannot remove container '%.12s'", id);
	if (name)
		release_name(d, id, name);
	if (machine)
		release_name(d, id, machine);
	/* store_unpin() in so many words: the monitor is not linked with the store */
	unlinkat(d->root, pin, 0);
	if (fs_remove_tree(d->run, id, e) < 0)
		return err_wrap(e, "cannot remove container '%.12s'", id);
	return 0;
}

/* True if a container's configuration has the name in it. It is 64 random digits: nothing else has
 * them by chance. */
static bool mentions(int containers, const char *id, const char *name)
{
	auto_free char *path = xasprintf("%s/config.json", id), *text = NULL;
	struct err ignored;

	/* one that cannot be read keeps its volumes */
	return fs_read_file(containers, path, 8u << 20, &text, NULL, &ignored) < 0
		       ? ignored.code != ENOENT
		       : strstr(text, name) != NULL;
}

static bool is_used(int containers, const char *name)
{
	int fd = openat(containers, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *ent;

	if (!d)
		return true;
	while ((ent = readdir(d)))
		if (strlen(ent->d_name) == 64 && mentions(containers, ent->d_name, name))
			return true;
	return false;
}

/* The anonymous volumes of a container that was made with --rm (create.c lists them), when no other
 * container has one of them. A mount of
 * its driver's goes first, or its files would. */
static void erase_volumes(const struct container_dirs *d, const char *gone)
{
	auto_free char *path = xasprintf("%s/volumes", gone), *text = NULL;
	auto_close int volumes = -1, lock = -1;
	struct err ignored;
	char *save = NULL;

	if (fs_read_file(d->containers, path, 1 << 20, &text, NULL, &ignored) < 0)
		return;
	volumes = fs_open_dir(d->root, "volumes", &ignored);
	lock = volumes < 0 ? volumes : fs_lock(volumes, ".lock", -1, &ignored);
	if (lock < 0)
		return;
	for (char *name = strtok_r(text, "\n", &save); name; name = strtok_r(NULL, "\n", &save)) {
		auto_free char *hidden = NULL, *data = NULL;
		if (strlen(name) != 64 || strspn(name, "0123456789abcdef") != 64 ||
			is_used(d->containers, name))
			continue;
		data = xasprintf("/proc/self/fd/%d/%s/_data", volumes, name);
		if (umount2(data, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno == EBUSY)
			continue;
		hidden = xasprintf(".gone-%s", name);
		if (renameat(volumes, name, volumes, hidden) == 0)
			fs_remove_tree(volumes, hidden, &ignored);
	}
}

int container_erase_files(const struct container_dirs *d, const char *id, struct err *e)
{
	auto_free char *gone = xasprintf(".gone-%s", id);

	erase_volumes(d, gone);
	if (fs_remove_tree(d->containers, gone, e) < 0)
		return err_wrap(e, "cannot remove container '%.12s'", id);
	return 0;
}

int container_remove_files(const struct container_dirs *d, const char *id, const char *name,
	const char *machine, struct err *e)
{
	int r = container_hide_files(d, id, name, machine, e);

	return r < 0 ? r : container_erase_files(d, id, e);
}
