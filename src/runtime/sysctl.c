#include "runtime/sysctl.h"
#include "base/fs.h"
#include "base/mem.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <string.h>
#include <sys/vfs.h>

#define KEY_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-@:./"

int sysctl_parse(const char *text, char **ret_key, const char **ret_value, struct err *e)
{
	const char *start = *text == '-' ? text + 1 : text, *eq = strchr(start, '=');
	auto_free char *key = eq ? xstrndup(start, (size_t)(eq - start)) : NULL;
	size_t first;

	if (!key || !*key || !str_is_one_line(text) || strspn(key, KEY_CHARS) != strlen(key) ||
		strstr(key, "..") || strstr(key, "//") || strchr("./-", *key) ||
		strlen(key) > 255 || strchr("./", key[strlen(key) - 1]))
		return err_set(e, EINVAL, "'%s' is not a sysctl: expected KEY=VALUE", text);
	first = strcspn(key, "./");
	if (key[first] == '.')
		/* what is a slash in such a key is a dot in the file's name: an interface's, say */
		for (char *p = key; *p; p++)
			*p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
	*ret_key = take_ptr(&key);
	*ret_value = eq + 1;
	return 0;
}

static bool has_own(const struct spec *s, int64_t flag)
{
	return spec_namespace_of(s, flag) ||
	       (flag == CLONE_NEWNET && s->network == SPEC_NETWORK_PREPARED);
}

int sysctl_allowed(const struct spec *s, const char *key, struct err *e)
{
	static const struct {
		const char *key; /* ends with a slash: and all below */
		int64_t flag;
		const char *what;
	} allowed[] = {
		{ "kernel/msgmax", CLONE_NEWIPC, "IPC" },
		{ "kernel/msgmnb", CLONE_NEWIPC, "IPC" },
		{ "kernel/msgmni", CLONE_NEWIPC, "IPC" },
		{ "kernel/sem", CLONE_NEWIPC, "IPC" },
		{ "kernel/shmall", CLONE_NEWIPC, "IPC" },
		{ "kernel/shmmax", CLONE_NEWIPC, "IPC" },
		{ "kernel/shmmni", CLONE_NEWIPC, "IPC" },
		{ "kernel/shm_rmid_forced", CLONE_NEWIPC, "IPC" },
		{ "fs/mqueue/", CLONE_NEWIPC, "IPC" },
		{ "kernel/domainname", CLONE_NEWUTS, "UTS" },
		{ "net/", CLONE_NEWNET, "network" },
		{ "user/", CLONE_NEWUSER, "user" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
		if (str_ends(allowed[i].key, "/") ? !str_starts(key, allowed[i].key)
						  : !str_eq(key, allowed[i].key))
			continue;
		if (has_own(s, allowed[i].flag))
			return 0;
		return err_set(e, EPERM,
			"sysctl '%s' is the host's unless the container has its own %s namespace",
			key, allowed[i].what);
	}
	err_set(e, EPERM, "sysctl '%s' belongs to no namespace: it would change the host's", key);
	return err_hint(e, "set it on the host: sysctl -w %s=...", key);
}

/* Only if the file is procfs's, and that of its name: another of procfs's may be mounted on it
 * (T06). */
static int write_one(int proc_fd, const char *key, const char *value, struct err *e)
{
	auto_free char *path = xasprintf("sys/%s", key);
	auto_close int fd = rfd_open_own(proc_fd, path, O_WRONLY);
	struct statfs sfs;

	if (fd < 0)
		return err_set(e, -fd, "cannot set sysctl '%s': %s", key, strerror(-fd));
	if (fstatfs(fd, &sfs) < 0 || sfs.f_type != PROC_SUPER_MAGIC ||
		write(fd, value, strlen(value)) < 0)
		return err_errno(e, "cannot set sysctl '%s' to '%s'", key, value);
	return 0;
}

int sysctls_write(const struct spec *s, int proc_fd, struct err *e)
{
	for (size_t i = 0; i < s->sysctls.n; i++) {
		const char *text = s->sysctls.v[i], *value;
		auto_free char *key = NULL;
		bool may_lack = *text == '-';
		int r = sysctl_parse(text, &key, &value, e);
		if (r == 0)
			r = sysctl_allowed(s, key, e);
		if (r == 0)
			r = write_one(proc_fd, key, value, e);
		if (r < 0 && !may_lack)
			return r;
		if (r < 0 && r != -ENOENT && r != -EPERM)
			return r;
		if (r < 0)
			err_clear(e);
	}
	return 0;
}
