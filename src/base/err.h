#pragma once
/*
 * One error object, from the system call that failed to the person who reads it.
 *
 * A function that can fail returns 0 or more on success and -errno on failure, and takes a
 * `struct err *` as its last parameter.  Set it once, where things fail; wrap it with the noun
 * a person knows in each layer that adds one; print it only in cli/.
 * Sentences are lower case, without a full stop, with the subject in single quotes.
 */
#include <stdarg.h>

struct err {
	int code;       /* an errno value, 0 while there is no error */
	char text[768]; /* one sentence */
	char hint[384]; /* what to try: a command or a short clause, or "" */
};

/* Sets the error; returns -code.  `code` must be positive. */
int err_set(struct err *e, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4), cold));
/* The same with errno's code, and ": strerror(errno)" appended. */
int err_errno(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3), cold));
/* Puts "…: " before the sentence that is there; returns the code again, as -code. */
int err_wrap(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3), cold));
/* Says what to try (replaces an earlier hint); returns -code. */
int err_hint(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3), cold));
/* Forgets the error, for the rare case where it has been dealt with. */
void err_clear(struct err *e);
