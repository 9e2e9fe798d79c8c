#pragma once
/* What `images` is made of. */
#include "cli/listing.h"

/* "debian" is all of its tags, "debian:12" one; '*' stands for anything. */
bool images_reference_matches(const char *reference, const char *pattern);
/* Those that `operand` names (NULL: all), as a tree of layers: text, or with --json an array of
 * {"Layer", "Size", "Images", "Children"}. */
int images_tree(const struct listing_options *, const struct image_list *, const char *operand,
	struct err *e);
