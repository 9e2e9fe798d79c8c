#include "cli/listing.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/template.h"
#include "cli/text.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define OUTPUT_MAX (64 << 20)

#define TARGET(member) offsetof(struct listing_options, member)
const struct verb_option listing_options[] = {
	{ OPTION_LIST, 'f', "filter", "KEY=VALUE", "only those that match", TARGET(filters) },
	{ OPTION_TEXT, 0, "format", "TEMPLATE", "json, 'table ...' or '{{.Field}}'",
		TARGET(format) },
	{ OPTION_FLAG, 'q', "quiet", NULL, "print ids or names only", TARGET(quiet) },
	{ OPTION_FLAG, 0, "no-trunc", NULL, "do not shorten ids and commands", TARGET(no_trunc) },
	{ OPTION_FLAG, 0, "json", NULL, "print an array of objects", TARGET(json) },
	{ 0 },
};

static int unknown_filter(const char *name, const char *const *filters, struct err *e)
{
	const char *best = NULL;
	unsigned least = UINT_MAX;
	auto_str all = STR_INIT(512);

	for (size_t i = 0; filters[i]; i++) {
		unsigned far = suggestion_distance(name, filters[i]);
		if (far < least) {
			least = far;
			best = filters[i];
		}
		str_addf(&all, "%s%s", i ? ", " : "", filters[i]);
	}
	cli_usage(e, "there is no filter '%s'", name);
	if (best)
		err_hint(e, "--filter %s=VALUE", best);
	else
		err_hint(e, "one of: %s", str_text(&all));
	return CLI_USAGE;
}

int listing_check(const struct listing_options *o, const char *const *filters, struct err *e)
{
	if (o->json && o->quiet)
		return cli_usage(e, "options '--json' and '--quiet' exclude each other");
	if (o->json && o->format)
		return cli_usage(e, "options '--json' and '--format' exclude each other");
	for (size_t i = 0; i < o->filters.n; i++) {
		size_t len = strcspn(o->filters.v[i], "=");
		auto_free char *name = xstrndup(o->filters.v[i], len);
		size_t k = 0;

		if (!o->filters.v[i][len]) {
			cli_usage(e, "filter '%s' has no value", name);
			err_hint(e, "--filter %s=VALUE", name);
			return CLI_USAGE;
		}
		while (filters[k] && !str_eq(filters[k], name))
			k++;
		if (!filters[k])
			return unknown_filter(name, filters, e);
	}
	return 0;
}

void listing_begin(struct listing *l, const struct listing_options *o, const struct column *columns,
	const char *id)
{
	*l = (struct listing){ o, columns, id, json_array(), json_array(), json_array() };
}

void listing_release(struct listing *l)
{
	json_decref(l->rows);
	json_decref(l->objects);
	json_decref(l->labels);
}

void listing_add(struct listing *l, json_t *row, json_t *labels, json_t *object)
{
	json_array_append_new(l->objects, object ? object : json_incref(row));
	json_array_append_new(l->rows, row);
	json_array_append_new(l->labels, labels ? labels : json_null());
}

void listing_set(json_t *row, const char *field, const char *text)
{
	json_object_set_new(row, field, output_string(text ? text : ""));
}

/* ---- printing ---- */

/* What Docker's shell-friendly formats have: a backslash and a letter. */
static char *unescape(const char *format)
{
	char *text = xstrdup(format), *to = text;

	for (const char *p = format; *p; p++) {
		bool escape = *p == '\\' && (p[1] == 't' || p[1] == 'n');

		*to++ = !escape ? *p : *++p == 't' ? '\t' : '\n';
	}
	*to = '\0';
	return text;
}

static int run_template(const struct template *t, const json_t *dot, const json_t *labels,
	struct str *out, struct err *e)
{
	struct template_data data = { .dot = dot, .labels = labels, .escape = isatty(1) };

	return template_run(t, &data, out, e);
}

/* Cells end at tabs; a row has as many as the header. */
static void add_cells(struct table *table, const char *line)
{
	const char *p = line;

	for (size_t i = 0; i < table->columns; i++) {
		size_t len = strcspn(p, "\t\n");
		auto_free char *cell = xstrndup(p, len);

		table_cell(table, cell);
		p += len + (p[len] != '\0');
	}
}

static void split_titles(const char *line, struct strv *ret)
{
	for (const char *p = line;; p++) {
		size_t len = strcspn(p, "\t\n");

		strv_push_take(ret, xstrndup(p, len));
		p += len;
		if (!*p)
			return;
	}
}

static int print_template_table(const struct listing *l, const struct template *t, struct err *e)
{
	auto_json *titles = json_object();
	auto_str head = STR_INIT(65536);
	auto_strv header = { 0 };
	auto_table table = { 0 };

	for (const struct column *c = l->columns; c->field; c++)
		listing_set(titles, c->field, c->title);
	if (run_template(t, titles, NULL, &head, e) < 0)
		return -EINVAL;
	split_titles(str_text(&head), &header);
	table_init(&table, (const char *const *)header.v);
	for (size_t i = 0; i < json_array_size(l->rows); i++) {
		auto_str line = STR_INIT(OUTPUT_MAX);
		if (run_template(t, json_array_get(l->rows, i), json_array_get(l->labels, i), &line,
			    e) < 0)
			return -EINVAL;
		add_cells(&table, str_text(&line));
	}
	table_print(&table, stdout);
	return 0;
}

static int print_format(const struct listing *l, const char *format, struct err *e)
{
	bool table = str_starts(format, "table ");
	auto_free char *text = unescape(table ? format + strlen("table ") : format);
	auto_template *t = NULL;
	int r = template_parse(text, &t, e);

	if (r < 0 || table)
		return r < 0 ? r : print_template_table(l, t, e);
	for (size_t i = 0; i < json_array_size(l->rows); i++) {
		auto_str line = STR_INIT(OUTPUT_MAX);
		r = run_template(
			t, json_array_get(l->rows, i), json_array_get(l->labels, i), &line, e);
		if (r < 0)
			return r;
		printf("%s\n", str_text(&line));
	}
	return 0;
}

static void print_table(const struct listing *l)
{
	const char *header[32];
	size_t n = 0;
	auto_table table = { 0 };

	for (const struct column *c = l->columns; c->field && n + 1 < ARRAY_SIZE(header); c++)
		if (c->shown)
			header[n++] = c->title;
	header[n] = NULL;
	table_init(&table, header);
	for (size_t i = 0; i < json_array_size(l->rows); i++)
		for (const struct column *c = l->columns; c->field; c++)
			if (c->shown)
				table_cell(
					&table, json_str(json_array_get(l->rows, i), c->field, ""));
	table_print(&table, stdout);
}

/* One object a line, as docker ps --format json has it. */
static void print_lines(const json_t *rows)
{
	for (size_t i = 0; i < json_array_size(rows); i++) {
		auto_free char *line = json_dumps(
			json_array_get(rows, i), JSON_COMPACT | JSON_ENSURE_ASCII | JSON_SORT_KEYS);
		printf("%s\n", line ? line : "");
	}
}

int listing_print(struct listing *l, struct err *e)
{
	const char *format = l->options->format;

	if (l->options->json) {
		output_json(l->objects);
	} else if (l->options->quiet) {
		for (size_t i = 0; i < json_array_size(l->rows); i++) {
			auto_str safe = STR_INIT(4096);
			text_add_escaped(&safe, json_str(json_array_get(l->rows, i), l->id, ""));
			printf("%s\n", str_text(&safe));
		}
	} else if (!format || str_eq(format, "table")) {
		print_table(l);
	} else if (str_eq(format, "json")) {
		print_lines(l->rows);
	} else if (print_format(l, format, e) < 0) {
		return -e->code;
	}
	return 0;
}

int listing_print_one(const char *format, const json_t *data, struct err *e)
{
	auto_str out = STR_INIT(OUTPUT_MAX);
	auto_template *t = NULL;
	int r;

	if (str_eq(format, "json")) {
		auto_free char *line =
			json_dumps(data, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
		printf("%s\n", line ? line : "");
		return 0;
	}
	r = template_parse(format, &t, e);
	if (r >= 0)
		r = run_template(t, data, NULL, &out, e);
	if (r >= 0)
		printf("%s\n", str_text(&out));
	return r;
}
