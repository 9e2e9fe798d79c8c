#pragma once
/*
 * What `docker inspect` prints, and Docker's HTTP API answers, for each kind of object: Docker's
 * members under Docker's names, those that mean nothing here left out or at their zero.  Strings
 * that are not UTF-8 come with U+FFFD in place of what cannot be.
 */
#include "engine/engine.h"

#include <jansson.h>

/* New references. `probes` of a container are there if it came from engine_inspect(). */
json_t *inspect_container_json(const struct container_info *);
json_t *inspect_image_json(const struct image_info *);
json_t *inspect_volume_json(const struct volume_info *);
json_t *inspect_network_json(const struct network_info *);
/* The configuration's part of the above, under "Config". */
json_t *inspect_config_json(const struct container_config *);
