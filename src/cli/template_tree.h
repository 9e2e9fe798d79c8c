#pragma once
/* The parsed form of a template. Internal to template*.c. */
#include "cli/template.h"

enum term_kind {
	TERM_DOT,      /* "." and its fields */
	TERM_VARIABLE, /* "$x"; "$" is what the template was called with */
	TERM_LITERAL,
	TERM_FUNCTION,
	TERM_PIPE, /* in parentheses */
};
struct term {
	enum term_kind kind;
	size_t at;        /* column, from 1 */
	char *name;       /* of a variable or function */
	json_t *literal;  /* NULL: nil */
	struct strv path; /* fields after it */
	struct pipe *pipe;
};
struct command {
	struct term *terms;
	size_t n;
};
struct pipe {
	struct command *commands;
	size_t n;
};

enum node_kind {
	NODE_TEXT,
	NODE_PRINT,
	NODE_SET,
	NODE_IF,
	NODE_RANGE,
	NODE_WITH,
	NODE_BREAK,
	NODE_CONTINUE
};
struct node {
	enum node_kind kind;
	size_t at;
	char *text;        /* NODE_TEXT */
	char *key, *value; /* variables of NODE_SET (value) and NODE_RANGE */
	bool declares;     /* ":=", not "=" */
	struct pipe *pipe;
	struct node *body, *otherwise, *next;
};
struct template
{
	struct node *first;
};

/* A value while it runs: a reference of its own, or nothing. */
struct value {
	json_t *j;           /* NULL: nothing */
	const char *missing; /* of nothing: the field that there was not, or NULL */
};
struct run {
	const struct template_data *data;
	struct str *out;
	size_t steps;
};
typedef int template_function(
	struct run *, const struct value *args, size_t n, struct value *ret, struct err *e);
/* NULL when there is none of this name; -1 for any number in *ret_max. */
template_function *template_function_find(const char *name, int *ret_min, int *ret_max);
const char *template_function_nearest(const char *name);
bool template_is_true(const struct value *);
/* As Go's %v prints it. */
void template_print(const json_t *, struct str *out);
/* The keys of an object, sorted. */
void template_keys(const json_t *object, struct strv *ret);
/* A whole number. */
int template_number(const struct value *, json_int_t *ret, struct err *e);

template_function template_length, template_element, template_slice, template_equal,
	template_not_equal, template_less, template_less_equal, template_greater,
	template_greater_equal, template_all_of, template_one_of, template_opposite;
