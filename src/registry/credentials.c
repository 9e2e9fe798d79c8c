#include "registry/credentials.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "registry/credential_helper.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>

#define FILE_MAX ((size_t)1 << 20)

void secret_free(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void credentials_release(struct credentials *c)
{
	secret_free(c->user);
	secret_free(c->password);
	secret_free(c->token);
	*c = (struct credentials){ 0 };
}

char *credentials_basic(const struct credentials *c)
{
	char *plain = xasprintf("%s:%s", c->user, c->password);
	size_t n = strlen(plain);
	char *text = xmalloc(n * 4 / 3 + 8);

	EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)plain, (int)n);
	secret_free(plain);
	return text;
}

/* "user:password" in base64. */
static int decode(const char *text, struct credentials *ret)
{
	size_t len = strlen(text);
	char *plain = xmalloc(len + 4), *colon;
	int n = len % 4 ? -1
			: EVP_DecodeBlock(
				  (unsigned char *)plain, (const unsigned char *)text, (int)len);

	if (n < 0) {
		free(plain);
		return -EINVAL;
	}
	for (size_t i = len; i > 0 && text[i - 1] == '=' && n > 0; i--)
		n--;
	plain[n] = '\0';
	colon = strchr(plain, ':');
	/* some tools pad the password with NULs */
	if (!colon || colon == plain) {
		explicit_bzero(plain, len);
		free(plain);
		return -EINVAL;
	}
	ret->user = xstrndup(plain, (size_t)(colon - plain));
	ret->password = xstrdup(colon + 1);
	explicit_bzero(plain, len);
	free(plain);
	return 0;
}

/* Docker Hub's entry has an address from before there was a version 2. */
static bool is_hub(const char *host)
{
	return str_eq(host, "docker.io") || str_eq(host, "index.docker.io") ||
	       str_eq(host, "registry-1.docker.io");
}

/* Whether key "https://HOST/v1/", "HOST" or "HOST/team" is about that image; returns how long the
 * path is that it names, or -1. */
static int matches(const char *key, const char *host, const char *path)
{
	auto_free char *own = NULL;
	const char *slash, *rest = "";
	size_t n;

	if (str_starts(key, "https://"))
		key += strlen("https://");
	else if (str_starts(key, "http://"))
		key += strlen("http://");
	slash = strchr(key, '/');
	own = slash ? xstrndup(key, (size_t)(slash - key)) : xstrdup(key);
	if (!str_eq(own, host) && !(is_hub(own) && is_hub(host)))
		return -1;
	if (slash && !str_eq(slash, "/") && !str_starts(slash, "/v1") && !str_starts(slash, "/v2"))
		rest = slash + 1;
	n = strlen(rest);
	if (n && rest[n - 1] == '/')
		n--;
	if (strncmp(path, rest, n) != 0 || (n && path[n] && path[n] != '/'))
		return -1;
	return (int)n;
}

/* The member of `object` that is most about that image. */
static const json_t *best_entry(
	json_t *object, const char *host, const char *path, const char **ret_key)
{
	const json_t *best = NULL;
	const char *key;
	json_t *value;
	int longest = -1;

	json_object_foreach(object, key, value)
	{
		int n = matches(key, host, path);
		if (n > longest) {
			longest = n;
			best = value;
			*ret_key = key;
		}
	}
	return best;
}

static int read_entry(const json_t *entry, const char *key, struct credentials *ret, struct err *e)
{
	const char *auth = json_str(entry, "auth", ""),
		   *token = json_str(entry, "identitytoken", "");

	if (*token) {
		ret->token = xstrdup(token);
		return 1;
	}
	if (!*auth)
		return 0; /* an entry whose secret is in a credentials store */
	if (decode(auth, ret) < 0)
		return err_set(e, EINVAL, "its credentials for '%.100s' are damaged", key);
	return 1;
}

int credentials_parse(const char *text, size_t len, const char *host, const char *path,
	struct credentials *ret, char **ret_helper, struct err *e)
{
	auto_json *j = NULL;
	const char *key = "", *helper = NULL;
	const json_t *entry;
	int r = 0;

	if (json_parse(text, len, "the credentials", &j, e) < 0)
		return -e->code;
	entry = best_entry(json_object_get(j, "credHelpers"), host, path, &key);
	if (json_is_string(entry))
		helper = json_string_value(entry);
	else if ((entry = best_entry(json_object_get(j, "auths"), host, path, &key)) != NULL)
		r = read_entry(entry, key, ret, e);
	if (!helper && r == 0)
		helper = json_str(j, "credsStore", NULL);
	if (helper && *helper) {
		*ret_helper = xstrdup(helper);
		return 1;
	}
	return r;
}

static int look_into(const char *file, bool must_be, const char *host, const char *path,
	struct credentials *ret, struct err *e)
{
	auto_free char *helper = NULL;
	char *text = NULL;
	size_t len = 0;
	int r = fs_read_file(AT_FDCWD, file, FILE_MAX, &text, &len, e);

	if ((r == -ENOENT || r == -ENOTDIR) && !must_be) {
		err_clear(e);
		return 0;
	}
	if (r == 0)
		r = credentials_parse(text, len, host, path, ret, &helper, e);
	secret_free(text);
	if (r < 0)
		return err_wrap(e, "cannot read '%s'", file);
	if (helper)
		return credential_helper_get(helper, host, ret, e);
	return r;
}

static char *own_directory(void)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (config && *config == '/')
		return xasprintf("%s/redock", config);
	return home && *home == '/' ? xasprintf("%s/.config/redock", home) : NULL;
}

static char *docker_file(void)
{
	const char *config = getenv("DOCKER_CONFIG"), *home = getenv("HOME");

	if (config && *config)
		return xasprintf("%s/config.json", config);
	return home && *home == '/' ? xasprintf("%s/.docker/config.json", home) : NULL;
}

int credentials_find(const char *host, const char *path, struct credentials *ret, struct err *e)
{
	const char *named = getenv("REGISTRY_AUTH_FILE");
	auto_free char *own = own_directory(), *docker = docker_file(), *file = NULL;
	int r = 0;

	if (named && *named)
		r = look_into(named, false, host, path, ret, e);
	if (r == 0 && own) {
		file = xasprintf("%s/auth.json", own);
		r = look_into(file, false, host, path, ret, e);
	}
	if (r == 0 && docker)
		r = look_into(docker, false, host, path, ret, e);
	return r < 0 ? r : 0;
}

static int open_own(struct err *e)
{
	auto_free char *path = own_directory();

	if (!path) {
		err_set(e, ENOENT, "there is no place for credentials");
		return err_hint(e, "set HOME or XDG_CONFIG_HOME");
	}
	return fs_open_dir_make(AT_FDCWD, path, 0700, e);
}

static int write_own(int dir, json_t *j, struct err *e)
{
	char *text = json_text(j);
	int r = fs_write_file(dir, "auth.json", text, strlen(text), 0600, FS_DURABLE, e);

	secret_free(text);
	return r;
}

int credentials_store(const char *host, const struct credentials *c, bool *ret_was, struct err *e)
{
	auto_close int dir = open_own(e), lock = -1;
	auto_json *j = NULL;
	json_t *auths, *entry;

	if (dir < 0 || (lock = fs_lock(dir, "auth.lock", -1, e)) < 0)
		return -e->code;
	if (json_read_file(dir, "auth.json", FILE_MAX, &j, e) < 0) {
		if (e->code != ENOENT)
			return err_wrap(e, "cannot read 'auth.json'");
		err_clear(e);
		j = json_object();
	}
	auths = json_object_get(j, "auths");
	if (!json_is_object(auths)) {
		auths = json_object();
		json_object_set_new(j, "auths", auths);
	}
	if (ret_was)
		*ret_was = json_object_get(auths, host) != NULL;
	if (!c && !json_object_get(auths, host))
		return 0;
	json_object_del(auths, host);
	if (c) {
		char *auth = c->token ? NULL : credentials_basic(c);
		entry = c->token ? json_pack("{s:s}", "identitytoken", c->token)
				 : json_pack("{s:s}", "auth", auth);
		secret_free(auth);
		if (!entry)
			return err_set(e, EINVAL, "the credentials cannot be written down");
		json_object_set_new(auths, host, entry);
	}
	return write_own(dir, j, e);
}
