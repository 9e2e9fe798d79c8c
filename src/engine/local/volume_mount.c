/*
 * Driver "local" with options: a file system that is mounted at a volume's _data.
 *
 * type, device and o are mount(8)'s in name only: they go to mount(2) after our own parsing, so
 * that no program of the host's runs and nothing is looked up but an NFS server's name.
 */
#include "base/mem.h"
#include "engine/local/volumes.h"

#include <fcntl.h>
#include <netdb.h>
#include <string.h>
#include <sys/mount.h>

#define DATA_MAX 4095 /* mount(2) takes a page */

struct flag {
	const char *name;
	unsigned long set, clear;
};
static const struct flag flags[] = {
	{ "defaults", 0, 0 }, { "ro", MS_RDONLY, 0 }, { "rw", 0, MS_RDONLY },
	{ "nosuid", MS_NOSUID, 0 }, { "suid", 0, MS_NOSUID }, { "nodev", MS_NODEV, 0 },
	{ "dev", 0, MS_NODEV }, { "noexec", MS_NOEXEC, 0 }, { "exec", 0, MS_NOEXEC },
	{ "sync", MS_SYNCHRONOUS, 0 }, { "async", 0, MS_SYNCHRONOUS }, { "dirsync", MS_DIRSYNC, 0 },
	{ "noatime", MS_NOATIME, 0 }, { "atime", 0, MS_NOATIME },
	{ "nodiratime", MS_NODIRATIME, 0 }, { "relatime", MS_RELATIME, 0 },
	{ "norelatime", 0, MS_RELATIME }, { "strictatime", MS_STRICTATIME, 0 },
	{ "bind", MS_BIND, 0 }, { "rbind", MS_BIND | MS_REC, 0 },
	{ "nolock", 0,
		0 }, /* NFS below version 4: the kernel's own default for us, with no statd */
};

struct options {
	const char *type, *device, *o;
};

static const char *option_value(const char *entry, const char *key)
{
	size_t n = strlen(key);

	return strncmp(entry, key, n) == 0 && entry[n] == '=' ? entry + n + 1 : NULL;
}

static int parse(char *const *entries, struct options *ret, struct err *e)
{
	*ret = (struct options){ NULL, NULL, NULL };
	for (; entries && *entries; entries++) {
		const char *value;
		if (!str_is_one_line(*entries) || strlen(*entries) > DATA_MAX)
			return err_set(
				e, EINVAL, "'%.60s' cannot be an option of a volume", *entries);
		if ((value = option_value(*entries, "type")))
			ret->type = value;
		else if ((value = option_value(*entries, "device")))
			ret->device = value;
		else if ((value = option_value(*entries, "o")))
			ret->o = value;
		else {
			err_set(e, EINVAL, "'%.60s' is no option of volume driver 'local'",
				*entries);
			return err_hint(e, "type=, device= and o=");
		}
	}
	return 0;
}

static bool is_bind(const struct options *o)
{
	auto_free char *copy = xstrdup(o->o ? o->o : "");
	char *save = NULL;

	for (char *p = strtok_r(copy, ",", &save); p; p = strtok_r(NULL, ",", &save))
		if (str_eq(p, "bind") || str_eq(p, "rbind"))
			return true;
	return false;
}

int volume_options_check(char *const *entries, struct err *e)
{
	struct options o;

	if (parse(entries, &o, e) < 0)
		return -e->code;
	if (!o.type && !o.device && !o.o)
		return 0;
	if (o.type &&
		(strspn(o.type, "abcdefghijklmnopqrstuvwxyz0123456789._-") != strlen(o.type) ||
			strlen(o.type) > 32))
		return err_set(e, EINVAL, "'%.40s' cannot be a type of file system", o.type);
	if (!o.type && !is_bind(&o)) {
		err_set(e, EINVAL, "the volume's options lack the type of its file system");
		return err_hint(e, "type=tmpfs, or type=none with o=bind");
	}
	if (!o.device && (!o.type || !str_eq(o.type, "tmpfs"))) {
		err_set(e, EINVAL, "the volume's options lack the device");
		return err_hint(e, "device=tmpfs, device=/dev/vdb1, device=:/export");
	}
	if (is_bind(&o) && *o.device != '/')
		return err_set(e, EINVAL, "'%.80s' is no absolute path for a volume to be bound to",
			o.device);
	return 0;
}

/* The kernel's NFS wants an address, not a name (nfs(5): mount.nfs looks it up). */
static int add_address(const char *host, struct str *data, struct err *e)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	char text[NI_MAXHOST];
	int r = getaddrinfo(host, NULL, &hints, &found);

	if (r == 0)
		r = getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof text, NULL, 0,
			NI_NUMERICHOST);
	if (found)
		freeaddrinfo(found);
	if (r != 0)
		return err_set(e, ENOENT, "cannot find the address of NFS server '%.80s': %s", host,
			gai_strerror(r));
	str_addf(data, "%saddr=%s", data->len ? "," : "", text);
	return 0;
}

static int parse_mount_options(
	const struct options *o, unsigned long *ret_flags, struct str *data, struct err *e)
{
	auto_free char *copy = xstrdup(o->o ? o->o : "");
	char *save = NULL;

	*ret_flags = 0;
	for (char *p = strtok_r(copy, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
		const struct flag *f = NULL;
		for (size_t i = 0; i < ARRAY_SIZE(flags) && !f; i++)
			if (str_eq(flags[i].name, p) &&
				(!str_eq(p, "nolock") ||
					!str_starts(o->type ? o->type : "", "nfs")))
				f = &flags[i];
		if (f)
			*ret_flags = (*ret_flags & ~f->clear) | f->set;
		else if (o->type && str_starts(o->type, "nfs") && str_starts(p, "addr=")) {
			if (add_address(p + 5, data, e) < 0)
				return -e->code;
		} else
			str_addf(data, "%s%s", data->len ? "," : "", p);
	}
	return data->overflow ? err_set(e, E2BIG, "the volume's mount options are too long") : 0;
}

int volume_mount(const char *name, int data_fd, const struct strv *entries, struct err *e)
{
	auto_str data = STR_INIT(DATA_MAX);
	char target[32];
	struct options o;
	unsigned long mount_flags;

	if (volume_options_check(entries->v, e) < 0 || parse(entries->v, &o, e) < 0 ||
		parse_mount_options(&o, &mount_flags, &data, e) < 0)
		return err_wrap(e, "cannot mount volume '%s'", name);
	snprintf(target, sizeof target, "/proc/self/fd/%d", data_fd);
	if (mount(o.device ? o.device : "tmpfs", target, o.type ? o.type : "none", mount_flags,
		    mount_flags & MS_BIND ? NULL : str_text(&data)) < 0)
		return err_errno(e, "cannot mount volume '%s' (type %s, device %.200s)", name,
			o.type ? o.type : "none", o.device ? o.device : "tmpfs");
	/* a bind mount takes its flags in a second step (mount(2), "Remounting") */
	if (mount_flags & MS_BIND && mount_flags & ~(unsigned long)(MS_BIND | MS_REC)) {
		auto_free char *again = xasprintf("/proc/self/fd/%d/../_data", data_fd);
		if (mount(NULL, again, NULL, (mount_flags & ~(unsigned long)MS_REC) | MS_REMOUNT,
			    NULL) < 0) {
			err_errno(e, "cannot set the mount options of volume '%s'", name);
			umount2(again, MNT_DETACH | UMOUNT_NOFOLLOW);
			return -e->code;
		}
	}
	return 0;
}

bool volume_is_mounted(int dirfd, const char *name)
{
	struct statx stx;

	return statx(dirfd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &stx) == 0 &&
	       stx.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

/* Detached: what a container still has of it, it keeps. One at a time, should somebody have mounted
 * another on top. */
int volume_unmount(int dirfd, const char *name)
{
	auto_free char *path = xasprintf("/proc/self/fd/%d/%s", dirfd, name);

	while (volume_is_mounted(dirfd, name))
		if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
			return -errno;
	return 0;
}
