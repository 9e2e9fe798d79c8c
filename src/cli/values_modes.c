/* Choices from a few words, KEY=VALUE lists, security options. */
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/values.h"
#include "engine/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define PROFILE_MAX (1 << 20)

static int one_of(
	const char *text, const char *const *words, const char *what, void *ret_text, struct err *e)
{
	auto_str all = STR_INIT(256);

	for (size_t i = 0; words[i]; i++) {
		bool prefix = str_ends(words[i], ":NAME");
		size_t len = strlen(words[i]) - (prefix ? strlen("NAME") : 0);

		if (prefix ? strncmp(text, words[i], len) == 0 && text[len] && str_is_one_line(text)
			   : str_eq(text, words[i])) {
			*(const char **)ret_text = text;
			return 0;
		}
		str_addf(&all, "%s%s", i ? ", " : "", words[i]);
	}
	err_set(e, EINVAL, "'%s' is no %s", text, what);
	return err_hint(e, "%s", str_text(&all));
}

int value_pid_mode(const char *text, void *ret_text, struct err *e)
{
	static const char *const words[] = { "private", "host", "container:NAME", NULL };

	return one_of(text, words, "PID namespace", ret_text, e);
}

int value_ipc_mode(const char *text, void *ret_text, struct err *e)
{
	static const char *const words[] = { "private", "shareable", "none", "host",
		"container:NAME", NULL };

	return one_of(text, words, "IPC namespace", ret_text, e);
}

int value_uts_mode(const char *text, void *ret_text, struct err *e)
{
	static const char *const words[] = { "private", "host", NULL };

	return one_of(text, words, "UTS namespace", ret_text, e);
}

int value_userns_mode(const char *text, void *ret_text, struct err *e)
{
	static const char *const words[] = { "host", NULL };

	return one_of(text, words, "user namespace", ret_text, e);
}

int value_cgroupns_mode(const char *text, void *ret_text, struct err *e)
{
	static const char *const words[] = { "private", "host", NULL };

	return one_of(text, words, "cgroup namespace", ret_text, e);
}

int value_pull(const char *text, void *ret_text, struct err *e)
{
	static const char *const words[] = { "missing", "never", "always", NULL };

	return one_of(text, words, "time to pull", ret_text, e);
}

int value_log_driver(const char *text, void *ret_text, struct err *e)
{
	static const char *const words[] = { "json-file", "journald", "none", NULL };

	return one_of(text, words, "log driver", ret_text, e);
}

int value_line_push(const char *text, void *ret_strv, struct err *e)
{
	const char *line;

	if (value_line(text, &line, e) < 0)
		return -EINVAL;
	strv_push(ret_strv, line);
	return 0;
}

/* A container's name or id, with or without ":ro". */
int value_from_push(const char *text, void *ret_strv, struct err *e)
{
	size_t len = strcspn(text, ":");

	if (!len || !str_is_one_line(text) ||
		(text[len] && !str_eq(text + len, ":ro") && !str_eq(text + len, ":rw"))) {
		err_set(e, EINVAL, "'%s' is no container", text);
		return err_hint(e, "CONTAINER or CONTAINER:ro");
	}
	strv_push(ret_strv, text);
	return 0;
}

/* The last one of a key counts. */
int value_label_push(const char *text, void *ret_strv, struct err *e)
{
	auto_free char *entry = strchr(text, '=') ? xstrdup(text) : xasprintf("%s=", text);

	if (*entry == '=')
		return err_set(e, EINVAL, "'%s' has no name before the '='", text);
	strv_set_env(ret_strv, entry);
	return 0;
}

int value_setting_push(const char *text, void *ret_strv, struct err *e)
{
	if (*text == '=' || !strchr(text, '=') || !str_is_one_line(text)) {
		err_set(e, EINVAL, "'%s' is no KEY=VALUE", text);
		return -EINVAL;
	}
	strv_set_env(ret_strv, text);
	return 0;
}

int value_sysctl_push(const char *text, void *ret_strv, struct err *e)
{
	size_t key = strcspn(text, "=");

	if (key == 0 || !text[key] ||
		strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			     "0123456789_.-/") < key ||
		strstr(text, "..") || !str_is_one_line(text)) {
		err_set(e, EINVAL, "'%s' is no setting of the kernel", text);
		return err_hint(e, "as sysctl(8) has it: net.ipv4.ip_forward=1");
	}
	strv_set_env(ret_strv, text);
	return 0;
}

/* ---- --security-opt ---- */

/* The profile's text itself is kept: the file may be gone at the next start. */
static int seccomp_profile(const char *path, struct strv *ret, struct err *e)
{
	auto_free char *text = NULL, *compact = NULL;
	auto_json *profile = NULL;
	size_t len;
	int r = fs_read_file(AT_FDCWD, path, PROFILE_MAX, &text, &len, e);

	if (r < 0 || (r = json_parse(text, len, path, &profile, e)) < 0)
		return r;
	if (!json_is_object(profile) || !json_object_get(profile, "defaultAction"))
		return err_set(
			e, EINVAL, "'%s' is no seccomp profile: it has no defaultAction", path);
	compact = json_text(profile);
	strv_pushf(ret, "seccomp=%s", compact);
	return 0;
}

static int no_new_privileges(const char *value, struct strv *ret, struct err *e)
{
	if (!value || str_eq(value, "true")) {
		strv_push(ret, "no-new-privileges");
		return 0;
	}
	return str_eq(value, "false") ? 0
				      : err_set(e, EINVAL, "'%s' is neither true nor false", value);
}

int value_security(const char *text, void *config, struct err *e)
{
	struct strv *ret = &((struct container_config *)config)->security;
	size_t key_len = strcspn(text, "=:"); /* Docker's older form has a colon */
	auto_free char *key = xstrndup(text, key_len);
	const char *value = text[key_len] ? text + key_len + 1 : NULL;

	if (!str_is_one_line(text))
		return err_set(e, EINVAL, "it has a line break");
	if (str_eq(key, "no-new-privileges"))
		return no_new_privileges(value, ret, e);
	if (str_eq(key, "seccomp") && value && *value && !str_eq(value, "unconfined"))
		return str_eq(value, "builtin") ? 0 : seccomp_profile(value, ret, e);
	if ((str_eq(key, "seccomp") || str_eq(key, "apparmor") || str_eq(key, "label")) && value &&
		*value) {
		strv_pushf(ret, "%s=%s", key, value);
		return 0;
	}
	if (str_eq(key, "systempaths") && value && str_eq(value, "unconfined")) {
		strv_push(ret, "systempaths=unconfined");
		return 0;
	}
	err_set(e, EINVAL, "'%s' is no security option", text);
	return err_hint(e, "no-new-privileges, seccomp=FILE|unconfined, apparmor=PROFILE, "
			   "label=OPTION, systempaths=unconfined");
}
