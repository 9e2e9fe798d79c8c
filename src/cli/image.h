#pragma once
/* The verbs that belong to `image` alone. */
#include "cli/verb.h"

extern const struct verb verb_image_inspect, verb_image_prune;
