#pragma once
/* From the store to a registry. */
#include "registry/registry.h"
#include "registry/remote.h"
#include "store/manifest.h"
#include "store/write.h"

/* The operation "push" of protocol.h; its answer is an array with one object an image. */
int push_run(struct store *, struct http *, const struct registry_settings *, const json_t *request,
	json_t **ret, struct err *e);

/* ---- upload.c: one blob (distribution-spec, "Pushing blobs") ---- */

struct upload {
	struct registry *registry;
	const char *path, *scope; /* the repository, and what is needed there */
	struct digest digest;
	uint64_t size;
	const char *from; /* a repository of the same registry that may have it; NULL: none known */
	const char *shown; /* the digest under which a person sees it; NULL: not at all */
	char *location;    /* of the upload that upload_begin() has begun */
};
/* 1 when the repository has it. */
int upload_exists(struct upload *, struct err *e);
/* Begins; 1 when that was all, since the registry has mounted it from `from`. */
int upload_begin(struct upload *, struct err *e);
/* Sends file `fd` and ends the upload. */
int upload_send(struct upload *, int fd, struct err *e);
void upload_release(struct upload *);
#define auto_upload __attribute__((cleanup(upload_release))) struct upload

/* ---- compress.c ---- */

/* Called with how much has been read. */
typedef void compress_each(void *arg, uint64_t done);
/* Writes `in` as gzip to `out`. Equal input makes equal output. */
int compress_gzip(int in, int out, compress_each *each, void *arg, struct digest *ret,
	uint64_t *ret_size, struct err *e);

/* ---- push_layer.c ---- */

/* What a layer is on the wire. */
struct push_layer {
	const struct descriptor *have; /* in the store */
	const char *diff_id;
	char *from;         /* as in struct upload; owned */
	struct digest sent; /* what the registry has in the end */
	uint64_t size;
	bool compress;
};
/* Sends all of them, several at once, each by a process of its own, since what is not compressed
 * yet is compressed first. */
int push_layers(struct store *, struct registry *, const char *path, const char *scope,
	struct push_layer *layers, size_t n, struct err *e);
