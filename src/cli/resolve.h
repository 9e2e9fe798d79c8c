#pragma once
/* What a person means by a name: the one order of resolution. */
#include "cli/cli.h"
#include "machine/machine.h"

enum named_as {
	NAMED_NOTHING,
	NAMED_CONTAINER, /* by container name or id; it may be a machine's all the same */
	NAMED_MACHINE,   /* "a:b", or "b" for USER:b */
};
struct resolved {
	enum named_as as;
	struct container_info info;  /* unless NAMED_NOTHING */
	struct machine_name machine; /* what the text is as a machine's name; empty if it is none */
};
void resolved_release(struct resolved *);
#define auto_resolved __attribute__((cleanup(resolved_release))) struct resolved

/* Exact container name, then exact machine, then unique id prefix. Not to be found is no failure,
 * but NAMED_NOTHING, with the error telling why. */
int resolve(struct engine *, const char *text, struct resolved *ret, struct err *e);
/* The machine that `text` names in any of these ways. ENOENT and EINVAL with what to try after
 * "redock VERB". */
int resolve_machine(struct engine *, const char *verb, const char *text, struct machine_name *ret,
	struct err *e);
/* The container that `text` names; ENOENT with what to try after "redock VERB". */
int resolve_container(struct engine *, const char *verb, const char *text,
	struct container_info *ret, struct err *e);
/* As cli_for_each(), for containers. */
typedef int resolve_each(struct cli *, struct engine *, void *options, const char *operand,
	const struct container_info *, struct err *e);
int resolve_for_each(struct cli *, const char *verb, resolve_each *, void *options, char **operands,
	size_t n, struct err *e);
