#include "base/fs.h"
#include "base/proc.h"
#include "base/time.h"
#include "test_base.h"

#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

static unsigned count_entries(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fdopendir(fd);
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static unsigned open_fds(void)
{
	auto_close int fd = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return count_entries(fd);
}

static void test_atomic_write(void **state)
{
	auto_free char *text = NULL, *empty = NULL;
	struct err e = { 0 };
	struct stat st;
	struct place p;

	(void)state;
	place_make(&p);
	assert_int_equal(fs_write_file(p.fd, "f", "old", 3, 0640, FS_DURABLE, &e), 0);
	/* who has the old file open goes on reading the old one */
	auto_close int old = openat(p.fd, "f", O_RDONLY | O_CLOEXEC);
	mode_t mask = umask(077);
	assert_int_equal(fs_write_file(p.fd, "f", "new one", 7, 0644, FS_VOLATILE, &e), 0);
	umask(mask);
	char before[4] = "";
	assert_int_equal(read(old, before, 3), 3);
	assert_string_equal(before, "old");
	text = get_text(p.fd, "f");
	assert_string_equal(text, "new one");
	assert_int_equal(fstatat(p.fd, "f", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0644); /* whatever the umask */
	assert_int_equal(fs_write_file(p.fd, "f", "", 0, 0600, FS_VOLATILE, &e), 0);
	empty = get_text(p.fd, "f");
	assert_string_equal(empty, "");
	assert_int_equal(count_entries(p.fd), 1); /* no temporary is left */
	/* nor when it fails: a directory is in the way */
	assert_int_equal(mkdirat(p.fd, "dir", 0700), 0);
	put_text(p.fd, "dir/x", "");
	assert_true(fs_write_file(p.fd, "dir", "x", 1, 0600, FS_VOLATILE, &e) < 0);
	assert_non_null(strstr(e.text, "'dir'"));
	assert_int_equal(count_entries(p.fd), 2);
	place_remove(&p);
}

/* A link in the file's place is replaced, not written through. */
static void test_write_over_link(void **state)
{
	auto_free char *target = NULL;
	struct err e = { 0 };
	struct stat st;
	struct place p;

	(void)state;
	place_make(&p);
	put_text(p.fd, "target", "mine");
	assert_int_equal(symlinkat("target", p.fd, "link"), 0);
	assert_int_equal(fs_write_file(p.fd, "link", "x", 1, 0600, FS_VOLATILE, &e), 0);
	target = get_text(p.fd, "target");
	assert_string_equal(target, "mine");
	assert_int_equal(fstatat(p.fd, "link", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISREG(st.st_mode));
	place_remove(&p);
}

static void test_read_bounds(void **state)
{
	struct err e = { 0 };
	char *text = NULL;
	size_t len = 0;
	struct place p;

	(void)state;
	place_make(&p);
	put_text(p.fd, "ten", "0123456789");
	assert_int_equal(fs_read_file(p.fd, "ten", 10, &text, &len, &e), 0);
	assert_int_equal(len, 10);
	free(text);
	assert_int_equal(fs_read_file(p.fd, "ten", 9, &text, &len, &e), -EFBIG);
	assert_int_equal(fs_read_file(p.fd, "none", 9, &text, &len, &e), -ENOENT);
	assert_int_equal(fs_read_file(p.fd, ".", 9, &text, &len, &e), -EINVAL);
	assert_int_equal(mkfifoat(p.fd, "fifo", 0600), 0);
	assert_int_equal(fs_read_file(p.fd, "fifo", 9, &text, &len, &e), -EINVAL);
	/* files of /proc say that they are empty */
	assert_int_equal(fs_read_file(AT_FDCWD, "/proc/self/maps", 1 << 20, &text, &len, &e), 0);
	assert_true(len > 0 && strlen(text) == len);
	free(text);
	place_remove(&p);
}

static void test_remove_deep(void **state)
{
	const int depth = 1200; /* beyond PATH_MAX and the usual number of fds */
	struct err e = { 0 };
	struct place p;
	int at;

	(void)state;
	place_make(&p);
	assert_int_equal(mkdirat(p.fd, "tree", 0700), 0);
	at = openat(p.fd, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < depth; i++) {
		int next;
		assert_int_equal(mkdirat(at, "deeper", 0700), 0);
		put_text(at, "f", "");
		next = openat(at, "deeper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(at);
		at = next;
	}
	close(at);
	unsigned before = open_fds();
	assert_int_equal(fs_remove_tree(p.fd, "tree", &e), 0);
	assert_int_equal(open_fds(), before);
	assert_int_equal(count_entries(p.fd), 0);
	assert_int_equal(fs_remove_tree(p.fd, "tree", &e), 0); /* missing is success */
	place_remove(&p);
}

/* Names that the removal itself uses must not stand in its way. Several branches, since a directory
 * is read in any order. */
static void test_remove_deep_names(void **state)
{
	struct err e = { 0 };
	char name[40];
	struct place p;

	(void)state;
	place_make(&p);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof name, "tree/.redock-deep-%d/full", i);
		auto_close int made = fs_open_dir_make(p.fd, name, 0700, &e);
		assert_true(made >= 0);
	}
	put_text(p.fd, "tree/.redock-deep-20", "a file");
	for (int branch = 0; branch < 8; branch++) {
		auto_free char *path = xasprintf("tree/%d%0210d", branch, 0);
		for (char *c = path + 6; c < path + 6 + 208; c += 2)
			*c = '/';
		auto_close int made = fs_open_dir_make(p.fd, path, 0700, &e);
		assert_true(made >= 0);
	}
	assert_int_equal(fs_remove_tree(p.fd, "tree", &e), 0);
	assert_int_equal(count_entries(p.fd), 0);
	place_remove(&p);
}

static void test_remove_wide(void **state)
{
	struct err e = { 0 };
	struct place p;

	(void)state;
	place_make(&p);
	assert_int_equal(mkdirat(p.fd, "tree", 0700), 0);
	for (int i = 0; i < 1500; i++) {
		char name[32];
		snprintf(name, sizeof name, "tree/%d", i);
		if (i % 2)
			assert_int_equal(mkdirat(p.fd, name, 0), 0);
		else
			put_text(p.fd, name, "");
	}
	assert_int_equal(fs_remove_tree(p.fd, "tree", &e), 0);
	assert_int_equal(count_entries(p.fd), 0);
	place_remove(&p);
}

static void test_remove_links(void **state)
{
	auto_free char *kept = NULL;
	struct err e = { 0 };
	struct place p;

	(void)state;
	place_make(&p);
	assert_int_equal(mkdirat(p.fd, "outside", 0700), 0);
	put_text(p.fd, "outside/canary", "alive");
	assert_int_equal(mkdirat(p.fd, "tree", 0700), 0);
	assert_int_equal(mkdirat(p.fd, "tree/sub", 0700), 0);
	assert_int_equal(symlinkat("../../outside", p.fd, "tree/sub/up"), 0);
	assert_int_equal(symlinkat("/", p.fd, "tree/sub/root"), 0);
	assert_int_equal(symlinkat("nowhere", p.fd, "tree/dangling"), 0);
	assert_int_equal(linkat(p.fd, "outside/canary", p.fd, "tree/hard", 0), 0);
	assert_int_equal(fs_remove_tree(p.fd, "tree", &e), 0);
	assert_int_equal(symlinkat("outside", p.fd, "link"), 0);
	assert_int_equal(fs_remove_tree(p.fd, "link", &e), 0); /* the link itself */
	kept = get_text(p.fd, "outside/canary");
	assert_string_equal(kept, "alive");
	assert_int_equal(count_entries(p.fd), 1);
	place_remove(&p);
}

/* A mount below is not ours to empty. Runs in a mount namespace of its own; needs root. */
static void test_remove_mount(void **state)
{
	struct err e = { 0 };
	struct place p;
	char path[64];

	(void)state;
	place_make(&p);
	assert_int_equal(mkdirat(p.fd, "tree", 0700), 0);
	assert_int_equal(mkdirat(p.fd, "tree/mnt", 0700), 0);
	pid_t pid = fork();
	if (pid == 0) {
		snprintf(path, sizeof path, "%s/tree/mnt", p.path);
		if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
			mount("tmpfs", path, "tmpfs", 0, NULL) < 0)
			_exit(2);
		int here =
			open(p.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* p.fd sees no mount */
		put_text(here, "tree/mnt/canary", "alive");
		if (fs_remove_tree(here, "tree", &e) == 0)
			_exit(3);
		_exit(faccessat(here, "tree/mnt/canary", F_OK, 0) == 0 ? 0 : 4);
	}
	assert_int_equal(proc_wait(pid), 0);
	place_remove(&p);
}

/* Two that remove one tree at the same time: both succeed. */
static void test_remove_together(void **state)
{
	struct err e = { 0 };
	struct place p;

	(void)state;
	place_make(&p);
	for (int round = 0; round < 8; round++) {
		assert_int_equal(mkdirat(p.fd, "tree", 0700), 0);
		for (int i = 0; i < 50; i++) {
			char name[32];
			snprintf(name, sizeof name, "tree/%d", i);
			assert_int_equal(mkdirat(p.fd, name, 0700), 0);
			snprintf(name, sizeof name, "tree/%d/f", i);
			put_text(p.fd, name, "");
		}
		pid_t pid = fork();
		int r = fs_remove_tree(p.fd, "tree", &e);
		if (pid == 0)
			_exit(r == 0 ? 0 : 1);
		assert_int_equal(r, 0);
		assert_int_equal(proc_wait(pid), 0);
		assert_int_equal(count_entries(p.fd), 0);
	}
	place_remove(&p);
}

static void make_hostile_root(int root)
{
	assert_int_equal(mkdirat(root, "root", 0755), 0);
	assert_int_equal(mkdirat(root, "root/etc", 0755), 0);
	put_text(root, "secret", "host");
	put_text(root, "root/etc/passwd", "inside");
	assert_int_equal(symlinkat("/etc/passwd", root, "root/absolute"), 0);
	assert_int_equal(symlinkat("../../../../../../etc/passwd", root, "root/climb"), 0);
	assert_int_equal(symlinkat("../secret", root, "root/out"), 0);
	assert_int_equal(symlinkat("/secret", root, "root/out2"), 0);
	assert_int_equal(symlinkat("loop", root, "root/loop"), 0);
	assert_int_equal(symlinkat("/", root, "root/self"), 0);
	assert_int_equal(symlinkat("..", root, "root/up"), 0);
	assert_int_equal(mkfifoat(root, "root/fifo", 0600), 0);
	assert_int_equal(symlinkat("/etc", root, "root/dirlink"), 0);
}

static void check_inside(int root, const char *path)
{
	auto_free char *text = NULL;
	struct err e = { 0 };

	assert_int_equal(rfd_read_file(root, path, 100, &text, NULL, &e), 0);
	assert_string_equal(text, "inside");
}

static void test_hostile_paths(void **state)
{
	static const char *const inside[] = { "etc/passwd", "/etc/passwd", "absolute", "climb",
		"self/etc/passwd", "up/up/etc/passwd", "../../etc/passwd", "dirlink/passwd",
		"self/self/up/absolute" };
	struct err e = { 0 };
	char *text = NULL;
	struct place p;

	(void)state;
	place_make(&p);
	make_hostile_root(p.fd);
	auto_close int root = openat(p.fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < ARRAY_SIZE(inside); i++)
		check_inside(root, inside[i]);
	assert_int_equal(rfd_open(root, "out", O_RDONLY, 0), -ENOENT);
	assert_int_equal(rfd_open(root, "out2", O_RDONLY, 0), -ENOENT);
	assert_int_equal(rfd_open(root, "up/secret", O_RDONLY, 0), -ENOENT);
	assert_int_equal(rfd_open(root, "loop", O_RDONLY, 0), -ELOOP);
	assert_int_equal(rfd_open_nolink(root, "absolute", O_RDONLY, 0), -ELOOP);
	assert_int_equal(rfd_open_nolink(root, "dirlink/passwd", O_RDONLY, 0), -ELOOP);
	assert_int_equal(rfd_open_nolink(root, "self/etc", O_PATH, 0), -ELOOP);
	assert_int_equal(rfd_read_file(root, "fifo", 100, &text, NULL, &e), -EINVAL);
	assert_int_equal(rfd_read_file(root, "etc", 100, &text, NULL, &e), -EINVAL);
	/* creating goes where the root's links lead, inside */
	auto_close int made = rfd_open(root, "dirlink/new", O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(made >= 0);
	assert_true(fcntl(made, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(faccessat(p.fd, "root/etc/new", F_OK, 0), 0);
	place_remove(&p);
}

/* The kernel's own files and magic links, as they are in a container's root. */
static void test_kernel_paths(void **state)
{
	static const char *const magic[] = { "proc/self/exe", "proc/self/cwd", "proc/self/root/etc",
		"proc/self/fd/0", "proc/self/ns/net" };
	static const char *const special[] = { "dev/zero", "dev/null", "proc/kmsg", "proc/version",
		"sys/kernel/uevent_seqnum" };
	auto_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct err e = { 0 };
	char *text = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(magic); i++)
		assert_int_equal(rfd_open(root, magic[i], O_PATH, 0), -ELOOP);
	for (size_t i = 0; i < ARRAY_SIZE(special); i++) {
		int r = rfd_read_file(root, special[i], 100, &text, NULL, &e);
		assert_true(r == -EINVAL || r == -ENOENT);
	}
}

static void test_lock_owner(void **state)
{
	struct err e = { 0 };
	int ready[2];
	char text[64];
	struct place p;

	(void)state;
	place_make(&p);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		int fd = fs_lock(p.fd, "lock", 0, &e);
		if (write(ready[1], "", 1) != 1 || fd < 0)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], text, 1), 1);
	assert_true(fs_is_locked(p.fd, "lock"));
	int64_t begin = time_monotonic();
	assert_int_equal(fs_lock(p.fd, "lock", 150, &e), -ETIMEDOUT);
	int64_t took = (time_monotonic() - begin) / 1000000;
	assert_in_range(took, 140, 5000);
	snprintf(text, sizeof text, "process %d", pid);
	assert_non_null(strstr(e.text, text));
	assert_non_null(strstr(e.hint, "ps -p"));
	assert_int_equal(fs_lock(p.fd, "lock", 0, &e), -ETIMEDOUT);
	/* a dead owner holds nothing */
	kill(pid, SIGKILL);
	auto_close int mine = fs_lock(p.fd, "lock", 5000, &e);
	assert_true(mine >= 0);
	proc_wait(pid);
	close_fd(&mine);
	assert_false(fs_is_locked(p.fd, "lock"));
	assert_false(fs_is_locked(p.fd, "missing"));
	assert_true(faccessat(p.fd, "missing", F_OK, 0) < 0);
	close(ready[0]), close(ready[1]);
	place_remove(&p);
}

static void test_lock_file_replaced(void **state)
{
	struct err e = { 0 };
	struct stat held, there;
	struct place p;

	(void)state;
	place_make(&p);
	auto_close int first = fs_lock(p.fd, "lock", 0, &e);
	assert_true(first >= 0);
	/* its owner removes the file, as with the directory that it protects */
	assert_int_equal(unlinkat(p.fd, "lock", 0), 0);
	auto_close int second = fs_lock(p.fd, "lock", 0, &e);
	assert_true(second >= 0);
	assert_int_equal(fstat(second, &held), 0);
	assert_int_equal(fstatat(p.fd, "lock", &there, 0), 0);
	assert_int_equal(held.st_ino, there.st_ino);
	/* a link is never followed */
	assert_int_equal(symlinkat("/etc/passwd", p.fd, "link"), 0);
	assert_int_equal(fs_lock(p.fd, "link", 0, &e), -ELOOP);
	place_remove(&p);
}

/* Until a line of /proc/locks says that `pid` waits for one. */
static void await_waiter(pid_t pid)
{
	char mark[40];

	snprintf(mark, sizeof mark, "-> FLOCK  ADVISORY  WRITE %d ", pid);
	for (bool there = false; !there; sched_yield()) {
		auto_free char *locks = get_text(AT_FDCWD, "/proc/locks");
		there = strstr(locks, mark);
	}
}

/* Who has waited for a lock whose owner then removed its file has no lock, and tries again. */
static void test_lock_removed_meanwhile(void **state)
{
	struct err e = { 0 };
	struct stat mine, there;
	struct place p;

	(void)state;
	place_make(&p);
	auto_close int first = fs_lock(p.fd, "lock", 0, &e);
	assert_true(first >= 0);
	pid_t pid = fork();
	if (pid == 0) {
		close_fd(&first);
		int fd = fs_lock(p.fd, "lock", 30000, &e);
		if (fd < 0 || fstat(fd, &mine) < 0 || fstatat(p.fd, "lock", &there, 0) < 0)
			_exit(1);
		_exit(mine.st_ino == there.st_ino ? 0 : 2);
	}
	await_waiter(pid);
	assert_int_equal(unlinkat(p.fd, "lock", 0), 0);
	put_text(p.fd, "lock", ""); /* another's already */
	close_fd(&first);
	assert_int_equal(proc_wait(pid), 0);
	place_remove(&p);
}

static void test_lock_shared(void **state)
{
	struct err e = { 0 };
	struct place p;

	(void)state;
	place_make(&p);
	auto_close int a = fs_lock_shared(p.fd, "lock", 0, &e),
		       b = fs_lock_shared(p.fd, "lock", 0, &e);
	assert_true(a >= 0 && b >= 0);
	assert_int_equal(fs_lock(p.fd, "lock", 50, &e), -ETIMEDOUT);
	close_fd(&a);
	assert_int_equal(fs_lock(p.fd, "lock", 50, &e), -ETIMEDOUT);
	close_fd(&b);
	auto_close int c = fs_lock(p.fd, "lock", 50, &e);
	assert_true(c >= 0);
	assert_int_equal(fs_lock_shared(p.fd, "lock", 50, &e), -ETIMEDOUT);
	place_remove(&p);
}

static void test_make_dirs(void **state)
{
	struct err e = { 0 };
	struct place p;

	(void)state;
	place_make(&p);
	auto_close int deep = fs_open_dir_make(p.fd, "a/b/c", 0700, &e);
	assert_true(deep >= 0);
	auto_close int again = fs_open_dir_make(p.fd, "a/b/c", 0700, &e);
	assert_true(again >= 0);
	put_text(p.fd, "file", "");
	assert_true(fs_open_dir_make(p.fd, "file/x", 0700, &e) < 0);
	assert_int_equal(symlinkat("a", p.fd, "link"), 0);
	assert_true(fs_open_dir(p.fd, "link", &e) < 0);
	assert_int_equal(fs_open_dir(p.fd, "none", &e), -ENOENT);
	place_remove(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_atomic_write),
		cmocka_unit_test(test_write_over_link),
		cmocka_unit_test(test_read_bounds),
		cmocka_unit_test(test_remove_deep),
		cmocka_unit_test(test_remove_deep_names),
		cmocka_unit_test(test_remove_wide),
		cmocka_unit_test(test_remove_links),
		cmocka_unit_test(test_remove_mount),
		cmocka_unit_test(test_remove_together),
		cmocka_unit_test(test_hostile_paths),
		cmocka_unit_test(test_kernel_paths),
		cmocka_unit_test(test_lock_owner),
		cmocka_unit_test(test_lock_file_replaced),
		cmocka_unit_test(test_lock_removed_meanwhile),
		cmocka_unit_test(test_lock_shared),
		cmocka_unit_test(test_make_dirs),
	};

	return cmocka_run_group_tests_name("base_fs", tests, NULL, NULL);
}
