#pragma once
/* Which containers `ps` shows. */
#include "cli/listing.h"

extern const char *const ps_filters[];
/* Whether a filter asks for containers that do not run. */
bool ps_filter_all(const struct listing_options *);
bool ps_filter(const struct listing_options *, const struct container_list *,
	const struct container_info *);
