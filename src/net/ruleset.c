#include "net/ruleset.h"
#include "net/net.h"

/*
 * `published` maps protocol and port on the host to a container's, `published_at` one address's
 * ports; a published port is an element, never a rule of its own.
 *
 * guard: a connection from the host itself to 127.0.0.1 reaches a container only with
 * route_localnet on the bridge, and with that whoever is on the bridge could reach what listens on
 * the host's loopback: nothing that comes over it may be addressed to that.  Nor is such a packet
 * from anywhere else given to a container: a neighbour on the host's own network can send them,
 * too.
 *
 * forward: "leaving" is what containers send, "entering" what others send to them. A packet whose
 * source is not of the subnet is forged.  IPv6 stays on the bridge: containers have link-local
 * addresses only.  Between containers everything goes, as over a switch (the kernel's br_netfilter
 * shows that traffic to this hook, too).  Unasked-for packets come in to a published port
 * (ct status dnat) or not at all, even if some other table accepts them: an accept ends one chain,
 * a drop ends the packet.
 *
 * postrouting leaves the loopback out: the host's own connections to the bridge's address go there.
 * A container that asks for a published port of its own network gets the answer over the host, to
 * which it had spoken.
 */
static const char table[] =
	"table inet %1$s {\n"
	"	map published {\n"
	"		type inet_proto . inet_service : ipv4_addr . inet_service\n"
	"	}\n"
	"	map published_at {\n"
	"		type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service\n"
	"	}\n"
	"	chain guard {\n"
	"		type filter hook prerouting priority raw; policy accept;\n"
	"		iifname \"%1$s\" ip daddr 127.0.0.0/8 drop\n"
	"	}\n"
	"	chain prerouting {\n"
	"		type nat hook prerouting priority dstnat; policy accept;\n"
	"		ip daddr != 127.0.0.0/8 fib daddr type local jump publish\n"
	"	}\n"
	"	chain output {\n"
	"		type nat hook output priority -100; policy accept;\n"
	"		meta nfproto ipv4 fib daddr type local jump publish\n"
	"	}\n"
	"	chain publish {\n"
	"		dnat ip to ip daddr . meta l4proto . th dport map @published_at\n"
	"		dnat ip to meta l4proto . th dport map @published\n"
	"	}\n"
	"	chain postrouting {\n"
	"		type nat hook postrouting priority srcnat; policy accept;\n"
	"%2$s"
	"		oifname \"%1$s\" ip saddr 127.0.0.0/8 masquerade\n"
	"		oifname \"%1$s\" ip saddr %3$s ct status dnat masquerade\n"
	"	}\n"
	"	chain forward {\n"
	"		type filter hook forward priority filter; policy accept;\n"
	"		iifname \"%1$s\" jump leaving\n"
	"		oifname \"%1$s\" iifname != \"%1$s\" jump entering\n"
	"	}\n"
	"	chain leaving {\n"
	"		ip saddr != %3$s drop\n"
	"		oifname \"%1$s\" accept\n"
	"		meta nfproto ipv6 drop\n"
	"%4$s"
	"	}\n"
	"	chain entering {\n"
	"%5$s"
	"		drop\n"
	"	}\n"
	"	chain input {\n"
	"		type filter hook input priority filter; policy accept;\n"
	"		iifname \"%1$s\" ip saddr != %3$s drop\n"
	"%6$s"
	"	}\n"
	"}\n";

void ruleset_removal(const char *bridge, struct str *ret)
{
	/* adding what may exist makes removing what may not exist succeed */
	str_addf(ret, "table inet %1$s\ndelete table inet %1$s\n", bridge);
}

/* What the host itself offers to containers: names to those of the network, and to nobody else;
 * an internal network has no other way to the host. */
static void input_text(const struct ruleset *s, struct str *ret)
{
	if (s->user)
		str_addf(ret,
			"		iifname != { \"lo\", \"%s\" } ip daddr %s meta l4proto { "
			"tcp, udp } "
			"th dport 53 drop\n",
			s->bridge, s->gateway);
	if (s->internal)
		str_addf(ret, "		iifname \"%s\" ip daddr != %s drop\n", s->bridge,
			s->gateway);
}

void ruleset_text(const struct ruleset *s, struct str *ret)
{
	auto_str masquerade = STR_INIT(256), input = STR_INIT(512);

	if (!s->internal)
		str_addf(&masquerade,
			"		ip saddr %s oifname != { \"lo\", \"%s\" } masquerade\n",
			s->subnet, s->bridge);
	input_text(s, &input);
	ruleset_removal(s->bridge, ret);
	str_addf(ret, table, s->bridge, str_text(&masquerade), s->subnet,
		s->internal ? "		drop\n" : "",
		s->internal ? ""
			    : "		ct state established,related accept\n"
			      "		ct status dnat accept\n",
		str_text(&input));
}

void ruleset_names_inside(int port, struct str *ret)
{
	str_addf(ret,
		"table ip redock_names\ndelete table ip redock_names\n"
		"table ip redock_names {\n"
		"	chain output {\n"
		"		type nat hook output priority -100; policy accept;\n"
		"		ip daddr " NET_NAMES_INSIDE
		" meta l4proto { tcp, udp } th dport 53 "
		"dnat to " NET_NAMES_INSIDE ":%d\n"
		"	}\n"
		"}\n",
		port);
}
