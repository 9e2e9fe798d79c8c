#pragma once
/* Points in time are nanoseconds since 1970 (CLOCK_REALTIME) in an int64_t; 0 is "never". */
#include <stdint.h>

int64_t time_now(void);
/* Nanoseconds of CLOCK_MONOTONIC, for durations and deadlines. */
int64_t time_monotonic(void);
#define TIME_TEXT_SIZE 36
/* RFC 3339 in UTC with nanoseconds, as Docker writes it; 0 is "0001-01-01T00:00:00Z". */
void time_format(int64_t t, char ret[TIME_TEXT_SIZE]);
/* Inverse of the above (offsets other than Z too). 0, or -EINVAL. */
int time_parse(const char *text, int64_t *ret);
/* "5 seconds", "About an hour", "3 days": Docker's words for a duration in nanoseconds. */
void time_words(int64_t duration, char ret[40]);
