#pragma once
/*
 * What all listings have in common: a table, ids alone (-q), --json, --format, --filter.
 *
 * Each row comes twice: as the texts that Docker's fields have (for tables and --format), and as an
 * object with types (for --json).
 */
#include "base/json.h"
#include "cli/cli.h"

struct listing_options {
	struct strv filters;
	const char *format;
	bool json, quiet, no_trunc;
};
/* For OPTION_MORE at the end of a table whose struct begins with a struct listing_options. */
extern const struct verb_option listing_options[];

struct column {
	const char *field, *title;
	bool shown; /* without --format */
};

struct listing {
	const struct listing_options *options;
	const struct column *columns; /* closed by a NULL field */
	const char *id;               /* the field that -q shows */
	json_t *rows, *objects, *labels;
};
/* Refuses options that exclude each other and filters other than the NULL-terminated `filters`
 * ("name", "label", ...): CLI_USAGE. To be called before any work. */
int listing_check(const struct listing_options *, const char *const *filters, struct err *e);
void listing_begin(
	struct listing *, const struct listing_options *, const struct column *, const char *id);
/* Takes all references; `labels` may be NULL, and `object` when it is the same as the row. */
void listing_add(struct listing *, json_t *row, json_t *labels, json_t *object);
/* Sets a field of a row: a text of whatever bytes. */
void listing_set(json_t *row, const char *field, const char *text);
int listing_print(struct listing *, struct err *e);
void listing_release(struct listing *);
#define auto_listing __attribute__((cleanup(listing_release))) struct listing

/* Prints `data` as the template says, and a newline: info, version, inspect. */
int listing_print_one(const char *format, const json_t *data, struct err *e);

/* "a=b,c=d" and {"a": "b"} of KEY=value. */
char *listing_labels_text(const struct strv *labels);
json_t *listing_labels_json(const struct strv *labels);

/* ---- filters ---- */

/* Whether `match` says yes to one of the values that were given for `key`, or none was given. */
typedef bool listing_match(const void *arg, const char *value);
bool listing_filter(
	const struct listing_options *, const char *key, listing_match *, const void *arg);
/* label=KEY and label=KEY=value: all of them must be there. */
bool listing_filter_labels(const struct listing_options *, const struct strv *labels);
/* `match` for a text: the value is part of it / is it. */
bool listing_part_of(const void *text, const char *value);
bool listing_equals(const void *text, const char *value);
