#pragma once
/*
 * --format: the part of Go's text/template that Docker's users write, over JSON.
 *
 * Fields (.A.B, $x.A, (…).A), variables, pipes, if/else if/else, range/else (break, continue),
 * with/else, comments, "{{-" and "-}}"; the functions are in template_functions.c.  A field that
 * does not exist counts as false; printed, it is an error that names it, or "<no value>" if it
 * begins with a small letter, as the keys of labels do.  All is bounded: the text, the depth, the
 * steps.
 */
#include "base/err.h"
#include "base/str.h"

#include <jansson.h>

struct template;

/* The error tells the column. */
int template_parse(const char *text, struct template **ret, struct err *e);
void template_free(struct template *);
static inline void template_cleanup(struct template **t)
{
	template_free(*t);
}
#define auto_template __attribute__((cleanup(template_cleanup))) struct template

struct template_data {
	const json_t *dot;
	const json_t *labels; /* what {{.Label "key"}} looks in; NULL: nothing */
	bool escape;          /* make values fit for a terminal */
};
int template_run(
	const struct template *, const struct template_data *, struct str *out, struct err *e);
