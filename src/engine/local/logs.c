/* Reads a container's log back: from the end, between two times, and on as it grows. */
#include "base/fs.h"
#include "base/mem.h"
#include "base/time.h"
#include "engine/local/local.h"
#include "engine/local/monitor/log.h"
#include "engine/local/protocol.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>

#define BLOCK (64 << 10)
#define ENTRY_MAX                                                                                  \
	(512 << 10) /* what the monitor writes for LOG_LINE_MAX bytes, escaped, and more           \
		     */

struct reader {
	int dir; /* the container's; borrowed */
	const struct log_options *options;
	engine_log_each *each;
	void *arg;
	int file;        /* the one that is being read */
	bool skipping;   /* a line that is too long to be one of ours */
	struct str rest; /* the beginning of a line */
};

/* ---- one entry ---- */

static char *join_details(const json_t *attrs)
{
	auto_str text = STR_INIT(64 << 10);
	const char *key;
	json_t *value;

	if (!json_is_object(attrs))
		return NULL;
	json_object_foreach((json_t *)attrs, key, value)
	{
		if (json_is_string(value))
			str_addf(&text, "%s%s=%s", text.len ? "," : "", key,
				json_string_value(value));
	}
	return str_take(&text);
}

static int give(struct reader *r, const char *line, size_t len)
{
	const struct log_options *o = r->options;
	struct log_entry entry = { 0 };
	auto_free char *details = NULL;
	auto_json *j = NULL;
	struct err ignored;
	json_t *text;

	/* a file is data: what a crash has left of a line, or somebody has written, is no entry */
	if (json_parse(line, len, "log", &j, &ignored) < 0)
		return 0;
	text = json_object_get(j, "log");
	if (!json_is_string(text) || time_parse(json_str(j, "time", ""), &entry.time) < 0)
		return 0;
	entry.stream = str_eq(json_str(j, "stream", ""), "stderr") ? 2 : 1;
	/* what comes after may be before again: clocks are set back */
	if ((o->until && entry.time > o->until) || (o->since && entry.time < o->since) ||
		!(entry.stream == 2 ? o->standard_error : o->standard_output))
		return 0;
	entry.data = json_string_value(text);
	entry.len = json_string_length(text);
	entry.details = details = join_details(json_object_get(j, "attrs"));
	return r->each(r->arg, &entry);
}

static int take_block(struct reader *r, const char *block, size_t len)
{
	int result = 0;

	while (len && result == 0) {
		const char *end = memchr(block, '\n', len);
		size_t n = end ? (size_t)(end - block) + 1 : len;
		if (end && !r->rest.len && !r->skipping) {
			result = give(r, block, n - 1);
		} else {
			if (!r->skipping)
				str_add_data(&r->rest, block, n);
			r->skipping = r->skipping || r->rest.overflow;
			if (end && !r->skipping)
				result = give(r, r->rest.data, r->rest.len - 1);
			if (end || r->skipping) {
				str_release(&r->rest);
				r->rest = (struct str)STR_INIT(ENTRY_MAX);
			}
			r->skipping = r->skipping && !end;
		}
		block += n;
		len -= n;
	}
	return result;
}

/* What the file has got since the last time. */
static int read_on(struct reader *r)
{
	auto_free char *block = xmalloc(BLOCK);
	int result = 0;
	ssize_t n;

	while (result == 0 && (n = read(r->file, block, BLOCK)) > 0)
		result = take_block(r, block, (size_t)n);
	return result;
}

/* ---- the files ---- */

struct files {
	int fd[LOG_FILES_MAX]; /* newest first */
	size_t n;
};

static void files_release(struct files *f)
{
	for (size_t i = 0; i < f->n; i++)
		close_fd(&f->fd[i]);
}
#define auto_files __attribute__((cleanup(files_release))) struct files

static bool same_file(int a, int b)
{
	struct stat x, y;

	return a >= 0 && b >= 0 && fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino &&
	       x.st_dev == y.st_dev;
}

/* Opens the log's files until `last`, which is not among them, newest first: a rotation meanwhile
 * shows the same file twice and hides none. */
static void open_files(int dir, int last, struct files *ret)
{
	*ret = (struct files){ .n = 0 };
	for (int i = 0; i < LOG_FILES_MAX; i++) {
		char name[16];
		struct stat st;
		auto_close int fd = -1;
		snprintf(name, sizeof name, i ? "log.%d" : "log", i);
		fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (fd < 0 && i == 0) /* between the two steps of a rotation */
			continue;
		if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || same_file(fd, last))
			return;
		if (ret->n == 0 || !same_file(fd, ret->fd[ret->n - 1]))
			ret->fd[ret->n++] = take_fd(&fd);
	}
}

/* Offset at which the last `*entries` lines of the file begin; how many it lacks for that stay in
 * `*entries`. Read by blocks from the end. */
static off_t find_tail(int fd, int64_t *entries)
{
	auto_free char *block = xmalloc(BLOCK);
	off_t at = lseek(fd, 0, SEEK_END);
	int64_t seen = 0;

	while (at > 0) {
		size_t want = at < BLOCK ? (size_t)at : BLOCK;
		ssize_t n = fs_pread_full(fd, block, want, at - (off_t)want);
		if (n != (ssize_t)want)
			break;
		at -= (off_t)want;
		for (size_t i = want; i-- > 0;)
			if (block[i] == '\n' && ++seen > *entries) {
				*entries = 0;
				return at + (off_t)i + 1;
			}
	}
	*entries -= seen;
	return 0;
}

static int read_files(struct reader *r, struct files *f)
{
	int result = 0;

	for (size_t i = f->n; result == 0 && i-- > 0;) {
		close_fd(&r->file);
		r->file = take_fd(&f->fd[i]);
		str_truncate(&r->rest, 0);
		result = read_on(r);
	}
	return result;
}

/* What is there when we begin. */
static int read_past(struct reader *r)
{
	auto_files f;
	int64_t wanted = r->options->tail;
	size_t first;

	open_files(r->dir, -1, &f);
	first = f.n;
	if (wanted >= 0) {
		for (first = 0; first < f.n; first++) {
			off_t at = find_tail(f.fd[first], &wanted);
			lseek(f.fd[first], at, SEEK_SET);
			if (wanted <= 0 && ++first)
				break;
		}
		for (size_t i = first; i < f.n; i++)
			close_fd(&f.fd[i]);
		f.n = first;
	}
	return read_files(r, &f);
}

/* What has come since; over any number of rotations. */
static int read_new(struct reader *r)
{
	auto_files f;
	int result;

	open_files(r->dir, r->file, &f);
	/* after that look: a file that has been rotated away has got its last line */
	result = r->file >= 0 ? read_on(r) : 0;
	return result ? result : read_files(r, &f);
}

/* ---- as it grows ---- */

static bool until_has_come(const struct log_options *o)
{
	return o->until && time_now() >= o->until;
}

static int wait_time(const struct log_options *o)
{
	int64_t left = o->until - time_now();

	if (!o->until)
		return -1;
	left = left < 0 ? 0 : left / 1000000 + 1;
	return left > INT_MAX ? INT_MAX : (int)left;
}

/* Takes a frame of the monitor. True if the container has ended, or the monitor is gone. */
static bool hears_end(int fd)
{
	char packet[sizeof(struct frame) + sizeof(int32_t)];
	struct frame header = { 0 };
	ssize_t n = recv(fd, packet, sizeof packet, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n >= (ssize_t)sizeof header)
		memcpy(&header, packet, sizeof header);
	return n < (ssize_t)sizeof header || header.type == FRAME_EXIT;
}

static bool goes_on(struct local *l, const struct container *c)
{
	struct local_status s;
	struct err ignored;

	return local_status(l, c, &s, &ignored) == 0 && s.state != CONTAINER_CREATED &&
	       s.state != CONTAINER_EXITED;
}

static int follow(
	struct reader *r, struct local *l, const struct container *c, int watch, struct err *e)
{
	char changes[4096];
	auto_close int monitor = -1;
	struct err ignored;
	int result = 0;

	while (result == 0 && goes_on(l, c)) {
		/* its end, or that of one of its lives: then we look again whether it goes on */
		bool ended = false;
		close_fd(&monitor);
		monitor = monitor_watch(l, c->id, &ignored);
		while (monitor >= 0 && !ended && result == 0) {
			struct pollfd p[2] = { { watch, POLLIN, 0 }, { monitor, POLLIN, 0 } };
			int n;
			/* connected first, then read: its end cannot fall in between */
			result = read_new(r);
			if (result || until_has_come(r->options))
				return result;
			n = poll(p, 2, wait_time(r->options));
			if (n < 0 && errno != EINTR)
				return err_errno(e, "cannot wait for the log");
			while (read(watch, changes, sizeof changes) > 0)
				continue;
			ended = p[1].revents && hears_end(monitor);
		}
	}
	/* the monitor has written all of it before it has told the end */
	return result ? result : read_new(r);
}

static int check_driver(const struct container *c, struct err *e)
{
	const char *driver = c->config.log_driver;

	if (!driver || str_eq(driver, "json-file"))
		return 0;
	err_set(e, ENOTSUP, "the log of '%s' cannot be read back: its driver is '%s'",
		c->config.name, driver);
	return str_eq(driver, "journald")
		       ? err_hint(e, "journalctl CONTAINER_NAME=%s", c->config.name)
		       : err_hint(e, "redock attach %s, or run it without --log-driver",
				 c->config.name);
}

int local_logs(struct engine *en, const char *id, const struct log_options *options,
	engine_log_each *each, void *arg, struct err *e)
{
	struct local *l = local_of(en);
	auto_container c = { 0 };
	auto_close int dir = -1, watch = -1;
	struct reader r = { -1, options, each, arg, -1, false, STR_INIT(ENTRY_MAX) };
	char path[64];
	int result;

	if (container_load(l, id, &c, e) < 0 || check_driver(&c, e) < 0)
		return -e->code;
	dir = r.dir = fs_open_dir(l->dirs.containers, id, e);
	if (dir < 0)
		return dir;
	snprintf(path, sizeof path, "/proc/self/fd/%d", dir);
	if (options->follow) {
		watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
		if (watch < 0 ||
			inotify_add_watch(watch, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
			return err_errno(e, "cannot watch the log of '%s'", c.config.name);
	}
	result = read_past(&r);
	if (result == 0 && options->follow)
		result = follow(&r, l, &c, watch, e);
	close_fd(&r.file);
	str_release(&r.rest);
	return result;
}
