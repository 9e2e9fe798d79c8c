#pragma once
/*
 * `load`: images from a docker archive (the docker-archive of `docker save`) or an OCI image layout
 * (image-layout.md), as a tar archive or a directory.
 */
#include "store/write.h"

/* *ret: an array of {"id": ..., "names": [...]} in the archive's order. Those before one that
 * fails stay. */
int load_images(struct store *, int fd, const struct teller *, json_t **ret, struct err *e);
