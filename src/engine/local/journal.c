#include "engine/local/journal.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "engine/local/escape.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define LINE_MAX_SIZE (256 << 10)

static int open_journal(int run)
{
	return openat(run, JOURNAL, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/* The full journal becomes the old one, unless another writer has just done that. */
static void rotate(int run, int fd)
{
	struct stat ours, there;

	if (flock(fd, LOCK_EX) == 0 && fstat(fd, &ours) == 0 &&
		fstatat(run, JOURNAL, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
		ours.st_ino == there.st_ino && ours.st_dev == there.st_dev)
		renameat(run, JOURNAL, run, JOURNAL_OLD);
}

static void add_member(struct str *line, const char *key, const char *value)
{
	str_addf(line, ",\"%s\":", key);
	escape_json(line, value, strlen(value));
}

static void add_line(struct str *lines, const char *type, const char *action, const char *id,
	char *const *attributes)
{
	str_addf(lines, "{\"timeNano\":%lld", (long long)time_now());
	add_member(lines, "Type", type);
	add_member(lines, "Action", action);
	add_member(lines, "ID", id);
	str_add(lines, ",\"Attributes\":[");
	for (char *const *a = attributes; a && *a; a++) {
		if (a > attributes)
			str_add_char(lines, ',');
		escape_json(lines, *a, strlen(*a));
	}
	str_add(lines, "]}\n");
}

void journal_add_all(int run, const char *type, const char *const *actions, const char *id,
	char *const *attributes)
{
	auto_str lines = STR_INIT(LINE_MAX_SIZE);
	auto_close int fd = open_journal(run);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > JOURNAL_MAX) {
		rotate(run, fd);
		close_fd(&fd);
		fd = open_journal(run);
	}
	if (fd < 0)
		return;
	for (; *actions; actions++)
		add_line(&lines, type, *actions, id, attributes);
	/* half a line, on a full disk, must not spoil the next one */
	if (!lines.overflow && write(fd, lines.data, lines.len) != (ssize_t)lines.len &&
		write(fd, "\n", 1) != 1)
		return;
}

void journal_add(
	int run, const char *type, const char *action, const char *id, char *const *attributes)
{
	journal_add_all(run, type, (const char *const[]){ action, NULL }, id, attributes);
}
