/* What of a configuration is refused, before anything is made: the process, isolation and
 * supervision. Mounts and networks have files of their own. */
#include "base/mem.h"
#include "base/proc.h"
#include "engine/local/monitor/logopts.h"
#include "engine/local/options.h"

#include <string.h>

#define LIST_MAX 4096 /* entries of any list: no person writes so many */

/* Host names are written into files and given to sethostname(2), which takes 64 bytes. */
static int check_names(const struct container_config *c, struct err *e)
{
	if (strlen(c->hostname) > 64 || !str_is_one_line(c->hostname) ||
		strpbrk(c->hostname, " \t#"))
		return err_set(e, EINVAL, "'%.80s' cannot be a host name", c->hostname);
	if (c->domainname && (strlen(c->domainname) > 64 || !str_is_one_line(c->domainname) ||
				     strpbrk(c->domainname, " \t#")))
		return err_set(e, EINVAL, "'%.80s' cannot be a domain name", c->domainname);
	return 0;
}

static int check_labels(const struct container_config *c, struct err *e)
{
	for (size_t i = 0; i < c->labels.n; i++) {
		size_t n = strcspn(c->labels.v[i], "=");
		auto_free char *key = xstrndup(c->labels.v[i], n);
		auto_json *as_json = json_string(key);
		if (n == 0 || !as_json)
			return err_set(e, EINVAL, "'%.60s' cannot be a label", c->labels.v[i]);
		if (str_starts(key, "redock.") && !(c->machine && str_eq(key, "redock.machine"))) {
			err_set(e, EINVAL, "label '%.60s' is redock's own", key);
			return err_hint(e, "a label that does not begin with 'redock.'");
		}
	}
	return 0;
}

static int check_process(const struct container_config *c, struct err *e)
{
	const struct {
		const char *what;
		const struct strv *list;
	} lists[] = {
		{ "environment variables", &c->env },
		{ "labels", &c->labels },
		{ "groups", &c->groups },
		{ "sysctls", &c->sysctls },
		{ "capabilities", &c->cap_add },
		{ "device rules", &c->device_rules },
		{ "limits of devices", &c->throttles },
		{ "annotations", &c->annotations },
		{ "names of hosts", &c->extra_hosts },
		{ "exposed ports", &c->exposed },
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (lists[i].list->n > LIST_MAX)
			return err_set(
				e, E2BIG, "%zu %s are too many", lists[i].list->n, lists[i].what);
	if (c->workdir[0] != '/')
		return err_set(
			e, EINVAL, "working directory '%.80s' is not an absolute path", c->workdir);
	if (c->user && (strlen(c->user) > 512 || !str_is_one_line(c->user)))
		return err_set(e, EINVAL, "'%.40s' cannot be a user", c->user);
	for (size_t i = 0; i < c->env.n; i++)
		if (c->env.v[i][0] == '=' || !strchr(c->env.v[i], '='))
			return err_set(e, EINVAL,
				"'%.60s' is no environment variable: it has no name", c->env.v[i]);
	for (size_t i = 0; i < c->groups.n; i++)
		if (!*c->groups.v[i] || strlen(c->groups.v[i]) > 256 ||
			!str_is_one_line(c->groups.v[i]) || strchr(c->groups.v[i], ':'))
			return err_set(e, EINVAL, "'%.40s' cannot be a group", c->groups.v[i]);
	if (c->stop_signal && proc_signal(c->stop_signal) < 0) {
		err_set(e, EINVAL, "stop signal '%.40s' is no signal", c->stop_signal);
		return err_hint(e, "a name or number of signal(7), such as TERM, HUP or 9");
	}
	if (c->stop_timeout < -1 && c->stop_timeout != STOP_AT_ONCE)
		return err_set(e, EINVAL, "a stop timeout is a number of seconds, or -1 for ever");
	if (c->console_rows < 0 || c->console_rows > UINT16_MAX || c->console_columns < 0 ||
		c->console_columns > UINT16_MAX)
		return err_set(e, EINVAL, "a terminal of %lld rows and %lld columns cannot be",
			(long long)c->console_rows, (long long)c->console_columns);
	return 0;
}

/* "host", "container:NAME" and those that the kind of namespace has besides. */
static int check_mode(const char *what, const char *mode, const char *const *others, struct err *e)
{
	if (!mode || !*mode || str_eq(mode, "host"))
		return 0;
	for (; *others; others++)
		if (str_eq(mode, *others))
			return 0;
	err_set(e, EINVAL, "'%.60s' is no %s namespace that a container can have", mode, what);
	return err_hint(e, "host, or leave it out for one of its own");
}

static int check_namespaces(const struct container_config *c, struct err *e)
{
	static const char *const none[] = { NULL };
	static const char *const ipc[] = { "private", "shareable", "none", NULL };
	static const char *const cgroup[] = { "private", NULL };
	const char *pid = c->pid_mode && str_starts(c->pid_mode, "container:") ? NULL : c->pid_mode;
	const char *ipc_mode =
		c->ipc_mode && str_starts(c->ipc_mode, "container:") ? NULL : c->ipc_mode;

	if (check_mode("PID", pid, none, e) < 0 || check_mode("IPC", ipc_mode, ipc, e) < 0 ||
		check_mode("UTS", c->uts_mode, none, e) < 0 ||
		check_mode("control group", c->cgroupns_mode, cgroup, e) < 0)
		return -e->code;
	if (c->cgroup_parent && *c->cgroup_parent) {
		err_set(e, ENOTSUP,
			"a parent for the control group (--cgroup-parent) cannot be chosen: redock "
			"has one of its own");
		return err_hint(e, "leave it out; limits are --memory, --cpus, --pids-limit, ...");
	}
	return 0;
}

static int check_supervision(const struct container_config *c, struct err *e)
{
	if (c->auto_remove && c->restart != RESTART_NO) {
		err_set(e, EINVAL,
			"a container cannot be removed when it ends and started again, too");
		return err_hint(e, "either --rm or --restart %s", restart_policy_text(c->restart));
	}
	if (c->restart_max < 0)
		return err_set(e, EINVAL, "a number of restarts cannot be negative");
	if (c->restart_max && c->restart != RESTART_ON_FAILURE) {
		err_set(e, EINVAL, "restart policy '%s' counts no restarts",
			restart_policy_text(c->restart));
		return err_hint(e, "--restart on-failure:%lld", (long long)c->restart_max);
	}
	return 0;
}

static int check_health(const struct health_config *h, struct err *e)
{
	const struct {
		const char *what;
		int64_t n;
	} times[] = {
		{ "interval", h->interval },
		{ "timeout", h->timeout },
		{ "start period", h->start_period },
		{ "start interval", h->start_interval },
	};

	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		if (times[i].n < 0 || (times[i].n > 0 && times[i].n < 1000000))
			return err_set(
				e, EINVAL, "the health check's %s is below 1 ms", times[i].what);
	if (h->retries < 0)
		return err_set(e, EINVAL, "the health check's retries cannot be negative");
	if (!h->test.n || (str_eq(h->test.v[0], "NONE") && h->test.n == 1))
		return 0;
	if (h->test.n < 2 || (!str_eq(h->test.v[0], "CMD") && !str_eq(h->test.v[0], "CMD-SHELL")) ||
		(str_eq(h->test.v[0], "CMD-SHELL") && h->test.n != 2))
		return err_set(e, EINVAL, "the health check has no command that can be run");
	return 0;
}

static int check_log(const struct container_config *c, struct err *e)
{
	const struct log_subject of = { "", c->name ? c->name : "", &c->labels, &c->env };
	struct log_settings settings;

	if (log_settings_parse(c->log_driver, &c->log_opts, &of, &settings, e) < 0)
		return -e->code;
	log_settings_release(&settings);
	return 0;
}

int options_check(const struct container_config *c, struct err *e)
{
	struct security security;
	uint64_t caps;

	if (check_names(c, e) < 0 || check_labels(c, e) < 0 || check_process(c, e) < 0 ||
		check_namespaces(c, e) < 0 || check_supervision(c, e) < 0 ||
		check_health(&c->health, e) < 0 || check_log(c, e) < 0 || limits_check(c, e) < 0 ||
		resources_check(&c->resources, e) < 0 || caps_parse(c, &caps, e) < 0 ||
		security_parse(c, &security, e) < 0 || sysctls_check(c, e) < 0 ||
		options_check_mounts(c, e) < 0)
		return -e->code;
	return options_check_net(c, e);
}
