#include "base/mem.h"
#include "base/proc.h"
#include "store/call.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

static int take_line(struct call *c, const char *line, size_t len, struct err *e)
{
	auto_json *j = NULL;
	const char *text;

	if (json_parse(line, len, "the answer of 'redock-store'", &j, e) < 0)
		return -e->code;
	text = json_str(j, "progress", NULL);
	if (text && c->progress)
		c->progress(c->progress_arg, false, text);
	text = json_str(j, "moment", NULL);
	if (text && c->progress)
		c->progress(c->progress_arg, true, text);
	if (json_bool(j, "read_done", false) && c->read_done)
		c->read_done(c->read_done_arg);
	text = json_str(j, "error", NULL);
	if (text) {
		int64_t code = json_int(j, "code", EIO);
		err_set(e, code > 0 && code < 4096 ? (int)code : EIO, "%s", text);
		if (*json_str(j, "hint", ""))
			err_hint(e, "%s", json_str(j, "hint", ""));
		c->answered = true;
		c->result = -e->code;
	}
	if (json_bool(j, "ok", false)) {
		c->answered = true;
		c->stat = json_incref(json_object_get(j, "stat"));
		text = json_str(j, "id", NULL);
		if (text && digest_parse(text, &c->id) < 0)
			return err_set(e, EPROTO, "'redock-store' answered with a bad digest");
	}
	return 0;
}

/* Reads lines until the helper closes its end. */
static int converse(struct call *c, int fd, struct err *e)
{
	auto_str text = STR_INIT(1 << 20);
	char block[4096];

	for (;;) {
		ssize_t n = read(fd, block, sizeof block);
		char *end;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, "cannot read the answer of 'redock-store'");
		if (n == 0)
			return 0;
		str_add_data(&text, block, (size_t)n);
		if (text.overflow)
			return err_set(e, EPROTO, "'redock-store' answered with an endless line");
		while (text.len && (end = memchr(text.data, '\n', text.len))) {
			size_t len = (size_t)(end - text.data);
			if (take_line(c, text.data, len, e) < 0 && !c->answered)
				return -e->code;
			memmove(text.data, end + 1, text.len - len - 1);
			str_truncate(&text, text.len - len - 1);
		}
	}
}

/* A sealed-off copy in memory, so that neither side ever waits for the other to read. */
static int request_fd(const json_t *request, struct err *e)
{
	auto_free char *text = json_text(request);
	auto_close int fd = memfd_create("request", MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return err_errno(e, "cannot make a file in memory");
	r = fs_write_all(fd, text, strlen(text));
	if (r < 0 || lseek(fd, 0, SEEK_SET) < 0) {
		errno = r < 0 ? -r : errno;
		return err_errno(e, "cannot write a file in memory");
	}
	return take_fd(&fd);
}

int call_start(struct call *c, struct err *e)
{
	struct proc_spawn p = PROC_SPAWN_INIT;
	auto_free char *path = proc_helper_path("redock-store");
	auto_close int request = request_fd(c->request, e);
	char *argv[] = { (char *)"redock-store", NULL };
	int out[2];

	if (request < 0)
		return request;
	if (pipe2(out, O_CLOEXEC) < 0)
		return err_errno(e, "cannot make a pipe");
	p.path = path;
	p.argv = argv;
	p.fds[0] = -1;
	p.fds[HELPER_OUT] = out[1];
	p.fds[HELPER_REQUEST] = request;
	p.fds[HELPER_ROOT] = c->root_fd;
	p.fds[HELPER_DATA] = c->data_fd;
	p.fds[HELPER_OTHER] = c->other_fd;
	p.n_fds = HELPER_OTHER + 1;
	c->pid = proc_start(&p, NULL, e);
	close(out[1]);
	c->answer = out[0];
	if (c->pid < 0) {
		close_fd(&c->answer);
		return c->pid;
	}
	return 0;
}

int call_finish(struct call *c, struct err *e)
{
	int r = converse(c, c->answer, e), status;

	close_fd(&c->answer); /* a helper that still talks gets EPIPE and cleans up */
	status = proc_wait(c->pid);
	if (r < 0)
		return r;
	if (!c->answered)
		return err_set(
			e, EIO, "'redock-store' ended without an answer (status %d)", status);
	return c->result;
}

int call_helper(struct store *s, struct call *c, struct err *e)
{
	int r;

	c->root_fd = s->root_fd;
	r = call_start(c, e);
	return r < 0 ? r : call_finish(c, e);
}

static void set_text(json_t *j, const char *key, const char *text)
{
	if (text)
		json_object_set_new(j, key, json_string(text));
}

static void set_list(json_t *j, const char *key, char *const *list)
{
	json_t *array;

	if (!list)
		return;
	array = json_array();
	for (; *list; list++)
		json_array_append_new(array, json_string(*list));
	json_object_set_new(j, key, array);
}

static bool all_utf8(char *const *list)
{
	for (; list && *list; list++) {
		auto_json *j = json_string(*list);
		if (!j)
			return false;
	}
	return true;
}

/* JSON is UTF-8, and jansson leaves other strings out without a word. */
static int check_texts(char *const *const lists[], size_t n_lists, const char *const texts[],
	size_t n_texts, struct err *e)
{
	for (size_t i = 0; i < n_lists; i++)
		if (!all_utf8(lists[i]))
			return err_set(e, EINVAL, "an image's settings must be valid UTF-8");
	for (size_t i = 0; i < n_texts; i++) {
		char *one[] = { (char *)texts[i], NULL };
		if (!all_utf8(one))
			return err_set(e, EINVAL, "an image's settings must be valid UTF-8");
	}
	return 0;
}

int store_import(
	struct store *s, const struct store_import *im, struct digest *ret_id, struct err *e)
{
	char *const *const lists[] = { im->cmd, im->env };
	const char *const texts[] = { im->workdir, im->stop_signal, im->comment, im->author };
	auto_json *j = json_object();
	char name[IMAGE_REF_TEXT_SIZE];
	struct call c = { .request = j,
		.data_fd = im->fd,
		.other_fd = -1,
		.progress = im->progress,
		.progress_arg = im->progress_arg };
	int r = check_texts(lists, ARRAY_SIZE(lists), texts, ARRAY_SIZE(texts), e);

	if (r < 0)
		return r;
	image_ref_text(&im->ref, name);
	set_text(j, "op", "import");
	set_text(j, "ref", name);
	set_list(j, "cmd", im->cmd);
	set_list(j, "env", im->env);
	set_text(j, "workdir", im->workdir);
	set_text(j, "stop_signal", im->stop_signal);
	set_text(j, "comment", im->comment);
	set_text(j, "author", im->author);
	if (im->settings)
		json_object_set(j, "settings", im->settings);
	r = call_helper(s, &c, e);
	if (r < 0)
		return r;
	if (ret_id)
		*ret_id = c.id;
	return 0;
}

int store_commit(
	struct store *s, const struct store_commit *co, struct digest *ret_id, struct err *e)
{
	const char *const texts[] = { co->comment, co->author };
	auto_json *j = json_object();
	char name[IMAGE_REF_TEXT_SIZE];
	struct call c = { .request = j,
		.data_fd = co->upper_fd,
		.other_fd = -1,
		.read_done = co->read_done,
		.read_done_arg = co->read_done_arg };
	int r = check_texts(NULL, 0, texts, ARRAY_SIZE(texts), e);

	if (r < 0)
		return r;
	if (*co->ref.repository)
		image_ref_text(&co->ref, name);
	else
		snprintf(name, sizeof name, "%s", "");
	set_text(j, "op", "commit");
	set_text(j, "ref", name);
	set_text(j, "parent", co->parent.text);
	if (co->settings)
		json_object_set(j, "settings", co->settings);
	set_text(j, "comment", co->comment);
	set_text(j, "author", co->author);
	r = call_helper(s, &c, e);
	if (r < 0)
		return *name ? err_wrap(e, "cannot commit '%s'", name)
			     : err_wrap(e, "cannot commit");
	if (ret_id)
		*ret_id = c.id;
	return 0;
}

int store_remove(struct store *s, const struct image_ref *ref, struct err *e)
{
	auto_json *j = json_object();
	char name[IMAGE_REF_TEXT_SIZE];
	struct digest unused;
	struct call c = { .request = j, .data_fd = -1, .other_fd = -1 };

	/* the usual mistake needs no helper to tell */
	if (store_image_digest(s, ref, &unused, e) == -ENOENT)
		return -e->code;
	image_ref_text(ref, name);
	set_text(j, "op", "remove");
	set_text(j, "ref", name);
	return call_helper(s, &c, e);
}

int store_collect(struct store *s, const struct digest *manifest, struct err *e)
{
	auto_json *j = json_object();
	struct call c = { .request = j, .data_fd = -1, .other_fd = -1 };

	if (store_is_needed(s, manifest))
		return 0;
	set_text(j, "op", "collect");
	return call_helper(s, &c, e);
}
