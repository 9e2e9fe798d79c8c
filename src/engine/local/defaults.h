#pragma once
/* The image's part of a container's configuration. Internal to engine/local/. */
#include "engine/local/local.h"

/* Fills `ret` (whose id is set) from what was asked for and what the image gives; names of other
 * containers become ids. Nothing is made. */
int defaults_fill(struct local *, struct container *ret, const struct container_config *,
	const struct image *, struct err *e);
/* The mounts' part: --volumes-from, the image's VOLUMEs, names for anonymous volumes. */
int mounts_fill(struct local *, struct container *, const struct image *, struct err *e);
