/* From a container's configuration to the specification that the runtime executes. */
#include "runtime/spec.h"
#include "base/mem.h"
#include "base/proc.h"
#include "engine/local/filter.h"
#include "engine/local/local.h"
#include "engine/local/mounts.h"
#include "engine/local/namespaces.h"
#include "engine/local/options.h"
#include "runtime/posture.h"

#include <signal.h>

void local_set_supervision(const struct container_config *c, struct spec *s)
{
	const struct health_config *h = &c->health;

	strv_release(&s->annotations);
	strv_pushf(&s->annotations, "image=%s", c->image);
	strv_extend(&s->annotations, c->labels.v);
	s->restart = c->restart;
	s->restart_max = c->restart_max;
	strv_release(&s->health);
	if (h->test.n > 1) /* {"NONE"} is none */
		strv_extend(&s->health, h->test.v);
	s->health_interval = h->interval;
	s->health_timeout = h->timeout;
	s->health_start_period = h->start_period;
	s->health_start_interval = h->start_interval;
	s->health_retries = h->retries;
	free(s->log_driver);
	s->log_driver = c->log_driver ? xstrdup(c->log_driver) : NULL;
	strv_release(&s->log_opts);
	strv_extend(&s->log_opts, c->log_opts.v);
}

static int set_layers(struct local *l, const struct container *c, struct spec *s, struct err *e)
{
	strv_push(&s->lower, "skeleton");
	for (size_t i = c->layers.n; i-- > 0;) {
		char name[48];
		if (store_layer_name(l->store, c->layers.v[i], name, e) < 0)
			return -e->code;
		strv_pushf(&s->lower, "layers/%s", name);
	}
	s->state_dir = xstrdup(l->root);
	s->upper = xasprintf("containers/%s/upper", c->id);
	s->work = xasprintf("containers/%s/work", c->id);
	s->mountpoint = xstrdup("mnt");
	s->volatile_root = c->config.auto_remove;
	s->read_only_root = c->config.read_only;
	return 0;
}

static void set_process(const struct container_config *c, struct spec *s)
{
	int stop_signal = c->stop_signal ? proc_signal(c->stop_signal) : SIGTERM;

	strv_extend(&s->args, c->entrypoint.v);
	strv_extend(&s->args, c->cmd.v);
	strv_extend(&s->env, c->env.v);
	if (!strv_get_env(&s->env, "HOSTNAME"))
		strv_pushf(&s->env, "HOSTNAME=%s", c->hostname);
	if (c->tty && !strv_get_env(&s->env, "TERM"))
		strv_push(&s->env, "TERM=xterm");
	s->cwd = xstrdup(c->workdir);
	s->user = xstrdup(c->user ? c->user : "");
	strv_extend(&s->groups, c->groups.v);
	s->tty = c->tty;
	s->console_rows = c->console_rows;
	s->console_columns = c->console_columns;
	s->stdin_open = c->stdin_open;
	s->init = true;
	s->stop_signal = stop_signal > 0 ? stop_signal : SIGTERM;
	s->hostname = xstrdup(c->hostname);
	s->domainname = c->domainname ? xstrdup(c->domainname) : NULL;
	s->notify_path = c->notify_path ? xstrdup(c->notify_path) : NULL;
}

/* A person's own mount at the same place wins. */
static void add_etc_files(struct local *l, const struct container *c, struct spec *s)
{
	static const char *const etc[] = { "hosts", "hostname", "resolv.conf" };

	for (size_t i = 0; i < ARRAY_SIZE(etc); i++) {
		auto_free char *target = xasprintf("/etc/%s", etc[i]);
		struct spec_mount *m;
		bool own = false;
		for (size_t k = 0; k < c->config.n_mounts; k++)
			own = own || str_eq(c->config.mounts[k].target, target);
		if (own)
			continue;
		m = spec_add_mount(s);
		m->type = SPEC_BIND;
		m->source = xasprintf("%s/containers/%s/%s", l->root, c->id, etc[i]);
		m->target = take_ptr(&target);
		m->read_only = c->config.read_only;
	}
}

/* What every container starts from. */
static void set_posture(const struct container_config *c, struct spec *s)
{
	posture_fill(s);
	if (c->privileged)
		posture_privilege(s);
}

static int set_isolation(struct local *l, const struct container *c, struct spec *s, struct err *e)
{
	const struct container_config *config = &c->config;
	struct security security;
	auto_close int dir = -1;
	uint64_t caps;

	if (caps_parse(config, &caps, e) < 0 || security_parse(config, &security, e) < 0 ||
		(security.seccomp_profile && (dir = fs_open_dir(l->dirs.containers, c->id, e)) < 0))
		return -e->code;
	s->shm_size = config->shm_size ? config->shm_size : POSTURE_SHM_SIZE;
	set_posture(config, s);
	security_to_spec(config, &security, caps, s);
	if (filter_make(l, c->id, dir, &security, caps, &s->seccomp, e) < 0)
		return -e->code;
	limits_to_spec(config, s);
	resources_to_cgroup(&config->resources, true, &s->resources);
	s->resources.oom_kill_disable = config->oom_kill_disable;
	s->network = str_eq(config->network, "host") ? SPEC_NETWORK_HOST : SPEC_NETWORK_PREPARED;
	s->cgroup = local_cgroup(l, c->id);
	if (devices_to_spec(config, s, e) < 0)
		return -e->code;
	return namespaces_to_spec(l, c, s, e);
}

int local_build_spec(struct local *l, const struct container *c, struct spec *s, struct err *e)
{
	s->id = xstrdup(c->id);
	s->run_root = xstrdup(l->run_root);
	s->name = xstrdup(c->config.name);
	s->machine = c->config.machine ? xstrdup(c->config.machine) : NULL;
	s->auto_remove = c->config.auto_remove;
	set_process(&c->config, s);
	local_set_supervision(&c->config, s);
	if (set_layers(l, c, s, e) < 0 || set_isolation(l, c, s, e) < 0 ||
		mounts_to_spec(l, c, s, e) < 0)
		return -e->code;
	add_etc_files(l, c, s);
	return 0;
}
