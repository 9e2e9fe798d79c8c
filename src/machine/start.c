/* redock start: a machine exists, runs, answers and can be reached by its alias. */
#include "machine/access.h"
#include "machine/base.h"
#include "machine/basefiles.h"
#include "machine/name.h"
#include "base/mem.h"

#include <string.h>

#define DEFAULT_TIMEOUT 30000 /* ms */
#define NOTIFY_PATH     "/run/redock/notify"
#define TAIL_LINES      10

/* For an image with an SSH server but without our boot script: the server alone, with our keys. */
static const char bare_sshd[] =
	"mkdir -p /run/sshd && exec " BASE_SSHD " -D -e -h " ACCESS_TARGET "/ssh_host_ed25519_key "
	"-o 'AuthorizedKeysFile " ACCESS_TARGET "/authorized_keys .ssh/authorized_keys' "
	"-o 'PermitRootLogin prohibit-password'";

/* What one start is about. */
struct work {
	struct engine *engine;
	const struct machine_name *name;
	const struct machine_start *options;
	struct machine_started *ret;
	struct person person;
	struct container_info info;
	char host[64];
};

static void work_release(struct work *w)
{
	person_release(&w->person);
	container_info_release(&w->info);
}

static int lock_machine(struct engine *en, const struct machine_name *name, struct err *e)
{
	auto_free char *text = xasprintf("machine:%s", name->text);

	return engine_lock(en, text, e);
}

static int inspect(struct work *w, struct err *e)
{
	container_info_release(&w->info);
	w->info = (struct container_info){ 0 };
	return engine_inspect_machine(w->engine, w->name->text, &w->info, e);
}

/* ---- which image ---- */

/* Refuses an image in which nobody would answer. *ret_bare: it has a server, but not
 * our way of starting it. */
static int check_from(struct work *w, const char *from, bool *ret_bare, struct err *e)
{
	char shown[MACHINE_SHOWN_SIZE];
	bool boot = false, sshd = false;
	int r = engine_image_has_path(w->engine, from, BASE_BOOT, &boot, e);

	if (r >= 0 && !boot)
		r = engine_image_has_path(w->engine, from, BASE_SSHD, &sshd, e);
	if (r == -ENOENT)
		return err_hint(e, "redock images");
	if (r < 0)
		return r;
	*ret_bare = !boot;
	if (boot || sshd)
		return 0;
	machine_shown(from, shown);
	err_set(e, EINVAL, "image '%s' has no SSH server, which a machine needs", shown);
	return err_hint(e, "redock start %s (from the base image), or redock run -it %s sh",
		w->name->tag, shown);
}

/* The image to create from: its own, the one that was asked for, or the base image. */
static int choose_image(struct work *w, const char **ret, bool *ret_bare, struct err *e)
{
	const char *from = w->options->from;
	int r = engine_image_inspect(w->engine, w->name->text, NULL, e);

	*ret_bare = false;
	*ret = w->name->text;
	if (r != -ENOENT)
		return r < 0 ? r : check_from(w, *ret, ret_bare, e);
	err_clear(e);
	*ret = from ? from : BASE_IMAGE;
	if (from && !str_eq(from, BASE_IMAGE))
		return check_from(w, from, ret_bare, e);
	return base_ensure(w->engine, w->options->mirror, e);
}

/* ---- create and start ---- */

static int create(struct work *w, const char *image, bool bare, struct err *e)
{
	auto_free char *ssh = access_mount_source(w->engine, w->name);
	auto_container_config config = {
		.machine = xstrdup(w->name->text),
		.image = xstrdup(image),
		.hostname = xstrdup(w->host),
		.network = xstrdup("bridge"),
		.notify_path = xstrdup(NOTIFY_PATH),
	};
	struct mount_config *run = container_config_add_mount(&config), *keys;
	char id[ENGINE_ID_SIZE];

	run->type = MOUNT_TMPFS;
	run->target = xstrdup("/run");
	run->mode = 0755;
	keys = container_config_add_mount(&config);
	keys->type = MOUNT_BIND;
	keys->source = take_ptr(&ssh);
	keys->target = xstrdup(ACCESS_TARGET);
	keys->read_only = true;
	if (bare) {
		strv_push(&config.entrypoint, ""); /* none */
		strv_push(&config.cmd, "/bin/sh");
		strv_push(&config.cmd, "-c");
		strv_push(&config.cmd, bare_sshd);
		strv_push(&config.env, "NOTIFY_SOCKET=" NOTIFY_PATH);
	}
	return engine_create(w->engine, &config, id, e);
}

/* No machine yet: an image, keys, a container. What fails here leaves no machine. */
static int make(struct work *w, struct err *e)
{
	char alias[MACHINE_ALIAS_SIZE];
	const char *image;
	bool bare;
	int r = choose_image(w, &image, &bare, e);

	machine_alias(w->host, alias);
	if (r >= 0)
		r = access_make(w->engine, w->name, e);
	if (r < 0)
		return r;
	r = access_prepare(w->engine, w->name, alias, &w->person, e);
	if (r >= 0)
		r = create(w, image, bare, e);
	if (r >= 0)
		r = inspect(w, e);
	if (r < 0) {
		struct err ignored = { 0 };

		access_forget(w->engine, w->name, &ignored);
		return r;
	}
	w->ret->created = true;
	return 0;
}

static int start_existing(struct work *w, struct err *e)
{
	struct err ignored = { 0 };
	int status, r = engine_start(w->engine, w->info.id, NULL, &status, e);

	if (r == -EALREADY) {
		err_clear(e);
		return inspect(w, e);
	}
	/* a machine that never ran has nothing to lose, and would only be in the way */
	if (r < 0 && w->ret->created &&
		engine_remove(w->engine, w->info.id, &(struct remove_options){ .force = true },
			&ignored) >= 0)
		access_forget(w->engine, w->name, &ignored);
	if (r < 0)
		return r;
	w->ret->restarted = !w->ret->created;
	return inspect(w, e);
}

/* A machine keeps the host name that it was made with. */
static int check_hostname(struct work *w, struct err *e)
{
	if (!w->options->hostname || str_eq(w->info.config.hostname, w->host))
		return machine_slug(w->info.config.hostname, w->host, e);
	err_set(e, EEXIST, "machine '%s' is there already, with the host name '%s'", w->name->text,
		w->info.config.hostname);
	return err_hint(e, "leave --hostname out, or make it anew: redock kill %s", w->name->text);
}

/* With the machine's lock held: it exists and its processes run; the person's key may log in. */
static int bring_up(struct work *w, struct err *e)
{
	int r = inspect(w, e);

	if (r == -ENOENT) {
		err_clear(e);
		r = make(w, e);
		machine_alias(w->host, w->ret->alias);
	} else if (r >= 0) {
		r = check_hostname(w, e);
		machine_alias(w->host, w->ret->alias);
		if (r >= 0)
			r = access_prepare(w->engine, w->name, w->ret->alias, &w->person, e);
	}
	if (r >= 0 && w->info.state == CONTAINER_PAUSED) {
		err_set(e, EBUSY, "machine '%s' is paused", w->name->text);
		return err_hint(e, "another command reads it; try again when that has ended");
	}
	if (r >= 0 && w->info.state != CONTAINER_RUNNING)
		r = start_existing(w, e);
	return r;
}

/* ---- readiness ---- */

static int add_entry(void *arg, const struct log_entry *entry)
{
	str_add_data(arg, entry->data, entry->len);
	return 0;
}

static int not_ready(struct work *w, int why, struct err *e)
{
	auto_str log = STR_INIT(400);
	auto_str tail = STR_INIT((size_t)1 << 20);
	struct err ignored = { 0 };
	const struct log_options wanted = {
		.standard_output = true, .standard_error = true, .tail = TAIL_LINES
	};
	const char *from;

	if (why != -ETIMEDOUT && why != -ESRCH)
		return why;
	if (engine_logs(w->engine, w->info.id, &wanted, add_entry, &tail, &ignored) < 0 ||
		!tail.len)
		str_add(&tail, "(it printed nothing)");
	while (tail.len && tail.data[tail.len - 1] == '\n')
		str_truncate(&tail, tail.len - 1);
	/* an error holds so much and no more: the end says why */
	from = str_text(&tail) + (tail.len > 390 ? tail.len - 390 : 0);
	/* it comes from the machine: no escape sequences for the person's terminal */
	for (; *from; from++)
		str_add_char(&log, (unsigned char)*from < 0x20 && *from != '\n' ? ' ' : *from);
	if (why == -ESRCH) {
		err_set(e, ESRCH,
			"machine '%s' ended before its SSH server answered; its last "
			"lines:\n%s",
			w->name->text, str_text(&log));
		return err_hint(e,
			"start it again to look closer, or throw it away: redock kill %s",
			w->name->text);
	}
	err_set(e, ETIMEDOUT,
		"the SSH server of machine '%s' did not answer within %d s; its last "
		"lines:\n%s",
		w->name->text,
		(w->options->timeout_ms > 0 ? w->options->timeout_ms : DEFAULT_TIMEOUT) / 1000,
		str_text(&log));
	return err_hint(e,
		"redock start %s --timeout 120 (waits longer), redock ps -a, or redock "
		"kill %s",
		w->name->text, w->name->text);
}

/* The lock was not held while we waited: it must still be the machine that we started. */
static int publish(struct work *w, struct err *e)
{
	auto_close int lock = lock_machine(w->engine, w->name, e);
	char id[ENGINE_ID_SIZE];
	int r;

	if (lock < 0)
		return lock;
	memcpy(id, w->info.id, sizeof id);
	r = inspect(w, e);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT || !str_eq(id, w->info.id) || w->info.state != CONTAINER_RUNNING)
		return err_set(e, ECANCELED, "machine '%s' was killed meanwhile", w->name->text);
	return access_publish(
		w->engine, w->name, w->ret->alias, container_info_address(&w->info), &w->person, e);
}

/* The first start of all makes the base image, which may take minutes: not with the lock held, nor
 * for a machine whose alias is taken. */
static int prepare_base(struct work *w, struct err *e)
{
	char alias[MACHINE_ALIAS_SIZE];
	int r = inspect(w, e);

	machine_alias(w->host, alias);

	if (r == -ENOENT && !w->options->from) {
		r = engine_image_inspect(w->engine, w->name->text, NULL, e);
		if (r == -ENOENT) {
			err_clear(e);
			r = access_check(w->engine, w->name, alias, &w->person, e);
			return r < 0 ? r : base_ensure(w->engine, w->options->mirror, e);
		}
	}
	if (r == -ENOENT) {
		err_clear(e);
		return 0;
	}
	return r;
}

static int work_start(struct work *w, struct err *e)
{
	const char *host = w->options->hostname ? w->options->hostname : w->name->tag;
	int timeout = w->options->timeout_ms > 0 ? w->options->timeout_ms : DEFAULT_TIMEOUT;
	int lock, r = machine_slug(host, w->host, e);

	if (r >= 0 && str_eq(w->name->text, BASE_IMAGE)) {
		err_set(e, EINVAL, "'" BASE_IMAGE "' is the image that machines are made from");
		r = err_hint(e, "choose another name, such as 'demo'");
	}
	if (r >= 0)
		r = person_caller(&w->person, e);
	if (r >= 0)
		r = prepare_base(w, e);
	if (r < 0)
		return r;
	lock = lock_machine(w->engine, w->name, e);
	if (lock < 0)
		return lock;
	r = bring_up(w, e);
	close(lock);
	if (r >= 0 && !w->info.ready) {
		r = engine_wait(w->engine, w->info.id, WAIT_READY, timeout, e);
		if (r < 0)
			return not_ready(w, r, e);
	}
	return r < 0 ? r : publish(w, e);
}

int machine_start(struct engine *en, const struct machine_name *name,
	const struct machine_start *options, struct machine_started *ret, struct err *e)
{
	struct machine_started done = { 0 };
	__attribute__((cleanup(work_release))) struct work w = {
		.engine = en, .name = name, .options = options, .ret = &done
	};
	int r = work_start(&w, e);

	if (r < 0)
		return r == -ETIMEDOUT || r == -ESRCH
			       ? r
			       : err_wrap(e, "cannot start machine '%s'", name->text);
	*ret = done;
	return 0;
}
