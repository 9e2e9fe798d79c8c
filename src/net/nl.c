#include "net/nl.h"
#include "base/mem.h"

#include <assert.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

/* The kernel fills datagrams of a dump up to 32 KiB when the reader's buffer holds them. */
#define ANSWER_SIZE 32768

int nl_open(struct nl *n, int bus, struct err *e)
{
	n->socket = mnl_socket_open2(bus, SOCK_CLOEXEC);
	if (!n->socket)
		return nl_err(e, -errno, "cannot open a netlink socket");
	if (mnl_socket_bind(n->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		int r = nl_err(e, -errno, "cannot bind a netlink socket");
		nl_close(n);
		return r;
	}
	n->port = mnl_socket_get_portid(n->socket);
	n->sequence = 0;
	return 0;
}

void nl_close(struct nl *n)
{
	int keep = errno;

	if (n->socket)
		mnl_socket_close(n->socket);
	n->socket = NULL;
	errno = keep;
}

struct nlmsghdr *nl_message(void *buffer, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	return h;
}

/* Hands the messages of one datagram to `each`. 1: more are to come, 0: the end, or -errno. */
static int take_answer(
	const struct nl *n, const char *data, int len, bool *ret_torn, nl_reply *each, void *arg)
{
	const struct nlmsghdr *h = (const struct nlmsghdr *)data;

	for (; mnl_nlmsg_ok(h, len); h = mnl_nlmsg_next(h, &len)) {
		if (h->nlmsg_seq != n->sequence)
			continue;
		if (h->nlmsg_flags & NLM_F_DUMP_INTR)
			*ret_torn = true;
		if (h->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)mnl_nlmsg_get_payload(h))->error;
		if (h->nlmsg_type == NLMSG_DONE)
			return 0;
		if (h->nlmsg_type >= NLMSG_MIN_TYPE && each)
			each(h, arg);
	}
	return 1;
}

static int request_once(struct nl *n, struct nlmsghdr *h, bool *ret_torn, nl_reply *each, void *arg)
{
	char answer[ANSWER_SIZE];
	ssize_t len;
	int r = 1;

	*ret_torn = false;
	h->nlmsg_seq = ++n->sequence;
	if (mnl_socket_sendto(n->socket, h, h->nlmsg_len) < 0)
		return -errno;
	while (r > 0) {
		len = mnl_socket_recvfrom(n->socket, answer, sizeof answer);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return -errno;
		r = take_answer(n, answer, (int)len, ret_torn, each, arg);
	}
	return r;
}

int nl_request(struct nl *n, struct nlmsghdr *h, nl_reply *each, void *arg)
{
	bool torn;
	int r;

	if ((h->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		h->nlmsg_flags |= NLM_F_ACK;
	/* a table that changed while it was dumped may lack entries: the kernel says to ask again
	 */
	for (int tries = 0; tries < 16; tries++) {
		r = request_once(n, h, &torn, each, arg);
		if (r < 0 || !torn)
			return r;
	}
	return -EAGAIN;
}

int nl_join(struct nl *n, int group, struct err *e)
{
	if (mnl_socket_setsockopt(n->socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0)
		return nl_err(e, -errno, "cannot listen for changes of links");
	return 0;
}

int nl_wait(struct nl *n, int timeout_ms, nl_reply *each, void *arg)
{
	struct pollfd p = { mnl_socket_get_fd(n->socket), POLLIN, 0 };
	char answer[ANSWER_SIZE];
	const struct nlmsghdr *h = (const struct nlmsghdr *)answer;
	int r = poll(&p, 1, timeout_ms), left;

	if (r <= 0)
		return r == 0 ? -ETIMEDOUT : -errno;
	left = (int)mnl_socket_recvfrom(n->socket, answer, sizeof answer);
	if (left < 0)
		return -errno;
	for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left))
		each(h, arg);
	return 0;
}

struct nlmsghdr *nl_batch_message(struct nl_batch *b, uint16_t type, uint16_t flags)
{
	assert(b->len + NL_REQUEST_SIZE <= sizeof b->data);
	return nl_message(b->data + b->len, type, flags);
}

void nl_batch_add(struct nl_batch *b, const struct nlmsghdr *h)
{
	b->len += NLMSG_ALIGN(h->nlmsg_len);
}

int nl_batch_send(struct nl *n, struct nl_batch *b)
{
	char answer[4096];
	size_t at = 0, last = 0;
	int first = 0;

	while (at < b->len) {
		struct nlmsghdr *h = (struct nlmsghdr *)(b->data + at);
		h->nlmsg_seq = ++n->sequence;
		last = at;
		at += NLMSG_ALIGN(h->nlmsg_len);
	}
	/* failures are always answered, success only where it is asked for: one answer for all */
	((struct nlmsghdr *)(b->data + last))->nlmsg_flags |= NLM_F_ACK;
	if (mnl_socket_sendto(n->socket, b->data, b->len) < 0)
		return -errno;
	for (;;) {
		ssize_t len = mnl_socket_recvfrom(n->socket, answer, sizeof answer);
		const struct nlmsghdr *h = (const struct nlmsghdr *)answer;
		const struct nlmsgerr *said;

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return -errno;
		if (!mnl_nlmsg_ok(h, (int)len) || h->nlmsg_type != NLMSG_ERROR)
			continue;
		said = mnl_nlmsg_get_payload(h);
		if (said->error && !first)
			first = said->error;
		if (h->nlmsg_seq == n->sequence)
			return first;
	}
}

int nl_err(struct err *e, int r, const char *format, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, format);
	vsnprintf(what, sizeof what, format, ap);
	va_end(ap);
	err_set(e, -r, "%s: %s", what, strerror(-r));
	if (r == -EPERM || r == -EACCES)
		err_hint(e, "run it as root (sudo): networks need the capability CAP_NET_ADMIN");
	return r;
}
