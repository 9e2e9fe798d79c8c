#pragma once
/*
 * Makes the first process of an OCI container.
 *
 * A helper process enters the control group and those namespaces that exist already, and then
 * clones the container's process as a child of ours (CLONE_PARENT), so that we stay where we were.
 * The container's process makes its root, stops once before that becomes "/" (the hooks that
 * config.md wants at that point are run then, ours and its own), and waits in the end for `start`
 * to connect to its socket.
 */
#include "base/err.h"
#include "runtime/process.h"
#include "runtime/spec.h"

/* The process exists, in its namespaces, and goes no further. `gate` is the socket that it will
 * listen on; `hold` (-1: none) is what holds its scope for as long as anybody has it open, which
 * the process must not. Whoever gives up kills and reaps it. */
int launch_begin(const struct spec *, int gate, int hold, struct process *ret, struct err *e);
/* It makes its root, and stops before it enters that; `state` is for the hooks that it runs. */
int launch_prepare(struct process *, const char *state, struct err *e);
/* It finishes its root, hands over its terminal, and waits at the gate; `state` as above. */
int launch_finish(struct process *, const char *state, struct err *e);
