#pragma once
/* A container's mounts. Internal to engine/local/. */
#include "engine/local/local.h"
#include "runtime/spec.h"

bool mounts_have_volumes(const struct container_config *);
/* Makes the volumes that are not there. With the volumes' lock held. */
int mounts_make_volumes(struct local *, const struct container *, struct err *e);
/* What the runtime is to mount; sources and volumes that are missing are made, those of a driver
 * are mounted. */
int mounts_to_spec(struct local *, const struct container *, struct spec *, struct err *e);
/* The mounts of container_info. */
void mounts_describe(struct local *, const struct container *, struct container_info *ret);
