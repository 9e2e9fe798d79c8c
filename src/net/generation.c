#include "net/generation.h"
#include "base/fs.h"
#include "base/mem.h"
#include "net/nl.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

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
	ret->legacy = legacy_filter_in_use();
	return 0;
}
