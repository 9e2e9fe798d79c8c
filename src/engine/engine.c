#include "engine/engine.h"
#include "base/mem.h"
#include "engine/ops.h"

#include <string.h>

int engine_open(
	const char *url, const struct engine_options *options, struct engine **ret, struct err *e)
{
	if (!url || str_eq(url, "local:"))
		return local_engine_open(options, ret, e);
	err_set(e, EINVAL, "no engine of the kind '%s'", url);
	return err_hint(e, "local:");
}

void engine_close(struct engine *en)
{
	if (en)
		en->ops->close(en);
}

void engine_say_to(struct engine *en, int level, const char *format, ...)
{
	char text[1024];
	va_list ap;

	if (!en->say)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	en->say(en->say_arg, level, text);
}

const char *container_state_text(enum container_state state)
{
	static const char *const names[] = { "created", "running", "paused", "exited" };

	return names[state];
}

void container_info_release(struct container_info *c)
{
	free(c->name);
	free(c->machine);
	free(c->image);
	free(c->image_id);
	free(c->command);
	free(c->hostname);
	free(c->network);
	free(c->address);
	strv_release(&c->labels);
	memset(c, 0, sizeof *c);
}

void container_list_release(struct container_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		container_info_release(&l->v[i]);
	free(l->v);
	*l = (struct container_list){ 0 };
}

void image_info_release(struct image_info *i)
{
	free(i->reference);
	free(i->id);
	free(i->author);
	free(i->comment);
	memset(i, 0, sizeof *i);
}

void image_list_release(struct image_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		image_info_release(&l->v[i]);
	free(l->v);
	*l = (struct image_list){ 0 };
}

int engine_create(struct engine *en, const struct container_config *config,
	char ret_id[ENGINE_ID_SIZE], struct err *e)
{
	return en->ops->create(en, config, ret_id, e);
}

int engine_start(struct engine *en, const char *id, struct session **ret_session,
	int *ret_exec_status, struct err *e)
{
	return en->ops->start(en, id, ret_session, ret_exec_status, e);
}

int engine_wait(
	struct engine *en, const char *id, enum wait_for what, int timeout_ms, struct err *e)
{
	return en->ops->wait(en, id, what, timeout_ms, e);
}

int engine_kill(struct engine *en, const char *id, int signal, struct err *e)
{
	return en->ops->kill(en, id, signal, e);
}

int engine_remove(struct engine *en, const char *id, bool force, struct err *e)
{
	return en->ops->remove(en, id, force, e);
}

int engine_inspect(struct engine *en, const char *name, struct container_info *ret, struct err *e)
{
	return en->ops->inspect(en, name, ret, e);
}

int engine_inspect_machine(
	struct engine *en, const char *machine, struct container_info *ret, struct err *e)
{
	return en->ops->inspect_machine(en, machine, ret, e);
}

int engine_list(struct engine *en, bool all, struct container_list *ret, struct err *e)
{
	return en->ops->list(en, all, ret, e);
}

int engine_log_tail(struct engine *en, const char *id, size_t lines, struct str *ret, struct err *e)
{
	return en->ops->log_tail(en, id, lines, ret, e);
}

int engine_count_changes(
	struct engine *en, const char *id, int64_t since, uint64_t *ret, struct err *e)
{
	return en->ops->count_changes(en, id, since, ret, e);
}

int engine_lock(struct engine *en, const char *name, struct err *e)
{
	return en->ops->lock(en, name, e);
}

int engine_commit(struct engine *en, const char *id, const char *reference,
	const struct commit_options *options, char ret_image_id[72], struct err *e)
{
	return en->ops->commit(en, id, reference, options, ret_image_id, e);
}

int engine_image_list(struct engine *en, struct image_list *ret, struct err *e)
{
	return en->ops->image_list(en, ret, e);
}

int engine_image_inspect(
	struct engine *en, const char *reference, struct image_info *ret, struct err *e)
{
	return en->ops->image_inspect(en, reference, ret, e);
}

int engine_image_has_path(
	struct engine *en, const char *reference, const char *path, bool *ret, struct err *e)
{
	return en->ops->image_has_path(en, reference, path, ret, e);
}

int engine_image_import(struct engine *en, int fd, const char *reference,
	const struct import_options *options, char ret_image_id[72], struct err *e)
{
	return en->ops->image_import(en, fd, reference, options, ret_image_id, e);
}

int engine_image_remove(struct engine *en, const char *reference, bool force, struct err *e)
{
	return en->ops->image_remove(en, reference, force, e);
}

int engine_reset(struct engine *en, struct err *e)
{
	return en->ops->reset(en, e);
}

int engine_state_fd(struct engine *en, struct err *e)
{
	return en->ops->state_fd(en, e);
}

const char *engine_state_path(struct engine *en)
{
	return en->ops->state_path(en);
}

int session_fd(const struct session *s)
{
	return s->ops->fd(s);
}

int session_next(struct session *s, struct session_event *ret, struct err *e)
{
	return s->ops->next(s, ret, e);
}

int session_send(struct session *s, const void *data, size_t len, struct err *e)
{
	return s->ops->send(s, data, len, e);
}

int session_close_stdin(struct session *s, struct err *e)
{
	return s->ops->close_stdin(s, e);
}

int session_resize(struct session *s, unsigned rows, unsigned columns, struct err *e)
{
	return s->ops->resize(s, rows, columns, e);
}

void session_close(struct session *s)
{
	if (s)
		s->ops->close(s);
}
