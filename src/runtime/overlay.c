#include "runtime/overlay.h"
#include "base/mem.h"
#include "runtime/confine.h"
#include "runtime/mnt.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mount.h>

/* With every name relative to the state directory. A page of options holds 64 layers of our short
 * names, so the one call works on every kernel. MS_NODEV: an image may bring the node of a host's
 * disk, and without control groups there is no list of devices that would stop it. */
int overlay_mount(const struct spec *s, struct err *e)
{
	auto_str options = STR_INIT(4095);

	if (chdir(s->state_dir) < 0)
		return err_errno(e, "cannot enter '%s'", s->state_dir);
	for (size_t i = 0; i < s->lower.n; i++)
		str_addf(&options, "%s%s", i ? ":" : "lowerdir=", s->lower.v[i]);
	str_addf(&options, ",upperdir=%s,workdir=%s,redirect_dir=off,metacopy=off%s%s%s", s->upper,
		s->work, s->volatile_root ? ",volatile" : "", s->mount_label ? ",context=" : "",
		s->mount_label ? s->mount_label : "");
	if (options.overflow)
		return err_set(e, E2BIG, "the image has too many layers (%zu)", s->lower.n);
	if (mount("overlay", s->mountpoint, "overlay", MS_NODEV, str_text(&options)) < 0) {
		err_errno(e, "cannot mount the container's layers");
		return e->code == EBUSY ? err_hint(e, "the container's files are in use elsewhere")
					: -e->code;
	}
	return 0;
}

/* A copy of the mount at `name` with mapped owners; its fd is what overlay gets, by /proc. */
static int map_layer(int dir, const char *name, int userns_fd, struct err *e)
{
	auto_close int fd = mnt_copy(dir, name, false, e);

	if (fd < 0 || mnt_propagate(fd, MS_PRIVATE, e) < 0 ||
		mnt_idmap(fd, userns_fd, false, e) < 0)
		return err_wrap(e, "layer '%s'", name);
	return take_fd(&fd);
}

static int owner_of(const struct spec_id_map *maps, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (maps[i].inside == 0)
			return (int)maps[i].outside;
	return 0;
}

/* The overlay works on its layers as who has mounted it, and through a mapped mount only ids that
 * are mapped can be seen to do so: it is mounted as the root of the user namespace, with our
 * capabilities (setfsuid(2) takes some away). */
static int make_as_owner(const struct spec *s, const char *options, struct err *e)
{
	uint64_t have;
	int fd = -1;

	if (confine_own_caps(&have, e) < 0)
		return -e->code;
	setfsgid((gid_t)owner_of(s->gid_maps, s->n_gid_maps));
	setfsuid((uid_t)owner_of(s->uid_maps, s->n_uid_maps));
	if (confine_caps(have, have, e) == 0)
		fd = mnt_new_text("overlay", "overlay", options, MOUNT_ATTR_NODEV, e);
	setfsuid(0);
	setfsgid(0);
	return fd < 0 ? -e->code : fd;
}

int overlay_mapped(const struct spec *s, int userns_fd, struct err *e)
{
	auto_close int dir = open(s->state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC), top = -1;
	auto_free int *layers = xcalloc(s->lower.n + 1, sizeof *layers);
	auto_str options = STR_INIT(65536);
	const char *slash = strrchr(s->upper, '/');
	size_t len = slash ? (size_t)(slash - s->upper) : 0, n = 0;
	auto_free char *parent = xstrndup(s->upper, len);
	int r = dir < 0 ? err_errno(e, "cannot open '%s'", s->state_dir) : 0;

	/* both on one mount, as overlay wants them */
	if (r == 0 && (!len || strncmp(s->work, parent, len) != 0 || s->work[len] != '/'))
		r = err_set(e, EINVAL, "'%s' and '%s' must be side by side", s->upper, s->work);
	for (; r == 0 && n < s->lower.n; n++) {
		layers[n] = map_layer(dir, s->lower.v[n], userns_fd, e);
		if (layers[n] < 0) {
			r = layers[n];
			break;
		}
		str_addf(&options, "lowerdir+=/proc/self/fd/%d,", layers[n]);
	}
	if (r == 0)
		r = top = map_layer(dir, parent, userns_fd, e);
	if (r >= 0) {
		str_addf(&options,
			"upperdir=/proc/self/fd/%d/%s,workdir=/proc/self/fd/%d/%s,"
			"redirect_dir=off,metacopy=off%s",
			top, slash + 1, top, s->work + len + 1,
			s->volatile_root ? ",volatile" : "");
		r = make_as_owner(s, str_text(&options), e);
	}
	for (size_t i = 0; i < n; i++)
		close_fd(&layers[i]);
	return r;
}
