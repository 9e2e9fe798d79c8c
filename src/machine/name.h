#pragma once
/* What follows from a machine's name besides machine.h: file names and words for errors. */
#include "machine/machine.h"

/* A file name that stands for it ("alice+demo"): '+' occurs in no name, so no two names share one.
 */
#define MACHINE_KEY_SIZE 260
void machine_name_key(const struct machine_name *, char ret[MACHINE_KEY_SIZE]);
/* Inverse of the above. -EINVAL for what it never makes. */
int machine_name_from_key(const char *key, struct machine_name *ret);
/* "HOST-container", the name in a person's SSH configuration, for a host name that is a slug. */
#define MACHINE_ALIAS_SIZE 80
void machine_alias(const char *slug, char ret[MACHINE_ALIAS_SIZE]);
/* `text` as it may be shown in an error: at most 60 bytes, everything that is not printable ASCII
 * replaced. */
#define MACHINE_SHOWN_SIZE 64
void machine_shown(const char *text, char ret[MACHINE_SHOWN_SIZE]);
