#include "build/recipe.h"
#include "base/mem.h"
#include "base/words.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

void recipe_release(struct recipe *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->stages[i].name);
		free(r->stages[i].base);
		free(r->stages[i].platform);
	}
	free(r->stages);
	strv_release(&r->args);
	*r = (struct recipe){ 0 };
}

/* ---- instructions ---- */

/* Their options, each with a blank behind it, and whether they need something to work on. */
static const struct form {
	const char *name, *flags;
	bool bare; /* nothing need follow */
} forms[] = {
	{ "ADD", "chown chmod link keep-git-dir checksum unpack exclude ", false },
	{ "ARG", "", false },
	{ "CMD", "", false },
	{ "COPY", "from chown chmod link parents exclude ", false },
	{ "ENTRYPOINT", "", false },
	{ "ENV", "", false },
	{ "EXPOSE", "", false },
	{ "FROM", "platform ", false },
	{ "HEALTHCHECK", "interval timeout start-period start-interval retries ", false },
	{ "LABEL", "", false },
	{ "MAINTAINER", "", false },
	{ "ONBUILD", "", false },
	{ "RUN", "mount network security device ", false },
	{ "SHELL", "", false },
	{ "STOPSIGNAL", "", false },
	{ "USER", "", false },
	{ "VOLUME", "", false },
	{ "WORKDIR", "", false },
};

static const struct form *find_form(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (str_eq(forms[i].name, name))
			return &forms[i];
	return NULL;
}

static const char *nearest(const char *name)
{
	const char *best = NULL;
	unsigned least = 3;

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		unsigned d = str_distance(name, forms[i].name);
		if (d < least) {
			least = d;
			best = forms[i].name;
		}
	}
	return best;
}

struct parser {
	struct recipe *r;
	const struct dockerfile *d;
	const struct recipe_options *o;
	struct strv *warnings;
	struct place *place;
	struct strv used; /* names of build arguments that an ARG has asked for */
};

static void warn(struct parser *p, const struct instruction *i, const char *text, const char *what)
{
	if (p->warnings)
		strv_pushf(p->warnings, "line %u: %s '%.60s'", i->first_line, text,
			str_is_one_line(what) ? what : "?");
}

static int at(struct parser *p, const struct instruction *i, const char *token, struct err *e)
{
	*p->place = dockerfile_find(p->d, i, token);
	return -e->code;
}

static int check_flags(
	struct parser *p, const struct instruction *i, const struct form *f, struct err *e)
{
	for (size_t k = 0; k < i->flags.n; k++) {
		const char *flag = i->flags.v[k] + 2;
		size_t n = strcspn(flag, "=");
		auto_free char *name = xasprintf("%.*s ", (int)n, flag);
		const char *found = n ? strstr(f->flags, name) : NULL;
		auto_free char *token = xasprintf("--%.*s", (int)n, flag);
		if (found && (found == f->flags || found[-1] == ' '))
			continue;
		err_set(e, EINVAL, "%s has no option '%.60s'", f->name,
			str_is_one_line(token) ? token : "?");
		if (*f->flags)
			err_hint(e, "its options are %s", f->flags);
		return at(p, i, token, e);
	}
	return 0;
}

static int check_instruction(struct parser *p, const struct instruction *i, struct err *e)
{
	const struct form *f = find_form(i->name);
	const char *near;
	size_t n;

	if (!f) {
		auto_free char *typed = xstrdup(i->original);
		near = nearest(i->name);
		err_set(e, EINVAL, "there is no instruction '%.40s'",
			str_is_one_line(i->name) ? i->name : "?");
		if (near)
			err_hint(e, "%s", near);
		n = strcspn(typed, " \t\r\n\v\f");
		typed[n] = '\0';
		return at(p, i, typed, e);
	}
	if (check_flags(p, i, f, e) < 0)
		return -e->code;
	if (!*i->text) {
		err_set(e, EINVAL, "%s needs something behind it", f->name);
		return at(p, i, "", e);
	}
	return 0;
}

/* "ONBUILD RUN ...": what is kept for later is looked at now. */
static int check_trigger(struct parser *p, const struct instruction *i, struct err *e)
{
	struct instruction trigger = { .first_line = i->first_line, .last_line = i->last_line };
	int r = instruction_parse(i->text, p->d->escape, &trigger, e);

	if (r == 0 && (str_eq(trigger.name, "ONBUILD") || str_eq(trigger.name, "FROM") ||
			      str_eq(trigger.name, "MAINTAINER"))) {
		err_set(e, EINVAL, "ONBUILD cannot keep a %s for later", trigger.name);
		r = at(p, i, "", e);
	}
	if (r == 0)
		r = check_instruction(p, &trigger, e);
	instruction_release(&trigger);
	return r;
}

/* ---- ARG and FROM ---- */

static void note_unset(void *arg, const char *name)
{
	strv_push(arg, name);
}

static int expand(
	struct parser *p, const struct instruction *i, const char *text, char **ret, struct err *e)
{
	auto_strv unset = { 0 };
	const struct word_options o = { p->d->escape, NULL, &p->r->args, note_unset, &unset };

	if (word_expand(text, &o, ret, e) < 0)
		return at(p, i, text, e);
	for (size_t k = 0; k < unset.n; k++)
		warn(p, i, "no ARG before the first FROM gives a value to", unset.v[k]);
	return 0;
}

/* ARGs before the first FROM are for FROMs alone. */
static int global_arg(struct parser *p, const struct instruction *i, struct err *e)
{
	auto_strv words = { 0 };

	if (word_split(i->text, p->d->escape, &words, e) < 0)
		return at(p, i, "", e);
	for (size_t k = 0; k < words.n; k++) {
		const char *value = strchr(words.v[k], '='), *given;
		auto_free char *name = value ? xstrndup(words.v[k], (size_t)(value - words.v[k]))
					     : xstrdup(words.v[k]);
		auto_free char *text = NULL, *entry = NULL;
		if (!*name) {
			err_set(e, EINVAL, "an ARG has no name");
			return at(p, i, words.v[k], e);
		}
		given = p->o->build_args ? strv_get_env(p->o->build_args, name) : NULL;
		strv_push(&p->used, name);
		if (!given && value) {
			if (expand(p, i, value + 1, &text, e) < 0)
				return -e->code;
			given = text;
		}
		if (!given)
			continue;
		entry = xasprintf("%s=%s", name, given);
		strv_set_env(&p->r->args, entry);
	}
	return 0;
}

static bool is_stage_name(const char *name)
{
	if (!islower((unsigned char)*name))
		return false;
	return !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.")];
}

static int set_name(struct parser *p, const struct instruction *i, struct stage *s,
	const char *text, struct err *e)
{
	s->name = xstrdup(text);
	for (char *c = s->name; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	if (!is_stage_name(s->name)) {
		err_set(e, EINVAL, "'%.60s' cannot be a stage's name",
			str_is_one_line(text) ? text : "?");
		err_hint(e, "letters, digits, '-', '_' and '.', a letter first");
		return at(p, i, text, e);
	}
	if (recipe_stage(p->r, s->name, p->r->n) >= 0)
		warn(p, i, "there is a stage before this one that is called", s->name);
	return 0;
}

static int set_base(struct parser *p, const struct instruction *i, struct stage *s,
	const char *text, struct err *e)
{
	auto_free char *base = NULL;

	if (expand(p, i, text, &base, e) < 0)
		return -e->code;
	if (!*base || !str_is_one_line(base) || strchr(base, ' ')) {
		err_set(e, EINVAL, "FROM names no image");
		if (strchr(text, '$'))
			err_hint(e, "give it a value: --build-arg, or an ARG before the first "
				    "FROM");
		return at(p, i, text, e);
	}
	/* a number is no stage here, but an image's name */
	for (size_t k = p->r->n; k-- > 0 && s->base_stage < 0;)
		if (p->r->stages[k].name && strcasecmp(p->r->stages[k].name, base) == 0)
			s->base_stage = (int)k;
	if (s->base_stage < 0)
		s->base = take_ptr(&base);
	return 0;
}

static int from(struct parser *p, size_t index, struct err *e)
{
	const struct instruction *i = &p->d->v[index];
	const char *platform = instruction_flag(i, "platform");
	struct stage *s;
	auto_strv words = { 0 };

	if (p->r->n == STAGES_MAX) {
		err_set(e, E2BIG, "there are more than %d stages", STAGES_MAX);
		return at(p, i, "", e);
	}
	if (word_split(i->text, p->d->escape, &words, e) < 0)
		return at(p, i, "", e);
	if (words.n != 1 && (words.n != 3 || strcasecmp(words.v[1], "as") != 0)) {
		err_set(e, EINVAL, "FROM takes an image, or IMAGE AS NAME");
		return at(p, i, "", e);
	}
	p->r->stages = xrealloc_array(p->r->stages, p->r->n + 1, sizeof *p->r->stages);
	s = &p->r->stages[p->r->n];
	*s = (struct stage){ .base_stage = -1, .from = index };
	/* counted at the end, so that it is not found while it is being made */
	if ((words.n == 3 && set_name(p, i, s, words.v[2], e) < 0) ||
		set_base(p, i, s, words.v[0], e) < 0 ||
		(platform && expand(p, i, platform, &s->platform, e) < 0)) {
		p->r->n++; /* for the release */
		return -e->code;
	}
	p->r->n++;
	return 0;
}

/* ---- platforms ---- */

/* "linux/arm/v7" as PREFIXPLATFORM, PREFIXOS, PREFIXARCH and PREFIXVARIANT. */
static void set_platform(struct strv *args, const char *prefix, const char *platform)
{
	auto_free char *copy = xstrdup(platform);
	char *rest = copy;
	const char *os = strsep(&rest, "/"), *arch = strsep(&rest, "/");

	strv_pushf(args, "%sPLATFORM=%s", prefix, platform);
	strv_pushf(args, "%sOS=%s", prefix, os);
	strv_pushf(args, "%sARCH=%s", prefix, arch ? arch : "");
	strv_pushf(args, "%sVARIANT=%s", prefix, rest ? rest : "");
}

/* ---- all of it ---- */

static int parse_one(struct parser *p, size_t index, struct err *e)
{
	const struct instruction *i = &p->d->v[index];

	if (check_instruction(p, i, e) < 0)
		return -e->code;
	if (str_eq(i->name, "FROM"))
		return from(p, index, e);
	if (!p->r->n && !str_eq(i->name, "ARG")) {
		err_set(e, EINVAL, "%s stands before the first FROM", i->name);
		err_hint(e, "FROM IMAGE first: only ARG may stand before it");
		return at(p, i, "", e);
	}
	if (!p->r->n)
		return global_arg(p, i, e);
	if (str_eq(i->name, "ONBUILD"))
		return check_trigger(p, i, e);
	if (str_eq(i->name, "ARG")) {
		auto_strv words = { 0 };
		if (word_split(i->text, p->d->escape, &words, e) < 0)
			return at(p, i, "", e);
		for (size_t k = 0; k < words.n; k++)
			strv_push_take(&p->used, xstrndup(words.v[k], strcspn(words.v[k], "=")));
	}
	return 0;
}

/* Arguments that no ARG has to ask for (Dockerfile reference, "Predefined ARGs"). */
static bool is_predefined(const char *entry)
{
	static const char *const names[] = { "HTTP_PROXY=", "http_proxy=", "HTTPS_PROXY=",
		"https_proxy=", "FTP_PROXY=", "ftp_proxy=", "NO_PROXY=", "no_proxy=", "ALL_PROXY=",
		"all_proxy=", "SOURCE_DATE_EPOCH=", "BUILDKIT_" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_starts(entry, names[i]))
			return true;
	return false;
}

static void warn_unused(struct parser *p)
{
	const struct strv *given = p->o->build_args;

	for (size_t i = 0; given && p->warnings && i < given->n; i++) {
		auto_free char *name = xstrndup(given->v[i], strcspn(given->v[i], "="));
		if (!strv_has(&p->used, name) && !is_predefined(given->v[i]))
			strv_pushf(p->warnings, "no ARG asks for the build argument '%.60s'",
				str_is_one_line(name) ? name : "?");
	}
}

int recipe_parse(const struct dockerfile *d, const struct recipe_options *o, struct recipe *ret,
	struct strv *warnings, struct place *ret_place, struct err *e)
{
	struct parser p = { ret, d, o, warnings, ret_place, { 0 } };
	int r = 0;

	ret->file = d;
	set_platform(&ret->args, "TARGET", o->platform);
	set_platform(&ret->args, "BUILD", o->host_platform);
	for (size_t i = 0; i < d->n && r == 0; i++) {
		*ret_place = (struct place){ .line = d->v[i].first_line };
		r = parse_one(&p, i, e);
	}
	for (size_t k = 0; k < ret->n; k++)
		ret->stages[k].end = k + 1 < ret->n ? ret->stages[k + 1].from : d->n;
	if (r == 0 && !ret->n) {
		err_set(e, EINVAL, "it has no FROM");
		r = err_hint(e, "FROM IMAGE");
	}
	if (r == 0)
		warn_unused(&p);
	strv_release(&p.used);
	return r;
}

/* ---- what depends on what ---- */

int recipe_stage(const struct recipe *r, const char *name, size_t before)
{
	uint64_t number;

	for (size_t k = before; k-- > 0;)
		if (r->stages[k].name && strcasecmp(r->stages[k].name, name) == 0)
			return (int)k;
	if (before && str_to_u64(name, 0, before - 1, &number) == 0)
		return (int)number;
	return -1;
}

int recipe_target(const struct recipe *r, const char *name, size_t *ret, struct err *e)
{
	auto_str names = STR_INIT(300);
	int found;

	if (!name) {
		*ret = r->n - 1;
		return 0;
	}
	found = recipe_stage(r, name, r->n);
	if (found >= 0) {
		*ret = (size_t)found;
		return 0;
	}
	for (size_t k = 0; k < r->n; k++)
		if (r->stages[k].name)
			str_addf(&names, " %s", r->stages[k].name);
	err_set(e, ENOENT, "there is no stage '%.60s'", str_is_one_line(name) ? name : "?");
	return names.len ? err_hint(e, "one of:%s", str_text(&names)) : -e->code;
}

const char *instruction_flag(const struct instruction *i, const char *name)
{
	size_t n = strlen(name);

	for (size_t k = 0; k < i->flags.n; k++) {
		const char *flag = i->flags.v[k] + 2;
		if (strncmp(flag, name, n) == 0 && (flag[n] == '=' || !flag[n]))
			return flag[n] ? flag + n + 1 : flag + n;
	}
	return NULL;
}

char *mount_field(const char *mount, const char *key)
{
	size_t n = strlen(key);

	for (const char *p = mount; *p;) {
		size_t len = strcspn(p, ",");
		if (len > n && p[n] == '=' && strncasecmp(p, key, n) == 0)
			return xstrndup(p + n + 1, len - n - 1);
		p += len + (p[len] == ',');
	}
	return NULL;
}

static void need(const struct recipe *r, const char *name, size_t before, bool *needed)
{
	int k = recipe_stage(r, name, before);

	if (k >= 0)
		needed[k] = true;
}

void recipe_needed(const struct recipe *r, size_t target, bool *needed)
{
	memset(needed, 0, r->n * sizeof *needed);
	needed[target] = true;
	/* a stage takes only from those before it, so that one way back sees all */
	for (size_t k = target + 1; k-- > 0;) {
		const struct stage *s = &r->stages[k];
		if (!needed[k])
			continue;
		if (s->base_stage >= 0)
			needed[s->base_stage] = true;
		for (size_t i = s->from + 1; i < s->end; i++) {
			const struct instruction *in = &r->file->v[i];
			const char *from = instruction_flag(in, "from");
			if (from)
				need(r, from, k, needed);
			for (size_t f = 0; f < in->flags.n; f++) {
				auto_free char *other = NULL;
				if (str_starts(in->flags.v[f], "--mount="))
					other = mount_field(in->flags.v[f] + 8, "from");
				if (other)
					need(r, other, k, needed);
			}
		}
	}
}
