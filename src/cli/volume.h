#pragma once
/* The verbs that belong to `volume`. */
#include "cli/verb.h"

extern const struct verb verb_volume_create, verb_volume_rm, verb_volume_ls, verb_volume_inspect,
	verb_volume_prune;
