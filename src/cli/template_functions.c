/* The functions of --format: Go's and Docker's. */
#include "base/mem.h"
#include "cli/options.h"
#include "cli/template_tree.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define TEXT_LIMIT (16 << 20)

bool template_is_true(const struct value *v)
{
	switch (v->j ? json_typeof(v->j) : JSON_NULL) {
	case JSON_TRUE:
		return true;
	case JSON_INTEGER:
		return json_integer_value(v->j) != 0;
	case JSON_REAL:
		return json_real_value(v->j) != 0;
	case JSON_STRING:
		return json_string_length(v->j) > 0;
	case JSON_ARRAY:
		return json_array_size(v->j) > 0;
	case JSON_OBJECT:
		return json_object_size(v->j) > 0;
	default:
		return false;
	}
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void template_keys(const json_t *object, struct strv *ret)
{
	const char *key;
	json_t *ignored;

	json_object_foreach((json_t *)object, key, ignored) strv_push(ret, key);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof *ret->v, compare);
}

static void print_members(const json_t *object, struct str *out)
{
	auto_strv keys = { 0 };

	template_keys(object, &keys);
	str_add(out, "map[");
	for (size_t i = 0; i < keys.n; i++) {
		str_addf(out, "%s%s:", i ? " " : "", keys.v[i]);
		template_print(json_object_get(object, keys.v[i]), out);
	}
	str_add(out, "]");
}

void template_print(const json_t *j, struct str *out)
{
	switch (j ? json_typeof(j) : JSON_NULL) {
	case JSON_STRING:
		str_add(out, json_string_value(j));
		break;
	case JSON_INTEGER:
		str_addf(out, "%lld", (long long)json_integer_value(j));
		break;
	case JSON_REAL:
		str_addf(out, "%.15g", json_real_value(j));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		str_add(out, json_is_true(j) ? "true" : "false");
		break;
	case JSON_ARRAY:
		str_add(out, "[");
		for (size_t i = 0; i < json_array_size(j); i++) {
			str_add(out, i ? " " : "");
			template_print(json_array_get(j, i), out);
		}
		str_add(out, "]");
		break;
	case JSON_OBJECT:
		print_members(j, out);
		break;
	default:
		str_add(out, "[]"); /* nearly always a list without elements */
	}
}

/* ---- what they have in common ---- */

static int give(struct str *s, struct value *ret)
{
	ret->j = json_string(str_text(s));
	if (!ret->j) /* cut inside a character */
		ret->j = json_string("\uFFFD");
	return 0;
}

/* Any value as text, owned by the caller. */
static char *text_of(const struct value *v)
{
	struct str s = STR_INIT(TEXT_LIMIT);

	if (v->j)
		template_print(v->j, &s);
	return str_take(&s);
}

static int wrong_type(struct err *e, const char *wanted)
{
	return err_set(e, EINVAL, "it is for %s", wanted);
}

int template_number(const struct value *v, json_int_t *ret, struct err *e)
{
	if (!json_is_integer(v->j))
		return wrong_type(e, "whole numbers");
	*ret = json_integer_value(v->j);
	return 0;
}

/* ---- text ---- */

static int to_json(
	struct run *run, const struct value *args, size_t n, struct value *ret, struct err *e)
{
	auto_free char *text =
		args[0].j
			? json_dumps(args[0].j, JSON_COMPACT | JSON_ENCODE_ANY |
							(run->data->escape ? JSON_ENSURE_ASCII : 0))
			: xstrdup("null");

	ret->j = text ? json_string(text) : NULL;
	return ret->j ? 0 : err_set(e, EINVAL, "this cannot be written as JSON");
}

static int change_case(
	const struct value *v, int (*first)(int), int (*rest)(int), struct value *ret)
{
	auto_free char *text = text_of(v);
	bool inside = false;

	for (char *p = text; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if (c < 0x80)
			*p = (char)(inside ? (rest ? rest(c) : c) : first(c));
		inside = rest == first || isalnum(c) || c == '_' || c == '\'' || c >= 0x80;
	}
	ret->j = json_string(text);
	return 0;
}

static int upper(
	struct run *run, const struct value *args, size_t n, struct value *ret, struct err *e)
{
	return change_case(&args[0], toupper, toupper, ret);
}

static int lower(
	struct run *run, const struct value *args, size_t n, struct value *ret, struct err *e)
{
	return change_case(&args[0], tolower, tolower, ret);
}

static int title(
	struct run *run, const struct value *args, size_t n, struct value *ret, struct err *e)
{
	return change_case(&args[0], toupper, NULL, ret);
}

static int split(
	struct run *run, const struct value *args, size_t n, struct value *ret, struct err *e)
{
	auto_free char *text = text_of(&args[0]), *separator = text_of(&args[1]);
	size_t len = strlen(separator);

	ret->j = json_array();
	for (const char *p = text;;) {
		const char *end = len ? strstr(p, separator) : *p ? p + 1 : p;
		size_t part = end ? (size_t)(end - p) : strlen(p);
		auto_free char *one = xstrndup(p, part);
		json_t *j = json_string(one);

		if (!len && !*p)
			return json_decref(j), 0;
		json_array_append_new(ret->j, j ? j : json_string("\uFFFD"));
		if (!end)
			return 0;
		p = end + len;
	}
}

static int join(
	struct run *run, const struct value *args, size_t n, struct value *ret, struct err *e)
{
	auto_free char *separator = text_of(&args[1]);
	auto_str s = STR_INIT(TEXT_LIMIT);

	if (args[0].j && !json_is_null(args[0].j) && !json_is_array(args[0].j))
		return wrong_type(e, "lists");
	for (size_t i = 0; i < json_array_size(args[0].j); i++) {
		str_add(&s, i ? separator : "");
		template_print(json_array_get(args[0].j, i), &s);
	}
	return give(&s, ret);
}

static int pad(
	struct run *run, const struct value *args, size_t n, struct value *ret, struct err *e)
{
	auto_free char *text = text_of(&args[0]);
	auto_str s = STR_INIT(TEXT_LIMIT);
	json_int_t before, after;

	if (template_number(&args[1], &before, e) < 0 || template_number(&args[2], &after, e) < 0)
		return -EINVAL;
	if (before < 0 || after < 0 || before > 4096 || after > 4096)
		return err_set(e, EINVAL, "it adds at most 4096 blanks");
	str_addf(&s, "%*s%s%*s", *text ? (int)before : 0, "", text, *text ? (int)after : 0, "");
	return give(&s, ret);
}

static int truncate_text(
	struct run *run, const struct value *args, size_t n, struct value *ret, struct err *e)
{
	auto_free char *text = text_of(&args[0]);
	json_int_t max;
	size_t at = 0;

	if (template_number(&args[1], &max, e) < 0)
		return -EINVAL;
	for (; text[at] && max >= 0; at++)
		if (((unsigned char)text[at] & 0xc0) != 0x80 && max-- == 0)
			break;
	text[at] = '\0';
	ret->j = json_string(text);
	return 0;
}

/* ---- printing ---- */

static int print_all(const struct value *args, size_t n, bool line, struct value *ret)
{
	auto_str s = STR_INIT(TEXT_LIMIT);

	for (size_t i = 0; i < n; i++) {
		bool blank =
			i &&
			(line || (!json_is_string(args[i].j) && !json_is_string(args[i - 1].j)));
		auto_free char *text = text_of(&args[i]);
		str_addf(&s, "%s%s", blank ? " " : "", text);
	}
	str_add(&s, line ? "\n" : "");
	return give(&s, ret);
}

static int print_plain(
	struct run *run, const struct value *args, size_t n, struct value *ret, struct err *e)
{
	return print_all(args, n, false, ret);
}

static int print_line(
	struct run *run, const struct value *args, size_t n, struct value *ret, struct err *e)
{
	return print_all(args, n, true, ret);
}

/* "%-10.3": flags, width, precision as C has them; wide ones are refused. */
static const char *parse_spec(const char *p, char ret[16], struct err *e)
{
	size_t n = strspn(p, "-+# 0");
	const char *q = p + n;
	size_t width = strspn(q, "0123456789"), precision = 0;

	if (q[width] == '.')
		precision = 1 + strspn(q + width + 1, "0123456789");
	if (n > 3 || width > 3 || precision > 4) {
		err_set(e, EINVAL, "the field after %% is too wide");
		return NULL;
	}
	snprintf(ret, 16, "%%%.*s", (int)(n + width + precision), p);
	return q + width + precision;
}

static int print_one(
	struct str *s, const char *spec, char verb, const struct value *v, struct err *e)
{
	auto_free char *text = text_of(v);
	char format[24];

	if (strchr("dxXo", verb) && json_is_integer(v->j)) {
		snprintf(format, sizeof format, "%sll%c", spec, verb);
		auto_free char *out = NULL;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* built above from checked parts */
		if (asprintf(&out, format, (long long)json_integer_value(v->j)) < 0)
			abort();
#pragma GCC diagnostic pop
		str_add(s, out);
	} else if (strchr("feEgG", verb) && json_is_number(v->j)) {
		auto_free char *out = NULL;
		snprintf(format, sizeof format, "%s%c", spec, verb);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		if (asprintf(&out, format, json_number_value(v->j)) < 0)
			abort();
#pragma GCC diagnostic pop
		str_add(s, out);
	} else if (strchr("svtq", verb)) {
		auto_free char *out = NULL, *quoted = NULL;
		json_t *j = verb == 'q' ? json_string(text) : NULL;

		if (j)
			quoted = json_dumps(j, JSON_ENCODE_ANY);
		json_decref(j);
		snprintf(format, sizeof format, "%ss", spec);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		if (asprintf(&out, format, quoted ? quoted : text) < 0)
			abort();
#pragma GCC diagnostic pop
		str_add(s, out);
	} else {
		return err_set(e, EINVAL, "%%%c is not for '%s'", verb, text);
	}
	return 0;
}

static int print_format(
	struct run *run, const struct value *args, size_t n, struct value *ret, struct err *e)
{
	const char *format = json_string_value(args[0].j);
	auto_str s = STR_INIT(TEXT_LIMIT);
	size_t next = 1;

	if (!format)
		return wrong_type(e, "a text with %s, %d, %q or %v");
	for (const char *p = format; *p; p++) {
		char spec[16];

		if (*p != '%') {
			str_add_char(&s, *p);
			continue;
		}
		if (p[1] == '%') {
			str_add_char(&s, *++p);
			continue;
		}
		p = parse_spec(p + 1, spec, e);
		if (!p)
			return -EINVAL;
		if (!*p || next >= n)
			return err_set(e, EINVAL, "more %% than values");
		if (print_one(&s, spec, *p, &args[next++], e) < 0)
			return -EINVAL;
	}
	if (next < n)
		return err_set(e, EINVAL, "more values than %%");
	return give(&s, ret);
}

static const struct {
	const char *name;
	template_function *function;
	int min, max;
} functions[] = {
	{ "and", template_all_of, 1, -1 },
	{ "eq", template_equal, 2, -1 },
	{ "ge", template_greater_equal, 2, 2 },
	{ "gt", template_greater, 2, 2 },
	{ "index", template_element, 1, -1 },
	{ "join", join, 2, 2 },
	{ "json", to_json, 1, 1 },
	{ "le", template_less_equal, 2, 2 },
	{ "len", template_length, 1, 1 },
	{ "lower", lower, 1, 1 },
	{ "lt", template_less, 2, 2 },
	{ "ne", template_not_equal, 2, 2 },
	{ "not", template_opposite, 1, 1 },
	{ "or", template_one_of, 1, -1 },
	{ "pad", pad, 3, 3 },
	{ "print", print_plain, 0, -1 },
	{ "printf", print_format, 1, -1 },
	{ "println", print_line, 0, -1 },
	{ "slice", template_slice, 1, 3 },
	{ "split", split, 2, 2 },
	{ "title", title, 1, 1 },
	{ "truncate", truncate_text, 2, 2 },
	{ "upper", upper, 1, 1 },
};

template_function *template_function_find(const char *name, int *ret_min, int *ret_max)
{
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
		if (str_eq(functions[i].name, name)) {
			*ret_min = functions[i].min;
			*ret_max = functions[i].max;
			return functions[i].function;
		}
	return NULL;
}

const char *template_function_nearest(const char *name)
{
	const char *best = NULL;
	unsigned least = UINT_MAX;

	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		unsigned far = suggestion_distance(name, functions[i].name);
		if (far < least) {
			least = far;
			best = functions[i].name;
		}
	}
	return best;
}
