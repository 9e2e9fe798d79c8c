#include "base/mem.h"
#include "base/time.h"
#include "store/write.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/random.h>

#define TELL_EVERY ((int64_t)500000000)

void tell(const struct teller *t, const char *format, ...)
{
	auto_free char *line = NULL;
	va_list ap;

	if (!t || !t->progress)
		return;
	va_start(ap, format);
	if (vasprintf(&line, format, ap) < 0)
		abort();
	va_end(ap);
	t->progress(t->arg, line);
}

void tell_bytes(const struct teller *t, const char *done, uint64_t bytes, int64_t *told)
{
	int64_t now;
	char line[64];

	if (!t || !t->moment || (now = time_monotonic()) - *told < TELL_EVERY)
		return;
	*told = now;
	snprintf(line, sizeof line, "%s %llu MB", done, (unsigned long long)(bytes / 1000000));
	t->moment(t->arg, line);
}

int op_lock(struct op *op, struct err *e)
{
	int fd = fs_lock(op->store->root_fd, "lock", -1, e);

	return fd < 0 ? err_wrap(e, "the image store is busy") : fd;
}

int op_discard(struct op *op, int dirfd, const char *name, struct err *e)
{
	char to[24];

	snprintf(to, sizeof to, "trash-%u", op->trash++);
	if (renameat(dirfd, name, op->dir_fd, to) < 0 && errno != ENOENT)
		return err_errno(e, "cannot remove '%s'", name);
	return 0;
}

/* Takes over what dead operations left, with the store's lock held: whoever begins one holds it
 * too, so a directory without a locked lock file is really abandoned. */
static int adopt_leftovers(struct op *op, struct err *e)
{
	auto_dir DIR *d = NULL;
	struct dirent *ent;
	int fd = openat(op->store->tmp_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || !(d = fdopendir(fd))) {
		close_fd(&fd);
		return err_errno(e, "cannot read the store's 'tmp'");
	}
	while ((errno = 0, ent = readdir(d))) {
		char lock[300];
		if (ent->d_name[0] == '.' || str_eq(ent->d_name, op->name))
			continue;
		snprintf(lock, sizeof lock, "%s/lock", ent->d_name);
		if (fs_is_locked(dirfd(d), lock))
			continue;
		if (op_discard(op, dirfd(d), ent->d_name, e) < 0)
			return -e->code;
	}
	return errno ? err_errno(e, "cannot read the store's 'tmp'") : 0;
}

int op_begin(struct store *s, struct op *ret, struct err *e)
{
	auto_op op = OP_INIT;
	auto_close int lock = -1;
	unsigned char salt[16];

	op.store = s;
	if (getrandom(salt, sizeof salt, 0) != sizeof salt)
		return err_errno(e, "cannot get random bytes");
	lock = op_lock(&op, e);
	if (lock < 0)
		return lock;
	for (size_t i = 0; i < sizeof salt; i++)
		snprintf(op.name + 2 * i, 3, "%02x", salt[i]);
	if (mkdirat(s->tmp_fd, op.name, 0700) < 0)
		return err_errno(e, "cannot make a directory in the store's 'tmp'");
	op.dir_fd = fs_open_dir(s->tmp_fd, op.name, e);
	if (op.dir_fd < 0)
		return op.dir_fd;
	op.lock_fd = fs_lock(op.dir_fd, "lock", 0, e);
	if (op.lock_fd < 0)
		return op.lock_fd;
	if (adopt_leftovers(&op, e) < 0)
		return -e->code;
	*ret = op;
	op = (struct op)OP_INIT;
	return 0;
}

void op_end(struct op *op)
{
	struct err ignored;

	if (!op->store)
		return;
	if (*op->name) {
		/* the lock file goes with the rest: nobody can take it between */
		if (fs_remove_tree(op->store->tmp_fd, op->name, &ignored) < 0)
			err_clear(&ignored); /* the next operation tries again */
	}
	close_fd(&op->dir_fd);
	close_fd(&op->lock_fd);
	op->store = NULL;
}

/* fsync(2) of directory `fd` (consumed) and all regular files below it. */
static int sync_below(int fd, struct err *e)
{
	auto_dir DIR *d = fdopendir(fd);
	struct dirent *ent;

	if (!d) {
		close(fd);
		return err_errno(e, "cannot read a directory");
	}
	while ((errno = 0, ent = readdir(d))) {
		auto_close int sub = -1;
		if (str_eq(ent->d_name, ".") || str_eq(ent->d_name, ".."))
			continue;
		if (ent->d_type != DT_DIR && ent->d_type != DT_REG)
			continue;
		sub = openat(dirfd(d), ent->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (sub < 0)
			return err_errno(e, "cannot open '%s'", ent->d_name);
		if (ent->d_type == DT_DIR ? sync_below(take_fd(&sub), e) < 0 : fs_sync(sub, e) < 0)
			return -e->code;
	}
	if (errno)
		return err_errno(e, "cannot read a directory");
	return fs_sync(dirfd(d), e);
}

int tree_sync(int fd, uint64_t entries, struct err *e)
{
	/* a few files are quickest one by one, and wait for nobody else's data */
	if (entries <= 200) {
		int top = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (top < 0)
			return err_errno(e, "cannot open a directory");
		return sync_below(top, e);
	}
	if (syncfs(fd) < 0)
		return err_errno(e, "cannot write to the disk");
	return 0;
}
