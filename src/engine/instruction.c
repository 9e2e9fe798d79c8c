#include "engine/instruction.h"
#include "base/mem.h"
#include "base/words.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define BLANKS     " \t\r\n\v\f"
#define LINE_LIMIT ((size_t)1 << 20)
#define PORTS_MAX  1000

/* ["a", "b"]: 1; anything else, which is shell form: 0. */
static int json_form(const char *text, struct strv *ret)
{
	struct err ignored;
	auto_json *j = NULL;
	const json_t *item;
	size_t i;

	if (*text != '[' || json_parse(text, strlen(text), "it", &j, &ignored) < 0 ||
		!json_is_array(j))
		return 0;
	json_array_foreach(j, i, item)
	{
		if (!json_is_string(item)) {
			strv_release(ret);
			return 0;
		}
		strv_push(ret, json_string_value(item));
	}
	return 1;
}

/* ---- instructions ---- */

struct context {
	struct instruction_state *state;
	struct container_config *c;
	const char *text; /* what stands behind the instruction's name */
};

static void replace(struct strv *at, struct strv *by)
{
	strv_release(at);
	*at = *by;
	*by = (struct strv){ 0 };
}

static struct word_options variables(const struct context *x)
{
	return (struct word_options){
		.escape = x->state->escape,
		.env = &x->c->env,
		.args = x->state->args,
		.unset = x->state->unset,
		.arg = x->state->unset_arg,
	};
}

static int words(const struct context *x, struct strv *ret, struct err *e)
{
	const struct word_options o = variables(x);

	return word_expand_list(x->text, &o, ret, e);
}

static void command_of(const struct context *x, const char *text, struct strv *ret)
{
	if (json_form(text, ret))
		return;
	if (x->state->shell.n)
		strv_extend(ret, x->state->shell.v);
	else
		strv_extend(ret, (char *const[]){ (char *)"/bin/sh", (char *)"-c", NULL });
	strv_push(ret, text);
}

static int do_cmd(struct context *x, struct err *e)
{
	auto_strv v = { 0 };

	command_of(x, x->text, &v);
	replace(&x->c->cmd, &v);
	x->state->cmd_set = true;
	return 0;
}

static int do_entrypoint(struct context *x, struct err *e)
{
	auto_strv v = { 0 };

	command_of(x, x->text, &v);
	replace(&x->c->entrypoint, &v);
	/* what was the command of another entrypoint would be arguments of this one */
	if (!x->state->cmd_set)
		strv_release(&x->c->cmd);
	return 0;
}

static int do_shell(struct context *x, struct err *e)
{
	auto_strv v = { 0 };

	if (!json_form(x->text, &v) || !v.n)
		return err_set(e, EINVAL, "it takes a JSON list: SHELL [\"/bin/sh\", \"-c\"]");
	replace(&x->state->shell, &v);
	return 0;
}

/* KEY=value ..., or KEY and all the rest as its value. */
static int pairs(const struct context *x, struct strv *ret, struct err *e)
{
	const struct word_options o = variables(x);
	auto_strv raw = { 0 };
	auto_free char *key = NULL, *value = NULL;
	size_t n;

	if (word_split(x->text, o.escape, &raw, e) < 0)
		return -e->code;
	if (raw.n && !strchr(raw.v[0], '=')) {
		n = strcspn(x->text, BLANKS);
		key = xstrndup(x->text, n);
		n += strspn(x->text + n, BLANKS);
		if (!x->text[n])
			return err_set(e, EINVAL, "'%.60s' is not KEY=value", key);
		if (word_expand(x->text + n, &o, &value, e) < 0)
			return -e->code;
		strv_pushf(ret, "%s=%s", key, value);
		return 0;
	}
	for (size_t i = 0; i < raw.n; i++) {
		char *pair;
		if (!strchr(raw.v[i], '=') || *raw.v[i] == '=')
			return err_set(e, EINVAL, "'%.60s' is not KEY=value", raw.v[i]);
		if (word_expand(raw.v[i], &o, &pair, e) < 0)
			return -e->code;
		strv_push_take(ret, pair);
	}
	return ret->n ? 0 : err_set(e, EINVAL, "it takes KEY=value");
}

static int do_env(struct context *x, struct err *e)
{
	auto_strv v = { 0 };
	int r = pairs(x, &v, e);

	for (size_t i = 0; r >= 0 && i < v.n; i++)
		strv_set_env(&x->c->env, v.v[i]);
	return r;
}

static int do_label(struct context *x, struct err *e)
{
	auto_strv v = { 0 };
	int r = pairs(x, &v, e);

	for (size_t i = 0; r >= 0 && i < v.n; i++)
		if (str_starts(v.v[i], "redock."))
			return err_set(e, EINVAL, "labels that begin with 'redock.' are redock's");
	for (size_t i = 0; r >= 0 && i < v.n; i++)
		strv_set_env(&x->c->labels, v.v[i]);
	return r;
}

/* "80", "80/udp", "8000-8010", as the image will have it. */
static int add_port(const char *text, struct strv *ret, struct err *e)
{
	const char *slash = strchr(text, '/'), *protocol = slash ? slash + 1 : "tcp";
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	auto_free char *first = xstrndup(text, n);
	char *last = strchr(first, '-');
	uint64_t from, to;

	if (last)
		*last++ = '\0';
	if (str_to_u64(first, 1, 65535, &from) < 0 ||
		str_to_u64(last ? last : first, from, 65535, &to) < 0 ||
		(!str_eq(protocol, "tcp") && !str_eq(protocol, "udp") && !str_eq(protocol, "sctp")))
		return err_set(e, EINVAL, "'%.60s' is not PORT[/PROTOCOL]", text);
	for (; from <= to; from++) {
		auto_free char *port = xasprintf("%u/%s", (unsigned)from, protocol);
		if (!strv_has(ret, port))
			strv_push(ret, port);
	}
	return 0;
}

static int do_expose(struct context *x, struct err *e)
{
	auto_strv v = { 0 }, ports = { 0 };
	int r = words(x, &v, e);

	strv_extend(&ports, x->c->exposed.v);
	for (size_t i = 0; r == 0 && i < v.n; i++)
		r = add_port(v.v[i], &ports, e);
	if (r == 0 && ports.n > PORTS_MAX)
		r = err_set(e, E2BIG, "an image exposes at most %d ports", PORTS_MAX);
	if (r == 0)
		replace(&x->c->exposed, &ports);
	return r;
}

static bool has_volume(const struct container_config *c, const char *path)
{
	for (size_t i = 0; i < c->n_mounts; i++)
		if (c->mounts[i].type == MOUNT_VOLUME && str_eq(c->mounts[i].target, path))
			return true;
	return false;
}

static int do_volume(struct context *x, struct err *e)
{
	auto_strv v = { 0 };
	int r = json_form(x->text, &v) ? 0 : words(x, &v, e);

	for (size_t i = 0; r == 0 && i < v.n; i++)
		if (*v.v[i] != '/' || !v.v[i][1] || !str_is_one_line(v.v[i]) ||
			str_ends(v.v[i], "/..") || strstr(v.v[i], "/../"))
			return err_set(e, EINVAL, "'%.60s' is not an absolute path", v.v[i]);
	for (size_t i = 0; r == 0 && i < v.n; i++) {
		if (has_volume(x->c, v.v[i]))
			continue;
		struct mount_config *m = container_config_add_mount(x->c);
		m->type = MOUNT_VOLUME;
		m->target = xstrdup(v.v[i]);
	}
	return r;
}

/* One value, to the end of the line. */
static int one_word(struct context *x, char **ret, struct err *e)
{
	const struct word_options o = variables(x);
	auto_free char *text = NULL;

	if (word_expand(x->text, &o, &text, e) < 0)
		return -e->code;
	if (!*text || !str_is_one_line(text))
		return err_set(e, EINVAL, "it takes one argument");
	*ret = take_ptr(&text);
	return 0;
}

static int do_user(struct context *x, struct err *e)
{
	char *text;

	if (one_word(x, &text, e) < 0)
		return -e->code;
	if (strpbrk(text, BLANKS)) {
		free(text);
		return err_set(e, EINVAL, "it takes one argument");
	}
	free(x->c->user);
	x->c->user = text;
	return 0;
}

/* As Docker has it, a relative one goes on from the one before. */
static int do_workdir(struct context *x, struct err *e)
{
	auto_free char *text = NULL;
	const char *before = x->c->workdir && *x->c->workdir ? x->c->workdir : "/";

	if (one_word(x, &text, e) < 0)
		return -e->code;
	if (*text != '/') {
		char *full = xasprintf("%s%s%s", before, str_ends(before, "/") ? "" : "/", text);
		free(text);
		text = full;
	}
	free(x->c->workdir);
	x->c->workdir = take_ptr(&text);
	return 0;
}

/* A name or a number; which of them the kernel has, is seen when one is sent. */
static int do_stopsignal(struct context *x, struct err *e)
{
	auto_free char *text = NULL;
	uint64_t number;

	if (one_word(x, &text, e) < 0)
		return -e->code;
	for (char *c = text; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	if (isdigit((unsigned char)*text) ? str_to_u64(text, 1, 64, &number) < 0
					  : !str_starts(text, "SIG") || strlen(text) > 12 ||
						    text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
								      "0123456789+-")])
		return err_set(e, EINVAL, "'%.60s' is not a signal: SIGTERM, 15", text);
	free(x->c->stop_signal);
	x->c->stop_signal = take_ptr(&text);
	return 0;
}

int instruction_duration(const char *text, int64_t *ret)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = { { "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 },
		{ "m", 60000000000 }, { "h", 3600000000000 } };
	int64_t sum = 0;

	if (str_eq(text, "0")) {
		*ret = 0;
		return 0;
	}
	if (!*text)
		return -EINVAL;
	while (*text) {
		size_t digits = strspn(text, "0123456789"), letters, i;
		auto_free char *number = xstrndup(text, digits), *unit = NULL;
		uint64_t n;
		int64_t part;
		text += digits;
		letters = strspn(text, "numsh");
		unit = xstrndup(text, letters);
		text += letters;
		for (i = 0; i < ARRAY_SIZE(units) && !str_eq(units[i].name, unit); i++)
			;
		if (i == ARRAY_SIZE(units) || str_to_u64(number, 0, INT64_MAX / 4, &n) < 0 ||
			__builtin_mul_overflow((int64_t)n, units[i].ns, &part) ||
			__builtin_add_overflow(sum, part, &sum) || sum > INT64_MAX / 4)
			return -EINVAL;
	}
	*ret = sum;
	return 0;
}

/* One of HEALTHCHECK's options: "--interval=5s". */
static int health_option(const char *word, struct health_config *h, struct err *e)
{
	const struct {
		const char *name;
		int64_t *at;
	} times[] = { { "--interval=", &h->interval }, { "--timeout=", &h->timeout },
		{ "--start-period=", &h->start_period },
		{ "--start-interval=", &h->start_interval } };
	uint64_t retries;

	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		if (str_starts(word, times[i].name)) {
			if (instruction_duration(word + strlen(times[i].name), times[i].at) == 0)
				return 0;
			return err_set(e, EINVAL, "'%.60s' is not a duration: 30s, 1m30s", word);
		}
	if (!str_starts(word, "--retries="))
		return err_set(e, EINVAL, "'%.60s' is none of its options", word);
	if (str_to_u64(word + strlen("--retries="), 0, 1000000, &retries) < 0)
		return err_set(e, EINVAL, "'%.60s' is not a number", word);
	h->retries = (int64_t)retries;
	return 0;
}

static int do_healthcheck(struct context *x, struct err *e)
{
	struct health_config h = { 0 };
	const char *p = x->text;

	while (str_starts(p, "--")) {
		size_t n = strcspn(p, " \t");
		auto_free char *word = xstrndup(p, n);
		if (health_option(word, &h, e) < 0)
			return -e->code;
		p += n;
		p += strspn(p, " \t");
	}
	if (strcasecmp(p, "NONE") == 0) {
		strv_push(&h.test, "NONE");
	} else if (strncasecmp(p, "CMD", 3) == 0 && strchr(" \t", p[3]) && p[3]) {
		auto_strv v = { 0 };
		p += 3;
		p += strspn(p, " \t");
		if (json_form(p, &v)) {
			strv_push(&h.test, "CMD");
			strv_extend(&h.test, v.v);
		} else {
			strv_push(&h.test, "CMD-SHELL");
			strv_push(&h.test, p);
		}
	}
	if (!h.test.n || (str_eq(h.test.v[0], "CMD") && h.test.n == 1)) {
		strv_release(&h.test);
		return err_set(e, EINVAL, "it takes NONE, or CMD and a command");
	}
	strv_release(&x->c->health.test);
	x->c->health = h;
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct context *, struct err *);
} instructions[] = {
	{ "CMD", do_cmd },
	{ "ENTRYPOINT", do_entrypoint },
	{ "ENV", do_env },
	{ "EXPOSE", do_expose },
	{ "HEALTHCHECK", do_healthcheck },
	{ "LABEL", do_label },
	{ "SHELL", do_shell },
	{ "STOPSIGNAL", do_stopsignal },
	{ "USER", do_user },
	{ "VOLUME", do_volume },
	{ "WORKDIR", do_workdir },
};

int instruction_apply(const char *line, struct instruction_state *state, struct err *e)
{
	struct context x = { state, state->settings, NULL };
	auto_free char *name = NULL, *text = NULL;
	size_t n;

	line += strspn(line, " \t");
	n = strcspn(line, " \t");
	if (strlen(line) > LINE_LIMIT)
		return err_set(e, E2BIG, "an instruction is longer than %zu bytes", LINE_LIMIT);
	name = xstrndup(line, n);
	text = xstrdup(line + n + strspn(line + n, " \t"));
	for (n = strlen(text); n && strchr(" \t\n", text[n - 1]); n--)
		text[n - 1] = '\0';
	x.text = text;
	for (size_t i = 0; i < ARRAY_SIZE(instructions); i++) {
		if (strcasecmp(name, instructions[i].name) != 0)
			continue;
		if (!*text)
			err_set(e, EINVAL, "it takes an argument");
		if (!*text || instructions[i].run(&x, e) < 0)
			return err_wrap(e, "instruction '%s'", instructions[i].name);
		return 0;
	}
	err_set(e, EINVAL, "'%.40s' is no instruction that changes an image's settings",
		str_is_one_line(name) ? name : "?");
	return err_hint(e, "CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, SHELL, STOPSIGNAL, "
			   "USER, VOLUME or WORKDIR");
}
