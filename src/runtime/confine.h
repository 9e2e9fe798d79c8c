#pragma once
/*
 * Who the container's process is and what it may do, set from empty in one place for every process
 * that is executed in a container (R13): groups, ids, capabilities, filter, labels, limits, umask.
 */
#include "base/err.h"
#include "runtime/root.h"
#include "runtime/spec.h"
#include "runtime/user.h"

/* What holds for an init of ours as it does for the container's process, so that it is done once,
 * before the fork: keyring, bounding set, no_new_privs, the built-in filter (which alone costs a
 * tenth of a millisecond to load). */
int confine_shared(const struct spec *, struct err *e);
/* All the rest, for the process that will execute the program. */
int confine_process(const struct spec *, struct root *, const struct user *, struct err *e);

/* The same in parts, for a process that others can look into as soon as it exists (T03): whoever
 * makes it does all that takes privileges and is inherited, in its place. */
enum confine_way {
	CONFINE_WHOLE,        /* confine_process() */
	CONFINE_FILTER_FIRST, /* who makes it loads a filter that only privileges can load */
	CONFINE_FILTER_LAST,  /* the process does, which has CAP_SYS_ADMIN until then: the filter
			       * may forbid to make a process */
};
/* What is left for the process. */
struct confine_rest {
	struct spec_caps caps;
	uint64_t keep; /* capabilities beyond `caps` that it still has */
	bool filter, priority, processes;
};
/* AppArmor, SELinux, oom_score_adj: files of ours below /proc, the host's if it is in sight. */
int confine_labels(const struct spec *, struct root *, struct err *e);
int confine_begin(const struct spec *, struct root *, const struct user *, enum confine_way,
	struct confine_rest *ret, struct err *e);
int confine_finish(const struct spec *, struct root *, const struct user *,
	const struct confine_rest *, struct err *e);
/* Sets effective and permitted capabilities; nothing is inheritable. */
int confine_caps(uint64_t effective, uint64_t permitted, struct err *e);
/* Our own permitted capabilities. */
int confine_own_caps(uint64_t *ret, struct err *e);
