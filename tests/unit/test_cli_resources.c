/* More of the engine of test_cli_fake.h: life, files, events, volumes, networks, figures. */
#include "test_cli_fake.h"
#include "base/mem.h"

#include <inttypes.h>
#include <string.h>

/* ---- life ---- */

static int fake_stop(struct engine *engine, const char *id, int timeout, struct err *e)
{
	note("stop %s %d\n", id, timeout == STOP_DEFAULT ? -99 : timeout);
	return 0;
}

static int fake_pause(struct engine *engine, const char *id, struct err *e)
{
	note("pause %s\n", id);
	return str_eq(id, "aaaa2222") ? err_set(e, EALREADY, "container 'old' is paused already")
				      : 0;
}

static int fake_unpause(struct engine *engine, const char *id, struct err *e)
{
	note("unpause %s\n", id);
	return 0;
}

static int fake_rename(struct engine *engine, const char *id, const char *name, struct err *e)
{
	note("rename %s %s\n", id, name);
	return 0;
}

static int fake_update(
	struct engine *engine, const char *id, const struct update_config *u, struct err *e)
{
	note("update %s mem=%" PRId64 " cpus=%" PRId64 " restart=%s:%" PRId64 "\n", id,
		u->resources.memory, u->resources.nano_cpus,
		u->set_restart ? restart_policy_text(u->restart) : "-", u->restart_max);
	return 0;
}

static int fake_attach(struct engine *engine, const char *id, const struct attach_options *o,
	struct session **ret, struct err *e)
{
	note("attach %s in=%d\n", id, o->stdin_open);
	fake_engine_of(engine)->session_command = xstrdup("echo_attached;exit_4");
	return fake_session(fake_engine_of(engine), ret, e);
}

static int fake_exec(struct engine *engine, const char *id, const struct exec_config *c,
	struct session **ret, int *ret_exec_status, struct err *e)
{
	note("exec %s", id);
	note_list("args", c->args.v);
	note_list("env", c->env.v);
	note(" dir=%s user=%s tty=%d in=%d privileged=%d detach=%d\n",
		c->workdir ? c->workdir : "-", c->user ? c->user : "-", c->tty, c->stdin_open,
		c->privileged, c->detach);
	if (str_eq(c->args.v[0], "nosuch")) {
		*ret_exec_status = 127;
		return err_set(e, ENOENT, "cannot execute 'nosuch'");
	}
	if (!ret)
		return 0;
	fake_engine_of(engine)->session_command = xstrdup(c->args.v[0]);
	return fake_session(fake_engine_of(engine), ret, e);
}

static int fake_resume(struct engine *engine, struct err *e)
{
	note("resume\n");
	return 0;
}

/* ---- what a container does and has ---- */

static int fake_top(struct engine *engine, const char *id, char *const *args,
	struct process_table *ret, struct err *e)
{
	note("top %s", id);
	note_list("args", args);
	note("\n");
	strv_push(&ret->titles, "PID");
	strv_push(&ret->titles, "CMD");
	ret->rows = xcalloc(1, sizeof *ret->rows);
	ret->n_rows = 1;
	strv_push(&ret->rows[0], "7");
	strv_push(&ret->rows[0], "a\033b");
	return 0;
}

static int fake_logs(struct engine *engine, const char *id, const struct log_options *o,
	engine_log_each *each, void *arg, struct err *e)
{
	static const struct log_entry entries[] = {
		{ 1700000000000000000, 1, "one\n", 4, "a=b" },
		{ 1700000001000000000, 2, "two, ", 5, NULL },
		{ 1700000001000000000, 2, "whole\n", 6, NULL },
	};
	int r = 0;

	note("logs %s follow=%d tail=%" PRId64 " since=%" PRId64 " until=%" PRId64 "\n", id,
		o->follow, o->tail, o->since, o->until);
	for (size_t i = 0; i < ARRAY_SIZE(entries) && r == 0; i++)
		r = each(arg, &entries[i]);
	return r;
}

static int fake_stats(
	struct engine *engine, const char *id, struct container_stats *ret, struct err *e)
{
	static int64_t time = 1000000000;

	time += 1000000000;
	*ret = (struct container_stats){
		.time = 1700000000000000000 - time, /* a clock that goes back */
		.clock = time,
		.cpu_ns = (uint64_t)time / 4,
		.online_cpus = 2,
		.memory = 64 << 20,
		.memory_limit = 256 << 20,
		.net_received = 1200,
		.block_written = 3000000,
		.pids = 5,
	};
	return 0;
}

static int fake_copy_from(
	struct engine *engine, const char *id, const char *path, bool follow, int fd, struct err *e)
{
	note("copy_from %s %s follow=%d\n", id, path, follow);
	return 0;
}

static int fake_copy_to(struct engine *engine, const char *id, const char *path,
	const struct copy_to_options *o, int fd, struct err *e)
{
	note("copy_to %s %s owner=%d\n", id, path, o->keep_owner);
	return 0;
}

static int fake_download(struct engine *engine, const char *id, const char *path, const char *local,
	const struct transfer_options *o, struct err *e)
{
	note("download %s %s %s follow=%d owner=%d\n", id, path, local, o->follow_link,
		o->keep_owner);
	return 0;
}

static int fake_upload(struct engine *engine, const char *id, const char *local, const char *path,
	const struct transfer_options *o, struct err *e)
{
	note("upload %s %s %s follow=%d owner=%d\n", id, local, path, o->follow_link,
		o->keep_owner);
	return 0;
}

static int fake_export(struct engine *engine, const char *id, int fd, struct err *e)
{
	note("export %s\n", id);
	return write(fd, "tar", 3) == 3 ? 0 : err_errno(e, "write");
}

static int fake_diff(struct engine *engine, const char *id, struct change_list *ret, struct err *e)
{
	ret->v = xcalloc(2, sizeof *ret->v);
	ret->n = 2;
	ret->v[0] = (struct change){ CHANGE_MODIFIED, xstrdup("/etc") };
	ret->v[1] = (struct change){ CHANGE_ADDED, xstrdup("/etc/a\033b") };
	return 0;
}

static int fake_container_size(
	struct engine *engine, const char *id, uint64_t *ret_own, uint64_t *ret_all, struct err *e)
{
	*ret_own = 1200;
	*ret_all = 5000000;
	return 0;
}

/* ---- volumes ---- */

static struct volume_info make_volume(const char *name)
{
	return (struct volume_info){
		.name = xstrdup(name),
		.driver = xstrdup("local"),
		.mountpoint = xasprintf("/volumes/%s", name),
		.anonymous = strlen(name) > 10,
		.created = 1700000000000000000,
		.users = str_eq(name, "used"),
		.size = 2000,
	};
}

static int fake_volume_create(struct engine *engine, const struct volume_config *c,
	struct volume_info *ret, struct err *e)
{
	note("volume_create %s driver=%s", c->name ? c->name : "-", c->driver ? c->driver : "-");
	note_list("labels", c->labels);
	note_list("options", c->options);
	note("\n");
	*ret = make_volume(c->name ? c->name : "0123456789abcdef");
	return 0;
}

static int fake_volume_list(
	struct engine *engine, bool sizes, struct volume_list *ret, struct err *e)
{
	static const char *const names[] = { "data", "used", "0123456789abcdef" };

	ret->v = xcalloc(ARRAY_SIZE(names), sizeof *ret->v);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		ret->v[ret->n++] = make_volume(names[i]);
	return 0;
}

static int fake_volume_inspect(
	struct engine *engine, const char *name, struct volume_info *ret, struct err *e)
{
	if (!str_eq(name, "data") && !str_eq(name, "used"))
		return err_set(e, ENOENT, "no volume '%s'", name);
	*ret = make_volume(name);
	return 0;
}

static int fake_volume_remove(struct engine *engine, const char *name, struct err *e)
{
	note("volume_remove %s\n", name);
	if (str_eq(name, "used"))
		return err_set(e, EBUSY, "container 'web' mounts it");
	if (!str_eq(name, "data") && strlen(name) < 10)
		return err_set(e, ENOENT, "no volume '%s'", name);
	return 0;
}

/* ---- networks ---- */

static struct network_info make_network(const char *name)
{
	struct network_info n = {
		.name = xstrdup(name),
		.driver = xstrdup("bridge"),
		.subnet = xstrdup("172.30.0.0/24"),
		.gateway = xstrdup("172.30.0.1"),
		.bridge = xstrdup("br0"),
		.predefined = str_eq(name, "bridge"),
		.created = 1700000000000000000,
	};

	snprintf(n.id, sizeof n.id, "%s00112233445566778899", str_eq(name, "back") ? "ba" : "b1");
	strv_push(&n.labels, "tier=1");
	return n;
}

static int fake_network_create(struct engine *engine, const struct network_config *c,
	char ret_id[ENGINE_ID_SIZE], struct err *e)
{
	note("network_create %s driver=%s subnet=%s gateway=%s internal=%d", c->name,
		c->driver ? c->driver : "-", c->subnet ? c->subnet : "-",
		c->gateway ? c->gateway : "-", c->internal);
	note_list("labels", c->labels);
	note("\n");
	snprintf(ret_id, ENGINE_ID_SIZE, "ne70");
	return 0;
}

static int fake_network_list(struct engine *engine, struct network_list *ret, struct err *e)
{
	ret->v = xcalloc(2, sizeof *ret->v);
	ret->v[ret->n++] = make_network("bridge");
	ret->v[ret->n++] = make_network("back");
	return 0;
}

static int fake_network_inspect(
	struct engine *engine, const char *name, struct network_info *ret, struct err *e)
{
	if (!str_eq(name, "bridge") && !str_eq(name, "back"))
		return err_set(e, ENOENT, "no network '%s'", name);
	*ret = make_network(name);
	return 0;
}

static int fake_network_remove(struct engine *engine, const char *name, struct err *e)
{
	note("network_remove %s\n", name);
	return str_starts(name, "ba") ? 0 : err_set(e, ENOENT, "no network '%s'", name);
}

static int fake_network_connect(struct engine *engine, const char *id,
	const struct endpoint_config *endpoint, struct err *e)
{
	note("connect %s %s ip=%s", id, endpoint->network,
		endpoint->address ? endpoint->address : "-");
	note_list("aliases", endpoint->aliases.v);
	note("\n");
	return str_eq(endpoint->network, "back")
		       ? 0
		       : err_set(e, ENOENT, "no network '%s'", endpoint->network);
}

static int fake_network_disconnect(
	struct engine *engine, const char *id, const char *network, bool force, struct err *e)
{
	note("disconnect %s %s%s\n", id, network, force ? " force" : "");
	return 0;
}

/* ---- the engine as a whole ---- */

static int fake_events(struct engine *engine, int64_t since, int64_t until, engine_event_each *each,
	void *arg, struct err *e)
{
	struct event start = { 1700000000000000000, "container", "start", "aaaa1111bbbb", { 0 } };
	struct event create = { 1700000001000000000, "network", "create", "ba001122", { 0 } };
	int r;

	note("events since=%d until=%d\n", since != 0, until != 0);
	strv_push(&start.attributes, "image=img");
	strv_push(&start.attributes, "name=web");
	strv_push(&create.attributes, "name=ba\033ck");
	r = each(arg, &start);
	if (r == 0)
		r = each(arg, &create);
	strv_release(&start.attributes);
	strv_release(&create.attributes);
	return r;
}

static int fake_info(struct engine *engine, struct engine_info *ret, struct err *e)
{
	*ret = (struct engine_info){
		.version = xstrdup("9.9"),
		.root = xstrdup("/r"),
		.run_root = xstrdup("/n"),
		.kernel = xstrdup("6.1"),
		.operating_system = xstrdup("Debian"),
		.architecture = xstrdup("x86_64"),
		.host_name = xstrdup("host"),
		.cgroup = xstrdup("2"),
		.cgroup_manager = xstrdup("systemd"),
		.cpus = 2,
		.memory = 2ULL << 30,
		.containers = 4,
	};
	strv_push(&ret->security, "seccomp");
	strv_push(&ret->warnings, "no swap limit");
	return 0;
}

static int fake_usage(struct engine *engine, struct engine_usage *ret, struct err *e)
{
	*ret = (struct engine_usage){ 4, 1, 400000000, 100000000, 3, 1, 5000, 2000, 2, 1, 0, 0 };
	return 0;
}

void fake_more_ops(struct engine_ops *ops)
{
	ops->stop = fake_stop;
	ops->pause = fake_pause;
	ops->unpause = fake_unpause;
	ops->rename = fake_rename;
	ops->update = fake_update;
	ops->attach = fake_attach;
	ops->exec = fake_exec;
	ops->resume = fake_resume;
	ops->top = fake_top;
	ops->logs = fake_logs;
	ops->stats = fake_stats;
	ops->copy_from = fake_copy_from;
	ops->copy_to = fake_copy_to;
	ops->download = fake_download;
	ops->upload = fake_upload;
	ops->export = fake_export;
	ops->diff = fake_diff;
	ops->container_size = fake_container_size;
	ops->volume_create = fake_volume_create;
	ops->volume_list = fake_volume_list;
	ops->volume_inspect = fake_volume_inspect;
	ops->volume_remove = fake_volume_remove;
	ops->network_create = fake_network_create;
	ops->network_list = fake_network_list;
	ops->network_inspect = fake_network_inspect;
	ops->network_remove = fake_network_remove;
	ops->network_connect = fake_network_connect;
	ops->network_disconnect = fake_network_disconnect;
	ops->events = fake_events;
	ops->info = fake_info;
	ops->usage = fake_usage;
}
