#pragma once
/* From a registry into the store. */
#include "registry/registry.h"
#include "registry/remote.h"
#include "store/ingest.h"

/* Where an image may come from: mirrors first, the registry itself last. */
#define PLACES_MAX 8
struct pull {
	struct store *store;
	struct http *http;
	const struct registry_settings *settings;
	struct platform platform;
	bool platform_asked;
	struct registry places[PLACES_MAX];
	size_t n_places;
	size_t place; /* where the manifest came from */
	char *scope;  /* what is needed there */
	struct remote remote;
};

/* The operation "pull" of protocol.h; its answer is an array with one object an image. */
int pull_run(struct store *, struct http *, const struct registry_settings *, const json_t *request,
	json_t **ret, struct err *e);

/* ---- layers.c ---- */

/* Brings all layers that are wanted, several at once. */
int pull_layers(struct pull *, struct ingest *, struct err *e);
/* ---- tags.c ---- */

/* All tags of the repository (distribution-spec, "Listing Tags"). */
int pull_list_tags(struct pull *, struct strv *ret, struct err *e);
