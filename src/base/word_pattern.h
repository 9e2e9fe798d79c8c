#pragma once
/*
 * Patterns in the variables of a Dockerfile: '*' is any text, '?' any character, a backslash takes
 * the meaning from the character behind it; brackets mean nothing (Dockerfile reference,
 * "Environment replacement"). EINVAL: a backslash before something else; E2BIG: pattern and text
 * would take too long.
 */
#include "base/err.h"
#include "base/str.h"

/* Where the shortest or longest beginning of `text` that matches ends; 0 when none does. */
int word_pattern_prefix(
	const char *pattern, const char *text, bool longest, size_t *ret, struct err *e);
/* Where the shortest or longest end of `text` that matches begins; its length when none does. */
int word_pattern_suffix(
	const char *pattern, const char *text, bool longest, size_t *ret, struct err *e);
/* Appends `text` to `out` with the first match, or all of them, replaced; each is the longest. */
int word_pattern_replace(const char *pattern, const char *text, const char *by, bool all,
	struct str *out, struct err *e);
