#include "build/source.h"
#include "base/mem.h"
#include "base/str.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

#define ADDRESS_MAX 4096
#define REF_MAX     512

static bool is_http(const char *text)
{
	return str_starts(text, "http://") || str_starts(text, "https://");
}

/* Where the path of a URL begins, at its '/' or at the end. */
static const char *path_of(const char *url)
{
	const char *scheme = strstr(url, "://");
	const char *host = scheme ? scheme + 3 : url;

	return host + strcspn(host, "/?#");
}

enum source_kind source_kind(const char *text)
{
	const char *path;
	size_t n;

	if (str_starts(text, "git://") || str_starts(text, "ssh://") || str_starts(text, "git@"))
		return SOURCE_GIT;
	if (!is_http(text))
		return SOURCE_LOCAL;
	path = path_of(text);
	n = strcspn(path, "?#");
	return n > 4 && strncmp(path + n - 4, ".git", 4) == 0 ? SOURCE_GIT : SOURCE_URL;
}

void git_source_release(struct git_source *s)
{
	free(s->url);
	free(s->ref);
	free(s->subdir);
	*s = (struct git_source){ 0 };
}

static bool is_plain(const char *text, size_t max)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++)
		if (!isgraph((unsigned char)text[i]))
			return false;
	return n > 0 && n <= max;
}

/* Names of hosts and users, as they reach ssh(1): no option, nothing for a shell. */
static bool is_host(const char *text, size_t n)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.-_:[]@";

	const char *at;

	if (n == 0 || *text == '-' || *text == '.' || strspn(text, allowed) < n)
		return false;
	at = memchr(text, '@', n);
	return !at || (at + 1 < text + n && at[1] != '-');
}

static int check_git_url(const char *url, struct err *e)
{
	const char *authority = strstr(url, "://"), *at;
	size_t n;

	if (!is_plain(url, ADDRESS_MAX))
		return err_set(e, EINVAL,
			"the address of a git repository is empty, too long, or has blanks in it");
	authority = authority ? authority + 3 : url;
	n = strcspn(authority, "/");
	if (authority == url) /* git@HOST:PATH */
		n = strcspn(authority, ":");
	at = memchr(authority, '@', n);
	/* what stands there would go into the image's history; ssh wants a name and no password */
	if (at && (is_http(url) || memchr(authority, ':', (size_t)(at - authority)))) {
		err_set(e, EINVAL,
			"the address of the git repository has a user name or a password in it");
		return err_hint(e, "ssh with --ssh, or a RUN with --mount=type=secret");
	}
	if (!is_host(authority, n) || authority[n] == '\0')
		return err_set(e, EINVAL, "'%.200s' is no address of a git repository", url);
	return 0;
}

/* git-check-ref-format(1), and nothing that means more than one name in a refspec. */
static int check_ref(const char *ref, struct err *e)
{
	if (is_plain(ref, REF_MAX) && *ref != '-' && *ref != '+' && !strpbrk(ref, "~^:?*[\\") &&
		!strstr(ref, "..") && !strstr(ref, "@{"))
		return 0;
	return err_set(e, EINVAL, "'%.200s' is no name of a branch, tag or commit",
		str_is_one_line(ref) ? ref : "?");
}

/* Without what would lead out: the directory itself is opened below the repository, too. */
static int check_subdir(const char *dir, char **ret, struct err *e)
{
	auto_str clean = STR_INIT(PATH_MAX);
	const char *p = dir;

	while (*p) {
		size_t n = strcspn(p, "/");
		if (n == 2 && p[0] == '.' && p[1] == '.')
			return err_set(e, EINVAL, "directory '%.200s' leads out of the repository",
				str_is_one_line(dir) ? dir : "?");
		if (n && !(n == 1 && *p == '.')) {
			if (clean.len)
				str_add_char(&clean, '/');
			str_add_data(&clean, p, n);
		}
		p += n + (p[n] == '/');
	}
	if (clean.overflow)
		return err_set(e, ENAMETOOLONG, "the directory's name is too long");
	*ret = clean.len ? str_take(&clean) : NULL;
	return 0;
}

int git_source_parse(const char *text, struct git_source *ret, struct err *e)
{
	const char *fragment = strchr(text, '#'), *colon;
	auto_git_source s = { 0 };

	s.url = fragment ? xstrndup(text, (size_t)(fragment - text)) : xstrdup(text);
	if (check_git_url(s.url, e) < 0)
		return -e->code;
	if (fragment) {
		fragment++;
		colon = fragment + strcspn(fragment, ":");
		if (colon > fragment)
			s.ref = xstrndup(fragment, (size_t)(colon - fragment));
		if (s.ref && check_ref(s.ref, e) < 0)
			return -e->code;
		if (*colon && check_subdir(colon + 1, &s.subdir, e) < 0)
			return -e->code;
	}
	*ret = s;
	s = (struct git_source){ 0 };
	return 0;
}

static int hex_digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

int source_url_name(const char *url, char **ret, struct err *e)
{
	const char *path = path_of(url), *end = path + strcspn(path, "?#"), *p = end;
	auto_str name = STR_INIT(NAME_MAX);

	while (p > path && p[-1] != '/')
		p--;
	for (; p < end; p++) {
		if (*p == '%' && isxdigit((unsigned char)p[1]) && isxdigit((unsigned char)p[2])) {
			str_add_char(&name, (char)(hex_digit(p[1]) * 16 + hex_digit(p[2])));
			p += 2;
		} else {
			str_add_char(&name, *p);
		}
	}
	if (!name.len || name.overflow || strlen(str_text(&name)) != name.len ||
		strchr(str_text(&name), '/') || str_eq(str_text(&name), ".") ||
		str_eq(str_text(&name), "..") || !str_is_one_line(str_text(&name))) {
		err_set(e, EINVAL, "no file name can be told from the address '%.200s'",
			str_is_one_line(url) ? url : "?");
		return err_hint(e, "name the file in the destination, without '/' at its end");
	}
	*ret = str_take(&name);
	return 0;
}
