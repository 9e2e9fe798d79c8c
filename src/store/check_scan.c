/* What is wrong with the files of the store themselves, whoever needs them. */
#include "base/mem.h"
#include "base/time.h"
#include "store/check.h"
#include "store/write.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#define BLOCK_SIZE ((size_t)256 << 10)
#define TOLD_FROM  (64 << 20) /* bytes: a person waits for these */

typedef int each_entry(struct checkup *, int dirfd, const char *name, struct err *e);

/* Everything in a directory of the store but "." and "..". A missing one is empty. */
static int for_each(struct checkup *c, int at, const char *dir, each_entry *each, struct err *e)
{
	int fd = openat(at, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *ent;

	if (!d) {
		if (fd < 0 && errno == ENOENT)
			return 0;
		close_fd(&fd);
		return err_errno(e, "cannot read the store");
	}
	while ((errno = 0, ent = readdir(d)))
		if (!str_eq(ent->d_name, ".") && !str_eq(ent->d_name, "..") &&
			each(c, dirfd(d), ent->d_name, e) < 0)
			return -e->code;
	return errno ? err_errno(e, "cannot read the store") : 0;
}

static bool is_hex(const char *name, size_t len)
{
	return strlen(name) == len && strspn(name, "0123456789abcdef") == len;
}

/* ---- blobs ---- */

static int read_all(int fd, struct blob *sum, struct err *e)
{
	auto_free char *block = xmalloc(BLOCK_SIZE);
	ssize_t n;

	while ((n = fs_read_full(fd, block, BLOCK_SIZE)) > 0)
		if (blob_write(sum, block, (size_t)n, e) < 0)
			return -e->code;
	return n < 0 ? err_set(e, (int)-n, "it cannot be read: %s", strerror((int)-n)) : 0;
}

char *check_blob(struct store *s, const char *hex)
{
	auto_close int fd =
		openat(s->blobs_fd, hex, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	auto_blob sum = BLOB_INIT;
	struct err e = { 0 };
	struct digest d;
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return NULL;
	if (fd < 0 || fstat(fd, &st) < 0)
		return xasprintf("it cannot be opened: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return xstrdup("it is not a regular file");
	if (blob_create(-1, NULL, &sum, &e) < 0 || read_all(fd, &sum, &e) < 0 ||
		blob_digest(&sum, &d, &e) < 0)
		return xstrdup(e.text);
	if (str_eq(digest_hex(&d), hex))
		return NULL;
	if (st.st_size == 0)
		return xstrdup("it is empty");
	return xasprintf(
		"its %lld bytes have another digest than its name says", (long long)st.st_size);
}

static int scan_blob(struct checkup *c, int dirfd, const char *name, struct err *e)
{
	auto_free char *wrong = NULL;
	struct stat st;

	if (!is_hex(name, 64)) {
		check_say(c, false, str_is_one_line(name) ? name : "?", NULL, NULL,
			"it lies among the blobs and is none: redock did not put it there");
		return 0;
	}
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size >= TOLD_FROM)
		tell(c->teller, "reading blob %.12s (%lld MB)", name,
			(long long)st.st_size / 1000000);
	wrong = check_blob(c->store, name);
	if (wrong)
		json_object_set_new(c->blobs, name, json_string(wrong));
	return 0;
}

/* ---- layers ---- */

struct total {
	uint64_t bytes;
	struct links links;
};

/* The sizes of the files below `fd` (consumed), each once. No deeper than a layer may be (T15). */
static int add_below(int fd, unsigned depth, struct total *t, struct err *e)
{
	auto_dir DIR *d = fdopendir(fd);
	struct dirent *ent;

	if (!d) {
		close(fd);
		return err_errno(e, "it cannot be read");
	}
	while ((errno = 0, ent = readdir(d))) {
		struct stat st;
		int sub;
		if (str_eq(ent->d_name, ".") || str_eq(ent->d_name, ".."))
			continue;
		if (fstatat(dirfd(d), ent->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return err_errno(e, "a file of it cannot be read");
		if (S_ISREG(st.st_mode) &&
			(st.st_nlink == 1 || !links_meet(&t->links, st.st_dev, st.st_ino, "")))
			t->bytes += (uint64_t)st.st_size;
		if (!S_ISDIR(st.st_mode) || depth > ENTRY_DEPTH_MAX)
			continue;
		sub = openat(
			dirfd(d), ent->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (sub < 0)
			return err_errno(e, "a directory of it cannot be read");
		if (add_below(sub, depth + 1, t, e) < 0)
			return -e->code;
	}
	return errno ? err_errno(e, "it cannot be read") : 0;
}

/* What it says of itself, and whether as much is there as was unpacked. An archive may have one
 * file twice, so that less is not wrong for certain: check_compare() has the last word. */
static char *scan_tree_files(struct store *s, const char *key)
{
	struct total t = { 0 };
	struct err e = { 0 };
	char path[64];
	int fd, r;
	auto_free char *text = NULL;
	uint64_t bytes;

	snprintf(path, sizeof path, "%s/fs", key);
	fd = openat(s->layers_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return xasprintf("its files cannot be opened: %s", strerror(errno));
	r = add_below(fd, 1, &t, &e);
	links_release(&t.links);
	if (r < 0)
		return xstrdup(e.text);
	snprintf(path, sizeof path, "%s/size", key);
	if (fs_read_file(s->layers_fd, path, 32, &text, NULL, &e) < 0)
		return NULL; /* nobody wrote it down */
	text[strcspn(text, "\n")] = '\0';
	if (str_to_u64(text, 0, INT64_MAX, &bytes) < 0)
		return xstrdup("what it says of its size is damaged");
	if (bytes == t.bytes)
		return NULL;
	return xasprintf("its files are %llu bytes and were %llu", (unsigned long long)t.bytes,
		(unsigned long long)bytes);
}

static char *scan_tree(struct store *s, const char *key)
{
	auto_free char *text = NULL;
	struct err e = { 0 };
	struct digest d;
	char path[64];

	snprintf(path, sizeof path, "%s/diff-id", key);
	if (fs_read_file(s->layers_fd, path, 128, &text, NULL, &e) < 0)
		return xasprintf("it does not say which layer it is (%s)", e.text);
	text[strcspn(text, "\n")] = '\0';
	if (digest_parse(text, &d) < 0 || !str_starts(digest_hex(&d), key))
		return xstrdup("it says that it is another layer");
	return scan_tree_files(s, key);
}

static int scan_layer(struct checkup *c, int dirfd, const char *name, struct err *e)
{
	auto_free char *wrong = NULL;

	if (!is_hex(name, LAYER_KEY_SIZE - 1)) {
		check_say(c, false, str_is_one_line(name) ? name : "?", NULL, NULL,
			"it lies among the layers and is none: redock did not put it there");
		return 0;
	}
	wrong = scan_tree(c->store, name);
	if (wrong && faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		json_object_set_new(c->trees, name, json_string(wrong));
	return 0;
}

int check_scan(struct checkup *c, struct err *e)
{
	if (for_each(c, c->store->blobs_fd, ".", scan_blob, e) < 0)
		return -e->code;
	return for_each(c, c->store->layers_fd, ".", scan_layer, e);
}

/* ---- half-made things ---- */

static int scan_tmp(struct checkup *c, int dirfd, const char *name, struct err *e)
{
	auto_free char *lock = xasprintf("%s/lock", name);
	const char *shown = str_is_one_line(name) ? name : "?";

	if (*name == '.' || fs_is_locked(dirfd, lock))
		return 0;
	/* the operation that a repair begins takes them over */
	check_say(c, false, shown, c->repair ? "removed" : NULL,
		c->repair ? NULL : "the next change removes it",
		"it is half-made, by a command that died");
	return 0;
}

/* Temporary files beside an image's manifest: their writers hold the lock, which is ours. */
static int scan_image(struct checkup *c, int dirfd, const char *name, struct err *e)
{
	if (!strstr(name, ".tmp-"))
		return 0;
	if (c->repair && unlinkat(dirfd, name, 0) < 0)
		return err_errno(e, "cannot remove '%s'", name);
	check_say(c, false, name, c->repair ? "removed" : NULL, NULL,
		"it is half-written, by a command that died");
	return 0;
}

static int scan_image_dir(struct checkup *c, int dirfd, const char *name, struct err *e)
{
	struct image_ref ref;
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode) ||
		image_ref_from_key(name, &ref) < 0) {
		check_say(c, false, str_is_one_line(name) ? name : "?", NULL, NULL,
			"it lies among the images and is none: redock did not put it there");
		return 0;
	}
	return for_each(c, dirfd, name, scan_image, e);
}

int check_half_made(struct checkup *c, struct err *e)
{
	/* whoever writes a manifest of images/, or begins an operation, holds it alone */
	auto_close int lock = c->repair ? fs_lock(c->store->root_fd, "lock", -1, e)
					: fs_lock_shared(c->store->root_fd, "lock", -1, e);

	if (lock < 0)
		return lock;
	if (for_each(c, c->store->tmp_fd, ".", scan_tmp, e) < 0)
		return -e->code;
	return for_each(c, c->store->images_fd, ".", scan_image_dir, e);
}
