#pragma once
/* Published ports in words. */
#include "engine/engine.h"

/* "0.0.0.0:8080->80/tcp, 443/tcp": Docker's words; neighbours become one range. */
char *ports_text(const struct container_info *);
/* One line on stderr that tells what can be reached from other hosts, if anything can, for a person
 * at a terminal. */
struct cli;
void ports_announce(const struct cli *, const struct container_info *);
/* The same of a container that was just started. */
void ports_announce_started(const struct cli *, struct engine *, const char *id);
