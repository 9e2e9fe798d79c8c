#include "machine/sshconfig.h"
#include "base/fs.h"
#include "base/mem.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <cmocka.h>

#define PATTERN "/home/u/.local/share/redock/ssh/machines/*.conf"
#define LINE    "Include " PATTERN "\n"
#define TEST_ID 64990 /* a uid and gid that nobody has */

/* ---- the text ---- */

static const char *const foreign[] = {
	"",
	"\n",
	"Host *\n  User bob\n",
	"Host *\r\n  User bob\r\n",
	"User bob",
	"# a comment\n\nHost x\n\tHostName y # z\n",
	"\xef\xbb\xbfHost x\n",
	"Include ~/.ssh/other/*.conf\n",
	"Host x\n" LINE,
	"User x\n" LINE,
	"# " LINE,
	"Include " PATTERN ".bak\n",
	"Include /other " PATTERN "\n",
	"IncludeX " PATTERN "\n",
};

static void test_prepends_and_keeps_every_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
		auto_str once = STR_INIT(65536), twice = STR_INIT(65536);
		size_t n = strlen(foreign[i]), ours = strlen(LINE) + 1;

		assert_false(sshconfig_has_include(foreign[i], n, PATTERN));
		sshconfig_add_include(foreign[i], n, PATTERN, &once);
		assert_int_equal(once.len, n + ours);
		assert_memory_equal(once.data, LINE "\n", ours);
		assert_memory_equal(once.data + ours, foreign[i], n);
		sshconfig_add_include(once.data, once.len, PATTERN, &twice);
		assert_int_equal(twice.len, once.len);
		assert_memory_equal(twice.data, once.data, once.len);
	}
}

static void test_nul_bytes_stay(void **state)
{
	static const char data[] = "Host a\0b\n\0\0c";
	auto_str out = STR_INIT(65536);

	(void)state;
	sshconfig_add_include(data, sizeof data, PATTERN, &out);
	assert_int_equal(out.len, sizeof data + strlen(LINE) + 1);
	assert_memory_equal(out.data + strlen(LINE) + 1, data, sizeof data);
}

static void test_finds_its_line(void **state)
{
	static const char *const there[] = {
		LINE,
		"Include " PATTERN,
		"include " PATTERN "\r\n\r\nHost x\r\n",
		"\n  # mine\n\tINCLUDE = \"" PATTERN "\"  \nUser x\n",
		"Include\t" PATTERN "\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(there); i++)
		assert_true(sshconfig_has_include(there[i], strlen(there[i]), PATTERN));
}

static void test_quotes_blanks(void **state)
{
	auto_str out = STR_INIT(1000);

	(void)state;
	sshconfig_add_include("x", 1, "/a b/*.conf", &out);
	assert_string_equal(str_text(&out), "Include \"/a b/*.conf\"\n\nx");
	assert_true(sshconfig_has_include(out.data, out.len, "/a b/*.conf"));
}

/* ---- the file, as a user without rights ---- */

struct place {
	char path[64]; /* "<path>/home" is the user's, "<path>/root" is not */
	int home;
};

static char *slurp(int dir, const char *name)
{
	struct err e = { 0 };
	char *text = NULL;

	if (fs_read_file(dir, name, 65536, &text, NULL, &e) < 0)
		return xstrdup("(nothing)");
	return text;
}

static void put(int dir, const char *name, const char *text, mode_t mode, uid_t uid, gid_t gid)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, text, strlen(text)), 0);
	assert_int_equal(fchown(fd, uid, gid), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int setup(void **state)
{
	struct place *p = xcalloc(1, sizeof *p);
	struct err e = { 0 };
	int top;

	snprintf(p->path, sizeof p->path, "/tmp/redock-test-XXXXXX");
	if (!mkdtemp(p->path))
		return -1;
	chmod(p->path, 0755);
	p->home = fs_open_dir_make(AT_FDCWD, p->path, 0755, &e);
	if (mkdirat(p->home, "home", 0700) < 0 || mkdirat(p->home, "root", 0755) < 0)
		return -1;
	top = p->home;
	p->home = fs_open_dir(top, "home", &e);
	close(top);
	*state = p;
	return fchown(p->home, TEST_ID, TEST_ID);
}

static int teardown(void **state)
{
	struct place *p = *state;
	struct err e = { 0 };

	close(p->home);
	fs_remove_tree(AT_FDCWD, p->path, &e);
	free(p);
	return 0;
}

/* Runs sshconfig_install() as TEST_ID; returns its code, the error in *e. */
static int install(struct place *p, struct err *e)
{
	int fds[2], status;
	struct {
		int r;
		struct err e;
	} reply = { 0 };

	assert_int_equal(pipe(fds), 0);
	if (fork() == 0) {
		if (setgid(TEST_ID) < 0 || setuid(TEST_ID) < 0)
			_exit(1);
		umask(077);
		reply.r = sshconfig_install(p->home, "~/.ssh", PATTERN, &reply.e);
		_exit(write(fds[1], &reply, sizeof reply) != sizeof reply);
	}
	close(fds[1]);
	assert_int_equal(fs_read_full(fds[0], &reply, sizeof reply), sizeof reply);
	close(fds[0]);
	wait(&status);
	*e = reply.e;
	return reply.r;
}

static void assert_only(struct place *p, int expected)
{
	auto_free char *path = xasprintf("%s/home", p->path);
	auto_dir DIR *d = opendir(path);
	struct dirent *ent;
	int n = 0;

	while ((ent = readdir(d)))
		n += ent->d_name[0] != '.' || strlen(ent->d_name) > 2;
	assert_int_equal(n, expected);
}

static void test_new_file(void **state)
{
	struct place *p = *state;
	struct err e = { 0 };
	struct stat st;
	auto_free char *text = NULL;

	assert_int_equal(install(p, &e), 0);
	text = slurp(p->home, "config");
	assert_string_equal(text, LINE "\n");
	assert_int_equal(fstatat(p->home, "config", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_uid, TEST_ID);
	assert_only(p, 1);
}

static void test_mode_owner_and_backup(void **state)
{
	static const mode_t modes[] = { 0644, 0600, 0400, 0640 };
	struct place *p = *state;

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		auto_free char *text = NULL, *backup = NULL, *again = NULL;
		struct err e = { 0 };
		struct stat st, later;

		unlinkat(p->home, "config.redock-backup", 0);
		put(p->home, "config", "Host *\r\n  User bob", modes[i], TEST_ID, TEST_ID);
		assert_int_equal(install(p, &e), 0);
		text = slurp(p->home, "config");
		backup = slurp(p->home, "config.redock-backup");
		assert_string_equal(text, LINE "\nHost *\r\n  User bob");
		assert_string_equal(backup, "Host *\r\n  User bob");
		fstatat(p->home, "config", &st, 0);
		assert_int_equal(st.st_mode & 07777, modes[i]);
		assert_int_equal(st.st_uid, TEST_ID);
		/* a second time writes nothing */
		assert_int_equal(install(p, &e), 0);
		fstatat(p->home, "config", &later, 0);
		assert_int_equal(later.st_ino, st.st_ino);
		assert_int_equal(later.st_mtim.tv_nsec, st.st_mtim.tv_nsec);
		/* the back-up is the first state for good */
		put(p->home, "config", "User later\n", modes[i], TEST_ID, TEST_ID);
		assert_int_equal(install(p, &e), 0);
		again = slurp(p->home, "config.redock-backup");
		assert_string_equal(again, "Host *\r\n  User bob");
		assert_only(p, 2);
	}
}

static void test_link_to_own_file_is_followed(void **state)
{
	struct place *p = *state;
	auto_free char *text = NULL;
	char link[64];
	struct err e = { 0 };
	int dots;

	mkdirat(p->home, "dots", 0700);
	dots = openat(p->home, "dots", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(fchown(dots, TEST_ID, TEST_ID), 0);
	put(dots, "sshconf", "Host x\n", 0644, TEST_ID, TEST_ID);
	assert_int_equal(symlinkat("dots/sshconf", p->home, "config"), 0);
	assert_int_equal(install(p, &e), 0);
	assert_int_equal(readlinkat(p->home, "config", link, sizeof link), strlen("dots/sshconf"));
	text = slurp(dots, "sshconf");
	assert_string_equal(text, LINE "\nHost x\n");
	close(dots);
}

static void refused(struct place *p, int code, const char *word)
{
	struct err e = { 0 };

	assert_int_equal(install(p, &e), -code);
	if (!strstr(e.text, word))
		fail_msg("'%s' does not say '%s'", e.text, word);
	assert_non_null(strstr(e.hint, "Include " PATTERN));
}

/* T44: a canary of root's that a link leads to is neither read into the config nor changed. */
static void test_links_elsewhere_are_refused(void **state)
{
	struct place *p = *state;
	auto_free char *canary = xasprintf("%s/root/canary", p->path);
	auto_free char *text = NULL;

	put(AT_FDCWD, canary, "secret\n", 0644, 0, 0);
	assert_int_equal(symlinkat(canary, p->home, "config"), 0);
	refused(p, EPERM, "belongs to uid 0");
	text = slurp(AT_FDCWD, canary);
	assert_string_equal(text, "secret\n");
	assert_only(p, 1);
	unlinkat(p->home, "config", 0);
	assert_int_equal(symlinkat("nothing", p->home, "config"), 0);
	refused(p, ENOENT, "symbolic link to nothing");
	unlinkat(p->home, "config", 0);
	assert_int_equal(symlinkat("/dev/zero", p->home, "config"), 0);
	refused(p, EINVAL, "not a regular file");
	unlinkat(p->home, "config", 0);
	assert_int_equal(mkfifoat(p->home, "config", 0600), 0);
	assert_int_equal(fchownat(p->home, "config", TEST_ID, TEST_ID, 0), 0);
	refused(p, EINVAL, "not a regular file");
}

static void test_folder_that_cannot_be_written(void **state)
{
	struct place *p = *state;
	auto_free char *text = NULL;
	struct err e = { 0 };

	put(p->home, "config", "Host x\n", 0600, TEST_ID, TEST_ID);
	fchmod(p->home, 0500);
	refused(p, EACCES, "cannot keep a copy");
	text = slurp(p->home, "config");
	assert_string_equal(text, "Host x\n");
	assert_only(p, 1);
	/* done by hand as the hint says, it is fine */
	put(p->home, "config", LINE "Host x\n", 0600, TEST_ID, TEST_ID);
	assert_int_equal(install(p, &e), 0);
	fchmod(p->home, 0700);
	put(p->home, "config", "Host x\n", 0, TEST_ID, TEST_ID);
	refused(p, EACCES, "cannot read");
}

#define IN_HOME(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prepends_and_keeps_every_byte),
		cmocka_unit_test(test_nul_bytes_stay),
		cmocka_unit_test(test_finds_its_line),
		cmocka_unit_test(test_quotes_blanks),
		/* from here on as root, which becomes TEST_ID */
		IN_HOME(test_new_file),
		IN_HOME(test_mode_owner_and_backup),
		IN_HOME(test_link_to_own_file_is_followed),
		IN_HOME(test_links_elsewhere_are_refused),
		IN_HOME(test_folder_that_cannot_be_written),
	};

	return _cmocka_run_group_tests("sshconfig", tests,
		geteuid() == 0 ? ARRAY_SIZE(tests) : ARRAY_SIZE(tests) - 5, NULL, NULL);
}
