#pragma once
/* What a person means by a name: the one order of resolution. */
#include "engine/engine.h"
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
/* The machine that `text` names in any of these ways. ENOENT and EINVAL with a hint. */
int resolve_machine(struct engine *, const char *text, struct machine_name *ret, struct err *e);
