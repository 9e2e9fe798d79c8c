/*
 * Published ports and networks beside each other, against the kernel.  Here is a host with two
 * uplinks of its own; "near" is a neighbour on the first, which sends whatever it likes.  Needs
 * root, nft(8) and ip(8).
 */
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "net/generation.h"
#include "net/link.h"
#include "net/net.h"
#include "net/port.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
/* after the above, on which it depends */
#include <cmocka.h>

#define BRIDGE "rdtestp"
#define INSIDE 4711 /* the port that containers listen on */

struct host {
	char path[40];
	int root_fd, run_fd, netns, near;
	struct net *net;
};

struct container {
	char id[65];
	struct net *net;
	int netns;
	struct net_address address;
};

static struct err problem;

#define OK(call)                                                                                   \
	do {                                                                                       \
		problem = (struct err){ 0 };                                                       \
		if ((call) < 0)                                                                    \
			fail_msg("%s: %s (%s)", #call, problem.text, problem.hint);                \
	} while (0)

static int current_netns(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void enter(int netns)
{
	assert_int_equal(setns(netns, CLONE_NEWNET), 0);
}

static int new_netns(void)
{
	auto_close int before = current_netns();
	int fd;

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	fd = current_netns();
	enter(before);
	return fd;
}

static int shell(const char *command, struct str *out)
{
	char *argv[] = { "sh", "-c", (char *)command, NULL };
	struct err e = { 0 };

	return proc_run(argv, out, &e);
}

static void must(const char *command)
{
	if (shell(command, NULL) != 0)
		fail_msg("failed: %s", command);
}

static char *output(const char *command)
{
	struct str out = STR_INIT(1 << 20);

	assert_int_equal(shell(command, &out), 0);
	return str_take(&out);
}

static bool prints(const char *command, const char *text)
{
	auto_free char *out = output(command);

	return strstr(out, text);
}

/* here (192.0.2.1) --- near (192.0.2.2) */
static void make_near(struct host *h)
{
	auto_close int before = current_netns();

	h->near = new_netns();
	must("ip link add up0 type veth peer name up1");
	{
		auto_free char *move =
			xasprintf("ip link set up1 netns /proc/%d/fd/%d", (int)getpid(), h->near);
		must(move);
	}
	must("ip link set up0 up && ip addr add 192.0.2.1/24 dev up0 && ip route add default via "
	     "192.0.2.2");
	enter(h->near);
	must("ip link set lo up && ip link set up1 up && ip addr add 192.0.2.2/24 dev up1");
	enter(before);
}

static int start(void **state)
{
	struct host *h = xcalloc(1, sizeof *h);
	struct net_options o;

	h->netns = new_netns();
	enter(h->netns);
	must("ip link set lo up");
	snprintf(h->path, sizeof h->path, "/tmp/redock-net-XXXXXX");
	assert_non_null(mkdtemp(h->path));
	OK(h->root_fd = fs_open_dir_make(AT_FDCWD, h->path, 0700, &problem));
	OK(h->run_fd = fs_open_dir_make(h->root_fd, "run", 0700, &problem));
	o = (struct net_options){ h->root_fd, h->run_fd, BRIDGE, NULL };
	OK(net_open(&o, &h->net, &problem));
	make_near(h);
	*state = h;
	return 0;
}

static int finish(void **state)
{
	struct host *h = *state;
	struct err e = { 0 };

	net_close(h->net);
	close(h->root_fd), close(h->run_fd), close(h->netns), close(h->near);
	fs_remove_tree(AT_FDCWD, h->path, &e);
	free(h);
	return 0;
}

static struct container make_container(struct net *net, unsigned n)
{
	struct container c = { .net = net, .netns = new_netns() };

	snprintf(c.id, sizeof c.id, "%012x%052x", n + 0xabc000, n);
	OK(net_claim(net, c.id, (struct in_addr){ 0 }, &c.address, &problem));
	OK(net_attach(net, c.id, &c.address, c.netns, &problem));
	return c;
}

static void end_container(struct container *c)
{
	OK(net_unpublish(c->net, c->id, &problem));
	OK(net_detach(c->net, c->id, &problem));
	OK(net_release(c->net, c->id, c->address.address, &problem));
	close_fd(&c->netns);
}

static void publish(struct container *c, uint8_t protocol, const char *address, uint16_t port)
{
	struct net_port p = { protocol, { inet_addr(address) }, port, INSIDE };

	OK(net_publish(c->net, c->id, c->address.address, &p, 1, &problem));
}

static int socket_in(int netns, int type)
{
	auto_close int before = current_netns();
	int fd;

	enter(netns);
	fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	enter(before);
	assert_true(fd >= 0);
	return fd;
}

static struct sockaddr_in at(const char *address, uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = { inet_addr(address) }
	};
}

/* Says something from `from` to address:port, while container `c` listens; who that seems to come
 * from, as text in *ret, "" when nothing came; and that an answer came back is part of it. */
static char *say(int from, int type, const char *address, uint16_t port, const struct container *c)
{
	static char text[INET_ADDRSTRLEN];
	struct sockaddr_in to = at(address, port), own = at("0.0.0.0", INSIDE), seen = { 0 };
	auto_close int server = socket_in(c->netns, type), client = socket_in(from, type),
		       peer = -1;
	struct timeval limit = { .tv_usec = 300000 };
	socklen_t len = sizeof seen;
	char word[8] = "";
	int on = 1;

	*text = '\0';
	setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	assert_int_equal(bind(server, (struct sockaddr *)&own, sizeof own), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(server, 8), 0);
	if (connect(client, (struct sockaddr *)&to, sizeof to) < 0)
		return text;
	if (type == SOCK_STREAM) {
		peer = accept4(server, (struct sockaddr *)&seen, &len, SOCK_CLOEXEC);
		if (peer < 0)
			return text; /* somebody else has answered */
	} else {
		assert_int_equal(send(client, "ask", 3, 0), 3);
		if (recvfrom(server, word, sizeof word, 0, (struct sockaddr *)&seen, &len) != 3)
			return text;
		sendto(server, "yes", 3, 0, (struct sockaddr *)&seen, len);
		assert_int_equal(recv(client, word, sizeof word, 0), 3);
	}
	inet_ntop(AF_INET, &seen.sin_addr, text, sizeof text);
	return text;
}

#define says(...)       assert_string_not_equal(say(__VA_ARGS__), "")
#define cannot_say(...) assert_string_equal(say(__VA_ARGS__), "")

static void a_port_is_reached_from_everywhere(void **state)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM };
	struct host *h = *state;
	struct container c = make_container(h->net, 1), other = make_container(h->net, 2);
	char gateway[INET_ADDRSTRLEN], own[INET_ADDRSTRLEN];

	publish(&c, IPPROTO_TCP, "0.0.0.0", 8080);
	end_container(&c); /* and once more, with two at once */
	c = make_container(h->net, 1);
	OK(net_publish(h->net, c.id, c.address.address,
		(struct net_port[]){ { IPPROTO_TCP, { 0 }, 8080, INSIDE },
			{ IPPROTO_UDP, { 0 }, 8080, INSIDE } },
		2, &problem));
	inet_ntop(AF_INET, &c.address.gateway, gateway, sizeof gateway);
	inet_ntop(AF_INET, &c.address.address, own, sizeof own);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		/* the true client */
		assert_string_equal(say(h->near, types[i], "192.0.2.1", 8080, &c), "192.0.2.2");
		says(h->netns, types[i], "127.0.0.1", 8080, &c);
		says(h->netns, types[i], "192.0.2.1", 8080, &c);
		says(h->netns, types[i], gateway, 8080, &c);
		says(other.netns, types[i], "192.0.2.1", 8080, &c);
		says(other.netns, types[i], gateway, 8080, &c);
		says(c.netns, types[i], "192.0.2.1", 8080, &c); /* itself */
		cannot_say(h->near, types[i], "192.0.2.1", 8081, &c);
	}
	end_container(&c);
	cannot_say(h->near, SOCK_STREAM, "192.0.2.1", 8080, &other);
	end_container(&other);
}

/* The same with the kernel's bridge netfilter showing bridged packets to the rules, and without. */
static void a_port_is_reached_over_a_filtering_bridge(void **state)
{
	struct host *h = *state;
	struct container c = make_container(h->net, 1), other = make_container(h->net, 2);

	if (access("/proc/sys/net/bridge/bridge-nf-call-iptables", W_OK) < 0)
		skip();
	publish(&c, IPPROTO_TCP, "0.0.0.0", 8080);
	for (int on = 0; on < 2; on++) {
		auto_free char *set =
			xasprintf("echo %d >/proc/sys/net/bridge/bridge-nf-call-iptables", on);
		must(set);
		says(other.netns, SOCK_STREAM, "192.0.2.1", 8080, &c);
		says(c.netns, SOCK_STREAM, "192.0.2.1", 8080, &c);
		says(h->near, SOCK_STREAM, "192.0.2.1", 8080, &c);
		says(h->netns, SOCK_STREAM, "127.0.0.1", 8080, &c);
	}
	end_container(&c);
	end_container(&other);
}

/* T38. A neighbour can address a packet to 127.0.0.1, or to the container, and give it to this host
 * by its hardware address: no port of this host's loopback is reached by that. */
static void a_port_of_the_loopback_stays_there(void **state)
{
	struct host *h = *state;
	struct container c = make_container(h->net, 1), other = make_container(h->net, 2);
	char own[INET_ADDRSTRLEN], gateway[INET_ADDRSTRLEN];
	auto_free char *route = NULL;

	publish(&c, IPPROTO_TCP, "127.0.0.1", 8080);
	inet_ntop(AF_INET, &c.address.address, own, sizeof own);
	inet_ntop(AF_INET, &c.address.gateway, gateway, sizeof gateway);
	says(h->netns, SOCK_STREAM, "127.0.0.1", 8080, &c);
	cannot_say(h->near, SOCK_STREAM, "192.0.2.1", 8080, &c);
	cannot_say(h->netns, SOCK_STREAM, "192.0.2.1", 8080, &c);
	cannot_say(other.netns, SOCK_STREAM, gateway, 8080, &c);
	route = xasprintf("echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet && "
			  "ip addr del 127.0.0.1/8 dev lo && "
			  "ip route add 127.0.0.1/32 via 192.0.2.1 && "
			  "ip route add %s/32 via 192.0.2.1",
		own);
	enter(h->near);
	must(route);
	enter(h->netns);
	cannot_say(h->near, SOCK_STREAM, "127.0.0.1", 8080, &c);
	cannot_say(h->near, SOCK_STREAM, own, INSIDE, &c);
	/* the host's whole loopback, which a careless rule would open: also where the host lets
	 * such packets pass */
	must("echo 1 >/proc/sys/net/ipv4/conf/up0/route_localnet");
	cannot_say(h->near, SOCK_STREAM, "127.0.0.1", 8080, &c);
	/* and a container on the bridge, on which the host does */
	enter(other.netns);
	must("echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet && ip addr del 127.0.0.1/8 dev lo "
	     "&& ip route add 127.0.0.1/32 via $(ip route | sed -n 's/default via "
	     "\\([^ ]*\\).*/\\1/p')");
	enter(h->netns);
	{
		struct container host = { .netns = h->netns };
		cannot_say(other.netns, SOCK_STREAM, "127.0.0.1", INSIDE, &host);
		cannot_say(other.netns, SOCK_STREAM, "127.0.0.1", 8080, &c);
	}
	end_container(&c);
	end_container(&other);
}

static void a_port_of_one_address_is_its_alone(void **state)
{
	struct host *h = *state;
	struct container c = make_container(h->net, 1), d = make_container(h->net, 2);

	must("ip addr add 192.0.2.9/24 dev up0");
	publish(&c, IPPROTO_TCP, "192.0.2.9", 8080);
	publish(&d, IPPROTO_TCP, "192.0.2.1", 8080);
	says(h->near, SOCK_STREAM, "192.0.2.9", 8080, &c);
	cannot_say(h->near, SOCK_STREAM, "192.0.2.1", 8080, &c);
	says(h->near, SOCK_STREAM, "192.0.2.1", 8080, &d);
	says(h->netns, SOCK_STREAM, "192.0.2.9", 8080, &c);
	cannot_say(h->netns, SOCK_STREAM, "127.0.0.1", 8080, &c);
	end_container(&c);
	end_container(&d);
}

static void a_port_is_an_element_and_goes_with_its_container(void **state)
{
	struct host *h = *state;
	struct container c = make_container(h->net, 1), d = make_container(h->net, 2);
	auto_free char *before = output("nft -t list ruleset"), *after = NULL;
	struct net_port many[NET_PORTS_MAX], one = { IPPROTO_TCP, { 0 }, 2000, 80 };

	for (unsigned i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = (struct net_port){ IPPROTO_TCP, { 0 }, (uint16_t)(2000 + i), 80 };
	OK(net_publish(h->net, c.id, c.address.address, many, ARRAY_SIZE(many), &problem));
	after = output("nft -t list ruleset");
	assert_string_equal(before, after);
	assert_true(prints("nft list map inet " BRIDGE " published", "tcp . 2511 comment"));
	assert_int_equal(net_publish(h->net, d.id, d.address.address, &one, 1, &problem), -EEXIST);
	/* somebody has removed one of them */
	must("nft delete element inet " BRIDGE " published '{ tcp . 2007 }'");
	OK(net_unpublish(h->net, c.id, &problem));
	assert_false(prints("nft list ruleset", "comment"));
	OK(net_unpublish(h->net, c.id, &problem));
	end_container(&c);
	end_container(&d);
}

/* F24 */
static void what_an_administrator_removed_is_restored(void **state)
{
	static const char *const faults[] = { "nft flush ruleset", "ip link del " BRIDGE,
		"nft flush map inet " BRIDGE " published",
		"nft flush ruleset; ip link del " BRIDGE
		"; echo 0 >/proc/sys/net/ipv4/ip_forward" };
	struct host *h = *state;
	struct container c = make_container(h->net, 1);

	publish(&c, IPPROTO_TCP, "0.0.0.0", 8080);
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		says(h->near, SOCK_STREAM, "192.0.2.1", 8080, &c);
		must(faults[i]);
		cannot_say(h->near, SOCK_STREAM, "192.0.2.1", 8080, &c);
		OK(net_reload(h->net, &problem));
		says(h->near, SOCK_STREAM, "192.0.2.1", 8080, &c);
		says(h->netns, SOCK_STREAM, "127.0.0.1", 8080, &c);
		says(c.netns, SOCK_STREAM, "192.0.2.1", 8080, &c);
	}
	must("nft flush ruleset");
	end_container(&c);
	OK(net_teardown_if_idle(h->net, NULL, NULL, &problem));
	assert_false(prints("ip link", BRIDGE));
}

static uint32_t known_generation(int run_fd)
{
	auto_free char *text = NULL;
	const char *at;

	OK(fs_read_file(run_fd, "bridge.json", 4096, &text, NULL, &problem));
	at = strstr(text, "\"generation\":");
	assert_non_null(at);
	return (uint32_t)strtoul(at + strlen("\"generation\":"), NULL, 10);
}

/* A container that publishes is no reason for the next one to look at all rules again. */
static void our_own_change_is_known(void **state)
{
	struct host *h = *state;
	struct container c = make_container(h->net, 1);
	struct firewall_state now;

	publish(&c, IPPROTO_TCP, "0.0.0.0", 8080);
	OK(firewall_state_read(&now, &problem));
	assert_int_equal(known_generation(h->run_fd), now.generation);
	OK(net_unpublish(h->net, c.id, &problem));
	OK(firewall_state_read(&now, &problem));
	assert_int_equal(known_generation(h->run_fd), now.generation);
	must("nft add table inet other");
	publish(&c, IPPROTO_TCP, "0.0.0.0", 8080);
	OK(firewall_state_read(&now, &problem));
	assert_int_not_equal(known_generation(h->run_fd), now.generation);
	end_container(&c);
}

static struct net *open_network(struct host *h, const struct net_network_options *o)
{
	auto_net_network n = { 0 };
	struct net *net;

	OK(net_network_create(h->net, o, &n, &problem));
	OK(net_open_network(h->net, &n, &net, &problem));
	return net;
}

static void networks_do_not_reach_each_other(void **state)
{
	struct host *h = *state;
	struct net *front = open_network(h, &(struct net_network_options){ .name = "front" });
	struct net *back = open_network(h, &(struct net_network_options){ .name = "back" });
	struct container a = make_container(front, 1), b = make_container(back, 2),
			 d = make_container(h->net, 3), c = make_container(back, 4);
	char to_a[INET_ADDRSTRLEN], to_b[INET_ADDRSTRLEN], to_d[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &a.address.address, to_a, sizeof to_a);
	inet_ntop(AF_INET, &b.address.address, to_b, sizeof to_b);
	inet_ntop(AF_INET, &d.address.address, to_d, sizeof to_d);
	for (int on = 0; on < 2; on++) {
		auto_free char *set = xasprintf(
			"echo %d >/proc/sys/net/bridge/bridge-nf-call-iptables || true", on);
		must(set);
		says(c.netns, SOCK_STREAM, to_b, INSIDE, &b);
		cannot_say(a.netns, SOCK_STREAM, to_b, INSIDE, &b);
		cannot_say(b.netns, SOCK_STREAM, to_a, INSIDE, &a);
		cannot_say(b.netns, SOCK_STREAM, to_d, INSIDE, &d);
		cannot_say(d.netns, SOCK_STREAM, to_b, INSIDE, &b);
	}
	/* but for a port that is published, and for that alone */
	publish(&b, IPPROTO_TCP, "0.0.0.0", 8080);
	says(a.netns, SOCK_STREAM, "192.0.2.1", 8080, &b);
	says(d.netns, SOCK_STREAM, "192.0.2.1", 8080, &b);
	cannot_say(a.netns, SOCK_STREAM, to_b, INSIDE, &b);
	end_container(&a), end_container(&b), end_container(&c), end_container(&d);
	net_close(front);
	net_close(back);
}

static void an_internal_network_has_no_way_out_and_none_in(void **state)
{
	struct host *h = *state;
	struct net *inner =
		open_network(h, &(struct net_network_options){ .name = "inner", .internal = true });
	struct container a = make_container(inner, 1), b = make_container(inner, 2),
			 d = make_container(h->net, 3), near = { .netns = h->near },
			 host = { .netns = h->netns };
	char to_b[INET_ADDRSTRLEN], gateway[INET_ADDRSTRLEN];
	auto_free char *route = NULL;

	inet_ntop(AF_INET, &b.address.address, to_b, sizeof to_b);
	inet_ntop(AF_INET, &b.address.gateway, gateway, sizeof gateway);
	publish(&d, IPPROTO_TCP, "0.0.0.0", 8080);
	says(a.netns, SOCK_STREAM, to_b, INSIDE, &b);
	cannot_say(a.netns, SOCK_STREAM, "192.0.2.2", INSIDE, &near);
	/* not even when it makes itself a route */
	route = xasprintf("ip route add default via %s", gateway);
	enter(h->near);
	must("ip route add default via 192.0.2.1"); /* answers would find their way */
	enter(a.netns);
	assert_false(prints("ip route", "default"));
	must(route);
	enter(h->netns);
	cannot_say(a.netns, SOCK_STREAM, "192.0.2.2", INSIDE, &near);
	cannot_say(a.netns, SOCK_DGRAM, "192.0.2.2", INSIDE, &near); /* not even one packet */
	cannot_say(a.netns, SOCK_STREAM, "192.0.2.1", INSIDE, &host);
	cannot_say(a.netns, SOCK_STREAM, "192.0.2.1", 8080, &d);
	cannot_say(d.netns, SOCK_STREAM, to_b, INSIDE, &b);
	says(h->netns, SOCK_STREAM, to_b, INSIDE, &b); /* the host itself can look */
	end_container(&a), end_container(&b), end_container(&d);
	net_close(inner);
}

static void networks_are_kept_and_chosen_apart(void **state)
{
	struct host *h = *state;
	struct net_network_options o = { .name = "one" };
	auto_net_network one = { 0 }, two = { 0 }, again = { 0 };
	struct net_network *all = NULL;
	auto_free char *overlap = NULL;
	char subnet[INET_ADDRSTRLEN];
	size_t n = 0;

	OK(net_network_create(h->net, &o, &one, &problem));
	assert_int_equal(net_network_create(h->net, &o, &again, &problem), -EEXIST);
	o.name = "two";
	OK(net_network_create(h->net, &o, &two, &problem));
	assert_int_not_equal(one.subnet.s_addr, two.subnet.s_addr);
	assert_string_not_equal(one.bridge, two.bridge);
	assert_true(strlen(one.bridge) < 16);
	/* overlaps a network that is not up, and a route of the host */
	inet_ntop(AF_INET, &one.subnet, subnet, sizeof subnet);
	overlap = xasprintf("%s/24", subnet);
	o.name = "three";
	o.subnet = overlap;
	assert_int_equal(net_network_create(h->net, &o, &again, &problem), -EADDRINUSE);
	assert_non_null(strstr(problem.text, "network 'one'"));
	o.subnet = "192.0.2.0/24";
	assert_int_equal(net_network_create(h->net, &o, &again, &problem), -EADDRINUSE);
	assert_non_null(strstr(problem.text, "route"));
	o.subnet = "10.99.0.0/24";
	o.gateway = "10.98.0.1";
	assert_int_equal(net_network_create(h->net, &o, &again, &problem), -EINVAL);
	for (const char *const *bad = (const char *[]){ "../x", "", "bridge", "host", "none", "a b",
		     ".x", "a/b", "a\nb", NULL };
		*bad; bad++)
		assert_true(
			net_network_create(h->net, &(struct net_network_options){ .name = *bad },
				&again, &problem) < 0);
	OK(net_network_list(h->net, &all, &n, NULL, &problem));
	assert_int_equal(n, 3);
	assert_string_equal(all[0].name, "bridge");
	assert_string_equal(all[2].name, "two");
	for (size_t i = 0; i < n; i++)
		net_network_release(&all[i]);
	free(all);
	OK(net_network_load(h->net, "one", &again, &problem));
	assert_string_equal(again.id, one.id);
	net_network_release(&again);
	two.id[5] = '\0';
	OK(net_network_load(h->net, two.id, &again, &problem));
	assert_string_equal(again.name, "two");
	OK(net_network_remove(h->net, &again, &problem));
	net_network_release(&again);
	assert_int_equal(net_network_load(h->net, "two", &again, &problem), -ENOENT);
}

static void an_address_can_be_asked_for(void **state)
{
	struct host *h = *state;
	struct net *net = open_network(
		h, &(struct net_network_options){
			   .name = "n", .subnet = "10.99.0.0/29", .gateway = "10.99.0.3" });
	struct net_address a, b;
	struct in_addr wanted = { inet_addr("10.99.0.5") };
	char first[65], second[65];

	snprintf(first, sizeof first, "%064x", 0xaaaa);
	snprintf(second, sizeof second, "%064x", 0xbbbb);
	OK(net_claim_exactly(net, first, wanted, &a, &problem));
	assert_int_equal(a.address.s_addr, wanted.s_addr);
	assert_int_equal(a.gateway.s_addr, inet_addr("10.99.0.3"));
	assert_int_equal(net_claim_exactly(net, second, wanted, &b, &problem), -EADDRINUSE);
	assert_non_null(strstr(problem.text, "10.99.0.5"));
	assert_non_null(strstr(problem.text, "container '000000000000'"));
	for (const char *const *bad = (const char *[]){ "10.99.0.3", "10.99.0.0", "10.99.0.7",
		     "10.98.0.4", NULL };
		*bad; bad++) {
		wanted.s_addr = inet_addr(*bad);
		assert_int_equal(net_claim_exactly(net, second, wanted, &b, &problem), -EINVAL);
	}
	/* the others: not the gateway in their middle */
	for (int i = 0; i < 3; i++) {
		OK(net_claim(net, second, (struct in_addr){ 0 }, &b, &problem));
		assert_int_not_equal(b.address.s_addr, inet_addr("10.99.0.3"));
	}
	assert_int_equal(net_claim(net, second, (struct in_addr){ 0 }, &b, &problem), -ENOSPC);
	OK(net_release(net, first, a.address, &problem));
	OK(net_release(net, second, (struct in_addr){ 0 }, &problem));
	OK(net_teardown_if_unused(net, &problem));
	net_close(net);
	assert_false(prints("ip link", "-" BRIDGE));
}

static void a_container_is_on_several_networks(void **state)
{
	struct host *h = *state;
	struct net *one = open_network(h, &(struct net_network_options){ .name = "one" });
	struct net *two = open_network(h, &(struct net_network_options){ .name = "two" });
	struct container c = make_container(one, 1), d = make_container(two, 2);
	struct net_address second;
	char to_d[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &d.address.address, to_d, sizeof to_d);
	OK(net_claim(two, c.id, (struct in_addr){ 0 }, &second, &problem));
	second.interface = 1;
	second.no_route = true;
	OK(net_attach(two, c.id, &second, c.netns, &problem));
	says(c.netns, SOCK_STREAM, to_d, INSIDE, &d);
	enter(c.netns);
	assert_true(prints("ip -o link", "eth1@"));
	assert_true(prints("ip route | grep -c default", "1\n"));
	enter(h->netns);
	OK(net_disconnect(two, c.id, &second, c.netns, &problem));
	OK(net_release(two, c.id, second.address, &problem));
	cannot_say(c.netns, SOCK_STREAM, to_d, INSIDE, &d);
	enter(c.netns);
	assert_false(prints("ip -o link", "eth1"));
	enter(h->netns);
	OK(net_disconnect(two, c.id, &second, c.netns, &problem));
	end_container(&c), end_container(&d);
	net_close(one), net_close(two);
}

static void a_reserved_port_is_taken(void **state)
{
	struct net_port p = { IPPROTO_TCP, { 0 }, 0, 80 }, same;
	auto_close int first = -1, udp = -1, sctp = -1;
	auto_free char *pid = xasprintf("process %d (test_net_ports)", (int)getpid());

	OK(first = net_port_reserve(&p, &problem));
	assert_true(p.host_port);
	assert_true(prints("ss -ltnH", "0.0.0.0:"));
	same = p;
	assert_int_equal(net_port_reserve(&same, &problem), -EADDRINUSE);
	assert_non_null(strstr(problem.text, pid));
	same.host_address.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(net_port_reserve(&same, &problem), -EADDRINUSE);
	assert_non_null(strstr(problem.text, pid));
	same.protocol = IPPROTO_UDP; /* another matter */
	OK(udp = net_port_reserve(&same, &problem));
	assert_int_equal(net_port_reserve(&same, &problem), -EADDRINUSE);
	assert_non_null(strstr(problem.text, pid));
	same.protocol = IPPROTO_SCTP;
	OK(sctp = net_port_reserve(&same, &problem));
	same.host_address.s_addr = inet_addr("198.51.100.77");
	same.protocol = IPPROTO_TCP;
	assert_int_equal(net_port_reserve(&same, &problem), -EADDRNOTAVAIL);
	assert_non_null(strstr(problem.text, "198.51.100.77"));
}

static void ports_are_texts(void **state)
{
	static const char *const bad[] = { "", "tcp", "tcp/0.0.0.0/80", "icmp/0.0.0.0/1/1",
		"tcp/0.0.0.0/65536/1", "tcp/0.0.0.0/1/0", "tcp/0.0.0/1/1", "tcp/0.0.0.0/1/1/1",
		"tcp/0.0.0.0/-1/1" };
	struct net_port p;
	auto_free char *text = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(net_port_parse(bad[i], &p), -EINVAL);
	assert_int_equal(net_port_parse("sctp/127.0.0.1/8080/80", &p), 0);
	assert_int_equal(p.protocol, IPPROTO_SCTP);
	text = net_port_text(&p);
	assert_string_equal(text, "sctp/127.0.0.1/8080/80");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_port_is_reached_from_everywhere),
		TEST(a_port_is_reached_over_a_filtering_bridge),
		TEST(a_port_of_the_loopback_stays_there),
		TEST(a_port_of_one_address_is_its_alone),
		TEST(a_port_is_an_element_and_goes_with_its_container),
		TEST(what_an_administrator_removed_is_restored),
		TEST(our_own_change_is_known),
		TEST(networks_do_not_reach_each_other),
		TEST(an_internal_network_has_no_way_out_and_none_in),
		TEST(networks_are_kept_and_chosen_apart),
		TEST(an_address_can_be_asked_for),
		TEST(a_container_is_on_several_networks),
		TEST(a_reserved_port_is_taken),
		cmocka_unit_test(ports_are_texts),
	};

	if (geteuid() != 0) {
		printf("1..0 # SKIP needs root\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
