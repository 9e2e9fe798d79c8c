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
	static const char *const names[] = { "created", "running", "paused", "restarting",
		"exited" };

	return names[state];
}

const char *health_status_text(enum health_status status)
{
	static const char *const names[] = { "none", "starting", "healthy", "unhealthy" };

	return names[status];
}

static void endpoint_info_release(struct endpoint_info *e)
{
	free(e->network);
	free(e->network_id);
	free(e->address);
	free(e->gateway);
	free(e->mac);
	strv_release(&e->aliases);
}

static void mount_info_release(struct mount_info *m)
{
	free(m->name);
	free(m->driver);
	free(m->source);
	free(m->target);
}

void container_info_release(struct container_info *c)
{
	container_config_release(&c->config);
	free(c->image_id);
	free(c->command);
	free(c->error);
	free(c->log_path);
	for (size_t i = 0; i < c->n_probes; i++)
		free(c->probes[i].output);
	free(c->probes);
	for (size_t i = 0; i < c->n_ports; i++) {
		free(c->ports[i].protocol);
		free(c->ports[i].host_address);
	}
	free(c->ports);
	for (size_t i = 0; i < c->n_endpoints; i++)
		endpoint_info_release(&c->endpoints[i]);
	free(c->endpoints);
	for (size_t i = 0; i < c->n_mounts; i++)
		mount_info_release(&c->mounts[i]);
	free(c->mounts);
	memset(c, 0, sizeof *c);
}

const char *container_info_address(const struct container_info *c)
{
	return c->n_endpoints && c->endpoints[0].address ? c->endpoints[0].address : "";
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
	free(i->manifest);
	free(i->architecture);
	free(i->os);
	strv_release(&i->layers);
	free(i->layer_sizes);
	strv_release(&i->names);
	strv_release(&i->digests);
	container_config_release(&i->config);
	memset(i, 0, sizeof *i);
}

void image_history_release(struct image_history *h)
{
	for (size_t i = 0; i < h->n; i++) {
		free(h->v[i].created_by);
		free(h->v[i].comment);
	}
	free(h->v);
	free(h->id);
	strv_release(&h->names);
	memset(h, 0, sizeof *h);
}

void loaded_list_release(struct loaded_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].id);
		strv_release(&l->v[i].names);
	}
	free(l->v);
	memset(l, 0, sizeof *l);
}

void exec_config_release(struct exec_config *c)
{
	strv_release(&c->args);
	strv_release(&c->env);
	free(c->workdir);
	free(c->user);
	memset(c, 0, sizeof *c);
}

void process_table_release(struct process_table *t)
{
	strv_release(&t->titles);
	for (size_t i = 0; i < t->n_rows; i++)
		strv_release(&t->rows[i]);
	free(t->rows);
	memset(t, 0, sizeof *t);
}

void path_stat_release(struct path_stat *s)
{
	free(s->name);
	free(s->link_target);
	memset(s, 0, sizeof *s);
}

void change_list_release(struct change_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].path);
	free(l->v);
	memset(l, 0, sizeof *l);
}

void volume_info_release(struct volume_info *v)
{
	free(v->name);
	free(v->driver);
	free(v->mountpoint);
	strv_release(&v->labels);
	strv_release(&v->options);
	memset(v, 0, sizeof *v);
}

void volume_list_release(struct volume_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		volume_info_release(&l->v[i]);
	free(l->v);
	memset(l, 0, sizeof *l);
}

void network_info_release(struct network_info *n)
{
	free(n->name);
	free(n->driver);
	free(n->subnet);
	free(n->gateway);
	free(n->bridge);
	strv_release(&n->labels);
	strv_release(&n->options);
	for (size_t i = 0; i < n->n_members; i++) {
		free(n->members[i].name);
		free(n->members[i].address);
		free(n->members[i].mac);
	}
	free(n->members);
	memset(n, 0, sizeof *n);
}

void network_list_release(struct network_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		network_info_release(&l->v[i]);
	free(l->v);
	memset(l, 0, sizeof *l);
}

void check_list_release(struct check_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].name);
		free(l->v[i].found);
	}
	free(l->v);
	memset(l, 0, sizeof *l);
}

void finding_list_release(struct finding_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].object);
		free(l->v[i].found);
		free(l->v[i].done);
		free(l->v[i].mend);
	}
	free(l->quarantine);
	free(l->v);
	memset(l, 0, sizeof *l);
}

void engine_info_release(struct engine_info *i)
{
	free(i->version);
	free(i->root);
	free(i->run_root);
	free(i->kernel);
	free(i->operating_system);
	free(i->architecture);
	free(i->host_name);
	free(i->cgroup);
	free(i->cgroup_manager);
	strv_release(&i->warnings);
	strv_release(&i->security);
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

int engine_check_ports(struct engine *en, const struct container_config *config, struct err *e)
{
	/* an engine that cannot say so beforehand says it when the container is started */
	return en->ops->check_ports ? en->ops->check_ports(en, config, e) : 0;
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

int engine_remove(
	struct engine *en, const char *id, const struct remove_options *options, struct err *e)
{
	return en->ops->remove(en, id, options, e);
}

int engine_inspect(struct engine *en, const char *name, struct container_info *ret, struct err *e)
{
	return en->ops->inspect(en, name, ret, e);
}

int engine_find(struct engine *en, const char *name, char ret_id[ENGINE_ID_SIZE], struct err *e)
{
	return en->ops->find(en, name, ret_id, e);
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

void transferred_list_release(struct transferred_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].reference);
		free(l->v[i].digest);
		free(l->v[i].id);
	}
	free(l->v);
	*l = (struct transferred_list){ 0 };
}

void login_result_release(struct login_result *r)
{
	free(r->host);
	*r = (struct login_result){ 0 };
}

int engine_image_pull(struct engine *en, const char *reference, const struct transfer *how,
	struct transferred_list *ret, struct err *e)
{
	return en->ops->image_pull(en, reference, how, ret, e);
}

int engine_image_push(struct engine *en, const char *reference, const struct transfer *how,
	struct transferred_list *ret, struct err *e)
{
	return en->ops->image_push(en, reference, how, ret, e);
}

void fetched_release(struct fetched *f)
{
	free(f->url);
	free(f->digest);
	*f = (struct fetched){ 0 };
}

int engine_fetch(struct engine *en, const struct fetch_request *request, int fd,
	struct fetched *ret, struct err *e)
{
	return en->ops->fetch(en, request, fd, ret, e);
}

int engine_unpack(
	struct engine *en, const void *head, size_t len, int fd, int dir_fd, struct err *e)
{
	return en->ops->unpack(en, head, len, fd, dir_fd, e);
}

int engine_login(
	struct engine *en, const struct login *login, struct login_result *ret, struct err *e)
{
	return en->ops->login(en, login, ret, e);
}

int engine_logout(struct engine *en, const char *host, struct login_result *ret, struct err *e)
{
	return en->ops->logout(en, host, ret, e);
}

/* ---- what not every kind of engine can do ---- */

#define CALL(op, ...)                                                                              \
	(en->ops->op ? en->ops->op(en, ##__VA_ARGS__, e)                                           \
		     : err_set(e, ENOTSUP, "this engine cannot do that (%s)", #op))

int engine_image_tag(struct engine *en, const char *reference, const char *name, struct err *e)
{
	return CALL(image_tag, reference, name);
}

int engine_image_history(
	struct engine *en, const char *reference, struct image_history *ret, struct err *e)
{
	return CALL(image_history, reference, ret);
}

int engine_image_save(struct engine *en, char *const *references, size_t n,
	enum image_archive format, int fd, struct err *e)
{
	return CALL(image_save, references, n, format, fd);
}

int engine_image_load(struct engine *en, int fd, struct loaded_list *ret, struct err *e)
{
	return CALL(image_load, fd, ret);
}

int engine_stop(struct engine *en, const char *id, int timeout, struct err *e)
{
	return CALL(stop, id, timeout);
}

int engine_pause(struct engine *en, const char *id, struct err *e)
{
	return CALL(pause, id);
}

int engine_unpause(struct engine *en, const char *id, struct err *e)
{
	return CALL(unpause, id);
}

int engine_rename(struct engine *en, const char *id, const char *name, struct err *e)
{
	return CALL(rename, id, name);
}

int engine_update(
	struct engine *en, const char *id, const struct update_config *what, struct err *e)
{
	return CALL(update, id, what);
}

int engine_attach(struct engine *en, const char *id, const struct attach_options *what,
	struct session **ret, struct err *e)
{
	return CALL(attach, id, what, ret);
}

int engine_exec(struct engine *en, const char *id, const struct exec_config *what,
	struct session **ret_session, int *ret_exec_status, struct err *e)
{
	return CALL(exec, id, what, ret_session, ret_exec_status);
}

int engine_top(struct engine *en, const char *id, char *const *ps_args, struct process_table *ret,
	struct err *e)
{
	return CALL(top, id, ps_args, ret);
}

int engine_logs(struct engine *en, const char *id, const struct log_options *what,
	engine_log_each *each, void *arg, struct err *e)
{
	return CALL(logs, id, what, each, arg);
}

int engine_stats(struct engine *en, const char *id, struct container_stats *ret, struct err *e)
{
	return CALL(stats, id, ret);
}

int engine_path_stat(
	struct engine *en, const char *id, const char *path, struct path_stat *ret, struct err *e)
{
	return CALL(path_stat, id, path, ret);
}

int engine_copy_from(struct engine *en, const char *id, const char *path, bool follow_link, int fd,
	struct err *e)
{
	return CALL(copy_from, id, path, follow_link, fd);
}

int engine_copy_to(struct engine *en, const char *id, const char *path,
	const struct copy_to_options *what, int fd, struct err *e)
{
	return CALL(copy_to, id, path, what, fd);
}

int engine_download(struct engine *en, const char *id, const char *path, const char *local,
	const struct transfer_options *what, struct err *e)
{
	return CALL(download, id, path, local, what);
}

int engine_upload(struct engine *en, const char *id, const char *local, const char *path,
	const struct transfer_options *what, struct err *e)
{
	return CALL(upload, id, local, path, what);
}

int engine_export(struct engine *en, const char *id, int fd, struct err *e)
{
	return CALL(export, id, fd);
}

int engine_diff(struct engine *en, const char *id, struct change_list *ret, struct err *e)
{
	return CALL(diff, id, ret);
}

int engine_volume_create(
	struct engine *en, const struct volume_config *what, struct volume_info *ret, struct err *e)
{
	return CALL(volume_create, what, ret);
}

int engine_volume_inspect(
	struct engine *en, const char *name, struct volume_info *ret, struct err *e)
{
	return CALL(volume_inspect, name, ret);
}

int engine_volume_list(struct engine *en, bool sizes, struct volume_list *ret, struct err *e)
{
	return CALL(volume_list, sizes, ret);
}

int engine_volume_remove(struct engine *en, const char *name, struct err *e)
{
	return CALL(volume_remove, name);
}

int engine_network_create(struct engine *en, const struct network_config *what,
	char ret_id[ENGINE_ID_SIZE], struct err *e)
{
	return CALL(network_create, what, ret_id);
}

int engine_network_inspect(
	struct engine *en, const char *name, struct network_info *ret, struct err *e)
{
	return CALL(network_inspect, name, ret);
}

int engine_network_list(struct engine *en, struct network_list *ret, struct err *e)
{
	return CALL(network_list, ret);
}

int engine_network_remove(struct engine *en, const char *name, struct err *e)
{
	return CALL(network_remove, name);
}

int engine_network_connect(
	struct engine *en, const char *id, const struct endpoint_config *endpoint, struct err *e)
{
	return CALL(network_connect, id, endpoint);
}

int engine_network_disconnect(
	struct engine *en, const char *id, const char *network, bool force, struct err *e)
{
	return CALL(network_disconnect, id, network, force);
}

int engine_network_reload(struct engine *en, struct err *e)
{
	return CALL(network_reload);
}

int engine_events(struct engine *en, int64_t since, int64_t until, engine_event_each *each,
	void *arg, struct err *e)
{
	return CALL(events, since, until, each, arg);
}

int engine_info(struct engine *en, struct engine_info *ret, struct err *e)
{
	return CALL(info, ret);
}

int engine_doctor(struct engine *en, struct check_list *ret, struct err *e)
{
	return en ? CALL(doctor, ret) : local_doctor(NULL, ret, e);
}

int engine_system_check(
	struct engine *en, const struct check_options *o, struct finding_list *ret, struct err *e)
{
	return CALL(system_check, o, ret);
}

int engine_usage(struct engine *en, struct engine_usage *ret, struct err *e)
{
	return CALL(usage, ret);
}

int engine_container_size(
	struct engine *en, const char *id, uint64_t *ret_own, uint64_t *ret_all, struct err *e)
{
	return CALL(container_size, id, ret_own, ret_all);
}

int engine_resume(struct engine *en, struct err *e)
{
	return CALL(resume);
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
