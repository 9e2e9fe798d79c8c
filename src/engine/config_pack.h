#pragma once
/*
 * A configuration as bytes, for what a program of the same build on the same host keeps for itself
 * (engine/local/seen.h).  Nothing else is to be written this way: config.json is what lasts.
 * Reading is bounded and takes no byte's word for anything; false means that it is damaged.
 */
#include "engine/config.h"

void container_config_pack(const struct container_config *, struct str *ret);
void pack_text(struct str *ret, const char *text, size_t len);
void pack_list(struct str *ret, const struct strv *);

struct packed {
	const char *at, *end;
};
bool container_config_unpack(struct packed *, struct container_config *ret);
bool unpack_data(struct packed *, void *ret, size_t size);
/* Both leave in *ret what is the caller's to release, also when they fail; *ret has been zero. */
bool unpack_text(struct packed *, char **ret);
bool unpack_list(struct packed *, struct strv *ret);

/* A number that changes with the table of members: what was packed by another one is not for us. */
uint64_t container_config_print(void);
