/*
 * redock-net: makes the host's firewall rules match one bridge.  A program of its own so that
 * libnftables is loaded only when there is something to look at.
 *
 *   redock-net sync BRIDGE SUBNET GATEWAY KNOWN
 *                our table and the accepts in other people's chains exist; prints "GENERATION
 *                LEGACY RULES MADE", where RULES is to be the KNOWN of the next call (0: the first)
 *                and MADE is 1 if the table was made (again), 0 if it was right. "sync-user" for a
 *                network with a name server, "sync-internal" for one without a way out
 *   redock-net remove BRIDGE
 *                nothing of them exists
 *   redock-net names PID_FILE ADDRESS PORT DIRECTORY
 *                becomes the name server of a network (names_server.c)
 *   redock-net names-inside PID_FILE NAMESPACE SERVER,... DIRECTORY...
 *                becomes the name server of a container on several networks
 *
 * Everything is checked first and changed only where it differs: a change that is none would set
 * off the same check in every other instance.
 */
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "net/foreign.h"
#include "net/generation.h"
#include "net/legacy.h"
#include "net/names.h"
#include "net/net.h"
#include "net/ruleset.h"
#include "net/subnet.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <nftables/libnftables.h>
#include <string.h>

#define ROUNDS_MAX 4 /* of check and change, while others change the rules as well */

struct job {
	struct nft_ctx *nft;
	const char *bridge;
	struct ruleset wanted; /* subnet NULL: remove */
	uint64_t rules;
	bool made; /* the table is new: it has no elements */
};

/* Runs `commands`; returns nft's answer (valid until the next run) or NULL. */
static const char *run(struct job *j, unsigned flags, const char *commands)
{
	nft_ctx_output_set_flags(j->nft, flags);
	/* reading a buffer empties it */
	nft_ctx_get_output_buffer(j->nft);
	nft_ctx_get_error_buffer(j->nft);
	if (nft_run_cmd_from_buffer(j->nft, commands) != 0)
		return NULL;
	return nft_ctx_get_output_buffer(j->nft);
}

static int run_failed(struct job *j, struct err *e)
{
	char first[512];

	snprintf(first, sizeof first, "%s", nft_ctx_get_error_buffer(j->nft));
	first[strcspn(first, "\n")] = '\0';
	return err_set(e, EIO, "nftables: %s", *first ? first : "no reason given");
}

/* What identifies our table as it should be and as the kernel has it; 0 when it has none. The
 * elements of the map are data, not rules, and are left out (terse). */
static uint64_t table_hash(struct job *j, const char *wanted)
{
	auto_free char *list = xasprintf("list table inet %s", j->bridge);
	const char *listed = run(j, NFT_CTX_OUTPUT_TERSE, list);
	auto_free char *both = listed ? xasprintf("%s\n%s", wanted, listed) : NULL;

	return both ? subnet_hash(both) : 0;
}

/* 1: changed, 0: was right. */
static int sync_table(struct job *j, struct err *e)
{
	auto_str text = STR_INIT(16384);
	uint64_t now;

	if (!j->wanted.subnet) {
		/* not removed when it is not there: that would be a change */
		if (!table_hash(j, ""))
			return 0;
		ruleset_removal(j->bridge, &text);
		return run(j, 0, str_text(&text)) ? 1 : run_failed(j, e);
	}
	ruleset_text(&j->wanted, &text);
	now = table_hash(j, str_text(&text));
	if (now && now == j->rules)
		return 0;
	if (!run(j, 0, str_text(&text)))
		return run_failed(j, e);
	j->rules = table_hash(j, str_text(&text));
	j->made = true;
	return 1;
}

static int run_json(struct job *j, json_t *command, json_t **ret, struct err *e)
{
	auto_free char *text = json_text(command);
	const char *answer = run(j, NFT_CTX_OUTPUT_JSON | NFT_CTX_OUTPUT_HANDLE, text);

	if (!answer)
		return run_failed(j, e);
	if (!ret)
		return 0;
	return json_parse(answer, strlen(answer), "nft's answer", ret, e);
}

/* Docker's links are "br-" and 12 hexadecimal digits. Where somebody has called another one
 * "br-lan" it may well be the host's way out, and the prefix tells nothing. */
static bool br_is_dockers(void)
{
	struct if_nameindex *links = if_nameindex();
	bool ret = true;

	for (struct if_nameindex *l = links; l && l->if_index; l++)
		if (str_starts(l->if_name, "br-") &&
			(strlen(l->if_name) != 15 ||
				strspn(l->if_name + 3, "0123456789abcdef") != 12))
			ret = false;
	if (links)
		if_freenameindex(links);
	return ret;
}

static int sync_foreign(struct job *j, struct err *e)
{
	auto_json *ask = json_pack("{s:[{s:{s:n}}]}", "nftables", "list", "chains");
	auto_json *all = NULL, *chains = NULL, *listed = json_array(), *change = NULL;
	json_t *commands, *chain;
	size_t i;
	int r = run_json(j, ask, &all, e);

	if (r < 0)
		return r;
	chains = foreign_select(all, j->bridge);
	json_array_foreach(chains, i, chain)
	{
		auto_json *list = foreign_list_command(chain);
		json_t *rules = NULL;
		struct err gone = { 0 };
		if (run_json(j, list, &rules, &gone) < 0)
			rules = json_object(); /* removed since: the next round sees what is left */
		json_array_append_new(listed, rules);
	}
	commands = foreign_commands(chains, listed, j->bridge, br_is_dockers(), j->wanted.subnet);
	change = json_pack("{s:o}", "nftables", commands);
	if (json_array_size(commands) == 0)
		return 0;
	r = run_json(j, change, NULL, e);
	return r < 0 ? r : 1;
}

static int work(struct job *j, struct firewall_state *state, struct err *e)
{
	int table, foreign, legacy, r;

	for (int round = 0; round < ROUNDS_MAX; round++) {
		/* read before anything is looked at: what changes later is seen by the next command
		 */
		r = firewall_state_read(state, e);
		if (r < 0)
			return r;
		table = sync_table(j, e);
		foreign = table < 0 ? table : sync_foreign(j, e);
		if (foreign < 0)
			return foreign;
		legacy = state->legacy
				 ? legacy_sync(j->bridge, br_is_dockers(), j->wanted.subnet, e)
				 : 0;
		if (legacy < 0)
			return legacy;
		if (!table && !foreign && !legacy)
			break;
	}
	return 0;
}

static int report(const struct err *e)
{
	fprintf(stderr, "%s\n", e->text);
	return 1;
}

/* True if the words are a sync's; then they are checked and in *j. */
static bool parse_sync(struct job *j, int argc, char **argv, struct err *e)
{
	struct subnet s;
	struct in_addr gateway;

	if (argc != 6 || !str_starts(argv[1], "sync"))
		return false;
	j->wanted = (struct ruleset){ argv[2], argv[3], argv[4], .user = !str_eq(argv[1], "sync"),
		.internal = str_eq(argv[1], "sync-internal") };
	j->rules = strtoull(argv[5], NULL, 16);
	if (subnet_parse(argv[3], &s, e) == 0 && inet_pton(AF_INET, argv[4], &gateway) != 1)
		err_set(e, EINVAL, "'%.40s' is not an address", argv[4]);
	return true;
}

static int start_nft(struct job *j, struct err *e)
{
	j->nft = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!j->nft || nft_ctx_buffer_output(j->nft) != 0 || nft_ctx_buffer_error(j->nft) != 0)
		return err_set(e, EIO, "cannot start libnftables");
	return 0;
}

static int sync_or_remove(struct job *j, const char *bridge)
{
	struct firewall_state state = { 0 };
	struct err e = { 0 };
	int r;

	j->bridge = bridge;
	if (start_nft(j, &e) < 0)
		return report(&e);
	r = work(j, &state, &e);
	nft_ctx_free(j->nft);
	if (r < 0)
		return report(&e);
	if (j->wanted.subnet)
		printf("%u %u %016llx %d\n", state.generation, state.legacy,
			(unsigned long long)j->rules, j->made);
	return 0;
}

/* In a container's network namespace. */
static int redirect_names(int port, struct err *e)
{
	auto_str text = STR_INIT(1024);
	struct job j = { 0 };
	int r = start_nft(&j, e);

	if (r < 0)
		return r;
	ruleset_names_inside(port, &text);
	r = run(&j, 0, str_text(&text)) ? 0 : run_failed(&j, e);
	nft_ctx_free(j.nft);
	return r;
}

int main(int argc, char **argv)
{
	struct job j = { 0 };
	struct err e = { 0 };

	if (argc >= 6 && str_eq(argv[1], "names")) {
		names_server(argv + 2, &e);
		return report(&e);
	}
	if (argc >= 6 && str_eq(argv[1], "names-inside")) {
		names_inside(argv + 2, redirect_names, &e);
		return report(&e);
	}
	if (parse_sync(&j, argc, argv, &e))
		return e.code ? report(&e) : sync_or_remove(&j, argv[2]);
	if (argc == 3 && str_eq(argv[1], "remove"))
		return sync_or_remove(&j, argv[2]);
	fprintf(stderr,
		"usage: redock-net sync|sync-user|sync-internal BRIDGE SUBNET GATEWAY KNOWN\n"
		"       redock-net remove BRIDGE\n"
		"       redock-net names PID_FILE ADDRESS PORT DIRECTORY\n"
		"       redock-net names-inside PID_FILE NAMESPACE SERVER,... DIRECTORY...\n");
	return 2;
}
