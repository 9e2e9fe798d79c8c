/* From a container's configuration to the specification that the runtime executes. */
#include "runtime/spec.h"
#include "base/mem.h"
#include "engine/local/local.h"
#include "runtime/posture.h"

static void add_mount(struct spec *s, const struct mount_config *m, char *source)
{
	s->mounts = xrealloc_array(s->mounts, s->n_mounts + 1, sizeof *s->mounts);
	s->mounts[s->n_mounts++] = (struct spec_mount){
		.type = m->type == MOUNT_TMPFS ? SPEC_TMPFS : SPEC_BIND,
		.source = source,
		.target = xstrdup(m->target),
		.read_only = m->read_only,
		.size = m->size,
		.mode = m->mode,
	};
}

/* Memory without a word about swap: as much of it again, as Docker has it, where that is counted.
 * Without control groups there is nothing by which our own limit of processes could be set. */
static void set_limits(struct cgroup_resources *r, const struct resources *wanted)
{
	struct cgroup_support support = { 0 };
	bool none = cgroup_layout() == CGROUP_NONE;

	r->memory_swappiness = -1;
	r->memory = wanted->memory;
	if (r->memory > 0 && r->memory <= INT64_MAX / 2) {
		cgroup_support(&support);
		r->memory_swap = support.swap ? r->memory * 2 : 0;
	}
	r->nano_cpus = wanted->nano_cpus;
	r->pids = wanted->pids_limit > 0   ? wanted->pids_limit
		  : wanted->pids_limit < 0 ? -1
		  : none                   ? 0
					   : POSTURE_PIDS_LIMIT;
	if (none && r->pids < 0)
		r->pids = 0;
	cgroup_default_devices(r);
}

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

int local_build_spec(struct local *l, const struct container *c, struct spec *s, struct err *e)
{
	static const char *const etc[] = { "hosts", "hostname", "resolv.conf" };

	s->id = xstrdup(c->id);
	strv_extend(&s->args, c->config.entrypoint.v);
	strv_extend(&s->args, c->config.cmd.v);
	strv_extend(&s->env, c->config.env.v);
	if (!strv_get_env(&s->env, "HOSTNAME"))
		strv_pushf(&s->env, "HOSTNAME=%s", c->config.hostname);
	if (c->config.tty && !strv_get_env(&s->env, "TERM"))
		strv_push(&s->env, "TERM=xterm");
	s->cwd = xstrdup(c->config.workdir);
	s->user = xstrdup(c->config.user ? c->config.user : "");
	s->tty = c->config.tty;
	s->console_rows = c->config.console_rows;
	s->console_columns = c->config.console_columns;
	s->stdin_open = c->config.stdin_open;
	s->init = true;
	s->umask = -1;
	s->caps = (struct spec_caps){ posture_caps, posture_caps, posture_caps, 0, 0 };
	s->state_dir = xstrdup(l->root);
	s->run_root = xstrdup(l->run_root);
	strv_push(&s->lower, "skeleton");
	for (size_t i = c->layers.n; i-- > 0;) {
		char name[48];
		if (store_layer_name(l->store, c->layers.v[i], name, e) < 0)
			return -e->code;
		strv_pushf(&s->lower, "layers/%s", name);
	}
	s->upper = xasprintf("containers/%s/upper", c->id);
	s->work = xasprintf("containers/%s/work", c->id);
	s->mountpoint = xstrdup("mnt");
	s->volatile_root = c->config.auto_remove;
	s->hostname = xstrdup(c->config.hostname);
	for (size_t i = 0; i < c->config.n_mounts; i++)
		add_mount(s, &c->config.mounts[i],
			c->config.mounts[i].source ? xstrdup(c->config.mounts[i].source) : NULL);
	for (size_t i = 0; i < ARRAY_SIZE(etc); i++) {
		char target[24];
		const struct mount_config m = { .type = MOUNT_BIND, .target = target };
		snprintf(target, sizeof target, "/etc/%s", etc[i]);
		add_mount(s, &m, xasprintf("%s/containers/%s/%s", l->root, c->id, etc[i]));
	}
	s->notify_path = c->config.notify_path ? xstrdup(c->config.notify_path) : NULL;
	s->network = str_eq(c->config.network, "host") ? SPEC_NETWORK_HOST : SPEC_NETWORK_PREPARED;
	s->cgroup = local_cgroup(l, c->id);
	set_limits(&s->resources, &c->config.resources);
	s->shm_size = POSTURE_SHM_SIZE;
	s->name = xstrdup(c->config.name);
	s->machine = c->config.machine ? xstrdup(c->config.machine) : NULL;
	s->auto_remove = c->config.auto_remove;
	local_set_supervision(&c->config, s);
	return 0;
}
