#pragma once
/*
 * Whether what is on the disk is sound: `system check`. Of the helper program alone.
 *
 * The helper looks at everything without the store's lock, which takes long, since what has a
 * name is never written to any more; then, with the lock held, it looks again at what it has found
 * to be wrong, and mends that.
 */
#include "store/internal.h"

struct op;
struct teller;

/* An image's name, or the pin of a container, and what it leads to. */
struct held {
	struct image_ref ref;
	char pin[65];                   /* the container's id; "": it is a name */
	struct digest manifest, config; /* config: "" when nobody knows */
	bool found;                     /* `manifest` is there */
	bool readable;                  /* `image` is there */
	bool set_aside;                 /* its name went to the quarantine */
	char text[IMAGE_REF_TEXT_SIZE + 32];
	char why[800]; /* not readable */
	struct image image;
};
struct checkup {
	struct store *store;
	struct op *op; /* begun when something has to be made, or repaired */
	bool begun, repair, full;
	const char *quarantine; /* the name */
	const struct teller *teller;
	json_t *findings;
	json_t *blobs, *trees; /* what is wrong with them, by their names below blobs/, layers/ */
	json_t *made_blobs, *made_trees; /* what has been made anew: names in the operation */
	struct held *held;
	size_t n_held;
	unsigned n_made;
	bool changed;
};
/* One finding. `done`, `mend`: NULL when there is nothing to say. */
void check_say(struct checkup *, bool bad, const char *object, const char *done, const char *mend,
	const char *found, ...) __attribute__((format(printf, 6, 7)));
/* The operation, begun when it is not yet. */
int check_op(struct checkup *, struct op **ret, struct err *e);
/* The request's answer: {"findings": [{"bad", "object", "found", "done", "mend"}]}. */
int check_store(
	struct store *, const json_t *request, const struct teller *, json_t **ret, struct err *e);

/* ---- check_scan.c ---- */

/* Fills c->blobs and c->trees; says what is no blob and no layer. */
int check_scan(struct checkup *, struct err *e);
/* What is wrong with blob `hex`: NULL when nothing is or when there is none. The caller frees. */
char *check_blob(struct store *, const char *hex);
/* What half-made things dead commands have left. */
int check_half_made(struct checkup *, struct err *e);

/* ---- check_mend.c ---- */

/* Compares the tree of a layer with what its blob unpacks to: 1 when they are the same, 0. */
int check_compare(struct checkup *, const char *key, const struct digest *diff_id,
	const struct digest *blob, struct err *e);
/* Makes anew, in the operation, what is damaged and can be made of what is not. */
int check_make(struct checkup *, struct err *e);
/* With the lock held: what has been made gets its name, what is damaged goes to the quarantine. */
int check_replace(struct checkup *, struct err *e);

/* ---- check_image.c ---- */

void check_release_held(struct checkup *);
int check_read_held(struct checkup *, struct err *e);
/* With the lock held: says what images lack. To be repaired, those go to the quarantine. */
int check_images(struct checkup *, struct err *e);
/* True for a manifest, a config, or the tree of a layer, of an image that a container was made
 * from: it stays where it is. An archive can go: pull and load bring it again. */
bool check_is_pinned(const struct checkup *, const char *hex);
