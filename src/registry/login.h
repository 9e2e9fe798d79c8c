#pragma once
/* The operations "login" and "logout" of protocol.h. */
#include "registry/registry.h"

#include <jansson.h>

/* Asks the registry whether it takes the user name and password, and keeps them if it does. */
int login_run(struct http *, const struct registry_settings *, const json_t *request, json_t **ret,
	struct err *e);
int logout_run(const json_t *request, json_t **ret, struct err *e);
