#pragma once
/*
 * What becomes of a container that has ended: its restart policy as a table of states and events,
 * without clocks, processes or files, so that all of it can be tested.  Delays and conditions are
 * Docker's.
 */
#include <stdbool.h>
#include <stdint.h>

enum policy_kind { /* enum restart_policy of engine/config.h */
	POLICY_NO,
	POLICY_ON_FAILURE,
	POLICY_ALWAYS,
	POLICY_UNLESS_STOPPED,
};
enum life_state { LIFE_RUNNING, LIFE_WAITING, LIFE_STARTING, LIFE_ENDED, LIFE_STATES };
enum life_event {
	LIFE_EXITED,  /* its process has ended */
	LIFE_DUE,     /* the delay is over */
	LIFE_STARTED, /* the attempt has succeeded */
	LIFE_FAILED,  /* it could not be started again */
	LIFE_STOPPED, /* a person wants it to stay down */
	LIFE_EVENTS,
};

#define POLICY_DELAY_FIRST INT64_C(100000000)   /* 100 ms, doubled with each attempt ... */
#define POLICY_DELAY_MAX   INT64_C(60000000000) /* ... up to a minute ... */
#define POLICY_DELAY_RESET INT64_C(10000000000) /* ... unless it ran for so long */

struct life {
	enum life_state state;
	enum policy_kind policy; /* may change while it runs */
	int64_t max;             /* attempts of on-failure, 0: no limit */
	bool stopped;            /* by a person, since it was started by one */
	unsigned restarts;
	int64_t delay; /* nanoseconds before the next attempt, in LIFE_WAITING */
};
/* The state that follows; `exit_code` and `ran` (nanoseconds) are of LIFE_EXITED. An event that the
 * state does not know changes nothing. */
enum life_state life_step(struct life *, enum life_event, int exit_code, int64_t ran);
/* Whether a container that ended with `exit_code` is to run after a boot. */
bool policy_wants_after_boot(enum policy_kind, bool stopped, int exit_code);
