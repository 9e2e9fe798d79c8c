#include "registry/settings.h"
#include "base/conf.h"
#include "base/fs.h"
#include "base/mem.h"

#include <fcntl.h>
#include <string.h>

#define TIMEOUT_DEFAULT  30
#define CERTIFICATES_MAX ((size_t)1 << 20)

static void split(const char *text, struct strv *ret)
{
	while (*(text += strspn(text, " \t,"))) {
		size_t n = strcspn(text, " \t,");
		strv_push_take(ret, xstrndup(text, n));
		text += n;
	}
}

static int get_list(const char *key, struct strv *ret, struct err *e)
{
	auto_free char *text = NULL;
	int r = conf_get(key, &text, e);

	if (r > 0)
		split(text, ret);
	return r;
}

int registry_settings_list(const char *key, const char *host, struct strv *ret, struct err *e)
{
	auto_free char *whole = xasprintf("%s.%s", key, host);
	int r = get_list(whole, ret, e);

	return r < 0 ? r : 0;
}

int registry_settings_load(struct registry_settings *ret, struct err *e)
{
	static const char *const usual[] = { "/etc/redock/certs.d", "/etc/containers/certs.d",
		"/etc/docker/certs.d" };
	auto_registry_settings s = { .timeout = TIMEOUT_DEFAULT };
	auto_free char *timeout = NULL;
	uint64_t seconds;
	int r = get_list("insecure_registries", &s.insecure, e);

	if (r < 0 || (r = get_list("registry_certificates", &s.certificates, e)) < 0)
		return r;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(usual); i++)
		strv_push(&s.certificates, usual[i]);
	r = conf_get("registry_timeout", &timeout, e);
	if (r < 0)
		return r;
	if (r > 0) {
		if (str_to_u64(timeout, 1, 3600, &seconds) < 0) {
			err_set(e, EINVAL, "redock.conf: 'registry_timeout' is no time");
			return err_hint(e, "seconds: registry_timeout = 30");
		}
		s.timeout = (unsigned)seconds;
	}
	*ret = s;
	s = (struct registry_settings){ 0 };
	return 0;
}

void registry_settings_release(struct registry_settings *s)
{
	strv_release(&s->insecure);
	strv_release(&s->certificates);
}

bool registry_is_insecure(const struct registry_settings *s, const struct origin *o)
{
	char host[ORIGIN_TEXT_SIZE], with_port[ORIGIN_TEXT_SIZE];

	origin_host(o, host);
	snprintf(with_port, sizeof with_port, "%s:%u", o->host, o->port);
	return strv_has(&s->insecure, host) || strv_has(&s->insecure, with_port);
}

bool registry_may_be_plain(const struct registry_settings *s, const struct origin *o)
{
	return origin_is_loopback(o) || registry_is_insecure(s, o);
}

static int add_authority(int dir, const char *name, struct str *all, struct err *e)
{
	auto_free char *text = NULL;
	size_t len;

	if (fs_read_file(dir, name, CERTIFICATES_MAX, &text, &len, e) < 0)
		return -e->code;
	str_add_data(all, text, len);
	str_add_char(all, '\n');
	return all->overflow ? err_set(e, EFBIG, "there are too many certificates") : 0;
}

static int read_directory(int fd, const char *path, struct str *authorities,
	struct registry_certificates *ret, struct err *e)
{
	auto_dir DIR *d = fdopendir(fd);
	struct dirent *entry;

	if (!d) {
		close(fd);
		return err_errno(e, "cannot read '%s'", path);
	}
	while ((errno = 0, entry = readdir(d))) {
		const char *name = entry->d_name;
		if (str_ends(name, ".crt") && add_authority(dirfd(d), name, authorities, e) < 0)
			return err_wrap(e, "%s/%s", path, name);
		if (str_ends(name, ".cert") && !ret->certificate) {
			ret->certificate = xasprintf("%s/%s", path, name);
			ret->key = xasprintf(
				"%s/%.*s.key", path, (int)(strlen(name) - strlen(".cert")), name);
		}
	}
	return errno ? err_errno(e, "cannot read '%s'", path) : 0;
}

/* As Docker has it: the first directory that is there counts. */
int registry_certificates_load(const struct registry_settings *s, const struct origin *o,
	struct registry_certificates *ret, struct err *e)
{
	auto_str authorities = STR_INIT(CERTIFICATES_MAX);
	auto_certificates c = { 0 };
	char names[2][ORIGIN_TEXT_SIZE];

	snprintf(names[0], sizeof names[0], "%s:%u", o->host, o->port);
	origin_host(o, names[1]);
	for (size_t i = 0; i < 2 * s->certificates.n; i++) {
		auto_free char *path = xasprintf("%s/%s", s->certificates.v[i / 2], names[i % 2]);
		int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (read_directory(fd, path, &authorities, &c, e) < 0)
			return -e->code;
		break;
	}
	if (authorities.len)
		c.authorities = str_take(&authorities);
	*ret = c;
	c = (struct registry_certificates){ 0 };
	return 0;
}

void registry_certificates_release(struct registry_certificates *c)
{
	free(c->authorities);
	free(c->certificate);
	free(c->key);
}
