/* net/: what parses and decides, without a network. */
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "net/claims.h"
#include "net/foreign.h"
#include "net/resolv.h"
#include "net/ruleset.h"
#include "net/subnet.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* after the above, on which it depends */
#include <cmocka.h>

static void subnets_are_parsed(void **state)
{
	static const char *const bad[] = { "", "10.0.0.0", "10.0.0.0/", "10.0.0.0/x", "10.0.0/24",
		"10.0.0.0/15", "10.0.0.0/31", "10.0.0.0/33", "10.0.0.0/24 ", " 10.0.0.0/24",
		"10.0.0.1/24", "127.0.0.0/24", "0.0.0.0/16", "224.0.0.0/24", "255.255.255.0/24",
		"10.0.0.0/-1", "10.0.0.0/4294967320", "fd00::/64", "1111111111111111111.0.0.0/24" };
	struct subnet s;
	struct err e = { 0 };
	char text[SUBNET_TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(subnet_parse(bad[i], &s, &e), -EINVAL);
		assert_true(*e.text);
	}
	assert_int_equal(subnet_parse("10.1.2.3/24", &s, &e), -EINVAL);
	assert_string_equal(e.hint, "--subnet 10.1.2.0/24");
	assert_int_equal(subnet_parse("192.168.255.0/24", &s, &e), 0);
	subnet_format(&s, text);
	assert_string_equal(text, "192.168.255.0/24");
	assert_int_equal(subnet_hosts(&s), 253);
	assert_int_equal(ntohl(subnet_gateway(&s).s_addr), 0xc0a8ff01);
	assert_int_equal(ntohl(subnet_host(&s, 0).s_addr), 0xc0a8ff02);
	assert_true(subnet_has_host(&s, subnet_host(&s, 252)));
	assert_false(subnet_has_host(&s, subnet_host(&s, 253)));
	assert_false(subnet_has_host(&s, subnet_gateway(&s)));
	assert_false(subnet_has_host(&s, (struct in_addr){ htonl(0xc0a8ff00) }));
}

static void subnets_overlap(void **state)
{
	static const struct {
		const char *a, *b;
		bool overlap;
	} cases[] = {
		{ "10.1.0.0/16", "10.1.2.0/24", true },
		{ "10.1.2.0/24", "10.1.0.0/16", true },
		{ "10.1.2.0/24", "10.1.3.0/24", false },
		{ "10.1.2.0/24", "10.1.2.0/24", true },
		{ "10.1.2.0/23", "10.1.3.0/24", true },
	};
	struct subnet a, b;
	struct err e = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(subnet_parse(cases[i].a, &a, &e), 0);
		assert_int_equal(subnet_parse(cases[i].b, &b, &e), 0);
		assert_int_equal(subnet_overlaps(&a, &b), cases[i].overlap);
	}
}

static void candidates_are_distinct_and_private(void **state)
{
	struct subnet seen[1024], s;
	char text[SUBNET_TEXT_SIZE];
	struct err e = { 0 };
	unsigned n = 0;

	for (; subnet_candidate(0xfffffffe, n, &s); n++) {
		subnet_format(&s, text);
		assert_int_equal(subnet_parse(text, &s, &e), 0);
		for (unsigned i = 0; i < n; i++)
			assert_false(subnet_overlaps(&s, &seen[i]));
		seen[n] = s;
	}
	assert_int_equal(n, 512 + 256 + 16);
}

static char *translate(const char *host, const char *upstream)
{
	struct str s = STR_INIT(65536);

	resolv_translate(host, upstream, &s);
	return str_take(&s);
}

static void resolv_conf_is_translated(void **state)
{
	static const char stub[] = "# the host's name server answers on the host's loopback only, "
				   "which a container cannot reach\n";
	auto_free char *loopback =
		xasprintf("%s%s", stub, "options edns0 trust-ad\nsearch example.org\n");
	const struct {
		const char *host, *upstream, *wanted;
	} cases[] = {
		{ "nameserver 192.0.2.53\n", NULL, "nameserver 192.0.2.53\n" },
		{ "# c\n; c\n\tnameserver\t192.0.2.53 \r\nsearch a b\nsearch c\noptions ndots:2",
			NULL, "nameserver 192.0.2.53\noptions ndots:2\nsearch c\n" },
		{ "nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch example.org\n",
			"nameserver 192.0.2.1\nnameserver 2001:db8::1\nsearch elsewhere\n",
			"nameserver 192.0.2.1\noptions edns0 trust-ad\nsearch example.org\n" },
		{ "nameserver 127.0.0.1\nnameserver ::1\noptions edns0 trust-ad\nsearch "
		  "example.org\n",
			NULL, loopback },
		{ "nameserver 0.0.0.0\noptions edns0 trust-ad\nsearch example.org\n",
			"nameserver 127.0.0.1\n", loopback },
		{ "nameserver 2001:db8::1\n", NULL, "nameserver 2001:db8::1\n" },
		{ "nameserver 2001:db8::1\nnameserver 192.0.2.1\n", NULL,
			"nameserver 192.0.2.1\n" },
		{ "", NULL, "# the host has no name server\n" },
		{ "nameserver fe80::1%eth0\nnameserver 1.2.3\nnameserver x\nnameserver\n"
		  "nameserver 192.0.2.1 192.0.2.2\nnameserversx 192.0.2.1\n",
			NULL, "# the host has no name server\n" },
		{ "nameserver 192.0.2.1\nsearch a\033[2Jb\nsearch fine\n", NULL,
			"nameserver 192.0.2.1\nsearch fine\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *got = translate(cases[i].host, cases[i].upstream);
		assert_string_equal(got, cases[i].wanted);
	}
}

static void a_long_line_is_left_out(void **state)
{
	auto_free char *line = xmalloc(70000), *host = NULL, *got = NULL;

	memset(line, 'a', 69999);
	line[69999] = '\0';
	host = xasprintf("search %s\nnameserver 192.0.2.1\n", line);
	got = translate(host, NULL);
	assert_string_equal(got, "nameserver 192.0.2.1\n");
}

/* ---- claims ---- */

struct claims {
	char path[40];
	int fd;
	struct subnet subnet;
};

static int make_claims(void **state)
{
	struct claims *c = xcalloc(1, sizeof *c);
	struct err e = { 0 };

	snprintf(c->path, sizeof c->path, "/tmp/redock-claims-XXXXXX");
	assert_non_null(mkdtemp(c->path));
	c->fd = open(c->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(c->fd >= 0);
	assert_int_equal(subnet_parse("10.9.8.0/29", &c->subnet, &e), 0);
	*state = c;
	return 0;
}

static int remove_claims(void **state)
{
	struct claims *c = *state;
	struct err e = { 0 };

	close(c->fd);
	fs_remove_tree(AT_FDCWD, c->path, &e);
	free(c);
	return 0;
}

static unsigned take(struct claims *c, const char *id, unsigned wanted)
{
	struct in_addr a, w = { wanted ? htonl(c->subnet.first + wanted) : 0 };
	struct err e = { 0 };
	int r = claim_take(c->fd, &c->subnet, subnet_gateway(&c->subnet), id, w, &a, &e);

	if (r < 0) {
		assert_int_equal(e.code, -r);
		return r == -ENOSPC ? 0 : 999;
	}
	return ntohl(a.s_addr) - c->subnet.first;
}

static void give(struct claims *c, const char *id, unsigned number)
{
	struct err e = { 0 };
	struct in_addr a = { number ? htonl(c->subnet.first + number) : 0 };

	assert_int_equal(claim_give(c->fd, id, a, &e), 0);
}

static void addresses_are_claimed_once(void **state)
{
	struct claims *c = *state;

	assert_int_equal(take(c, "a", 0), 2);
	assert_int_equal(take(c, "b", 0), 3);
	assert_int_equal(take(c, "c", 5), 5);
	assert_int_equal(take(c, "d", 5), 4); /* taken: another one */
	assert_int_equal(take(c, "e", 1), 6); /* the gateway's: another one */
	assert_int_equal(take(c, "f", 0), 0); /* full */
	give(c, "b", 2);                      /* not b's */
	assert_int_equal(take(c, "f", 0), 0);
	give(c, "a", 2);
	give(c, "a", 2); /* twice is fine */
	assert_int_equal(take(c, "f", 0), 2);
	give(c, "e", 0); /* whatever it has */
	assert_int_equal(take(c, "g", 0), 6);
}

static void a_released_address_rests(void **state)
{
	struct claims *c = *state;

	assert_int_equal(take(c, "a", 0), 2);
	give(c, "a", 2);
	assert_int_equal(take(c, "b", 0), 3);
	give(c, "b", 3);
	assert_int_equal(take(c, "a", 2), 2); /* unless it is asked for */
}

static bool not_empty(void *arg, const char *id, struct in_addr a)
{
	return *id;
}

static void an_unfinished_claim_is_seen(void **state)
{
	struct claims *c = *state;
	struct err e = { 0 };
	int fd = openat(c->fd, "10.9.8.2", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(take(c, "a", 0), 3);
	assert_int_equal(claim_each(c->fd, not_empty, NULL, &e), 1);
	assert_int_equal(faccessat(c->fd, "10.9.8.2", F_OK, 0), -1);
}

/* ---- other people's chains ---- */

#define CHAIN(family, table, name, rest)                                                           \
	"{\"chain\":{\"family\":\"" family "\",\"table\":\"" table "\",\"name\":\"" name           \
	"\",\"handle\":1" rest "}}"
#define HOOK(policy)                                                                               \
	",\"type\":\"filter\",\"hook\":\"forward\",\"prio\":0,\"policy\":\"" policy "\""
#define RULE(handle, comment, expr)                                                                \
	"{\"rule\":{\"handle\":" handle ",\"comment\":\"" comment "\",\"expr\":[" expr "]}}"
#define IN                                                                                         \
	"{\"match\":{\"op\":\"==\",\"left\":{\"meta\":{\"key\":\"iifname\"}},\"right\":\"br\"}},"  \
	"{\"accept\":null}"
#define OUT                                                                                        \
	"{\"match\":{\"op\":\"==\",\"left\":{\"meta\":{\"key\":\"oifname\"}},\"right\":\"br\"}},"  \
	"{\"accept\":null}"
#define BACK(to)                                                                                   \
	"{\"match\":{\"op\":\"==\",\"left\":{\"meta\":{\"key\":\"iifname\"}},\"right\":\"br\"}},"  \
	"{\"match\":{\"op\":\"==\",\"left\":{\"meta\":{\"key\":\"oifname\"}},\"right\":\"" to      \
	"\"}},{\"return\":null}"
#define DOCKER_JUMP RULE("7", "", "{\"jump\":{\"target\":\"DOCKER-USER\"}}")

static json_t *parse(const char *text)
{
	auto_free char *all = xasprintf("{\"nftables\":[%s]}", text);
	json_t *j = json_loads(all, 0, NULL);

	assert_non_null(j);
	return j;
}

/* "+" or "-", the chain and its family for each command, sorted as they come. */
static char *decide(const char *chain_list, const char *rules[], bool wanted)
{
	auto_json *all = parse(chain_list), *chains = foreign_select(all, "br"),
		  *listed = json_array();
	auto_json *commands = NULL;
	struct str out = STR_INIT(4096);
	json_t *c;
	size_t i;

	json_array_foreach(chains, i, c)
	{
		assert_non_null(rules[i]);
		json_array_append_new(listed, parse(rules[i]));
	}
	assert_null(rules[i]);
	commands = foreign_commands(chains, listed, "br", true, wanted);
	json_array_foreach(commands, i, c)
	{
		const json_t *insert = json_object_get(json_object_get(c, "insert"), "rule");
		const json_t *delete = json_object_get(json_object_get(c, "delete"), "rule");
		const json_t *rule = insert ? insert : delete;
		str_addf(&out, "%c%s %s %d;", insert ? '+' : '-', json_str(rule, "family", ""),
			json_str(rule, "chain", ""), (int)json_int(rule, "handle", 0));
	}
	return str_take(&out);
}

#define EXPECT(result, chain_list, wanted, ...)                                                    \
	do {                                                                                       \
		const char *rules_[] = { __VA_ARGS__, NULL };                                      \
		auto_free char *got_ = decide(chain_list, rules_, wanted);                         \
		assert_string_equal(got_, result);                                                 \
	} while (0)

static void a_dropping_chain_gets_our_accepts(void **state)
{
	EXPECT("+ip FORWARD 0;+ip FORWARD 0;", CHAIN("ip", "filter", "FORWARD", HOOK("drop")), true,
		"");
	EXPECT("", CHAIN("ip", "filter", "FORWARD", HOOK("accept")), true, "");
	EXPECT("", CHAIN("ip", "filter", "FORWARD", HOOK("drop")), true,
		RULE("4", "redock br", IN) "," RULE("5", "redock br", OUT));
	EXPECT("+ip FORWARD 0;-ip FORWARD 4;+ip FORWARD 0;",
		CHAIN("ip", "filter", "FORWARD", HOOK("drop")), true, RULE("4", "redock br", IN));
	EXPECT("-ip FORWARD 6;", CHAIN("ip", "filter", "FORWARD", HOOK("drop")), true,
		RULE("4", "redock br", IN) "," RULE("5", "redock br", OUT) "," RULE(
			"6", "redock br", IN));
	/* another instance's are not ours */
	EXPECT("+ip FORWARD 0;+ip FORWARD 0;", CHAIN("ip", "filter", "FORWARD", HOOK("drop")), true,
		RULE("4", "redock br2", IN) "," RULE("5", "redock br2", OUT));
	/* a plain drop or reject at the end does the same as a policy */
	EXPECT("+inet f 0;+inet f 0;", CHAIN("inet", "firewalld", "f", HOOK("accept")), true,
		RULE("4", "", "{\"reject\":{\"type\":\"icmpx\"}}"));
	EXPECT("", CHAIN("inet", "firewalld", "f", HOOK("accept")), true,
		RULE("4", "", "{\"match\":{}},{\"drop\":null}"));
}

static void our_accepts_go_with_us(void **state)
{
	EXPECT("-ip FORWARD 5;-ip FORWARD 4;", CHAIN("ip", "filter", "FORWARD", HOOK("drop")),
		false, RULE("4", "redock br", IN) "," RULE("5", "redock br", OUT));
	/* and when they are not needed any more */
	EXPECT("-ip FORWARD 5;-ip FORWARD 4;", CHAIN("ip", "filter", "FORWARD", HOOK("accept")),
		true, RULE("4", "redock br", IN) "," RULE("5", "redock br", OUT));
}

static void docker_user_is_preferred(void **state)
{
	static const char both[] = CHAIN("ip", "filter", "FORWARD", HOOK("drop")) "," CHAIN(
		"ip", "filter", "DOCKER-USER", "");

#define FOUR "+ip DOCKER-USER 0;+ip DOCKER-USER 0;+ip DOCKER-USER 0;+ip DOCKER-USER 0;"
	EXPECT(FOUR, both, true, DOCKER_JUMP, "");
	EXPECT("", both, true, DOCKER_JUMP,
		RULE("1", "redock br", BACK("docker0")) "," RULE(
			"2", "redock br", BACK("br-*")) "," RULE("3", "redock br", IN) "," RULE("4",
			"redock br", OUT));
	/* an accept alone would open Docker's containers */
	EXPECT("+ip DOCKER-USER 0;+ip DOCKER-USER 0;", both, true, DOCKER_JUMP,
		RULE("3", "redock br", IN) "," RULE("4", "redock br", OUT));
	EXPECT("+ip DOCKER-USER 0;-ip DOCKER-USER 2;+ip DOCKER-USER 0;-ip DOCKER-USER 1;"
	       "+ip DOCKER-USER 0;",
		both, true, DOCKER_JUMP,
		RULE("1", "redock br", BACK("docker0")) "," RULE(
			"2", "redock br", BACK("br-*")) "," RULE("4", "redock br", OUT));
	/* a left-over to which nothing leads is of no use */
	EXPECT("+ip FORWARD 0;+ip FORWARD 0;", both, true, "", "");
	/* rules made before Docker came move */
	EXPECT("-ip FORWARD 5;-ip FORWARD 4;" FOUR, both, true,
		DOCKER_JUMP "," RULE("4", "redock br", IN) "," RULE("5", "redock br", OUT), "");
}

static void what_does_not_matter_is_left_alone(void **state)
{
	auto_json *all = parse(CHAIN("inet", "br", "forward", HOOK("drop")) "," CHAIN(
		"bridge", "x", "f", HOOK("drop")) "," CHAIN("ip", "filter", "INPUT",
		",\"type\":\"filter\",\"hook\":\"input\",\"policy\":\"drop\"") "," CHAIN("ip", "x",
		"user", ""));
	auto_json *chains = foreign_select(all, "br");

	assert_int_equal(json_array_size(chains), 0);
}

static void the_ruleset_names_bridge_and_subnet(void **state)
{
	auto_str s = STR_INIT(16384);

	ruleset_text(&(struct ruleset){ "redock0", "10.200.4.0/22", "10.200.4.1" }, &s);
	assert_true(str_starts(str_text(&s), "table inet redock0\ndelete table inet redock0\n"));
	assert_non_null(strstr(str_text(&s), "ip saddr != 10.200.4.0/22 drop"));
	assert_null(strchr(str_text(&s), '%'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(subnets_are_parsed),
		cmocka_unit_test(subnets_overlap),
		cmocka_unit_test(candidates_are_distinct_and_private),
		cmocka_unit_test(resolv_conf_is_translated),
		cmocka_unit_test(a_long_line_is_left_out),
		cmocka_unit_test_setup_teardown(
			addresses_are_claimed_once, make_claims, remove_claims),
		cmocka_unit_test_setup_teardown(
			a_released_address_rests, make_claims, remove_claims),
		cmocka_unit_test_setup_teardown(
			an_unfinished_claim_is_seen, make_claims, remove_claims),
		cmocka_unit_test(a_dropping_chain_gets_our_accepts),
		cmocka_unit_test(our_accepts_go_with_us),
		cmocka_unit_test(docker_user_is_preferred),
		cmocka_unit_test(what_does_not_matter_is_left_alone),
		cmocka_unit_test(the_ruleset_names_bridge_and_subnet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
