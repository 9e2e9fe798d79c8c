/* Runs a template; template_parse.c made its tree. */
#include "cli/template.h"
#include "base/mem.h"
#include "cli/options.h"
#include "cli/template_tree.h"
#include "cli/text.h"

#include <errno.h>
#include <string.h>

#define STEPS_MAX     1000000
#define VARIABLES_MAX 64

enum flow { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE };

struct variable {
	const char *name;
	struct value value;
};
struct frame {
	struct run *run;
	struct variable variables[VARIABLES_MAX];
	size_t n;
};

static void value_release(struct value *v)
{
	json_decref(v->j);
	*v = (struct value){ 0 };
}
#define auto_value __attribute__((cleanup(value_release))) struct value

static int wrong(struct err *e, size_t at, const char *text, const char *name)
{
	return err_set(e, EINVAL, "the format, column %zu: %s '%s'", at, text, name);
}

static int step(struct frame *f, struct err *e)
{
	if (++f->run->steps > STEPS_MAX || f->run->out->overflow)
		return err_set(e, E2BIG, "the format makes too much of it");
	return 0;
}

/* ---- terms ---- */

static int follow_path(const struct term *t, struct value *v, struct err *e)
{
	for (size_t i = 0; i < t->path.n; i++) {
		json_t *next;

		if (!v->j || json_is_null(v->j)) {
			if (!v->missing)
				v->missing = t->path.v[i];
			json_decref(v->j);
			v->j = NULL;
			return 0;
		}
		if (!json_is_object(v->j))
			return wrong(e, t->at, "what is before it has no field", t->path.v[i]);
		next = json_incref(json_object_get(v->j, t->path.v[i]));
		json_decref(v->j);
		v->j = next;
		v->missing = next ? NULL : t->path.v[i];
	}
	return 0;
}

static int find_variable(struct frame *f, const struct term *t, struct value *ret, struct err *e)
{
	if (!*t->name) {
		ret->j = json_incref((json_t *)f->run->data->dot);
		return 0;
	}
	for (size_t i = f->n; i; i--)
		if (str_eq(f->variables[i - 1].name, t->name)) {
			*ret = f->variables[i - 1].value;
			json_incref(ret->j);
			return 0;
		}
	return wrong(e, t->at, "there is no variable", t->name);
}

static int run_pipe(
	struct frame *f, const struct pipe *pipe, json_t *dot, struct value *ret, struct err *e);

static int run_term(
	struct frame *f, const struct term *t, json_t *dot, struct value *ret, struct err *e)
{
	int r = step(f, e);

	*ret = (struct value){ 0 };
	if (r < 0)
		return r;
	switch (t->kind) {
	case TERM_DOT:
		ret->j = json_incref(dot);
		break;
	case TERM_VARIABLE:
		r = find_variable(f, t, ret, e);
		break;
	case TERM_LITERAL:
		ret->j = json_incref(t->literal);
		break;
	case TERM_PIPE:
		r = run_pipe(f, t->pipe, dot, ret, e);
		break;
	case TERM_FUNCTION:
		break; /* run_command() has dealt with it */
	}
	return r < 0 ? r : follow_path(t, ret, e);
}

/* {{.Label "key"}}, the one method that listings have. */
static int run_label(const struct frame *f, const struct value *args, size_t n, struct value *ret)
{
	if (n == 1 && json_is_string(args[0].j))
		ret->j = json_incref(
			json_object_get(f->run->data->labels, json_string_value(args[0].j)));
	if (!ret->j)
		ret->j = json_string("");
	return 0;
}

static int call(struct frame *f, const struct term *t, const struct value *args, size_t n,
	struct value *ret, struct err *e)
{
	int min = 0, max = 0, r;
	template_function *function;

	if (t->kind == TERM_DOT && t->path.n == 1 && str_eq(t->path.v[0], "Label"))
		return run_label(f, args, n, ret);
	if (t->kind != TERM_FUNCTION)
		return wrong(e, t->at,
			"this takes no arguments:", t->path.n ? t->path.v[t->path.n - 1] : ".");
	function = template_function_find(t->name, &min, &max);
	if ((int)n < min || (max >= 0 && (int)n > max))
		return wrong(e, t->at, "a wrong number of arguments for", t->name);
	r = function(f->run, args, n, ret, e);
	return r < 0 ? err_wrap(e, "the format, column %zu: '%s'", t->at, t->name) : 0;
}

/* `last`: what comes through the pipe, the last argument; NULL at its beginning. */
static int run_command(struct frame *f, const struct command *c, json_t *dot,
	const struct value *last, struct value *ret, struct err *e)
{
	auto_free struct value *args = xcalloc(c->n + 1, sizeof *args);
	const struct term *head = &c->terms[0];
	size_t n = 0;
	int r = 0;

	*ret = (struct value){ 0 };
	if (head->kind != TERM_FUNCTION && c->n == 1 && !last)
		return run_term(f, head, dot, ret, e);
	for (size_t i = 1; i < c->n && r >= 0; i++) {
		const struct term *t = &c->terms[i];
		if (t->kind == TERM_FUNCTION) /* one without arguments, or a mistake */
			r = call(f, t, NULL, 0, &args[n++], e);
		else
			r = run_term(f, t, dot, &args[n++], e);
	}
	if (last && r >= 0) {
		args[n] = *last;
		json_incref(args[n++].j);
	}
	if (r >= 0)
		r = step(f, e);
	if (r >= 0)
		r = call(f, head, args, n, ret, e);
	for (size_t i = 0; i < n; i++)
		value_release(&args[i]);
	return r;
}

static int run_pipe(
	struct frame *f, const struct pipe *pipe, json_t *dot, struct value *ret, struct err *e)
{
	auto_value last = { 0 };

	for (size_t i = 0; i < pipe->n; i++) {
		struct value next;
		int r = run_command(f, &pipe->commands[i], dot, i ? &last : NULL, &next, e);

		value_release(&last);
		last = next;
		if (r < 0)
			return r;
	}
	*ret = last;
	last = (struct value){ 0 };
	return 0;
}

/* ---- nodes ---- */

/* A field that there is not: an error with the nearest one that there is. */
static int missing_field(
	const struct frame *f, const struct node *n, const char *name, struct err *e)
{
	const char *key, *best = NULL;
	unsigned least = UINT_MAX;
	json_t *ignored;

	wrong(e, n->at, "there is no field", name);
	json_object_foreach((json_t *)f->run->data->dot, key, ignored)
	{
		unsigned far = suggestion_distance(name, key);
		if (far < least) {
			least = far;
			best = key;
		}
	}
	return best ? err_hint(e, "{{.%s}}", best) : err_hint(e, "{{json .}} shows all fields");
}

static int print(struct frame *f, const struct node *n, const struct value *v, struct err *e)
{
	auto_str text = STR_INIT(f->run->out->limit);

	if (v->j) {
		template_print(v->j, &text);
	} else if (v->missing) {
		if (v->missing[0] >= 'A' && v->missing[0] <= 'Z')
			return missing_field(f, n, v->missing, e);
		str_add(&text, "<no value>");
	}
	if (f->run->data->escape) { /* lists and maps, too: what is in them is the same text */
		for (const char *p = str_text(&text); *p;) { /* lines and tabs are meant */
			size_t len = strcspn(p, "\n\t");
			auto_free char *part = xstrndup(p, len);

			text_add_escaped(f->run->out, part);
			p += len;
			if (*p)
				str_add_char(f->run->out, *p++);
		}
		return 0;
	}
	str_add(f->run->out, str_text(&text));
	return 0;
}

static int set_variable(struct frame *f, const char *name, bool declares, const struct value *v,
	size_t at, struct err *e)
{
	size_t i = f->n;

	while (!declares && i && !str_eq(f->variables[i - 1].name, name))
		i--;
	if (!declares && !i)
		return wrong(e, at, "there is no variable", name);
	if (declares && f->n == VARIABLES_MAX)
		return wrong(e, at, "one variable too many:", name);
	i = declares ? f->n++ : i - 1;
	if (!declares)
		value_release(&f->variables[i].value);
	f->variables[i] = (struct variable){ name, *v };
	json_incref(v->j);
	return 0;
}

static void leave(struct frame *f, size_t n)
{
	while (f->n > n)
		value_release(&f->variables[--f->n].value);
}

static int run_nodes(struct frame *f, const struct node *n, json_t *dot, struct err *e);

/* One turn of a range; returns the flow. */
static int turn(struct frame *f, const struct node *n, json_t *key, json_t *element, struct err *e)
{
	struct value k = { .j = key }, v = { .j = element };
	size_t before = f->n;
	int r = step(f, e);

	if (r >= 0 && n->key)
		r = set_variable(f, n->key, n->declares, &k, n->at, e);
	if (r >= 0 && n->value)
		r = set_variable(f, n->value, n->declares, &v, n->at, e);
	if (r >= 0)
		r = run_nodes(f, n->body, element, e);
	leave(f, before);
	json_decref(key);
	return r;
}

static int run_range(
	struct frame *f, const struct node *n, const json_t *over, json_t *dot, struct err *e)
{
	auto_strv keys = { 0 };
	size_t count = json_is_array(over) ? json_array_size(over) : 0;
	int r = FLOW_ON;

	if (json_is_integer(over)) /* as of Go 1.22 */
		count = json_integer_value(over) > 0 ? (size_t)json_integer_value(over) : 0;
	else if (json_is_object(over))
		template_keys(over, &keys);
	else if (over && !json_is_array(over) && !json_is_null(over))
		return wrong(e, n->at, "this is no list:", "range");
	if (!count && !keys.n)
		return run_nodes(f, n->otherwise, dot, e);
	for (size_t i = 0; i < keys.n && r >= 0 && r != FLOW_BREAK; i++)
		r = turn(f, n, json_string(keys.v[i]), json_object_get(over, keys.v[i]), e);
	for (size_t i = 0; i < count && r >= 0 && r != FLOW_BREAK; i++) {
		json_t *number = json_integer((json_int_t)i);
		json_t *element = json_is_array(over) ? json_array_get(over, i) : number;

		r = turn(f, n, json_incref(number), element, e);
		json_decref(number);
	}
	return r < 0 ? r : FLOW_ON;
}

static int run_node(struct frame *f, const struct node *n, json_t *dot, struct err *e)
{
	auto_value v = { 0 };
	size_t before = f->n;
	int r;

	switch (n->kind) {
	case NODE_TEXT:
		str_add(f->run->out, n->text ? n->text : "");
		return FLOW_ON;
	case NODE_BREAK:
		return FLOW_BREAK;
	case NODE_CONTINUE:
		return FLOW_CONTINUE;
	default:
		break;
	}
	r = run_pipe(f, n->pipe, dot, &v, e);
	if (r < 0)
		return r;
	if (n->kind == NODE_PRINT)
		return print(f, n, &v, e);
	if (n->kind == NODE_SET)
		return set_variable(f, n->value, n->declares, &v, n->at, e);
	if (n->kind == NODE_RANGE)
		return run_range(f, n, v.j, dot, e);
	if (n->value)
		r = set_variable(f, n->value, n->declares, &v, n->at, e);
	if (r >= 0 && template_is_true(&v))
		r = run_nodes(f, n->body, n->kind == NODE_WITH ? v.j : dot, e);
	else if (r >= 0)
		r = run_nodes(f, n->otherwise, dot, e);
	leave(f, before);
	return r;
}

static int run_nodes(struct frame *f, const struct node *n, json_t *dot, struct err *e)
{
	size_t before = f->n;
	int r = FLOW_ON;

	for (; n && r == FLOW_ON; n = n->next) {
		r = step(f, e);
		if (r >= 0)
			r = run_node(f, n, dot, e);
	}
	if (before) /* those of the top stay until the end */
		leave(f, before);
	return r;
}

int template_run(
	const struct template *t, const struct template_data *data, struct str *out, struct err *e)
{
	struct run run = { .data = data, .out = out };
	struct frame f = { .run = &run };
	int r = run_nodes(&f, t->first, (json_t *)data->dot, e);

	leave(&f, 0);
	if (r >= 0 && out->overflow)
		return err_set(e, E2BIG, "the format makes too much of it");
	return r < 0 ? r : 0;
}
