#include "engine/local/state.h"
#include "base/fs.h"
#include "base/mem.h"

#include <fcntl.h>
#include <string.h>

#define STATE_MAX 768
#define STATE_AT  16 /* in `exit`: init writes less than that */

static void state_text(const struct run_state *s, char text[STATE_MAX])
{
	snprintf(text, STATE_MAX,
		"version=1\nboot=%s\npid=%d\nstart=%llu\ninode=%llu\nmonitor=%d\n"
		"monitor_inode=%llu\nstarted=%lld\naddress=%s\nready=%d\nrestarting=%d\nrestarts=%"
		"u\nhealth=%d\nfailing=%u\n",
		s->boot, s->pid, (unsigned long long)s->start, (unsigned long long)s->inode,
		s->monitor, (unsigned long long)s->monitor_inode, (long long)s->started, s->address,
		s->ready, s->restarting, s->restarts, s->health, s->failing);
}

int run_state_write(int run_dir, const struct run_state *s, struct err *e)
{
	char text[STATE_MAX];

	state_text(s, text);
	return fs_write_file(run_dir, "state", text, strlen(text), 0600, FS_VOLATILE, e);
}

/* Value of `key` in "key=value" lines, copied; "" if it is missing. */
static void value_of(const char *text, const char *key, char *ret, size_t size)
{
	size_t n = strlen(key);

	*ret = '\0';
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		if (*line == '\n')
			line++;
		if (strncmp(line, key, n) == 0 && line[n] == '=') {
			snprintf(ret, size, "%.*s", (int)strcspn(line + n + 1, "\n"), line + n + 1);
			return;
		}
	}
}

static int64_t number_of(const char *text, const char *key)
{
	char value[32];

	value_of(text, key, value, sizeof value);
	return strtoll(value, NULL, 10);
}

static int check_version(const char *text, const char *name, struct err *e)
{
	if (number_of(text, "version") != 1)
		return err_set(e, EPROTO, "'%s' is damaged or of another version of redock", name);
	return 0;
}

static void parse_state(const char *text, struct run_state *ret)
{
	memset(ret, 0, sizeof *ret);
	value_of(text, "boot", ret->boot, sizeof ret->boot);
	value_of(text, "address", ret->address, sizeof ret->address);
	ret->pid = (pid_t)number_of(text, "pid");
	ret->start = (uint64_t)number_of(text, "start");
	ret->inode = (uint64_t)number_of(text, "inode");
	ret->monitor = (pid_t)number_of(text, "monitor");
	ret->monitor_inode = (uint64_t)number_of(text, "monitor_inode");
	ret->started = number_of(text, "started");
	ret->ready = number_of(text, "ready") == 1;
	ret->restarting = number_of(text, "restarting") == 1;
	ret->restarts = (unsigned)number_of(text, "restarts");
	ret->health = (int)number_of(text, "health");
	if (ret->health < 0 || ret->health > 3)
		ret->health = 0;
	ret->failing = (unsigned)number_of(text, "failing");
}

int run_state_read(int run_dir, struct run_state *ret, struct err *e)
{
	auto_free char *text = NULL;
	int r = fs_read_file(run_dir, "state", STATE_TEXT_MAX, &text, NULL, e);

	return r < 0 ? r : run_state_parse(text, ret, e);
}

int run_state_parse(const char *text, struct run_state *ret, struct err *e)
{
	if (check_version(text, "state", e) < 0)
		return -e->code;
	parse_state(text, ret);
	return 0;
}

int exit_file_write_state(int exit_fd, const struct run_state *s, struct err *e)
{
	char text[STATE_MAX];
	int r;

	state_text(s, text);
	r = fs_pwrite_all(exit_fd, text, strlen(text) + 1, STATE_AT);
	if (r < 0) {
		errno = -r;
		return err_errno(e, "cannot write the container's state");
	}
	return 0;
}

int exit_file_state(int container_dir, struct run_state *ret)
{
	auto_close int fd = openat(container_dir, "exit", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char text[STATE_MAX];
	ssize_t n = fd < 0 ? -1 : fs_pread_full(fd, text, sizeof text - 1, STATE_AT);

	if (n <= 0)
		return -ENOENT;
	text[n] = '\0';
	if (number_of(text, "version") != 1)
		return -EPROTO;
	parse_state(text, ret);
	return 0;
}

int last_state_write(int container_dir, const struct last_state *s, struct err *e)
{
	char text[768];
	/* the clock may have been set back meanwhile: no end is before its beginning */
	int64_t finished = s->finished > s->started ? s->finished : s->started;

	snprintf(text, sizeof text,
		"version=1\nexit=%d\nstarted=%lld\nfinished=%lld\noom=%d\noom_kills=%llu\n"
		"memory_limit=%lld\nrestarts=%u\nerror=%s\n",
		s->exit_code, (long long)s->started, (long long)finished, s->oom_killed,
		(unsigned long long)s->oom_kills, (long long)s->memory_limit, s->restarts,
		s->error);
	return fs_write_file(container_dir, "last", text, strlen(text), 0600, FS_VOLATILE, e);
}

int last_state_read(int container_dir, struct last_state *ret, struct err *e)
{
	auto_free char *text = NULL;
	int r = fs_read_file(container_dir, "last", STATE_TEXT_MAX, &text, NULL, e);

	return r < 0 ? r : last_state_parse(text, ret, e);
}

int last_state_parse(const char *text, struct last_state *ret, struct err *e)
{
	if (check_version(text, "last", e) < 0)
		return -e->code;
	ret->exit_code = (int)number_of(text, "exit");
	ret->started = number_of(text, "started");
	ret->finished = number_of(text, "finished");
	ret->oom_killed = number_of(text, "oom") == 1;
	ret->oom_kills = (uint64_t)number_of(text, "oom_kills");
	ret->memory_limit = number_of(text, "memory_limit");
	ret->restarts = (unsigned)number_of(text, "restarts");
	value_of(text, "error", ret->error, sizeof ret->error);
	return 0;
}

int exit_file_read(int container_dir, int *ret_code, int64_t *ret_time)
{
	auto_free char *text = NULL;
	auto_close int fd = openat(container_dir, "exit", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	char line[16];
	ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof line - 1);

	if (n <= 0 || !*line || fstat(fd, &st) < 0) /* the state may stand behind a hole */
		return -ENOENT;
	line[n] = '\0';
	*ret_code = (int)strtol(line, NULL, 10);
	*ret_time = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	return 0;
}
