/* USER of an image or command line: T19 and T20 of the list of attacks (SECURITY.md). */
#include "runtime/user.h"
#include "base/time.h"
#include "base/str.h"
#include "test_base.h"

#include <sys/sysmacros.h>

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
			     "1000:x:0:0:a name that looks like a number:/evil:/bin/sh\n"
			     "\n"
			     "# a comment\n"
			     "broken line\n"
			     "short:x:7\n"
			     "huge:x:4294967295:0::/:/bin/sh\n"
			     "negative:x:-1:0::/:/bin/sh\n"
			     "zeros:x:0000:0::/:/bin/sh\n"
			     "www:x:33:33:web:/var/www:/bin/sh\n"
			     "www:x:34:34:a second one:/second:/bin/sh\n"
			     "dev:x:1001:100::relative:/bin/sh\n"
			     "colon::1002:1002:::\n"
			     "last:x:1003:1003::/home/last:/bin/sh";
static const char group[] = "root:x:0:\n"
			    "33:x:0:\n"
			    "www:x:33:\n"
			    "adm:x:4:www,dev\n"
			    "users:x:100:dev\n"
			    "media:x:44:devx,xdev,dev\n"
			    "bad:x:99999999999:dev\n"
			    "docker:x:999:root";

static const struct {
	const char *text;
	int result;
	unsigned uid, gid;
	const char *home;
	size_t n_groups;
} table[] = {
	{ NULL, 0, 0, 0, "/root", 2 },
	{ "", 0, 0, 0, "/root", 2 },
	{ "0", 0, 0, 0, "/root", 2 },
	{ "root", 0, 0, 0, "/root", 2 },
	{ "www", 0, 33, 33, "/var/www", 2 },
	{ "33", 0, 33, 33, "/var/www", 2 },
	{ "www:4", 0, 33, 4, "/var/www", 1 },
	{ "www:users", 0, 33, 100, "/var/www", 1 },
	{ "www:33", 0, 33, 33, "/var/www", 1 }, /* the number, not the group named 33 */
	{ "dev", 0, 1001, 100, "/", 3 },        /* a home that is no path is none */
	{ "last", 0, 1003, 1003, "/home/last", 1 },
	{ "colon", 0, 1002, 1002, "/", 1 },
	{ "1000", 0, 1000, 0, "/", 1 }, /* a number, whatever is named so */
	{ "77:88", 0, 77, 88, "/", 1 },
	{ "4294967294", 0, 4294967294u, 0, "/", 1 },
	{ "4294967295", -EINVAL, 0, 0, NULL, 0 },
	{ "4294967296", -EINVAL, 0, 0, NULL, 0 },
	{ "18446744073709551616", -EINVAL, 0, 0, NULL, 0 },
	{ "0:4294967295", -EINVAL, 0, 0, NULL, 0 },
	{ "0000", -EINVAL, 0, 0, NULL, 0 },
	{ "00", -EINVAL, 0, 0, NULL, 0 },
	{ "033", -EINVAL, 0, 0, NULL, 0 },
	{ "www:0000", -EINVAL, 0, 0, NULL, 0 },
	{ "1e3", -ENOENT, 0, 0, NULL, 0 },
	{ "-1", -ENOENT, 0, 0, NULL, 0 },
	{ "+1", -ENOENT, 0, 0, NULL, 0 },
	{ "0x0", -ENOENT, 0, 0, NULL, 0 },
	{ "1000 ", -ENOENT, 0, 0, NULL, 0 },
	{ " 1000", -ENOENT, 0, 0, NULL, 0 },
	{ ":5", -EINVAL, 0, 0, NULL, 0 },
	{ ":", -EINVAL, 0, 0, NULL, 0 },
	{ "www:", -EINVAL, 0, 0, NULL, 0 },
	{ "www:33:0", -ENOENT, 0, 0, NULL, 0 },
	{ "www\n", -EINVAL, 0, 0, NULL, 0 },
	{ "ro\x7fot", -EINVAL, 0, 0, NULL, 0 },
	{ "nobody", -ENOENT, 0, 0, NULL, 0 },
	{ "www:nogroup", -ENOENT, 0, 0, NULL, 0 },
	{ "huge", -ENOENT, 0, 0, NULL, 0 },
	{ "negative", -ENOENT, 0, 0, NULL, 0 },
	{ "zeros", -ENOENT, 0, 0, NULL, 0 },
	{ "short", -ENOENT, 0, 0, NULL, 0 },
	{ "broken line", -ENOENT, 0, 0, NULL, 0 },
};

static void test_table(void **state)
{
	struct place p;

	(void)state;
	place_make(&p);
	assert_int_equal(mkdirat(p.fd, "etc", 0755), 0);
	put_text(p.fd, "etc/passwd", passwd);
	put_text(p.fd, "etc/group", group);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct user u = { .uid = 4711 };
		struct err e = { 0 };
		int r = user_resolve(p.fd, table[i].text, &u, &e);
		if (r != table[i].result)
			print_error("user '%s'\n", table[i].text ? table[i].text : "NULL");
		assert_int_equal(r, table[i].result);
		if (r < 0) {
			assert_true(e.text[0]);
			assert_int_equal(u.uid, 4711); /* written only on success */
			continue;
		}
		assert_int_equal(u.uid, table[i].uid);
		assert_int_equal(u.gid, table[i].gid);
		assert_string_equal(u.home, table[i].home);
		assert_int_equal(u.n_groups, table[i].n_groups);
		assert_int_equal(u.groups[0], u.gid);
	}
	place_remove(&p);
}

static void test_groups(void **state)
{
	struct err e = { 0 };
	struct user u;
	struct place p;

	(void)state;
	place_make(&p);
	assert_int_equal(mkdirat(p.fd, "etc", 0755), 0);
	put_text(p.fd, "etc/passwd", passwd);
	put_text(p.fd, "etc/group", group);
	assert_int_equal(user_resolve(p.fd, "dev", &u, &e), 0);
	assert_int_equal(u.n_groups, 3);
	assert_int_equal(u.groups[0], 100);
	assert_int_equal(u.groups[1], 4);
	assert_int_equal(u.groups[2], 44);
	/* more groups than fit are left out, not written past the end */
	auto_str many = STR_INIT(1 << 20);
	for (unsigned i = 0; i < 1000; i++)
		str_addf(&many, "g%u:x:%u:www\n", i, 5000 + i);
	put_text(p.fd, "etc/group", str_text(&many));
	assert_int_equal(user_resolve(p.fd, "www", &u, &e), 0);
	assert_int_equal(u.n_groups, USER_GROUPS_MAX);
	place_remove(&p);
}

static void test_no_files(void **state)
{
	struct err e = { 0 };
	struct user u;
	struct place p;

	(void)state;
	place_make(&p);
	assert_int_equal(user_resolve(p.fd, "", &u, &e), 0);
	assert_int_equal(u.uid, 0);
	assert_string_equal(u.home, "/");
	assert_int_equal(user_resolve(p.fd, "5:6", &u, &e), 0);
	assert_int_equal(user_resolve(p.fd, "root", &u, &e), -ENOENT);
	put_text(p.fd, "etc", "a file");
	assert_int_equal(user_resolve(p.fd, "5", &u, &e), 0);
	place_remove(&p);
}

static int with_passwd(const char *kind, const char *target)
{
	struct err e = { 0 };
	struct user u;
	struct place p;
	int64_t begin = time_monotonic();
	int r;

	place_make(&p);
	assert_int_equal(mkdirat(p.fd, "etc", 0755), 0);
	if (str_eq(kind, "link")) {
		assert_int_equal(symlinkat(target, p.fd, "etc/passwd"), 0);
	} else if (str_eq(kind, "fifo")) {
		assert_int_equal(mkfifoat(p.fd, "etc/real", 0644), 0);
		assert_int_equal(symlinkat("/etc/real", p.fd, "etc/passwd"), 0);
	} else if (str_eq(kind, "huge")) {
		put_text(p.fd, "etc/passwd", passwd);
		auto_close int fd = openat(p.fd, "etc/passwd", O_WRONLY | O_CLOEXEC);
		assert_int_equal(ftruncate(fd, 2LL << 30), 0);
	} else if (str_eq(kind, "device")) {
		assert_int_equal(mknodat(p.fd, "etc/passwd", S_IFCHR | 0644, makedev(1, 5)), 0);
	}
	r = user_resolve(p.fd, "x", &u, &e);
	place_remove(&p);
	assert_true(time_monotonic() - begin < INT64_C(1000000000));
	return r;
}

static void test_hostile_passwd(void **state)
{
	(void)state;
	assert_int_equal(with_passwd("fifo", NULL), -EINVAL);
	assert_int_equal(with_passwd("huge", NULL), -EFBIG);
	assert_int_equal(with_passwd("device", NULL), -EINVAL);
	/* the host's, by any kind of link: there is nothing such inside */
	assert_int_equal(with_passwd("link", "/dev/zero"), -ENOENT);
	assert_int_equal(with_passwd("link", "../../../../../etc/shadow"), -ENOENT);
	assert_int_equal(with_passwd("link", "passwd"), -ELOOP);
}

/* One line of a megabyte, and a passwd without a single newline. */
static void test_long_lines(void **state)
{
	auto_str line = STR_INIT(4 << 20);
	struct err e = { 0 };
	struct user u;
	struct place p;

	(void)state;
	place_make(&p);
	assert_int_equal(mkdirat(p.fd, "etc", 0755), 0);
	str_add(&line, "www:x:33:33:");
	for (int i = 0; i < 1 << 20; i++)
		str_add_char(&line, 'h');
	put_text(p.fd, "etc/passwd", str_text(&line));
	assert_int_equal(user_resolve(p.fd, "www", &u, &e), -ENOENT); /* six fields are the least */
	str_add(&line, ":/home");
	put_text(p.fd, "etc/passwd", str_text(&line));
	assert_int_equal(user_resolve(p.fd, "www", &u, &e), 0);
	assert_string_equal(u.home, "/home");
	place_remove(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_no_files),
		cmocka_unit_test(test_hostile_passwd),
		cmocka_unit_test(test_long_lines),
	};

	return cmocka_run_group_tests_name("runtime_user", tests, NULL, NULL);
}
