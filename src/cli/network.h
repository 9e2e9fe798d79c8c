#pragma once
/* The verbs that belong to `network`. */
#include "cli/verb.h"

extern const struct verb verb_network_create, verb_network_connect, verb_network_disconnect,
	verb_network_rm, verb_network_ls, verb_network_inspect, verb_network_prune,
	verb_network_reload;
