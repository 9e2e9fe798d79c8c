#include "cli/cli.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/help.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "cli/values.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

#define GLOBAL(member) offsetof(struct cli, member)

/* A relative root is relative to where redock was called; verbs and mounts need it absolute. */
static int root_path(const char *text, void *ret_text, struct err *e)
{
	if (value_line(text, ret_text, e) < 0)
		return -EINVAL;
	if (text[0] != '/') {
		auto_free char *here = getcwd(NULL, 0);
		if (!here)
			return err_errno(e, "cannot tell the working directory");
		*(char **)ret_text = xasprintf("%s/%s", here, text); /* lives as long as we do */
	}
	return 0;
}

const struct verb_option cli_options[] = {
	{ OPTION_TEXT, 0, "root", "DIR", "keep images and containers in DIR [/var/lib/redock]",
		GLOBAL(root), root_path },
	{ OPTION_TEXT, 0, "run-root", "DIR", "keep what a reboot erases in DIR [/run/redock]",
		GLOBAL(run_root), root_path },
	{ OPTION_TEXT, 0, "bridge", "NAME", "name of the network bridge of this instance",
		GLOBAL(bridge), value_line },
	{ OPTION_TEXT, 0, "subnet", "CIDR", "addresses of that bridge, such as 10.1.2.0/24",
		GLOBAL(subnet), value_line },
	{ OPTION_COUNT, 'v', "verbose", NULL, "tell more; -vv still more", GLOBAL(verbose) },
	{ OPTION_FLAG, 'q', "quiet", NULL, "tell nothing but errors", GLOBAL(quiet) },
	{ OPTION_FLAG, 0, "version", NULL, "print the version and end", GLOBAL(version) },
	{ 0 },
};

/* fds 0 to 2 always exist, so that no file of ours ever becomes one of them (rule R4). */
static void hold_standard_fds(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_WRONLY : O_RDONLY) != fd)
			abort();
}

int cli_engine(struct cli *c, struct engine **ret, struct err *e)
{
	struct engine_options options = {
		.root = c->root,
		.run_root = c->run_root,
		.bridge = c->bridge,
		.subnet = c->subnet,
		.say = progress_say,
	};

	if (!c->engine) {
		int r = engine_open(NULL, &options, &c->engine, e);
		if (r < 0)
			return r;
	}
	*ret = c->engine;
	return 0;
}

void cli_note(const struct cli *c, const char *format, ...)
{
	auto_str safe = STR_INIT(16384);
	auto_free char *text = NULL;
	va_list ap;

	if (c->quiet)
		return;
	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		abort();
	va_end(ap);
	text_add_escaped(&safe, text);
	progress_clear();
	fprintf(stderr, "%s\n", str_text(&safe));
}

/* Line breaks of a helper's words stay, indented, so that no line of theirs can pass for ours. */
static void add_lines(struct str *s, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		auto_free char *line = xstrndup(text, len);

		text_add_escaped(s, line);
		text += len + (text[len] == '\n');
		if (*text)
			str_add(s, "\n    ");
	}
}

void cli_complain(const struct err *e)
{
	auto_str s = STR_INIT(65536);
	bool colour = progress_colour(2);

	str_add(&s, colour ? "\033[1;31mredock:\033[0m " : "redock: ");
	add_lines(&s, e->text);
	if (e->hint[0]) {
		str_add(&s, colour ? "\n  \033[1mtry:\033[0m " : "\n  try: ");
		add_lines(&s, e->hint);
	}
	progress_clear();
	fflush(stdout);
	fprintf(stderr, "%s\n", str_text(&s));
}

int cli_usage(struct err *e, const char *format, ...)
{
	va_list ap;

	memset(e, 0, sizeof *e);
	e->code = EINVAL;
	va_start(ap, format);
	vsnprintf(e->text, sizeof e->text, format, ap);
	va_end(ap);
	return CLI_USAGE;
}

int cli_for_each(
	struct cli *c, cli_each *each, void *options, char **operands, size_t n, struct err *e)
{
	struct engine *engine;
	int status = 0, r = cli_engine(c, &engine, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		struct err one = { 0 };
		if (each(c, engine, options, operands[i], &one) < 0) {
			cli_complain(&one);
			status = STATUS_FAILED;
		}
	}
	return status;
}

static int count_operands(const struct verb *verb, const struct command_line *line, struct err *e)
{
	if (line->n_operands >= verb->min_operands && line->n_operands <= verb->max_operands)
		return 0;
	if (line->n_operands < verb->min_operands)
		return cli_usage(e, "'%s' needs %s", verb->name, verb->operands);
	if (verb->max_operands == 0)
		return cli_usage(
			e, "'%s' takes no argument, not '%s'", verb->name, line->operands[0]);
	return cli_usage(e, "'%s' takes %s and nothing more, not '%s'", verb->name, verb->operands,
		line->operands[verb->max_operands]);
}

/* A global option after its verb is a common slip; say where it belongs. */
static void explain_place(const struct verb *verb, struct err *e)
{
	for (const struct verb_option *o = option_first(cli_options); o; o = option_next(o)) {
		char said_long[64], said_short[64], written[3] = { '-', o->short_name, '\0' };

		snprintf(said_long, sizeof said_long, "unknown option '--%s'", o->long_name);
		snprintf(said_short, sizeof said_short, "unknown option '%s'", written);
		if (!str_eq(e->text, said_long) && !str_eq(e->text, said_short))
			continue;
		err_set(e, EINVAL, "option '--%s' goes before the command", o->long_name);
		err_hint(e, "redock --%s%s%s %s", o->long_name, o->argument ? " " : "",
			o->argument ? o->argument : "", verb->name);
		return;
	}
}

static int verb_status(
	const struct verb *verb, const struct command_line *line, int r, struct err *e)
{
	bool session = verb->session && verb->session(line->n_operands);

	if (r >= 0)
		return r;
	if (r == CLI_USAGE && !e->hint[0])
		err_hint(e, "redock help %s", verb->name);
	cli_complain(e);
	return session ? STATUS_SESSION : r == CLI_USAGE ? STATUS_USAGE : STATUS_FAILED;
}

static int unknown_verb(const struct verb *of, const char *name, struct err *e);
static int run_verb(struct cli *c, const struct verb *verb, char **args, struct err *e);

/* "network create ...": `args` begins with the second word. */
static int run_of(struct cli *c, const struct verb *of, char **args, struct err *e)
{
	const struct verb *verb = args[0] ? verb_find(of->verbs, args[0]) : NULL;
	int r;

	if (verb)
		return run_verb(c, verb, args + 1, e);
	if (args[0] && (str_eq(args[0], "-h") || str_eq(args[0], "--help"))) {
		help_verb(stdout, of, progress_colour(1));
		return 0;
	}
	r = args[0] ? unknown_verb(of, args[0], e)
		    : cli_usage(e, "'%s' needs %s", of->name, of->operands);
	if (!e->hint[0])
		err_hint(e, "redock help %s", of->name);
	cli_complain(e);
	return r == CLI_USAGE ? STATUS_USAGE : STATUS_FAILED;
}

static int run_verb(struct cli *c, const struct verb *verb, char **args, struct err *e)
{
	auto_command_line line = { 0 };
	auto_free void *options = xcalloc(1, verb->options_size + 1);
	auto_free char *command = xasprintf("redock %s", verb->name);
	int r;

	if (verb->verbs)
		return run_of(c, verb, args, e);
	r = options_parse(verb->options, verb->stop_at_operand, command, args, options, &line, e);
	if (r < 0) {
		explain_place(verb, e);
		r = CLI_USAGE;
	} else if (line.help) {
		help_verb(stdout, verb, progress_colour(1));
	} else {
		r = count_operands(verb, &line, e);
		if (r == 0)
			r = verb->run(c, options, line.operands, line.n_operands, e);
	}
	r = verb_status(verb, &line, r, e);
	options_release(verb->options, options);
	if (verb->release)
		verb->release(options);
	return r;
}

/* Docker's words that are not ours, and what helps here. */
static const char *instead_of(const char *name)
{
	static const struct {
		const char *name, *hint;
	} words[] = {
		{ "container", "the same without 'container': redock ps, redock rm" },
		{ "image", "redock images, redock rmi, redock import, redock inspect" },
		{ "build", "redock run, redock cp, then redock commit CONTAINER IMAGE" },
		{ "load", "redock import FILE NAME" },
		{ "save", "redock export -o FILE CONTAINER" },
		{ "tag", "redock commit CONTAINER IMAGE, redock import FILE IMAGE" },
	};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (str_eq(words[i].name, name))
			return words[i].hint;
	return NULL;
}

static int unknown_verb(const struct verb *of, const char *name, struct err *e)
{
	const char *instead = of ? NULL : instead_of(name);
	const struct verb *nearest = instead ? NULL : verb_nearest(of ? of->verbs : verbs, name);

	cli_usage(e, "unknown command '%s%s%s'", of ? of->name : "", of ? " " : "", name);
	if (nearest)
		err_hint(e, "redock %s", nearest->name);
	else if (instead)
		err_hint(e, "%s", instead);
	return CLI_USAGE;
}

static int dispatch(struct cli *c, char **args, struct err *e)
{
	auto_command_line line = { 0 };
	const struct verb *verb = NULL;
	int r = options_parse(cli_options, true, "redock", args, c, &line, e);

	if (r == 0 && !line.help && !c->version && line.n_operands) {
		verb = verb_find(verbs, line.operands[0]);
		r = verb ? 0 : unknown_verb(NULL, line.operands[0], e);
	}
	if (r < 0) {
		if (!e->hint[0])
			err_hint(e, "redock help");
		cli_complain(e);
		return STATUS_USAGE;
	}
	progress_init(c->quiet ? -1 : c->verbose);
	if (c->version)
		printf("redock %s\n", REDOCK_VERSION);
	else if (line.help)
		help_overview(stdout, false, progress_colour(1));
	else if (!verb)
		help_short(stdout);
	else
		return run_verb(c, verb, line.operands + 1, e);
	return 0;
}

int cli_main(int argc, char **argv)
{
	struct cli c = { 0 };
	struct err e = { 0 };
	int status;

	hold_standard_fds();
	status = dispatch(&c, argc > 0 ? argv + 1 : argv, &e);
	engine_close(c.engine);
	progress_clear();
	/* a full disk or a closed pipe under our own output is a failure too */
	if ((fflush(stdout) != 0 || ferror(stdout)) && status == 0) {
		if (errno != EPIPE) {
			err_errno(&e, "cannot write to standard output");
			cli_complain(&e);
		}
		status = STATUS_FAILED;
	}
	return status;
}
