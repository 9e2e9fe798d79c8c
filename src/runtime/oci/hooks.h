#pragma once
/* Programs that a configuration has run at points of a container's life (config.md,
 * "POSIX-platform Hooks"). */
#include "base/err.h"
#include "runtime/spec.h"

/* Runs those of one phase in their order, each with `state` (JSON) on its standard input, and
 * stops at the first that fails: by its exit status, or by its timeout, after which it is killed.
 */
int hooks_run(const struct spec *, enum spec_hook_phase, const char *state, struct err *e);
/* The same where a failure changes nothing: each is run, and what fails is said by `warn`. */
void hooks_run_all(const struct spec *, enum spec_hook_phase, const char *state,
	void (*warn)(void *data, const struct err *), void *data);
