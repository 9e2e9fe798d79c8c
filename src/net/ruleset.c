#include "net/ruleset.h"

/*
 * `published` maps protocol and port on the host to a container's; a published port is an element,
 * never a rule of its own.
 *
 * forward: "leaving" is what containers send, "entering" what others send to them. A packet whose
 * source is not of the subnet is forged.  IPv6 stays on the bridge: containers have link-local
 * addresses only.  Between containers everything goes, as over a switch (the kernel's br_netfilter
 * shows that traffic to this hook, too).  Unasked-for packets come in to a published port
 * (ct status dnat) or not at all, even if some other table accepts them: an accept ends one chain,
 * a drop ends the packet.
 *
 * postrouting leaves the loopback out: the host's own connections to the bridge's address go there.
 */
static const char table[] =
	"table inet %1$s {\n"
	"	map published {\n"
	"		type inet_proto . inet_service : ipv4_addr . inet_service\n"
	"	}\n"
	"	chain prerouting {\n"
	"		type nat hook prerouting priority dstnat; policy accept;\n"
	"		fib daddr type local dnat ip to meta l4proto . th dport map @published\n"
	"	}\n"
	"	chain postrouting {\n"
	"		type nat hook postrouting priority srcnat; policy accept;\n"
	"		ip saddr %2$s oifname != { \"lo\", \"%1$s\" } masquerade\n"
	"	}\n"
	"	chain forward {\n"
	"		type filter hook forward priority filter; policy accept;\n"
	"		iifname \"%1$s\" jump leaving\n"
	"		oifname \"%1$s\" iifname != \"%1$s\" jump entering\n"
	"	}\n"
	"	chain leaving {\n"
	"		ip saddr != %2$s drop\n"
	"		oifname \"%1$s\" accept\n"
	"		meta nfproto ipv6 drop\n"
	"	}\n"
	"	chain entering {\n"
	"		ct state established,related accept\n"
	"		ct status dnat accept\n"
	"		drop\n"
	"	}\n"
	"	chain input {\n"
	"		type filter hook input priority filter; policy accept;\n"
	"		iifname \"%1$s\" ip saddr != %2$s drop\n"
	"	}\n"
	"}\n";

void ruleset_removal(const char *bridge, struct str *ret)
{
	/* adding what may exist makes removing what may not exist succeed */
	str_addf(ret, "table inet %1$s\ndelete table inet %1$s\n", bridge);
}

void ruleset_text(const char *bridge, const char *subnet, struct str *ret)
{
	ruleset_removal(bridge, ret);
	str_addf(ret, table, bridge, subnet);
}
