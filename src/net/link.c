#include "net/link.h"
#include "base/mem.h"
#include "base/time.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sched.h>
#include <string.h>

#define LOOPBACK_INDEX 1 /* of lo in every network namespace: the kernel registers it first */

static struct ifinfomsg *put_link(struct nlmsghdr *h, int index, unsigned flags)
{
	struct ifinfomsg *i = mnl_nlmsg_put_extra_header(h, sizeof *i);

	i->ifi_family = AF_UNSPEC;
	i->ifi_index = index;
	i->ifi_flags = i->ifi_change = flags;
	return i;
}

static void parse_kind(const struct nlattr *info, struct link_info *l)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, info) if (mnl_attr_get_type(a) == IFLA_INFO_KIND) l->bridge =
		strcmp(mnl_attr_get_str(a), "bridge") == 0;
}

static void parse_link(const struct nlmsghdr *h, struct link_info *l)
{
	const struct ifinfomsg *i = mnl_nlmsg_get_payload(h);
	const struct nlattr *a;

	memset(l, 0, sizeof *l);
	l->index = i->ifi_index;
	l->up = i->ifi_flags & IFF_UP;
	mnl_attr_for_each(a, h, sizeof *i)
	{
		switch (mnl_attr_get_type(a)) {
		case IFLA_IFNAME:
			snprintf(l->name, sizeof l->name, "%s", mnl_attr_get_str(a));
			break;
		case IFLA_IFALIAS:
			snprintf(l->alias, sizeof l->alias, "%s", mnl_attr_get_str(a));
			break;
		case IFLA_ADDRESS:
			if (mnl_attr_get_payload_len(a) == LINK_MAC_SIZE)
				memcpy(l->mac, mnl_attr_get_payload(a), LINK_MAC_SIZE);
			break;
		case IFLA_OPERSTATE:
			l->operational = mnl_attr_get_u8(a) == IF_OPER_UP;
			break;
		case IFLA_LINKINFO:
			parse_kind(a, l);
			break;
		}
	}
}

static void take_link(const struct nlmsghdr *h, void *arg)
{
	if (h->nlmsg_type == RTM_NEWLINK)
		parse_link(h, arg);
}

int link_find(struct nl *n, const char *name, struct link_info *ret, struct err *e)
{
	char buffer[NL_REQUEST_SIZE];
	struct nlmsghdr *h = nl_message(buffer, RTM_GETLINK, 0);
	struct link_info l = { 0 };
	int r;

	put_link(h, 0, 0);
	mnl_attr_put_strz(h, IFLA_IFNAME, name);
	r = nl_request(n, h, take_link, &l);
	if (r == -ENODEV)
		return r;
	if (r < 0)
		return nl_err(e, r, "cannot look up link '%s'", name);
	*ret = l;
	return 0;
}

struct list_links {
	void (*each)(void *arg, const struct link_info *);
	void *arg;
};

static void list_one_link(const struct nlmsghdr *h, void *arg)
{
	const struct list_links *list = arg;
	struct link_info l;

	if (h->nlmsg_type != RTM_NEWLINK)
		return;
	parse_link(h, &l);
	list->each(list->arg, &l);
}

int link_list(
	struct nl *n, void (*each)(void *arg, const struct link_info *), void *arg, struct err *e)
{
	char buffer[NL_REQUEST_SIZE];
	struct nlmsghdr *h = nl_message(buffer, RTM_GETLINK, NLM_F_DUMP);
	struct list_links list = { each, arg };
	int r;

	put_link(h, 0, 0);
	r = nl_request(n, h, list_one_link, &list);
	if (r < 0)
		return nl_err(e, r, "cannot list the links");
	return 0;
}

int link_make_bridge(struct nl *n, const char *name, const char *alias,
	const unsigned char mac[LINK_MAC_SIZE], struct err *e)
{
	char buffer[NL_REQUEST_SIZE];
	struct nlmsghdr *h = nl_message(buffer, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	struct nlattr *info, *data;
	int r;

	put_link(h, 0, 0);
	mnl_attr_put_strz(h, IFLA_IFNAME, name);
	mnl_attr_put(h, IFLA_ADDRESS, LINK_MAC_SIZE, mac);
	info = mnl_attr_nest_start(h, IFLA_LINKINFO);
	mnl_attr_put_strz(h, IFLA_INFO_KIND, "bridge");
	data = mnl_attr_nest_start(h, IFLA_INFO_DATA);
	mnl_attr_put_u32(h, IFLA_BR_STP_STATE, 0);
	mnl_attr_put_u32(h, IFLA_BR_FORWARD_DELAY, 0);
	mnl_attr_nest_end(h, data);
	mnl_attr_nest_end(h, info);
	r = nl_request(n, h, NULL, NULL);
	if (r < 0)
		return nl_err(e, r, "cannot make bridge '%s'", name);
	/* a message of its own: creating a link ignores an alias */
	h = nl_message(buffer, RTM_NEWLINK, 0);
	put_link(h, 0, 0);
	mnl_attr_put_strz(h, IFLA_IFNAME, name);
	mnl_attr_put_strz(h, IFLA_IFALIAS, alias);
	r = nl_request(n, h, NULL, NULL);
	if (r < 0)
		return nl_err(e, r, "cannot label bridge '%s'", name);
	return 0;
}

int link_set_up(struct nl *n, int index, struct err *e)
{
	char buffer[NL_REQUEST_SIZE];
	struct nlmsghdr *h = nl_message(buffer, RTM_NEWLINK, 0);
	int r;

	put_link(h, index, IFF_UP);
	r = nl_request(n, h, NULL, NULL);
	if (r < 0)
		return nl_err(e, r, "cannot bring link %d up", index);
	return 0;
}

int link_set_master(struct nl *n, const char *name, int master, struct err *e)
{
	char buffer[NL_REQUEST_SIZE];
	struct nlmsghdr *h = nl_message(buffer, RTM_NEWLINK, 0);
	int r;

	put_link(h, 0, 0);
	mnl_attr_put_strz(h, IFLA_IFNAME, name);
	mnl_attr_put_u32(h, IFLA_MASTER, (uint32_t)master);
	r = nl_request(n, h, NULL, NULL);
	if (r < 0 && r != -ENODEV)
		return nl_err(e, r, "cannot connect link '%s' to its bridge", name);
	return r;
}

int link_delete(struct nl *n, const char *name, struct err *e)
{
	char buffer[NL_REQUEST_SIZE];
	struct nlmsghdr *h = nl_message(buffer, RTM_DELLINK, 0);
	int r;

	put_link(h, 0, 0);
	mnl_attr_put_strz(h, IFLA_IFNAME, name);
	r = nl_request(n, h, NULL, NULL);
	if (r < 0 && r != -ENODEV)
		return nl_err(e, r, "cannot remove link '%s'", name);
	return 0;
}

static void put_address(struct nlmsghdr *h, int index, const struct subnet *s, struct in_addr a)
{
	struct ifaddrmsg *m = mnl_nlmsg_put_extra_header(h, sizeof *m);
	uint32_t broadcast = htonl(s->first | ~(~0U << (32 - s->prefix)));

	m->ifa_family = AF_INET;
	m->ifa_prefixlen = (unsigned char)s->prefix;
	m->ifa_scope = RT_SCOPE_UNIVERSE;
	m->ifa_index = (uint32_t)index;
	mnl_attr_put_u32(h, IFA_LOCAL, a.s_addr);
	mnl_attr_put_u32(h, IFA_ADDRESS, a.s_addr);
	mnl_attr_put_u32(h, IFA_BROADCAST, broadcast);
}

int link_add_address(
	struct nl *n, int index, const struct subnet *s, struct in_addr a, struct err *e)
{
	char buffer[NL_REQUEST_SIZE], text[SUBNET_TEXT_SIZE];
	struct nlmsghdr *h = nl_message(buffer, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
	int r;

	put_address(h, index, s, a);
	r = nl_request(n, h, NULL, NULL);
	if (r < 0 && r != -EEXIST) {
		subnet_format(s, text);
		return nl_err(e, r, "cannot give the bridge an address of '%s'", text);
	}
	return 0;
}

int link_make_veth(struct nl *n, const char *name, int master, const char *peer_name, int netns_fd,
	const unsigned char mac[LINK_MAC_SIZE])
{
	char buffer[NL_REQUEST_SIZE];
	struct nlmsghdr *h = nl_message(buffer, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	struct nlattr *info, *data, *peer;

	put_link(h, 0, IFF_UP);
	mnl_attr_put_strz(h, IFLA_IFNAME, name);
	mnl_attr_put_u32(h, IFLA_MASTER, (uint32_t)master);
	info = mnl_attr_nest_start(h, IFLA_LINKINFO);
	mnl_attr_put_strz(h, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(h, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(h, VETH_INFO_PEER);
	put_link(h, 0, 0); /* made first, it cannot come up without the other (ENOTCONN) */
	mnl_attr_put_strz(h, IFLA_IFNAME, peer_name);
	mnl_attr_put_u32(h, IFLA_NET_NS_FD, (uint32_t)netns_fd);
	mnl_attr_put(h, IFLA_ADDRESS, LINK_MAC_SIZE, mac);
	mnl_attr_nest_end(h, peer);
	mnl_attr_nest_end(h, data);
	mnl_attr_nest_end(h, info);
	return nl_request(n, h, NULL, NULL);
}

struct wait_for {
	int index;
	bool operational;
};

static void look_at_news(const struct nlmsghdr *h, void *arg)
{
	struct wait_for *w = arg;
	struct link_info l;

	if (h->nlmsg_type != RTM_NEWLINK)
		return;
	parse_link(h, &l);
	w->operational |= l.index == w->index && l.operational;
}

/*
 * The end of a veth pair that came up first drops what it is given until the kernel's link watch
 * has run, in a worker that may have to wait for other changes to links: a connection made at once
 * would lose its first packet and begin a second later.  From Linux 6.8 on the mere question
 * settles it (linkwatch_sync_dev() in rtnl_getlink()); before that we wait for the news.
 */
int link_wait_operational(struct nl *n, const char *name, struct err *e)
{
	const int64_t deadline = time_monotonic() + 2000000000;
	auto_nl news = NL_INIT;
	struct wait_for w = { 0 };
	struct link_info l;
	int r = link_find(n, name, &l, e);

	if (r < 0 || l.operational)
		return r == -ENODEV ? nl_err(e, r, "cannot find link '%s'", name) : r;
	if ((r = nl_open(&news, NETLINK_ROUTE, e)) < 0 || (r = nl_join(&news, RTNLGRP_LINK, e)) < 0)
		return r;
	r = link_find(n, name, &l, e); /* it may have happened before we listened */
	if (r < 0 || l.operational)
		return r == -ENODEV ? nl_err(e, r, "cannot find link '%s'", name) : r;
	w.index = l.index;
	while (!w.operational) {
		int64_t left = deadline - time_monotonic();
		if (left <= 0)
			break; /* late, not broken: the packets of the first second are at stake */
		r = nl_wait(&news, (int)(left / 1000000) + 1, look_at_news, &w);
		if (r < 0 && r != -EINTR && r != -ENOBUFS && r != -ETIMEDOUT)
			return nl_err(e, r, "cannot wait for link '%s'", name);
	}
	return 0;
}

static void put_default_route(struct nlmsghdr *h, int index, struct in_addr gateway)
{
	struct rtmsg *route = mnl_nlmsg_put_extra_header(h, sizeof *route);

	route->rtm_family = AF_INET;
	route->rtm_table = RT_TABLE_MAIN;
	route->rtm_protocol = RTPROT_BOOT;
	route->rtm_scope = RT_SCOPE_UNIVERSE;
	route->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(h, RTA_GATEWAY, gateway.s_addr);
	mnl_attr_put_u32(h, RTA_OIF, (uint32_t)index);
}

static int configure_here(const void *arg, struct err *e)
{
	const struct link_setup *s = arg;
	auto_nl n = NL_INIT;
	struct nl_batch b;
	struct nlmsghdr *h;
	int r = nl_open(&n, NETLINK_ROUTE, e);

	if (r < 0)
		return r;
	b.len = 0;
	h = nl_batch_message(&b, RTM_NEWLINK, 0);
	put_link(h, LOOPBACK_INDEX, IFF_UP);
	nl_batch_add(&b, h);
	if (s->interface) {
		int index = (int)if_nametoindex(s->interface);
		if (!index)
			return err_errno(e, "cannot find link '%s'", s->interface);
		h = nl_batch_message(&b, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
		put_address(h, index, &s->subnet, s->address);
		nl_batch_add(&b, h);
		h = nl_batch_message(&b, RTM_NEWLINK, 0);
		put_link(h, index, IFF_UP);
		nl_batch_add(&b, h);
		if (s->gateway.s_addr) {
			h = nl_batch_message(&b, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
			put_default_route(h, index, s->gateway);
			nl_batch_add(&b, h);
		}
	}
	r = nl_batch_send(&n, &b);
	if (r < 0)
		return nl_err(e, r, "cannot set up the links of a network namespace");
	return 0;
}

struct inside {
	const char *name;
	struct in_addr gateway;
};

static int remove_here(const void *arg, struct err *e)
{
	const struct inside *inside = arg;
	auto_nl n = NL_INIT;
	int r = nl_open(&n, NETLINK_ROUTE, e);

	return r < 0 ? r : link_delete(&n, inside->name, e);
}

static int route_here(const void *arg, struct err *e)
{
	const struct inside *inside = arg;
	char buffer[NL_REQUEST_SIZE];
	auto_nl n = NL_INIT;
	struct nlmsghdr *h = nl_message(buffer, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
	int index = (int)if_nametoindex(inside->name), r;

	if (!index)
		return 0;
	put_default_route(h, index, inside->gateway);
	r = nl_open(&n, NETLINK_ROUTE, e);
	if (r == 0)
		r = nl_request(&n, h, NULL, NULL);
	return r < 0 && r != -EEXIST ? nl_err(e, r, "cannot set a default route") : 0;
}

static int do_inside(
	int netns_fd, int (*work)(const void *, struct err *), const void *arg, struct err *e)
{
	auto_close int ours = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int r;

	if (ours < 0)
		return err_errno(e, "cannot open the network namespace");
	if (setns(netns_fd, CLONE_NEWNET) < 0)
		return nl_err(e, -errno, "cannot enter the container's network namespace");
	r = work(arg, e);
	/* a process that stays in a container's namespace would do its next step to the wrong host
	 */
	if (setns(ours, CLONE_NEWNET) < 0)
		abort();
	return r;
}

int link_configure(int netns_fd, const struct link_setup *s, struct err *e)
{
	return do_inside(netns_fd, configure_here, s, e);
}

int link_remove_inside(int netns_fd, const char *name, struct err *e)
{
	return do_inside(netns_fd, remove_here, &(struct inside){ .name = name }, e);
}

int link_route_inside(int netns_fd, const char *name, struct in_addr gateway, struct err *e)
{
	return do_inside(netns_fd, route_here, &(struct inside){ name, gateway }, e);
}

int link_set_hairpin(struct nl *n, const char *name, struct err *e)
{
	char buffer[NL_REQUEST_SIZE];
	struct nlmsghdr *h = nl_message(buffer, RTM_SETLINK, 0);
	struct ifinfomsg *i = put_link(h, (int)if_nametoindex(name), 0);
	struct nlattr *port;
	int r;

	i->ifi_family = AF_BRIDGE;
	port = mnl_attr_nest_start(h, IFLA_PROTINFO);
	mnl_attr_put_u8(h, IFLA_BRPORT_MODE, 1);
	mnl_attr_nest_end(h, port);
	r = nl_request(n, h, NULL, NULL);
	if (r < 0)
		return nl_err(e, r, "cannot let container's port '%s' answer itself", name);
	return 0;
}

struct list_routes {
	void (*each)(void *arg, const struct subnet *, int index);
	void *arg;
};

static void list_one_route(const struct nlmsghdr *h, void *arg)
{
	const struct list_routes *list = arg;
	const struct rtmsg *m = mnl_nlmsg_get_payload(h);
	struct subnet s = { 0, m->rtm_dst_len };
	const struct nlattr *a;
	int index = 0;

	/* a /0, or the halves and quarters that VPNs split it into, is a default route */
	if (h->nlmsg_type != RTM_NEWROUTE || m->rtm_family != AF_INET || m->rtm_dst_len < 8)
		return;
	mnl_attr_for_each(a, h, sizeof *m)
	{
		if (mnl_attr_get_type(a) == RTA_DST && mnl_attr_get_payload_len(a) == 4)
			s.first = ntohl(mnl_attr_get_u32(a));
		if (mnl_attr_get_type(a) == RTA_OIF)
			index = (int)mnl_attr_get_u32(a);
	}
	list->each(list->arg, &s, index);
}

int link_routes(struct nl *n, void (*each)(void *arg, const struct subnet *, int index), void *arg,
	struct err *e)
{
	char buffer[NL_REQUEST_SIZE];
	struct nlmsghdr *h = nl_message(buffer, RTM_GETROUTE, NLM_F_DUMP);
	struct rtmsg *m = mnl_nlmsg_put_extra_header(h, sizeof *m);
	struct list_routes list = { each, arg };
	int r;

	m->rtm_family = AF_INET;
	r = nl_request(n, h, list_one_route, &list);
	if (r < 0)
		return nl_err(e, r, "cannot list the routes");
	return 0;
}
