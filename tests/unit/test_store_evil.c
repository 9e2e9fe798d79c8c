/*
 * Hostile archives (attacks T13 to T15): each is unpacked beside a canary by a child of its own,
 * so that a crash is seen and the memory measured.
 */
#include "store/apply.h"
#include "test_store.h"

#include <sys/resource.h>
#include <sys/wait.h>

#define MEMORY_MAX_KIB (64 * 1024)

/* All that a stray write could change, of the canary and below: as text. */
static void describe(int dirfd, const char *name, struct str *ret)
{
	struct stat st;
	struct dirent **list;
	int fd, n;

	assert_int_equal(fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	str_addf(ret, "%s %lu %o %u:%u %lu %ld %ld.%ld %ld.%ld\n", name, st.st_ino, st.st_mode,
		st.st_uid, st.st_gid, st.st_nlink, st.st_size, st.st_mtim.tv_sec,
		st.st_mtim.tv_nsec, st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
	if (S_ISREG(st.st_mode)) {
		auto_free char *text = NULL;
		struct err e = { 0 };
		assert_int_equal(fs_read_file(dirfd, name, 1 << 20, &text, NULL, &e), 0);
		str_add(ret, text);
	}
	if (!S_ISDIR(st.st_mode))
		return;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	n = scandirat(fd, ".", &list, NULL, alphasort);
	assert_true(n >= 0);
	for (int i = 0; i < n; i++) {
		if (list[i]->d_name[0] != '.')
			describe(fd, list[i]->d_name, ret);
		free(list[i]);
	}
	free(list);
	close(fd);
}

/* 0 or 1: unpacked or refused; anything else is a crash. */
static int unpack(int work, int archives, const char *name, long *ret_kib)
{
	struct rusage usage;
	struct err e = { 0 };
	int status;
	pid_t pid;

	assert_int_equal(fs_remove_tree(work, "tree", &e), 0);
	pid = fork();
	if (pid == 0) {
		auto_blob blob = BLOB_INIT;
		struct layer_apply o = { .archive_fd = openat(archives, name, O_RDONLY | O_CLOEXEC),
			.scratch_fd = work,
			.tree_fd = fs_open_dir_make(work, "tree", 0755, &e),
			.blob = &blob };
		uint64_t entries;
		int r = blob_create(-1, NULL, &blob, &e);
		if (r == 0)
			r = layer_apply(&o, &entries, &e);
		if (r < 0 && (!*e.text || !str_is_one_line(e.text) || r != -e.code))
			abort();
		_exit(r < 0);
	}
	assert_true(pid > 0);
	assert_int_equal(wait4(pid, &status, 0, &usage), pid);
	*ret_kib = usage.ru_maxrss;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void run_generator(const struct place_to_test *p)
{
	char out[100], canary[100];
	int status;
	pid_t pid;

	snprintf(out, sizeof out, "%s/archives", p->path);
	snprintf(canary, sizeof canary, "%s/canary", p->path);
	pid = fork();
	if (pid == 0) {
		execlp("python3", "python3", "--", EVIL_TAR, out, canary, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void check_verdict(const char *name, int result, long kib)
{
	if (result > 1)
		fail_msg("%s: killed by signal %d", name, result - 128);
	if (str_starts(name, "refuse-") && result == 0)
		fail_msg("%s: was unpacked", name);
	if (str_starts(name, "inside-") && result != 0)
		fail_msg("%s: was refused", name);
#ifndef __SANITIZE_ADDRESS__
	if (kib > MEMORY_MAX_KIB)
		fail_msg("%s: took %ld KiB", name, kib);
#else
	(void)kib;
#endif
}

static void hostile_archives(void **state)
{
	auto_str before = STR_INIT(1 << 20);
	struct place_to_test p;
	struct dirent **list;
	int canary, archives, n, seen = 0;

	place_make(&p);
	run_generator(&p);
	canary = make_dir(p.fd, "canary");
	put_file(canary, "victim", "precious\n");
	mkdirat(canary, "below", 0700);
	describe(p.fd, "canary", &before);
	archives = make_dir(p.fd, "archives");
	n = scandirat(archives, ".", &list, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		const char *name = list[i]->d_name;
		if (name[0] != '.') {
			auto_str after = STR_INIT(1 << 20);
			long kib;
			int result = unpack(p.fd, archives, name, &kib);
			describe(p.fd, "canary", &after);
			if (!str_eq(str_text(&before), str_text(&after)))
				fail_msg("%s: the canary changed:\n%s", name, str_text(&after));
			check_verdict(name, result, kib);
			/* the scratch file has gone, nothing else appeared */
			assert_false(exists(p.fd, "times"));
			seen++;
		}
		free(list[i]);
	}
	free(list);
	assert_true(seen >= 60);
	close(archives);
	close(canary);
	place_remove(&p);
}

/* Where the harmless ones end up. */
static void inside_is_where_it_belongs(void **state)
{
	struct place_to_test p;
	int archives;
	long kib;

	place_make(&p);
	run_generator(&p);
	archives = make_dir(p.fd, "archives");
	assert_int_equal(unpack(p.fd, archives, "inside-twin-var-run.tar", &kib), 0);
	check_file(p.fd, "tree/run/pid", "evil\n");
	assert_int_equal(unpack(p.fd, archives, "inside-twin-var-run-early.tar", &kib), 0);
	check_file(p.fd, "tree/run/sub/pid", "evil\n");
	assert_int_equal(unpack(p.fd, archives, "inside-setuid.tar", &kib), 0);
	{
		struct stat st;
		assert_int_equal(fstatat(p.fd, "tree/su", &st, 0), 0);
		assert_int_equal(st.st_mode & 07777, 06755);
		assert_int_equal(st.st_uid, 1);
	}
	close(archives);
	place_remove(&p);
}

/* A quota holds for the stream and for sizes that are only claimed. */
static void quota_is_kept(void **state)
{
	static const char *const names[] = { "refuse-zeros.tar.gz", "refuse-sparse-huge.tar" };
	struct place_to_test p;
	int archives;

	place_make(&p);
	run_generator(&p);
	archives = make_dir(p.fd, "archives");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		auto_close int fd = openat(archives, names[i], O_RDONLY | O_CLOEXEC);
		auto_close int tree = make_dir(p.fd, names[i]);
		auto_blob blob = BLOB_INIT;
		struct layer_apply o = { .archive_fd = fd,
			.scratch_fd = p.fd,
			.tree_fd = tree,
			.blob = &blob,
			.max_bytes = 8 << 20 };
		struct err e = { 0 };
		uint64_t entries;
		assert_int_equal(blob_create(-1, NULL, &blob, &e), 0);
		assert_int_equal(layer_apply(&o, &entries, &e), -EFBIG);
		assert_non_null(strstr(e.text, "8388608 bytes"));
		assert_true(blob.size <= 8 << 20);
	}
	close(archives);
	place_remove(&p);
}

static void normal_paths(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = { { "", "" }, { ".", "" }, { "./", "" }, { "/", "" }, { "a", "a" },
		{ "./a/", "a" }, { "/a//b/./c", "a/b/c" }, { "...", "..." },
		{ "..a/b..", "..a/b.." }, { "..", NULL }, { "a/..", NULL }, { "a/../b", NULL },
		{ "/../a", NULL } };
	char path[ENTRY_NAME_MAX + 1];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = { 0 };
		int r = entry_path(cases[i].in, path, &e);
		if (!cases[i].out)
			assert_int_equal(r, -EINVAL);
		else
			assert_string_equal(path, cases[i].out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(normal_paths),
		cmocka_unit_test(hostile_archives),
		cmocka_unit_test(quota_is_kept),
		cmocka_unit_test(inside_is_where_it_belongs),
	};

	if (geteuid() != 0) {
		printf("1..0 # SKIP layers can only be unpacked by root\n");
		return 0;
	}
	return cmocka_run_group_tests_name("store_evil", tests, NULL, NULL);
}
