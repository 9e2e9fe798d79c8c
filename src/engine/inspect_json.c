/* Docker's answer to `inspect` of a container; the other kinds are in inspect_other.c. */
#include "engine/inspect_json.h"
#include "base/mem.h"
#include "base/time.h"
#include "engine/inspect_value.h"

#include <string.h>

static json_t *state_json(const struct container_info *c)
{
	bool runs = c->state == CONTAINER_RUNNING || c->state == CONTAINER_PAUSED ||
		    c->state == CONTAINER_RESTARTING;
	json_t *j = json_object(), *health, *log;

	value_text(j, "Status", container_state_text(c->state));
	value_flag(j, "Running", runs);
	value_flag(j, "Paused", c->state == CONTAINER_PAUSED);
	value_flag(j, "Restarting", c->state == CONTAINER_RESTARTING);
	value_flag(j, "OOMKilled", c->oom_killed);
	value_number(j, "RedockOOMKills", (int64_t)c->oom_kills);
	value_flag(j, "Dead", false);
	value_number(j, "Pid", c->pid);
	value_number(j, "ExitCode", c->exit_code);
	value_text(j, "Error", c->error);
	value_time(j, "StartedAt", c->started);
	value_time(j, "FinishedAt", c->finished);
	if (c->health == HEALTH_NONE)
		return j;
	health = json_object();
	log = json_array();
	value_text(health, "Status", health_status_text(c->health));
	value_number(health, "FailingStreak", c->failing_streak);
	for (size_t i = 0; i < c->n_probes; i++) {
		json_t *probe = json_object();
		value_time(probe, "Start", c->probes[i].started);
		value_time(probe, "End", c->probes[i].finished);
		value_number(probe, "ExitCode", c->probes[i].exit_code);
		value_text(probe, "Output", c->probes[i].output);
		json_array_append_new(log, probe);
	}
	json_object_set_new(health, "Log", log);
	json_object_set_new(j, "Health", health);
	return j;
}

/* Docker's "80/tcp": [{"HostIp": ..., "HostPort": "8080"}]; null for one that is only exposed. */
static void add_port(json_t *ports, uint16_t port, const char *protocol, const char *address,
	unsigned host_port, bool published)
{
	auto_free char *key = xasprintf("%u/%s", port, protocol ? protocol : "tcp");
	json_t *list = json_object_get(ports, key), *binding;
	char number[12] = "";

	if (!published) {
		if (!list)
			json_object_set_new(ports, key, json_null());
		return;
	}
	if (!json_is_array(list)) {
		list = json_array();
		json_object_set_new(ports, key, list);
	}
	binding = json_object();
	if (host_port)
		snprintf(number, sizeof number, "%u", host_port);
	value_text(binding, "HostIp", address);
	value_text(binding, "HostPort", number);
	json_array_append_new(list, binding);
}

static json_t *wanted_ports_json(const struct container_config *c)
{
	json_t *ports = json_object();

	for (size_t i = 0; i < c->n_ports; i++)
		add_port(ports, c->ports[i].container_port, c->ports[i].protocol,
			c->ports[i].host_address, c->ports[i].host_port, true);
	return ports;
}

/* What `-v` makes, as the text after it; the others are in "Mounts". */
static bool is_bind_text(const struct mount_config *m)
{
	return m->source && !m->driver && !m->driver_opts.n &&
	       ((m->type == MOUNT_BIND && m->make_source) || m->type == MOUNT_VOLUME);
}

static void mounts_config_json(json_t *j, const struct container_config *c)
{
	json_t *binds = json_array(), *tmpfs = json_object(), *others = json_array();

	for (size_t i = 0; i < c->n_mounts; i++) {
		const struct mount_config *m = &c->mounts[i];
		if (is_bind_text(m)) {
			auto_free char *text = xasprintf("%s:%s%s%s", m->source, m->target,
				m->read_only || m->no_copy ? ":" : "",
				m->read_only && m->no_copy ? "ro,nocopy"
				: m->read_only             ? "ro"
				: m->no_copy               ? "nocopy"
							   : "");
			json_array_append_new(binds, value_string(text));
		} else if (m->type == MOUNT_TMPFS) {
			auto_str options = STR_INIT(1 << 16);
			for (size_t k = 0; k < m->options.n; k++)
				str_addf(&options, "%s%s", k ? "," : "", m->options.v[k]);
			if (m->size)
				str_addf(&options, "%ssize=%llu", options.len ? "," : "",
					(unsigned long long)m->size);
			if (m->mode)
				str_addf(&options, "%smode=%o", options.len ? "," : "", m->mode);
			value_text(tmpfs, m->target, str_text(&options));
		} else {
			json_t *mount = json_object();
			value_text(mount, "Type", mount_type_text(m->type));
			value_text(mount, "Source", m->source);
			value_text(mount, "Target", m->target);
			value_flag(mount, "ReadOnly", m->read_only);
			json_array_append_new(others, mount);
		}
	}
	json_object_set_new(j, "Binds", binds);
	json_object_set_new(j, "Tmpfs", tmpfs);
	json_object_set_new(j, "Mounts", others);
}

static json_t *devices_json(const struct container_config *c)
{
	json_t *devices = json_array();

	for (size_t i = 0; i < c->n_devices; i++) {
		json_t *device = json_object();
		value_text(device, "PathOnHost", c->devices[i].host);
		value_text(device, "PathInContainer", c->devices[i].container);
		value_text(device, "CgroupPermissions", c->devices[i].permissions);
		json_array_append_new(devices, device);
	}
	return devices;
}

static json_t *ulimits_json(const struct container_config *c)
{
	json_t *ulimits = json_array();

	for (size_t i = 0; i < c->n_ulimits; i++) {
		json_t *ulimit = json_object();
		value_text(ulimit, "Name", c->ulimits[i].name);
		value_number(ulimit, "Soft", c->ulimits[i].soft);
		value_number(ulimit, "Hard", c->ulimits[i].hard);
		json_array_append_new(ulimits, ulimit);
	}
	return ulimits;
}

static void resources_json(json_t *j, const struct resources *r)
{
	value_number(j, "Memory", r->memory);
	value_number(j, "MemorySwap", r->memory_swap ? r->memory_swap : 2 * r->memory);
	value_number(j, "MemoryReservation", r->memory_reservation);
	value_number(j, "NanoCpus", r->nano_cpus);
	value_number(j, "CpuShares", r->cpu_shares);
	value_number(j, "CpuPeriod", r->cpu_period);
	value_number(j, "CpuQuota", r->cpu_quota);
	value_text(j, "CpusetCpus", r->cpuset_cpus);
	value_text(j, "CpusetMems", r->cpuset_mems);
	value_number(j, "PidsLimit", r->pids_limit);
	value_number(j, "BlkioWeight", r->blkio_weight);
	json_object_set_new(j, "MemorySwappiness",
		!r->memory_swappiness ? json_null()
				      : json_integer(r->memory_swappiness == SWAPPINESS_NONE
							     ? 0
							     : r->memory_swappiness));
}

/* "KIND DEVICE NUMBER" as Docker's lists, one a kind. */
static void throttles_json(json_t *j, const struct container_config *c)
{
	static const char *const kinds[][3] = {
		{ "weight ", "BlkioWeightDevice", "Weight" },
		{ "read_bps ", "BlkioDeviceReadBps", "Rate" },
		{ "write_bps ", "BlkioDeviceWriteBps", "Rate" },
		{ "read_iops ", "BlkioDeviceReadIOps", "Rate" },
		{ "write_iops ", "BlkioDeviceWriteIOps", "Rate" },
	};

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		json_t *list = json_array();
		for (size_t i = 0; i < c->throttles.n; i++) {
			const char *path = c->throttles.v[i] + strlen(kinds[k][0]), *number;
			auto_free char *name = NULL;
			json_t *item;
			if (!str_starts(c->throttles.v[i], kinds[k][0]) ||
				!(number = strrchr(path, ' ')))
				continue;
			name = xstrndup(path, (size_t)(number - path));
			item = json_object();
			value_text(item, "Path", name);
			value_number(item, kinds[k][2], strtoll(number + 1, NULL, 10));
			json_array_append_new(list, item);
		}
		json_object_set_new(j, kinds[k][1], list);
	}
}

static json_t *host_config_json(const struct container_config *c)
{
	json_t *j = json_object(), *restart = json_object(), *log = json_object();

	mounts_config_json(j, c);
	value_text(log, "Type", c->log_driver ? c->log_driver : "json-file");
	json_object_set_new(log, "Config", value_map(&c->log_opts));
	json_object_set_new(j, "LogConfig", log);
	value_text(j, "NetworkMode", c->network);
	json_object_set_new(j, "PortBindings", wanted_ports_json(c));
	value_text(restart, "Name", restart_policy_text(c->restart));
	value_number(restart, "MaximumRetryCount", c->restart_max);
	json_object_set_new(j, "RestartPolicy", restart);
	value_flag(j, "AutoRemove", c->auto_remove);
	value_list(j, "VolumesFrom", &c->volumes_from);
	value_list(j, "CapAdd", &c->cap_add);
	value_list(j, "CapDrop", &c->cap_drop);
	value_text(j, "CgroupnsMode", c->cgroupns_mode ? c->cgroupns_mode : "private");
	value_list(j, "Dns", &c->dns);
	value_list(j, "DnsOptions", &c->dns_options);
	value_list(j, "DnsSearch", &c->dns_search);
	value_list(j, "ExtraHosts", &c->extra_hosts);
	value_list(j, "GroupAdd", &c->groups);
	value_text(j, "IpcMode", c->ipc_mode ? c->ipc_mode : "private");
	value_list(j, "Links", &c->links);
	value_number(j, "OomScoreAdj", c->oom_score_adj);
	value_text(j, "PidMode", c->pid_mode);
	value_flag(j, "Privileged", c->privileged);
	value_flag(j, "PublishAllPorts", c->publish_all);
	value_flag(j, "ReadonlyRootfs", c->read_only);
	value_list(j, "SecurityOpt", &c->security);
	value_text(j, "UTSMode", c->uts_mode);
	value_text(j, "UsernsMode", c->userns_mode);
	value_number(j, "ShmSize", c->shm_size ? (int64_t)c->shm_size : 64 << 20);
	value_text(j, "Runtime", "redock");
	json_object_set_new(j, "ConsoleSize",
		json_pack("[I,I]", (json_int_t)c->console_rows, (json_int_t)c->console_columns));
	value_text(j, "CgroupParent", c->cgroup_parent);
	resources_json(j, &c->resources);
	throttles_json(j, c);
	json_object_set_new(j, "Annotations", value_map(&c->annotations));
	json_object_set_new(j, "Devices", devices_json(c));
	value_list(j, "DeviceCgroupRules", &c->device_rules);
	json_object_set_new(j, "Sysctls", value_map(&c->sysctls));
	value_flag(j, "OomKillDisable", c->oom_kill_disable);
	json_object_set_new(j, "Ulimits", ulimits_json(c));
	value_flag(j, "Init", c->init);
	return j;
}

static json_t *endpoint_json(const struct container_info *c, const struct endpoint_info *e)
{
	json_t *j = json_object(), *asked = NULL;

	for (size_t i = 0; i < c->config.n_endpoints; i++)
		if (c->config.endpoints[i].address &&
			str_eq(c->config.endpoints[i].network, e->network)) {
			asked = json_object();
			value_text(asked, "IPv4Address", c->config.endpoints[i].address);
		}
	json_object_set_new(j, "IPAMConfig", asked ? asked : json_null());
	value_list(j, "Aliases", &e->aliases);
	value_text(j, "NetworkID", e->network_id);
	value_text(j, "Gateway", e->gateway);
	value_text(j, "IPAddress", e->address);
	value_number(j, "IPPrefixLen", e->prefix);
	value_text(j, "MacAddress", e->mac);
	return j;
}

static json_t *network_settings_json(const struct container_info *c)
{
	json_t *j = json_object(), *ports = json_object(), *networks = json_object();
	const struct endpoint_info none = { 0 }, *first = c->n_endpoints ? c->endpoints : &none;

	for (size_t i = 0; i < c->n_ports; i++)
		add_port(ports, c->ports[i].container_port, c->ports[i].protocol,
			c->ports[i].host_address, c->ports[i].host_port,
			c->ports[i].host_port != 0);
	for (size_t i = 0; i < c->n_endpoints; i++)
		json_object_set_new(
			networks, c->endpoints[i].network, endpoint_json(c, &c->endpoints[i]));
	json_object_set_new(j, "Ports", ports);
	value_text(j, "Gateway", first->gateway);
	value_text(j, "IPAddress", first->address);
	value_number(j, "IPPrefixLen", first->prefix);
	value_text(j, "MacAddress", first->mac);
	json_object_set_new(j, "Networks", networks);
	return j;
}

static json_t *mounts_json(const struct container_info *c)
{
	json_t *mounts = json_array();

	for (size_t i = 0; i < c->n_mounts; i++) {
		const struct mount_info *m = &c->mounts[i];
		json_t *j = json_object();
		value_text(j, "Type", mount_type_text(m->type));
		if (m->name)
			value_text(j, "Name", m->name);
		value_text(j, "Source", m->source);
		value_text(j, "Destination", m->target);
		if (m->driver)
			value_text(j, "Driver", m->driver);
		value_text(j, "Mode", m->read_only ? "ro" : "");
		value_flag(j, "RW", !m->read_only);
		value_text(j, "Propagation",
			m->type == MOUNT_BIND ? mount_propagation_text(m->propagation) : "");
		json_array_append_new(mounts, j);
	}
	return mounts;
}

json_t *inspect_container_json(const struct container_info *c)
{
	const struct strv *lists[] = { &c->config.entrypoint, &c->config.cmd };
	auto_free char *name = xasprintf("/%s", c->config.name ? c->config.name : "");
	json_t *j = json_object(), *args = json_array();
	const char *path = "";

	for (size_t k = 0, n = 0; k < ARRAY_SIZE(lists); k++)
		for (size_t i = 0; i < lists[k]->n; i++)
			if (n++)
				json_array_append_new(args, value_string(lists[k]->v[i]));
			else
				path = lists[k]->v[i];
	value_text(j, "Id", c->id);
	value_time(j, "Created", c->created);
	value_text(j, "Path", path);
	json_object_set_new(j, "Args", args);
	json_object_set_new(j, "State", state_json(c));
	value_text(j, "Image", c->image_id);
	value_text(j, "LogPath", c->log_path);
	value_text(j, "Name", name);
	value_number(j, "RestartCount", c->restart_count);
	value_text(j, "Driver", "overlay");
	value_text(j, "Platform", "linux");
	json_object_set_new(j, "ExecIDs", json_null());
	json_object_set_new(j, "HostConfig", host_config_json(&c->config));
	json_object_set_new(j, "Mounts", mounts_json(c));
	json_object_set_new(j, "Config", inspect_config_json(&c->config));
	json_object_set_new(j, "NetworkSettings", network_settings_json(c));
	if (c->config.machine)
		value_text(j, "RedockMachine", c->config.machine);
	return j;
}
