#pragma once
/*
 * Into a container's root file system, as the container sees it, with this whole process: a running
 * one's by its mount namespace, a stopped one's put together in a namespace of our own.  From then
 * on there is no host left to reach, and no program, library or table of this host's to load: what
 * libraries load late is loaded before (T10, T11).
 *
 * The request's member "root":
 *   {"state_dir": "/…", "lower": ["skeleton", "layers/…"], "upper": "containers/…", "work": "…",
 *    "read_only": true, "mounts": [{"source": "/…", "target": "/…", "read_only": true,
 *    "no_recursive": true}]}
 * (paths in hexadecimal digits, but for those below state_dir)
 * or nothing when `pidfd` is a running container's init.
 */
#include "base/err.h"
#include "base/json.h"

#include <stdbool.h>

/* Returns an O_PATH fd of "/". `change`: files will be written; else a stopped container's own
 * layer is left alone, whatever is done. Cannot be undone. */
int root_enter(const json_t *root, int pidfd, bool change, struct err *e);
