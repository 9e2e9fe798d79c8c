/* The containers and images of test_cli_fake.h: an implementation of engine/ops.h. */
#include "test_cli_fake.h"
#include "base/mem.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>

static void fill(const struct fake_container *c, struct container_info *ret)
{
	*ret = (struct container_info){
		.config = { .name = xstrdup(c->name),
			.machine = c->machine ? xstrdup(c->machine) : NULL,
			.image = xstrdup(c->image),
			.hostname = xstrdup("host"),
			.network = xstrdup("bridge") },
		.image_id = xstrdup("sha256:0123456789abcdef0123456789abcdef"),
		.command = xstrdup("sh -c 'printf \033[31m; sleep 1000'"),
		.endpoints = xcalloc(1, sizeof *ret->endpoints),
		.n_endpoints = 1,
		.state = c->state,
		.exit_code = c->state == CONTAINER_EXITED ? 3 : 0,
		.created = 1700000000000000000,
	};
	ret->endpoints[0].network = xstrdup("bridge");
	ret->endpoints[0].address = xstrdup(c->state == CONTAINER_RUNNING ? "10.0.0.2" : "");
	strv_push(&ret->config.labels, "a.key=a\xc2\x9b=value");
	snprintf(ret->id, sizeof ret->id, "%s", c->id);
	if (fake.describe)
		fake.describe(ret);
}

static int fake_inspect(
	struct engine *engine, const char *name, struct container_info *ret, struct err *e)
{
	const struct fake_container *found = NULL;

	for (const struct fake_container *c = fake.containers; c && c->id; c++)
		if (str_eq(c->name, name) || (c->machine && str_eq(c->machine, name))) {
			fill(c, ret);
			return 0;
		}
	for (const struct fake_container *c = fake.containers; c && c->id; c++)
		if (strlen(name) >= 4 && str_starts(c->id, name)) {
			if (found)
				return err_set(e, ENOTUNIQ,
					"'%s' is the beginning of more than one id", name);
			found = c;
		}
	if (!found)
		return err_set(e, ENOENT, "no container '%s'", name);
	fill(found, ret);
	return 0;
}

static int fake_find(
	struct engine *engine, const char *name, char ret_id[ENGINE_ID_SIZE], struct err *e)
{
	for (const struct fake_container *c = fake.containers; c && c->id; c++)
		if (!c->machine && str_eq(c->name, name)) {
			snprintf(ret_id, ENGINE_ID_SIZE, "%s", c->id);
			return 0;
		}
	return err_set(e, ENOENT, "no container named '%s'", name);
}

static int fake_inspect_machine(
	struct engine *engine, const char *machine, struct container_info *ret, struct err *e)
{
	for (const struct fake_container *c = fake.containers; c && c->id; c++)
		if (c->machine && str_eq(c->machine, machine)) {
			fill(c, ret);
			return 0;
		}
	return err_set(e, ENOENT, "no machine '%s'", machine);
}

static int fake_list(struct engine *engine, bool all, struct container_list *ret, struct err *e)
{
	for (const struct fake_container *c = fake.containers; c && c->id; c++) {
		if (!all && c->state != CONTAINER_RUNNING)
			continue;
		ret->v = xrealloc_array(ret->v, ret->n + 1, sizeof *ret->v);
		fill(c, &ret->v[ret->n++]);
	}
	return 0;
}

static int fake_create(struct engine *engine, const struct container_config *c,
	char ret_id[ENGINE_ID_SIZE], struct err *e)
{
	bool found = str_eq(c->image, "img");

	for (const char *const *i = fake.images; i && *i; i++)
		found |= str_eq(*i, c->image);
	if (!found)
		return err_set(e, ENOENT, "no image named '%s'", c->image);
	if (fake.whole_config) {
		auto_json *j = json_object();
		auto_free char *text = NULL;

		container_config_to_json(c, j);
		text = json_text(j);
		note("create %s\n", text);
	} else {
		note("create name=%s image=%s", c->name ? c->name : "-", c->image);
		note_list("cmd", c->cmd.v);
		note_list("env", c->env.v);
		note(" host=%s dir=%s user=%s net=%s tty=%d in=%d rm=%d mem=%lld cpus=%lld "
		     "pids=%lld\n",
			c->hostname ? c->hostname : "-", c->workdir ? c->workdir : "-",
			c->user ? c->user : "-", c->network ? c->network : "-", c->tty,
			c->stdin_open, c->auto_remove, (long long)c->resources.memory,
			(long long)c->resources.nano_cpus, (long long)c->resources.pids_limit);
	}
	fake_engine_of(engine)->session_command = xstrdup(c->cmd.n ? c->cmd.v[0] : "true");
	snprintf(ret_id, ENGINE_ID_SIZE, "feedc0de");
	return 0;
}

static int fake_start(struct engine *engine, const char *id, struct session **ret_session,
	int *ret_exec_status, struct err *e)
{
	note("start %s%s\n", id, ret_session ? " attached" : "");
	if (fake.start_code) {
		*ret_exec_status = fake.start_exec_status;
		return err_set(e, fake.start_code, "cannot execute 'nosuch'");
	}
	if (ret_session && !fake_engine_of(engine)->session_command)
		fake_engine_of(engine)->session_command = xstrdup("true");
	return ret_session ? fake_session(fake_engine_of(engine), ret_session, e) : 0;
}

static int fake_kill(struct engine *engine, const char *id, int signal_number, struct err *e)
{
	pid_t pid = *fake_engine_of(engine)->session_pid;

	note("kill %s %d\n", id, signal_number);
	if (pid)
		kill(-pid, signal_number);
	return 0;
}

static int fake_wait(
	struct engine *engine, const char *id, enum wait_for what, int timeout_ms, struct err *e)
{
	note("wait %s %s %d\n", id, what == WAIT_EXIT ? "exit" : "ready", timeout_ms);
	return str_eq(id, fake.stubborn ? fake.stubborn : "")
		       ? err_set(e, ETIMEDOUT, "container '%s' still runs", id)
		       : 137;
}

static int fake_remove(
	struct engine *engine, const char *id, const struct remove_options *o, struct err *e)
{
	note("remove %s%s%s\n", id, o->force ? " force" : "", o->volumes ? " volumes" : "");
	for (const struct fake_container *c = fake.containers; c && c->id; c++)
		if (str_eq(c->id, id) && c->state == CONTAINER_RUNNING && !o->force)
			return err_set(e, EBUSY, "container '%s' runs", c->name);
	return 0;
}

static int fake_commit(struct engine *engine, const char *id, const char *reference,
	const struct commit_options *o, char ret_image_id[72], struct err *e)
{
	note("commit %s %s m=%s a=%s\n", id, reference ? reference : "-",
		o->message ? o->message : "-", o->author ? o->author : "-");
	snprintf(ret_image_id, 72, "sha256:1111");
	return 0;
}

/* ---- images ---- */

static struct image_info make_image(const char *reference)
{
	return (struct image_info){
		.reference = xstrdup(reference),
		.id = xstrdup("sha256:0123456789abcdef0123456789abcdef"),
		.created = 1700000000000000000,
		.size = 123456789,
	};
}

static int fake_image_list(struct engine *engine, struct image_list *ret, struct err *e)
{
	for (const char *const *i = fake.images; i && *i; i++) {
		ret->v = xrealloc_array(ret->v, ret->n + 1, sizeof *ret->v);
		ret->v[ret->n++] = make_image(*i);
	}
	return 0;
}

static int fake_image_inspect(
	struct engine *engine, const char *reference, struct image_info *ret, struct err *e)
{
	for (const char *const *i = fake.images; i && *i; i++)
		if (str_eq(*i, reference)) {
			if (ret)
				*ret = make_image(*i);
			return 0;
		}
	return err_set(e, ENOENT, "no image named '%s'", reference);
}

static int fake_image_import(struct engine *engine, int fd, const char *reference,
	const struct import_options *o, char ret_image_id[72], struct err *e)
{
	char block[64];
	ssize_t n = read(fd, block, sizeof block);

	note("import %zd bytes as %s m=%s\n", n, reference, o->message ? o->message : "-");
	snprintf(ret_image_id, 72, "sha256:2222");
	return 0;
}

static int fake_image_remove(
	struct engine *engine, const char *reference, bool force, struct err *e)
{
	note("untag %s%s\n", reference, force ? " force" : "");
	if (str_eq(reference, "used:1") && !force)
		return err_set(e, EBUSY, "container 'web' was made from it");
	return 0;
}

/* ---- registries: one that has alpine:3 ---- */

static int fake_image_pull(struct engine *engine, const char *reference, const struct transfer *how,
	struct transferred_list *ret, struct err *e)
{
	struct transfer_event waits = { "0123456789ab", "Waiting", 0, 10 },
			      comes = { "0123456789ab", "Downloading", 5, 10 },
			      done = { "0123456789ab", "Pull complete", 10, 10 };

	note("pull %s%s%s%s\n", reference, how->all ? " all" : "", how->platform ? " for " : "",
		how->platform ? how->platform : "");
	if (!str_starts(reference, "alpine"))
		return err_set(e, ENOENT, "'docker.io' has no such image");
	how->each(how->arg, &waits);
	how->each(how->arg, &comes);
	how->each(how->arg, &comes);
	how->each(how->arg, &done);
	ret->v = xcalloc(1, sizeof *ret->v);
	ret->n = 1;
	ret->v[0] = (struct transferred){ xstrdup("docker.io/library/alpine:3"),
		xstrdup("sha256:3333"), xstrdup("sha256:4444"), true, 7 };
	return 0;
}

static int fake_image_push(struct engine *engine, const char *reference, const struct transfer *how,
	struct transferred_list *ret, struct err *e)
{
	if (str_starts(reference, "nosuch"))
		return err_set(e, ENOENT, "no image named '%s'", reference);
	note("push ");
	return fake_image_pull(engine, reference, how, ret, e);
}

static int fake_login(
	struct engine *engine, const struct login *login, struct login_result *ret, struct err *e)
{
	note("login %s %s %s\n", login->host ? login->host : "-", login->user, login->password);
	ret->host = xstrdup("docker.io");
	return str_eq(login->password, "wrong") ? err_set(e, EACCES, "not you") : 0;
}

static int fake_logout(
	struct engine *engine, const char *host, struct login_result *ret, struct err *e)
{
	note("logout %s\n", host ? host : "-");
	*ret = (struct login_result){ xstrdup(host ? host : "docker.io"), host != NULL, !host };
	return 0;
}

/* ---- the engine ---- */

static int fake_reset(struct engine *engine, struct err *e)
{
	note("reset\n");
	return 0;
}

static void fake_close(struct engine *engine)
{
	struct fake_engine *f = fake_engine_of(engine);

	munmap((void *)f->session_pid, 4096);
	free(f->session_command);
	free(f);
}

/* A host with one of each; without an engine, the last is missing. */
int local_doctor(struct engine *en, struct check_list *ret, struct err *e)
{
	static const struct check all[] = {
		{ CHECK_GOOD, "kernel", (char *)"openat2", (char *)"here", NULL, NULL },
		{ CHECK_NOTE, "kernel", (char *)"cpuset", (char *)"missing", "less works", NULL },
		{ CHECK_BAD, "programs", (char *)"redock-x", (char *)"missing", "it fails",
			"make install" },
	};

	ret->n = en ? fake.doctor_checks : 1;
	ret->v = xcalloc(ret->n, sizeof *ret->v);
	for (size_t i = 0; i < ret->n; i++) {
		ret->v[i] = all[i];
		ret->v[i].name = xstrdup(all[i].name);
		ret->v[i].found = xstrdup(all[i].found);
	}
	return 0;
}

static struct engine_ops fake_ops = {
	.close = fake_close,
	.create = fake_create,
	.start = fake_start,
	.wait = fake_wait,
	.kill = fake_kill,
	.remove = fake_remove,
	.inspect = fake_inspect,
	.find = fake_find,
	.inspect_machine = fake_inspect_machine,
	.list = fake_list,
	.commit = fake_commit,
	.image_list = fake_image_list,
	.image_inspect = fake_image_inspect,
	.image_import = fake_image_import,
	.image_remove = fake_image_remove,
	.image_pull = fake_image_pull,
	.image_push = fake_image_push,
	.login = fake_login,
	.logout = fake_logout,
	.doctor = local_doctor,
	.reset = fake_reset,
};

/* engine_open() of the real engine.c calls this for "local:". */
int local_engine_open(const struct engine_options *o, struct engine **ret, struct err *e)
{
	struct fake_engine *f;

	if (fake.open_code) {
		err_set(e, fake.open_code, "redock needs root");
		return err_hint(e, "sudo redock");
	}
	note("open root=%s run_root=%s bridge=%s subnet=%s\n", o->root ? o->root : "-",
		o->run_root ? o->run_root : "-", o->bridge ? o->bridge : "-",
		o->subnet ? o->subnet : "-");
	fake_more_ops(&fake_ops);
	f = xcalloc(1, sizeof *f);
	f->engine = (struct engine){ &fake_ops, o->say, o->say_arg };
	f->session_pid =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*ret = &f->engine;
	return 0;
}
