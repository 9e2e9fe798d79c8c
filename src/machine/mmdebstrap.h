#pragma once
/* Runs mmdebstrap(1) so that nothing of it outlives us or stays behind. */
#include "engine/engine.h"

/* Writes a tar archive of `suite` to `archive`. `path` is a folder with redock.sources, apt.conf,
 * extract and customize in it (base.c), and the place for temporary files. SIGINT, SIGTERM and
 * SIGHUP end it with EINTR; *ret_signal is the signal then, for the caller to raise when it has
 * cleaned up, else 0. */
int mmdebstrap_run(struct engine *, const char *path, const char *suite, int archive,
	int *ret_signal, struct err *e);
