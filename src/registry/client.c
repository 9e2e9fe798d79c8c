#include "registry/client.h"
#include "base/mem.h"
#include "base/proc.h"
#include "registry/protocol.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#define NAME "redock-registry"

struct conversation {
	registry_each *each;
	void *arg;
	bool answered;
	int result;
	json_t *answer;
};

static void pass_event(struct conversation *c, const json_t *j)
{
	struct registry_event event = { .layer = json_str(j, "layer", NULL) };
	int64_t current = json_int(j, "current", 0), total = json_int(j, "total", 0);

	event.text = event.layer ? json_str(j, "status", "") : json_str(j, "note", NULL);
	event.current = current > 0 ? (uint64_t)current : 0;
	event.total = total > 0 ? (uint64_t)total : 0;
	if (event.text && c->each)
		c->each(c->arg, &event);
}

static int take_line(struct conversation *c, const char *line, size_t len, struct err *e)
{
	auto_json *j = NULL;
	const char *text;

	if (json_parse(line, len, "the answer of '" NAME "'", &j, e) < 0)
		return -e->code;
	pass_event(c, j);
	text = json_str(j, "error", NULL);
	if (text) {
		int64_t code = json_int(j, "code", EIO);
		err_set(e, code > 0 && code < 4096 ? (int)code : EIO, "%s", text);
		if (*json_str(j, "hint", ""))
			err_hint(e, "%s", json_str(j, "hint", ""));
		c->answered = true;
		c->result = -e->code;
	}
	if (json_object_get(j, "ok") && !c->answered) {
		c->answered = true;
		c->answer = json_incref(json_object_get(j, "ok"));
	}
	return 0;
}

/* Reads lines until the helper closes its end. */
static int converse(struct conversation *c, int fd, struct err *e)
{
	auto_str text = STR_INIT(16 << 20); /* the answer of a pull of all tags is one line */
	char block[8192];

	for (;;) {
		ssize_t n = read(fd, block, sizeof block);
		size_t at = 0;
		char *end;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, "cannot read the answer of '%s'", NAME);
		if (n == 0)
			return 0;
		str_add_data(&text, block, (size_t)n);
		if (text.overflow)
			return err_set(e, EPROTO, "'%s' answered with an endless line", NAME);
		while ((end = memchr(text.data + at, '\n', text.len - at))) {
			size_t len = (size_t)(end - text.data) - at;
			if (take_line(c, text.data + at, len, e) < 0 && !c->answered)
				return -e->code;
			at += len + 1;
		}
		memmove(text.data, text.data + at, text.len - at);
		str_truncate(&text, text.len - at);
	}
}

/* In memory, so that neither side ever waits for the other, and a password is in no argument. */
static int request_fd(const json_t *request, struct err *e)
{
	char *text = json_text(request);
	auto_close int fd = memfd_create("request", MFD_CLOEXEC);
	int r = fd < 0 ? -errno : fs_write_all(fd, text, strlen(text));

	explicit_bzero(text, strlen(text));
	free(text);
	if (r < 0 || lseek(fd, 0, SEEK_SET) < 0) {
		errno = r < 0 ? -r : errno;
		return err_errno(e, "cannot write a file in memory");
	}
	return take_fd(&fd);
}

static pid_t start(int root_fd, int request, int *ret_answer, struct err *e)
{
	struct proc_spawn p = PROC_SPAWN_INIT;
	auto_free char *path = proc_helper_path(NAME);
	char *argv[] = { (char *)NAME, NULL };
	int out[2];
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) < 0)
		return err_errno(e, "cannot make a pipe");
	p.path = path;
	p.argv = argv;
	p.fds[0] = -1;
	p.fds[REGISTRY_OUT] = out[1];
	p.fds[REGISTRY_REQUEST] = request;
	p.fds[REGISTRY_ROOT] = root_fd;
	p.n_fds = REGISTRY_ROOT + 1;
	pid = proc_start(&p, NULL, e);
	close(out[1]);
	*ret_answer = out[0];
	if (pid < 0)
		close_fd(ret_answer);
	return pid;
}

int registry_call(int root_fd, const json_t *request, registry_each *each, void *arg, json_t **ret,
	struct err *e)
{
	struct conversation c = { .each = each, .arg = arg };
	auto_close int request_file = request_fd(request, e), answer = -1;
	int r, status;
	pid_t pid;

	if (request_file < 0)
		return request_file;
	pid = start(root_fd, request_file, &answer, e);
	if (pid < 0)
		return pid;
	r = converse(&c, answer, e);
	close_fd(&answer);
	status = proc_wait(pid);
	if (r == 0 && !c.answered)
		r = err_set(e, EIO, "'%s' ended without an answer (status %d)", NAME, status);
	if (r == 0)
		r = c.result;
	if (r == 0 && ret)
		*ret = c.answer;
	else
		json_decref(c.answer);
	return r;
}
