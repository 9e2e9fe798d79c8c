/* The man pages' source, in the language of scdoc(5). */
#include "cli/help.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"

#include <ctype.h>
#include <string.h>

/* Text as it is: scdoc reads *, _, \ and the first character of a line as its own. */
static void print_text(FILE *f, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		bool first = i == 0 || text[i - 1] == '\n';

		if (strchr("\\*_<>~", text[i]) || (first && strchr("#-|[].`;", text[i])))
			fputc('\\', f);
		fputc(text[i], f);
	}
}

static void print_string(FILE *f, const char *text)
{
	print_text(f, text, strlen(text));
}

/* Paragraphs; lines that begin with two blanks become literal blocks. */
static void print_paragraphs(FILE *f, const char *text)
{
	bool literal = false;

	while (*text) {
		size_t len = strcspn(text, "\n");
		bool now = text[0] == ' ' && text[1] == ' ';

		if (now != literal)
			fputs(now ? "\n```\n" : "```\n\n", f);
		literal = now;
		if (literal)
			fwrite(text + 2, 1, len - 2, f);
		else
			print_text(f, text, len);
		fputc('\n', f);
		text += len + (text[len] == '\n');
	}
	if (literal)
		fputs("```\n", f);
}

static void print_options(FILE *f, const struct verb_option *table)
{
	for (const struct verb_option *o = option_first(table); o; o = option_next(o)) {
		if (!o->help)
			continue;
		if (o->short_name)
			fprintf(f, "*-%c*%s", o->short_name, o->long_name ? ", " : "");
		if (o->long_name) {
			fputs("*--", f);
			print_string(f, o->long_name);
			fputc('*', f);
		}
		if (o->argument) {
			fputs(" ", f);
			print_string(f, o->argument);
		}
		fputs("\n\t", f);
		print_string(f, o->help);
		fputs("\n\n", f);
	}
}

static void print_name(FILE *f, const char *name, const char *summary)
{
	fputs("# NAME\n\n", f);
	print_string(f, name);
	fputs(" - ", f);
	print_string(f, summary);
	fputs("\n\n", f);
}

static bool has_options(const struct verb *verb)
{
	for (const struct verb_option *o = option_first(verb->options); o; o = option_next(o))
		if (o->help)
			return true;
	return false;
}

void manual_verb(FILE *f, const struct verb *verb)
{
	char name[64], summary[80];

	snprintf(name, sizeof name, "redock-%s", verb->name);
	for (char *blank = name; (blank = strchr(blank, ' '));)
		*blank = '-';
	fprintf(f, "%s(1) \"redock %s\"\n\n", name, REDOCK_VERSION);
	snprintf(summary, sizeof summary, "%c%s", tolower((unsigned char)verb->summary[0]),
		verb->summary + 1); /* as apropos(1) shows others */
	print_name(f, name, summary);
	fprintf(f, "# SYNOPSIS\n\n*redock %s*%s", verb->name, has_options(verb) ? " " : "");
	if (has_options(verb))
		fputs("[OPTION]...", f);
	if (*verb->operands)
		fputc(' ', f);
	print_string(f, verb->operands);
	fputs("\n\n# DESCRIPTION\n\n", f);
	print_paragraphs(f, verb->description);
	if (has_options(verb)) {
		fputs("\n# OPTIONS\n\n", f);
		print_options(f, verb->options);
	}
	if (verb->verbs) {
		fputs("\n# COMMANDS\n\n", f);
		for (size_t i = 0; verb->verbs[i]; i++) {
			auto_free char *page = xstrdup(verb->verbs[i]->name);
			for (char *blank = page; (blank = strchr(blank, ' '));)
				*blank = '-';
			fprintf(f, "*redock-%s*(1)\n\t", page);
			print_string(f, verb->verbs[i]->summary);
			fputs(".\n\n", f);
		}
	}
	fputs("\n# EXAMPLES\n\n", f);
	for (const struct verb_example *x = verb->examples; x->command; x++) {
		fputc('*', f);
		print_string(f, x->command);
		fputs("*\n\t", f);
		print_string(f, x->text);
		fputs("\n\n", f);
	}
	fputs("# EXIT STATUS\n\n", f);
	if (verb->session == verb_session_always)
		fputs("The command's own status; 125 when redock itself failed. See *redock*(1).\n",
			f);
	else
		fputs("0 when all went well, 1 when something failed, 2 for a wrong command "
		      "line.\n",
			f);
	if (verb->session && verb->session != verb_session_always)
		fputs("With a session: its status, or 125 when redock itself failed.\n", f);
	fputs("\n# SEE ALSO\n\n*redock*(1)\n", f);
}

void manual_overview(FILE *f)
{
	fprintf(f, "redock(1) \"redock %s\"\n\n", REDOCK_VERSION);
	print_name(f, "redock", "Linux machines and containers by name");
	fputs("# SYNOPSIS\n\n*redock* [OPTION]... COMMAND [ARGUMENT]...\n\n", f);
	fputs("# COMMANDS\n\n", f);
	for (int group = 0; group < GROUP_COUNT; group++) {
		fprintf(f, "## %s\n\n", verb_groups[group]);
		for (size_t i = 0; verbs[i]; i++) {
			if ((int)verbs[i]->group != group)
				continue;
			fprintf(f, "*redock-%s*(1)\n\t", verbs[i]->name);
			print_string(f, verbs[i]->summary);
			fputs(".\n\n", f);
		}
	}
	fputs("# OPTIONS\n\nThese stand before COMMAND.\n\n", f);
	print_options(f, cli_options);
	fputs("*-h*, *--help*\n\tprint help and end; after a command, the help of that command\n\n",
		f);
}
