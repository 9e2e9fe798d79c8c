#pragma once
/* engine_download() and engine_upload() for any engine: its archives on one side, and a process
 * that packs or unpacks the caller's own files on the other. */
#include "engine/engine.h"

int transfer_down(struct engine *, const char *id, const char *path, const char *local,
	const struct transfer_options *, struct err *e);
int transfer_up(struct engine *, const char *id, const char *local, const char *path,
	const struct transfer_options *, struct err *e);
