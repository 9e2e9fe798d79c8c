#pragma once
/*
 * Manifests and indexes as they come from elsewhere: a registry, an archive. One parser, so that
 * what is not exactly one thing (attack T17) is refused before anybody acts on it.
 *
 * OCI image-spec 1.1: manifest.md, image-index.md; Docker's image manifest version 2, schema 2.
 */
#include "base/err.h"
#include "store/reference.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MANIFEST_MAX ((size_t)4 << 20) /* caps of attack T15, those of the OCI registries */
#define CONFIG_MAX   ((size_t)8 << 20)

#define MEDIA_INDEX         "application/vnd.oci.image.index.v1+json"
#define MEDIA_MANIFEST      "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_CONFIG        "application/vnd.oci.image.config.v1+json"
#define MEDIA_LAYER         "application/vnd.oci.image.layer.v1.tar"
#define MEDIA_LAYER_GZIP    MEDIA_LAYER "+gzip"
#define MEDIA_LAYER_ZSTD    MEDIA_LAYER "+zstd"
#define MEDIA_DOCKER_LIST   "application/vnd.docker.distribution.manifest.list.v2+json"
#define MEDIA_DOCKER        "application/vnd.docker.distribution.manifest.v2+json"
#define MEDIA_DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"
#define MEDIA_DOCKER_LAYER  "application/vnd.docker.image.rootfs.diff.tar.gzip"

#define MEDIA_TYPE_SIZE 128
#define PLATFORM_SIZE   48

/* "linux/arm64/v8"; what is not said is "". */
struct platform {
	char os[PLATFORM_SIZE], architecture[PLATFORM_SIZE], variant[PLATFORM_SIZE];
};
/* OS/ARCH[/VARIANT] or ARCH, in GOARCH's names or uname(2)'s; -EINVAL. */
int platform_parse(const char *text, struct platform *ret, struct err *e);
/* This machine's. */
void platform_here(struct platform *ret);
#define PLATFORM_TEXT_SIZE (3 * PLATFORM_SIZE)
void platform_text(const struct platform *, char ret[PLATFORM_TEXT_SIZE]);

/* descriptor.md */
struct descriptor {
	struct digest digest;
	uint64_t size;
	char media_type[MEDIA_TYPE_SIZE];
	char name[IMAGE_REF_TEXT_SIZE];  /* annotation org.opencontainers.image.ref.name, or "" */
	char image[IMAGE_REF_TEXT_SIZE]; /* annotation io.containerd.image.name, or "" */
	struct platform platform;        /* of an index's; "" where it says nothing */
	bool has_platform;
};

struct manifest {
	char media_type[MEDIA_TYPE_SIZE];
	bool is_index;
	struct descriptor config; /* of a manifest */
	struct descriptor *parts; /* its layers, the lowest first, or an index's manifests */
	size_t n_parts;
};
void manifest_release(struct manifest *);
#define auto_manifest __attribute__((cleanup(manifest_release))) struct manifest
/* `media_type` is what the server or the descriptor says it is; NULL or "": nobody said. Refuses
 * whatever two readers could read differently, what is no image, and what has not all of its
 * layers with it. -EINVAL. */
int manifest_parse(
	const void *data, size_t len, const char *media_type, struct manifest *ret, struct err *e);
/* The first of an index's manifests that fits best; -ENOENT names those that there are. */
int manifest_choose(const struct manifest *index, const struct platform *want,
	const struct descriptor **ret, struct err *e);
