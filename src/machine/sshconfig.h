#pragma once
/*
 * One line of ours in a person's ~/.ssh/config: an Include of "…/redock/ssh/machines" (all of its
 * .conf files).
 *
 * It has to be the first line that says anything: below an option, a Host or a Match it would be
 * overruled or would not apply.  The path is the mark: a comment behind it is something that only
 * newer OpenSSH understands, and other readers of the file never did.  Every other byte stays.
 */
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

#define SSHCONFIG_MAX ((size_t)4 << 20)

/* The line (with its newline) that includes `pattern`, quoted where it has blanks. */
void sshconfig_line(const char *pattern, struct str *ret);
/* True if the first effective line of the configuration already includes `pattern`. */
bool sshconfig_has_include(const char *data, size_t len, const char *pattern);
/* `data` with the line and an empty one before it, unless it is there: then `data` as it is. */
void sshconfig_add_include(const char *data, size_t len, const char *pattern, struct str *ret);

/* Brings the line into the file "config" below `ssh_dir` (shown as `shown` in errors), as the
 * calling process's user: mode, owner and group are kept, a symbolic link is followed to a regular
 * file of that user and to nothing else, what was there is kept once as "config.redock-backup".
 * Written beside it, synced, renamed over it. Nothing is written when the line is there. */
int sshconfig_install(int ssh_dir, const char *shown, const char *pattern, struct err *e);
