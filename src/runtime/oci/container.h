#pragma once
/* What verbs do with a container that exists, and share. */
#include "base/err.h"
#include "runtime/oci/cli.h"
#include "runtime/oci/config.h"
#include "runtime/oci/state.h"

#include <signal.h>

/* The configuration that it was created from. */
int container_config(const struct state *, struct oci_config *ret, struct err *e);
/* Lets a created one go; returns when its program has been executed. */
int container_start(struct state *, const struct oci_config *, struct invocation *, struct err *e);
int container_signal(const struct state *, int sig, bool all, struct err *e);
/* Ends what is left of it, gives back its control group, and removes it; then its poststop hooks
 * are run, whose failures are warnings. */
int container_destroy(struct state *, struct invocation *, struct err *e);
