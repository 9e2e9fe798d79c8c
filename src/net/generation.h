#pragma once
/* Whether anybody has changed the host's firewall rules since we last looked. */
#include "base/err.h"

#include <stdint.h>

struct firewall_state {
	uint32_t generation; /* of the nft ruleset: the kernel counts its transactions */
	uint32_t legacy; /* of iptables-legacy's filter table, which nft does not see; 0: none */
};
/* One netlink message and one small file, and the old table where there is one: cheap enough for
 * each start of a container. */
int firewall_state_read(struct firewall_state *ret, struct err *e);
