/*
 * net/ against the kernel: each test has a network namespace of its own as its "host", and more of
 * them as containers and as the world outside.  Needs root, nft(8) and ip(8).
 */
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "net/link.h"
#include "net/net.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
/* after the above, on which it depends */
#include <cmocka.h>

#define BRIDGE "rdtest0"

struct host {
	char path[40];
	int root_fd, run_fd, netns;
	struct net *net;
};

static struct err problem;

/* Fails the test with what the error says. */
#define OK(call)                                                                                   \
	do {                                                                                       \
		problem = (struct err){ 0 };                                                       \
		if ((call) < 0)                                                                    \
			fail_msg("%s: %s (%s)", #call, problem.text, problem.hint);                \
	} while (0)

static int current_netns(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static int new_netns(void)
{
	auto_close int before = current_netns();
	int fd;

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	fd = current_netns();
	assert_int_equal(setns(before, CLONE_NEWNET), 0);
	return fd;
}

/* A shell command in the current namespace: its status; its output in *out if not NULL. */
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

static void has(const char *command, const char *text, bool wanted)
{
	auto_free char *out = output(command);

	if (!!strstr(out, text) != wanted)
		fail_msg("'%s' %s in the output of '%s':\n%s", text, wanted ? "is not" : "is",
			command, out);
}

static struct net *open_net(const struct host *h, const char *bridge, const char *subnet)
{
	struct net_options o = { h->root_fd, h->run_fd, bridge, subnet };
	struct net *net;

	OK(net_open(&o, &net, &problem));
	return net;
}

static int start(void **state)
{
	struct host *h = xcalloc(1, sizeof *h);

	h->netns = new_netns();
	assert_int_equal(setns(h->netns, CLONE_NEWNET), 0);
	must("ip link set lo up");
	snprintf(h->path, sizeof h->path, "/tmp/redock-net-XXXXXX");
	assert_non_null(mkdtemp(h->path));
	OK(h->root_fd = fs_open_dir_make(AT_FDCWD, h->path, 0700, &problem));
	OK(h->run_fd = fs_open_dir_make(h->root_fd, "run", 0700, &problem));
	h->net = open_net(h, BRIDGE, NULL);
	*state = h;
	return 0;
}

static int finish(void **state)
{
	struct host *h = *state;
	struct err e = { 0 };

	net_close(h->net);
	close(h->root_fd), close(h->run_fd), close(h->netns);
	fs_remove_tree(AT_FDCWD, h->path, &e);
	free(h);
	return 0;
}

static const char *id_of(unsigned n)
{
	static char ids[4][65];
	char *id = ids[n % 4];

	snprintf(id, 65, "%012x%052x", n + 0xabc000, n);
	return id;
}

struct container {
	const char *id;
	int netns;
	struct net_address address;
};

static struct container connect_container(struct host *h, unsigned n)
{
	struct container c = { .id = id_of(n), .netns = new_netns() };

	OK(net_claim(h->net, c.id, (struct in_addr){ 0 }, &c.address, &problem));
	OK(net_attach(h->net, c.id, &c.address, c.netns, &problem));
	return c;
}

static void end_container(struct host *h, struct container *c)
{
	OK(net_detach(h->net, c->id, &problem));
	OK(net_release(h->net, c->id, c->address.address, &problem));
	close_fd(&c->netns);
}

static int socket_in(int netns, int type)
{
	auto_close int before = current_netns();
	int fd;

	assert_int_equal(setns(netns, CLONE_NEWNET), 0);
	fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	assert_int_equal(setns(before, CLONE_NEWNET), 0);
	assert_true(fd >= 0);
	return fd;
}

static int listen_in(int netns, struct in_addr address)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(4711), .sin_addr = address
	};
	int fd = socket_in(netns, SOCK_STREAM), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof to), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

/* Connects from `netns` to a listener in `other` at `address`; the peer's address as seen there, or
 * 0.0.0.0 when nothing came through. */
static struct in_addr reach(int netns, int other, struct in_addr listen_at, struct in_addr address)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(4711), .sin_addr = address
	};
	auto_close int server = listen_in(other, listen_at), client = socket_in(netns, SOCK_STREAM);
	struct timeval limit = { .tv_usec = 700000 }; /* for those that must not get through */
	struct sockaddr_in from = { 0 };
	socklen_t len = sizeof from;
	auto_close int accepted = -1;

	setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	if (connect(client, (struct sockaddr *)&to, sizeof to) < 0)
		return (struct in_addr){ 0 };
	accepted = accept4(server, (struct sockaddr *)&from, &len, SOCK_CLOEXEC);
	assert_true(accepted >= 0);
	return from.sin_addr;
}

static bool reaches(const struct container *a, const struct container *b)
{
	struct in_addr seen = reach(a->netns, b->netns, b->address.address, b->address.address);

	return seen.s_addr == a->address.address.s_addr;
}

static void containers_reach_each_other_and_the_host(void **state)
{
	struct host *h = *state;
	struct container a = connect_container(h, 1), b = connect_container(h, 2);
	struct in_addr loopback = { htonl(INADDR_LOOPBACK) }, seen;

	assert_int_not_equal(a.address.address.s_addr, b.address.address.s_addr);
	assert_true(reaches(&a, &b));
	assert_true(reaches(&b, &a));
	assert_int_equal(reach(a.netns, a.netns, loopback, loopback).s_addr, loopback.s_addr);
	seen = reach(a.netns, h->netns, a.address.gateway, a.address.gateway);
	assert_int_equal(seen.s_addr, a.address.address.s_addr);
	/* the host to a container, and to its own address on the bridge */
	seen = reach(h->netns, a.netns, a.address.address, a.address.address);
	assert_int_equal(seen.s_addr, a.address.gateway.s_addr);
	seen = reach(h->netns, h->netns, a.address.gateway, a.address.gateway);
	assert_int_equal(seen.s_addr, a.address.gateway.s_addr);
	end_container(h, &a);
	end_container(h, &b);
}

static void a_container_s_link_is_predictable(void **state)
{
	struct host *h = *state;
	struct container a = connect_container(h, 1);
	auto_free char *mac = NULL;
	uint32_t ip = ntohl(a.address.address.s_addr);

	mac = xasprintf(
		"02:52:%02x:%02x:%02x:%02x", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
	has("ip link", "rv000000abc001@", true);
	has("ip -d link show " BRIDGE, "stp_state 0", true);
	has("ip -d link show " BRIDGE, "forward_delay 0 ", true);
	has("cat /proc/sys/net/ipv6/conf/" BRIDGE "/accept_ra", "0", true);
	assert_int_equal(setns(a.netns, CLONE_NEWNET), 0);
	has("ip link show eth0", mac, true);
	has("ip route", "default via 10.20", true);
	assert_int_equal(setns(h->netns, CLONE_NEWNET), 0);
	end_container(h, &a);
	has("ip link", "rv000000abc001", false);
	OK(net_detach(h->net, a.id, &problem));
	OK(net_release(h->net, a.id, a.address.address, &problem));
}

static void loopback_alone(void **state)
{
	auto_close int ns = new_netns();
	struct in_addr loopback = { htonl(INADDR_LOOPBACK) };

	OK(net_loopback(ns, &problem));
	assert_int_equal(reach(ns, ns, loopback, loopback).s_addr, loopback.s_addr);
}

static void teardown_leaves_nothing(void **state)
{
	struct host *h = *state;
	auto_free char *links = output("ip -o link | wc -l"), *after = NULL;
	struct container a;

	must("echo 0 >/proc/sys/net/ipv4/ip_forward");
	a = connect_container(h, 1);
	has("cat /proc/sys/net/ipv4/ip_forward", "1", true);
	has("nft list ruleset", "table inet " BRIDGE, true);
	OK(net_teardown_if_idle(h->net, NULL, NULL, &problem)); /* not idle */
	has("nft list ruleset", "table inet " BRIDGE, true);
	has("ip link", BRIDGE, true);
	end_container(h, &a);
	OK(net_teardown_if_idle(h->net, NULL, NULL, &problem));
	after = output("ip -o link | wc -l");
	assert_string_equal(links, after);
	has("nft list ruleset | wc -c", "0\n", true);
	has("cat /proc/sys/net/ipv4/ip_forward", "0", true);
	assert_int_equal(faccessat(h->run_fd, "bridge.json", F_OK, 0), -1);
	OK(net_teardown_if_idle(h->net, NULL, NULL, &problem)); /* again */
}

static bool only_second(void *arg, const char *id)
{
	return str_eq(id, id_of(2));
}

static void claims_of_the_dead_are_released(void **state)
{
	struct host *h = *state;
	struct net_address a, b, c;

	OK(net_claim(h->net, id_of(1), (struct in_addr){ 0 }, &a, &problem));
	OK(net_claim(h->net, id_of(2), (struct in_addr){ 0 }, &b, &problem));
	OK(net_teardown_if_idle(h->net, only_second, NULL, &problem));
	has("ip link", BRIDGE, true);
	OK(net_claim(h->net, id_of(3), a.address, &c, &problem));
	assert_int_equal(c.address.s_addr, a.address.s_addr);
	OK(net_release(h->net, id_of(3), c.address, &problem));
	OK(net_release(h->net, id_of(2), (struct in_addr){ 0 }, &problem));
	OK(net_teardown_if_idle(h->net, only_second, NULL, &problem));
	has("ip link", BRIDGE, false);
}

static void forwarding_outlasts_us_for_whom_needs_it(void **state)
{
	struct host *h = *state;
	struct host other = *h;
	struct net_address a, b;

	must("echo 0 >/proc/sys/net/ipv4/ip_forward");
	OK(other.run_fd = fs_open_dir_make(h->root_fd, "run2", 0700, &problem));
	OK(other.root_fd = fs_open_dir_make(h->root_fd, "root2", 0700, &problem));
	other.net = open_net(&other, "rdtest1", NULL);
	OK(net_claim(h->net, id_of(1), (struct in_addr){ 0 }, &a, &problem));
	OK(net_claim(other.net, id_of(1), (struct in_addr){ 0 }, &b, &problem));
	assert_int_not_equal(a.gateway.s_addr, b.gateway.s_addr);
	OK(net_release(h->net, id_of(1), a.address, &problem));
	OK(net_teardown_if_idle(h->net, NULL, NULL, &problem));
	has("cat /proc/sys/net/ipv4/ip_forward", "1", true);
	OK(net_release(other.net, id_of(1), b.address, &problem));
	OK(net_teardown_if_idle(other.net, NULL, NULL, &problem));
	has("cat /proc/sys/net/ipv4/ip_forward", "0", true);
	net_close(other.net);
	close(other.run_fd), close(other.root_fd);
}

static void three_hundred_addresses_are_distinct(void **state)
{
	struct host *h = *state;
	struct net_address a;
	uint32_t seen[300];

	for (unsigned i = 0; i < ARRAY_SIZE(seen); i++) {
		OK(net_claim(h->net, id_of(i), (struct in_addr){ 0 }, &a, &problem));
		seen[i] = a.address.s_addr;
		for (unsigned j = 0; j < i; j++)
			assert_int_not_equal(seen[i], seen[j]);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(seen); i++)
		OK(net_release(h->net, id_of(i), (struct in_addr){ seen[i] }, &problem));
	OK(net_teardown_if_idle(h->net, NULL, NULL, &problem));
	has("ip link", BRIDGE, false);
}

/* The first claims of all, at the same moment: one makes the bridge, nobody fails, all differ. */
static void eight_processes_claim_at_once(void **state)
{
	struct host *h = *state;
	auto_free char *count = NULL;
	pid_t pids[8];

	for (unsigned p = 0; p < ARRAY_SIZE(pids); p++) {
		pids[p] = fork();
		assert_true(pids[p] >= 0);
		if (pids[p] == 0) {
			struct net_options o = { h->root_fd, h->run_fd, BRIDGE, NULL };
			struct net_address a;
			struct net *net;
			int r = net_open(&o, &net, &problem);
			for (unsigned i = 0; r >= 0 && i < 20; i++)
				r = net_claim(net, id_of(p * 20 + i), (struct in_addr){ 0 }, &a,
					&problem);
			if (r < 0)
				fprintf(stderr, "%s\n", problem.text);
			_exit(r < 0);
		}
	}
	for (unsigned p = 0; p < ARRAY_SIZE(pids); p++)
		assert_int_equal(proc_wait(pids[p]), 0);
	must("nft list table inet " BRIDGE " >/dev/null");
	count = xasprintf("ls %s/run/addresses | wc -l", h->path);
	has(count, "160\n", true);
}

static void a_small_network_fills_up(void **state)
{
	struct host *h = *state;
	struct net_address a;

	net_close(h->net);
	h->net = open_net(h, BRIDGE, "10.77.0.8/29");
	for (unsigned i = 0; i < 5; i++)
		OK(net_claim(h->net, id_of(i), (struct in_addr){ 0 }, &a, &problem));
	assert_int_equal(net_claim(h->net, id_of(5), (struct in_addr){ 0 }, &a, &problem), -ENOSPC);
	assert_true(*problem.hint);
	has("ip addr show " BRIDGE, "10.77.0.9/29", true);
}

static void the_subnet_avoids_routes_and_is_kept(void **state)
{
	struct host *h = *state;
	struct net_address first, again, other;
	char command[160], text[INET_ADDRSTRLEN];

	OK(net_claim(h->net, id_of(1), (struct in_addr){ 0 }, &first, &problem));
	assert_int_equal(first.prefix, 22);
	OK(net_release(h->net, id_of(1), first.address, &problem));
	OK(net_teardown_if_idle(h->net, NULL, NULL, &problem));
	/* recorded: it comes back, though another would do */
	OK(net_claim(h->net, id_of(1), (struct in_addr){ 0 }, &again, &problem));
	assert_int_equal(again.gateway.s_addr, first.gateway.s_addr);
	/* somebody takes a part of it: while it is in use it stays ... */
	inet_ntop(AF_INET, &first.gateway, text, sizeof text);
	snprintf(command, sizeof command,
		"ip link add vpn0 type bridge && ip link set vpn0 up && ip route add %s/32 dev "
		"vpn0 metric 9",
		text);
	must(command);
	must("nft add table inet other"); /* makes the next claim look closely */
	OK(net_claim(h->net, id_of(2), (struct in_addr){ 0 }, &other, &problem));
	assert_int_equal(other.gateway.s_addr, first.gateway.s_addr);
	/* ... and then it is given up, even if the bridge is still there */
	OK(net_release(h->net, id_of(1), again.address, &problem));
	OK(net_release(h->net, id_of(2), other.address, &problem));
	must("nft delete table inet other");
	OK(net_claim(h->net, id_of(1), (struct in_addr){ 0 }, &other, &problem));
	assert_int_not_equal(other.gateway.s_addr, first.gateway.s_addr);
	OK(net_release(h->net, id_of(1), other.address, &problem));
	OK(net_teardown_if_idle(h->net, NULL, NULL, &problem));
	/* the whole pool taken: another pool */
	must("ip route add 10.0.0.0/8 dev vpn0");
	OK(net_claim(h->net, id_of(1), (struct in_addr){ 0 }, &other, &problem));
	assert_int_equal(ntohl(other.gateway.s_addr) >> 18, 0xac18 >> 2);
}

static void an_explicit_subnet_is_checked(void **state)
{
	struct host *h = *state;
	struct net_options bad = { h->root_fd, h->run_fd, BRIDGE, "10.77.0.1/24" };
	struct net_address a;
	struct net *net;

	assert_int_equal(net_open(&bad, &net, &problem), -EINVAL);
	must("ip link add lan0 type bridge && ip addr add 10.77.1.1/24 dev lan0 && ip link set "
	     "lan0 up");
	net = open_net(h, BRIDGE, "10.77.0.0/16");
	assert_int_equal(
		net_claim(net, id_of(1), (struct in_addr){ 0 }, &a, &problem), -EADDRINUSE);
	assert_string_equal(problem.text,
		"network '10.77.0.0/16' overlaps '10.77.1.0/24', to which the host has a route");
	net_close(net);
	net = open_net(h, BRIDGE, "10.78.0.0/24");
	OK(net_claim(net, id_of(1), (struct in_addr){ 0 }, &a, &problem));
	assert_int_equal(ntohl(a.gateway.s_addr), 0x0a4e0001);
	net_close(net);
	net = open_net(h, BRIDGE, "10.79.0.0/24");
	assert_int_equal(net_claim(net, id_of(2), (struct in_addr){ 0 }, &a, &problem), -EBUSY);
	OK(net_release(net, id_of(1), (struct in_addr){ 0 }, &problem));
	OK(net_claim(net, id_of(2), (struct in_addr){ 0 }, &a, &problem)); /* nobody minds now */
	assert_int_equal(ntohl(a.gateway.s_addr), 0x0a4f0001);
	net_close(net);
}

static void a_foreign_link_is_refused_and_kept(void **state)
{
	struct host *h = *state;
	struct net_address a;

	must("ip link add " BRIDGE " type bridge");
	assert_int_equal(net_claim(h->net, id_of(1), (struct in_addr){ 0 }, &a, &problem), -EEXIST);
	assert_string_equal(problem.text, "link '" BRIDGE "' exists and was not made by redock");
	assert_int_equal(net_teardown_if_idle(h->net, NULL, NULL, &problem), -EEXIST);
	has("ip link", BRIDGE, true);
}

static void bad_names_are_refused(void **state)
{
	static const char *const bad[] = { "", "0br", "a b", "a;b", "a\"b", "a/b", "..",
		"sixteen-letters1" };
	struct host *h = *state;
	struct net *net;
	struct net_address a = { .prefix = 24 };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct net_options o = { h->root_fd, h->run_fd, bad[i], NULL };
		assert_int_equal(net_open(&o, &net, &problem), -EINVAL);
	}
	assert_int_equal(net_attach(h->net, "../../etc", &a, -1, &problem), -EINVAL);
	assert_int_equal(net_detach(h->net, "abc", &problem), -EINVAL);
	assert_int_equal(net_claim(h->net, "", (struct in_addr){ 0 }, &a, &problem), -EINVAL);
}

/* A world outside: namespace `out` at 198.51.100.2, the host at .1. */
static int make_outside(const struct host *h)
{
	int out = new_netns();
	auto_nl n = NL_INIT;
	auto_free char *command =
		xasprintf("ip link add up0 type veth peer name eth0 netns /proc/%d/fd/%d && "
			  "ip addr add 198.51.100.1/24 dev up0 && ip link set up0 up",
			getpid(), out);

	must(command);
	assert_int_equal(setns(out, CLONE_NEWNET), 0);
	must("ip addr add 198.51.100.2/24 dev eth0 && ip link set eth0 up && ip link set lo up");
	must("ip route add default via 198.51.100.1"); /* as a neighbour who would like to come in
							*/
	assert_int_equal(setns(h->netns, CLONE_NEWNET), 0);
	OK(nl_open(&n, NETLINK_ROUTE, &problem));
	OK(link_wait_operational(&n, "up0", &problem));
	return out;
}

static const struct in_addr any;

/* What must be true of the world around container `c`, whoever else has rules. */
static void check_outside(const struct container *c, int out)
{
	struct in_addr outside = { inet_addr("198.51.100.2") }, seen;

	seen = reach(c->netns, out, any, outside);
	assert_int_equal(seen.s_addr, inet_addr("198.51.100.1")); /* through, as the host */
	assert_int_equal(reach(out, c->netns, any, c->address.address).s_addr, 0);
}

static void nat_goes_out_and_nothing_comes_in(void **state)
{
	struct host *h = *state;
	auto_close int out = make_outside(h);
	struct container c = connect_container(h, 1);
	struct in_addr outside = { inet_addr("198.51.100.2") };

	check_outside(&c, out);
	/* a forged source does not get out: the other side would see it unchanged */
	assert_int_equal(setns(c.netns, CLONE_NEWNET), 0);
	must("ip addr add 203.0.113.7/32 dev eth0 && ip route replace 198.51.100.2 via $(ip route "
	     "| "
	     "sed -n 's/default via \\([^ ]*\\).*/\\1/p') src 203.0.113.7");
	assert_int_equal(setns(h->netns, CLONE_NEWNET), 0);
	assert_int_equal(setns(out, CLONE_NEWNET), 0);
	must("ip route add 203.0.113.7 via 198.51.100.1");
	assert_int_equal(setns(h->netns, CLONE_NEWNET), 0);
	must("ip route add 203.0.113.7 dev " BRIDGE);
	assert_int_equal(reach(c.netns, out, any, outside).s_addr, 0);
	end_container(h, &c);
}

static void a_flushed_ruleset_is_repaired(void **state)
{
	struct host *h = *state;
	auto_close int out = make_outside(h);
	struct container c = connect_container(h, 1), d;
	auto_free char *before = output("nft list ruleset"), *after = NULL, *again = NULL;

	must("nft flush ruleset");
	d = connect_container(h, 2);
	after = output("nft list ruleset");
	assert_string_equal(before, after);
	check_outside(&c, out);
	/* one rule taken out of the middle */
	must("nft flush chain inet " BRIDGE " entering");
	end_container(h, &d);
	d = connect_container(h, 2);
	again = output("nft list ruleset");
	assert_string_equal(before, again);
	/* published ports are kept when somebody else's change makes us look */
	must("nft add element inet " BRIDGE " published '{ tcp . 80 : 10.0.0.1 . 80 }'");
	end_container(h, &d);
	d = connect_container(h, 2);
	has("nft list ruleset", "10.0.0.1 . 80", true);
	end_container(h, &c);
	end_container(h, &d);
}

static void other_peoples_chains_let_us_through(void **state)
{
	static const char mine[] = "comment \"redock " BRIDGE "\"";
	struct host *h = *state;
	auto_close int out = make_outside(h);
	struct container c;

	must("nft 'table ip filter { chain FORWARD { type filter hook forward priority 0; policy "
	     "drop; };"
	     " }; table inet other { chain f { type filter hook forward priority 5; policy accept;"
	     " ct state invalid drop; reject; }; chain i { type filter hook input priority 0; }; "
	     "}'");
	c = connect_container(h, 1);
	check_outside(&c, out);
	has("nft list chain ip filter FORWARD", mine, true);
	has("nft list chain inet other f", mine, true);
	has("nft list chain inet other i", mine, false);
	/* the program ends with the chains as they were */
	end_container(h, &c);
	OK(net_teardown_if_idle(h->net, NULL, NULL, &problem));
	has("nft list ruleset", "redock", false);
	has("nft list ruleset", BRIDGE, false);
	has("nft list ruleset", "ct state invalid drop", true);
}

/* Docker's chains, before us and after us. */
static void docker_s_place_is_used(void **state)
{
	static const char mine[] = "comment \"redock " BRIDGE "\"";
	struct host *h = *state;
	auto_close int out = make_outside(h);
	struct container c, d;

	must("nft 'table ip filter { chain FORWARD { type filter hook forward priority 0; policy "
	     "drop; }; }'");
	c = connect_container(h, 1);
	has("nft list chain ip filter FORWARD", mine, true);
	must("nft 'table ip filter { chain DOCKER-USER { return; }; }; insert rule ip filter "
	     "FORWARD jump "
	     "DOCKER-USER'");
	d = connect_container(h, 2);
	has("nft list chain ip filter FORWARD", mine, false);
	has("nft list chain ip filter DOCKER-USER", mine, true);
	check_outside(&c, out);
	assert_true(reaches(&c, &d));
	end_container(h, &c);
	end_container(h, &d);
	OK(net_teardown_if_idle(h->net, NULL, NULL, &problem));
	has("nft list ruleset", "redock", false);
}

static void a_removed_bridge_is_made_again(void **state)
{
	struct host *h = *state;
	auto_close int out = make_outside(h);
	struct container c = connect_container(h, 1), d;

	must("ip link del " BRIDGE);
	d = connect_container(h, 2);
	assert_true(reaches(&c, &d)); /* the first one is connected again */
	check_outside(&c, out);
	must("ip link set " BRIDGE " down");
	must("echo 0 >/proc/sys/net/ipv4/ip_forward");
	end_container(h, &d);
	d = connect_container(h, 2);
	check_outside(&c, out);
	end_container(h, &c);
	end_container(h, &d);
}

/* Killed between any two steps of making or removing: the next command finishes or begins again. */
static void half_made_bridges_are_finished(void **state)
{
	struct host *h = *state;
	struct container c = connect_container(h, 1);
	struct net_address a;

	must("ip addr flush dev " BRIDGE " && ip link set " BRIDGE " down");
	OK(net_claim(h->net, id_of(2), (struct in_addr){ 0 }, &a, &problem));
	assert_int_equal(
		reach(c.netns, h->netns, any, c.address.gateway).s_addr, c.address.address.s_addr);
	end_container(h, &c);
	OK(net_release(h->net, id_of(2), a.address, &problem));
	assert_int_equal(unlinkat(h->run_fd, "bridge.json", 0), 0);
	OK(net_claim(h->net, id_of(2), (struct in_addr){ 0 }, &a, &problem));
	OK(net_release(h->net, id_of(2), a.address, &problem));
	must("nft delete table inet " BRIDGE); /* remove: rules, link, record, in this order */
	OK(net_teardown_if_idle(h->net, NULL, NULL, &problem));
	has("ip link", BRIDGE, false);
	OK(fs_write_file(h->run_fd, "bridge.json", "", 0, 0600, FS_VOLATILE, &problem));
	OK(net_claim(h->net, id_of(2), (struct in_addr){ 0 }, &a, &problem));
}

static void a_reboot_is_noticed(void **state)
{
	static const char old[] =
		"{\"version\":1,\"boot\":\"00000000-0000-0000-0000-000000000001\",\"subnet\":"
		"\"10.201.0.0/22\",\"restore_forwarding\":true,\"generation\":1,\"legacy\":false,"
		"\"rules\":\"1\"}";
	struct host *h = *state;
	struct net_address a;

	must("echo 1 >/proc/sys/net/ipv4/ip_forward");
	OK(net_claim(h->net, id_of(1), (struct in_addr){ 0 }, &a, &problem));
	must("ip link del " BRIDGE "; nft flush ruleset");
	OK(fs_write_file(h->run_fd, "bridge.json", old, strlen(old), 0600, FS_VOLATILE, &problem));
	OK(net_claim(h->net, id_of(2), a.address, &a, &problem)); /* the old claim is void */
	OK(net_release(h->net, id_of(2), a.address, &problem));
	OK(net_teardown_if_idle(h->net, NULL, NULL, &problem));
	has("ip link", BRIDGE, false);
	has("cat /proc/sys/net/ipv4/ip_forward", "1", true); /* it was on before us, this time */
}

static void two_hundred_come_and_go(void **state)
{
	struct host *h = *state;

	for (unsigned i = 0; i < 200; i++) {
		struct container c = connect_container(h, i);
		if (i % 2)
			OK(net_detach(h->net, c.id, &problem));
		close(c.netns); /* the kernel takes the other half with the namespace, when it likes
				 */
		OK(net_release(h->net, c.id, c.address.address, &problem));
	}
	OK(net_teardown_if_idle(h->net, NULL, NULL, &problem));
	has("ip link", BRIDGE, false);
}

/* The same container at once again, its former namespace still being cleared away. */
static void a_quick_restart_finds_its_name_free(void **state)
{
	struct host *h = *state;
	auto_close int old = -1, ns = new_netns();
	struct container c = connect_container(h, 1);

	old = take_fd(&c.netns);
	OK(net_attach(h->net, c.id, &c.address, ns, &problem));
	c.netns = take_fd(&ns);
	assert_int_equal(
		reach(c.netns, h->netns, any, c.address.gateway).s_addr, c.address.address.s_addr);
	end_container(h, &c);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(containers_reach_each_other_and_the_host),
		TEST(a_container_s_link_is_predictable),
		TEST(loopback_alone),
		TEST(teardown_leaves_nothing),
		TEST(claims_of_the_dead_are_released),
		TEST(forwarding_outlasts_us_for_whom_needs_it),
		TEST(three_hundred_addresses_are_distinct),
		TEST(eight_processes_claim_at_once),
		TEST(a_small_network_fills_up),
		TEST(the_subnet_avoids_routes_and_is_kept),
		TEST(an_explicit_subnet_is_checked),
		TEST(a_foreign_link_is_refused_and_kept),
		TEST(bad_names_are_refused),
		TEST(nat_goes_out_and_nothing_comes_in),
		TEST(a_flushed_ruleset_is_repaired),
		TEST(other_peoples_chains_let_us_through),
		TEST(docker_s_place_is_used),
		TEST(a_removed_bridge_is_made_again),
		TEST(half_made_bridges_are_finished),
		TEST(a_reboot_is_noticed),
		TEST(two_hundred_come_and_go),
		TEST(a_quick_restart_finds_its_name_free),
	};

	if (geteuid() != 0) {
		printf("1..0 # SKIP needs root\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
