#pragma once
/* Finds the keys that detach from a container, ctrl-p ctrl-q, in what a person types. */
#include <stdbool.h>
#include <stddef.h>

struct detach {
	bool held; /* a ctrl-p that was not passed on yet */
};
/* Copies what is to be sent from `in` to `out`, which has room for len + 1. Returns true when the
 * keys were met; what came before them is in `out`, what follows is dropped. */
bool detach_scan(struct detach *d, const char *in, size_t len, char *out, size_t *ret_len);
