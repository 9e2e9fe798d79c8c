#pragma once
/* The keys that leave a session: ctrl-p ctrl-q, or others. */
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define DETACH_KEYS_MAX 16

struct detach {
	char keys[DETACH_KEYS_MAX]; /* n 0: ctrl-p ctrl-q */
	size_t n;
	size_t held; /* so many of the keys have been typed and are not passed on yet */
};

/* "ctrl-p,ctrl-q", "ctrl-a,d", "~,.": letters and ctrl- with a letter or one of @ [ \ ] ^ _, joined
 * by commas; as `parse` of struct verb_option. */
int detach_parse(const char *text, void *ret_detach, struct err *e);
/* Passes `len` bytes of input on to `out` (room for len + DETACH_KEYS_MAX bytes); true when the
 * sequence was met: nothing after it counts. */
bool detach_scan(struct detach *, const char *in, size_t len, char *out, size_t *ret_len);
