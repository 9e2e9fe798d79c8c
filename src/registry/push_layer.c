#include "base/mem.h"
#include "base/proc.h"
#include "base/time.h"
#include "registry/events.h"
#include "registry/push.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#define PARALLEL  4
#define SAY_EVERY ((int64_t)100000000)
/* Beside the unpacked layer: {"digest": ..., "size": ...} of what gzip makes of its archive. */
#define REMEMBERED "gzip"

struct job {
	struct store *store;
	struct registry *registry;
	const char *path, *scope;
	struct push_layer *layer;
	int64_t said_at;
};

/* What a process says at its end, in one write(2). */
struct report {
	int result;
	struct err error;
	struct digest sent;
	uint64_t size;
};

static int open_layer_dir(struct store *s, const char *diff_id, struct err *e)
{
	char key[LAYER_KEY_SIZE];

	layer_key(diff_id, key);
	return fs_open_dir(s->layers_fd, key, e);
}

/* True when an earlier push has compressed it. */
static bool recall(const struct job *j, struct digest *ret, uint64_t *ret_size)
{
	struct err ignored;
	auto_close int dir = open_layer_dir(j->store, j->layer->diff_id, &ignored);
	auto_json *record = NULL;
	int64_t size;

	if (dir < 0 || json_read_file(dir, REMEMBERED, 4096, &record, &ignored) < 0)
		return false;
	size = json_int(record, "size", -1);
	*ret_size = (uint64_t)size;
	return size > 0 && digest_parse(json_str(record, "digest", ""), ret) == 0;
}

static void remember(const struct job *j, const struct digest *digest, uint64_t size)
{
	struct err ignored;
	auto_close int dir = open_layer_dir(j->store, j->layer->diff_id, &ignored);
	auto_json *record =
		json_pack("{s:s, s:I}", "digest", digest->text, "size", (json_int_t)size);

	/* lost, it costs the time to compress once more */
	if (dir >= 0)
		(void)json_write_file(dir, REMEMBERED, record, 0600, FS_VOLATILE, &ignored);
}

static void say_compressed(void *arg, uint64_t done)
{
	struct job *j = arg;
	int64_t now = time_monotonic();

	if (now - j->said_at < SAY_EVERY)
		return;
	j->said_at = now;
	event_layer(j->layer->have->digest.text, STATUS_PREPARING, done, j->layer->have->size);
}

/* Into a file without a name, which goes with the process. */
static int compress(
	struct job *j, int blob, int *ret_fd, struct digest *ret, uint64_t *ret_size, struct err *e)
{
	auto_close int fd = openat(j->store->tmp_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_errno(e, "cannot make a file in the store's 'tmp'");
	if (compress_gzip(blob, fd, say_compressed, j, ret, ret_size, e) < 0)
		return -e->code;
	remember(j, ret, *ret_size);
	*ret_fd = take_fd(&fd);
	return 0;
}

static void done(const struct job *j, const char *status, const struct upload *u)
{
	event_layer(j->layer->have->digest.text, status, u->size, u->size);
}

/* One layer; its digest on the wire is known before anything is sent. */
static int push_layer(struct job *j, struct report *ret, struct err *e)
{
	struct push_layer *l = j->layer;
	auto_upload u = { .registry = j->registry,
		.path = j->path,
		.scope = j->scope,
		.from = l->from,
		.shown = l->have->digest.text };
	auto_close int blob = openat(j->store->blobs_fd, digest_hex(&l->have->digest),
		O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	auto_close int packed = -1;
	int r;

	if (blob < 0)
		return err_errno(e, "cannot read layer '%.19s'", l->have->digest.text);
	if (!l->compress) {
		u.digest = l->have->digest;
		u.size = l->have->size;
	} else if (!recall(j, &u.digest, &u.size) &&
		   compress(j, blob, &packed, &u.digest, &u.size, e) < 0) {
		return -e->code;
	}
	r = upload_exists(&u, e);
	if (r > 0)
		done(j, STATUS_THERE, &u);
	if (r == 0 && (r = upload_begin(&u, e)) > 0)
		done(j, STATUS_MOUNTED, &u);
	if (r == 0 && l->compress && packed < 0) {
		struct digest again;
		uint64_t size;
		if (compress(j, blob, &packed, &again, &size, e) < 0)
			return -e->code;
		u.digest = again; /* another version of the library may make other bytes */
		u.size = size;
	}
	if (r == 0 && (r = upload_send(&u, packed >= 0 ? packed : blob, e)) == 0)
		done(j, STATUS_PUSHED, &u);
	ret->sent = u.digest;
	ret->size = u.size;
	return r < 0 ? r : 0;
}

/* Connections are nobody else's to use: the process has its own. */
static void be_process(struct job *j, int out)
{
	struct report report = { 0 };
	struct err e = { 0 };
	struct http *http;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	report.result = http_open(j->registry->settings, &http, &e);
	if (report.result == 0) {
		j->registry->http = http;
		report.result = push_layer(j, &report, &e);
	}
	report.error = e;
	(void)fs_write_all(out, &report, sizeof report);
	_exit(0);
}

struct worker {
	struct push_layer *layer; /* NULL: idle */
	pid_t pid;
	int fd;
};

static int start(struct worker *w, struct job *j, struct err *e)
{
	int out[2];

	if (pipe2(out, O_CLOEXEC) < 0)
		return err_errno(e, "cannot make a pipe");
	w->pid = fork();
	if (w->pid == 0) {
		close(out[0]);
		be_process(j, out[1]);
	}
	close(out[1]);
	if (w->pid < 0) {
		close(out[0]);
		return err_errno(e, "cannot make a process");
	}
	w->fd = out[0];
	w->layer = j->layer;
	return 0;
}

static int end(struct worker *w, struct err *e)
{
	struct push_layer *l = w->layer;
	struct report report;
	ssize_t n = fs_read_full(w->fd, &report, sizeof report);

	close_fd(&w->fd);
	proc_wait(w->pid);
	w->layer = NULL;
	if (n != sizeof report)
		return err_set(e, EIO, "the process of layer '%.19s' died", l->have->digest.text);
	if (report.result < 0) {
		*e = report.error;
		return report.result;
	}
	l->sent = report.sent;
	l->size = report.size;
	return 0;
}

/* Waits until one of them has ended. */
static int wait_one(struct worker *workers, struct err *e)
{
	struct pollfd fds[PARALLEL];

	for (size_t i = 0; i < PARALLEL; i++)
		fds[i] = (struct pollfd){ workers[i].layer ? workers[i].fd : -1, POLLIN, 0 };
	while (poll(fds, PARALLEL, -1) < 0)
		if (errno != EINTR)
			return err_errno(e, "cannot wait for a process");
	for (size_t i = 0; i < PARALLEL; i++)
		if (fds[i].revents)
			return end(&workers[i], e);
	return 0;
}

int push_layers(struct store *s, struct registry *r, const char *path, const char *scope,
	struct push_layer *layers, size_t n, struct err *e)
{
	struct worker workers[PARALLEL] = { 0 };
	size_t next = 0, busy = 0;
	int result = 0;

	while (result == 0 && (next < n || busy)) {
		for (size_t i = 0; i < PARALLEL && next < n && result == 0; i++) {
			struct job j = { s, r, path, scope, &layers[next], 0 };
			if (workers[i].layer)
				continue;
			result = start(&workers[i], &j, e);
			next += result == 0;
			busy += result == 0;
		}
		if (result == 0) {
			result = wait_one(workers, e);
			busy--;
		}
	}
	for (size_t i = 0; i < PARALLEL; i++) {
		struct err ignored;
		if (!workers[i].layer)
			continue;
		kill(workers[i].pid, SIGKILL); /* our child, not waited for yet */
		(void)end(&workers[i], &ignored);
	}
	return result;
}
