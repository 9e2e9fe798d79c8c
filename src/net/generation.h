#pragma once
/* Whether anybody has changed the host's firewall rules since we last looked. */
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct firewall_state {
	uint32_t generation; /* of the nft ruleset: the kernel counts its transactions */
	bool legacy;         /* iptables-legacy's filter table is in use (nft does not see it) */
};
/* One netlink message and one small file: cheap enough for each start of a container. */
int firewall_state_read(struct firewall_state *ret, struct err *e);
