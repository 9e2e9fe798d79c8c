#include "cli/values.h"
#include "base/str.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int value_decimal(const char **text, int64_t scale, int64_t *ret)
{
	__int128 whole = 0, part = 0, unit = 1, total;
	const char *p = *text;
	int digits = 0;

	for (; *p >= '0' && *p <= '9'; p++, digits++) {
		whole = whole * 10 + (*p - '0');
		if (whole > INT64_MAX)
			return -ERANGE;
	}
	if (*p == '.') {
		for (p++; *p >= '0' && *p <= '9'; p++, digits++) {
			unit *= 10;
			if (unit > 1000000000)
				return -ERANGE;
			part = part * 10 + (*p - '0');
		}
	}
	if (digits == 0)
		return -EINVAL;
	total = whole * scale + part * scale / unit;
	if (total > INT64_MAX)
		return -ERANGE;
	*text = p;
	*ret = (int64_t)total;
	return 0;
}

/* 1 for 'b' and nothing, 1024 for 'k', ...; 0 for what is no unit. "kb" and "kib" are fine. */
static int64_t size_unit(const char *text)
{
	static const char units[] = "bkmgt";
	const char *unit = *text ? strchr(units, *text | 0x20) : units;

	if (!unit || !*unit)
		return 0;
	if (*text && unit != units && text[1] && strcasecmp(text + 1, "b") != 0 &&
		strcasecmp(text + 1, "ib") != 0)
		return 0;
	if (*text && unit == units && text[1])
		return 0;
	return (int64_t)1 << (10 * (unit - units));
}

int value_size(const char *text, void *ret_int64, struct err *e)
{
	const char *end = text + strspn(text, "0123456789.");
	int64_t unit = size_unit(end), bytes;
	const char *p = text;

	if (unit == 0 || value_decimal(&p, unit, &bytes) < 0 || p != end) {
		err_set(e, EINVAL, "'%s' is no size", text);
		return err_hint(e, "a number and b, k, m or g, such as 512m or 1.5g");
	}
	*(int64_t *)ret_int64 = bytes;
	return 0;
}

int value_cpus(const char *text, void *ret_int64, struct err *e)
{
	const char *p = text;
	int64_t nano;

	if (value_decimal(&p, 1000000000, &nano) < 0 || *p) {
		err_set(e, EINVAL, "'%s' is no number of CPUs", text);
		return err_hint(e, "a decimal number, such as 2 or 0.5");
	}
	*(int64_t *)ret_int64 = nano;
	return 0;
}

int value_limit(const char *text, void *ret_int64, struct err *e)
{
	uint64_t n;

	if (str_eq(text, "-1")) {
		n = 0;
	} else if (str_to_u64(text, 0, INT32_MAX, &n) < 0) {
		err_set(e, EINVAL, "'%s' is no limit", text);
		return err_hint(e, "a whole number, or -1 for no limit");
	}
	*(int64_t *)ret_int64 = n ? (int64_t)n : -1;
	return 0;
}

int value_seconds(const char *text, void *ret_int, struct err *e)
{
	const char *p = text;
	int64_t ms;

	if (value_decimal(&p, 1000, &ms) < 0 || *p || ms > INT32_MAX) {
		err_set(e, EINVAL, "'%s' is no number of seconds", text);
		return err_hint(e, "a decimal number, such as 30 or 0.5");
	}
	*(int *)ret_int = (int)ms;
	return 0;
}

int value_signal(const char *text, void *ret_int, struct err *e)
{
	const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
	uint64_t n;

	if (str_to_u64(text, 1, (uint64_t)SIGRTMAX, &n) == 0) {
		*(int *)ret_int = (int)n;
		return 0;
	}
	for (int s = 1; s < SIGRTMIN; s++) {
		const char *known = sigabbrev_np(s);
		if (known && strcasecmp(known, name) == 0) {
			*(int *)ret_int = s;
			return 0;
		}
	}
	if (strncasecmp(name, "RTMIN+", 6) == 0 &&
		str_to_u64(name + 6, 0, (uint64_t)(SIGRTMAX - SIGRTMIN), &n) == 0) {
		*(int *)ret_int = SIGRTMIN + (int)n;
		return 0;
	}
	err_set(e, EINVAL, "'%s' is no signal", text);
	return err_hint(e, "a name or number of signal(7), such as TERM, HUP or 9");
}

int value_absolute_path(const char *text, void *ret_text, struct err *e)
{
	if (text[0] != '/') {
		err_set(e, EINVAL, "'%s' is no absolute path", text);
		return err_hint(e, "a path in the container that begins with /");
	}
	*(const char **)ret_text = text;
	return 0;
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

int value_container_name(const char *text, void *ret_text, struct err *e)
{
	size_t n = 0;

	while (is_alnum(text[n]) || (n > 0 && text[n] && strchr("_.-", text[n])))
		n++;
	if (n == 0 || text[n] || n > 128) {
		err_set(e, EINVAL, "'%s' is no container name", text);
		return err_hint(e, "letters, digits, and _ . - after the first; at most 128");
	}
	*(const char **)ret_text = text;
	return 0;
}

int value_hostname(const char *text, void *ret_text, struct err *e)
{
	size_t n = 0;

	/* labels of letters, digits and inner dashes, joined by dots */
	while (is_alnum(text[n]) || (n > 0 && text[n] == '-' && text[n - 1] != '.') ||
		(n > 0 && text[n] == '.' && is_alnum(text[n - 1])))
		n++;
	if (n == 0 || text[n] || n > 63 || !is_alnum(text[n - 1]) || strstr(text, "-.")) {
		err_set(e, EINVAL, "'%s' is no host name", text);
		return err_hint(e, "letters, digits, and dashes or dots between them; at most 63");
	}
	*(const char **)ret_text = text;
	return 0;
}

int value_line(const char *text, void *ret_text, struct err *e)
{
	if (!*text)
		return err_set(e, EINVAL, "the value is empty");
	if (!str_is_one_line(text))
		return err_set(
			e, EINVAL, "the value has a line break or another control character");
	*(const char **)ret_text = text;
	return 0;
}

int value_env(const char *text, void *ret_strv, struct err *e)
{
	const char *value;

	if (!*text || *text == '=') {
		err_set(e, EINVAL, "'%s' has no name before the '='", text);
		return err_hint(e, "KEY=value, or KEY alone for your own value");
	}
	if (strchr(text, '=')) {
		strv_set_env(ret_strv, text);
		return 0;
	}
	value = getenv(text);
	if (value) {
		struct strv *env = ret_strv;
		struct strv one = { 0 };

		strv_pushf(&one, "%s=%s", text, value);
		strv_set_env(env, one.v[0]);
		strv_release(&one);
	}
	return 0;
}
