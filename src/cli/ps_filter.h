#pragma once
/* Which containers `ps` shows. */
#include "cli/listing.h"

extern const char *const ps_filters[];
/* What no container can be, in a filter by state or health; CLI_USAGE. */
int ps_filter_check(const struct listing_options *, struct err *e);
/* Whether a filter asks for containers that do not run. */
bool ps_filter_all(const struct listing_options *);
bool ps_filter(const struct listing_options *, const struct container_list *,
	const struct container_info *);
