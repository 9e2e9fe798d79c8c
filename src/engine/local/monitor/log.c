#include "engine/local/monitor/log.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "engine/local/escape.h"
#include "engine/local/monitor/journald.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* A batch is written when it is this full; one more line, escaped, always fits. */
#define BATCH_FULL (64u << 10)
#define BATCH_MAX  (BATCH_FULL + LOG_LINE_MAX * 6 + (64u << 10) + 256)

#define DRAIN_WAIT_MS 2000

static ring_write write_line;

static char *attrs_text(const struct log_settings *s)
{
	auto_str text = STR_INIT(64 << 10);

	str_add(&text, ",\"attrs\":{");
	if (s->tag) {
		str_add(&text, "\"tag\":");
		escape_json(&text, s->tag, strlen(s->tag));
	}
	for (size_t i = 0; i < s->attrs.n; i++) {
		const char *eq = strchr(s->attrs.v[i], '=');
		str_add(&text, i || s->tag ? "," : "");
		escape_json(&text, s->attrs.v[i], (size_t)(eq - s->attrs.v[i]));
		str_add_char(&text, ':');
		escape_json(&text, eq + 1, strlen(eq + 1));
	}
	str_add_char(&text, '}');
	return (s->tag || s->attrs.n) && !text.overflow ? str_take(&text) : NULL;
}

void log_open(
	struct log *l, int container_dir, struct log_settings *s, const char *id, const char *name)
{
	*l = (struct log){ .settings = *s,
		.dir = container_dir,
		.fd = -1,
		.id = xstrdup(id),
		.name = xstrdup(name) };
	*s = (struct log_settings){ 0 };
	l->attrs = attrs_text(&l->settings);
	l->batch = (struct str)STR_INIT(BATCH_MAX);
	if (l->settings.non_blocking && l->settings.driver != LOG_NONE)
		l->ring = ring_new(l->settings.buffer, container_dir, write_line, l);
}

void log_init(struct log *l, int container_dir)
{
	struct log_settings s = {
		.driver = LOG_JSON_FILE, .max_size = LOG_FILE_SIZE, .max_files = LOG_FILES
	};

	log_open(l, container_dir, &s, "", "");
}

void log_close(struct log *l)
{
	ring_free(l->ring);
	close_fd(&l->fd);
	log_settings_release(&l->settings);
	free(l->attrs);
	free(l->id);
	free(l->name);
	*l = (struct log){ .fd = -1 };
}

static int open_log(struct log *l)
{
	struct stat st;
	char last;

	l->fd = openat(l->dir, "log", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (l->fd < 0 || fstat(l->fd, &st) < 0)
		return -errno;
	l->size = (uint64_t)st.st_size;
	/* a monitor that was killed may have left half a line: it must not spoil the next one */
	if (l->size && pread(l->fd, &last, 1, st.st_size - 1) == 1 && last != '\n' &&
		write(l->fd, "\n", 1) == 1)
		l->size++;
	return 0;
}

static void rotate(struct log *l)
{
	char from[16], to[16];

	for (unsigned i = l->settings.max_files - 1; i > 0; i--) {
		snprintf(to, sizeof to, "log.%u", i);
		snprintf(from, sizeof from, i > 1 ? "log.%u" : "log", i - 1);
		renameat(l->dir, from, l->dir, to);
	}
	if (l->settings.max_files == 1)
		unlinkat(l->dir, "log", 0);
	close_fd(&l->fd);
}

static int write_entry(struct log *l, const struct str *entry)
{
	int r;

	if (l->fd >= 0 && l->settings.max_size && l->size + entry->len > l->settings.max_size)
		rotate(l);
	if (l->fd < 0 && (r = open_log(l)) < 0)
		return r;
	r = fs_write_all(l->fd, entry->data, entry->len);
	if (r < 0) { /* not half a line */
		if (ftruncate(l->fd, (off_t)l->size) < 0)
			close_fd(&l->fd);
		return r;
	}
	l->size += entry->len;
	return 0;
}

static void flush_batch(struct log *l)
{
	if (l->batched && write_entry(l, &l->batch) < 0)
		l->lost += l->batched;
	str_release(&l->batch);
	l->batched = 0;
}

static void note_loss(struct log *l)
{
	auto_str note = STR_INIT(256);

	str_addf(&note,
		"{\"log\":\"[redock: %llu lines before this one could not be logged]\\n\","
		"\"stream\":\"stderr\",\"time\":\"%s\"}\n",
		(unsigned long long)l->lost, l->now);
	if (write_entry(l, &note) == 0)
		l->lost = 0;
}

static void tell_loss(struct log *l)
{
	if (!*l->now)
		time_format(time_now(), l->now);
	if (l->settings.driver == LOG_JOURNALD)
		log_journald_loss(l);
	else
		note_loss(l);
}

static void add_line(struct log *l, int stream, const char *data, size_t len)
{
	if (l->ring) {
		struct ring_line line = { .len = (uint32_t)len, .stream = (uint32_t)stream };
		memcpy(line.now, l->now, sizeof line.now);
		ring_add(l->ring, &line, data);
		return;
	}
	if (l->settings.driver == LOG_JOURNALD) {
		log_journald(l, stream, data, len);
		return;
	}
	if (l->lost && !l->batched)
		note_loss(l);
	str_add(&l->batch, "{\"log\":");
	escape_json(&l->batch, data, len);
	str_add(&l->batch, stream == 2 ? ",\"stream\":\"stderr\"" : ",\"stream\":\"stdout\"");
	if (l->attrs)
		str_add(&l->batch, l->attrs);
	str_add(&l->batch, ",\"time\":\"");
	str_add(&l->batch, l->now);
	str_add(&l->batch, "\"}\n");
	l->batched++;
	if (l->batch.len > BATCH_FULL)
		flush_batch(l);
}

/* What log_add() has added is on its way. */
static void flush(struct log *l)
{
	if (l->ring)
		ring_turn(l->ring);
	else
		flush_batch(l);
}

/* The process that writes what was in the ring: it is a log that waits. */
static void write_line(void *arg, const struct ring_line *line, const char *data)
{
	struct log *l = arg;

	l->ring = NULL;
	if (!line) {
		flush_batch(l);
		return;
	}
	if (line->lost)
		flush_batch(l); /* those before it: the note stands behind them */
	l->lost += line->lost;
	memcpy(l->now, line->now, sizeof l->now);
	if (line->len)
		add_line(l, (int)line->stream, data, line->len);
	else if (l->lost)
		tell_loss(l);
}

int log_wait_fd(const struct log *l)
{
	return l->ring ? ring_fd(l->ring) : -1;
}

void log_turn(struct log *l)
{
	if (l->ring)
		ring_turn(l->ring);
}

void log_add(struct log *l, int stream, const char *data, size_t len)
{
	struct log_line *begun = &l->line[stream == 2];

	if (l->settings.driver == LOG_NONE)
		return;
	/* all of it was read at this moment */
	time_format(time_now(), l->now);
	while (len) {
		const char *end = memchr(data, '\n', len);
		size_t n = end ? (size_t)(end - data) + 1 : len;
		if (begun->len + n > LOG_LINE_MAX) {
			n = LOG_LINE_MAX - begun->len;
			end = NULL;
		}
		if (!begun->len && end) {
			add_line(l, stream, data, n);
		} else {
			if (!begun->data)
				begun->data = xmalloc(LOG_LINE_MAX);
			memcpy(begun->data + begun->len, data, n);
			begun->len += n;
			if (end || begun->len == LOG_LINE_MAX) {
				add_line(l, stream, begun->data, begun->len);
				begun->len = 0;
				free(begun->data);
				begun->data = NULL;
			}
		}
		data += n;
		len -= n;
	}
	flush(l);
}

void log_finish(struct log *l)
{
	if (l->settings.driver == LOG_NONE)
		return;
	time_format(time_now(), l->now);
	for (int i = 0; i < 2; i++) {
		if (l->line[i].len)
			add_line(l, i + 1, l->line[i].data, l->line[i].len);
		free(l->line[i].data);
		l->line[i] = (struct log_line){ 0 };
	}
	flush(l);
	if (l->ring)
		ring_drain(l->ring, DRAIN_WAIT_MS);
	close_fd(&l->fd);
}
