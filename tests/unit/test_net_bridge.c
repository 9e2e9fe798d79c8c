/*
 * net/ against the kernel: each test has a network namespace of its own as its "host", and more of
 * them as containers and as the world outside.  Needs root, nft(8) and ip(8).
 */
#include "test_net.h"

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
	};

	if (geteuid() != 0) {
		printf("1..0 # SKIP needs root\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
