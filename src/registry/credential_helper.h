#pragma once
/* Docker's credential helpers: docker-credential-NAME get, list, store and erase, with the host on
 * standard input and JSON on standard output. Only `get` is used. */
#include "registry/credentials.h"

/* 1 when it knows the host, 0 when it does not. */
int credential_helper_get(
	const char *name, const char *host, struct credentials *ret, struct err *e);
