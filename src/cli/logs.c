#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/resolve.h"
#include "cli/values.h"
#include "cli/verbs.h"

#include <errno.h>
#include <string.h>

struct logs_options {
	int64_t since, until, tail;
	bool follow, timestamps, details, tail_given;
};

static int parse_tail(const char *text, void *target, struct err *e)
{
	struct logs_options *o = target;

	o->tail_given = true;
	o->tail = -1;
	/* as in Docker, a number that is none means all */
	return str_eq(text, "all") || str_eq(text, "-1") ? 0 : value_count(text, &o->tail, e);
}

#define TARGET(member) offsetof(struct logs_options, member)
static const struct verb_option options[] = {
	{ OPTION_FLAG, 'f', "follow", NULL, "go on until the container ends", TARGET(follow) },
	{ OPTION_VALUE, 'n', "tail", "NUMBER", "only so many lines from the end [all]", 0,
		parse_tail },
	{ OPTION_FLAG, 't', "timestamps", NULL, "each line's time before it", TARGET(timestamps) },
	{ OPTION_VALUE, 0, "since", "TIME", "not what is older: 10m, or RFC 3339", TARGET(since),
		value_moment },
	{ OPTION_VALUE, 0, "until", "TIME", "not what is younger", TARGET(until), value_moment },
	{ OPTION_FLAG, 0, "details", NULL, "what --log-opt adds to each line", TARGET(details) },
	{ 0 },
};

struct printer {
	const struct logs_options *o;
	bool inside[3]; /* a line of this stream is not complete yet */
};

static int print_entry(void *arg, const struct log_entry *entry)
{
	struct printer *p = arg;
	int stream = entry->stream == 2 ? 2 : 1;
	FILE *f = stream == 2 ? stderr : stdout;

	if (f == stderr) /* both may be the same pipe: what came before is before it */
		fflush(stdout);
	if (!p->inside[stream] && p->o->timestamps) {
		char time[TIME_TEXT_SIZE];
		time_format(entry->time, time);
		fprintf(f, "%s ", time);
	}
	if (!p->inside[stream] && p->o->details)
		fprintf(f, "%s ", entry->details ? entry->details : "");
	/* the bytes as they are: it is the program's output, not ours */
	fwrite(entry->data, 1, entry->len, f);
	p->inside[stream] = !entry->len || entry->data[entry->len - 1] != '\n';
	if ((p->o->follow && fflush(f) != 0) || ferror(f))
		return -EPIPE;
	return 0;
}

static int logs_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	const struct logs_options *o = opt;
	struct log_options how = {
		.follow = o->follow,
		.standard_output = true,
		.standard_error = true,
		.since = o->since,
		.until = o->until,
		.tail = o->tail_given ? o->tail : -1,
	};
	struct printer printer = { .o = o };
	auto_container_info info = { 0 };
	struct engine *engine;
	int r = cli_engine(c, &engine, e);

	if (r < 0 || (r = resolve_container(engine, "logs", operands[0], &info, e)) < 0)
		return r;
	r = engine_logs(engine, info.id, &how, print_entry, &printer, e);
	if (r == -EPIPE && !e->code)
		return STATUS_FAILED; /* nobody reads it; cli_main() tells of a full disk */
	return r < 0 ? err_wrap(e, "cannot read the log of '%s'", operands[0]) : 0;
}

static const struct verb_example examples[] = {
	{ "redock logs web", "all that 'web' has printed" },
	{ "redock logs -f -n 20 web", "the last 20 lines, and what is to come" },
	{ "redock logs -t --since 10m web 2>&1 | grep error", "of the last ten minutes" },
	{ NULL },
};

const struct verb verb_logs = {
	.name = "logs",
	.group = GROUP_WATCHING,
	.operands = "CONTAINER",
	.summary = "Print what a container has printed",
	.description =
		"Its standard output on standard output, its standard error on standard error. "
		"TIME is RFC 3339 (2024-05-17T08:30:00Z), a shorter form of it in your time zone, "
		"seconds since 1970, or how long ago: 90s, 10m, 1h30m.",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct logs_options),
	.min_operands = 1,
	.max_operands = 1,
	.run = logs_run,
};
