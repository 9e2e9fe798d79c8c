#pragma once
/*
 * A Dockerfile as a list of instructions: parser directives, comments, continuation lines, options
 * and here-documents, as the Dockerfile reference ("Format", "Parser directives", "Here-Documents")
 * has them. What an instruction means is not known here.
 */
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

#define DOCKERFILE_MAX ((size_t)4 << 20) /* bytes */

/* Where something stands in the file, to be shown to a person. Lines and columns (in bytes) count
 * from 1; a length of 0 means the whole line. */
struct place {
	unsigned line, column, length;
};

struct heredoc {
	char *name;    /* the word that ends it, without its quotes */
	char *content; /* with its last newline; leading tabs are gone if it began with "<<-" */
	unsigned fd;   /* the number before "<<", 0 without one */
	bool expand;   /* variables are put in: no part of the word was quoted */
};

struct instruction {
	char *name;        /* in capitals: "RUN" */
	struct strv flags; /* "--from=build", in order, without quotes */
	char *text;        /* what follows, lines joined, no blanks around; "" when nothing does */
	char *original;    /* all of it, lines joined, as it was written */
	struct heredoc *heredocs;
	size_t n_heredocs;
	unsigned first_line, last_line;
};

struct dockerfile {
	char *name;           /* for messages: "Dockerfile" */
	struct strv lines;    /* of the file, without their ends */
	char escape;          /* '\\' or '`' */
	char *syntax, *check; /* directives of these names, or NULL */
	struct instruction *v;
	size_t n;
	struct strv warnings; /* whole sentences, each with its line */
};
void dockerfile_release(struct dockerfile *);
#define auto_dockerfile __attribute__((cleanup(dockerfile_release))) struct dockerfile

/* Parses `len` bytes. EINVAL: *ret_place says where; *ret holds the lines even then, so that
 * they can be shown, and is to be released. */
int dockerfile_parse(const char *data, size_t len, const char *name, struct dockerfile *ret,
	struct place *ret_place, struct err *e);

/* One line as an instruction, for ONBUILD's: no here-documents, no continuation. */
int instruction_parse(const char *line, char escape, struct instruction *ret, struct err *e);
void instruction_release(struct instruction *);

/* Where `token` stands within an instruction, else its first line. */
struct place dockerfile_find(
	const struct dockerfile *, const struct instruction *, const char *token);
/* "Dockerfile:3:5", then the line, and a caret below the place: three lines, for a terminal. Bytes
 * that are not printable become '?'. */
void dockerfile_show(const struct dockerfile *, const struct place *, struct str *ret);
