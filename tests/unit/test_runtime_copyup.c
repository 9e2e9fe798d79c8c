/* What an empty volume gets of the image (runs as root). */
#include "runtime/copyup.h"
#include "test_base.h"

#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>

struct two {
	struct place p;
	int from, to;
};

static int open_dir(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void make(struct two *t)
{
	static const struct timespec times[2] = { { 1000, 1 }, { 2000, 2 } };

	place_make(&t->p);
	assert_int_equal(mkdirat(t->p.fd, "from", 0755), 0);
	assert_int_equal(mkdirat(t->p.fd, "to", 0755), 0);
	t->from = open_dir(t->p.fd, "from");
	t->to = open_dir(t->p.fd, "to");
	put_text(t->from, "file", "text");
	assert_int_equal(fchownat(t->from, "file", 1000, 1001, 0), 0);
	assert_int_equal(fchmodat(t->from, "file", 04751, 0), 0);
	assert_int_equal(mkdirat(t->from, "dir", 0700), 0);
	put_text(t->from, "dir/inner", "inner text");
	assert_int_equal(linkat(t->from, "dir/inner", t->from, "hard", 0), 0);
	assert_int_equal(symlinkat("/etc/shadow", t->from, "link"), 0);
	assert_int_equal(fchownat(t->from, "link", 7, 8, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(mkfifoat(t->from, "pipe", 0640), 0);
	assert_int_equal(mknodat(t->from, "null", S_IFCHR | 0666, makedev(1, 3)), 0);
	assert_int_equal(fchownat(t->from, "dir", 5, 6, 0), 0);
	assert_int_equal(utimensat(t->from, "file", times, 0), 0);
	assert_int_equal(utimensat(t->from, "dir", times, 0), 0);
	assert_int_equal(fchmod(t->from, 01770), 0);
	assert_int_equal(fchown(t->from, 42, 43), 0);
}

static void drop(struct two *t)
{
	close(t->from);
	close(t->to);
	place_remove(&t->p);
}

static struct stat look(int at, const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st;
}

static bool exists(int at, const char *name)
{
	return faccessat(at, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void check_copy(const struct two *t)
{
	auto_free char *text = get_text(t->to, "file"), *inner = get_text(t->to, "dir/inner");
	struct stat st = look(t->to, "file");
	char target[32] = { 0 };

	assert_string_equal(text, "text");
	assert_string_equal(inner, "inner text");
	assert_true(st.st_uid == 1000 && st.st_gid == 1001 && (st.st_mode & 07777) == 04751);
	assert_true(st.st_mtim.tv_sec == 2000 && st.st_mtim.tv_nsec == 2);
	st = look(t->to, "dir");
	assert_true(st.st_uid == 5 && st.st_gid == 6 && (st.st_mode & 07777) == 0700);
	assert_int_equal(st.st_mtim.tv_sec, 2000);
	assert_int_equal(look(t->to, "hard").st_ino, look(t->to, "dir/inner").st_ino);
	assert_true(readlinkat(t->to, "link", target, sizeof target - 1) > 0);
	assert_string_equal(target, "/etc/shadow");
	assert_int_equal(look(t->to, "link").st_uid, 7);
	st = look(t->to, "pipe");
	assert_true(S_ISFIFO(st.st_mode) && (st.st_mode & 0777) == 0640);
	assert_false(exists(t->to, "null"));
	assert_false(exists(t->to, ".redock-copy-up"));
	st = look(t->to, ".");
	assert_true(st.st_uid == 42 && st.st_gid == 43 && (st.st_mode & 07777) == 01770);
}

static void test_copy(void **state)
{
	struct two t;
	struct err e = { 0 };

	(void)state;
	make(&t);
	assert_int_equal(copy_up_if_empty(t.from, t.to, &e), 0);
	check_copy(&t);
	drop(&t);
}

static void test_attributes(void **state)
{
	struct two t;
	struct err e = { 0 };
	char value[16] = { 0 };
	auto_close int file = -1, copy = -1;

	(void)state;
	make(&t);
	file = openat(t.from, "file", O_RDONLY);
	if (fsetxattr(file, "user.test", "value", 5, 0) < 0 && errno == EOPNOTSUPP) {
		drop(&t);
		skip();
	}
	assert_int_equal(fsetxattr(file, "trusted.overlay.opaque", "y", 1, 0), 0);
	assert_int_equal(copy_up_if_empty(t.from, t.to, &e), 0);
	copy = openat(t.to, "file", O_RDONLY);
	assert_int_equal(fgetxattr(copy, "user.test", value, sizeof value), 5);
	assert_string_equal(value, "value");
	assert_int_equal(fgetxattr(copy, "trusted.overlay.opaque", value, sizeof value), -1);
	drop(&t);
}

static void test_not_empty(void **state)
{
	struct two t;
	struct err e = { 0 };

	(void)state;
	make(&t);
	put_text(t.to, "mine", "x");
	assert_int_equal(copy_up_if_empty(t.from, t.to, &e), 0);
	assert_false(exists(t.to, "file"));
	assert_true(exists(t.to, "mine"));
	drop(&t);
}

/* Killed at any point: the next one completes it, and the leavings are gone. */
static void test_cut_short(void **state)
{
	struct two t;
	struct err e = { 0 };

	(void)state;
	make(&t);
	assert_int_equal(mkdirat(t.to, ".redock-copy-up", 0700), 0);
	put_text(t.to, ".redock-copy-up/half", "hal");
	assert_int_equal(copy_up_if_empty(t.from, t.to, &e), 0);
	assert_false(exists(t.to, "half"));
	check_copy(&t);
	drop(&t);
}

/* A sparse file stays one, and its end is where it was. */
static void test_sparse(void **state)
{
	struct two t;
	struct err e = { 0 };
	auto_close int file = -1;
	struct stat st;

	(void)state;
	make(&t);
	file = openat(t.from, "sparse", O_RDWR | O_CREAT, 0644);
	assert_int_equal(pwrite(file, "x", 1, 5 << 20), 1);
	assert_int_equal(ftruncate(file, 64 << 20), 0);
	assert_int_equal(copy_up_if_empty(t.from, t.to, &e), 0);
	st = look(t.to, "sparse");
	assert_int_equal(st.st_size, 64 << 20);
	assert_true(st.st_blocks * 512 < 2 << 20);
	drop(&t);
}

/* Two containers at once: both find it whole, and each file was made once. */
static void test_two_at_once(void **state)
{
	struct two t;
	struct err e = { 0 };
	int status;
	pid_t pid;

	(void)state;
	make(&t);
	for (int i = 0; i < 300; i++) {
		char name[16];
		snprintf(name, sizeof name, "n%d", i);
		put_text(t.from, name, name);
	}
	pid = fork();
	if (pid == 0)
		_exit(copy_up_if_empty(t.from, t.to, &e) == 0 && exists(t.to, "n299") ? 0 : 1);
	assert_int_equal(copy_up_if_empty(t.from, t.to, &e), 0);
	assert_true(exists(t.to, "n299"));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	check_copy(&t);
	drop(&t);
}

static void test_too_deep(void **state)
{
	struct two t;
	struct err e = { 0 };
	int at;

	(void)state;
	make(&t);
	at = fcntl(t.from, F_DUPFD_CLOEXEC, 3);
	for (int i = 0; i < 300; i++) {
		int next;
		assert_int_equal(mkdirat(at, "d", 0755), 0);
		next = open_dir(at, "d");
		close(at);
		at = next;
	}
	close(at);
	assert_int_equal(copy_up_if_empty(t.from, t.to, &e), -ELOOP);
	drop(&t);
}

static void test_files(void **state)
{
	struct two t;
	struct err e = { 0 };
	auto_close int file = -1;

	(void)state;
	make(&t);
	file = openat(t.from, "file", O_PATH);
	assert_int_equal(copy_up_if_empty(file, t.to, &e), 0);   /* nothing to take */
	assert_int_equal(copy_up_if_empty(t.from, file, &e), 0); /* nothing to fill */
	assert_false(exists(t.to, "file"));
	drop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_not_empty),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_sparse),
		cmocka_unit_test(test_two_at_once),
		cmocka_unit_test(test_too_deep),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests_name("runtime_copyup", tests, NULL, NULL);
}
