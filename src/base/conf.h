#pragma once
/*
 * The configuration files: /etc/redock/redock.conf, and over it $XDG_CONFIG_HOME/redock/redock.conf
 * (~/.config when that is not set).  Lines are "key = value"; '#' begins a comment line.
 */
#include "base/err.h"

/* 1 and *ret (the caller frees), or 0 when nobody has set it. A line that is neither is an error
 * that names file and line. */
int conf_get(const char *key, char **ret, struct err *e);
/* The same for a text. */
int conf_find(const char *text, const char *file, const char *key, char **ret, struct err *e);
