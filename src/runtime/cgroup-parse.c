/* What the kernel shows in the files of control groups, as numbers. Files end where they are cut
 * off; what makes no sense is passed over, never believed. */
#include "base/mem.h"
#include "runtime/cgroup-tree.h"

/* The decimal number at `s`; returns what follows it, or NULL if there is none or it is too large.
 */
static const char *number(const char *s, uint64_t *ret)
{
	uint64_t value = 0;

	if (*s < '0' || *s > '9')
		return NULL;
	for (; *s >= '0' && *s <= '9'; s++)
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, (uint64_t)(*s - '0'), &value))
			return NULL;
	*ret = value;
	return s;
}

static const char *next_line(const char *s)
{
	const char *end = strchr(s, '\n');

	return end ? end + 1 : s + strlen(s);
}

int cg_keyed(const char *text, const char *key, uint64_t *ret)
{
	size_t len = strlen(key);

	for (; *text; text = next_line(text)) {
		const char *end;
		uint64_t value;
		if (strncmp(text, key, len) != 0 || text[len] != ' ')
			continue;
		end = number(text + len + 1, &value);
		if (!end || (*end && *end != '\n'))
			return -ENOENT;
		*ret = value;
		return 0;
	}
	return -ENOENT;
}

int cg_number_or_max(const char *text, uint64_t *ret)
{
	uint64_t value = 0;
	const char *end = str_starts(text, "max") ? text + 3 : number(text, &value);

	if (!end || (*end && !str_eq(end, "\n")))
		return -EINVAL;
	*ret = value;
	return 0;
}

static void add_field(const char *line, const char *end, const char *key, uint64_t *sum)
{
	size_t len = strlen(key);
	uint64_t value;

	for (const char *s = line; s && s + len < end; s = memchr(s, ' ', (size_t)(end - s))) {
		if (*s == ' ')
			s++;
		if ((size_t)(end - s) > len && strncmp(s, key, len) == 0 && number(s + len, &value))
			*sum += value;
	}
}

void cg_io_stat(const char *text, uint64_t *ret_read, uint64_t *ret_written)
{
	*ret_read = *ret_written = 0;
	for (const char *next; *text; text = next) {
		next = next_line(text);
		add_field(text, next, "rbytes=", ret_read);
		add_field(text, next, "wbytes=", ret_written);
	}
}

void cg_blkio_stat(const char *text, uint64_t *ret_read, uint64_t *ret_written)
{
	*ret_read = *ret_written = 0;
	for (; *text; text = next_line(text)) {
		uint64_t value;
		const char *s = number(text, &value);
		if (!s || *s != ':' || !(s = number(s + 1, &value)))
			continue;
		if (str_starts(s, " Read ") && number(s + 6, &value))
			*ret_read += value;
		else if (str_starts(s, " Write ") && number(s + 7, &value))
			*ret_written += value;
	}
}

int cg_cpu_list(const char *text, struct cg_cpus *ret)
{
	const char *s = text;

	*ret = (struct cg_cpus){ 0 };
	while (*s && *s != '\n') {
		uint64_t first, last;
		s = number(s, &first);
		if (!s)
			return -EINVAL;
		last = first;
		if (*s == '-' && !(s = number(s + 1, &last)))
			return -EINVAL;
		if (last < first || last >= CG_CPUS)
			return -EINVAL;
		for (uint64_t cpu = first; cpu <= last; cpu++)
			ret->bits[cpu / 64] |= UINT64_C(1) << (cpu % 64);
		if (*s == ',' && s[1] && s[1] != '\n')
			s++;
		else if (*s && *s != '\n')
			return -EINVAL;
	}
	return *s == '\n' && s[1] ? -EINVAL : 0;
}

bool cg_cpus_within(const struct cg_cpus *inner, const struct cg_cpus *outer)
{
	for (size_t i = 0; i < ARRAY_SIZE(inner->bits); i++)
		if (inner->bits[i] & ~outer->bits[i])
			return false;
	return true;
}

/* proc(5): "ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS [FIELDS] - TYPE SOURCE SUPEROPTIONS",
 * with octal escapes for blanks. */
static char *mount_point(const char *line, const char *end, const char *controller)
{
	auto_free char *copy = xstrndup(line, (size_t)(end - line));
	char *tail = strstr(copy, " - cgroup "), *fields[5], *options, *s = copy, *o;
	bool found = false;
	size_t n = 0;

	if (!tail || !(options = strrchr(tail, ' ')))
		return NULL;
	options++;
	while ((o = strsep(&options, ",")))
		found = found || str_eq(o, controller);
	*tail = '\0';
	while (found && n < ARRAY_SIZE(fields) && (fields[n] = strsep(&s, " ")))
		n++;
	return n == ARRAY_SIZE(fields) && *fields[4] == '/' ? xstrdup(fields[4]) : NULL;
}

char *cg_mounted_at(const char *mountinfo, const char *controller)
{
	for (const char *line = mountinfo, *next; *line; line = next) {
		char *found;
		next = next_line(line);
		found = mount_point(
			line, next > line && next[-1] == '\n' ? next - 1 : next, controller);
		if (found)
			return found;
	}
	return NULL;
}
