#include "net/elements.h"
#include "base/mem.h"
#include "net/nl.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <sys/socket.h>

#define MESSAGE_SPACE 512 /* of one element; it needs less than 300 */
#define FAMILY_INET   1   /* NFPROTO_INET */

struct batch {
	struct mnl_nlmsg_batch *messages;
	char *buffer;
	uint32_t sequence;
	size_t n; /* messages that are acknowledged */
};

static struct nlmsghdr *begin(
	struct batch *b, uint16_t type, uint16_t flags, uint8_t family, uint16_t resource)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(mnl_nlmsg_batch_current(b->messages));
	struct nfgenmsg *m;

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = b->sequence++;
	m = mnl_nlmsg_put_extra_header(h, sizeof *m);
	m->nfgen_family = family;
	m->version = NFNETLINK_V0;
	m->res_id = htons(resource);
	return h;
}

static void put_value(struct nlmsghdr *h, uint16_t type, const void *data, size_t len)
{
	struct nlattr *nest = mnl_attr_nest_start(h, type);

	mnl_attr_put(h, NFTA_DATA_VALUE, len, data);
	mnl_attr_nest_end(h, nest);
}

/* Each part of a concatenation begins at a multiple of four bytes (NFT_REG32_SIZE). */
static void put_element(struct nlmsghdr *h, const struct element *el, bool with_data)
{
	uint16_t port = htons(el->port.host_port), inside = htons(el->port.container_port);
	bool at = el->port.host_address.s_addr;
	unsigned char key[12] = { 0 }, data[8] = { 0 }, comment[66], *k = key;
	struct nlattr *list, *entry;
	size_t len = strnlen(el->comment, 63);

	if (at) {
		memcpy(k, &el->port.host_address.s_addr, 4);
		k += 4;
	}
	*k = el->port.protocol;
	memcpy(k + 4, &port, 2);
	k += 8;
	memcpy(data, &el->address.s_addr, 4);
	memcpy(data + 4, &inside, 2);
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_TABLE, el->table);
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET, at ? "published_at" : "published");
	list = mnl_attr_nest_start(h, NFTA_SET_ELEM_LIST_ELEMENTS);
	entry = mnl_attr_nest_start(h, NFTA_LIST_ELEM);
	put_value(h, NFTA_SET_ELEM_KEY, key, (size_t)(k - key));
	if (with_data) {
		put_value(h, NFTA_SET_ELEM_DATA, data, sizeof data);
		comment[0] = 0; /* as nft(8) keeps a comment: type, length, text with its NUL */
		comment[1] = (unsigned char)(len + 1);
		memcpy(comment + 2, el->comment, len);
		comment[2 + len] = '\0';
		mnl_attr_put(h, NFTA_SET_ELEM_USERDATA, len + 3, comment);
	}
	mnl_attr_nest_end(h, entry);
	mnl_attr_nest_end(h, list);
}

/* Sends it and takes the answers. 0, or the first failure. */
static int send_batch(struct batch *b, struct err *e)
{
	char answer[16384];
	auto_nl n = NL_INIT;
	size_t left = b->n;
	int r = nl_open(&n, NETLINK_NETFILTER, e), size = 4 << 20;

	if (r < 0)
		return r;
	setsockopt(mnl_socket_get_fd(n.socket), SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
	setsockopt(mnl_socket_get_fd(n.socket), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
	if (mnl_socket_sendto(n.socket, mnl_nlmsg_batch_head(b->messages),
		    mnl_nlmsg_batch_size(b->messages)) < 0)
		return -errno;
	while (left > 0) {
		ssize_t len = mnl_socket_recvfrom(n.socket, answer, sizeof answer);
		struct nlmsghdr *h = (struct nlmsghdr *)answer;
		int rest = (int)len;
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return -errno;
		for (; mnl_nlmsg_ok(h, rest); h = mnl_nlmsg_next(h, &rest)) {
			const struct nlmsgerr *answer_of = mnl_nlmsg_get_payload(h);
			if (h->nlmsg_type != NLMSG_ERROR)
				continue;
			if (answer_of->error)
				return answer_of->error;
			left -= left > 0;
		}
	}
	return 0;
}

/* One transaction. 0 or -errno as the kernel said it. */
static int run(const struct element *v, size_t n, uint16_t type, uint16_t flags, struct err *e)
{
	size_t space = (n + 2) * MESSAGE_SPACE;
	struct batch b = { .sequence = 1, .n = n };
	struct nlmsghdr *h;
	int r;

	b.buffer = xcalloc(2, space);
	b.messages = mnl_nlmsg_batch_start(b.buffer, space);
	begin(&b, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	mnl_nlmsg_batch_next(b.messages);
	for (size_t i = 0; i < n; i++) {
		h = begin(&b, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags | NLM_F_ACK,
			FAMILY_INET, 0);
		put_element(h, &v[i], type == NFT_MSG_NEWSETELEM);
		mnl_nlmsg_batch_next(b.messages);
	}
	begin(&b, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	mnl_nlmsg_batch_next(b.messages);
	r = send_batch(&b, e);
	mnl_nlmsg_batch_stop(b.messages);
	free(b.buffer);
	return r;
}

int elements_add(const struct element *v, size_t n, struct err *e)
{
	int r = n ? run(v, n, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, e) : 0;

	if (r == -EEXIST)
		return err_set(e, EEXIST, "a port is published by another container");
	return r < 0 ? nl_err(e, r, "cannot publish ports") : 0;
}

int elements_remove(const struct element *v, size_t n, struct err *e)
{
	int r = n ? run(v, n, NFT_MSG_DELSETELEM, 0, e) : 0;

	if (r != -ENOENT)
		return r < 0 ? nl_err(e, r, "cannot take published ports back") : 0;
	/* somebody has removed one of them before us: then each for itself */
	for (size_t i = 0; n > 1 && i < n; i++) {
		r = run(&v[i], 1, NFT_MSG_DELSETELEM, 0, e);
		if (r < 0 && r != -ENOENT)
			return nl_err(e, r, "cannot take published ports back");
	}
	return 0;
}
