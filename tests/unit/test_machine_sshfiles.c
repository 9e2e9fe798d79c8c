#include "machine/sshfiles.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#define KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGHNsSUqPOCv6CvaqhRBOyYg3EvxqP1pVCFbl4DM4zvP"

static const struct sshfiles_entry good = {
	.dir = "/home/a b/.local/share/redock/ssh",
	.alias = "demo-container",
	.machine = "ann:demo",
	.engine = "/var/lib/redock/machine",
	.address = "10.1.2.3",
	.host_key = KEY,
};

/* What ssh(1) makes of the configuration `text` for `host`. */
static void ask_ssh(const char *text, const char *host, struct str *ret)
{
	char dir[] = "/tmp/redock-test-XXXXXX";
	auto_free char *path = NULL;
	struct err e = { 0 };

	assert_non_null(mkdtemp(dir));
	path = xasprintf("%s/config", dir);
	assert_int_equal(
		fs_write_file(AT_FDCWD, path, text, strlen(text), 0600, FS_VOLATILE, &e), 0);
	{
		char *argv[] = { "ssh", "-G", "-F", path, (char *)host, NULL };
		int r = proc_run(argv, ret, &e);

		if (r != 0)
			fail_msg("ssh -G: %s", e.text);
	}
	fs_remove_tree(AT_FDCWD, dir, &e);
}

static void assert_line(const struct str *s, const char *line)
{
	auto_free char *whole = xasprintf("\n%s\n", line);

	if (!strstr(str_text(s), whole))
		fail_msg("ssh -G does not say '%s' but\n%s", line, str_text(s));
}

/* Nothing is rejected, and nothing in what follows ("Host *") reaches the machine. */
static void test_ssh_understands_it(void **state)
{
	auto_str text = STR_INIT(65536), got = STR_INIT(65536);
	struct err e = { 0 };

	(void)state;
	assert_int_equal(sshfiles_conf(&good, &text, &e), 0);
	str_add(&text, "\nHost *\n\tUser bob\n\tPort 99\n\tHostName evil\n\tProxyJump evil\n"
		       "\tStrictHostKeyChecking no\n\tUserKnownHostsFile /dev/null\n"
		       "\tForwardAgent yes\n\tControlMaster auto\n\tControlPath /tmp/x\n"
		       "\tHostKeyAlgorithms ssh-rsa\n\tProxyCommand touch /tmp/x\n"
		       "\tPermitLocalCommand yes\n\tCanonicalizeHostname yes\n");
	ask_ssh(str_text(&text), "demo-container", &got);
	assert_line(&got, "user root");
	assert_line(&got, "hostname 10.1.2.3");
	assert_line(&got, "port 22");
	assert_line(&got, "identityfile /home/a b/.local/share/redock/ssh/id_ed25519");
	assert_line(&got, "identitiesonly yes");
	assert_line(&got, "stricthostkeychecking true");
	assert_line(&got, "forwardagent no");
	assert_line(&got, "hostkeyalgorithms ssh-ed25519");
	assert_line(&got, "controlmaster false");
	assert_line(&got, "checkhostip no");
	assert_line(&got, "updatehostkeys false");
	assert_line(&got, "hostkeyalias demo-container");
	assert_line(&got, "globalknownhostsfile /dev/null");
	assert_line(&got, "permitlocalcommand no");
	assert_line(&got, "canonicalizehostname false");
	assert_non_null(strstr(str_text(&got), "machines/demo-container.known_hosts"));
	assert_null(strstr(str_text(&got), "evil"));
	assert_null(strstr(str_text(&got), "proxycommand"));
	assert_null(strstr(str_text(&got), "/tmp/x"));
	assert_null(strstr(str_text(&got), "bob"));
}

static void test_other_hosts_are_untouched(void **state)
{
	auto_str text = STR_INIT(65536), got = STR_INIT(65536);
	struct err e = { 0 };

	(void)state;
	assert_int_equal(sshfiles_conf(&good, &text, &e), 0);
	str_add(&text, "Host *\n\tUser bob\n");
	ask_ssh(str_text(&text), "elsewhere", &got);
	assert_line(&got, "user bob");
	assert_null(strstr(str_text(&got), "redock"));
}

static void test_owner(void **state)
{
	auto_str text = STR_INIT(65536);
	struct sshfiles_owner owner = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(sshfiles_conf(&good, &text, &e), 0);
	sshfiles_parse_owner(str_text(&text), &owner);
	assert_string_equal(owner.machine, "ann:demo");
	assert_string_equal(owner.engine, "/var/lib/redock/machine");
	sshfiles_owner_release(&owner);
	sshfiles_parse_owner("", &owner);
	assert_null(owner.machine);
	sshfiles_parse_owner("Host x\n", &owner);
	assert_null(owner.machine);
	sshfiles_parse_owner("# redock machine a:b\nHost x\n", &owner);
	assert_null(owner.machine);
	assert_null(owner.engine);
}

/* T43 */
static void test_hostile_entries(void **state)
{
	static const char *const aliases[] = { "", "-x", "a b", "a\nProxyCommand x", "a*", "!a",
		"a%h", "a\"", "A", "a;b" };
	static const char *const addresses[] = { "", "host", "10.1.2.3\nUser x", "10.1.2.3 x",
		"::1", "10.1.2", "10.1.2.300" };
	static const char *const dirs[] = { "", "relative", "/a\nUser x", "/a\"b", "/a%h", "/a*",
		"/a$b", "/a\\b", "/a\tb", "/a#b" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(aliases) + ARRAY_SIZE(addresses) + ARRAY_SIZE(dirs);
		i++) {
		auto_str text = STR_INIT(65536);
		struct sshfiles_entry n = good;
		struct err e = { 0 };
		size_t k = i;

		if (k < ARRAY_SIZE(aliases))
			n.alias = aliases[k];
		else if ((k -= ARRAY_SIZE(aliases)) < ARRAY_SIZE(addresses))
			n.address = addresses[k];
		else
			n.dir = dirs[k - ARRAY_SIZE(addresses)];
		if (sshfiles_conf(&n, &text, &e) != -EINVAL)
			fail_msg("case %zu was accepted:\n%s", i, str_text(&text));
		assert_int_equal(text.len, 0);
	}
}

static void test_keys(void **state)
{
	static const char *const bad[] = {
		"", "ssh-rsa AAAA", "ssh-ed25519 ", "ssh-ed25519 AAAA", "command=\"x\" " KEY,
		KEY "A", KEY "\tx", " " KEY,
		"ssh-ed25519 BAAAC3NzaC1lZDI1NTE5AAAAIGHNsSUqPOCv6CvaqhRBOyYg3EvxqP1pVCFbl4DM4zvP"
	};
	static const char *const fine[] = { KEY, KEY "\n", KEY " redock\n",
		KEY " x\ncommand=\"y\" z", KEY "\r\n" };
	struct err e = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		auto_str key = STR_INIT(512);

		assert_int_equal(sshfiles_parse_key(bad[i], &key, &e), -EINVAL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(fine); i++) {
		auto_str key = STR_INIT(512);

		assert_int_equal(sshfiles_parse_key(fine[i], &key, &e), 0);
		assert_string_equal(str_text(&key), KEY);
	}
}

static void test_key_pair(void **state)
{
	char dir[] = "/tmp/redock-test-XXXXXX";
	auto_str first = STR_INIT(512), again = STR_INIT(512), restored = STR_INIT(512);
	struct err e = { 0 };
	struct stat st;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	fd = fs_open_dir_make(AT_FDCWD, dir, 0700, &e);
	assert_int_equal(sshfiles_key_pair(fd, dir, "id", &first, &e), 0);
	assert_int_equal(sshfiles_key_pair(fd, dir, "id", &again, &e), 0);
	assert_string_equal(str_text(&first), str_text(&again));
	assert_int_equal(fstatat(fd, "id", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(unlinkat(fd, "id.pub", 0), 0);
	assert_int_equal(sshfiles_key_pair(fd, dir, "id", &restored, &e), 0);
	assert_string_equal(str_text(&first), str_text(&restored));
	assert_int_equal(fs_write_file(fd, "id", "junk", 4, 0600, FS_VOLATILE, &e), 0);
	unlinkat(fd, "id.pub", 0);
	assert_true(sshfiles_key_pair(fd, dir, "id", &restored, &e) < 0);
	assert_non_null(strstr(e.text, dir));
	close(fd);
	fs_remove_tree(AT_FDCWD, dir, &e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ssh_understands_it),
		cmocka_unit_test(test_other_hosts_are_untouched),
		cmocka_unit_test(test_owner),
		cmocka_unit_test(test_hostile_entries),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_key_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
