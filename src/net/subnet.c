#include "net/subnet.h"
#include "base/mem.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <string.h>

static uint32_t mask_of(unsigned prefix)
{
	return prefix ? ~0U << (32 - prefix) : 0;
}

static bool is_unicast(uint32_t a)
{
	return a >> 24 != 0 && a >> 24 != 127 && a >> 28 < 0xe;
}

int subnet_parse(const char *text, struct subnet *ret, struct err *e)
{
	char address[INET_ADDRSTRLEN], masked[SUBNET_TEXT_SIZE];
	const char *slash = strchr(text, '/');
	struct in_addr a;
	struct subnet s;
	uint64_t prefix;

	if (!slash || (size_t)(slash - text) >= sizeof address)
		goto form;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	if (inet_pton(AF_INET, address, &a) != 1 || str_to_u64(slash + 1, 0, 32, &prefix) < 0)
		goto form;
	s.prefix = (unsigned)prefix;
	s.first = ntohl(a.s_addr) & mask_of(s.prefix);
	if (s.prefix < 16 || s.prefix > 30)
		return err_set(
			e, EINVAL, "network '%.40s' must have a length from /16 to /30", text);
	if (!is_unicast(s.first))
		return err_set(e, EINVAL, "network '%.40s' is not one that hosts can have", text);
	if (s.first != ntohl(a.s_addr)) {
		subnet_format(&s, masked);
		err_set(e, EINVAL, "network '%.40s' has bits set after its length", text);
		return err_hint(e, "--subnet %s", masked);
	}
	*ret = s;
	return 0;
form:
	err_set(e, EINVAL, "'%.40s' is not an IPv4 network", text);
	return err_hint(e, "an address and a length, like --subnet 10.200.4.0/22");
}

void subnet_format(const struct subnet *s, char ret[SUBNET_TEXT_SIZE])
{
	snprintf(ret, SUBNET_TEXT_SIZE, "%u.%u.%u.%u/%u", s->first >> 24, s->first >> 16 & 255,
		s->first >> 8 & 255, s->first & 255, s->prefix & 63);
}

bool subnet_overlaps(const struct subnet *a, const struct subnet *b)
{
	uint32_t mask = mask_of(a->prefix < b->prefix ? a->prefix : b->prefix);

	return (a->first & mask) == (b->first & mask);
}

uint32_t subnet_hosts(const struct subnet *s)
{
	return (1U << (32 - s->prefix)) - 3; /* network, gateway and broadcast are not for them */
}

struct in_addr subnet_host(const struct subnet *s, uint32_t n)
{
	return (struct in_addr){ htonl(s->first + 2 + n) };
}

uint32_t subnet_host_number(const struct subnet *s, struct in_addr a)
{
	return ntohl(a.s_addr) - s->first - 2;
}

bool subnet_has_host(const struct subnet *s, struct in_addr a)
{
	return subnet_host_number(s, a) < subnet_hosts(s);
}

bool subnet_is_usable(const struct subnet *s, struct in_addr a)
{
	uint32_t n = ntohl(a.s_addr) - s->first;

	return n > 0 && n < (1U << (32 - s->prefix)) - 1;
}

struct in_addr subnet_gateway(const struct subnet *s)
{
	return (struct in_addr){ htonl(s->first + 1) };
}

bool subnet_candidate(uint32_t seed, unsigned n, struct subnet *ret)
{
	static const struct subnet pools[] = {
		{ 10U << 24 | 200 << 16, 13 },
		{ 172U << 24 | 24 << 16, 14 },
		{ 192U << 24 | 168 << 16 | 192 << 8, 18 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(pools); i++) {
		unsigned count = 1U << (22 - pools[i].prefix);
		if (n < count) {
			ret->first = pools[i].first + ((seed + n) % count << 10);
			ret->prefix = 22;
			return true;
		}
		n -= count;
	}
	return false;
}

uint64_t subnet_hash(const char *text)
{
	uint64_t h = 0xcbf29ce484222325;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3;
	return h;
}
