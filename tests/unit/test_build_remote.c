/* What becomes of a context that comes through a pipe or from an address, and of the private
 * directory that it lies in; the engine is made up. */
#include "test_base.h"

#include "base/fs.h"
#include "build/remote.h"
#include "engine/ops.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

struct made_up {
	struct engine engine;
	struct place state;
	struct str unpacked; /* what it was given */
	const char *page;    /* what is at every address */
	int64_t modified;
};

static int fake_state_fd(struct engine *en, struct err *e)
{
	return ((struct made_up *)en)->state.fd;
}

static int fake_fetch(struct engine *en, const struct fetch_request *request, int fd,
	struct fetched *ret, struct err *e)
{
	struct made_up *m = (struct made_up *)en;

	if (!m->page)
		return err_set(e, ENOENT, "the server has no such file (404)");
	assert_int_equal(fs_write_all(fd, m->page, strlen(m->page)), 0);
	*ret = (struct fetched){ xstrdup(request->url), xstrdup("sha256:1"), strlen(m->page),
		m->modified };
	return 0;
}

static int fake_unpack(
	struct engine *en, const void *head, size_t len, int fd, int dir_fd, struct err *e)
{
	struct made_up *m = (struct made_up *)en;
	char rest[4096];
	ssize_t n = fs_read_full(fd, rest, sizeof rest);

	str_add_data(&m->unpacked, head, len);
	str_add_data(&m->unpacked, rest, (size_t)n);
	return fs_write_file(dir_fd, "unpacked", "", 0, 0644, FS_VOLATILE, e);
}

static const struct engine_ops ops = {
	.state_fd = fake_state_fd, .fetch = fake_fetch, .unpack = fake_unpack
};

static int setup(void **state)
{
	struct made_up *m = xcalloc(1, sizeof *m);

	m->engine.ops = &ops;
	m->unpacked = (struct str)STR_INIT(8192);
	place_make(&m->state);
	*state = m;
	return 0;
}

static int teardown(void **state)
{
	struct made_up *m = *state;

	place_remove(&m->state);
	str_release(&m->unpacked);
	free(m);
	return 0;
}

/* How many private directories there are. */
static int directories(struct made_up *m)
{
	int fd = openat(m->state.fd, "scratch", O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;
	DIR *dir = fdopendir(fd);
	struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		n += entry->d_name[0] == 'b';
	closedir(dir);
	return n;
}

static void private_directories(void **state)
{
	struct made_up *m = *state;
	struct scratch a, b;
	struct err e = { 0 };
	struct stat st;

	assert_int_equal(scratch_make(&m->engine, &a, &e), 0);
	assert_int_equal(fstat(a.fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(fs_write_file(a.fd, "x", "x", 1, 0600, FS_VOLATILE, &e), 0);
	/* one that lives stays; what a dead one has left goes */
	assert_int_equal(mkdirat(m->state.fd, "scratch/b0123456789abcdef", 0700), 0);
	assert_int_equal(mkdirat(m->state.fd, "scratch/b0123456789abcdef/x", 0700), 0);
	assert_int_equal(scratch_make(&m->engine, &b, &e), 0);
	assert_int_equal(directories(m), 2);
	assert_int_equal(faccessat(a.fd, "x", F_OK, 0), 0);
	scratch_remove(&a);
	scratch_remove(&b);
	scratch_remove(&b); /* once more: nothing */
	assert_int_equal(directories(m), 0);
}

/* A pipe that gives these bytes. */
static int pipe_with(const void *data, size_t len)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(fs_write_all(ends[1], data, len), 0);
	close(ends[1]);
	return ends[0];
}

/* The first block of an archive, with the checksum that it must have. */
static void tar_header(char block[512])
{
	unsigned sum = 8 * ' ';

	memset(block, 0, 512);
	memcpy(block, "file", 4);
	memcpy(block + 257, "ustar\0000", 8);
	for (int i = 0; i < 512; i++)
		sum += (unsigned char)block[i];
	snprintf(block + 148, 8, "%06o", sum);
	block[155] = ' ';
}

static void kinds_of_streams(void **state)
{
	struct made_up *m = *state;
	char tar[1024] = "", wrong[1024] = "";
	const struct {
		const void *data;
		size_t len;
		int code; /* 0: an archive, 1: a Dockerfile */
	} cases[] = {
		{ "\x1f\x8b\x08 gzip", 8, 0 },
		{ "BZh9 bzip2", 10, 0 },
		{ "\xfd"
		  "7zXZ\0 xz",
			9, 0 },
		{ "\x28\xb5\x2f\xfd zstd", 9, 0 },
		{ tar, sizeof tar, 0 },
		{ "\0\0\0", 3, -EINVAL },
		{ wrong, sizeof wrong, -EINVAL },
		{ "FROM a\n", 7, 1 },
		{ "", 0, -EINVAL },
	};

	tar_header(tar);
	memset(tar + 512, 'y', 512);
	memcpy(wrong, tar, sizeof tar);
	wrong[0] = 'F'; /* the checksum is another one now */
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int fd = pipe_with(cases[i].data, cases[i].len);
		const struct remote_options o = { 0 };
		struct remote r;
		struct err e = { 0 };
		int result = remote_context(&m->engine, "-", fd, &o, &r, &e);

		close(fd);
		if (result != (cases[i].code < 0 ? cases[i].code : 0))
			fail_msg("case %zu: %d %s", i, result, e.text);
		if (result < 0) {
			assert_int_equal(directories(m), 0);
			continue;
		}
		assert_int_equal(r.bare_file, cases[i].code);
		if (cases[i].code == 0) { /* the bytes that were looked at are not missing */
			assert_int_equal(m->unpacked.len, cases[i].len);
			assert_memory_equal(m->unpacked.data, cases[i].data, cases[i].len);
			str_truncate(&m->unpacked, 0);
		}
		assert_int_equal(
			faccessat(r.dir_fd, r.bare_file ? "Dockerfile" : "unpacked", F_OK, 0), 0);
		remote_close(&r);
		assert_int_equal(directories(m), 0);
	}
}

static void too_long_for_a_dockerfile(void **state)
{
	struct made_up *m = *state;
	int fd = memfd_create("long", MFD_CLOEXEC);
	const struct remote_options o = { 0 };
	struct remote r;
	struct err e = { 0 };

	assert_int_equal(ftruncate(fd, 0), 0);
	for (int i = 0; i < 5 * 1024; i++) {
		char block[1024];
		memset(block, '#', sizeof block);
		assert_int_equal(fs_write_all(fd, block, sizeof block), 0);
	}
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(remote_context(&m->engine, "-", fd, &o, &r, &e), -EINVAL);
	close(fd);
	assert_int_equal(directories(m), 0);
}

static void files_by_address(void **state)
{
	struct made_up *m = *state;
	const struct remote_options o = { 0 };
	struct remote r;
	struct err e = { 0 };
	struct stat st;

	m->page = "FROM a\n";
	m->modified = 981173106;
	assert_int_equal(remote_add(&m->engine, "http://x/y", &o, &r, &e), 0);
	assert_int_equal(fstatat(r.dir_fd, REMOTE_FILE, &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_mtime, 981173106);
	assert_string_equal(r.digest, "sha256:1");
	remote_close(&r);
	m->modified = -1;
	assert_int_equal(remote_add(&m->engine, "http://x/y", &o, &r, &e), 0);
	assert_int_equal(fstatat(r.dir_fd, REMOTE_FILE, &st, 0), 0);
	assert_int_equal(st.st_mtime, 0);
	remote_close(&r);
	/* as a context it is a Dockerfile, and nothing else is there */
	assert_int_equal(remote_context(&m->engine, "http://x/y", -1, &o, &r, &e), 0);
	assert_true(r.bare_file);
	assert_int_equal(faccessat(r.dir_fd, "Dockerfile", F_OK, 0), 0);
	assert_int_equal(faccessat(r.dir_fd, REMOTE_FILE, F_OK, 0), -1);
	remote_close(&r);
	m->page = NULL;
	assert_int_equal(remote_context(&m->engine, "http://x/y", -1, &o, &r, &e), -ENOENT);
	assert_int_equal(remote_add(&m->engine, "https://a:b@x/y.git", &o, &r, &e), -EINVAL);
	assert_int_equal(directories(m), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(private_directories, setup, teardown),
		cmocka_unit_test_setup_teardown(kinds_of_streams, setup, teardown),
		cmocka_unit_test_setup_teardown(too_long_for_a_dockerfile, setup, teardown),
		cmocka_unit_test_setup_teardown(files_by_address, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
