#pragma once
/* What nobody uses any more: collected first, so that a person can look at it, then removed. */
#include "cli/listing.h"

enum prune_kind {
	PRUNE_CONTAINERS = 1,
	PRUNE_NETWORKS = 2,
	PRUNE_IMAGES = 4,
	PRUNE_VOLUMES = 8,
};
struct prune_item {
	enum prune_kind kind;
	char *id;   /* what removes it */
	char *text; /* for a person */
};
struct prune_list {
	struct prune_item *v;
	size_t n;
};
void prune_list_release(struct prune_list *);
#define auto_prune_list __attribute__((cleanup(prune_list_release))) struct prune_list

struct prune_options {
	struct listing_options listing; /* filters alone */
	bool force, all, volumes;
};
/* `kinds`: of enum prune_kind. With `all` also images that have a name, and volumes too. Machines
 * are left alone. */
int prune_collect(struct engine *, const struct prune_options *, int kinds, struct prune_list *ret,
	struct err *e);
const char *prune_kind_text(enum prune_kind); /* "containers", ... */
