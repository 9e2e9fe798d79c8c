/* Which images containers were made from, kept so that no collection takes them away. */
#include "base/mem.h"
#include "store/internal.h"

#include <fcntl.h>
#include <string.h>

int store_pin(struct store *s, const char *id, const struct image_ref *ref,
	enum fs_durability durability, struct image *ret, struct err *e)
{
	/* whoever collects holds it alone: what is read here is there until it is pinned */
	auto_close int lock = fs_lock_shared(s->root_fd, "lock", -1, e);
	auto_image im = { 0 };

	if (lock < 0)
		return err_wrap(e, "the image store is busy");
	if (store_image(s, ref, &im, e) < 0)
		return -e->code;
	if (symlinkat(im.manifest.text, s->pins_fd, id) < 0)
		return err_errno(e, "cannot pin the image of container '%.12s'", id);
	close_fd(&lock); /* the disk may take its time */
	if (durability == FS_DURABLE && fs_sync(s->pins_fd, e) < 0) {
		unlinkat(s->pins_fd, id, 0);
		return err_wrap(e, "cannot pin the image of container '%.12s'", id);
	}
	*ret = im;
	memset(&im, 0, sizeof im);
	return 0;
}

int store_pin_again(struct store *s, const char *id, const struct digest *manifest, struct err *e)
{
	auto_close int lock = fs_lock_shared(s->root_fd, "lock", -1, e);
	auto_image im = { 0 };

	if (lock < 0)
		return err_wrap(e, "the image store is busy");
	if (store_manifest(s, manifest, &im, e) < 0 || store_unpin(s, id, e) < 0)
		return -e->code;
	if (symlinkat(manifest->text, s->pins_fd, id) < 0)
		return err_errno(e, "cannot pin the image of container '%.12s'", id);
	return fs_sync(s->pins_fd, e);
}

int store_unpin(struct store *s, const char *id, struct err *e)
{
	if (unlinkat(s->pins_fd, id, 0) < 0 && errno != ENOENT)
		return err_errno(e, "cannot unpin the image of container '%.12s'", id);
	return 0;
}

int store_pins(struct store *s, struct strv *ret, struct err *e)
{
	auto_strv ids = { 0 };
	int fd = openat(s->pins_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *ent;

	if (!d) {
		close_fd(&fd);
		return err_errno(e, "cannot read the list of pins");
	}
	while ((errno = 0, ent = readdir(d)))
		if (strlen(ent->d_name) == 64 && strspn(ent->d_name, "0123456789abcdef") == 64)
			strv_push(&ids, ent->d_name);
	if (errno)
		return err_errno(e, "cannot read the list of pins");
	*ret = ids;
	ids = (struct strv){ 0 };
	return 0;
}

int store_pin_digest(struct store *s, const char *id, struct digest *ret, struct err *e)
{
	char text[DIGEST_SIZE];
	ssize_t n = readlinkat(s->pins_fd, id, text, sizeof text);

	if (n < 0)
		return err_errno(e, "cannot read the pin of container '%.12s'", id);
	text[n < DIGEST_SIZE ? n : 0] = '\0';
	if (digest_parse(text, ret) < 0)
		return err_set(e, EIO, "the pin of container '%.12s' is damaged", id);
	return 0;
}

bool store_is_needed(struct store *s, const struct digest *manifest)
{
	auto_free struct image_ref *refs = NULL;
	auto_strv ids = { 0 };
	struct err unused = { 0 };
	struct digest d;
	size_t n = 0;

	if (store_image_refs(s, &refs, &n, &unused) < 0 || store_pins(s, &ids, &unused) < 0)
		return true;
	for (size_t i = 0; i < n; i++)
		if (store_image_digest(s, &refs[i], &d, &unused) == 0 &&
			str_eq(d.text, manifest->text))
			return true;
	for (size_t i = 0; i < ids.n; i++)
		if (store_pin_digest(s, ids.v[i], &d, &unused) == 0 &&
			str_eq(d.text, manifest->text))
			return true;
	return false;
}
