/* Events: what happens is written to the journal, and read from there. */
#include "base/mem.h"
#include "base/time.h"
#include "engine/local/journal.h"
#include "engine/local/local.h"

#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/inotify.h>

#define BLOCK      (64 << 10)
#define EVENT_MAX  (512 << 10) /* a longer line is not one of ours */
#define FOLLOW_MAX 2           /* the old journal, for a late writer, and the new one */

void local_event(struct local *l, const char *type, const char *action, const char *id, ...)
{
	auto_strv attributes = { 0 };
	const char *key;
	va_list ap;

	va_start(ap, id);
	while ((key = va_arg(ap, const char *)))
		strv_pushf(&attributes, "%s=%s", key, va_arg(ap, const char *));
	va_end(ap);
	journal_add(l->run, type, action, id, attributes.v);
}

void local_container_event(struct local *l, const struct container *c, const char *action, ...)
{
	auto_strv attributes = { 0 };
	const char *key;
	va_list ap;

	strv_pushf(&attributes, "name=%s", c->config.name ? c->config.name : "");
	strv_pushf(&attributes, "image=%s", c->config.image ? c->config.image : "");
	va_start(ap, action);
	while ((key = va_arg(ap, const char *)))
		strv_pushf(&attributes, "%s=%s", key, va_arg(ap, const char *));
	va_end(ap);
	strv_extend(&attributes, c->config.labels.v);
	journal_add(l->run, "container", action, c->id, attributes.v);
}

/* A journal that is being read, by blocks. */
struct source {
	int fd;
	struct str rest; /* the beginning of a line */
	bool too_long;   /* of one that is being skipped */
};

struct reader {
	int run; /* the run root; borrowed */
	int64_t since, until;
	engine_event_each *each;
	void *arg;
	struct source v[FOLLOW_MAX];
	size_t n;
};

static void source_release(struct source *s)
{
	close_fd(&s->fd);
	str_release(&s->rest);
}

static int give(struct reader *r, const char *line, size_t len)
{
	struct err ignored;
	auto_json *j = NULL;
	struct event event = { 0 };
	int result = 0;

	if (json_parse(line, len, JOURNAL, &j, &ignored) < 0 || !json_is_object(j))
		return 0; /* cut off by a full disk: nobody's event */
	event.time = json_int(j, "timeNano", 0);
	if (event.time < r->since || (r->until && event.time > r->until))
		return 0;
	event.type = json_str(j, "Type", "");
	event.action = json_str(j, "Action", "");
	event.id = json_str(j, "ID", "");
	json_get_strv(j, "Attributes", &event.attributes);
	result = r->each(r->arg, &event);
	strv_release(&event.attributes);
	return result;
}

/* Lines of `block`; the last one may go on in the next block. */
static int take_block(struct reader *r, struct source *s, const char *block, size_t len)
{
	int result = 0;

	while (len && result == 0) {
		const char *end = memchr(block, '\n', len);
		size_t n = end ? (size_t)(end - block) : len;
		if (!s->too_long)
			str_add_data(&s->rest, block, n);
		s->too_long = s->too_long || s->rest.overflow;
		if (end && !s->too_long)
			result = give(r, str_text(&s->rest), s->rest.len);
		if (end || s->too_long) {
			str_release(&s->rest);
			s->rest = (struct str)STR_INIT(EVENT_MAX);
		}
		if (end) {
			s->too_long = false;
			n++;
		}
		block += n;
		len -= n;
	}
	return result;
}

static int read_on(struct reader *r, struct source *s)
{
	auto_free char *block = xmalloc(BLOCK);
	int result = 0;
	ssize_t n;

	while (result == 0 && (n = read(s->fd, block, BLOCK)) > 0)
		result = take_block(r, s, block, (size_t)n);
	return result;
}

static bool is_open(const struct reader *r, int fd)
{
	struct stat a, b;

	for (size_t i = 0; i < r->n; i++)
		if (fstat(r->v[i].fd, &a) == 0 && fstat(fd, &b) == 0 && a.st_ino == b.st_ino &&
			a.st_dev == b.st_dev)
			return true;
	return false;
}

/* Opens journal `name` unless it is open already; the oldest one gives way. */
static bool open_source(struct reader *r, const char *name)
{
	int fd = openat(r->run, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return false;
	if (is_open(r, fd)) {
		close(fd);
		return false;
	}
	if (r->n == FOLLOW_MAX) {
		source_release(&r->v[0]);
		r->v[0] = r->v[1];
		r->n--;
	}
	r->v[r->n++] = (struct source){ .fd = fd, .rest = STR_INIT(EVENT_MAX) };
	return true;
}

/* All that is new, the old journal first. */
static int read_all(struct reader *r)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < r->n; i++)
		result = read_on(r, &r->v[i]);
	/* rotated meanwhile: what the file we had got until then has been read just now, or comes
	 * with the next round */
	while (result == 0 && open_source(r, JOURNAL))
		result = read_on(r, &r->v[r->n - 1]);
	return result;
}

static int follow(struct reader *r, int watch, struct err *e)
{
	char changes[4096];

	for (;;) {
		struct pollfd p = { watch, POLLIN, 0 };
		int64_t left = r->until ? r->until - time_now() : 0;
		int result, wait = -1;

		if (r->until)
			wait = left <= 0                  ? 0
			       : left / 1000000 < INT_MAX ? (int)(left / 1000000) + 1
							  : INT_MAX;
		if (poll(&p, 1, wait) < 0 && errno != EINTR)
			return err_errno(e, "cannot wait for events");
		while (read(watch, changes, sizeof changes) > 0)
			continue;
		result = read_all(r);
		if (result != 0 || (r->until && time_now() >= r->until))
			return result;
	}
}

int local_events(struct engine *en, int64_t since, int64_t until, engine_event_each *each,
	void *arg, struct err *e)
{
	struct local *l = local_of(en);
	struct reader r = { l->run, since, until, each, arg, { { -1 }, { -1 } }, 0 };
	auto_close int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	bool past = until && until <= time_now();
	char dir[64];
	int result;

	/* watched before it is read, so that nothing is missed in between */
	snprintf(dir, sizeof dir, "/proc/self/fd/%d", l->run);
	if (watch < 0 || inotify_add_watch(watch, dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
		return err_errno(e, "cannot watch '%s' for events", l->run_root);
	open_source(&r, JOURNAL_OLD);
	open_source(&r, JOURNAL);
	if (since == 0) {
		r.since = time_now();
		for (size_t i = 0; i < r.n; i++)
			lseek(r.v[i].fd, 0, SEEK_END);
	}
	result = read_all(&r);
	if (result == 0 && !past)
		result = follow(&r, watch, e);
	for (size_t i = 0; i < r.n; i++)
		source_release(&r.v[i]);
	return result;
}
