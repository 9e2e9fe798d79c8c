/* Capabilities, --security-opt, sysctls, and what --privileged means. */
#include "base/fs.h"
#include "base/mem.h"
#include "engine/local/options.h"
#include "runtime/posture.h"

#include <string.h>
#include <strings.h>

#define PROFILE_MAX (4u << 20)

static const char *without_prefix(const char *name)
{
	return strncasecmp(name, "CAP_", 4) == 0 ? name + 4 : name;
}

static int unknown_cap(const char *name, struct err *e)
{
	char upper[64];
	const char *nearest = NULL;
	unsigned best = 4;
	size_t n = strlen(name);

	err_set(e, EINVAL, "no capability is called '%.40s'", name);
	if (n >= sizeof upper)
		return err_hint(e, "a name of capabilities(7), such as NET_ADMIN");
	for (size_t i = 0; i <= n; i++)
		upper[i] = name[i] >= 'a' && name[i] <= 'z' ? (char)(name[i] - 32) : name[i];
	for (unsigned i = 0; posture_cap_name(i); i++) {
		unsigned distance = str_distance(without_prefix(upper), posture_cap_name(i));
		if (distance < best) {
			best = distance;
			nearest = posture_cap_name(i);
		}
	}
	return nearest ? err_hint(e, "%s", nearest)
		       : err_hint(e, "a name of capabilities(7), such as NET_ADMIN");
}

static int cap_mask(const struct strv *names, uint64_t *ret, bool *ret_all, struct err *e)
{
	*ret = 0;
	*ret_all = false;
	for (size_t i = 0; i < names->n; i++) {
		const char *name = without_prefix(names->v[i]);
		unsigned n = 0;
		if (strcasecmp(name, "ALL") == 0) {
			*ret_all = true;
			continue;
		}
		while (posture_cap_name(n) && strcasecmp(posture_cap_name(n), name) != 0)
			n++;
		if (!posture_cap_name(n))
			return unknown_cap(names->v[i], e);
		*ret |= UINT64_C(1) << n;
	}
	return 0;
}

/* As Docker: everything added but what is dropped; or everything dropped but what is added; or the
 * default without what is dropped and with what is added. */
int caps_parse(const struct container_config *c, uint64_t *ret, struct err *e)
{
	uint64_t add, drop, all = posture_caps_all();
	bool add_all, drop_all;

	if (cap_mask(&c->cap_add, &add, &add_all, e) < 0 ||
		cap_mask(&c->cap_drop, &drop, &drop_all, e) < 0)
		return -e->code;
	if (c->privileged && c->cap_drop.n) {
		err_set(e, EINVAL,
			"a privileged container has every capability: none can be dropped");
		return err_hint(
			e, "--cap-add ALL --cap-drop %s instead of --privileged", c->cap_drop.v[0]);
	}
	if (add & ~all)
		return err_set(e, EINVAL,
			"a capability that was asked for is not ours to give, or unknown to this "
			"kernel");
	*ret = c->privileged ? all
	       : add_all     ? all & ~drop
	       : drop_all    ? add
			     : (posture_caps & ~drop) | add;
	return 0;
}

/* "name=value" or, as Docker once wrote it, "name:value". */
static const char *value_of(const char *option, const char *name)
{
	size_t n = strlen(name);

	return strncmp(option, name, n) == 0 && (option[n] == '=' || option[n] == ':')
		       ? option + n + 1
		       : NULL;
}

static int parse_seccomp(const char *value, struct security *ret, struct err *e)
{
	if (str_eq(value, "unconfined")) {
		ret->seccomp_unconfined = true;
	} else if (str_eq(value, "builtin") || str_eq(value, "default")) {
		ret->seccomp_unconfined = false;
		ret->seccomp_profile = NULL;
	} else if (*value == '{' || strchr(" \t\r\n", *value)) {
		if (strlen(value) > PROFILE_MAX)
			return err_set(e, E2BIG, "the seccomp profile is larger than 4 MB");
		ret->seccomp_profile = value;
	} else {
		err_set(e, EINVAL, "'%.60s' is no seccomp profile", value);
		return err_hint(e, "seccomp=unconfined, or a file with a JSON profile");
	}
	return 0;
}

static bool is_plain(const char *text)
{
	return *text && strlen(text) < 256 && str_is_one_line(text) && !strchr(text, ' ');
}

static int parse_apparmor(const char *value, struct security *ret, struct err *e)
{
	if (!is_plain(value) || strchr(value, '/') == value)
		return err_set(e, EINVAL, "'%.60s' cannot be an AppArmor profile", value);
	ret->apparmor = NULL;
	if (str_eq(value, "unconfined"))
		return 0;
	if (access("/sys/module/apparmor", F_OK) < 0) {
		err_set(e, ENOTSUP, "this host has no AppArmor, so profile '%s' means nothing",
			value);
		return err_hint(e, "leave out apparmor=%s", value);
	}
	ret->apparmor = value;
	return 0;
}

/* Docker's label=disable and label=user|role|type|level:VALUE; a whole context is taken, too. */
static int parse_label(const char *value, struct security *ret, struct err *e)
{
	if (str_eq(value, "disable")) {
		ret->selinux = NULL;
		return 0;
	}
	if (!is_plain(value))
		return err_set(e, EINVAL, "'%.60s' cannot be a label", value);
	if (access("/sys/fs/selinux/enforce", F_OK) < 0) {
		err_set(e, ENOTSUP, "this host has no SELinux, so label '%s' means nothing", value);
		return err_hint(e, "leave out label=%s", value);
	}
	ret->selinux = value;
	return 0;
}

static int unknown_option(const char *option, struct err *e)
{
	err_set(e, EINVAL, "'%.60s' is no security option", option);
	return err_hint(e, "seccomp=FILE, seccomp=unconfined, no-new-privileges, apparmor=PROFILE, "
			   "label=OPTION, systempaths=unconfined");
}

static int parse_flag(const char *option, const char *value, bool *ret, struct err *e)
{
	if (!str_eq(value, "true") && !str_eq(value, "false"))
		return unknown_option(option, e);
	*ret = str_eq(value, "true");
	return 0;
}

int security_parse(const struct container_config *c, struct security *ret, struct err *e)
{
	*ret = (struct security){ .seccomp_unconfined = c->privileged, .unmask = c->privileged };
	for (size_t i = 0; i < c->security.n; i++) {
		const char *option = c->security.v[i], *value;
		int r = 0;
		if (str_eq(option, "no-new-privileges"))
			ret->no_new_privs = true;
		else if ((value = value_of(option, "no-new-privileges")))
			r = parse_flag(option, value, &ret->no_new_privs, e);
		else if ((value = value_of(option, "seccomp")))
			r = parse_seccomp(value, ret, e);
		else if ((value = value_of(option, "apparmor")))
			r = parse_apparmor(value, ret, e);
		else if ((value = value_of(option, "label")))
			r = parse_label(value, ret, e);
		else if ((value = value_of(option, "systempaths")) && str_eq(value, "unconfined"))
			ret->unmask = true;
		else
			r = unknown_option(option, e);
		if (r < 0)
			return r;
	}
	if (c->userns_mode && *c->userns_mode && !str_eq(c->userns_mode, "host")) {
		err_set(e, ENOTSUP, "'%.40s' is no user namespace that a container can have",
			c->userns_mode);
		return err_hint(e, "--userns host, which is the default");
	}
	return 0;
}

static bool is_ipc_sysctl(const char *key)
{
	static const char *const keys[] = { "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni",
		"kernel.sem", "kernel.shmall", "kernel.shmmax", "kernel.shmmni",
		"kernel.shm_rmid_forced" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (str_eq(keys[i], key))
			return true;
	return str_starts(key, "fs.mqueue.");
}

/* Those that belong to a namespace of the container's own, and nothing that only looks like one
 * (T26): a key is letters, digits, '_', '-' and dots between. */
static int check_sysctl(const struct container_config *c, const char *entry, struct err *e)
{
	size_t n = strcspn(entry, "=");
	auto_free char *key = xstrndup(entry, n);
	bool ipc, net;

	for (char *p = key; *p; p++)
		if (*p == '/')
			*p = '.';
	ipc = is_ipc_sysctl(key);
	net = str_starts(key, "net.");
	if (!entry[n] || !str_is_one_line(entry) || n > 200 ||
		strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") !=
			n ||
		strstr(key, "..") || (n && key[n - 1] == '.'))
		return err_set(e, EINVAL, "'%.60s' is no sysctl: expected KEY=VALUE", entry);
	if (!ipc && !net) {
		err_set(e, EPERM, "sysctl '%.60s' is not a container's own", key);
		return err_hint(e, "net.*, fs.mqueue.*, kernel.msg*, kernel.sem, kernel.shm*");
	}
	if (net && c->network &&
		(str_eq(c->network, "host") || str_starts(c->network, "container:")))
		return err_set(e, EINVAL, "sysctl '%.60s' would change the network '%.40s'", key,
			c->network);
	if (ipc && c->ipc_mode &&
		(str_eq(c->ipc_mode, "host") || str_starts(c->ipc_mode, "container:")))
		return err_set(e, EINVAL, "sysctl '%.60s' would change the IPC namespace '%.40s'",
			key, c->ipc_mode);
	return 0;
}

int sysctls_check(const struct container_config *c, struct err *e)
{
	for (size_t i = 0; i < c->sysctls.n; i++)
		if (check_sysctl(c, c->sysctls.v[i], e) < 0)
			return -e->code;
	return 0;
}

void security_to_spec(const struct container_config *c, const struct security *security,
	uint64_t caps, struct spec *s)
{
	s->caps = (struct spec_caps){ caps, caps, caps, 0, 0 };
	s->no_new_privs = security->no_new_privs;
	s->apparmor = security->apparmor ? xstrdup(security->apparmor) : NULL;
	s->selinux = security->selinux ? xstrdup(security->selinux) : NULL;
	free(take_ptr(&s->seccomp)); /* filter.c's */
	if (security->unmask) {
		strv_release(&s->masked);
		strv_release(&s->read_only_paths);
	}
	strv_extend(&s->sysctls, c->sysctls.v);
}
