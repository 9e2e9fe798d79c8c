#pragma once
/*
 * Who has which address: one file an address, created exclusively, the container's id inside.
 * `fd` is the directory of the claims throughout.
 */
#include "base/err.h"
#include "net/subnet.h"

#include <netinet/in.h>
#include <stdbool.h>

#define CLAIM_ID_MAX 128 /* bytes of a container id */

/* Claims that address. 1, or 0 and *ret_owner when somebody has it. */
int claim_exactly(
	int fd, struct in_addr, const char *id, char ret_owner[CLAIM_ID_MAX + 1], struct err *e);
/* Claims `wanted` if it is free and of the network, else the next free one after the one claimed
 * last, so that an address that has just been given back rests. -ENOSPC. */
int claim_take(int fd, const struct subnet *, struct in_addr gateway, const char *id,
	struct in_addr wanted, struct in_addr *ret, struct err *e);
/* Gives back what `id` holds: `address`, or everything if that is 0. */
int claim_give(int fd, const char *id, struct in_addr address, struct err *e);
/* Calls `each` (NULL: keeps all) with every claim; a claim for which it returns false is given
 * back. An empty claim (a crash in the middle of claim_take) has the id "". Returns how many are
 * left. */
int claim_each(
	int fd, bool (*each)(void *arg, const char *id, struct in_addr), void *arg, struct err *e);
