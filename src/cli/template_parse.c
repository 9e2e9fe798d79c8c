#include "base/mem.h"
#include "cli/template_tree.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define TEXT_MAX  65536
#define DEPTH_MAX 32
#define TERMS_MAX 64

struct parser {
	const char *start, *p;
	unsigned depth, loops;
	struct err *e;
};

static size_t column(const struct parser *p)
{
	return (size_t)(p->p - p->start) + 1;
}

static int wrong(struct parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int wrong(struct parser *p, const char *format, ...)
{
	auto_free char *text = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		abort();
	va_end(ap);
	return err_set(p->e, EINVAL, "the format, column %zu: %s", column(p), text);
}

/* ---- releasing ---- */

static void free_pipe(struct pipe *pipe)
{
	for (size_t i = 0; pipe && i < pipe->n; i++) {
		for (size_t k = 0; k < pipe->commands[i].n; k++) {
			struct term *t = &pipe->commands[i].terms[k];
			free(t->name);
			json_decref(t->literal);
			strv_release(&t->path);
			free_pipe(t->pipe);
		}
		free(pipe->commands[i].terms);
	}
	if (pipe)
		free(pipe->commands);
	free(pipe);
}

static void free_nodes(struct node *n)
{
	while (n) {
		struct node *next = n->next;

		free(n->text);
		free(n->key);
		free(n->value);
		free_pipe(n->pipe);
		free_nodes(n->body);
		free_nodes(n->otherwise);
		free(n);
		n = next;
	}
}

void template_free(struct template *t)
{
	if (t)
		free_nodes(t->first);
	free(t);
}

/* ---- terms ---- */

static void skip_blanks(struct parser *p)
{
	while (*p->p && strchr(" \t\r\n", *p->p))
		p->p++;
}

static bool at_end(const struct parser *p)
{
	return str_starts(p->p, "}}") || str_starts(p->p, "-}}");
}

static size_t word_length(const char *p)
{
	size_t n = 0;

	while (isalnum((unsigned char)p[n]) || p[n] == '_' || (unsigned char)p[n] >= 0x80)
		n++;
	return n;
}

static bool take_word(struct parser *p, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(p->p, word, n) != 0 || word_length(p->p) != n)
		return false;
	p->p += n;
	skip_blanks(p);
	return true;
}

/* .A.B.C */
static int parse_path(struct parser *p, struct term *t)
{
	while (*p->p == '.') {
		size_t n = word_length(p->p + 1);

		if (n == 0)
			return wrong(p, "a field's name is missing after '.'");
		strv_push_take(&t->path, xstrndup(p->p + 1, n));
		p->p += n + 1;
	}
	return 0;
}

static int parse_escape(struct parser *p, struct str *s)
{
	static const char from[] = "ntr\"\\'", to[] = "\n\t\r\"\\'";
	const char *known = *p->p ? strchr(from, *p->p) : NULL;

	if (!known)
		return wrong(p, "unknown escape in a string");
	str_add_char(s, to[known - from]);
	p->p++;
	return 0;
}

static int parse_string(struct parser *p, struct term *t)
{
	auto_str s = STR_INIT(TEXT_MAX);
	char quote = *p->p++;

	while (*p->p && *p->p != quote) {
		if (quote == '"' && *p->p == '\\') {
			p->p++;
			if (parse_escape(p, &s) < 0)
				return -EINVAL;
			continue;
		}
		str_add_char(&s, *p->p++);
	}
	if (*p->p++ != quote)
		return p->p--, wrong(p, "a string is not closed");
	t->kind = TERM_LITERAL;
	t->literal = json_string(str_text(&s));
	return t->literal ? 0 : wrong(p, "a string is not UTF-8");
}

static int parse_number(struct parser *p, struct term *t)
{
	char *end, *end_real;
	long long n;
	double real;

	errno = 0;
	n = strtoll(p->p, &end, 0);
	real = strtod(p->p, &end_real);
	t->kind = TERM_LITERAL;
	t->literal = end_real > end ? json_real(real) : json_integer(n);
	if (errno || !t->literal || end == p->p)
		return wrong(p, "this is no number");
	p->p = end_real > end ? end_real : end;
	return 0;
}

static int parse_name(struct parser *p, struct term *t)
{
	size_t n = word_length(p->p);
	int min, max;

	if (n == 0)
		return wrong(p, "'%c' is not expected here", *p->p);
	if (take_word(p, "true") || take_word(p, "false")) {
		t->kind = TERM_LITERAL;
		t->literal = json_boolean(p->start[t->at - 1] == 't');
		return 0;
	}
	if (take_word(p, "nil")) {
		t->kind = TERM_LITERAL;
		return 0;
	}
	t->kind = TERM_FUNCTION;
	t->name = xstrndup(p->p, n);
	if (!template_function_find(t->name, &min, &max)) {
		const char *nearest = template_function_nearest(t->name);

		wrong(p, "there is no function '%s'", t->name);
		return nearest ? err_hint(p->e, "{{%s ...}}", nearest) : -EINVAL;
	}
	p->p += n;
	return 0;
}

static int parse_pipe(struct parser *p, bool in_parentheses, struct pipe **ret);

static int parse_term(struct parser *p, struct term *t)
{
	t->at = column(p);
	if (*p->p == '.' && !word_length(p->p + 1)) {
		p->p++;
		return 0;
	}
	if (*p->p == '.')
		return parse_path(p, t);
	if (*p->p == '"' || *p->p == '`')
		return parse_string(p, t);
	if (isdigit((unsigned char)*p->p) ||
		(strchr("+-", *p->p) && isdigit((unsigned char)p->p[1])))
		return parse_number(p, t);
	if (*p->p == '$') {
		size_t n = word_length(p->p + 1);

		t->kind = TERM_VARIABLE;
		t->name = xstrndup(p->p + 1, n);
		p->p += n + 1;
		return parse_path(p, t);
	}
	if (*p->p == '(') {
		p->p++;
		t->kind = TERM_PIPE;
		if (parse_pipe(p, true, &t->pipe) < 0)
			return -EINVAL;
		p->p++;
		return parse_path(p, t);
	}
	return parse_name(p, t);
}

static int parse_command(struct parser *p, bool in_parentheses, struct command *c)
{
	for (;;) {
		const char *before = p->p;

		skip_blanks(p);
		if (at_end(p) || *p->p == '|' || (in_parentheses && *p->p == ')'))
			break;
		if (!*p->p)
			return wrong(p, "'}}' is missing");
		if (c->n == TERMS_MAX)
			return wrong(p, "more than %d arguments", TERMS_MAX);
		if (c->n && p->p == before)
			return wrong(p, "a blank is missing");
		c->terms = xrealloc_array(c->terms, c->n + 1, sizeof *c->terms);
		memset(&c->terms[c->n++], 0, sizeof *c->terms);
		if (parse_term(p, &c->terms[c->n - 1]) < 0)
			return -EINVAL;
	}
	return c->n ? 0 : wrong(p, "a value is missing");
}

/* What it has made so far is in *ret, whatever it returns. */
static int parse_pipe(struct parser *p, bool in_parentheses, struct pipe **ret)
{
	struct pipe *pipe = *ret = xcalloc(1, sizeof *pipe);

	if (++p->depth > DEPTH_MAX)
		return wrong(p, "it is nested too deeply");
	do {
		if (pipe->n == TERMS_MAX)
			return wrong(p, "the pipe is too long");
		pipe->commands =
			xrealloc_array(pipe->commands, pipe->n + 1, sizeof *pipe->commands);
		memset(&pipe->commands[pipe->n++], 0, sizeof *pipe->commands);
		if (parse_command(p, in_parentheses, &pipe->commands[pipe->n - 1]) < 0)
			return -EINVAL;
	} while (*p->p == '|' && p->p++);
	p->depth--;
	if (in_parentheses && *p->p != ')')
		return wrong(p, "')' is missing");
	return 0;
}

/* ---- actions ---- */

/* "$v :=", "$v =" or "$k, $v :=" before a pipe. */
static void parse_variables(struct parser *p, struct node *n)
{
	const char *q = p->p;
	size_t first, second = 0;
	const char *first_at, *second_at = NULL;

	if (*q != '$')
		return;
	first_at = ++q;
	first = word_length(q);
	q += first;
	q += strspn(q, " ");
	if (*q == ',') {
		q += 1 + strspn(q + 1, " ");
		if (*q != '$')
			return;
		second_at = ++q;
		second = word_length(q);
		q += second;
		q += strspn(q, " ");
	}
	if (!first || !(str_starts(q, ":=") || (*q == '=' && q[1] != '=')))
		return;
	n->declares = *q == ':';
	n->key = second ? xstrndup(first_at, first) : NULL;
	n->value = second ? xstrndup(second_at, second) : xstrndup(first_at, first);
	p->p = q + (*q == ':' ? 2 : 1);
	skip_blanks(p);
}

static int parse_nodes(struct parser *p, struct node **ret, const char **ret_end);

/* After the keyword: the pipe, the body, what comes after {{else}}, {{end}}. */
static int parse_block(struct parser *p, struct node *n, bool may_chain);

static int close_action(struct parser *p)
{
	bool trim;

	skip_blanks(p);
	trim = *p->p == '-';
	if (!at_end(p))
		return wrong(p, "'}}' is missing");
	p->p += trim ? 3 : 2;
	if (trim)
		skip_blanks(p);
	return 0;
}

static int parse_else(struct parser *p, struct node *n, bool may_chain)
{
	const char *end = NULL;

	if (may_chain && take_word(p, "if")) {
		n->otherwise = xcalloc(1, sizeof *n);
		n->otherwise->kind = NODE_IF;
		n->otherwise->at = column(p);
		return parse_block(p, n->otherwise, true);
	}
	if (close_action(p) < 0 || parse_nodes(p, &n->otherwise, &end) < 0)
		return -EINVAL;
	if (!end || !str_eq(end, "end"))
		return wrong(p, end ? "a second {{else}}" : "{{end}} is missing");
	return close_action(p);
}

static int parse_block(struct parser *p, struct node *n, bool may_chain)
{
	const char *end = NULL;

	if (++p->depth > DEPTH_MAX)
		return wrong(p, "it is nested too deeply");
	parse_variables(p, n);
	if (parse_pipe(p, false, &n->pipe) < 0 || close_action(p) < 0)
		return -EINVAL;
	p->loops += n->kind == NODE_RANGE;
	if (parse_nodes(p, &n->body, &end) < 0)
		return -EINVAL;
	p->loops -= n->kind == NODE_RANGE;
	if (!end)
		return wrong(p, "{{end}} is missing");
	p->depth--;
	return str_eq(end, "else") ? parse_else(p, n, may_chain) : close_action(p);
}

/* Behind "{{" and blanks. *ret_end is "else" or "end" when that was it. */
static int parse_action(struct parser *p, struct node *n, const char **ret_end)
{
	n->at = column(p);
	if (take_word(p, "end") || take_word(p, "else")) {
		*ret_end = p->start[n->at] == 'n' ? "end" : "else";
		return 0;
	}
	if (take_word(p, "if"))
		return n->kind = NODE_IF, parse_block(p, n, true);
	if (take_word(p, "with"))
		return n->kind = NODE_WITH, parse_block(p, n, false);
	if (take_word(p, "range"))
		return n->kind = NODE_RANGE, parse_block(p, n, false);
	if (take_word(p, "break") || take_word(p, "continue")) {
		n->kind = p->start[n->at - 1] == 'b' ? NODE_BREAK : NODE_CONTINUE;
		return p->loops ? close_action(p) : wrong(p, "this belongs inside {{range}}");
	}
	n->kind = NODE_PRINT;
	parse_variables(p, n);
	if (n->key)
		return wrong(p, "two variables are for {{range}} only");
	if (n->value)
		n->kind = NODE_SET;
	if (parse_pipe(p, false, &n->pipe) < 0)
		return -EINVAL;
	return close_action(p);
}

static struct node *add_node(struct node ***tail)
{
	struct node *n = xcalloc(1, sizeof *n);

	**tail = n;
	*tail = &n->next;
	return n;
}

static void add_text(struct node ***tail, const char *text, size_t len, bool trim)
{
	while (trim && len && strchr(" \t\r\n", text[len - 1]))
		len--;
	if (len)
		add_node(tail)->text = xstrndup(text, len);
}

static int parse_nodes(struct parser *p, struct node **ret, const char **ret_end)
{
	struct node **tail = ret, *n;

	while (*p->p) {
		const char *open = strstr(p->p, "{{");
		bool trim = open && open[2] == '-' && open[3] && strchr(" \t\r\n", open[3]);

		add_text(&tail, p->p, open ? (size_t)(open - p->p) : strlen(p->p), trim);
		p->p = open ? open + 2 + trim : p->p + strlen(p->p);
		if (!open)
			return 0;
		skip_blanks(p);
		if (str_starts(p->p, "/*")) {
			const char *close = strstr(p->p, "*/");
			if (!close)
				return wrong(p, "a comment is not closed");
			p->p = close + 2;
			if (close_action(p) < 0)
				return -EINVAL;
			continue;
		}
		n = add_node(&tail);
		n->kind = NODE_TEXT; /* prints nothing, should it be {{end}} */
		if (parse_action(p, n, ret_end) < 0)
			return -EINVAL;
		if (*ret_end)
			return 0;
	}
	return 0;
}

int template_parse(const char *text, struct template **ret, struct err *e)
{
	struct parser p = { .start = text, .p = text, .e = e };
	auto_template *t = xcalloc(1, sizeof *t);
	const char *end = NULL;

	if (strlen(text) > TEXT_MAX)
		return err_set(e, E2BIG, "the format is longer than %d bytes", TEXT_MAX);
	if (parse_nodes(&p, &t->first, &end) < 0)
		return -EINVAL;
	if (end)
		return wrong(&p, "{{%s}} without a beginning", end);
	*ret = take_ptr(&t);
	return 0;
}
