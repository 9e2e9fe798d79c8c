#include "cli/ps.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/listing.h"
#include "cli/output.h"
#include "cli/ports.h"
#include "cli/ps_filter.h"
#include "cli/text.h"
#include "cli/values.h"
#include "cli/verbs.h"

#include <inttypes.h>
#include <string.h>

struct ps_options {
	struct listing_options listing; /* first: its table follows ours */
	int64_t last;
	bool all, latest, size;
};

#define TARGET(member) offsetof(struct ps_options, member)
static const struct verb_option options[] = {
	{ OPTION_FLAG, 'a', "all", NULL, "those that do not run too", TARGET(all) },
	{ OPTION_VALUE, 'n', "last", "NUMBER", "the newest so many, running or not", TARGET(last),
		value_count },
	{ OPTION_FLAG, 'l', "latest", NULL, "the newest one", TARGET(latest) },
	{ OPTION_FLAG, 's', "size", NULL, "how much each has written", TARGET(size) },
	{ OPTION_MORE, .more = listing_options },
};

#define COLUMN_SIZE 8
static const struct column columns[] = {
	{ "ID", "CONTAINER ID", true },
	{ "Image", "IMAGE", true },
	{ "Command", "COMMAND", true },
	{ "CreatedAt", "CREATED AT", false },
	{ "RunningFor", "CREATED", true },
	{ "Status", "STATUS", true },
	{ "Ports", "PORTS", true },
	{ "Names", "NAMES", true },
	{ "Size", "SIZE", false },
	{ "State", "STATE", false },
	{ "Labels", "LABELS", false },
	{ "Mounts", "MOUNTS", false },
	{ "LocalVolumes", "LOCAL VOLUMES", false },
	{ "Networks", "NETWORKS", false },
	{ 0 },
};

static void add_health(const struct container_info *info, char *ret, size_t size)
{
	size_t n = strlen(ret);

	if (info->state == CONTAINER_PAUSED)
		snprintf(ret + n, size - n, " (Paused)");
	else if (info->health == HEALTH_STARTING)
		snprintf(ret + n, size - n, " (health: starting)");
	else if (info->health != HEALTH_NONE)
		snprintf(ret + n, size - n, " (%s)", health_status_text(info->health));
}

/* What killed it, with the number that matters. */
static void add_oom(const struct container_info *info, char *status, size_t size)
{
	size_t used = strlen(status);
	char limit[16];

	if (!info->oom_killed)
		return;
	if (info->config.resources.memory > 0) {
		text_size_binary((uint64_t)info->config.resources.memory, limit);
		snprintf(status + used, size - used, " (out of memory: %s)", limit);
	} else {
		snprintf(status + used, size - used, " (the host was out of memory)");
	}
}

void ps_status(const struct container_info *info, int64_t now, char ret[80])
{
	const char *word = info->state == CONTAINER_RESTARTING ? "Restarting" : "Exited";
	char when[48];

	switch (info->state) {
	case CONTAINER_RUNNING:
	case CONTAINER_PAUSED:
		time_words(info->started && now > info->started ? now - info->started : 0, when);
		snprintf(ret, 80, "Up %s", when);
		add_health(info, ret, 80);
		break;
	case CONTAINER_EXITED:
	case CONTAINER_RESTARTING:
		text_ago(info->finished, now, when);
		if (info->exit_code < 0)
			snprintf(ret, 80, "%s (unknown) %s", word, when);
		else
			snprintf(ret, 80, "%s (%d) %s", word, info->exit_code, when);
		add_oom(info, ret, 80);
		break;
	default:
		snprintf(ret, 80, "Created");
	}
}

/* A machine is known by its own name. */
static const char *name_of(const struct container_info *info)
{
	return info->config.machine ? info->config.machine : info->config.name;
}

static void set_command(json_t *row, const struct container_info *info, bool whole)
{
	auto_str command = STR_INIT(65536), quoted = STR_INIT(65536 + 3);

	str_add(&command, info->command ? info->command : "");
	if (!whole)
		text_ellipsis(&command, 20);
	str_addf(&quoted, "\"%s\"", str_text(&command));
	listing_set(row, "Command", str_text(&quoted));
}

static void set_mounts(json_t *row, const struct container_info *info, bool whole)
{
	auto_str mounts = STR_INIT(65536);
	unsigned volumes = 0;
	char count[16];

	for (size_t i = 0; i < info->n_mounts; i++) {
		const struct mount_info *m = &info->mounts[i];
		auto_str name = STR_INIT(8192);

		if (m->type == MOUNT_TMPFS) /* it has no source that could be named */
			continue;
		volumes += m->type == MOUNT_VOLUME;
		str_add(&name, m->name ? m->name : m->source ? m->source : m->target);
		if (!whole)
			text_ellipsis(&name, 15);
		str_addf(&mounts, "%s%s", mounts.len ? "," : "", str_text(&name));
	}
	snprintf(count, sizeof count, "%u", volumes);
	listing_set(row, "Mounts", str_text(&mounts));
	listing_set(row, "LocalVolumes", count);
}

static void set_networks(json_t *row, const struct container_info *info)
{
	auto_str networks = STR_INIT(65536);

	for (size_t i = 0; i < info->n_endpoints; i++)
		str_addf(&networks, "%s%s", i ? "," : "",
			info->endpoints[i].network ? info->endpoints[i].network : "");
	if (!info->n_endpoints && info->config.network)
		str_add(&networks, info->config.network);
	listing_set(row, "Networks", str_text(&networks));
}

/* "1.2kB (virtual 45MB)": its own layer, and with its image. */
static void size_text(struct engine *engine, const struct container_info *info, char ret[64])
{
	struct err ignored = { 0 };
	char own_text[16], all_text[16];
	uint64_t own, all;

	*ret = '\0';
	if (engine_container_size(engine, info->id, &own, &all, &ignored) < 0)
		return;
	text_size(own, own_text);
	text_size(all, all_text);
	snprintf(ret, 64, "%s (virtual %s)", own_text, all_text);
}

static json_t *container_row(struct engine *engine, const struct container_info *info,
	const struct ps_options *o, int64_t now)
{
	auto_free char *labels = listing_labels_text(&info->config.labels),
		       *ports = ports_text(info);
	char id[13], ago[48], status[80], size[64] = "", created[TIME_TEXT_SIZE];
	bool whole = o->listing.no_trunc;
	json_t *row = json_object();

	text_short_id(info->id, id);
	text_ago(info->created, now, ago);
	ps_status(info, now, status);
	text_docker_time(info->created, created);
	if (o->size)
		size_text(engine, info, size);
	listing_set(row, "ID", whole ? info->id : id);
	listing_set(row, "Image", info->config.image);
	set_command(row, info, whole);
	listing_set(row, "CreatedAt", created);
	listing_set(row, "RunningFor", ago);
	listing_set(row, "Status", status);
	listing_set(row, "State", container_state_text(info->state));
	listing_set(row, "Ports", ports);
	listing_set(row, "Names", name_of(info));
	listing_set(row, "Labels", labels);
	listing_set(row, "Size", size);
	set_mounts(row, info, whole);
	set_networks(row, info);
	return row;
}

static json_t *ports_json(const struct container_info *info)
{
	json_t *array = json_array();

	for (size_t i = 0; i < info->n_ports; i++) {
		const struct port_binding *p = &info->ports[i];
		json_t *o = json_object();

		json_object_set_new(o, "PrivatePort", json_integer(p->container_port));
		json_object_set_new(o, "Type", output_string(p->protocol));
		if (p->host_port) {
			json_object_set_new(o, "IP", output_string(p->host_address));
			json_object_set_new(o, "PublicPort", json_integer(p->host_port));
		}
		json_array_append_new(array, o);
	}
	return array;
}

static json_t *container_json(const struct container_info *info, int64_t now)
{
	bool exited = info->state == CONTAINER_EXITED;
	json_t *o = json_object();
	char status[80];

	ps_status(info, now, status);
	json_object_set_new(o, "ID", output_string(info->id));
	json_object_set_new(o, "Names", output_string(name_of(info)));
	json_object_set_new(o, "Machine", output_string(info->config.machine));
	json_object_set_new(o, "Image", output_string(info->config.image));
	json_object_set_new(o, "ImageID", output_string(info->image_id));
	json_object_set_new(o, "Command", output_string(info->command));
	json_object_set_new(o, "State", output_string(container_state_text(info->state)));
	json_object_set_new(o, "Status", output_string(status));
	json_object_set_new(o, "Health", output_string(health_status_text(info->health)));
	json_object_set_new(o, "ExitCode",
		exited && info->exit_code >= 0 ? json_integer(info->exit_code) : json_null());
	json_object_set_new(o, "OOMKilled", json_boolean(info->oom_killed));
	json_object_set_new(o, "OOMKills", json_integer((json_int_t)info->oom_kills));
	json_object_set_new(o, "RestartCount", json_integer(info->restart_count));
	json_object_set_new(o, "Pid", json_integer(info->pid));
	json_object_set_new(o, "CreatedAt", output_time(info->created));
	json_object_set_new(o, "StartedAt", output_time(info->started));
	json_object_set_new(o, "FinishedAt", output_time(info->finished));
	json_object_set_new(o, "Hostname", output_string(info->config.hostname));
	json_object_set_new(o, "Network", output_string(info->config.network));
	json_object_set_new(o, "Address", output_string(container_info_address(info)));
	json_object_set_new(o, "Ports", ports_json(info));
	json_object_set_new(o, "Labels", listing_labels_json(&info->config.labels));
	return o;
}

static void add(struct listing *l, struct engine *engine, const struct container_info *info,
	const struct ps_options *o, int64_t now)
{
	if (o->listing.json)
		listing_add(l, json_null(), NULL, container_json(info, now));
	else
		listing_add(l, container_row(engine, info, o, now),
			listing_labels_json(&info->config.labels), NULL);
}

static int ps_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	struct ps_options *o = opt;
	auto_container_list list = { 0 };
	auto_listing l = { 0 };
	struct column shown[sizeof columns / sizeof *columns];
	struct engine *engine;
	int64_t now = time_now(), left;
	int r = listing_check(&o->listing, ps_filters, e);

	if (r < 0 || (r = ps_filter_check(&o->listing, e)) < 0 ||
		(r = cli_engine(c, &engine, e)) < 0)
		return r;
	if (o->latest)
		o->last = 1;
	/* -n and a filter by state count those that do not run */
	if ((r = engine_list(engine, o->all || o->last || ps_filter_all(&o->listing), &list, e)) <
		0)
		return r;
	memcpy(shown, columns, sizeof shown);
	shown[COLUMN_SIZE].shown = o->size;
	listing_begin(&l, &o->listing, shown, "ID");
	left = o->last ? o->last : INT64_MAX;
	for (size_t i = 0; i < list.n && left > 0; i++) {
		if (!ps_filter(&o->listing, &list, &list.v[i]))
			continue;
		add(&l, engine, &list.v[i], o, now);
		left--;
	}
	return listing_print(&l, e);
}

static const struct verb_example examples[] = {
	{ "redock ps -a", "all containers, machines among them, newest first" },
	{ "redock ps --json | jq -r '.[].Names'", "the names of those that run" },
	{ "redock ps -aq --filter status=exited", "ids of those that have ended" },
	{ "redock ps --format 'table {{.Names}}\\t{{.Ports}}'", "other columns" },
	{ NULL },
};

const struct verb verb_ps = {
	.name = "ps",
	.alias = "ls",
	.group = GROUP_WATCHING,
	.operands = "",
	.summary = "List containers",
	.description =
		"Those that run, newest first; a machine is shown by its own name. STATUS tells "
		"since when it runs and how its health check went, or the exit code ('unknown' "
		"when nobody was there to see it).\n"
		"\n"
		"Filters: id, name (parts of them), label=KEY[=VALUE], status, exited=CODE, "
		"health, ancestor=IMAGE, volume, network, publish, expose (PORT[/udp]), before and "
		"since (CONTAINER). Of one kind any may match, of several all must.\n"
		"\n"
		"Fields of --format: ID, Image, Command, CreatedAt, RunningFor, Status, State, "
		"Ports, Names, Labels, Label \"KEY\", Mounts, LocalVolumes, Networks, Size.\n"
		"\n"
		"The objects of --json have the keys ID, Names, Machine (or null), Image, ImageID, "
		"Command, State, Status, Health, ExitCode (or null), OOMKilled, OOMKills, "
		"RestartCount, Pid "
		"(0 unless it runs), CreatedAt, StartedAt, FinishedAt (RFC 3339 or null), "
		"Hostname, Network, Address, Ports and Labels.",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct ps_options),
	.max_operands = 0,
	.run = ps_run,
};
