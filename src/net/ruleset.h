#pragma once
/* The text of our nft table. */
#include "base/str.h"

#include <stdbool.h>

struct ruleset {
	const char *bridge, *subnet,
		*gateway; /* validated: a link name, "a.b.c.d/len", "a.b.c.d" */
	bool user;        /* has a name server at the gateway */
	bool internal;
};
/* Appends the commands that make table `inet <bridge>` in one transaction, whatever it was before.
 */
void ruleset_text(const struct ruleset *, struct str *ret);
/* Appends the commands that remove it, present or not. */
void ruleset_removal(const char *bridge, struct str *ret);
/* In a container's network namespace: what is sent to port 53 of NET_NAMES_INSIDE goes to `port`.
 */
void ruleset_names_inside(int port, struct str *ret);
