#include "cli/options.h"
#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <string.h>

struct parser {
	const struct verb_option *table;
	const char *command;
	void *target;
	struct command_line *line;
};

void command_line_release(struct command_line *line)
{
	free(line->operands);
	line->operands = NULL;
	line->n_operands = 0;
}

static const struct verb_option *follow(const struct verb_option *o)
{
	while (o && o->kind == OPTION_MORE)
		o = o->more;
	return o && o->kind != OPTION_END ? o : NULL;
}

const struct verb_option *option_first(const struct verb_option *table)
{
	return follow(table);
}

const struct verb_option *option_next(const struct verb_option *o)
{
	return follow(o + 1);
}

void options_release(const struct verb_option *table, void *target)
{
	for (const struct verb_option *o = option_first(table); o; o = option_next(o)) {
		char *at = (char *)target + o->target;

		if (o->kind == OPTION_LIST)
			strv_release((struct strv *)at);
		if (o->kind == OPTION_OWNED) {
			free(*(char **)at);
			*(char **)at = NULL;
		}
	}
}

unsigned suggestion_distance(const char *typed, const char *candidate)
{
	size_t n = strlen(typed), m = strlen(candidate);
	unsigned far = str_distance(typed, candidate);

	/* an abbreviation is nearer than its distance says */
	if (n >= 2 && n < m && strncmp(typed, candidate, n) == 0)
		return 1;
	/* a third of the letters may be wrong, and one of three always */
	if (n < 2 || far > 3 || far * 3 > (n > m ? n : m) + 1)
		return UINT_MAX;
	return far;
}

static const struct verb_option *find_long(const struct parser *p, const char *name, size_t len)
{
	for (const struct verb_option *o = option_first(p->table); o; o = option_next(o))
		if (o->long_name && strlen(o->long_name) == len &&
			memcmp(o->long_name, name, len) == 0)
			return o;
	return NULL;
}

static const struct verb_option *find_short(const struct parser *p, char c)
{
	for (const struct verb_option *o = option_first(p->table); o; o = option_next(o))
		if (o->short_name && o->short_name == c)
			return o;
	return NULL;
}

static bool takes_value(const struct verb_option *o)
{
	return o->kind != OPTION_FLAG && o->kind != OPTION_COUNT && o->kind != OPTION_OFF;
}

/* What Go's flag package reads, which Docker's users write: --rm=true. */
static int parse_bool(const char *name, const char *text, bool *ret, struct err *e)
{
	static const char *const yes[] = { "true", "1", "t", "T", "TRUE", "True" };
	static const char *const no[] = { "false", "0", "f", "F", "FALSE", "False" };

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		if (str_eq(text, yes[i]) || str_eq(text, no[i])) {
			*ret = str_eq(text, yes[i]);
			return 0;
		}
	return err_set(e, EINVAL, "option '%s' takes true or false, not '%s'", name, text);
}

static int store_text(const struct verb_option *o, const char *value, char **target, struct err *e)
{
	if (o->parse && o->parse(value, &value, e) < 0)
		return -EINVAL;
	free(*target);
	*target = xstrdup(value);
	return 0;
}

/* `value` is NULL for flags; `name` is the option as it was written. */
static int store(const struct parser *p, const struct verb_option *o, const char *name,
	const char *value, struct err *e)
{
	void *target = (char *)p->target + o->target;
	bool on = true;

	switch (o->kind) {
	case OPTION_FLAG:
	case OPTION_OFF:
		if (value && parse_bool(name, value, &on, e) < 0)
			return -EINVAL;
		*(bool *)target = o->kind == OPTION_FLAG ? on : !on;
		return 0;
	case OPTION_COUNT:
		(*(int *)target)++;
		return 0;
	case OPTION_TEXT:
		if (!o->parse) {
			*(const char **)target = value;
			return 0;
		}
		break;
	case OPTION_LIST:
		if (!o->parse) {
			strv_push(target, value);
			return 0;
		}
		break;
	case OPTION_OWNED:
		return store_text(o, value, target, e) < 0 ? err_wrap(e, "option '%s'", name) : 0;
	default:
		break;
	}
	if (o->parse(value, target, e) < 0)
		return err_wrap(e, "option '%s'", name);
	return 0;
}

/* Returns 1 when `next` was its value. */
static int store_maybe(const struct parser *p, const struct verb_option *o, const char *name,
	const char *next, struct err *e)
{
	void *target = (char *)p->target + o->target;
	int r = next ? o->parse(next, target, e) : -ENOENT;

	if (r == -ENOENT) {
		err_clear(e);
		r = o->parse(NULL, target, e);
		return r < 0 ? err_wrap(e, "option '%s'", name) : 0;
	}
	return r < 0 ? err_wrap(e, "option '%s'", name) : 1;
}

static int unknown_long(const struct parser *p, const char *name, struct err *e)
{
	const struct verb_option *best = NULL;
	unsigned least = UINT_MAX;

	for (const struct verb_option *o = option_first(p->table); o; o = option_next(o)) {
		unsigned far = o->long_name && o->help ? suggestion_distance(name, o->long_name)
						       : UINT_MAX;
		if (far < least) {
			least = far;
			best = o;
		}
	}
	err_set(e, EINVAL, "unknown option '--%s'", name);
	if (best)
		return err_hint(e, "%s --%s%s%s", p->command, best->long_name,
			best->argument ? " " : "", best->argument ? best->argument : "");
	return -EINVAL;
}

/* `arg` is without its dashes. Returns 1 when it took the next argument as its value. */
static int parse_long(const struct parser *p, const char *arg, const char *next, struct err *e)
{
	size_t len = strcspn(arg, "=");
	auto_free char *name = xstrndup(arg, len), *written = xasprintf("--%s", name);
	const char *value = arg[len] == '=' ? arg + len + 1 : NULL;
	const struct verb_option *o = find_long(p, arg, len);
	int r;

	if (!o && str_eq(name, "help") && !value) {
		p->line->help = true;
		return 0;
	}
	if (!o)
		return unknown_long(p, name, e);
	if (value && o->kind == OPTION_COUNT)
		return err_set(e, EINVAL, "option '--%s' takes no value", name);
	if (!takes_value(o))
		return store(p, o, written, value, e);
	if (o->kind == OPTION_MAYBE && !value)
		return store_maybe(p, o, written, next, e);
	if (!value && !next)
		return err_set(e, EINVAL, "option '--%s' needs a value: %s", name, o->argument);
	r = store(p, o, written, value ? value : next, e);
	return r < 0 ? r : !value;
}

static int parse_short(const struct parser *p, const char *cluster, const char *next, struct err *e)
{
	for (const char *c = cluster; *c; c++) {
		const struct verb_option *o = find_short(p, *c);
		char written[3] = { '-', *c, '\0' };
		const char *value;
		int r;

		if (!o && *c == 'h') {
			p->line->help = true;
			return 0;
		}
		if (!o)
			return err_set(e, EINVAL, "unknown option '%s'", written);
		if (!takes_value(o)) {
			r = store(p, o, written, NULL, e);
			if (r < 0)
				return r;
			continue;
		}
		if (o->kind == OPTION_MAYBE && c[1] != '=') {
			r = store_maybe(p, o, written, c[1] ? c + 1 : next, e);
			if (r < 0 || r > 0)
				return r < 0 ? r : !c[1];
			continue;
		}
		value = c[1] == '=' ? c + 2 : c[1] ? c + 1 : next;
		if (!value)
			return err_set(
				e, EINVAL, "option '%s' needs a value: %s", written, o->argument);
		r = store(p, o, written, value, e);
		return r < 0 ? r : !c[1];
	}
	return 0;
}

int options_parse(const struct verb_option *table, bool stop_at_operand, const char *command,
	char *const *args, void *target, struct command_line *ret, struct err *e)
{
	struct parser p = { table, command, target, ret };
	bool only_operands = false;
	size_t count = 0;

	while (args[count])
		count++;
	ret->operands = xcalloc(count + 1, sizeof *ret->operands);
	for (size_t i = 0; i < count; i++) {
		char *arg = args[i];
		int r;

		if (only_operands || arg[0] != '-' || !arg[1]) {
			ret->operands[ret->n_operands++] = arg;
			only_operands |= stop_at_operand;
			continue;
		}
		if (str_eq(arg, "--")) {
			only_operands = true;
			continue;
		}
		r = arg[1] == '-' ? parse_long(&p, arg + 2, args[i + 1], e)
				  : parse_short(&p, arg + 1, args[i + 1], e);
		if (r < 0)
			return r;
		if (ret->help)
			return 0;
		i += (size_t)r;
	}
	return 0;
}
