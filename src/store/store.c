#include "store/store.h"
#include "base/mem.h"
#include "store/internal.h"

#include <fcntl.h>
#include <string.h>

/* Opens directory `name`, and makes it only when it is missing: this runs with every command. */
static int open_or_make(int dirfd, const char *name, struct err *e)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd >= 0 || errno != ENOENT)
		return fd >= 0 ? fd : err_errno(e, "cannot open directory '%s'", name);
	return fs_open_dir_make(dirfd, name, 0700, e);
}

static int make_layout(struct store *s, struct err *e)
{
	static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}\n";
	static const char index[] =
		"{\"manifests\":[],\"mediaType\":\"" MEDIA_INDEX "\",\"schemaVersion\":2}\n";
	int r = 0;

	if (faccessat(s->root_fd, "oci-layout", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (faccessat(s->root_fd, "index.json", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		r = fs_write_file(
			s->root_fd, "index.json", index, sizeof index - 1, 0600, FS_VOLATILE, e);
	/* last, since it stands for the whole */
	if (r == 0)
		r = fs_write_file(
			s->root_fd, "oci-layout", layout, sizeof layout - 1, 0600, FS_VOLATILE, e);
	return r;
}

int store_open(int rootfd, struct store **ret, struct err *e)
{
	struct store *s = xmalloc(sizeof *s);

	*s = (struct store){ -1, -1, -1, -1, -1, -1 };
	s->root_fd = fcntl(rootfd, F_DUPFD_CLOEXEC, 3);
	if (s->root_fd < 0) {
		err_errno(e, "cannot open the image store");
		goto close;
	}
	if ((s->blobs_fd = open_or_make(s->root_fd, "blobs/sha256", e)) < 0 ||
		(s->layers_fd = open_or_make(s->root_fd, "layers", e)) < 0 ||
		(s->images_fd = open_or_make(s->root_fd, "images", e)) < 0 ||
		(s->pins_fd = open_or_make(s->root_fd, "pins", e)) < 0 ||
		(s->tmp_fd = open_or_make(s->root_fd, "tmp", e)) < 0 || make_layout(s, e) < 0) {
		err_wrap(e, "cannot open the image store");
		goto close;
	}
	*ret = s;
	return 0;
close:
	store_close(s);
	return -e->code;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	close_fd(&s->tmp_fd);
	close_fd(&s->pins_fd);
	close_fd(&s->images_fd);
	close_fd(&s->layers_fd);
	close_fd(&s->blobs_fd);
	close_fd(&s->root_fd);
	free(s);
}

int store_layers_fd(struct store *s)
{
	return s->layers_fd;
}

void layer_key(const char *diff_id, char ret[LAYER_KEY_SIZE])
{
	memcpy(ret, diff_id + strlen("sha256:"), LAYER_KEY_SIZE - 1);
	ret[LAYER_KEY_SIZE - 1] = '\0';
}

int store_layer_name(struct store *s, const char *diff_id, char ret[48], struct err *e)
{
	auto_free char *there = NULL;
	char key[LAYER_KEY_SIZE], path[48];
	struct digest d;

	if (digest_parse(diff_id, &d) < 0)
		return err_set(e, EINVAL, "'%.80s' is not a layer's digest", diff_id);
	layer_key(diff_id, key);
	/* written before the directory got its name, so with it the layer is whole */
	snprintf(path, sizeof path, "%s/diff-id", key);
	if (fs_read_file(s->layers_fd, path, 128, &there, NULL, e) < 0) {
		if (e->code != ENOENT)
			return err_wrap(e, "cannot read layer '%s'", key);
		err_set(e, ENOENT, "layer '%s' is missing from the store", key);
		return err_hint(e, "import or pull the image again");
	}
	there[strcspn(there, "\n")] = '\0';
	if (!str_eq(there, diff_id))
		return err_set(e, EIO, "layer '%s' is another one than its name says", key);
	snprintf(ret, 48, "%s/fs", key);
	return 0;
}

uint64_t store_layer_bytes(struct store *s, const char *diff_id, const char *blob)
{
	char key[LAYER_KEY_SIZE], path[48];
	auto_free char *text = NULL;
	struct err unused = { 0 };
	struct digest d;
	struct stat st;
	uint64_t bytes;

	if (digest_parse(diff_id, &d) < 0)
		return 0;
	layer_key(diff_id, key);
	snprintf(path, sizeof path, "%s/size", key);
	if (fs_read_file(s->layers_fd, path, 32, &text, NULL, &unused) == 0) {
		text[strcspn(text, "\n")] = '\0';
		if (str_to_u64(text, 0, INT64_MAX, &bytes) == 0)
			return bytes;
	}
	if (digest_parse(blob, &d) < 0 ||
		fstatat(s->blobs_fd, digest_hex(&d), &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return (uint64_t)st.st_size;
}

uint64_t store_image_bytes(struct store *s, const struct image *im)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < im->layers.n; i++)
		sum += store_layer_bytes(s, im->layers.v[i], im->blobs.v[i]);
	return sum;
}

uint64_t store_blob_usage(struct store *s, const char *text)
{
	struct digest d;
	struct stat st;

	if (digest_parse(text, &d) < 0 ||
		fstatat(s->blobs_fd, digest_hex(&d), &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return (uint64_t)st.st_blocks * 512;
}

static int by_name(const void *a, const void *b)
{
	const struct image_ref *x = a, *y = b;
	int r = strcmp(x->repository, y->repository);

	return r ? r : strcmp(x->tag, y->tag);
}

int store_image_refs(struct store *s, struct image_ref **ret, size_t *ret_n, struct err *e)
{
	auto_free struct image_ref *refs = NULL;
	auto_dir DIR *d = NULL;
	struct dirent *ent;
	size_t n = 0, size = 0;
	int fd = openat(s->images_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || !(d = fdopendir(fd))) {
		close_fd(&fd);
		return err_errno(e, "cannot read the list of images");
	}
	while ((errno = 0, ent = readdir(d))) {
		if (n == size) {
			size = size ? size * 2 : 16;
			refs = xrealloc_array(refs, size, sizeof *refs);
		}
		if (image_ref_from_key(ent->d_name, &refs[n]) == 0)
			n++;
	}
	if (errno)
		return err_errno(e, "cannot read the list of images");
	if (n)
		qsort(refs, n, sizeof *refs, by_name);
	*ret = take_ptr(&refs);
	*ret_n = n;
	return 0;
}

/* Whether the inode itself has changed since then; its owner cannot set this time. */
static bool is_later(int dirfd, const char *name, int64_t since)
{
	struct stat st;

	return since == 0 ||
	       (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		       (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec > since);
}

/* Counts below directory `fd` (consumed). A directory counts when nothing in it does: the others
 * are there for what they hold. Not deeper than a layer may be (T15). */
static int count_below(int fd, unsigned depth, int64_t since, uint64_t *count, struct err *e)
{
	auto_dir DIR *d = fdopendir(fd);
	struct dirent *ent;

	if (!d) {
		close(fd);
		return err_errno(e, "cannot read a directory");
	}
	while ((errno = 0, ent = readdir(d))) {
		uint64_t before = *count;
		int sub = -1;

		if (str_eq(ent->d_name, ".") || str_eq(ent->d_name, ".."))
			continue;
		if (depth < 255 && (ent->d_type == DT_DIR || ent->d_type == DT_UNKNOWN)) {
			sub = openat(dirfd(d), ent->d_name,
				O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
			if (sub < 0 && errno != ENOTDIR && errno != ENOENT && errno != ELOOP)
				return err_errno(e, "cannot read a directory");
		}
		if (sub >= 0 && count_below(sub, depth + 1, since, count, e) < 0)
			return -e->code;
		if (*count == before && is_later(dirfd(d), ent->d_name, since))
			++*count;
	}
	if (errno)
		return err_errno(e, "cannot read a directory");
	return 0;
}

int store_count_changes(int upper_fd, int64_t since, uint64_t *ret, struct err *e)
{
	int fd = openat(upper_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t count = 0;

	if (fd < 0)
		return err_errno(e, "cannot read the changes");
	if (count_below(fd, 1, since, &count, e) < 0)
		return err_wrap(e, "cannot count the changes");
	*ret = count;
	return 0;
}
