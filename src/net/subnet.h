#pragma once
/* An IPv4 network: parsing, overlap, and the choice of one that is free. */
#include "base/err.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct subnet {
	uint32_t first; /* network address, in host order */
	unsigned prefix;
};
#define SUBNET_TEXT_SIZE 19 /* "255.255.255.255/32" */

/* Parses "a.b.c.d/len" of a network that can be a bridge's: a unicast range, 2 to 65534 hosts,
 * no bits set after the prefix. */
int subnet_parse(const char *text, struct subnet *ret, struct err *e);
void subnet_format(const struct subnet *, char ret[SUBNET_TEXT_SIZE]);
bool subnet_overlaps(const struct subnet *, const struct subnet *);
bool subnet_has_host(const struct subnet *, struct in_addr); /* neither gateway nor broadcast */
/* Neither the network's own address nor broadcast: a container's or a gateway's. */
bool subnet_is_usable(const struct subnet *, struct in_addr);
/* How many addresses containers can have, and the nth of them (0 is the second of the network). */
uint32_t subnet_hosts(const struct subnet *);
struct in_addr subnet_host(const struct subnet *, uint32_t n);
uint32_t subnet_host_number(const struct subnet *, struct in_addr);
struct in_addr subnet_gateway(const struct subnet *);

/* The networks a bridge may be given when nobody says which: /22 ranges of 10.200.0.0/13, then of
 * 172.24.0.0/14, then of 192.168.192.0/18. `seed` says where in each range the search begins; `n`
 * counts from 0; false after the last. */
bool subnet_candidate(uint32_t seed, unsigned n, struct subnet *ret);
/* FNV-1a, for seeds and for names that only have to be stable. */
uint64_t subnet_hash(const char *text);
