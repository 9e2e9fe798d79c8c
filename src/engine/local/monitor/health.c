#include "engine/local/monitor/health.h"
#include "engine/local/escape.h"

#include <stdlib.h>
#include <string.h>

#define SECOND INT64_C(1000000000)

const char *health_verdict_text(enum health_verdict v)
{
	static const char *const texts[] = { "none", "starting", "healthy", "unhealthy" };

	return texts[v];
}

static int64_t given(int64_t value, int64_t otherwise)
{
	return value > 0 ? value : otherwise;
}

static bool is_starting(const struct health *h, int64_t now)
{
	return h->verdict == VERDICT_STARTING && now - h->began < h->settings.start_period;
}

static void schedule(struct health *h, int64_t now)
{
	h->next = now + (is_starting(h, now) ? h->settings.start_interval : h->settings.interval);
}

void health_begin(struct health *h, const struct health_settings *s, int64_t now)
{
	strv_release(&h->log);
	*h = (struct health){ .verdict = VERDICT_STARTING, .began = now };
	h->settings = (struct health_settings){
		.interval = given(s->interval, 30 * SECOND),
		.timeout = given(s->timeout, 30 * SECOND),
		.start_period = given(s->start_period, 0),
		.start_interval = given(s->start_interval, 5 * SECOND),
		.retries = given(s->retries, 3),
	};
	schedule(h, now);
}

bool health_result(struct health *h, int exit_code, int64_t now)
{
	enum health_verdict before = h->verdict;

	if (exit_code == 0) {
		h->streak = 0;
		h->verdict = VERDICT_HEALTHY;
	} else if (!is_starting(h, now)) { /* failures while it starts are not counted */
		h->streak++;
		if ((int64_t)h->streak >= h->settings.retries)
			h->verdict = VERDICT_UNHEALTHY;
	}
	schedule(h, now);
	return h->verdict != before;
}

void health_note(struct health *h, int64_t started, int64_t finished, int exit_code,
	const char *output, size_t len)
{
	auto_str text = STR_INIT(HEALTH_OUTPUT_MAX * 6 + 256);

	if (len > HEALTH_OUTPUT_MAX)
		len = HEALTH_OUTPUT_MAX;
	str_addf(&text,
		"{\"Start\":%lld,\"End\":%lld,\"ExitCode\":%d,\"Output\":", (long long)started,
		(long long)finished, exit_code);
	escape_json(&text, output, len);
	str_add_char(&text, '}');
	if (h->log.n == HEALTH_PROBES_MAX) {
		free(h->log.v[0]);
		memmove(h->log.v, h->log.v + 1, h->log.n * sizeof *h->log.v);
		h->log.n--;
	}
	strv_push(&h->log, str_text(&text));
}

void health_to_json(const struct health *h, struct str *out)
{
	str_addf(out, "{\"Status\":\"%s\",\"FailingStreak\":%u,\"Log\":[",
		health_verdict_text(h->verdict), h->streak);
	for (size_t i = 0; i < h->log.n; i++)
		str_addf(out, "%s%s", i ? "," : "", h->log.v[i]);
	str_add(out, "]}\n");
}
