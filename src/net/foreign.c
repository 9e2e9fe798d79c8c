#include "net/foreign.h"
#include "base/json.h"
#include "base/mem.h"

#include <string.h>

#define DOCKER_USER "DOCKER-USER"

/* What we put into a chain, in this order: in DOCKER-USER first what is for Docker's own containers
 * goes back to Docker's rules, which know what is published of them (docker0, and "br-" with the
 * begin of a network's id); then what comes from our bridge and what goes there is accepted. */
static const struct ours {
	const char *in, *out; /* NULL: any; "": our bridge */
	const char *verdict;
} ours[] = {
	{ "", "docker0", "return" },
	{ "", "br-*", "return" },
	{ "", NULL, "accept" },
	{ NULL, "", "accept" },
};
#define N_OURS   4
#define N_DOCKER 2 /* the first ones: in DOCKER-USER alone */
#define BR       1 /* the one that takes "br-" for Docker's */

static bool is_kept(const json_t *chain, const char *bridge)
{
	const char *family = json_str(chain, "family", "");

	if (!str_eq(family, "ip") && !str_eq(family, "ip6") && !str_eq(family, "inet"))
		return false;
	if (str_eq(family, "inet") && str_eq(json_str(chain, "table", ""), bridge))
		return false;
	return str_eq(json_str(chain, "name", ""), DOCKER_USER) ||
	       (str_eq(json_str(chain, "hook", ""), "forward") &&
		       str_eq(json_str(chain, "type", ""), "filter"));
}

json_t *foreign_select(const json_t *chains, const char *bridge)
{
	const json_t *list = json_object_get(chains, "nftables"), *item;
	json_t *ret = json_array();
	size_t i;

	json_array_foreach(list, i, item)
	{
		json_t *chain = json_object_get(item, "chain");
		if (chain && is_kept(chain, bridge) && json_array_size(ret) < FOREIGN_CHAINS_MAX)
			json_array_append(ret, chain);
	}
	return ret;
}

static json_t *name_chain(const json_t *chain, const char *key)
{
	return json_pack("{s:s, s:s, s:s}", "family", json_str(chain, "family", ""), "table",
		json_str(chain, "table", ""), key, json_str(chain, "name", ""));
}

json_t *foreign_list_command(const json_t *chain)
{
	return json_pack("{s:[{s:{s:o}}]}", "nftables", "list", "chain", name_chain(chain, "name"));
}

/* What one chain does. */
struct view {
	bool drops;       /* what nothing before its end has accepted */
	bool docker;      /* it jumps to DOCKER-USER */
	bool docker_user; /* it is DOCKER-USER */
	const json_t *chain;
	json_int_t ours[N_OURS]; /* handle of each of our rules, 0: none */
};

/* True if the rule's last statement is `verdict` and it has no condition. */
static bool is_plain(const json_t *expr, const char *verdict)
{
	const json_t *statement;
	size_t i;

	json_array_foreach(expr, i, statement) if (json_object_get(statement, "match") ||
						   json_object_get(statement, "xt") ||
						   json_object_get(statement, "limit") ||
						   json_object_get(statement, "vmap")) return false;
	statement = json_array_get(expr, json_array_size(expr) - 1);
	return json_object_get(statement, verdict) != NULL;
}

/* Which of ours it is, or -1. */
static int which_of_ours(const json_t *expr, const char *bridge)
{
	const char *in = NULL, *out = NULL;
	const json_t *statement;
	size_t i;

	json_array_foreach(expr, i, statement)
	{
		const json_t *match = json_object_get(statement, "match");
		const char *key = json_str(
			json_object_get(json_object_get(match, "left"), "meta"), "key", "");
		const char *right = json_str(match, "right", "");
		if (str_eq(key, "iifname"))
			in = str_eq(right, bridge) ? "" : right;
		if (str_eq(key, "oifname"))
			out = str_eq(right, bridge) ? "" : right;
	}
	statement = json_array_get(expr, json_array_size(expr) - 1);
	for (int k = 0; k < N_OURS; k++)
		if (!in == !ours[k].in && !out == !ours[k].out && (!in || str_eq(in, ours[k].in)) &&
			(!out || str_eq(out, ours[k].out)) &&
			json_object_get(statement, ours[k].verdict))
			return k;
	return -1;
}

static void add_delete(json_t *commands, const json_t *chain, json_int_t handle)
{
	json_t *rule = name_chain(chain, "chain");

	json_object_set_new(rule, "handle", json_integer(handle));
	json_array_append_new(commands, json_pack("{s:{s:o}}", "delete", "rule", rule));
}

static void add_match(json_t *expr, const char *key, const char *name, const char *bridge)
{
	if (name)
		json_array_append_new(
			expr, json_pack("{s:{s:s, s:{s:{s:s}}, s:s}}", "match", "op", "==", "left",
				      "meta", "key", key, "right", *name ? name : bridge));
}

static void add_insert(
	json_t *commands, const json_t *chain, const char *bridge, const char *mark, int which)
{
	json_t *rule = name_chain(chain, "chain"), *expr = json_array();

	add_match(expr, "iifname", ours[which].in, bridge);
	add_match(expr, "oifname", ours[which].out, bridge);
	json_array_append_new(expr, json_pack("{s:n}", ours[which].verdict));
	json_object_set_new(rule, "comment", json_string(mark));
	json_object_set_new(rule, "expr", expr);
	json_array_append_new(commands, json_pack("{s:{s:o}}", "insert", "rule", rule));
}

/* Reads one chain's rules. What bears our mark but is not needed once is to be deleted. */
static void look(struct view *v, const json_t *listed, const char *bridge, const char *mark,
	json_t *commands)
{
	const json_t *list = json_object_get(listed, "nftables"), *item;
	size_t i;

	v->drops = str_eq(json_str(v->chain, "policy", ""), "drop");
	v->docker_user = str_eq(json_str(v->chain, "name", ""), DOCKER_USER);
	json_array_foreach(list, i, item)
	{
		const json_t *rule = json_object_get(item, "rule"), *expr, *step;
		json_int_t handle = json_int(rule, "handle", 0);
		size_t n;

		if (!rule)
			continue;
		expr = json_object_get(rule, "expr");
		if (str_eq(json_str(rule, "comment", ""), mark)) {
			int d = which_of_ours(expr, bridge);
			if (d < 0 || v->ours[d])
				add_delete(commands, v->chain, handle);
			else
				v->ours[d] = handle;
			continue;
		}
		json_array_foreach(expr, n, step)
		{
			const json_t *jump = json_object_get(step, "jump");
			v->docker |= str_eq(json_str(jump, "target", ""), DOCKER_USER);
		}
		v->drops |= is_plain(expr, "drop") || is_plain(expr, "reject");
	}
}

static bool same_table(const json_t *a, const json_t *b)
{
	return str_eq(json_str(a, "family", ""), json_str(b, "family", "")) &&
	       str_eq(json_str(a, "table", ""), json_str(b, "table", ""));
}

/* Whether our rules belong into views[at]. */
static bool is_needed(const struct view *views, size_t n, size_t at)
{
	const struct view *v = &views[at];
	bool user = false;

	for (size_t i = 0; i < n; i++) {
		if (!same_table(views[i].chain, v->chain))
			continue;
		if (v->docker_user && views[i].docker && views[i].drops)
			return true;
		user |= views[i].docker_user;
	}
	return !v->docker_user && v->drops && !(v->docker && user);
}

/* Makes ours in one chain as it should be. Each is inserted before all others: if one is missing,
 * those that belong before it have to come anew. */
static void settle(struct view *v, bool needed, bool br, const char *bridge, const char *mark,
	json_t *commands)
{
	int first = v->docker_user ? 0 : N_DOCKER, missing = -1;

	for (int k = first; k < N_OURS; k++)
		if (!v->ours[k] && (br || k != BR))
			missing = k;
	for (int k = N_OURS - 1; k >= 0; k--) {
		bool use = needed && k >= first && (br || k != BR), keep = use && k > missing;
		if (v->ours[k] && !keep)
			add_delete(commands, v->chain, v->ours[k]);
		if (use && !keep)
			add_insert(commands, v->chain, bridge, mark, k);
	}
}

json_t *foreign_commands(
	const json_t *chains, const json_t *listed, const char *bridge, bool br, bool wanted)
{
	auto_free struct view *views = xcalloc(json_array_size(chains) + 1, sizeof *views);
	auto_free char *mark = xasprintf("redock %s", bridge);
	json_t *commands = json_array();
	const json_t *chain;
	size_t i, n = json_array_size(chains);

	json_array_foreach(chains, i, chain)
	{
		views[i].chain = chain;
		look(&views[i], json_array_get(listed, i), bridge, mark, commands);
	}
	for (i = 0; i < n; i++)
		settle(&views[i], wanted && is_needed(views, n, i), br, bridge, mark, commands);
	return commands;
}
