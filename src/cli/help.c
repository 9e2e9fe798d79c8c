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

void help_overview(FILE *f, bool colour)
{
	fputs("Usage: redock [OPTION]... COMMAND [ARGUMENT]...\n", f);
	for (int group = 0; group < GROUP_COUNT; group++) {
		heading(f, verb_groups[group], colour);
		for (size_t i = 0; verbs[i]; i++)
			if ((int)verbs[i]->group == group)
				fprintf(f, "  %-9s %s\n", verbs[i]->name, verbs[i]->summary);
	}
	fputs("Before the command: -v (tell more), -q (errors only), --root DIR, --version.\n"
	      "More: redock help COMMAND, man redock. Names: 'demo' is USER:demo.\n",
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
	for (const struct verb_option *o = verb->options; o && o->kind != OPTION_END; o++)
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
		for (const struct verb_option *o = verb->options; o->kind != OPTION_END; o++)
			if (o->help)
				print_option(f, o);
	}
	fputc('\n', f);
	heading(f, "Examples", colour);
	for (const struct verb_example *x = verb->examples; x->command; x++)
		fprintf(f, "  %s\n      %s\n", x->command, x->text);
}

struct help_options {
	bool man;
};

static const struct verb_option options[] = {
	/* for the build of the man pages */
	{ OPTION_FLAG, 0, "man", NULL, NULL, offsetof(struct help_options, man) },
	{ 0 },
};

static int help_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	const struct help_options *o = opt;
	const struct verb *verb = n_operands ? verb_find(operands[0]) : NULL;

	if (n_operands && !verb) {
		const struct verb *nearest = verb_nearest(operands[0]);

		cli_usage(e, "unknown command '%s'", operands[0]);
		err_hint(e, "redock help%s%s", nearest ? " " : "", nearest ? nearest->name : "");
		return CLI_USAGE;
	}
	if (o->man && verb)
		manual_verb(stdout, verb);
	else if (o->man)
		manual_overview(stdout);
	else if (verb)
		help_verb(stdout, verb, progress_colour(1));
	else
		help_overview(stdout, progress_colour(1));
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
	.operands = "[COMMAND]",
	.summary = "Explain redock or one of its commands",
	.description = "Without COMMAND, lists all commands. The same text is in the man pages: "
		       "redock(1), redock-run(1) and so on.",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct help_options),
	.min_operands = 0,
	.max_operands = 1,
	.run = help_run,
};
