#pragma once
/* One netlink socket and the requests on it (libmnl), answered before the call returns. */
#include "base/err.h"

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdint.h>

struct nl {
	struct mnl_socket *socket;
	uint32_t sequence, port;
};
typedef void nl_reply(const struct nlmsghdr *, void *arg);
#define NL_INIT                                                                                    \
	{                                                                                          \
		.socket = NULL                                                                     \
	}

/* Opens a socket of family `bus` (NETLINK_ROUTE, NETLINK_NETFILTER) in this network namespace. */
int nl_open(struct nl *, int bus, struct err *e);
void nl_close(struct nl *);
#define auto_nl __attribute__((cleanup(nl_close))) struct nl

/* Makes the socket receive a multicast group's messages, too. */
int nl_join(struct nl *, int group, struct err *e);
/* Waits until a message is there, at most `timeout_ms`, and hands what came to `each`. */
int nl_wait(struct nl *, int timeout_ms, nl_reply *each, void *arg);

#define NL_REQUEST_SIZE 1024
/* Begins a message of `type` in `buffer` (NL_REQUEST_SIZE bytes); `flags` beside NLM_F_REQUEST. */
struct nlmsghdr *nl_message(void *buffer, uint16_t type, uint16_t flags);

/* Sends `h` and takes every answer up to the acknowledgement or the end of the dump; an entry of a
 * dump may come twice. Returns 0 or -errno as the kernel said it. */
int nl_request(struct nl *, struct nlmsghdr *h, nl_reply *each, void *arg);

/* Several messages in one datagram: the kernel works through them in order. */
struct nl_batch {
	char data[5 * NL_REQUEST_SIZE];
	size_t len;
};
struct nlmsghdr *nl_batch_message(struct nl_batch *, uint16_t type, uint16_t flags);
/* Counts the message begun last as finished. */
void nl_batch_add(struct nl_batch *, const struct nlmsghdr *);
/* Sends them; returns 0 or the first failure. */
int nl_batch_send(struct nl *, struct nl_batch *);

/* err_set() for a failure -r of netlink, with a hint where the reason is missing privilege. */
int nl_err(struct err *e, int r, const char *format, ...)
	__attribute__((format(printf, 3, 4), cold));
