#include "base/mem.h"
#include "base/time.h"
#include "store/write.h"

#include <fcntl.h>
#include <string.h>

#define PARTIAL_KEPT (24 * 3600) /* seconds */

/* The names, below blobs/sha256 and layers/, of what must stay. */
struct live {
	struct strv blobs, layers;
};

static void live_release(struct live *l)
{
	strv_release(&l->blobs);
	strv_release(&l->layers);
}
#define auto_live __attribute__((cleanup(live_release))) struct live

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(struct strv *v)
{
	if (v->n)
		qsort(v->v, v->n, sizeof *v->v, by_text);
}

static bool has(const struct strv *v, const char *name)
{
	return v->n && bsearch(&name, v->v, v->n, sizeof *v->v, by_text);
}

static int need(struct store *s, const struct digest *manifest, struct live *live, struct err *e)
{
	auto_image im = { 0 };
	int r = store_manifest(s, manifest, &im, e);

	if (r < 0)
		return r;
	strv_push(&live->blobs, digest_hex(&im.manifest));
	strv_push(&live->blobs, digest_hex(&im.config));
	for (size_t i = 0; i < im.layers.n; i++) {
		char key[LAYER_KEY_SIZE];
		layer_key(im.layers.v[i], key);
		strv_push(&live->blobs, im.blobs.v[i] + strlen("sha256:"));
		strv_push(&live->layers, key);
	}
	return 0;
}

/* When one image cannot be read, nobody knows what it needs: then nothing is dropped. */
static int find_live(struct store *s, struct live *live, struct err *e)
{
	auto_strv pins = { 0 };
	auto_free struct image_ref *refs = NULL;
	struct digest d, origin;
	size_t n = 0;

	if (store_image_refs(s, &refs, &n, e) < 0 || store_pins(s, &pins, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++) {
		if (store_image_origin(s, &refs[i], &d, &origin, e) < 0 || need(s, &d, live, e) < 0)
			return -e->code;
		if (*origin.text)
			strv_push(&live->blobs, digest_hex(&origin));
	}
	for (size_t i = 0; i < pins.n; i++) {
		int r = store_pin_digest(s, pins.v[i], &d, e);
		if (r == -ENOENT) { /* unpinned meanwhile, which takes no lock */
			err_clear(e);
			continue;
		}
		if (r < 0)
			return r;
		if (faccessat(s->blobs_fd, digest_hex(&d), F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
			errno == ENOENT)
			continue; /* it is gone already */
		if (need(s, &d, live, e) < 0)
			return -e->code;
	}
	sort(&live->blobs);
	sort(&live->layers);
	return 0;
}

static int each_other(int dirfd, size_t name_len, const struct strv *live, collect_each_fn *each,
	void *arg, struct err *e)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *ent;

	if (!d) {
		close_fd(&fd);
		return err_errno(e, "cannot read the store");
	}
	while ((errno = 0, ent = readdir(d))) {
		const char *name = ent->d_name;
		/* what we did not make we do not remove */
		if (strlen(name) != name_len || strspn(name, "0123456789abcdef") != name_len)
			continue;
		if (!has(live, name) && each(arg, dirfd, name, e) < 0)
			return -e->code;
	}
	return errno ? err_errno(e, "cannot read the store") : 0;
}

/* Whether another process lets an image in: what that builds on has no name yet. It collects itself
 * when it ends well, else the next change does. */
static bool ingest_lives(struct op *op)
{
	int fd = openat(op->store->tmp_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *ent;

	if (!d) {
		close_fd(&fd);
		return true;
	}
	while ((ent = readdir(d))) {
		char mark[300], lock[300];
		snprintf(mark, sizeof mark, "%s/" OP_INGESTS, ent->d_name);
		snprintf(lock, sizeof lock, "%s/lock", ent->d_name);
		if (ent->d_name[0] != '.' && !str_eq(ent->d_name, op->name) &&
			faccessat(dirfd(d), mark, F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
			fs_is_locked(dirfd(d), lock))
			return true;
	}
	return false;
}

/* What has come of blobs whose transfer nobody took up again. */
static int drop_partial(struct op *op, struct err *e)
{
	int fd = openat(
		op->store->root_fd, "partial", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	int64_t now = time_now() / 1000000000;
	struct dirent *ent;

	if (!d) {
		if (fd < 0 && errno == ENOENT)
			return 0;
		close_fd(&fd);
		return err_errno(e, "cannot read the store's 'partial'");
	}
	while ((ent = readdir(d))) {
		struct stat st;
		if (strlen(ent->d_name) != 64 || fs_is_locked(dirfd(d), ent->d_name) ||
			fstatat(dirfd(d), ent->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			now - st.st_mtim.tv_sec < PARTIAL_KEPT)
			continue;
		if (op_discard(op, dirfd(d), ent->d_name, e) < 0)
			return -e->code;
	}
	return 0;
}

int collect_each(struct op *op, collect_each_fn *each, void *arg, struct err *e)
{
	auto_live live = { 0 };
	int r;

	if (ingest_lives(op))
		return 0;
	r = find_live(op->store, &live, e);
	if (r >= 0)
		r = each_other(
			op->store->layers_fd, LAYER_KEY_SIZE - 1, &live.layers, each, arg, e);
	return r >= 0 ? each_other(op->store->blobs_fd, 64, &live.blobs, each, arg, e) : r;
}

static int discard(void *arg, int dirfd, const char *name, struct err *e)
{
	return op_discard(arg, dirfd, name, e);
}

int collect_garbage(struct op *op, struct err *e)
{
	int r;

	if (ingest_lives(op))
		return 0;
	r = collect_each(op, discard, op, e);
	return r >= 0 ? drop_partial(op, e) : r;
}
