#pragma once
/*
 * Words of a Dockerfile: quotes, escapes, and variables with what POSIX calls parameter expansion
 * (Dockerfile reference, "Environment replacement"; XCU 2.6.2): $NAME, ${NAME} and, in braces,
 * :- - :+ + :? ? # ## % %% / //, whose words may hold variables themselves.
 */
#include "base/err.h"
#include "base/str.h"

#define WORDS_MAX 10000

struct word_options {
	char escape;             /* '\\' or '`'; '\0' stands for '\\' */
	const struct strv *env;  /* KEY=value, asked first; may be NULL */
	const struct strv *args; /* asked next; may be NULL */
	/* Called with the name of each variable that is used and has no value; may be NULL. */
	void (*unset)(void *arg, const char *name);
	void *arg;
};

/* `text` as one word: blanks stay. EINVAL: a quotation mark or a brace is not closed, "${NAME:?}"
 * has nothing; E2BIG: the result is too long. The caller frees *ret. */
int word_expand(const char *text, const struct word_options *, char **ret, struct err *e);
/* The words of `text`, split at blanks after the variables have been put in, unless they are
 * quoted. Appended to *ret; errors as above. */
int word_expand_list(
	const char *text, const struct word_options *, struct strv *ret, struct err *e);
/* The same without variables, quotes and escapes left as they are. */
int word_split(const char *text, char escape, struct strv *ret, struct err *e);
