#pragma once
/*
 * Other people's chains on the forward hook.  Every base chain there has its say, and one that
 * drops what it does not know would cut containers off: such a chain gets an accept for our bridge,
 * one rule for each direction, with a comment that says whose it is.  Docker keeps a place for
 * this, the chain DOCKER-USER; there, what is for Docker's own containers is left to Docker's
 * rules, which an accept would end.  Our own table still drops what must not come in.
 *
 * Everything here reads and writes nft's JSON (libnftables-json(5)) and decides; nothing is run.
 */
#include "base/str.h"

#include <jansson.h>
#include <stdbool.h>

#define FOREIGN_CHAINS_MAX 256 /* chains on one hook, far beyond any real host */

/* The chains among `chains` (the answer to "list chains") that matter: an array of chain objects.
 */
json_t *foreign_select(const json_t *chains, const char *bridge);
/* The command that lists the rules of one of them. */
json_t *foreign_list_command(const json_t *chain);
/* The commands, an empty list when there is nothing to do, that put our rules where they are needed
 * and take them away elsewhere (everywhere if !`wanted`). `listed[i]` is the answer to the i-th
 * foreign_list_command(). `br`: links called "br-..." are Docker's. */
json_t *foreign_commands(
	const json_t *chains, const json_t *listed, const char *bridge, bool br, bool wanted);
