#include "runtime/oci/cli.h"
#include "base/mem.h"
#include "runtime/oci/config.h"

#include <string.h>

enum option_type {
	FLAG,
	TEXT,
	LIST,
	COUNT,
	LIMIT, /* "NAME=VALUE" into `limits` */
};
struct option {
	const char *name;
	char letter;
	enum option_type type;
	size_t offset;
	const char *value, *help;
};
#define O(type, name, letter, member, value, help)                                                 \
	{                                                                                          \
		name, letter, type, offsetof(struct options, member), value, help                  \
	}
#define L(name, help)                                                                              \
	{                                                                                          \
		name, 0, LIMIT, offsetof(struct options, limits), "N", help                        \
	}
#define END                                                                                        \
	{                                                                                          \
		NULL                                                                               \
	}

static const struct option global_options[] = {
	O(TEXT, "root", 0, root, "DIR", "where the state of containers is"),
	O(TEXT, "log", 0, log, "FILE", "append messages to it"),
	O(TEXT, "log-format", 0, log_format, "text|json", "form of these messages"),
	O(TEXT, "log-level", 0, log_level, "LEVEL", "error, warning, info or debug"),
	O(FLAG, "debug", 0, debug, NULL, "the same as --log-level debug"),
	O(FLAG, "systemd-cgroup", 0, systemd_cgroup, NULL, "control groups are systemd's scopes"),
	O(TEXT, "cgroup-manager", 0, cgroup_manager, "cgroupfs|systemd|disabled",
		"who makes control groups"),
	O(TEXT, "rootless", 0, rootless, "true|false|auto", "taken and ignored"),
	O(FLAG, "help", 'h', help, NULL, "this text"),
	O(FLAG, "version", 'v', version, NULL, "versions of the program and the specification"),
	END,
};

#define CREATE_OPTIONS                                                                             \
	O(TEXT, "bundle", 'b', bundle, "DIR", "the bundle, instead of this directory"),            \
		O(TEXT, "config", 'f', config, "FILE", "its configuration, for config.json"),      \
		O(TEXT, "console-socket", 0, console_socket, "PATH",                               \
			"socket that gets the terminal's master"),                                 \
		O(TEXT, "pid-file", 0, pid_file, "FILE", "gets the container's pid"),              \
		O(COUNT, "preserve-fds", 0, preserve_fds, "N", "N more descriptors, from 3 on"),   \
		O(FLAG, "no-pivot", 0, no_pivot, NULL, "move the root instead of pivot_root"),     \
		O(FLAG, "no-new-keyring", 0, no_new_keyring, NULL, "keep the session keyring")

static const struct option create_options[] = { CREATE_OPTIONS, END };
static const struct option run_options[] = {
	CREATE_OPTIONS,
	O(FLAG, "detach", 'd', detach, NULL, "do not wait for it"),
	O(FLAG, "keep", 0, keep, NULL, "do not delete it when it has ended"),
	O(FLAG, "no-subreaper", 0, no_subreaper, NULL, "do not adopt what it leaves behind"),
	END,
};
static const struct option exec_options[] = {
	O(TEXT, "process", 'p', process, "FILE", "the process, as config.json has it"),
	O(FLAG, "tty", 't', tty, NULL, "with a terminal"),
	O(TEXT, "cwd", 0, cwd, "DIR", "working directory"),
	O(LIST, "env", 'e', env, "NAME=VALUE", "one more variable"),
	O(TEXT, "user", 'u', user, "UID[:GID]", "as whom"),
	O(LIST, "additional-gids", 'g', additional_gids, "GID", "one more group"),
	O(TEXT, "console-socket", 0, console_socket, "PATH",
		"socket that gets the terminal's master"),
	O(TEXT, "pid-file", 0, pid_file, "FILE", "gets the process's pid"),
	O(FLAG, "detach", 'd', detach, NULL, "do not wait for it"),
	O(LIST, "cap", 'c', caps, "CAP", "one more capability"),
	O(FLAG, "no-new-privs", 0, no_new_privs, NULL, "no program gives it more"),
	O(TEXT, "apparmor", 0, apparmor, "PROFILE", "its AppArmor profile"),
	O(TEXT, "process-label", 0, process_label, "LABEL", "its SELinux label"),
	O(COUNT, "preserve-fds", 0, preserve_fds, "N", "N more descriptors, from 3 on"),
	O(TEXT, "cgroup", 0, sub_cgroup, "PATH", "a control group below the container's"),
	O(FLAG, "ignore-paused", 0, ignore_paused, NULL, "in a paused container, too"),
	O(FLAG, "no-subreaper", 0, no_subreaper, NULL, "taken and ignored"),
	END,
};
static const struct option kill_options[] = {
	O(FLAG, "all", 'a', all, NULL, "every process of the container"),
	O(FLAG, "regex", 'r', regex, NULL, "every container whose id the expression fits"),
	END,
};
static const struct option delete_options[] = {
	O(FLAG, "force", 'f', force, NULL, "kill it first; none of that name is no error"),
	O(FLAG, "regex", 'r', regex, NULL, "every container whose id the expression fits"),
	END,
};
static const struct option list_options[] = {
	O(TEXT, "format", 'f', format, "table|json", "how"),
	O(FLAG, "quiet", 'q', quiet, NULL, "ids only"),
	END,
};
static const struct option ps_options[] = {
	O(TEXT, "format", 'f', format, "table|json", "how"),
	END,
};
static const struct option events_options[] = {
	O(FLAG, "stats", 0, stats, NULL, "once, and done"),
	O(TEXT, "interval", 0, interval, "TIME", "between two, 5s"),
	END,
};
static const struct option update_options[] = {
	O(TEXT, "resources", 'r', resources, "FILE", "linux.resources as JSON; - is stdin"),
	L("blkio-weight", "share of the disk's time, 10 to 1000"),
	L("cpu-period", "microseconds of a period"),
	L("cpu-quota", "microseconds in each period"),
	L("cpu-burst", "microseconds that may be saved up"),
	L("cpu-share", "share of CPU time"),
	L("cpu-shares", "share of CPU time"),
	L("cpu-rt-period", "microseconds of a realtime period"),
	L("cpu-rt-runtime", "microseconds in each of them"),
	L("cpu-idle", "1: runs when nobody else wants to"),
	L("cpuset-cpus", "CPUs, as 0-3,7"),
	L("cpuset-mems", "memory nodes"),
	L("kernel-memory", "taken and ignored: kernels have it no more"),
	L("kernel-memory-tcp", "taken and ignored"),
	L("memory", "bytes, -1 for no limit"),
	L("memory-reservation", "bytes to fall back to"),
	L("memory-swap", "bytes with swap, -1 for no limit"),
	L("pids-limit", "processes, -1 for no limit"),
	L("l3-cache-schema", "no such thing here: an error"),
	L("mem-bw-schema", "no such thing here: an error"),
	END,
};
static const struct option spec_options[] = {
	O(TEXT, "bundle", 'b', bundle, "DIR", "where to write config.json"),
	O(TEXT, "rootless", 0, rootless, NULL, "for somebody who is not root"),
	END,
};
static const struct option no_options[] = { END };

struct verb {
	const char *name, *operands, *help;
	size_t min, max;
	const struct option *options;
	verb_fn *run;
};
static const struct verb verbs[] = {
	{ "create", "ID", "make a container from a bundle", 1, 1, create_options, verb_create },
	{ "delete", "ID", "remove one that has ended", 1, 1, delete_options, verb_delete },
	{ "events", "ID", "its use of resources, as JSON", 1, 1, events_options, verb_events },
	{ "exec", "ID [COMMAND...]", "run one more process in it", 1, SIZE_MAX, exec_options,
		verb_exec },
	{ "features", "", "what this runtime knows, as JSON", 0, 0, no_options, verb_features },
	{ "kill", "ID [SIGNAL]", "send a signal, TERM", 1, 2, kill_options, verb_kill },
	{ "list", "", "all containers", 0, 0, list_options, verb_list },
	{ "pause", "ID", "stop all its processes", 1, 1, no_options, verb_pause },
	{ "ps", "ID [PS-OPTION...]", "its processes", 1, SIZE_MAX, ps_options, verb_ps },
	{ "resume", "ID", "let them go on", 1, 1, no_options, verb_resume },
	{ "run", "ID", "create, start, wait and delete", 1, 1, run_options, verb_run },
	{ "spec", "", "write a config.json to begin with", 0, 0, spec_options, verb_spec },
	{ "start", "ID", "start one that has been created", 1, 1, no_options, verb_start },
	{ "state", "ID", "its state, as JSON", 1, 1, no_options, verb_state },
	{ "update", "ID", "change its limits", 1, 1, update_options, verb_update },
};

static void print_options(const struct option *o)
{
	for (; o->name; o++) {
		char left[64];
		snprintf(left, sizeof left, "%s%c%s --%s%s%s", o->letter ? "-" : " ",
			o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name,
			o->value ? " " : "", o->value ? o->value : "");
		printf("  %-34s %s\n", left, o->help);
	}
}

static void print_help(const struct verb *v)
{
	if (v) {
		printf("usage: redock-runtime %s [OPTION...] %s\n%s\n\n", v->name, v->operands,
			v->help);
		print_options(v->options);
		return;
	}
	printf("usage: redock-runtime [OPTION...] VERB [OPTION...] [OPERAND...]\n"
	       "runs containers from OCI bundles\n\n");
	print_options(global_options);
	putchar('\n');
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		printf("  %-9s %-20s %s\n", verbs[i].name, verbs[i].operands, verbs[i].help);
}

static int usage(struct err *e, const struct verb *v)
{
	return err_hint(e, "redock-runtime %s%s--help", v ? v->name : "", v ? " " : "");
}

static int set(struct options *o, const struct option *d, const char *value, struct err *e)
{
	void *at = (char *)o + d->offset;
	uint64_t n;

	switch (d->type) {
	case FLAG:
		/* "--detach=false", as Go's programs write it */
		if (value && !str_eq(value, "true") && !str_eq(value, "false"))
			return err_set(e, EINVAL, "'--%s' takes no value", d->name);
		*(bool *)at = !value || str_eq(value, "true");
		break;
	case TEXT:
		free(*(char **)at);
		*(char **)at = xstrdup(value);
		break;
	case LIST:
		strv_push(at, value);
		break;
	case COUNT:
		if (str_to_u64(value, 0, 1024, &n) < 0)
			return err_set(e, EINVAL, "'--%s %s': expected a number up to 1024",
				d->name, value);
		*(int64_t *)at = (int64_t)n;
		break;
	case LIMIT:
		strv_pushf(at, "%s=%s", d->name, value);
		break;
	}
	return 0;
}

static const struct option *find(
	const struct option *table, const char *name, size_t len, char letter)
{
	for (; table->name; table++)
		if (name ? strlen(table->name) == len && memcmp(table->name, name, len) == 0
			 : table->letter == letter)
			return table;
	return NULL;
}

/* One word that begins with "-", and the next where it is an option's value. */
static int parse_word(char ***at, const struct option *table, struct options *o,
	const struct verb *v, struct err *e)
{
	const char *word = **at, *value = NULL;
	const struct option *d;

	if (str_starts(word, "--")) {
		const char *eq = strchr(word, '=');
		size_t len = eq ? (size_t)(eq - word) - 2 : strlen(word) - 2;
		d = find(table, word + 2, len, 0);
		value = eq ? eq + 1 : NULL;
	} else {
		d = find(table, NULL, 0, word[1]);
		if (d && d->type == FLAG && word[2]) { /* -it */
			if (set(o, d, NULL, e) < 0)
				return -e->code;
			memmove(**at + 1, **at + 2, strlen(word + 1));
			return parse_word(at, table, o, v, e);
		}
		if (d && word[2])
			value = word + 2 + (word[2] == '=');
	}
	if (!d && (str_eq(word, "--help") || str_eq(word, "-h"))) {
		o->help = true;
		(*at)++;
		return 0;
	}
	if (!d) {
		err_set(e, EINVAL, "unknown option '%s'", word);
		return usage(e, v);
	}
	(*at)++;
	if (!value && d->type != FLAG && !(d->type == TEXT && !d->value)) {
		if (!**at) {
			err_set(e, EINVAL, "'%s' needs a value", word);
			return usage(e, v);
		}
		value = *(*at)++;
	}
	return set(o, d, value ? value : (d->type == TEXT ? "true" : NULL), e);
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (str_eq(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

static int parse_verb(char **at, const struct verb *v, struct invocation *i, struct err *e)
{
	bool passes_on = v->max == SIZE_MAX; /* what follows the id is somebody else's */

	while (*at) {
		if (str_eq(*at, "--")) {
			at++;
			while (*at)
				i->operands[i->n_operands++] = *at++;
		} else if (**at == '-' && (*at)[1] && !(passes_on && i->n_operands)) {
			if (parse_word(&at, v->options, &i->o, v, e) < 0)
				return -e->code;
		} else {
			i->operands[i->n_operands++] = *at++;
		}
	}
	if (i->o.help)
		return 0;
	if (i->n_operands < v->min || i->n_operands > v->max) {
		err_set(e, EINVAL,
			i->n_operands < v->min ? "'%s' needs %s" : "'%s' takes only '%s'", v->name,
			v->operands);
		return usage(e, v);
	}
	return 0;
}

int cli_parse(int argc, char **argv, struct invocation *ret, verb_fn **ret_run, struct err *e)
{
	const struct verb *v = NULL;
	char **at = argv + 1;

	*ret_run = NULL;
	ret->operands = xcalloc((size_t)argc + 1, sizeof *ret->operands);
	while (*at && **at == '-')
		if (parse_word(&at, global_options, &ret->o, NULL, e) < 0)
			return -e->code;
	if (ret->o.version) {
		printf("redock-runtime version " REDOCK_VERSION "\nspec: " CONFIG_SPEC_VERSION
		       "\n");
		return 0;
	}
	if (*at && !str_eq(*at, "help")) {
		v = find_verb(*at);
		if (!v) {
			err_set(e, EINVAL, "unknown verb '%s'", *at);
			return usage(e, NULL);
		}
		ret->verb = *at++;
		if (parse_verb(at, v, ret, e) < 0)
			return -e->code;
	}
	if (!v || ret->o.help) {
		print_help(v);
		return 0;
	}
	*ret_run = v->run;
	return 0;
}

void cli_release(struct invocation *i)
{
	const struct option *tables[] = { global_options, run_options, exec_options, list_options,
		events_options, update_options, NULL };

	for (const struct option **t = tables; *t; t++)
		for (const struct option *o = *t; o->name; o++) {
			void *at = (char *)&i->o + o->offset;
			if (o->type == TEXT) {
				free(*(char **)at);
				*(char **)at = NULL;
			} else if (o->type == LIST || o->type == LIMIT) {
				strv_release(at);
				*(struct strv *)at = (struct strv){ 0 };
			}
		}
	free(i->operands);
	if (i->log.file)
		fclose(i->log.file);
}
