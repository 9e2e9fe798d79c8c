#pragma once
/* The verbs that belong to `system`. */
#include "cli/verb.h"

extern const struct verb verb_system_check, verb_system_df, verb_system_prune, verb_system_reset;
