#include "net/generation.h"
#include "base/fs.h"
#include "base/mem.h"
#include "net/nl.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <string.h>
#include <sys/socket.h>

#define LEGACY_MAX (64 << 20)

static void take_generation(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *a;

	if (h->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN))
		return;
	mnl_attr_for_each(a, h, sizeof(struct nfgenmsg)) if (mnl_attr_get_type(a) == NFTA_GEN_ID) *
		(uint32_t *)arg = ntohl(mnl_attr_get_u32(a));
}

/* True if table `filter` exists in the old iptables; asking iptables itself would create it. */
static bool legacy_filter_in_use(void)
{
	char names[256];
	auto_close int fd = open("/proc/net/ip_tables_names", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : fs_read_full(fd, names, sizeof names - 1);

	if (n <= 0)
		return false;
	names[n] = '\0';
	for (const char *p = names; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, "filter\n", 7) == 0)
			return true;
	}
	return false;
}

/* The old table counts no changes: what tells them is a hash of its rules, without their counters.
 * (Not read at once with its size: another program may have changed it in between; then it is seen
 * to have changed, which is true.) */
static uint32_t legacy_fingerprint(void)
{
	struct ipt_getinfo info = { .name = "filter" };
	auto_close int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	auto_free struct ipt_get_entries *got = NULL;
	socklen_t size = sizeof info;
	uint32_t hash = 2166136261U; /* FNV-1a */

	if (fd < 0 || getsockopt(fd, IPPROTO_IP, IPT_SO_GET_INFO, &info, &size) < 0 ||
		info.size > LEGACY_MAX)
		return 1;
	got = xcalloc(1, sizeof *got + info.size);
	memcpy(got->name, info.name, sizeof got->name);
	got->size = info.size;
	size = (socklen_t)(sizeof *got + info.size);
	if (getsockopt(fd, IPPROTO_IP, IPT_SO_GET_ENTRIES, got, &size) < 0)
		return 1;
	for (unsigned at = 0; at + sizeof(struct ipt_entry) <= info.size;) {
		struct ipt_entry *entry = (void *)((char *)got->entrytable + at);
		if (entry->next_offset < sizeof *entry || entry->next_offset > info.size - at)
			break;
		memset(&entry->counters, 0, sizeof entry->counters);
		at += entry->next_offset;
	}
	for (unsigned i = 0; i < info.size; i++)
		hash = (hash ^ ((unsigned char *)got->entrytable)[i]) * 16777619U;
	return hash ? hash : 1;
}

int firewall_state_read(struct firewall_state *ret, struct err *e)
{
	char buffer[NL_REQUEST_SIZE];
	auto_nl n = NL_INIT;
	struct nlmsghdr *h = nl_message(buffer, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN, 0);
	struct nfgenmsg *m = mnl_nlmsg_put_extra_header(h, sizeof *m);
	uint32_t generation = 0;
	int r;

	m->nfgen_family = AF_UNSPEC;
	m->version = NFNETLINK_V0;
	r = nl_open(&n, NETLINK_NETFILTER, e);
	if (r < 0)
		return r;
	r = nl_request(&n, h, take_generation, &generation);
	if (r < 0) {
		nl_err(e, r, "cannot read the state of nftables");
		return r == -EPERM ? r
				   : err_hint(e, "the kernel needs nf_tables: modprobe nf_tables");
	}
	ret->generation = generation;
	ret->legacy = legacy_filter_in_use() ? legacy_fingerprint() : 0;
	return 0;
}
