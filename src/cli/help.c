#include "cli/help.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include <string.h>

#define COLUMNS      79
#define GROUP_WIDTH  18
#define OPTION_WIDTH 26 /* of the options' own column; longer ones get a line of their own */

static void heading(FILE *f, const char *text, bool colour)
{
	fprintf(f, colour ? "\033[1m%s:\033[0m\n" : "%s:\n", text);
}

void help_short(FILE *f)
{
	fputs("redock: Linux machines and containers by name\n"
	      "\n"
	      "  redock start demo                   make the machine 'demo' and log in\n"
	      "  redock commit demo                  keep what you changed in it\n"
	      "  redock run --rm -it IMAGE sh        a container that is gone afterwards\n"
	      "\n"
	      "All commands: redock help\n",
		f);
}

/* A group's verbs in one go, after its name. */
static void print_group(FILE *f, int group, bool colour)
{
	size_t column = (size_t)fprintf(f, colour ? "\033[1m%s\033[0m" : "%s", verb_groups[group]);

	column = strlen(verb_groups[group]);
	for (; column < GROUP_WIDTH; column++)
		fputc(' ', f);
	for (size_t i = 0; verbs[i]; i++) {
		if ((int)verbs[i]->group != group)
			continue;
		if (column + 1 + strlen(verbs[i]->name) > COLUMNS) {
			fprintf(f, "\n%*s", GROUP_WIDTH, "");
			column = GROUP_WIDTH;
		}
		column += (size_t)fprintf(f, " %s", verbs[i]->name);
	}
	fputc('\n', f);
}

static void print_group_in_full(FILE *f, int group, bool colour)
{
	heading(f, verb_groups[group], colour);
	for (size_t i = 0; verbs[i]; i++)
		if ((int)verbs[i]->group == group)
			fprintf(f, "  %-9s %s\n", verbs[i]->name, verbs[i]->summary);
}

void help_overview(FILE *f, bool all, bool colour)
{
	fputs("Usage: redock [OPTION]... COMMAND [ARGUMENT]...\n", f);
	for (int group = 0; group < GROUP_COUNT; group++)
		if (group == GROUP_MACHINES || all)
			print_group_in_full(f, group, colour);
		else
			print_group(f, group, colour);
	if (all)
		fputs("Before the command: -v (tell more), -q (errors only), --root DIR, "
		      "--version.\n"
		      "More: redock help COMMAND, man redock. Names: 'demo' is USER:demo.\n",
			f);
	else
		fputs("Before the command: -v (tell more), -q (errors only), --root DIR, "
		      "--version.\n"
		      "More: redock help COMMAND, redock help --all, man redock.\n"
		      "Names: 'demo' is the machine USER:demo. Docker's words work as they do "
		      "there.\n",
			f);
}

void help_option_text(const struct verb_option *o, struct str *ret)
{
	if (o->short_name)
		str_addf(ret, "-%c%s", o->short_name, o->long_name ? ", " : "");
	else
		str_add(ret, "    ");
	if (o->long_name)
		str_addf(ret, "--%s", o->long_name);
	if (o->argument)
		str_addf(ret, " %s", o->argument);
}

static bool has_visible_options(const struct verb *verb)
{
	for (const struct verb_option *o = option_first(verb->options); o; o = option_next(o))
		if (o->help)
			return true;
	return false;
}

static void print_option(FILE *f, const struct verb_option *o)
{
	auto_str left = STR_INIT(256);

	help_option_text(o, &left);
	if (left.len > OPTION_WIDTH)
		fprintf(f, "  %s\n  %*s ", str_text(&left), OPTION_WIDTH, "");
	else
		fprintf(f, "  %-*s ", OPTION_WIDTH, str_text(&left));
	fprintf(f, "%s\n", o->help);
}

void help_verb(FILE *f, const struct verb *verb, bool colour)
{
	bool options = has_visible_options(verb);

	fprintf(f, "Usage: redock %s%s%s%s\n", verb->name, options ? " [OPTION]..." : "",
		*verb->operands ? " " : "", verb->operands);
	fprintf(f, "\n%s.\n\n", verb->summary);
	text_wrap(f, verb->description, 0, COLUMNS);
	if (options) {
		fputc('\n', f);
		heading(f, "Options", colour);
		for (const struct verb_option *o = option_first(verb->options); o;
			o = option_next(o))
			if (o->help)
				print_option(f, o);
	}
	if (verb->verbs) {
		fputc('\n', f);
		heading(f, "Commands", colour);
		for (size_t i = 0; verb->verbs[i]; i++)
			fprintf(f, "  %-11s %s\n", verb_word(verb->verbs[i]),
				verb->verbs[i]->summary);
	}
	fputc('\n', f);
	heading(f, "Examples", colour);
	for (const struct verb_example *x = verb->examples; x->command; x++)
		fprintf(f, "  %s\n      %s\n", x->command, x->text);
}

struct help_options {
	bool man, all;
};

static const struct verb_option options[] = {
	{ OPTION_FLAG, 'a', "all", NULL, "all commands with a line each",
		offsetof(struct help_options, all) },
	/* for the build of the man pages */
	{ OPTION_FLAG, 0, "man", NULL, NULL, offsetof(struct help_options, man) },
	{ 0 },
};

static int help_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	const struct help_options *o = opt;
	const struct verb *const *list = verbs;
	const struct verb *verb = NULL;

	for (size_t i = 0; i < n_operands; i++) {
		verb = list ? verb_find(list, operands[i]) : NULL;
		if (!verb) {
			const struct verb *nearest = list ? verb_nearest(list, operands[i]) : NULL;

			cli_usage(e, "unknown command '%s%s%s'", i ? operands[0] : "", i ? " " : "",
				operands[i]);
			err_hint(e, "redock help%s%s", nearest ? " " : "",
				nearest ? nearest->name : "");
			return CLI_USAGE;
		}
		list = verb->verbs;
	}
	if (o->man && verb)
		manual_verb(stdout, verb);
	else if (o->man)
		manual_overview(stdout);
	else if (verb)
		help_verb(stdout, verb, progress_colour(1));
	else
		help_overview(stdout, o->all, progress_colour(1));
	return 0;
}

static const struct verb_example examples[] = {
	{ "redock help", "the commands, on one screen" },
	{ "redock help run", "what 'run' does and its options" },
	{ NULL },
};

const struct verb verb_help = {
	.name = "help",
	.group = GROUP_SYSTEM,
	.operands = "[COMMAND [COMMAND]]",
	.summary = "Explain redock or one of its commands",
	.description = "Without COMMAND, lists all commands, with --all one a line. The same text "
		       "is in the man pages: "
		       "redock(1), redock-run(1) and so on.",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct help_options),
	.min_operands = 0,
	.max_operands = 2,
	.run = help_run,
};
