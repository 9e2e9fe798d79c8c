/* An image's life, through the functions that commands use and the helper program. */
#include "test_store.h"

#include <sys/sysmacros.h>
#include <sys/xattr.h>

struct life {
	struct place_to_test p;
	struct store *s;
	int upper;
};

static int setup(void **state)
{
	struct life *l = xcalloc(1, sizeof *l);
	struct err e = { 0 };

	setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
	place_make(&l->p);
	l->upper = make_dir(l->p.fd, "upper");
	{
		auto_close int root = make_dir(l->p.fd, "root");
		if (store_open(root, &l->s, &e) < 0)
			fail_msg("%s", e.text);
	}
	*state = l;
	return 0;
}

static int teardown(void **state)
{
	struct life *l = *state;

	store_close(l->s);
	close(l->upper);
	place_remove(&l->p);
	free(l);
	return 0;
}

static struct image_ref name(const char *text)
{
	struct image_ref ref;
	struct err e = { 0 };

	assert_int_equal(image_ref_parse(text, &ref, &e), 0);
	return ref;
}

/* An archive of two files, a directory and a link. */
static int base_archive(struct life *l)
{
	auto_blob b = BLOB_INIT;
	struct err e = { 0 };
	const struct timespec t = { 1600000000, 123456789 };

	unlinkat(l->p.fd, "base.tar", 0);
	assert_int_equal(blob_create(l->p.fd, "base.tar", &b, &e), 0);
	tar_put_entry(&b, &(struct tar_entry){ .path = "./", .type = '5', .mode = 0755 }, &e);
	tar_put_entry(&b,
		&(struct tar_entry){ .path = "etc/", .type = '5', .mode = 0750, .mtime = t }, &e);
	tar_put_entry(&b,
		&(struct tar_entry){ .path = "etc/f",
			.type = '0',
			.mode = 04711,
			.uid = 7,
			.gid = 8,
			.size = 3,
			.mtime = t },
		&e);
	blob_write(&b, "one", 3, &e);
	tar_put_padding(&b, 3, &e);
	tar_put_entry(&b, &(struct tar_entry){ .path = "etc/g", .type = '1', .link = "etc/f" }, &e);
	tar_put_entry(&b, &(struct tar_entry){ .path = "l", .type = '2', .link = "/etc" }, &e);
	tar_put_end(&b, &e);
	{
		struct digest d;
		assert_int_equal(blob_finish(&b, &d, &e), 0);
	}
	return openat(l->p.fd, "base.tar", O_RDONLY | O_CLOEXEC);
}

static struct digest import(struct life *l, const char *ref)
{
	auto_close int fd = base_archive(l);
	char *cmd[] = { (char *)"/bin/sh", NULL }, *env[] = { (char *)"A=b", NULL };
	const struct store_import im = { .fd = fd,
		.ref = name(ref),
		.cmd = cmd,
		.env = env,
		.workdir = "/etc",
		.stop_signal = "SIGTERM",
		.comment = "first" };
	struct digest id;
	struct err e = { 0 };

	if (store_import(l->s, &im, &id, &e) < 0)
		fail_msg("%s", e.text);
	return id;
}

static void load(struct life *l, const char *ref, struct image *ret)
{
	const struct image_ref r = name(ref);
	struct err e = { 0 };

	if (store_image(l->s, &r, ret, &e) < 0)
		fail_msg("%s", e.text);
}

static void on_read(void *arg)
{
	++*(int *)arg;
}

static struct digest commit(struct life *l, const char *parent, const char *ref)
{
	auto_image im = { 0 };
	struct store_commit co = { .upper_fd = l->upper, .ref = name(ref), .comment = "second" };
	struct digest id;
	struct err e = { 0 };
	int reads = 0;

	load(l, parent, &im);
	co.parent = im.manifest;
	co.read_done = on_read;
	co.read_done_arg = &reads;
	if (store_commit(l->s, &co, &id, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(reads, 1);
	return id;
}

static unsigned count(struct life *l, int dirfd)
{
	auto_dir DIR *d = fdopendir(openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	return n - 2;
}

static int top_tree(struct life *l, const char *ref)
{
	auto_image im = { 0 };
	char path[48];
	struct err e = { 0 };
	int fd;

	load(l, ref, &im);
	assert_int_equal(store_layer_name(l->s, im.layers.v[im.layers.n - 1], path, &e), 0);
	fd = openat(store_layers_fd(l->s), path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void import_is_faithful(void **state)
{
	struct life *l = *state;
	struct digest id = import(l, "base:1");
	auto_image im = { 0 };
	auto_close int tree = -1;
	struct stat f, g;

	load(l, "base:1", &im);
	assert_string_equal(im.config.text, id.text);
	assert_string_equal(im.cmd.v[0], "/bin/sh");
	assert_string_equal(im.env.v[0], "A=b");
	assert_string_equal(im.workdir, "/etc");
	assert_string_equal(im.comment, "first");
	assert_true(im.created == (int64_t)1700000000 * 1000000000);
	/* an uncompressed archive is its own blob */
	assert_string_equal(im.layers.v[0], im.blobs.v[0]);
	tree = top_tree(l, "base:1");
	check_file(tree, "etc/f", "one");
	assert_int_equal(fstatat(tree, "etc/f", &f, 0), 0);
	assert_int_equal(f.st_mode & 07777, 04711);
	assert_int_equal(f.st_uid, 7);
	assert_int_equal(f.st_gid, 8);
	assert_int_equal(f.st_mtim.tv_nsec, 123456789);
	assert_int_equal(fstatat(tree, "etc/g", &g, 0), 0);
	assert_int_equal(f.st_ino, g.st_ino);
	assert_int_equal(fstatat(tree, "etc", &f, 0), 0);
	assert_int_equal(f.st_mtim.tv_sec, 1600000000);
	assert_int_equal(f.st_mode & 07777, 0750);
	assert_int_equal(fstatat(tree, "l", &f, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISLNK(f.st_mode));
	assert_int_equal(count(l, l->s->tmp_fd), 0);
}

static void same_input_same_digest(void **state)
{
	struct life *l = *state;
	struct digest a = import(l, "base:1"), b = import(l, "base:2"), c, d;

	assert_string_equal(a.text, b.text);
	assert_int_equal(count(l, l->s->layers_fd), 1);
	assert_int_equal(count(l, l->s->blobs_fd), 3);
	put_file(l->upper, "x", "y");
	c = commit(l, "base:1", "c:1");
	d = commit(l, "base:2", "c:2");
	assert_string_equal(c.text, d.text);
}

static void commit_keeps_everything(void **state)
{
	struct life *l = *state;
	static const char *const odd[] = { "e\xcc\x81", "\xff\xfe", "a b", "-n", "x\ny" };
	auto_close int tree = -1, etc = make_dir(l->upper, "etc"), op = make_dir(l->upper, "op");
	char long_name[256], value[8];
	struct stat st, link;
	auto_image im = { 0 };

	import(l, "base:1");
	put_file(etc, "new", "text");
	assert_int_equal(linkat(etc, "new", l->upper, "hard", 0), 0);
	assert_int_equal(mknodat(etc, "f", S_IFCHR, 0), 0);
	assert_int_equal(fsetxattr(op, "trusted.overlay.opaque", "y", 1, 0), 0);
	assert_int_equal(mkfifoat(l->upper, "fifo", 0620), 0);
	assert_int_equal(mknodat(l->upper, "null", S_IFCHR | 0666, makedev(1, 3)), 0);
	assert_int_equal(symlinkat("../../x", l->upper, "link"), 0);
	memset(long_name, 'n', 255);
	long_name[255] = '\0';
	put_file(l->upper, long_name, "");
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++)
		put_file(l->upper, odd[i], odd[i]);
	put_file(l->upper, "attr", "");
	{
		auto_close int fd = openat(l->upper, "attr", O_RDWR | O_CLOEXEC);
		assert_int_equal(ftruncate(fd, 1 << 20), 0);
		assert_int_equal(fchown(fd, 3000000, 5), 0);
		assert_int_equal(fsetxattr(fd, "user.k", "a\0=\n", 4, 0), 0);
		assert_int_equal(fchmod(fd, 06755), 0);
	}
	commit(l, "base:1", "c:1");
	load(l, "c:1", &im);
	assert_int_equal(im.layers.n, 2);
	assert_string_equal(im.cmd.v[0], "/bin/sh");
	assert_string_equal(im.comment, "second");
	tree = top_tree(l, "c:1");
	check_file(tree, "etc/new", "text");
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++)
		check_file(tree, odd[i], odd[i]);
	assert_true(exists(tree, long_name));
	assert_int_equal(fstatat(tree, "etc/f", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISCHR(st.st_mode) && st.st_rdev == 0);
	assert_int_equal(fstatat(tree, "hard", &st, 0), 0);
	assert_int_equal(fstatat(tree, "etc/new", &link, 0), 0);
	assert_int_equal(st.st_ino, link.st_ino);
	assert_int_equal(fstatat(tree, "null", &st, 0), 0);
	assert_int_equal(st.st_rdev, makedev(1, 3));
	assert_int_equal(fstatat(tree, "fifo", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFIFO | 0620);
	assert_int_equal(fstatat(tree, "attr", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 06755);
	assert_int_equal(st.st_uid, 3000000);
	assert_int_equal(st.st_size, 1 << 20);
	assert_true(st.st_blocks <= 256); /* holes stay holes, but for the pieces at the edges */
	{
		auto_close int fd = openat(tree, "attr", O_RDONLY | O_CLOEXEC);
		auto_close int dir = openat(tree, "op", O_RDONLY | O_CLOEXEC);
		assert_int_equal(fgetxattr(fd, "user.k", value, sizeof value), 4);
		assert_memory_equal(value, "a\0=\n", 4);
		assert_int_equal(fgetxattr(dir, "trusted.overlay.opaque", value, sizeof value), 1);
	}
	{
		auto_blob again = BLOB_INIT;
		struct digest d;
		struct err e = { 0 };
		uint64_t entries;
		/* what was unpacked gives the same archive again */
		assert_int_equal(blob_create(-1, NULL, &again, &e), 0);
		if (layer_diff(&tree, 1, &again, &entries, &e) < 0)
			fail_msg("%s", e.text);
		assert_int_equal(blob_finish(&again, &d, &e), 0);
		assert_string_equal(d.text, im.layers.v[1]);
	}
}

static void unchanged_needs_no_layer(void **state)
{
	struct life *l = *state;
	auto_image im = { 0 };

	import(l, "base:1");
	assert_int_equal(fchmod(l->upper, 0755), 0);
	commit(l, "base:1", "c:1");
	load(l, "c:1", &im);
	assert_int_equal(im.layers.n, 1);
}

#define ID  "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define ID2 "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void removal_keeps_what_is_needed(void **state)
{
	struct life *l = *state;
	struct image_ref base, c;
	auto_image im = { 0 };
	char path[48];
	struct err e = { 0 };

	import(l, "base:1");
	base = name("base:1");
	c = name("c:1");
	put_file(l->upper, "x", "y");
	commit(l, "base:1", "c:1");
	load(l, "c:1", &im);
	assert_int_equal(store_remove(l->s, &base, &e), 0);
	assert_int_equal(count(l, l->s->layers_fd), 2); /* c:1 is built on it */
	{
		auto_image pinned = { 0 };
		assert_int_equal(store_pin(l->s, ID, &c, FS_DURABLE, &pinned, &e), 0);
		assert_string_equal(pinned.manifest.text, im.manifest.text);
		assert_int_equal(store_remove(l->s, &c, &e), 0);
		assert_int_equal(count(l, l->s->layers_fd), 2); /* and a container on that */
		assert_int_equal(store_layer_name(l->s, im.layers.v[0], path, &e), 0);
		assert_int_equal(store_unpin(l->s, ID, &e), 0);
	}
	import(l, "other:1");
	base = name("other:1");
	assert_int_equal(store_remove(l->s, &base, &e), 0);
	assert_int_equal(count(l, l->s->layers_fd), 0);
	assert_int_equal(count(l, l->s->blobs_fd), 0);
	assert_int_equal(count(l, l->s->images_fd), 0);
	assert_int_equal(count(l, l->s->tmp_fd), 0);
	assert_int_equal(store_remove(l->s, &base, &e), -ENOENT);
	assert_int_equal(store_layer_name(l->s, im.layers.v[0], path, &e), -ENOENT);
}

static void moved_tag_drops_the_old(void **state)
{
	struct life *l = *state;
	char text[2] = "a";

	import(l, "base:1");
	for (; *text < 'f'; ++*text) {
		put_file(l->upper, "x", text);
		commit(l, "base:1", "c:1");
		assert_int_equal(count(l, l->s->layers_fd), 2);
		assert_int_equal(count(l, l->s->blobs_fd), 6);
	}
}

static void moved_tag_keeps_what_is_pinned(void **state)
{
	struct life *l = *state;
	auto_image old = { 0 };
	const struct image_ref c = name("c:1");
	char path[48];
	struct err e = { 0 };

	import(l, "base:1");
	put_file(l->upper, "x", "y");
	commit(l, "base:1", "c:1");
	assert_int_equal(store_pin(l->s, ID, &c, FS_VOLATILE, &old, &e), 0);
	import(l, "c:1");
	assert_int_equal(count(l, l->s->layers_fd), 2);
	assert_int_equal(store_layer_name(l->s, old.layers.v[1], path, &e), 0);
	/* an import to another name, or of the same, has nothing to drop; one that moves it does */
	assert_int_equal(store_unpin(l->s, ID, &e), 0);
	import(l, "c:1");
	import(l, "c:2");
	assert_int_equal(count(l, l->s->layers_fd), 2);
	put_file(l->upper, "x", "z");
	commit(l, "base:1", "c:2");
	assert_int_equal(count(l, l->s->layers_fd), 2);
	assert_int_equal(store_layer_name(l->s, old.layers.v[1], path, &e), -ENOENT);
	import(l, "c:2");
	assert_int_equal(count(l, l->s->layers_fd), 1);
	assert_int_equal(count(l, l->s->blobs_fd), 3);
}

static void last_pin_goes(void **state)
{
	struct life *l = *state;
	auto_image im = { 0 }, same = { 0 }, none = { 0 };
	const struct image_ref base = name("base:1");
	struct err e = { 0 };

	import(l, "base:1");
	assert_int_equal(store_pin(l->s, ID, &base, FS_DURABLE, &im, &e), 0);
	assert_int_equal(store_pin(l->s, ID, &base, FS_DURABLE, &none, &e), -EEXIST);
	assert_int_equal(none.layers.n, 0);
	assert_int_equal(store_pin(l->s, ID2, &base, FS_DURABLE, &same, &e), 0);
	assert_int_equal(store_unpin(l->s, ID, &e), 0);
	assert_int_equal(store_unpin(l->s, ID, &e), 0);
	assert_int_equal(store_collect(l->s, &im.manifest, &e), 0);
	assert_int_equal(count(l, l->s->layers_fd), 1); /* base:1 and the other pin */
	assert_int_equal(store_remove(l->s, &base, &e), 0);
	assert_int_equal(store_collect(l->s, &im.manifest, &e), 0);
	assert_int_equal(count(l, l->s->layers_fd), 1); /* the other pin */
	assert_int_equal(store_pin(l->s, ID, &base, FS_DURABLE, &none, &e), -ENOENT);
	assert_false(exists(l->s->pins_fd, ID));
	assert_int_equal(store_unpin(l->s, ID2, &e), 0);
	assert_int_equal(store_collect(l->s, &im.manifest, &e), 0);
	assert_int_equal(count(l, l->s->layers_fd), 0);
	assert_int_equal(count(l, l->s->blobs_fd), 0);
	assert_int_equal(count(l, l->s->tmp_fd), 0);
}

/* Whoever pins holds the lock together with others: it waits for changes and for nothing else. */
static void pins_are_made_together(void **state)
{
	struct life *l = *state;
	const struct image_ref base = name("base:1");
	struct err e = { 0 };
	auto_close int lock = -1;
	auto_image im = { 0 };

	import(l, "base:1");
	lock = fs_lock_shared(l->s->root_fd, "lock", 0, &e);
	assert_true(lock >= 0);
	assert_int_equal(store_pin(l->s, ID, &base, FS_VOLATILE, &im, &e), 0);
}

static void damaged_pin_stops_collection(void **state)
{
	struct life *l = *state;
	const struct image_ref base = name("base:1");
	struct err e = { 0 };

	import(l, "base:1");
	import(l, "base:2");
	assert_int_equal(symlinkat("nonsense", l->s->pins_fd, ID), 0);
	assert_int_equal(symlinkat("nonsense", l->s->pins_fd, "no id"), 0);
	{
		const struct image_ref other = name("base:2");
		assert_int_equal(store_remove(l->s, &base, &e), 0);
		assert_int_equal(store_remove(l->s, &other, &e), 0);
	}
	assert_int_equal(count(l, l->s->layers_fd), 1);
	assert_int_equal(store_unpin(l->s, ID, &e), 0);
	import(l, "base:1");
	assert_int_equal(store_remove(l->s, &base, &e), 0);
	assert_int_equal(count(l, l->s->layers_fd), 0);
}

static void damaged_image_stops_collection(void **state)
{
	struct life *l = *state;
	auto_image im = { 0 };
	struct image_ref c = name("c:1");
	struct err e = { 0 };

	import(l, "base:1");
	put_file(l->upper, "x", "y");
	commit(l, "base:1", "c:1");
	load(l, "base:1", &im);
	assert_int_equal(unlinkat(l->s->blobs_fd, digest_hex(&im.config), 0), 0);
	assert_int_equal(store_remove(l->s, &c, &e), 0);
	assert_int_equal(count(l, l->s->layers_fd), 2);
}

static void many_layers_are_joined(void **state)
{
	struct life *l = *state;
	auto_close int tree = -1;
	auto_image im = { 0 };
	char from[16] = "base:1", to[16], file[16];

	import(l, "base:1");
	for (int i = 1; i <= 64; i++) {
		auto_close int etc = make_dir(l->upper, "etc");
		snprintf(to, sizeof to, "c:%d", i);
		snprintf(file, sizeof file, "f%d", i);
		put_file(l->upper, file, file);
		if (i == 10)
			assert_int_equal(mknodat(l->upper, "f5", S_IFCHR, 0), 0);
		if (i == 20)
			assert_int_equal(mknodat(etc, "f", S_IFCHR, 0), 0);
		if (i == 30) /* hides all of base's */
			fsetxattr(etc, "trusted.overlay.opaque", "y", 1, 0);
		commit(l, from, to);
		memcpy(from, to, sizeof to);
		{
			struct err e = { 0 };
			assert_int_equal(fs_remove_tree(l->p.fd, "upper", &e), 0);
			close(l->upper);
			l->upper = make_dir(l->p.fd, "upper");
		}
	}
	load(l, "c:63", &im);
	assert_int_equal(im.layers.n, 64);
	image_release(&im);
	load(l, "c:64", &im);
	assert_int_equal(im.layers.n, 1);
	tree = top_tree(l, "c:64");
	check_file(tree, "f1", "f1");
	check_file(tree, "f64", "f64");
	assert_false(exists(tree, "f5"));
	assert_true(exists(tree, "etc"));
	assert_false(exists(tree, "etc/f"));
	assert_false(exists(tree, "etc/g"));
	assert_true(exists(tree, "l"));
}

static void leftovers_are_removed(void **state)
{
	struct life *l = *state;
	auto_close int dead = make_dir(l->s->tmp_fd, "0123"),
		       alive = make_dir(l->s->tmp_fd, "4567");
	auto_close int lock = -1, deep = make_dir(dead, "layer/fs/a/b");
	struct err e = { 0 };

	put_file(dead, "lock", "1\n");
	lock = fs_lock(alive, "lock", 0, &e);
	assert_true(lock >= 0);
	import(l, "base:1");
	assert_false(exists(l->s->tmp_fd, "0123"));
	assert_true(exists(l->s->tmp_fd, "4567/lock"));
}

static void errors_leave_nothing(void **state)
{
	struct life *l = *state;
	struct store_import im = { .ref = name("base:1") };
	struct store_commit co = { .ref = name("c:1"), .upper_fd = l->upper };
	char *bad[] = { (char *)"\xff", NULL };
	struct err e = { 0 };
	struct digest id;

	put_file(l->p.fd, "junk", "this is no archive, whatever one tries to read it as");
	im.fd = openat(l->p.fd, "junk", O_RDONLY | O_CLOEXEC);
	assert_true(store_import(l->s, &im, &id, &e) < 0);
	assert_non_null(strstr(e.text, "the archive is damaged"));
	im.cmd = bad;
	assert_int_equal(store_import(l->s, &im, &id, &e), -EINVAL);
	close(im.fd);
	memset(co.parent.text, 'x', 10);
	assert_int_equal(store_commit(l->s, &co, &id, &e), -EINVAL);
	assert_int_equal(count(l, l->s->tmp_fd), 0);
	assert_int_equal(count(l, l->s->blobs_fd), 0);
	assert_int_equal(count(l, l->s->images_fd), 0);
}

static void changes_are_counted(void **state)
{
	struct life *l = *state;
	auto_close int sub = make_dir(l->upper, "a/b"), none = make_dir(l->upper, "empty");
	struct err e = { 0 };
	uint64_t n;

	put_file(sub, "f", "");
	put_file(l->upper, "g", "");
	assert_int_equal(store_count_changes(l->upper, 0, &n, &e), 0);
	assert_int_equal(n, 3); /* a/b/f, g, empty */
}

static void names_are_listed(void **state)
{
	struct life *l = *state;
	auto_free struct image_ref *refs = NULL;
	auto_free char *index = NULL;
	struct err e = { 0 };
	size_t n;

	import(l, "z:1");
	import(l, "a/b:2");
	mkdirat(l->s->images_fd, "not a name", 0700);
	assert_int_equal(store_image_refs(l->s, &refs, &n, &e), 0);
	assert_int_equal(n, 2);
	assert_string_equal(refs[0].repository, "a/b");
	assert_int_equal(fs_read_file(l->s->root_fd, "index.json", 1 << 20, &index, NULL, &e), 0);
	assert_non_null(strstr(index, "\"a/b:2\""));
	assert_non_null(strstr(index, "\"z:1\""));
}

#define LIFE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIFE(import_is_faithful),
		LIFE(same_input_same_digest),
		LIFE(commit_keeps_everything),
		LIFE(unchanged_needs_no_layer),
		LIFE(removal_keeps_what_is_needed),
		LIFE(moved_tag_drops_the_old),
		LIFE(moved_tag_keeps_what_is_pinned),
		LIFE(last_pin_goes),
		LIFE(pins_are_made_together),
		LIFE(damaged_pin_stops_collection),
		LIFE(damaged_image_stops_collection),
		LIFE(many_layers_are_joined),
		LIFE(leftovers_are_removed),
		LIFE(errors_leave_nothing),
		LIFE(changes_are_counted),
		LIFE(names_are_listed),
	};

	if (geteuid() != 0) {
		printf("1..0 # SKIP layers can only be unpacked by root\n");
		return 0;
	}
	umask(0); /* the fixtures say which modes they mean */
	return cmocka_run_group_tests_name("store_life", tests, NULL, NULL);
}
