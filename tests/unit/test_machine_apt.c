#include "machine/aptsources.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* What is picked of `text` for bookworm, as deb822. */
static char *pick(const char *text, bool deb822, apt_release_lookup *lookup, struct strv *notes)
{
	auto_apt_sources all = { 0 };
	auto_apt_sources picked = { 0 };
	auto_str out = STR_INIT(65536);

	if (deb822)
		apt_sources_parse_deb822(text, "amd64", &all);
	else
		apt_sources_parse_list(text, "amd64", &all);
	apt_sources_pick(&all, "bookworm", lookup, NULL, &picked, notes);
	apt_sources_text(&picked, &out);
	return str_take(&out);
}

static void assert_list(const char *line, const char *expected)
{
	auto_strv notes = { 0 };
	auto_free char *got = pick(line, false, NULL, &notes);

	assert_string_equal(got, expected);
}

#define DEBIAN(options)                                                                            \
	"Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm\nComponents: "           \
	"main\n" options

static void test_one_line(void **state)
{
	(void)state;
	assert_list("deb http://mirror.example/debian bookworm main", DEBIAN(""));
	assert_list("  deb\thttp://mirror.example/debian\t bookworm  main # x", DEBIAN(""));
	assert_list(
		"deb [arch=amd64,arm64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
		"http://mirror.example/debian bookworm main\r\n",
		DEBIAN("Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"));
	assert_list(
		"deb [ trusted=yes check-valid-until=no ] http://mirror.example/debian bookworm "
		"main",
		DEBIAN("Trusted: yes\nCheck-Valid-Until: no\n"));
	assert_list("deb https://mirror.example/debian/ bookworm-updates main contrib non-free\n",
		"Types: deb\nURIs: https://mirror.example/debian/\nSuites: bookworm-updates\n"
		"Components: main contrib non-free\n");
	assert_list("deb http://any.debian.org bookworm-security main",
		"Types: deb\nURIs: http://any.debian.org\nSuites: bookworm-security\n"
		"Components: main\n");
}

static void test_one_line_left_out(void **state)
{
	static const char *const lines[] = {
		"# deb http://mirror.example/debian bookworm main",
		"deb-src http://mirror.example/debian bookworm main",
		"deb [arch=arm64] http://mirror.example/debian bookworm main",
		"deb [arch=amd64 http://mirror.example/debian bookworm main",
		"deb http://mirror.example/debian trixie main",
		"deb http://mirror.example/debian bookworm-backports main",
		"deb http://mirror.example/debian bookworm contrib",
		"deb http://mirror.example/debian bookworm",
		"deb http://mirror.example/debian bookworm/",
		"deb cdrom:[Debian GNU/Linux 12 _Bookworm_ - main]/ bookworm main",
		"deb file:///srv/debian bookworm main",
		"deb https://apt.example.com bookworm main",
		"deb [signed-by=/etc/apt/keyrings/x.gpg] https://pkgs.example.com/stable/debian "
		"bookworm main",
		"deb https://notdebian.org bookworm main",
		"deb https://example.com/debian/12/prod bookworm main",
		"deb",
		"debx http://mirror.example/debian bookworm main",
		"",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		assert_list(lines[i], "");
}

static void test_deb822(void **state)
{
	static const char text[] =
		"# what a comment says\n"
		"Types: deb deb-src\n"
		"# http://snapshot.example\n"
		"URIs: http://mirror.example/debian\n"
		"Suites: bookworm\n"
		"  bookworm-updates bookworm-backports\n"
		"components: main contrib\n"
		"Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
		"\n"
		"Types: deb\nURIs: https://deb.node.example/x\nSuites: nodistro\nComponents: main\n"
		"\n\n"
		"Enabled: no\nTypes: deb\nURIs: http://mirror.example/debian\nSuites: bookworm\n"
		"Components: main\n"
		" \t\n"
		"Types: deb-src\nURIs: http://mirror.example/debian\nSuites: bookworm\n"
		"Components: main\n\n"
		"Types: deb\nArchitectures: arm64\nURIs: http://mirror.example/debian\n"
		"Suites: bookworm\nComponents: main\n";
	auto_strv notes = { 0 };
	auto_free char *got = pick(text, true, NULL, &notes);

	(void)state;
	assert_string_equal(got, "Types: deb\nURIs: http://mirror.example/debian\n"
				 "Suites: bookworm bookworm-updates\nComponents: main contrib\n"
				 "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n");
	assert_int_equal(notes.n, 0);
}

static enum apt_release all_debian(void *arg, const char *uri, const char *suite, const char *name)
{
	(void)arg, (void)uri, (void)suite, (void)name;
	return APT_RELEASE_MAIN_ARCHIVE;
}

static enum apt_release none_debian(void *arg, const char *uri, const char *suite, const char *name)
{
	(void)arg, (void)uri, (void)suite, (void)name;
	return APT_RELEASE_OTHER;
}

static void test_inline_key_and_release_files(void **state)
{
	static const char text[] =
		"Types: deb\nURIs: https://mirror.corp/apt\nSuites: stable\n"
		"Components: main\nSigned-By:\n -----BEGIN KEY-----\n .\n abc=\n";
	auto_strv notes = { 0 };
	auto_free char *got = pick(text, true, all_debian, &notes);
	auto_free char *unknown = pick(text, true, NULL, &notes);
	auto_free char *denied =
		pick("deb http://mirror.example/debian bookworm main", false, none_debian, &notes);

	(void)state;
	assert_string_equal(got, "Types: deb\nURIs: https://mirror.corp/apt\nSuites: stable\n"
				 "Components: main\nSigned-By:\n -----BEGIN KEY-----\n .\n abc=\n");
	assert_string_equal(unknown, "");
	assert_string_equal(denied, "");
}

static void test_credentials(void **state)
{
	auto_strv notes = { 0 };
	auto_free char *got = pick("deb http://me:hunter2@other.example/debian bookworm main\n"
				   "deb http://me:hunt/er2@other.example/debian bookworm main\n",
		false, NULL, &notes);

	(void)state;
	assert_string_equal(got, "");
	assert_int_equal(notes.n, 1);
	assert_non_null(strstr(notes.v[0], "http://other.example/debian"));
	assert_null(strstr(notes.v[0], "hunter2"));
	assert_int_equal(apt_url_check("http://a:b@c/"), -EPERM);
	assert_int_equal(apt_url_check("http://c/x@y"), 0);
	assert_int_equal(apt_url_check("ftp://c/"), -EINVAL);
	assert_int_equal(apt_url_check("http://"), -EINVAL);
	assert_int_equal(apt_url_check("http://a b"), -EINVAL);
	assert_int_equal(apt_url_check("http://a\nTypes: deb"), -EINVAL);
	assert_int_equal(apt_url_check("http://a\"b"), -EINVAL);
}

static void test_mirror(void **state)
{
	auto_apt_sources all = { 0 };
	auto_str out = STR_INIT(65536);

	(void)state;
	apt_sources_parse_list("deb http://mirror.example/debian bookworm main\n"
			       "deb http://mirror.example/debian bookworm-updates main\n"
			       "deb http://any.debian.org bookworm-security main\n",
		"amd64", &all);
	assert_true(apt_source_has_release(&all.v[0], "bookworm"));
	assert_false(apt_source_has_release(&all.v[1], "bookworm"));
	apt_sources_set_mirror(&all, "http://near/debian", "bookworm");
	apt_sources_text(&all, &out);
	assert_string_equal(str_text(&out),
		"Types: deb\nURIs: http://near/debian\nSuites: bookworm bookworm-updates\n"
		"Components: main\n\nTypes: deb\nURIs: http://any.debian.org\n"
		"Suites: bookworm-security\nComponents: main\n");
}

static void test_list_name(void **state)
{
	auto_str name = STR_INIT(4096), odd = STR_INIT(4096);

	(void)state;
	apt_list_name("http://mirror.example/debian/", "bookworm", "InRelease", &name);
	assert_string_equal(str_text(&name), "mirror.example_debian_dists_bookworm_InRelease");
	apt_list_name("https://u:p@h:8080/a_b~", "x/updates", "Release", &odd);
	assert_string_equal(str_text(&odd), "h:8080_a%5fb%7e_dists_x_updates_Release");
}

static void test_settings(void **state)
{
	static const char dump[] = "Acquire \"\";\n"
				   "Acquire::http \"\";\n"
				   "Acquire::http::Proxy \"http://proxy.corp:3128/\";\n"
				   "Acquire::https::Proxy \"http://u:hunter2@proxy.corp:3128/\";\n"
				   "Acquire::http::Proxy::mirror.example \"DIRECT\";\n"
				   "Acquire::http::Proxy::near \"http://127.0.0.1:3142\";\n"
				   "Acquire::http::Proxy-Auto-Detect \"/usr/bin/find-proxy\";\n"
				   "Acquire::Check-Valid-Until \"false\";\n"
				   "DPkg::Pre-Invoke:: \"rm -rf /\";\n"
				   "Acquire::http::Proxy \"x\\\"; DPkg::Pre-Invoke \\\"y\";\n"
				   "Acquire::http::Proxy::a \"\";\n";
	auto_str build = STR_INIT(65536), image = STR_INIT(65536);
	auto_strv notes = { 0 };

	(void)state;
	apt_conf_pick(dump, &build, &image, &notes);
	assert_string_equal(str_text(&image), "Acquire::http::Proxy \"http://proxy.corp:3128/\";\n"
					      "Acquire::http::Proxy::mirror.example \"DIRECT\";\n"
					      "Acquire::Check-Valid-Until \"false\";\n");
	assert_non_null(strstr(str_text(&build), "hunter2"));
	assert_non_null(strstr(str_text(&build), "find-proxy"));
	assert_non_null(strstr(str_text(&build), "127.0.0.1"));
	assert_null(strstr(str_text(&build), "DPkg"));
	assert_int_equal(notes.n, 2);
	for (size_t i = 0; i < notes.n; i++)
		assert_null(strstr(notes.v[i], "hunter2"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_line),
		cmocka_unit_test(test_one_line_left_out),
		cmocka_unit_test(test_deb822),
		cmocka_unit_test(test_inline_key_and_release_files),
		cmocka_unit_test(test_credentials),
		cmocka_unit_test(test_mirror),
		cmocka_unit_test(test_list_name),
		cmocka_unit_test(test_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
