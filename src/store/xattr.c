#include "base/mem.h"
#include "store/write.h"

#include <string.h>
#include <sys/xattr.h>

/* Overlayfs has two sets of names: the second is for mounts with the option userxattr. */
static const char *overlay_name(const char *name)
{
	if (str_starts(name, "trusted.overlay."))
		return name + strlen("trusted.overlay.");
	if (str_starts(name, "user.overlay."))
		return name + strlen("user.overlay.");
	return NULL;
}

bool xattr_is_content(const char *name)
{
	if (overlay_name(name) || strchr(name, '=')) /* which a pax header cannot express */
		return false;
	return str_eq(name, "security.capability") || str_starts(name, "user.") ||
	       str_eq(name, "system.posix_acl_access") || str_eq(name, "system.posix_acl_default");
}

static int read_value(int fd, const char *name, struct xattr *ret, struct err *e)
{
	char value[65536]; /* XATTR_SIZE_MAX */
	ssize_t n = fgetxattr(fd, name, value, sizeof value);

	if (n < 0)
		return err_errno(e, "cannot read extended attribute '%s'", name);
	ret->name = xstrdup(name);
	ret->value = xmalloc((size_t)n + 1);
	memcpy(ret->value, value, (size_t)n);
	ret->len = (size_t)n;
	return 0;
}

static int read_overlay(
	int fd, const char *name, const char *feature, struct xattr_list *ret, struct err *e)
{
	char value[16];
	ssize_t n;

	if (str_eq(feature, "opaque")) {
		n = fgetxattr(fd, name, value, sizeof value);
		ret->opaque |= n == 1 && *value == 'y';
	}
	if (str_eq(feature, "redirect") || str_eq(feature, "metacopy"))
		return err_set(
			e, EOPNOTSUPP, "it was changed under overlayfs's feature '%s'", feature);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct xattr *)a)->name, ((const struct xattr *)b)->name);
}

int xattr_read(int fd, const char *path, struct xattr_list *ret, struct err *e)
{
	char names[65536]; /* XATTR_LIST_MAX */
	ssize_t n = flistxattr(fd, names, sizeof names);
	auto_xattrs list = { 0 };

	if (n < 0 && errno != ENOTSUP)
		return err_errno(e, "cannot read the extended attributes of '%s'", path);
	for (const char *name = names; n > 0 && name < names + n; name += strlen(name) + 1) {
		const char *feature = overlay_name(name);
		if (feature && read_overlay(fd, name, feature, &list, e) < 0)
			return err_wrap(e, "cannot save '%s'", path);
		if (!xattr_is_content(name))
			continue;
		list.v = xrealloc_array(list.v, list.n + 1, sizeof *list.v);
		if (read_value(fd, name, &list.v[list.n], e) < 0)
			return err_wrap(e, "cannot save '%s'", path);
		list.n++;
	}
	if (list.n)
		qsort(list.v, list.n, sizeof *list.v, by_name);
	*ret = list;
	memset(&list, 0, sizeof list);
	return 0;
}

void xattr_release(struct xattr_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->v[i].name);
		free(list->v[i].value);
	}
	free(list->v);
	memset(list, 0, sizeof *list);
}

int xattr_set(int fd, const char *name, const void *value, size_t len, struct err *e)
{
	if (fsetxattr(fd, name, value, len, 0) == 0)
		return 0;
	/* a file system without them (tmpfs): losing a capability would break a program, losing
	 * the others is what tar does too */
	if (errno == ENOTSUP && !str_eq(name, "security.capability"))
		return 0;
	return err_errno(e, "cannot set extended attribute '%.100s'", name);
}

int xattr_set_opaque(int fd, struct err *e)
{
	if (fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0) < 0)
		return err_errno(e, "cannot mark a directory as opaque");
	return 0;
}
