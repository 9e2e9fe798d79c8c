#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/listing.h"
#include "cli/output.h"
#include "cli/resolve.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct stats_options {
	struct listing_options listing;
	bool all, no_stream;
};

#define TARGET(member) offsetof(struct stats_options, member)
static const struct verb_option options[] = {
	{ OPTION_FLAG, 'a', "all", NULL, "those that do not run too", TARGET(all) },
	{ OPTION_FLAG, 0, "no-stream", NULL, "measure once, for a second", TARGET(no_stream) },
	{ OPTION_TEXT, 0, "format", "TEMPLATE", "json, 'table ...' or '{{.Field}}'",
		TARGET(listing.format) },
	{ OPTION_FLAG, 0, "no-trunc", NULL, "do not shorten ids", TARGET(listing.no_trunc) },
	{ OPTION_FLAG, 0, "json", NULL, "print arrays of objects", TARGET(listing.json) },
	{ 0 },
};

static const struct column columns[] = {
	{ "ID", "CONTAINER ID", true },
	{ "Name", "NAME", true },
	{ "CPUPerc", "CPU %", true },
	{ "MemUsage", "MEM USAGE / LIMIT", true },
	{ "MemPerc", "MEM %", true },
	{ "NetIO", "NET I/O", true },
	{ "BlockIO", "BLOCK I/O", true },
	{ "PIDs", "PIDS", true },
	{ "Container", "CONTAINER", false },
	{ 0 },
};

/* One container that is watched: its newest sample and the one before. */
struct watched {
	struct container_info info;
	char *operand;
	struct container_stats before, now;
	bool known; /* there are both */
};
struct watch {
	const struct stats_options *o;
	struct engine *engine;
	struct watched *v;
	size_t n;
};

static void watch_release(struct watch *w)
{
	for (size_t i = 0; i < w->n; i++) {
		container_info_release(&w->v[i].info);
		free(w->v[i].operand);
	}
	free(w->v);
	w->v = NULL;
	w->n = 0;
}

static struct watched *watch_add(struct watch *w, const char *operand)
{
	struct watched *one;

	w->v = xrealloc_array(w->v, w->n + 1, sizeof *w->v);
	one = &w->v[w->n++];
	memset(one, 0, sizeof *one);
	one->operand = xstrdup(operand);
	return one;
}

/* All that run, when none was named; keeps the samples of those that were there before. */
static int list_running(struct watch *w, struct err *e)
{
	auto_container_list list = { 0 };
	struct watch old = *w;
	int r = engine_list(w->engine, w->o->all, &list, e);

	if (r < 0)
		return r;
	w->v = NULL;
	w->n = 0;
	for (size_t i = 0; i < list.n; i++) {
		struct watched *one = watch_add(w, list.v[i].id);

		for (size_t k = 0; k < old.n; k++)
			if (str_eq(old.v[k].info.id, list.v[i].id)) {
				one->before = old.v[k].before;
				one->now = old.v[k].now;
			}
		one->info = list.v[i];
		memset(&list.v[i], 0, sizeof list.v[i]);
	}
	watch_release(&old);
	return 0;
}

/* One that has ended meanwhile has zeros, as in Docker. */
static void sample(struct watch *w)
{
	for (size_t i = 0; i < w->n; i++) {
		struct watched *one = &w->v[i];
		struct container_stats now = { 0 };
		struct err ignored = { 0 };
		int r = engine_stats(w->engine, one->info.id, &now, &ignored);

		one->before = one->now;
		one->now = now;
		one->known = r >= 0 && one->before.time && one->now.clock > one->before.clock;
	}
}

static double percent(double part, double whole)
{
	return whole > 0 ? 100 * part / whole : 0;
}

static double cpu_percent(const struct watched *one)
{
	if (!one->known || one->now.cpu_ns < one->before.cpu_ns)
		return 0;
	return percent((double)(one->now.cpu_ns - one->before.cpu_ns),
		(double)(one->now.clock - one->before.clock));
}

static void pair_text(uint64_t a, uint64_t b, char ret[40])
{
	char one[16], two[16];

	text_size(a, one);
	text_size(b, two);
	snprintf(ret, 40, "%s / %s", one, two);
}

static json_t *row_of(const struct watched *one, bool whole)
{
	const struct container_stats *s = &one->now;
	const char *name =
		one->info.config.machine ? one->info.config.machine : one->info.config.name;
	char id[13], cpu[32], memory[32], text[40], used[16], limit[16];
	json_t *row = json_object();

	text_short_id(one->info.id, id);
	snprintf(cpu, sizeof cpu, "%.2f%%", cpu_percent(one));
	snprintf(memory, sizeof memory, "%.2f%%",
		percent((double)s->memory, (double)s->memory_limit));
	listing_set(row, "ID", whole ? one->info.id : id);
	listing_set(row, "Container", one->operand);
	listing_set(row, "Name", name);
	listing_set(row, "CPUPerc", s->time ? cpu : "--");
	listing_set(row, "MemPerc", s->time ? memory : "--");
	text_size_binary(s->memory, used);
	text_size_binary(s->memory_limit, limit);
	snprintf(text, sizeof text, "%s / %s", used, limit);
	listing_set(row, "MemUsage", s->time ? text : "-- / --");
	pair_text(s->net_received, s->net_sent, text);
	listing_set(row, "NetIO", s->time ? text : "-- / --");
	pair_text(s->block_read, s->block_written, text);
	listing_set(row, "BlockIO", s->time ? text : "-- / --");
	snprintf(text, sizeof text, "%" PRIu64, s->pids);
	listing_set(row, "PIDs", s->time ? text : "--");
	return row;
}

static json_t *object_of(const struct watched *one)
{
	const struct container_stats *s = &one->now;
	const struct {
		const char *key;
		uint64_t n;
	} numbers[] = {
		{ "CPUNanoseconds", s->cpu_ns },
		{ "OnlineCPUs", s->online_cpus },
		{ "Memory", s->memory },
		{ "MemoryLimit", s->memory_limit },
		{ "MemoryMax", s->memory_max },
		{ "NetReceived", s->net_received },
		{ "NetSent", s->net_sent },
		{ "BlockRead", s->block_read },
		{ "BlockWritten", s->block_written },
		{ "PIDs", s->pids },
		{ "PIDsLimit", s->pids_limit },
	};
	json_t *o = json_object();

	json_object_set_new(o, "ID", output_string(one->info.id));
	json_object_set_new(o, "Name",
		output_string(one->info.config.machine ? one->info.config.machine
						       : one->info.config.name));
	json_object_set_new(o, "Time", output_time(s->time));
	json_object_set_new(o, "CPUPercent", json_real(cpu_percent(one)));
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		json_object_set_new(o, numbers[i].key, json_integer((json_int_t)numbers[i].n));
	return o;
}

/* On a terminal the table is drawn over the one before. */
static int print(const struct watch *w, bool redraw, struct err *e)
{
	auto_listing l = { 0 };
	int r;

	listing_begin(&l, &w->o->listing, columns, "ID");
	for (size_t i = 0; i < w->n; i++)
		listing_add(&l, row_of(&w->v[i], w->o->listing.no_trunc),
			listing_labels_json(&w->v[i].info.config.labels), object_of(&w->v[i]));
	if (redraw)
		fputs("\033[H\033[J", stdout);
	r = listing_print(&l, e);
	return r >= 0 && (fflush(stdout) != 0 || ferror(stdout)) ? -EPIPE : r;
}

/* Blocks until the next second's tick. */
static int next_tick(int timer, struct err *e)
{
	uint64_t ticks;

	return fs_read_full(timer, &ticks, sizeof ticks) == sizeof ticks
		       ? 0
		       : err_errno(e, "cannot wait");
}

static int watch(struct watch *w, bool named, struct err *e)
{
	static const struct itimerspec second = { { 1, 0 }, { 1, 0 } };
	auto_close int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	bool live = isatty(1) && !w->o->no_stream && !w->o->listing.format && !w->o->listing.json;
	int r;

	if (timer < 0 || timerfd_settime(timer, 0, &second, NULL) < 0)
		return err_errno(e, "cannot make a timer");
	sample(w);
	do {
		r = next_tick(timer, e);
		if (r >= 0 && !named)
			r = list_running(w, e);
		if (r < 0)
			return r;
		sample(w);
		r = print(w, live, e);
	} while (r >= 0 && !w->o->no_stream);
	return r;
}

static int stats_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	const struct stats_options *o = opt;
	struct watch w = { .o = o };
	int r = listing_check(&o->listing, (const char *const[]){ NULL }, e);

	if (r < 0 || (r = cli_engine(c, &w.engine, e)) < 0)
		return r;
	for (size_t i = 0; i < n_operands && r >= 0; i++) {
		struct watched *one = watch_add(&w, operands[i]);
		r = resolve_container(w.engine, "stats", operands[i], &one->info, e);
	}
	if (r >= 0 && n_operands == 0)
		r = list_running(&w, e);
	if (r >= 0 && w.n) { /* is it possible at all? */
		struct container_stats ignored;
		bool runs = w.v[0].info.state == CONTAINER_RUNNING;
		r = runs ? engine_stats(w.engine, w.v[0].info.id, &ignored, e) : 0;
	}
	if (r >= 0)
		r = watch(&w, n_operands > 0, e);
	watch_release(&w);
	return r == -EPIPE && !e->code ? STATUS_FAILED : r;
}

static const struct verb_example examples[] = {
	{ "redock stats", "what all running containers use, each second anew" },
	{ "redock stats --no-stream web db", "once" },
	{ "redock stats --no-stream --format '{{.Name}} {{.CPUPerc}}'", "for a script" },
	{ NULL },
};

const struct verb verb_stats = {
	.name = "stats",
	.group = GROUP_WATCHING,
	.operands = "[CONTAINER]...",
	.summary = "Show what containers use: CPU, memory, network, disk",
	.description =
		"CPU % is of one CPU, over the last second; memory without what the kernel can "
		"drop at once. On a terminal the table is drawn again each second, elsewhere one "
		"follows the other.\n"
		"\n"
		"Fields of --format: ID, Container, Name, CPUPerc, MemUsage, MemPerc, NetIO, "
		"BlockIO, PIDs. The objects of --json have the keys ID, Name, Time, CPUPercent, "
		"CPUNanoseconds, OnlineCPUs, Memory, MemoryLimit, MemoryMax, NetReceived, NetSent, "
		"BlockRead, BlockWritten (bytes), PIDs and PIDsLimit.",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct stats_options),
	.max_operands = OPERANDS_ANY,
	.run = stats_run,
};
