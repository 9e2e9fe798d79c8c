#pragma once
/*
 * `save`: images as a docker archive or as an OCI image layout in a tar archive. Equal images make
 * equal archives: nothing of them tells when or where they were written. Blobs go out as they are
 * kept, compressed ones compressed; all known readers take either.
 */
#include "store/write.h"

/* The request's "format" is "docker" or "oci", its "images" an array of {"manifest": digest,
 * "names": [...]}. */
int save_images(struct store *, const json_t *request, int fd, struct err *e);
