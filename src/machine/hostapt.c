#include "machine/hostapt.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>

#define FILE_MAX ((size_t)1 << 20)

void host_apt_release(struct host_apt *h)
{
	free(h->codename);
	h->codename = NULL;
	apt_sources_release(&h->sources);
	str_release(&h->settings_build);
	str_release(&h->settings_image);
	strv_release(&h->notes);
}

const char *host_apt_arch(void)
{
#if defined(__x86_64__)
	return "amd64";
#elif defined(__aarch64__)
	return "arm64";
#else
#error "say what Debian calls this architecture"
#endif
}

/* Reads a file that need not be there: *ret is NULL then. */
static int read_optional(int dir, const char *name, char **ret, struct err *e)
{
	int r = fs_read_file(dir, name, FILE_MAX, ret, NULL, e);

	if (r != -ENOENT)
		return r;
	err_clear(e);
	*ret = NULL;
	return 0;
}

/* KEY=value or KEY="value" (os-release(5)); the caller frees it. */
static char *os_release_value(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "\n");

		if (n > len && strncmp(p, key, len) == 0 && p[len] == '=') {
			const char *v = p + len + 1;
			size_t m = n - len - 1;

			if (m >= 2 && (*v == '"' || *v == '\'') && v[m - 1] == *v)
				v++, m -= 2;
			return xstrndup(v, m);
		}
		p += n + (p[n] == '\n');
	}
	return NULL;
}

static int read_codename(struct host_apt *ret, struct err *e)
{
	auto_free char *text = NULL, *id = NULL, *name = NULL;
	int r = read_optional(AT_FDCWD, "/etc/os-release", &text, e);

	if (r < 0 || !text)
		return r;
	id = os_release_value(text, "ID");
	name = os_release_value(text, "VERSION_CODENAME");
	if (id && str_eq(id, "debian") && name && *name &&
		strspn(name, "abcdefghijklmnopqrstuvwxyz") == strlen(name))
		ret->codename = take_ptr(&name);
	return 0;
}

/* The first usable line of a list of mirrors (apt-transport-mirror(1)), as Debian's cloud images
 * have one: "URIs: mirror+file:///etc/apt/mirrors/debian.list". */
static void resolve_mirror_list(char **uri)
{
	auto_free char *text = NULL;
	struct err ignored = { 0 };
	const char *path = *uri + strlen("mirror+file:");

	while (path[0] == '/' && path[1] == '/')
		path++;
	if (*path != '/' || read_optional(AT_FDCWD, path, &text, &ignored) < 0 || !text)
		return; /* it stays as it is, which nobody will pick */
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "\n"), word = strcspn(p, " \t\r\n");
		auto_free char *url = xstrndup(p, word);

		if (apt_url_check(url) == 0) {
			free(*uri);
			*uri = take_ptr(&url);
			return;
		}
		p += n + (p[n] == '\n');
	}
}

static int read_sources_file(int dir, const char *name, struct apt_sources *ret, struct err *e)
{
	auto_free char *text = NULL;
	int r = read_optional(dir, name, &text, e);

	if (r < 0 || !text)
		return r;
	if (str_ends(name, ".sources"))
		apt_sources_parse_deb822(text, host_apt_arch(), ret);
	else
		apt_sources_parse_list(text, host_apt_arch(), ret);
	return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_source_file(const struct dirent *d)
{
	return *d->d_name != '.' &&
	       (str_ends(d->d_name, ".list") || str_ends(d->d_name, ".sources"));
}

static int read_sources(struct apt_sources *ret, struct err *e)
{
	auto_close int dir = -1;
	struct dirent **names = NULL;
	int n, r = read_sources_file(AT_FDCWD, "/etc/apt/sources.list", ret, e);

	if (r < 0)
		return r;
	dir = open("/etc/apt/sources.list.d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return errno == ENOENT ? 0 : err_errno(e, "cannot read '/etc/apt/sources.list.d'");
	n = scandirat(dir, ".", &names, is_source_file, by_name);
	if (n < 0)
		return err_errno(e, "cannot read '/etc/apt/sources.list.d'");
	for (int i = 0; i < n; i++) {
		if (r >= 0)
			r = read_sources_file(dir, names[i]->d_name, ret, e);
		free(names[i]);
	}
	free(names);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ret->n; i++)
		for (size_t k = 0; k < ret->v[i].uris.n; k++)
			if (str_starts(ret->v[i].uris.v[k], "mirror+file:"))
				resolve_mirror_list(&ret->v[i].uris.v[k]);
	return 0;
}

int host_apt_read(struct host_apt *ret, struct err *e)
{
	char *argv[] = { "apt-config", "dump", NULL };
	auto_str dump = STR_INIT(FILE_MAX);
	int r = read_codename(ret, e);

	ret->settings_build = (struct str)STR_INIT(65536);
	ret->settings_image = (struct str)STR_INIT(65536);
	if (r >= 0)
		r = read_sources(&ret->sources, e);
	if (r < 0)
		return err_wrap(e, "cannot read the host's package sources");
	if (proc_run(argv, &dump, e) == 0)
		apt_conf_pick(
			str_text(&dump), &ret->settings_build, &ret->settings_image, &ret->notes);
	else
		err_clear(e); /* a host without apt has no settings of apt */
	return 0;
}

/* The value of a field of a release file's first stanza, compared with `prefix` + rest. */
static bool field_is(const char *text, const char *field, const char *value)
{
	size_t n = strlen(field), m = strlen(value);

	for (const char *p = text; *p;) {
		if (strncmp(p, field, n) == 0) {
			p += n;
			p += strspn(p, " ");
			return strncmp(p, value, m) == 0 && strchr("-\n", p[m]);
		}
		p += strcspn(p, "\n");
		p += *p == '\n';
	}
	return false;
}

enum apt_release host_apt_release_file(
	void *arg, const char *uri, const char *suite, const char *codename)
{
	static const char *const files[] = { "InRelease", "Release" };
	auto_close int dir = open("/var/lib/apt/lists", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)arg;
	for (size_t i = 0; dir >= 0 && i < ARRAY_SIZE(files); i++) {
		auto_str name = STR_INIT(4096);
		auto_free char *text = NULL;
		struct err ignored = { 0 };

		apt_list_name(uri, suite, files[i], &name);
		if (fs_read_file(dir, str_text(&name), FILE_MAX, &text, NULL, &ignored) < 0)
			continue;
		/* Codename is "bookworm", "bookworm-updates", "bookworm-security" */
		return field_is(text, "Origin:", "Debian") && field_is(text, "Codename:", codename)
			       ? APT_RELEASE_MAIN_ARCHIVE
			       : APT_RELEASE_OTHER;
	}
	return APT_RELEASE_UNKNOWN;
}
