#pragma once
/* The same accept as in foreign.h for a host whose rules are made by the old iptables, which nft
 * does not show. Only for one whose table `filter` is in use already. */
#include "base/err.h"

#include <stdbool.h>

/* Puts our rules in, or (!`wanted`) takes them away; 1: something has changed. `br` as in
 * foreign.h. Nothing to do without iptables-legacy. */
int legacy_sync(const char *bridge, bool br, bool wanted, struct err *e);
