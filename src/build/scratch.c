#include "build/scratch.h"
#include "base/fs.h"
#include "base/mem.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>

#define FOLDER "scratch"
#define LOCK   "lock"

/* Whoever holds the lock of a directory lives. */
static void remove_if_dead(int parent, const char *name)
{
	auto_close int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct err ignored;

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		(void)fs_remove_tree(parent, name, &ignored);
}

static int sweep(int parent, struct err *e)
{
	int copy = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	if (!dir) {
		close_fd(&copy);
		return err_errno(e, "cannot read directory '%s'", FOLDER);
	}
	while ((entry = readdir(dir)))
		if (entry->d_name[0] == 'b')
			remove_if_dead(parent, entry->d_name);
	return 0;
}

static int make(struct scratch *s, struct err *e)
{
	unsigned long long salt;

	if (getrandom(&salt, sizeof salt, 0) != sizeof salt)
		return err_errno(e, "cannot read random bytes");
	snprintf(s->name, sizeof s->name, "b%016llx", salt);
	if (mkdirat(s->parent_fd, s->name, 0700) < 0)
		return err_errno(e, "cannot make directory '%s/%s'", FOLDER, s->name);
	s->fd = fs_open_dir(s->parent_fd, s->name, e);
	if (s->fd < 0)
		return s->fd;
	return flock(s->fd, LOCK_EX | LOCK_NB) < 0
		       ? err_errno(e, "cannot lock directory '%s/%s'", FOLDER, s->name)
		       : 0;
}

int scratch_make(struct engine *en, struct scratch *ret, struct err *e)
{
	int state = engine_state_fd(en, e), r;
	auto_close int lock = -1;

	if (state < 0)
		return state;
	*ret = (struct scratch)SCRATCH_INIT;
	ret->parent_fd = fs_open_dir_make(state, FOLDER, 0700, e);
	if (ret->parent_fd < 0)
		return ret->parent_fd;
	/* so that nobody finds a directory between its making and its lock */
	lock = fs_lock(ret->parent_fd, LOCK, -1, e);
	r = lock < 0 ? lock : sweep(ret->parent_fd, e);
	if (r == 0)
		r = make(ret, e);
	if (r < 0)
		scratch_remove(ret);
	return r;
}

void scratch_remove(struct scratch *s)
{
	struct err ignored;

	if (s->fd >= 0)
		(void)fs_remove_tree(s->parent_fd, s->name, &ignored);
	close_fd(&s->fd);
	close_fd(&s->parent_fd);
}
