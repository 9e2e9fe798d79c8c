#include "cli/create_options.h"
#include "base/str.h"
#include "cli/limit_options.h"
#include "cli/values.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* -a, of which the first releases of Docker had one without a value. */
static int parse_attach(const char *text, void *target, struct err *e)
{
	static const char *const names[] = { "stdin", "stdout", "stderr" };
	int *streams = target;

	if (!text)
		return 0;
	for (int i = 0; i < 3; i++)
		if (strcasecmp(text, names[i]) == 0) {
			*streams |= 1 << i;
			return 0;
		}
	err_set(e, ENOENT, "'%s' is no stream", text);
	err_hint(e, "stdin, stdout or stderr");
	return -ENOENT;
}

#define TARGET(member)   offsetof(struct create_options, member)
#define CONFIG(member)   offsetof(struct create_options, config.member)
#define WHOLE            TARGET(config)
#define RESOURCE(member) CONFIG(resources.member)
const struct verb_option create_options[] = {
	/* what a person types every day */
	{ OPTION_OWNED, 0, "name", "NAME", "name of the container [made up]", CONFIG(name),
		value_container_name },
	{ OPTION_FLAG, 'i', "interactive", NULL, "pass standard input on", CONFIG(stdin_open) },
	{ OPTION_FLAG, 't', "tty", NULL, "give it a terminal", CONFIG(tty) },
	{ OPTION_MAYBE, 'a', "attach", "STREAM", "show stdin, stdout or stderr alone",
		TARGET(attach), parse_attach },
	{ OPTION_FLAG, 0, "rm", NULL, "remove the container when it ends", CONFIG(auto_remove) },
	{ OPTION_LIST, 'e', "env", "KEY[=VALUE]", "set KEY, or take your own value of it",
		TARGET(env), value_env },
	{ OPTION_LIST, 0, "env-file", "FILE", "the same from the lines of FILE",
		TARGET(env_files) },
	{ OPTION_VALUE, 'v', "volume", "[SOURCE:]PATH[:ro]",
		"mount a directory, or a volume by its name", WHOLE, value_volume },
	{ OPTION_VALUE, 'p', "publish", "[[ADDR:]PORT:]PORT[/udp]",
		"reach a port from outside, on every address", WHOLE, value_publish },
	{ OPTION_OWNED, 'w', "workdir", "DIR", "begin in DIR [the image's]", CONFIG(workdir),
		value_absolute_path },
	{ OPTION_OWNED, 'u', "user", "USER[:GROUP]", "names or numbers [the image's]", CONFIG(user),
		value_line },
	{ OPTION_OWNED, 0, "entrypoint", "PROGRAM", "instead of the image's; '': none",
		TARGET(entrypoint) },
	{ OPTION_VALUE, 0, "restart", "POLICY", "no, on-failure[:N], always, unless-stopped", WHOLE,
		value_restart },
	/* files */
	{ OPTION_VALUE, 0, "mount", "type=T,src=S,dst=D", "bind, volume or tmpfs, in full", WHOLE,
		value_mount },
	{ OPTION_VALUE, 0, "tmpfs", "PATH[:OPTIONS]", "an empty directory in memory", WHOLE,
		value_tmpfs },
	{ OPTION_LIST, 0, "volumes-from", "CONTAINER[:ro]", "mount the volumes of CONTAINER",
		CONFIG(volumes_from), value_from_push },
	{ OPTION_FLAG, 0, "read-only", NULL, "the image's files cannot be changed",
		CONFIG(read_only) },
	{ OPTION_VALUE, 0, "shm-size", "SIZE", "of /dev/shm [64m]", CONFIG(shm_size),
		value_positive_size },
	/* network */
	{ OPTION_VALUE, 0, "network", "NETWORK", "bridge, none, host, container:C or its name",
		WHOLE, value_attach_network },
	{ OPTION_VALUE, 0, "net", "NETWORK", NULL, WHOLE, value_attach_network },
	{ OPTION_LIST, 0, "network-alias", "NAME", "another name in its network", TARGET(aliases),
		value_name_push },
	{ OPTION_LIST, 0, "net-alias", "NAME", NULL, TARGET(aliases), value_name_push },
	{ OPTION_TEXT, 0, "ip", "ADDRESS", "its address in its network", TARGET(address),
		value_address },
	{ OPTION_OWNED, 0, "mac-address", "ADDRESS", "its hardware address", CONFIG(mac_address),
		value_mac },
	{ OPTION_FLAG, 'P', "publish-all", NULL, "publish the exposed ports somewhere",
		CONFIG(publish_all) },
	{ OPTION_VALUE, 0, "expose", "PORT[-PORT][/udp]", "for -P and for other containers", WHOLE,
		value_expose },
	{ OPTION_OWNED, 'h', "hostname", "HOST", "host name inside [the id]", CONFIG(hostname),
		value_hostname },
	{ OPTION_OWNED, 0, "domainname", "DOMAIN", "domain name inside", CONFIG(domainname),
		value_hostname },
	{ OPTION_LIST, 0, "link", "CONTAINER[:ALIAS]", "know CONTAINER by name", CONFIG(links),
		value_link_push },
	{ OPTION_LIST, 0, "add-host", "HOST:ADDRESS", "a line for /etc/hosts", CONFIG(extra_hosts),
		value_host_push },
	{ OPTION_LIST, 0, "dns", "ADDRESS", "name server", CONFIG(dns), value_address_push },
	{ OPTION_LIST, 0, "dns-search", "DOMAIN", "where to look for short names",
		CONFIG(dns_search), value_name_push },
	{ OPTION_LIST, 0, "dns-option", "OPTION", "of resolv.conf(5)", CONFIG(dns_options),
		value_line_push },
	{ OPTION_LIST, 0, "dns-opt", "OPTION", NULL, CONFIG(dns_options), value_line_push },
	/* limits */
	LIMIT_OPTIONS(RESOURCE, value_size, " [1024]", " [2048]"),
	{ OPTION_VALUE, 0, "blkio-weight-device", "DEVICE:WEIGHT", "the same on one disk", WHOLE,
		value_device_weight },
	{ OPTION_VALUE, 0, "device-read-bps", "DEVICE:SIZE", "limit of reading a second", WHOLE,
		value_read_bps },
	{ OPTION_VALUE, 0, "device-write-bps", "DEVICE:SIZE", "of writing", WHOLE,
		value_write_bps },
	{ OPTION_VALUE, 0, "device-read-iops", "DEVICE:NUMBER", "of reads a second", WHOLE,
		value_read_iops },
	{ OPTION_VALUE, 0, "device-write-iops", "DEVICE:NUMBER", "of writes", WHOLE,
		value_write_iops },
	{ OPTION_VALUE, 0, "memory-swappiness", "PERCENT", "0: swap as late as can be, to 100",
		RESOURCE(memory_swappiness), value_swappiness },
	{ OPTION_VALUE, 0, "ulimit", "NAME=SOFT[:HARD]", "a limit of setrlimit(2): nofile=1024",
		WHOLE, value_ulimit },
	{ OPTION_VALUE, 0, "oom-score-adj", "NUMBER", "-1000 to 1000: 1000 is killed first",
		CONFIG(oom_score_adj), value_oom_score },
	{ OPTION_FLAG, 0, "oom-kill-disable", NULL, "wait instead when memory is short",
		CONFIG(oom_kill_disable) },
	/* confinement */
	{ OPTION_LIST, 0, "cap-add", "CAPABILITY", "such as NET_ADMIN, or ALL", CONFIG(cap_add),
		value_capability_push },
	{ OPTION_LIST, 0, "cap-drop", "CAPABILITY", "such as NET_RAW, or ALL", CONFIG(cap_drop),
		value_capability_push },
	{ OPTION_FLAG, 0, "privileged", NULL, "all devices and capabilities: no isolation",
		CONFIG(privileged) },
	{ OPTION_VALUE, 0, "security-opt", "OPTION", "no-new-privileges, seccomp=FILE, ...", WHOLE,
		value_security },
	{ OPTION_VALUE, 0, "device", "HOST[:PATH[:rwm]]", "give it a device of the host", WHOLE,
		value_device },
	{ OPTION_LIST, 0, "device-cgroup-rule", "RULE", "such as 'c 10:200 rwm'",
		CONFIG(device_rules), value_line_push },
	{ OPTION_LIST, 0, "group-add", "GROUP", "one more group for the user", CONFIG(groups),
		value_line_push },
	{ OPTION_LIST, 0, "sysctl", "KEY=VALUE", "a setting of its kernel namespaces",
		CONFIG(sysctls), value_sysctl_push },
	{ OPTION_OWNED, 0, "pid", "MODE", "host, container:C [private]", CONFIG(pid_mode),
		value_pid_mode },
	{ OPTION_OWNED, 0, "ipc", "MODE", "host, none, shareable, container:C [private]",
		CONFIG(ipc_mode), value_ipc_mode },
	{ OPTION_OWNED, 0, "uts", "MODE", "host [private]", CONFIG(uts_mode), value_uts_mode },
	{ OPTION_OWNED, 0, "userns", "MODE", "host", CONFIG(userns_mode), value_userns_mode },
	{ OPTION_OWNED, 0, "cgroupns", "MODE", "host, private", CONFIG(cgroupns_mode),
		value_cgroupns_mode },
	{ OPTION_OWNED, 0, "cgroup-parent", "PATH", "refused: redock has its own groups",
		CONFIG(cgroup_parent), value_line },
	/* supervision */
	{ OPTION_FLAG, 0, "init", NULL, "reap orphans (redock always does)", CONFIG(init) },
	{ OPTION_OWNED, 0, "stop-signal", "SIGNAL", "how to ask it to end [TERM]",
		CONFIG(stop_signal), value_signal_name },
	{ OPTION_VALUE, 0, "stop-timeout", "SECONDS", "then wait so long [10], -1: for ever", WHOLE,
		value_stop_timeout },
	{ OPTION_VALUE, 0, "health-cmd", "COMMAND", "run it now and then: is all well?", WHOLE,
		value_health_command },
	{ OPTION_VALUE, 0, "health-interval", "TIME", "between two runs [30s]",
		CONFIG(health.interval), value_duration },
	{ OPTION_VALUE, 0, "health-timeout", "TIME", "of one run [30s]", CONFIG(health.timeout),
		value_duration },
	{ OPTION_VALUE, 0, "health-retries", "NUMBER", "failures until it is unhealthy [3]",
		CONFIG(health.retries), value_count },
	{ OPTION_VALUE, 0, "health-start-period", "TIME", "failures do not count so long [0s]",
		CONFIG(health.start_period), value_duration },
	{ OPTION_VALUE, 0, "health-start-interval", "TIME", "between two runs in that time [5s]",
		CONFIG(health.start_interval), value_duration },
	{ OPTION_FLAG, 0, "no-healthcheck", NULL, "not even the image's", TARGET(no_health) },
	{ OPTION_OWNED, 0, "log-driver", "DRIVER", "json-file, journald or none",
		CONFIG(log_driver), value_log_driver },
	{ OPTION_LIST, 0, "log-opt", "KEY=VALUE", "max-size=10m, max-file=3, mode, ...",
		CONFIG(log_opts), value_setting_push },
	/* bookkeeping */
	{ OPTION_LIST, 'l', "label", "KEY[=VALUE]", "a note to find it by", TARGET(labels),
		value_label_push },
	{ OPTION_LIST, 0, "label-file", "FILE", "the same from the lines of FILE",
		TARGET(label_files) },
	{ OPTION_LIST, 0, "annotation", "KEY[=VALUE]", "a note for other programs",
		CONFIG(annotations), value_label_push },
	{ OPTION_TEXT, 0, "cidfile", "FILE", "write the id to FILE, which must not exist",
		TARGET(cidfile), value_line },
	{ OPTION_TEXT, 0, "pull", "WHEN", "missing, never or always", TARGET(pull), value_pull },
	/* Docker's, which change nothing here or are refused by name; not in help */
	{ OPTION_FLAG, 0, "disable-content-trust", NULL, NULL, TARGET(ignored) },
	{ OPTION_FLAG, 'q', "quiet", NULL, NULL, TARGET(ignored) },
	{ OPTION_VALUE, 0, "isolation", "KIND", NULL, WHOLE, value_isolation },
	{ OPTION_VALUE, 0, "platform", "PLATFORM", NULL, WHOLE, value_platform },
	{ OPTION_VALUE, 0, "volume-driver", "DRIVER", NULL, WHOLE, value_volume_driver },
	{ OPTION_VALUE, 0, "runtime", "RUNTIME", NULL, WHOLE, value_runtime },
	{ OPTION_VALUE, 0, "ip6", "ADDRESS", NULL, WHOLE, value_no_ipv6 },
	{ OPTION_VALUE, 0, "link-local-ip", "ADDRESS", NULL, WHOLE, value_no_ipv6 },
	{ OPTION_VALUE, 0, "gpus", "DEVICES", NULL, WHOLE, value_no_gpus },
	{ OPTION_VALUE, 0, "storage-opt", "KEY=VALUE", NULL, WHOLE, value_no_quota },
	{ OPTION_VALUE, 0, "kernel-memory", "SIZE", NULL, WHOLE, value_no_kernel_memory },
	{ OPTION_VALUE, 0, "cpu-rt-period", "USEC", NULL, WHOLE, value_no_real_time },
	{ OPTION_VALUE, 0, "cpu-rt-runtime", "USEC", NULL, WHOLE, value_no_real_time },
	{ 0 },
};

void create_options_release(void *options)
{
	struct create_options *o = options;

	container_config_release(&o->config);
}
