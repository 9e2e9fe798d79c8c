#include "base/str.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/system.h"
#include "cli/text.h"

struct check_verb_options {
	struct check_options check;
	bool json, quiet;
};

#define TARGET(member) offsetof(struct check_verb_options, member)
static const struct verb_option options[] = {
	{ OPTION_FLAG, 0, "repair", NULL, "mend it, or move it to the quarantine",
		TARGET(check.repair) },
	{ OPTION_FLAG, 0, "full", NULL, "unpack each layer again, and compare",
		TARGET(check.full) },
	{ OPTION_FLAG, 0, "json", NULL, "print an array of objects", TARGET(json) },
	{ OPTION_FLAG, 'q', "quiet", NULL, "print nothing but what is wrong", TARGET(quiet) },
	{ 0 },
};

static void print_json(const struct finding_list *list)
{
	auto_json *array = json_array();

	for (size_t i = 0; i < list->n; i++) {
		const struct finding *f = &list->v[i];
		json_t *o = json_object();
		json_object_set_new(o, "Result", output_string(f->bad ? "bad" : "note"));
		json_object_set_new(o, "Object", output_string(f->object));
		json_object_set_new(o, "Found", output_string(f->found));
		json_object_set_new(o, "Done", output_string(f->done));
		json_object_set_new(o, "Try", output_string(f->mend));
		json_array_append_new(array, o);
	}
	output_json(array);
}

static void print_line(const char *before, const char *text)
{
	auto_str safe = STR_INIT(16384);

	text_add_escaped(&safe, text);
	printf("%s%s\n", before, str_text(&safe));
}

static void print_finding(const struct finding *f)
{
	auto_str line = STR_INIT(16384);

	text_add_escaped(&line, f->object);
	str_add(&line, ": ");
	text_add_escaped(&line, f->found);
	printf("%s%s\n", f->bad ? "X " : "! ", str_text(&line));
	if (f->done)
		print_line("      ", f->done);
	if (f->mend)
		print_line("      try: ", f->mend);
}

static const char *things(size_t n)
{
	return n == 1 ? "thing is" : "things are";
}

static void print_text(
	const struct finding_list *list, const struct check_verb_options *o, size_t open)
{
	size_t done = 0;

	progress_clear();
	for (size_t i = 0; i < list->n; i++) {
		done += list->v[i].done != NULL;
		if (!o->quiet || list->v[i].bad)
			print_finding(&list->v[i]);
	}
	if (list->quarantine)
		print_line("what was moved is in ", list->quarantine);
	if (o->quiet)
		return;
	if (open && o->check.repair)
		printf("%zu %s still wrong; %zu mended\n", open, things(open), done);
	else if (open)
		printf("%zu %s wrong; try: redock system check --repair\n", open, things(open));
	else if (done)
		printf("all is sound; %zu %s mended or removed\n", done, things(done));
	else
		printf("all is sound\n");
}

static int check_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	const struct check_verb_options *o = opt;
	auto_finding_list list = { 0 };
	struct engine *engine;
	size_t open = 0;
	int r = cli_engine(c, &engine, e);

	if (r < 0 || (r = engine_system_check(engine, &o->check, &list, e)) < 0)
		return r;
	for (size_t i = 0; i < list.n; i++)
		open += list.v[i].bad && !list.v[i].done;
	if (o->json)
		print_json(&list);
	else
		print_text(&list, o, open);
	return open ? STATUS_FAILED : 0;
}

static const struct verb_example examples[] = {
	{ "redock system check", "whether all that is stored is there and whole" },
	{ "redock system check --repair", "mend what can be mended, move the rest aside" },
	{ "redock system check --full --json", "each file of each layer, too; as data" },
	{ NULL },
};

const struct verb verb_system_check = {
	.name = "system check",
	.group = GROUP_SYSTEM,
	.operands = "",
	.summary = "Look whether what is stored is sound",
	.description =
		"Reads every blob and compares it with its digest; looks whether each name, and "
		"each container, leads to a whole image, whether layers, containers, volumes and "
		"networks are what they say, and what commands that died have left. A line that "
		"begins with 'X' is damage, one with '!' is in nobody's way. With --full each "
		"layer is unpacked again and compared, file by file. Other commands can run "
		"meanwhile.\n"
		"\n"
		"--repair unpacks a damaged layer again from its archive, packs a lost archive "
		"again from its layer if the digest is the same, and moves what stays damaged to "
		"the directory 'quarantine' below the root: the image's name, what it led to, and "
		"what only it needed, at the same places as before, with a file 'what' that says "
		"why. Nothing else is touched; what a container needs stays where it is. Removed "
		"is "
		"only what is half-made, or what nothing needs. What is in the quarantine is yours "
		"to keep or to remove.\n"
		"\n"
		"Ends with 1 when something is wrong, with --repair when something is wrong still. "
		"The objects of --json have the keys Result ('bad' or 'note'), Object, Found, Done "
		"and Try (or null).",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct check_verb_options),
	.max_operands = 0,
	.run = check_run,
};
