#include "build/dockerfile.h"
#include "base/mem.h"
#include "base/words.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#define INSTRUCTIONS_MAX 10000
#define HEREDOCS_MAX     64
#define BLANKS           " \t\r\n\v\f"

static void heredoc_release(struct heredoc *h)
{
	free(h->name);
	free(h->content);
}

void instruction_release(struct instruction *i)
{
	for (size_t k = 0; k < i->n_heredocs; k++)
		heredoc_release(&i->heredocs[k]);
	free(i->heredocs);
	free(i->name);
	free(i->text);
	free(i->original);
	strv_release(&i->flags);
	*i = (struct instruction){ 0 };
}

void dockerfile_release(struct dockerfile *d)
{
	for (size_t i = 0; i < d->n; i++)
		instruction_release(&d->v[i]);
	free(d->v);
	free(d->name);
	free(d->syntax);
	free(d->check);
	strv_release(&d->lines);
	strv_release(&d->warnings);
	*d = (struct dockerfile){ 0 };
}

/* ---- lines ---- */

static const char *skip_blanks(const char *p)
{
	return p + strspn(p, BLANKS);
}

static bool is_comment(const char *line)
{
	return *skip_blanks(line) == '#';
}

/* Takes the escape off the end of a line that goes on in the next one. Two of them are an escaped
 * one, which ends nothing. */
static bool take_continuation(char *line, char escape)
{
	size_t n = strlen(line);

	while (n && (line[n - 1] == ' ' || line[n - 1] == '\t'))
		n--;
	if (!n || line[n - 1] != escape || (n > 1 && line[n - 2] == escape))
		return false;
	line[n - 1] = '\0';
	return true;
}

static int split_lines(
	const char *data, size_t len, struct strv *ret, struct place *where, struct err *e)
{
	const char *end = data + len;

	if (len > DOCKERFILE_MAX)
		return err_set(e, E2BIG, "it is longer than %zu bytes", DOCKERFILE_MAX);
	if (len >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) /* a byte order mark */
		data += 3;
	while (data < end) {
		const char *newline = memchr(data, '\n', (size_t)(end - data));
		size_t n = (size_t)((newline ? newline : end) - data);
		where->line = (unsigned)ret->n + 1;
		if (memchr(data, '\0', n))
			return err_set(e, EINVAL, "a line has a NUL byte: this is no text");
		while (n && data[n - 1] == '\r')
			n--;
		strv_push_take(ret, xstrndup(data, n));
		data = newline ? newline + 1 : end;
	}
	return 0;
}

/* ---- parser directives ---- */

/* "# name = value" in the lines before anything else: 1 when it is one of ours. */
static int directive(struct dockerfile *d, const char *line, struct err *e)
{
	const char *p = skip_blanks(line), *name, *value;
	size_t n, len;
	char **at;

	if (*p != '#')
		return 0;
	name = skip_blanks(p + 1);
	for (n = 0; isalnum((unsigned char)name[n]); n++)
		;
	p = skip_blanks(name + n);
	if (!n || *p != '=')
		return 0;
	value = skip_blanks(p + 1);
	for (len = strlen(value); len && strchr(BLANKS, value[len - 1]); len--)
		;
	if (!len)
		return 0;
	if (n == 6 && strncasecmp(name, "escape", n) == 0) {
		if (d->escape)
			return err_set(e, EINVAL, "the directive 'escape' stands here twice");
		if (len != 1 || (*value != '\\' && *value != '`'))
			return err_hint(e, "# escape=` or # escape=\\"),
			       err_set(e, EINVAL, "the escape character is '\\' or '`'");
		d->escape = *value;
		return 1;
	}
	if (n == 6 && strncasecmp(name, "syntax", n) == 0)
		at = &d->syntax;
	else if (n == 5 && strncasecmp(name, "check", n) == 0)
		at = &d->check;
	else
		return 0;
	if (*at)
		return err_set(e, EINVAL, "the directive '%.*s' stands here twice", (int)n, name);
	*at = xstrndup(value, len);
	return 1;
}

static int directives(struct dockerfile *d, struct place *where, struct err *e)
{
	int r = 1;

	for (size_t i = 0; i < d->lines.n && r > 0; i++) {
		where->line = (unsigned)i + 1;
		r = directive(d, d->lines.v[i], e);
	}
	if (!d->escape)
		d->escape = '\\';
	return r < 0 ? r : 0;
}

/* ---- one instruction ---- */

/* The next option, without its quotes: 1, or 0 when what follows is none. */
static int next_flag(const char **p, char escape, char **ret, struct err *e)
{
	auto_str flag = STR_INIT(DOCKERFILE_MAX);
	const char *at = *p;
	char quote = '\0';

	if (!str_starts(at, "--"))
		return 0;
	for (; *at && (quote || !strchr(BLANKS, *at)); at++) {
		if (*at == quote)
			quote = '\0';
		else if (!quote && (*at == '"' || *at == '\''))
			quote = *at;
		else if (*at == escape && at[1])
			str_add_char(&flag, *++at);
		else
			str_add_char(&flag, *at);
	}
	if (quote)
		return err_set(e, EINVAL, "a quotation mark is not closed");
	*p = skip_blanks(at);
	*ret = str_take(&flag);
	return 1;
}

int instruction_parse(const char *line, char escape, struct instruction *ret, struct err *e)
{
	const char *p = skip_blanks(line);
	size_t n = strcspn(p, BLANKS);
	char *flag = NULL;
	int r;

	ret->original = xstrdup(p);
	for (size_t k = strlen(ret->original); k && strchr(BLANKS, ret->original[k - 1]); k--)
		ret->original[k - 1] = '\0';
	ret->name = xstrndup(p, n);
	for (char *c = ret->name; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	p = skip_blanks(p + n);
	while ((r = next_flag(&p, escape, &flag, e)) > 0) {
		if (str_eq(flag, "--")) { /* no options behind it */
			free(flag);
			break;
		}
		strv_push_take(&ret->flags, flag);
	}
	if (r < 0)
		return r;
	ret->text = xstrdup(p);
	for (n = strlen(ret->text); n && strchr(BLANKS, ret->text[n - 1]); n--)
		ret->text[n - 1] = '\0';
	return 0;
}

/* ---- here-documents ---- */

/* "3<<-'END'": 1 and all but the content, or 0. */
static int heredoc_word(const char *word, struct heredoc *ret, bool *ret_chomp, struct err *e)
{
	static const struct word_options plain = { 0 };
	const char *p = word;
	uint64_t fd = 0;

	while (isdigit((unsigned char)*p))
		p++;
	if (!str_starts(p, "<<"))
		return 0;
	if (p != word) {
		auto_free char *digits = xstrndup(word, (size_t)(p - word));
		if (str_to_u64(digits, 0, 1000, &fd) < 0)
			return 0;
	}
	p += 2;
	*ret_chomp = *p == '-';
	p += *ret_chomp;
	if (!*p || strchr(p, '<'))
		return 0;
	if (strchr(p, '$')) /* a word with a dollar sign ends where it is written again */
		ret->name = xstrdup(p);
	else if (word_expand(p, &plain, &ret->name, e) < 0)
		return -e->code;
	ret->expand = !strpbrk(p, "'\"\\");
	ret->fd = (unsigned)fd;
	return 1;
}

/* Of lines `*at`...: those up to the one that is the word alone. */
static int heredoc_content(
	const struct strv *lines, size_t *at, bool chomp, struct heredoc *h, struct err *e)
{
	auto_str text = STR_INIT(DOCKERFILE_MAX);

	for (size_t begun = *at; *at < lines->n; (*at)++) {
		const char *line = lines->v[*at];
		if (chomp)
			line += strspn(line, "\t");
		if (str_eq(line, h->name)) {
			(*at)++;
			h->content = str_take(&text);
			return 0;
		}
		if (*at - begun > DOCKERFILE_MAX)
			break;
		str_addf(&text, "%s\n", line);
	}
	err_set(e, EINVAL, "the here-document '%.60s' has no end", h->name);
	return err_hint(e, "a line that is '%.60s' alone", h->name);
}

static bool may_have_heredocs(const struct instruction *i)
{
	return str_eq(i->name, "RUN") || str_eq(i->name, "COPY") || str_eq(i->name, "ADD") ||
	       str_eq(i->name, "ONBUILD");
}

static int heredocs(struct instruction *i, const struct dockerfile *d, size_t *at, struct err *e)
{
	auto_strv words = { 0 };

	if (!may_have_heredocs(i) || !strstr(i->text, "<<"))
		return 0;
	/* a shell's quotes need not be a Dockerfile's */
	if (word_split(i->text, d->escape, &words, e) < 0) {
		err_clear(e);
		return 0;
	}
	for (size_t k = 0; k < words.n; k++) {
		struct heredoc h = { 0 };
		bool chomp = false;
		/* "<< END" is "<<END" */
		bool apart = k + 1 < words.n &&
			     (str_ends(words.v[k], "<<") || str_ends(words.v[k], "<<-"));
		auto_free char *word = xasprintf("%s%s", words.v[k], apart ? words.v[k + 1] : "");
		int r = heredoc_word(word, &h, &chomp, e);
		if (r == 0)
			continue;
		if (r > 0 && i->n_heredocs == HEREDOCS_MAX)
			r = err_set(e, E2BIG, "it has more than %d here-documents", HEREDOCS_MAX);
		if (r > 0)
			r = heredoc_content(&d->lines, at, chomp, &h, e);
		if (r < 0) {
			heredoc_release(&h);
			return r;
		}
		i->heredocs = xrealloc_array(i->heredocs, i->n_heredocs + 1, sizeof h);
		i->heredocs[i->n_heredocs++] = h;
	}
	return 0;
}

/* ---- all of them ---- */

/* Joins line `*at` and those that it goes on in. */
static void join(struct dockerfile *d, size_t *at, struct str *ret)
{
	bool first = true, empty = false;
	size_t begun = *at;

	while (*at < d->lines.n) {
		auto_free char *line = xstrdup(d->lines.v[*at]);
		bool more;
		(*at)++;
		if (!first && is_comment(line))
			continue;
		if (!first && !*skip_blanks(line)) {
			empty = true;
			continue;
		}
		more = take_continuation(line, d->escape);
		str_add(ret, first ? skip_blanks(line) : line);
		first = false;
		if (!more)
			break;
	}
	if (empty)
		strv_pushf(
			&d->warnings, "line %zu: an empty line within an instruction", begun + 1);
}

static int parse_next(struct dockerfile *d, size_t *at, struct place *where, struct err *e)
{
	auto_str line = STR_INIT(DOCKERFILE_MAX);
	struct instruction i = { .first_line = (unsigned)*at + 1 };
	int r;

	*where = (struct place){ .line = i.first_line };
	if (!*skip_blanks(d->lines.v[*at]) || is_comment(d->lines.v[*at])) {
		(*at)++;
		return 0;
	}
	join(d, at, &line);
	if (!*skip_blanks(str_text(&line)))
		return 0;
	if (d->n == INSTRUCTIONS_MAX)
		return err_set(e, E2BIG, "it has more than %d instructions", INSTRUCTIONS_MAX);
	r = instruction_parse(str_text(&line), d->escape, &i, e);
	if (r == 0)
		r = heredocs(&i, d, at, e);
	i.last_line = (unsigned)*at;
	if (r < 0) {
		instruction_release(&i);
		return r;
	}
	d->v = xrealloc_array(d->v, d->n + 1, sizeof i);
	d->v[d->n++] = i;
	return 0;
}

int dockerfile_parse(const char *data, size_t len, const char *name, struct dockerfile *ret,
	struct place *ret_place, struct err *e)
{
	size_t at = 0;

	ret->name = xstrdup(name);
	*ret_place = (struct place){ 0 };
	if (split_lines(data, len, &ret->lines, ret_place, e) < 0 ||
		directives(ret, ret_place, e) < 0)
		return -e->code;
	while (at < ret->lines.n)
		if (parse_next(ret, &at, ret_place, e) < 0)
			return -e->code;
	if (!ret->n) {
		ret_place->line = 1;
		err_set(e, EINVAL, "it has no instructions");
		return err_hint(e, "FROM IMAGE, then what to do with it");
	}
	return 0;
}

/* ---- for people ---- */

struct place dockerfile_find(
	const struct dockerfile *d, const struct instruction *i, const char *token)
{
	struct place p = { .line = i->first_line };
	size_t len = strlen(token);

	for (unsigned n = i->first_line; len && n <= i->last_line && n <= d->lines.n; n++) {
		const char *line = d->lines.v[n - 1], *at = line;
		while ((at = strstr(at, token))) {
			/* whole: "a" is not found in "ab" */
			bool begins = at == line || !isalnum((unsigned char)at[-1]);
			if (begins && !isalnum((unsigned char)at[len]))
				return (struct place){ n, (unsigned)(at - line) + 1,
					(unsigned)len };
			at++;
		}
	}
	return p;
}

static void add_printable(struct str *s, const char *text, size_t max)
{
	for (size_t i = 0; text[i] && i < max; i++) {
		unsigned char c = (unsigned char)text[i];
		str_add_char(s, c == '\t' ? ' ' : c < 0x20 || c == 0x7f ? '?' : (char)c);
	}
}

void dockerfile_show(const struct dockerfile *d, const struct place *p, struct str *ret)
{
	const size_t max = 200;
	const char *line = p->line && p->line <= d->lines.n ? d->lines.v[p->line - 1] : "";
	size_t indent = p->column ? p->column - 1 : strspn(line, BLANKS);
	size_t len = p->column ? p->length : strlen(line) - indent;

	add_printable(ret, d->name, max);
	str_addf(ret, ":%u", p->line);
	if (p->column)
		str_addf(ret, ":%u", p->column);
	str_addf(ret, "\n%5u | ", p->line);
	add_printable(ret, line, max);
	str_add(ret, "\n      | ");
	for (size_t i = 0; i < indent && i < max; i++)
		str_add_char(ret, ' ');
	for (size_t i = 0; (i < len || i == 0) && indent + i < max; i++)
		str_add_char(ret, i ? '~' : '^');
	str_add_char(ret, '\n');
}
