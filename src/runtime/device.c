#include "runtime/device.h"
#include "base/fs.h"
#include "base/mem.h"
#include "runtime/mnt.h"
#include "runtime/posture.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/sysmacros.h>

static mode_t kind_of(const struct spec_device *d)
{
	return d->type == 'b' ? S_IFBLK : d->type == 'p' ? S_IFIFO : S_IFCHR;
}

static bool is_node(int fd, const struct spec_device *d)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == kind_of(d) &&
	       (d->type == 'p' || st.st_rdev == makedev((unsigned)d->major, (unsigned)d->minor));
}

/* Its name below the host's /dev, as the kernel tells it in sysfs; NULL if there is none. */
static char *host_name(const struct spec_device *d)
{
	auto_free char *path = xasprintf("/sys/dev/%s/%lld:%lld/uevent",
			       d->type == 'b' ? "block" : "char", (long long)d->major,
			       (long long)d->minor),
		       *text = NULL;
	struct err ignored;
	char *name, *end;

	if (fs_read_file(AT_FDCWD, path, 65536, &text, NULL, &ignored) < 0)
		return NULL;
	name = strstr(text, "DEVNAME=");
	if (!name)
		return NULL;
	name += strlen("DEVNAME=");
	end = strchr(name, '\n');
	return xasprintf("/dev/%.*s", (int)(end ? end - name : (ptrdiff_t)strlen(name)), name);
}

int device_take(const struct spec_device *d, struct err *e)
{
	auto_close int fd = open(d->path, O_PATH | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || !is_node(fd, d)) {
		auto_free char *name = host_name(d);
		close_fd(&fd);
		fd = name ? open(name, O_PATH | O_CLOEXEC | O_NOFOLLOW) : -1;
	}
	if (fd < 0 || !is_node(fd, d))
		return err_set(e, ENODEV, "the host has no device for '%s' (%c %lld:%lld)", d->path,
			d->type, (long long)d->major, (long long)d->minor);
	return mnt_clone(fd, "", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, e);
}

/* The directory that `path` is in, made if missing, and its last part. */
static int open_parent(const struct root *r, const char *path, const char **ret_name, struct err *e)
{
	const char *slash = strrchr(path, '/');
	auto_free char *parent = NULL;
	int fd;

	if (!slash || !slash[1] || str_eq(slash + 1, "..") || str_eq(slash + 1, "."))
		return err_set(e, EINVAL, "'%s' cannot be a device", path);
	parent = xstrndup(path, (size_t)(slash - path));
	*ret_name = slash + 1;
	fd = rfd_open(r->fd, *parent ? parent : "/", O_PATH | O_DIRECTORY, 0);
	return fd == -ENOENT ? root_make_path(r->fd, parent, true, e)
	       : fd < 0      ? err_set(e, -fd, "cannot make '%s'", path)
			     : fd;
}

static int bind_node(int dir, const char *name, const char *path, int source, struct err *e)
{
	auto_close int made = openat(dir, name, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	auto_close int target = rfd_open_nolink(dir, name, O_PATH | O_NOFOLLOW, 0);

	if (target < 0 || mnt_put_on(source, target, e) < 0)
		return err_set(e, target < 0 ? -target : EIO, "cannot make '%s'", path);
	return 0;
}

static int make_one(const struct spec_device *d, int source, struct root *r, struct err *e)
{
	const char *name = NULL;
	auto_close int dir = open_parent(r, d->path, &name, e), there = -1;

	if (dir < 0)
		return dir;
	if (source >= 0)
		return bind_node(dir, name, d->path, source, e);
	if (mknodat(dir, name, kind_of(d) | (mode_t)(d->mode & 07777),
		    makedev((unsigned)d->major, (unsigned)d->minor)) < 0) {
		if (errno != EEXIST)
			return err_errno(e, "cannot make '%s'", d->path);
		/* what a mount of the person's put there stays; a root directory that was used
		 * before has the same node */
		return 0;
	}
	if ((d->uid || d->gid) &&
		fchownat(dir, name, (uid_t)d->uid, (gid_t)d->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(e, "cannot own '%s'", d->path);
	return 0;
}

/* A /dev that is the person's own directory stays as it is, by whatever name it was mounted: a link
 * of the image's may lead here, and no nodes are made in the host's directories (T08). */
static bool is_bound(const struct spec *s, const struct root *r, int dev)
{
	struct stat here, source;
	bool bound = false;

	if (fstat(dev, &here) < 0)
		return true;
	for (size_t i = 0; i < s->n_mounts; i++)
		bound = bound ||
			(s->mounts[i].type == SPEC_BIND && r->sources[1 + i] >= 0 &&
				fstat(r->sources[1 + i], &source) == 0 &&
				source.st_dev == here.st_dev && source.st_ino == here.st_ino);
	return bound;
}

int devices_make(const struct spec *s, struct root *r, struct err *e)
{
	auto_close int dev = -1;

	dev = rfd_open(r->fd, "/dev", O_PATH | O_DIRECTORY, 0);
	if (dev == -ENOENT)
		dev = root_make_path(r->fd, "/dev", true, e);
	if (dev < 0)
		return err_set(e, -dev, "cannot open the container's /dev");
	if (is_bound(s, r, dev))
		return 0;
	for (size_t i = 0; i < s->n_devices; i++)
		if (make_one(&s->devices[i], r->sources[1 + s->n_mounts + i], r, e) < 0)
			return -e->code;
	for (const char *const *l = posture_dev_links; *l; l += 2)
		if (symlinkat(l[1], dev, l[0]) < 0 && errno != EEXIST)
			return err_errno(e, "cannot make '/dev/%s'", l[0]);
	return 0;
}
