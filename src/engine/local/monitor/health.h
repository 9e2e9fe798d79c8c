#pragma once
/*
 * A container's health check: a program that is run inside it now and then.  The verdict is a
 * function of results and times, so that it can be tested without either; names and rules are
 * Docker's.
 */
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define HEALTH_OUTPUT_MAX 4096 /* bytes of a probe's output that are kept */
#define HEALTH_PROBES_MAX 5

enum health_verdict { VERDICT_NONE, VERDICT_STARTING, VERDICT_HEALTHY, VERDICT_UNHEALTHY };
const char *health_verdict_text(enum health_verdict); /* "none", "starting", ... */

struct health_settings { /* nanoseconds; zero stands for the default */
	int64_t interval, timeout, start_period, start_interval, retries;
};
struct health {
	struct health_settings settings; /* with the defaults filled in */
	enum health_verdict verdict;
	unsigned streak; /* failures in a row */
	int64_t began;   /* monotonic: when the container was started */
	int64_t next;    /* monotonic: when the next probe is due */
	struct strv log; /* the last probes, a JSON object each, oldest first */
};
void health_begin(struct health *, const struct health_settings *, int64_t now);
/* A probe has ended at `now`; true if the verdict is another one. */
bool health_result(struct health *, int exit_code, int64_t now);
/* Notes a probe; times as in base/time.h. */
void health_note(struct health *, int64_t started, int64_t finished, int exit_code,
	const char *output, size_t len);
/* All of it as one JSON object. */
void health_to_json(const struct health *, struct str *out);
