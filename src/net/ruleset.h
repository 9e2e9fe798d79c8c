#pragma once
/* The text of our nft table. */
#include "base/str.h"

/* Appends the commands that make table `inet <bridge>` in one transaction, whatever it was before.
 * Both arguments have been validated: a bridge name and "a.b.c.d/len". */
void ruleset_text(const char *bridge, const char *subnet, struct str *ret);
/* Appends the commands that remove it, present or not. */
void ruleset_removal(const char *bridge, struct str *ret);
