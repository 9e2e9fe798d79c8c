#include "base/conf.h"
#include "base/fs.h"
#include "base/mem.h"

#include <fcntl.h>
#include <string.h>

#define CONF_MAX (64 << 10)

static char *trim(char *s)
{
	size_t n;

	s += strspn(s, " \t\r");
	for (n = strlen(s); n && strchr(" \t\r", s[n - 1]); n--)
		s[n - 1] = '\0';
	return s;
}

int conf_find(const char *text, const char *file, const char *key, char **ret, struct err *e)
{
	auto_free char *copy = xstrdup(text), *found = NULL;
	unsigned number = 1;

	for (char *line = copy, *next; line; line = next, number++) {
		char *value;
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		line = trim(line);
		if (!*line || *line == '#')
			continue;
		value = strchr(line, '=');
		if (!value || value == line || !str_is_one_line(line)) {
			err_set(e, EINVAL, "%s:%u: not a setting", file, number);
			return err_hint(e, "key = value");
		}
		*value++ = '\0';
		if (!str_eq(trim(line), key))
			continue;
		free(found); /* the last one counts */
		found = xstrdup(trim(value));
	}
	*ret = take_ptr(&found);
	return *ret != NULL;
}

static int find_in_file(const char *path, const char *key, char **ret, struct err *e)
{
	auto_free char *text = NULL;
	int r = fs_read_file(AT_FDCWD, path, CONF_MAX, &text, NULL, e);

	if (r == -ENOENT || r == -ENOTDIR) {
		err_clear(e);
		return 0;
	}
	return r < 0 ? r : conf_find(text, path, key, ret, e);
}

int conf_get(const char *key, char **ret, struct err *e)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	auto_free char *own = NULL;
	int r = 0;

	if (config && *config == '/')
		own = xasprintf("%s/redock/redock.conf", config);
	else if (home && *home == '/')
		own = xasprintf("%s/.config/redock/redock.conf", home);
	if (own)
		r = find_in_file(own, key, ret, e);
	return r ? r : find_in_file("/etc/redock/redock.conf", key, ret, e);
}
