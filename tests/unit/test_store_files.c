/* Files in and out of archives that are no layers: what cp and export are made of. */
#include "test_store.h"

#include "store/extract.h"
#include "store/find.h"

#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

struct files {
	struct place_to_test p;
	int from, to, out; /* `to`: the destination; below `out` nothing may change */
};

static int set_up(void **state)
{
	struct files *f = xcalloc(1, sizeof *f);

	place_make(&f->p);
	f->from = make_dir(f->p.fd, "from");
	f->out = make_dir(f->p.fd, "out");
	f->to = make_dir(f->p.fd, "out/to");
	put_file(f->out, "canary", "sings");
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct files *f = *state;

	check_file(f->out, "canary", "sings");
	close(f->from);
	close(f->to);
	close(f->out);
	place_remove(&f->p);
	free(f);
	return 0;
}

/* An archive in a file below p: as redock packs it, or entry by entry. */
struct archive_to_test {
	struct blob blob;
	int fd;
};

static void begin(struct files *f, struct archive_to_test *a)
{
	a->fd = openat(f->p.fd, "archive", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(a->fd >= 0);
	blob_to_stream(a->fd, &a->blob);
}

static void add(struct archive_to_test *a, char type, const char *path, const char *text)
{
	struct err e = { 0 };
	bool link = type == '1' || type == '2';
	const struct tar_entry entry = { .path = path,
		.type = type,
		.mode = type == '5' ? 0755 : 04755,
		.uid = 5,
		.gid = 6,
		.link = link ? text : NULL,
		.size = text && !link ? strlen(text) : 0,
		.device = makedev(1, 3) };

	assert_int_equal(tar_put_entry(&a->blob, &entry, &e), 0);
	if (entry.size) {
		assert_int_equal(blob_write(&a->blob, text, entry.size, &e), 0);
		assert_int_equal(tar_put_padding(&a->blob, entry.size, &e), 0);
	}
}

static void finish(struct archive_to_test *a)
{
	struct err e = { 0 };

	assert_int_equal(tar_put_end(&a->blob, &e), 0);
	assert_int_equal(blob_finish(&a->blob, NULL, &e), 0);
	blob_release(&a->blob);
	assert_int_equal(lseek(a->fd, 0, SEEK_SET), 0);
}

/* Extracts as `redock cp CONTAINER:PATH LOCAL` does, unless `how` says otherwise. */
static int unpack(struct files *f, struct archive_to_test *a, const struct extract *how)
{
	struct extract x = how ? *how : (struct extract){ .no_replace = true };
	struct err e = { 0 };
	int r;

	x.archive_fd = a->fd;
	if (!x.root_fd)
		x.root_fd = f->to;
	if (!x.path)
		x.path = "";
	x.uid = geteuid();
	x.gid = getegid();
	r = extract(&x, &e);
	close(a->fd);
	assert_true(r == 0 || (*e.text && r == -e.code));
	return r;
}

static mode_t mode_of(int at, const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_mode;
}

static void there_and_back(void **state)
{
	struct files *f = *state;
	struct archive_to_test a;
	auto_packer *packer = NULL;
	struct err e = { 0 };
	struct stat one, two;
	char target[16];
	int fd;

	close(make_dir(f->from, "d"));
	put_file(f->from, "d/file", "text");
	put_file(f->from, "d/.wh.name", "is only a name here");
	assert_int_equal(linkat(f->from, "d/file", f->from, "d/same", 0), 0);
	assert_int_equal(symlinkat("nowhere", f->from, "d/link"), 0);
	assert_int_equal(mkfifoat(f->from, "d/fifo", 0640), 0);
	fd = openat(f->from, "d/sparse", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(pwrite(fd, "x", 1, 8 << 20), 1);
	assert_int_equal(ftruncate(fd, 16 << 20), 0);
	assert_int_equal(fsetxattr(fd, "user.note", "abc", 3, 0), 0);
	close(fd);
	begin(f, &a);
	packer = packer_new(&a.blob);
	assert_int_equal(packer_put(packer, f->from, "d", "named", &e), 0);
	finish(&a);
	assert_int_equal(unpack(f, &a, NULL), 0);
	check_file(f->to, "named/file", "text");
	check_file(f->to, "named/.wh.name", "is only a name here");
	assert_int_equal(fstatat(f->to, "named/file", &one, 0), 0);
	assert_int_equal(fstatat(f->to, "named/same", &two, 0), 0);
	assert_true(one.st_ino == two.st_ino);
	assert_int_equal(readlinkat(f->to, "named/link", target, sizeof target), 7);
	assert_int_equal(mode_of(f->to, "named/fifo"), S_IFIFO | 0640);
	assert_int_equal(fstatat(f->to, "named/sparse", &one, 0), 0);
	assert_int_equal(one.st_size, 16 << 20);
	assert_true(one.st_blocks * 512 < 1 << 20); /* its holes are holes again */
	fd = openat(f->to, "named/sparse", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fgetxattr(fd, "user.note", target, sizeof target), 3);
	close(fd);
}

/* T12: no name leads out, none is taken for another that it begins with. */
static void names_stay_inside(void **state)
{
	static const struct {
		char type;
		const char *path, *text;
	} evil[] = {
		{ '0', "../canary", "eaten" },
		{ '0', "d/../../canary", "eaten" },
		{ '1', "d", "../canary" },
		{ '1', "d", "/etc/passwd" },
		{ '3', "d", NULL },
		{ '4', "d", NULL },
		{ '0', "dir2/file", "not asked for" },
		{ '0', ".bashrc", "not asked for" },
		{ '5', "..", NULL },
		{ '0', "", "x" },
	};
	struct files *f = *state;
	struct archive_to_test a;

	for (size_t i = 0; i < ARRAY_SIZE(evil); i++) {
		const struct extract how = { .no_replace = true, .expect = "d" };
		begin(f, &a);
		add(&a, evil[i].type, evil[i].path, evil[i].text);
		finish(&a);
		if (unpack(f, &a, &how) == 0)
			fail_msg("accepted: %s", evil[i].path);
	}
	/* absolute ones count from the destination */
	begin(f, &a);
	add(&a, '0', "/d", "inside");
	finish(&a);
	assert_int_equal(unpack(f, &a, &(struct extract){ .expect = "d" }), 0);
	check_file(f->to, "d", "inside");
	/* the first part, whole, is renamed: "dir2" is not "dir" and a 2 */
	begin(f, &a);
	add(&a, '5', "dir", NULL);
	add(&a, '0', "dir/x", "x");
	finish(&a);
	assert_int_equal(unpack(f, &a, &(struct extract){ .rename = "new", .expect = "dir" }), 0);
	check_file(f->to, "new/x", "x");
	assert_false(exists(f->to, "dir"));
}

/* A link that the archive brings is none until all else is there. */
static void links_are_not_passed(void **state)
{
	struct files *f = *state;
	struct archive_to_test a;
	char target[16];

	begin(f, &a);
	add(&a, '2', "up", "..");
	add(&a, '0', "up/canary", "eaten");
	finish(&a);
	assert_true(unpack(f, &a, NULL) < 0);
	begin(f, &a);
	add(&a, '2', "up2", "../canary");
	add(&a, '0', "up2", "a file after all");
	add(&a, '2', "l", "up2");
	add(&a, '1', "m", "l");
	finish(&a);
	assert_int_equal(unpack(f, &a, NULL), 0);
	check_file(f->to, "up2", "a file after all");
	assert_int_equal(readlinkat(f->to, "m", target, sizeof target), 3);
	/* one that was there is replaced, not followed */
	assert_int_equal(symlinkat("..", f->to, "old"), 0);
	begin(f, &a);
	add(&a, '5', "old", NULL);
	add(&a, '0', "old/canary", "beside");
	finish(&a);
	assert_int_equal(unpack(f, &a, NULL), 0);
	check_file(f->to, "old/canary", "beside");
	assert_true(S_ISDIR(mode_of(f->to, "old")));
}

/* In a container such links are followed, since its files lie where they lead: /var/run -> /run. */
static void links_of_a_container_are_followed(void **state)
{
	struct files *f = *state;
	struct archive_to_test a;

	close(make_dir(f->to, "run"));
	close(make_dir(f->to, "var"));
	assert_int_equal(symlinkat("/run", f->to, "var/run"), 0);
	assert_int_equal(symlinkat("../../..", f->to, "var/out"), 0);
	begin(f, &a);
	add(&a, '5', "run", NULL);
	add(&a, '0', "run/pid", "1");
	add(&a, '0', "out/canary", "of the root");
	finish(&a);
	assert_int_equal(
		unpack(f, &a,
			&(struct extract){ .path = "var", .follow = true, .no_replace = true }),
		0);
	check_file(f->to, "run/pid", "1");
	check_file(f->to, "canary", "of the root");
	/* but not those of the archive itself */
	begin(f, &a);
	add(&a, '2', "mine", "/run");
	add(&a, '0', "mine/planted", "x");
	finish(&a);
	assert_true(unpack(f, &a, &(struct extract){ .path = "var", .follow = true }) < 0);
	assert_false(exists(f->to, "run/planted"));
}

static void owners_and_bits(void **state)
{
	struct files *f = *state;
	struct archive_to_test a;
	struct stat st;

	for (int keep = 0; keep < 2; keep++) {
		begin(f, &a);
		add(&a, '0', "su", "x");
		finish(&a);
		assert_int_equal(unpack(f, &a, &(struct extract){ .keep_owner = keep }), 0);
		assert_int_equal(fstatat(f->to, "su", &st, 0), 0);
		assert_int_equal(st.st_mode & 07777, keep ? 04755 : 0755);
		assert_int_equal(st.st_uid, keep ? 5 : geteuid());
	}
}

static void directories_and_files_do_not_replace_each_other(void **state)
{
	struct files *f = *state;
	struct archive_to_test a;

	close(make_dir(f->to, "d"));
	put_file(f->to, "d/kept", "x");
	put_file(f->to, "f", "x");
	begin(f, &a);
	add(&a, '0', "d", "file");
	finish(&a);
	assert_int_equal(unpack(f, &a, NULL), -EISDIR);
	begin(f, &a);
	add(&a, '5', "f", NULL);
	finish(&a);
	assert_int_equal(unpack(f, &a, NULL), -ENOTDIR);
	check_file(f->to, "d/kept", "x");
	check_file(f->to, "f", "x");
}

/* F04: an archive that is cut short leaves the old file and nothing half-made. */
static void old_or_new(void **state)
{
	struct files *f = *state;
	struct archive_to_test a;
	DIR *d;
	unsigned n = 0;

	put_file(f->to, "file", "old");
	begin(f, &a);
	add(&a, '0', "file", "this is longer than what is left of it");
	finish(&a);
	assert_int_equal(ftruncate(a.fd, 512 + 5), 0);
	assert_true(unpack(f, &a, NULL) < 0);
	check_file(f->to, "file", "old");
	d = fdopendir(openat(f->to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	while (readdir(d))
		n++;
	closedir(d);
	assert_int_equal(n, 3); /* ".", ".." and the file */
}

static void patterns(void **state)
{
	struct files *f = *state;
	struct err e = { 0 };

	close(make_dir(f->from, "etc"));
	close(make_dir(f->from, "etc/a.d"));
	close(make_dir(f->from, "etc/b.d"));
	put_file(f->from, "etc/a.d/x.conf", "1");
	put_file(f->from, "etc/b.d/y.conf", "1");
	put_file(f->from, "etc/b.d/.hidden.conf", "1");
	put_file(f->from, "etc/[z]", "1");
	assert_int_equal(symlinkat("../../../../../..", f->from, "etc/c.d"), 0);
	{
		auto_wanted w = { 0 };
		assert_int_equal(wanted_find(f->from, "/etc/*.d/*.conf", &w, &e), 0);
		assert_int_equal(w.paths.n, 2);
		assert_string_equal(w.paths.v[0], "etc/a.d/x.conf");
		assert_string_equal(w.paths.v[1], "etc/b.d/y.conf");
		assert_true(w.pattern && !w.content);
	}
	{ /* a file of that very name goes before a pattern */
		auto_wanted w = { 0 };
		assert_int_equal(wanted_find(f->from, "etc/[z]", &w, &e), 0);
		assert_false(w.pattern);
	}
	{ /* ".." and links end at the root */
		auto_wanted w = { 0 };
		assert_int_equal(wanted_find(f->from, "../../etc/c.d/et?/a.d/.", &w, &e), 0);
		assert_true(w.content);
		assert_int_equal(w.paths.n, 1);
	}
	{
		auto_wanted w = { 0 };
		assert_int_equal(wanted_find(f->from, "etc/*.none", &w, &e), -ENOENT);
		assert_int_equal(wanted_find(f->from, "none/", &w, &e), -ENOENT);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(there_and_back),
		TEST(names_stay_inside),
		TEST(links_are_not_passed),
		TEST(links_of_a_container_are_followed),
		TEST(owners_and_bits),
		TEST(directories_and_files_do_not_replace_each_other),
		TEST(old_or_new),
		TEST(patterns),
	};

	return cmocka_run_group_tests_name("store_files", tests, NULL, NULL);
}
