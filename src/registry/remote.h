#pragma once
/* Where an image is, by its name: which registry, and how that calls it. */
#include "store/reference.h"

struct remote {
	char host[IMAGE_REF_MAX + 1];                       /* "docker.io", "localhost:5000" */
	char path[IMAGE_REF_MAX + 16];                      /* "library/debian" */
	char reference[sizeof((struct image_ref *)0)->tag]; /* a tag, or a digest */
};
/* -EINVAL for names that belong to no registry ("redock:base" is this program's own). */
int remote_of(const struct image_ref *, struct remote *ret, struct err *e);
/* The whole name, "docker.io/library/debian:12"; `ret` holds REMOTE_TEXT_SIZE. */
#define REMOTE_TEXT_SIZE (sizeof(struct remote) + 2)
void remote_text(const struct remote *, char *ret);
/* A registry as `login` names it: HOST[:PORT], a URL of it, Docker Hub's old address; NULL: Docker
 * Hub. -EINVAL. */
int remote_host_parse(const char *text, char ret[IMAGE_REF_MAX + 1], struct err *e);
