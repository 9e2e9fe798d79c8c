#pragma once
/*
 * Commands are data.  A verb is one file and one `const struct verb`; the parser, the help text,
 * the suggestions and the man pages all read these tables and nothing else.
 */
#include "base/err.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct cli;

enum option_kind {
	OPTION_END,   /* closes a table */
	OPTION_FLAG,  /* target: bool */
	OPTION_COUNT, /* target: int, one more for each occurrence */
	OPTION_TEXT,  /* target: const char *, the last one given */
	OPTION_LIST,  /* target: struct strv, all that were given */
	OPTION_VALUE, /* target: what `parse` writes */
	OPTION_OWNED, /* target: char *, a copy of the last one given; `parse` as for TEXT */
	OPTION_OFF, /* a flag that is set unless "--name=false" clears it; target: bool, cleared */
	OPTION_MAYBE, /* VALUE, or none: `parse` says -ENOENT to what is not its value, and
			 gets NULL when there was none */
	OPTION_MORE,  /* closes a table that goes on in the one at `more` */
};

struct verb_option {
	enum option_kind kind;
	char short_name;       /* 0: none */
	const char *long_name; /* NULL: none */
	const char *argument;  /* how help calls the value; NULL for flags */
	const char *help;      /* one line; NULL hides the option */
	size_t target;         /* offset in the verb's options struct */
	/* Checks and stores one value. TEXT, OWNED, LIST: may be NULL, stored as it is. */
	int (*parse)(const char *text, void *target, struct err *e);
	const struct verb_option *more;
};
/* For loops over a table: the option itself, or the one where the table goes on; NULL: the end. */
const struct verb_option *option_first(const struct verb_option *table);
const struct verb_option *option_next(const struct verb_option *);

struct verb_example {
	const char *command, *text; /* a NULL command closes a table */
};

enum verb_group {
	GROUP_MACHINES,
	GROUP_LIFE,
	GROUP_INSIDE,
	GROUP_WATCHING,
	GROUP_IMAGES,
	GROUP_RESOURCES,
	GROUP_SYSTEM,
	GROUP_COUNT
};

#define OPERANDS_ANY UINT_MAX

struct verb {
	const char *name;  /* "network create" when it belongs to another verb */
	const char *alias; /* another word for (the last word of) its name, or NULL */
	enum verb_group group;
	const char *operands; /* as in a synopsis: "IMAGE [COMMAND [ARG]...]" */
	const char *summary;  /* at most 55 characters, no full stop */
	/* Paragraphs between empty lines; a line that begins with two blanks stands as it is. */
	const char *description;
	const struct verb_option *options; /* NULL: none */
	const struct verb_example *examples;
	size_t options_size;
	unsigned min_operands, max_operands;
	bool stop_at_operand; /* what follows the first operand is not ours (run, ssh) */
	/* Whether failures end with 125, since the status may be a program's. */
	bool (*session)(size_t n_operands);
	/* The verbs that belong to this one ("create" of "network"), closed by NULL; `run` is not
	 * called then. NULL: none. */
	const struct verb *const *verbs;
	void (*release)(void *options); /* what the tables do not say; NULL: nothing */
	/* Returns an exit status, -errno with the error set, or CLI_USAGE with the error set. */
	int (*run)(struct cli *, void *options, char **operands, size_t n_operands, struct err *e);
};

/* All verbs in the order of the help text; a NULL closes the list. */
extern const struct verb *const verbs[];
extern const char *const verb_groups[GROUP_COUNT];
/* Of a list as above. */
const struct verb *verb_find(const struct verb *const *list, const char *name);
/* The verb that `name` was probably meant to be, or NULL. */
const struct verb *verb_nearest(const struct verb *const *list, const char *name);
/* Its name, without that of the verb that it belongs to. */
const char *verb_word(const struct verb *);

/* For `session` of verbs whose status always is a program's. */
bool verb_session_always(size_t n_operands);
