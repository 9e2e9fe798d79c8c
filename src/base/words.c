#include "base/words.h"
#include "base/mem.h"
#include "base/word_pattern.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define WORD_LIMIT ((size_t)1 << 20)
#define DEPTH_MAX  50 /* of variables within the words of variables */
/* Bytes that one call may make, results within results counted, so that no short line of nested
 * variables costs more than a moment. */
#define WORK_MAX ((size_t)16 << 20)

struct reader {
	const char *p;
	const struct word_options *options;
	char escape;
	unsigned depth;
	size_t work;
};

/* What has been read: all of it, and, when somebody asks for them, its words. */
struct sink {
	struct str all, word;
	struct strv *words;
};

static bool is_blank(char c)
{
	return c && strchr(" \t\r\n\v\f", c);
}

static void sink_end_word(struct sink *s)
{
	if (s->words && s->word.len)
		strv_push(s->words, str_text(&s->word));
	str_truncate(&s->word, 0);
}

static void sink_add(struct sink *s, const char *text, size_t len, bool splits)
{
	str_add_data(&s->all, text, len);
	for (size_t i = 0; s->words && i < len; i++) {
		if (splits && is_blank(text[i]))
			sink_end_word(s);
		else
			str_add_char(&s->word, text[i]);
	}
}

static void sink_release(struct sink *s)
{
	str_release(&s->all);
	str_release(&s->word);
}
#define auto_sink __attribute__((cleanup(sink_release))) struct sink
#define SINK_INIT                                                                                  \
	{                                                                                          \
		.all = STR_INIT(WORD_LIMIT), .word = STR_INIT(WORD_LIMIT)                          \
	}

static int sink_check(struct reader *r, const struct sink *s, struct err *e)
{
	r->work += s->all.len;
	if (s->all.overflow || r->work > WORK_MAX || (s->words && s->words->n > WORDS_MAX))
		return err_set(e, E2BIG, "it becomes too long with its variables put in");
	return 0;
}

static int read_until(struct reader *r, char stop, bool raw, struct sink *, struct err *e);

/* ---- variables ---- */

static const char *lookup(const struct reader *r, const char *name)
{
	const struct word_options *o = r->options;
	const char *value = o->env ? strv_get_env(o->env, name) : NULL;

	if (!value && o->args)
		value = strv_get_env(o->args, name);
	if (!value && o->unset)
		o->unset(o->arg, name);
	return value;
}

/* A name, a number, or one of the shell's special parameters, none of which has a value here. */
static char *take_name(struct reader *r)
{
	const char *from = r->p;

	if (isdigit((unsigned char)*r->p)) {
		while (isdigit((unsigned char)*r->p))
			r->p++;
	} else if (*r->p && strchr("@*#?-$!", *r->p)) {
		r->p++;
	} else {
		while (isalnum((unsigned char)*r->p) || *r->p == '_')
			r->p++;
	}
	return xstrndup(from, (size_t)(r->p - from));
}

static int add_chosen(struct reader *r, char how, bool empty_counts, const char *name,
	const char *word, struct str *out, struct err *e)
{
	const char *value = lookup(r, name);
	bool has = value && !(empty_counts && !*value);

	if (how == '?' && !has)
		return err_set(e, EINVAL, "%s: %s", name,
			*word   ? word
			: value ? "is not allowed to be empty"
				: "is not allowed to be unset");
	if (how == '+')
		str_add(out, has ? word : "");
	else
		str_add(out, has ? value : word);
	return 0;
}

/* After "${NAME" and one of # % : the pattern that is cut off. */
static int add_cut(struct reader *r, char where, const char *name, const char *word,
	struct str *out, struct err *e)
{
	const char *value = lookup(r, name);
	bool longest = *word == where;
	size_t from = 0, len;

	if (!value)
		return 0;
	len = strlen(value);
	if (where == '#')
		return word_pattern_prefix(word + longest, value, longest, &from, e) < 0
			       ? -e->code
			       : (str_add(out, value + from), 0);
	if (word_pattern_suffix(word + longest, value, longest, &len, e) < 0)
		return -e->code;
	str_add_data(out, value, len);
	return 0;
}

/* After "${NAME/". */
static int add_replaced(struct reader *r, const char *name, struct str *out, struct err *e)
{
	auto_sink pattern = SINK_INIT, by = SINK_INIT;
	bool all = *r->p == '/';
	const char *value;

	r->p += all;
	if (read_until(r, '/', true, &pattern, e) < 0 || read_until(r, '}', true, &by, e) < 0)
		return -e->code;
	value = lookup(r, name);
	if (!value)
		return 0;
	return word_pattern_replace(str_text(&pattern.all), value, str_text(&by.all), all, out, e);
}

/* After "${". */
static int add_braced(struct reader *r, struct str *out, struct err *e)
{
	auto_free char *name = take_name(r);
	auto_sink word = SINK_INIT;
	bool empty_counts = false;
	char how;

	if (!*name)
		return err_set(e, EINVAL, "a '${' has no name, or is not closed");
	how = *r->p;
	if (how)
		r->p++;
	if (how == '}') {
		const char *value = lookup(r, name);
		str_add(out, value ? value : "");
		return 0;
	}
	if (how == '/')
		return add_replaced(r, name, out, e);
	if (how == ':') {
		empty_counts = true;
		how = *r->p;
		if (how)
			r->p++;
	}
	if (!how)
		return err_set(e, EINVAL, "a '${' is not closed");
	if (!strchr(empty_counts ? "-+?" : "-+?#%", how)) {
		err_set(e, EINVAL, "'${%s%s%c' is not something that variables can do", name,
			empty_counts ? ":" : "", isprint((unsigned char)how) ? how : '?');
		return err_hint(e, "${%s:-otherwise}", name);
	}
	if (read_until(r, '}', how == '#' || how == '%', &word, e) < 0)
		return -e->code;
	if (how == '#' || how == '%')
		return add_cut(r, how, name, str_text(&word.all), out, e);
	return add_chosen(r, how, empty_counts, name, str_text(&word.all), out, e);
}

/* After a dollar sign; what it stands for is appended to `out`. */
static int add_variable(struct reader *r, struct str *out, struct err *e)
{
	auto_free char *name = NULL;
	const char *value;
	int result;

	if (*r->p == '{') {
		r->p++;
		if (r->depth++ > DEPTH_MAX)
			return err_set(e, EINVAL, "variables are nested too deep");
		result = add_braced(r, out, e);
		r->depth--;
		return result;
	}
	name = take_name(r);
	value = *name ? lookup(r, name) : "$";
	str_add(out, value ? value : "");
	return 0;
}

/* ---- quotes ---- */

static int not_closed(struct err *e)
{
	return err_set(e, EINVAL, "a quotation mark is not closed");
}

/* After '"'; the escape is one only before the mark, '$' and itself. */
static int add_double_quoted(struct reader *r, bool raw, struct sink *s, struct err *e)
{
	auto_str text = STR_INIT(WORD_LIMIT);

	while (*r->p && *r->p != '"') {
		char c = *r->p++;
		if (c == '$') {
			if (add_variable(r, &text, e) < 0)
				return -e->code;
			continue;
		}
		if (c == r->escape && *r->p && (strchr("\"$", *r->p) || *r->p == r->escape)) {
			if (raw)
				str_add_char(&text, c);
			c = *r->p++;
		}
		str_add_char(&text, c);
	}
	if (!*r->p)
		return not_closed(e);
	r->p++;
	if (text.overflow)
		s->all.overflow = true;
	sink_add(s, str_text(&text), text.len, false);
	return 0;
}

static int add_single_quoted(struct reader *r, struct sink *s, struct err *e)
{
	size_t len = strcspn(r->p, "'");

	if (!r->p[len])
		return not_closed(e);
	sink_add(s, r->p, len, false);
	r->p += len + 1;
	return 0;
}

static int add_special(struct reader *r, char c, bool raw, struct sink *s, struct err *e)
{
	auto_str value = STR_INIT(WORD_LIMIT);

	if (c == '\'')
		return add_single_quoted(r, s, e);
	if (c == '"')
		return add_double_quoted(r, raw, s, e);
	if (add_variable(r, &value, e) < 0)
		return -e->code;
	sink_add(s, str_text(&value), value.len, true);
	return 0;
}

/* Reads up to `stop`, which is consumed, or to the end. `raw`: escapes stay, for a pattern. */
static int read_until(struct reader *r, char stop, bool raw, struct sink *s, struct err *e)
{
	while (*r->p && *r->p != stop) {
		char c = *r->p++;
		if (c == '\'' || c == '"' || c == '$') {
			if (add_special(r, c, raw, s, e) < 0)
				return -e->code;
		} else if (c == r->escape) {
			if (raw)
				sink_add(s, &c, 1, false);
			if (*r->p)
				sink_add(s, r->p++, 1, false);
		} else {
			sink_add(s, &c, 1, true);
		}
		if (s->all.overflow)
			break;
	}
	if (sink_check(r, s, e) < 0)
		return -e->code;
	if (stop && !*r->p)
		return err_set(e, EINVAL, "a '${' is not closed");
	r->p += stop != '\0';
	return 0;
}

static int run(const char *text, const struct word_options *o, struct sink *s, struct err *e)
{
	struct reader r = { .p = text, .options = o, .escape = o->escape ? o->escape : '\\' };

	if (read_until(&r, '\0', false, s, e) < 0)
		return -e->code;
	sink_end_word(s);
	return 0;
}

int word_expand(const char *text, const struct word_options *o, char **ret, struct err *e)
{
	auto_sink s = SINK_INIT;

	if (run(text, o, &s, e) < 0)
		return -e->code;
	*ret = str_take(&s.all);
	return 0;
}

int word_expand_list(
	const char *text, const struct word_options *o, struct strv *ret, struct err *e)
{
	auto_sink s = SINK_INIT;

	s.words = ret;
	return run(text, o, &s, e);
}

int word_split(const char *text, char escape, struct strv *ret, struct err *e)
{
	const char *p = text + strspn(text, " \t\r\n\v\f");

	if (!escape)
		escape = '\\';
	while (*p) {
		const char *from = p;
		char quote = '\0';
		for (; *p && (quote || !is_blank(*p)); p++) {
			if (*p == escape && quote != '\'' && p[1])
				p++;
			else if (quote)
				quote = *p == quote ? '\0' : quote;
			else if (*p == '\'' || *p == '"')
				quote = *p;
		}
		if (quote)
			return not_closed(e);
		if (ret->n >= WORDS_MAX)
			return err_set(e, E2BIG, "it has more than %d words", WORDS_MAX);
		strv_push_take(ret, xstrndup(from, (size_t)(p - from)));
		p += strspn(p, " \t\r\n\v\f");
	}
	return 0;
}
