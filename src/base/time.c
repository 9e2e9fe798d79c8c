#include "base/time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t time_now(void)
{
	return clock_ns(CLOCK_REALTIME);
}

int64_t time_monotonic(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

void time_format(int64_t t, char ret[TIME_TEXT_SIZE])
{
	time_t seconds = (time_t)(t / 1000000000);
	struct tm tm;
	size_t n;

	if (t <= 0) {
		memcpy(ret, "0001-01-01T00:00:00Z", 21);
		return;
	}
	gmtime_r(&seconds, &tm);
	n = strftime(ret, TIME_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(ret + n, TIME_TEXT_SIZE - n, ".%09uZ", (unsigned)(t % 1000000000) % 1000000000u);
}

int time_parse(const char *text, int64_t *ret)
{
	struct tm tm = { 0 };
	const char *p = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int64_t ns = 0, scale = 100000000, offset = 0;
	int hours, minutes, used = 0;

	if (!p)
		return -EINVAL;
	if (*p == '.') {
		for (p++; *p >= '0' && *p <= '9'; p++, scale /= 10)
			ns += (*p - '0') * scale;
	}
	if ((*p == '+' || *p == '-') && sscanf(p + 1, "%2d:%2d%n", &hours, &minutes, &used) == 2 &&
		used == 5 && !p[6])
		offset = (*p == '-' ? -60 : 60) * (hours * 60 + minutes);
	else if (strcmp(p, "Z") != 0)
		return -EINVAL;
	if (tm.tm_year + 1900 < 1970) {
		*ret = 0;
		return 0;
	}
	*ret = ((int64_t)timegm(&tm) - offset) * 1000000000 + ns;
	return 0;
}

void time_words(int64_t duration, char ret[40])
{
	long long s = duration / 1000000000, m = s / 60, h = (m + 30) / 60;

	if (s < 1)
		snprintf(ret, 40, "Less than a second");
	else if (s == 1)
		snprintf(ret, 40, "1 second");
	else if (s < 60)
		snprintf(ret, 40, "%lld seconds", s);
	else if (m == 1)
		snprintf(ret, 40, "About a minute");
	else if (m < 60)
		snprintf(ret, 40, "%lld minutes", m);
	else if (h == 1)
		snprintf(ret, 40, "About an hour");
	else if (h < 48)
		snprintf(ret, 40, "%lld hours", h);
	else if (h < 24 * 7 * 2)
		snprintf(ret, 40, "%lld days", h / 24);
	else if (h < 24 * 30 * 2)
		snprintf(ret, 40, "%lld weeks", h / 24 / 7);
	else if (h < 24 * 365 * 2)
		snprintf(ret, 40, "%lld months", h / 24 / 30);
	else
		snprintf(ret, 40, "%lld years", h / 24 / 365);
}
