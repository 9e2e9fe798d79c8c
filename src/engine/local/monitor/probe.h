#pragma once
/* Runs a container's health check when it is due, beside everything else that the monitor does. */
#include "engine/local/monitor/health.h"
#include "runtime/exec.h"

#include <poll.h>

struct monitor;
struct probe {
	struct health health;
	struct exec_attempt attempt;
	bool entering;          /* the attempt to make its process goes on */
	struct process process; /* of the probe that runs; pid 0 while there is none */
	int64_t began;          /* monotonic */
	int64_t deadline;       /* monotonic: when it has taken too long */
	int64_t started;        /* base/time.h */
	bool late;              /* it has, and that is noted: it only has to go */
	struct str output;
};
#define PROBE_FDS 3

/* The container has been started or taken over (then its verdict is what it was). */
void probe_begin(struct monitor *);
/* When probe_turn() wants to be called at the latest: monotonic, 0 for never. */
int64_t probe_due(const struct monitor *);
void probe_poll(const struct monitor *, struct pollfd p[PROBE_FDS]);
void probe_turn(struct monitor *, const struct pollfd p[PROBE_FDS]);
/* The container has ended. */
void probe_end(struct monitor *);
