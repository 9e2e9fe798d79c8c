/* Devices: the posture's rules, --device, --device-cgroup-rule, and all of them for --privileged.
 */
#include "base/fs.h"
#include "base/mem.h"
#include "engine/local/options.h"

#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

#define DEVICES_MAX 4096 /* nodes of one container; a /dev has some hundreds */
#define DEPTH_MAX   8

static bool is_access(const char *text)
{
	size_t n = strlen(text);

	return n >= 1 && n <= 3 && strspn(text, "rwm") == n;
}

/* The same node twice is one, however it got there. */
static bool has_node(const struct spec *s, const char *path)
{
	for (size_t i = 0; i < s->n_devices; i++)
		if (str_eq(s->devices[i].path, path))
			return true;
	return false;
}

static int add_node(const struct stat *st, const char *container, const char *access,
	struct spec *s, struct err *e)
{
	char type = S_ISBLK(st->st_mode) ? 'b' : 'c';
	unsigned dev_major = major(st->st_rdev), dev_minor = minor(st->st_rdev);
	char rule[48];

	if (s->n_devices >= DEVICES_MAX)
		return err_set(e, E2BIG, "more than %d devices are too many", DEVICES_MAX);
	if (!has_node(s, container))
		*spec_add_device(s) = (struct spec_device){ xstrdup(container), type, dev_major,
			dev_minor, st->st_mode & 07777, st->st_uid, st->st_gid };
	/* with "m" in any case: the node is made from the inside, under this rule. What has no
	 * CAP_MKNOD makes no others; and one that has opens them with no more than this allows */
	snprintf(rule, sizeof rule, "%c %u:%u %s%s", type, dev_major, dev_minor, access,
		strchr(access, 'm') ? "" : "m");
	return cgroup_allow_device(&s->resources, rule, e);
}

static bool is_device(const struct stat *st)
{
	return S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode);
}

/* What a container has of its own, whatever the host's /dev holds. */
static bool is_own_mount(const char *container)
{
	static const char *const names[] = { "/dev/pts", "/dev/shm", "/dev/mqueue", "/dev/fd",
		"/dev/.lxc", "/dev/.lxd-mounts", "/dev/.udev" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_eq(container, names[i]))
			return true;
	return false;
}

/* The devices in the host's directory `fd` and below; links are left out, as Docker does. */
static int add_directory(int dir, const char *container, const char *access, unsigned depth,
	struct spec *s, struct err *e)
{
	auto_dir DIR *d = fdopendir(dir);
	struct dirent *ent;
	int r = 0;

	while (r == 0 && d && (ent = readdir(d))) {
		auto_free char *path = xasprintf("%s/%s", container, ent->d_name);
		struct stat st;
		if (str_eq(ent->d_name, ".") || str_eq(ent->d_name, "..") || is_own_mount(path) ||
			fstatat(dirfd(d), ent->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (is_device(&st))
			r = add_node(&st, path, access, s, e);
		if (!S_ISDIR(st.st_mode) || depth == DEPTH_MAX)
			continue;
		int below = openat(
			dirfd(d), ent->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (below >= 0)
			r = add_directory(below, path, access, depth + 1, s, e);
	}
	return r;
}

static int add_device(const struct device_config *d, struct spec *s, struct err *e)
{
	const char *container = d->container && *d->container ? d->container : d->host;
	const char *access = d->permissions && *d->permissions ? d->permissions : "rwm";
	struct stat st;
	size_t before = s->n_devices;
	int fd, r;

	if (!d->host || *d->host != '/' || *container != '/' || !container[1] ||
		strlen(container) > 4000 || !str_is_one_line(container))
		return err_set(e, EINVAL, "device '%.60s' is no absolute path",
			d->host && *d->host == '/' ? container
			: d->host                  ? d->host
						   : "");
	if (!is_access(access)) {
		err_set(e, EINVAL, "'%.20s' is no access to a device", access);
		return err_hint(e, "some of r, w and m");
	}
	if (stat(d->host, &st) < 0)
		return err_errno(e, "cannot find the host's device '%s'", d->host);
	if (is_device(&st))
		return add_node(&st, container, access, s, e);
	fd = S_ISDIR(st.st_mode) ? open(d->host, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd < 0)
		return err_set(e, ENOTBLK, "'%s' is no device of the host", d->host);
	r = add_directory(fd, container, access, 0, s, e);
	if (r == 0 && s->n_devices == before)
		return err_set(e, ENOTBLK, "there is no device in '%s' on the host", d->host);
	return r;
}

/* "KIND DEVICE NUMBER": the limits of a block device of the host, by its number of today. */
static int add_throttle(const char *text, struct spec *s, struct err *e)
{
	const char *first = strchr(text, ' '), *last = strrchr(text, ' ');
	auto_free char *path = NULL;
	struct stat st;

	if (!first || first == last)
		return err_set(e, EINVAL, "'%.80s' is no limit of a device", text);
	path = xstrndup(first + 1, (size_t)(last - first - 1));
	if (stat(path, &st) < 0)
		return err_errno(e, "cannot find the host's device '%s'", path);
	if (!S_ISBLK(st.st_mode))
		return err_set(e, ENOTBLK, "'%s' is no block device of the host", path);
	strv_pushf(&s->resources.blkio_throttle, "%.*s %u:%u%s", (int)(first - text), text,
		major(st.st_rdev), minor(st.st_rdev), last);
	return 0;
}

int devices_to_spec(const struct container_config *c, struct spec *s, struct err *e)
{
	for (size_t i = 0; i < c->n_devices; i++)
		if (add_device(&c->devices[i], s, e) < 0)
			return -e->code;
	for (size_t i = 0; i < c->device_rules.n; i++)
		if (cgroup_allow_device(&s->resources, c->device_rules.v[i], e) < 0)
			return -e->code;
	for (size_t i = 0; i < c->throttles.n; i++)
		if (add_throttle(c->throttles.v[i], s, e) < 0)
			return -e->code;
	return 0;
}
