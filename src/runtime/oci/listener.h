#pragma once
/* The agent that answers for system calls which a filter notifies of (config-linux.md, "Seccomp",
 * "listenerPath"). */
#include "runtime/oci/config.h"
#include "runtime/oci/state.h"
#include "runtime/process.h"

struct listener {
	const struct spec *spec;
	const struct state *state;
	enum state_status status;
};
/* Has `p` send the filter's descriptor to the agent when it comes, if the specification names one.
 * `l` must outlive that. */
void listener_set(struct process *p, struct listener *l);
