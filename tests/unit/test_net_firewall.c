/* What networks do to the host: its firewall, what others did to it, and what is left half made.
 * Needs root. */
#include "test_net.h"

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
