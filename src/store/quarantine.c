/* What is damaged is moved aside, never removed: a person may still want what is left of it. */
#include "base/mem.h"
#include "base/time.h"
#include "store/store.h"

#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

void store_quarantine_name(char ret[STORE_QUARANTINE_SIZE])
{
	time_t now = (time_t)(time_now() / 1000000000);
	unsigned char salt[2] = { 0 };
	struct tm tm;
	size_t n;

	gmtime_r(&now, &tm);
	n = strftime(ret, STORE_QUARANTINE_SIZE, "%Y%m%d-%H%M%S", &tm);
	if (getrandom(salt, sizeof salt, 0) != sizeof salt)
		abort();
	snprintf(ret + n, STORE_QUARANTINE_SIZE - n, "-%02x%02x", salt[0], salt[1]);
}

/* The list of what is there and why, in the order in which it came. */
static int note(int dir, const char *place, const char *name, const char *why, struct err *e)
{
	auto_close int fd =
		openat(dir, "what", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	auto_free char *line = xasprintf("%s/%s: %s\n", place, name, why);
	int r = fd < 0 ? -errno : fs_write_all(fd, line, strlen(line));

	if (r < 0) {
		errno = -r;
		return err_errno(e, "cannot write to the quarantine");
	}
	return fs_sync(fd, e);
}

int store_quarantine(int root, const char *quarantine, const char *place, const char *name,
	const char *why, struct err *e)
{
	auto_free char *path = xasprintf("quarantine/%s", quarantine);
	auto_close int from = -1, dir = -1, to = -1;

	from = openat(root, place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (from < 0)
		return err_errno(e, "cannot open directory '%s'", place);
	dir = fs_open_dir_make(root, path, 0700, e);
	to = dir < 0 ? dir : fs_open_dir_make(dir, place, 0700, e);
	if (to < 0 || note(dir, place, name, why, e) < 0)
		return -e->code;
	if (renameat(from, name, to, name) < 0)
		return err_errno(e, "cannot move '%s' to the quarantine", name);
	return fs_sync(to, e) < 0 ? -e->code : fs_sync(from, e);
}
