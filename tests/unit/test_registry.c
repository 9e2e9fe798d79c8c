/* What registry/ parses: challenges, addresses, names of places, credentials. */
#include "test_base.h"

#include "registry/challenge.h"
#include "registry/credentials.h"
#include "registry/remote.h"
#include "registry/settings.h"

static void challenges(void **state)
{
	static const struct {
		const char *text;
		int result;
		enum challenge_scheme scheme;
		const char *realm, *service;
	} cases[] = {
		{ "Basic realm=\"x\"", 0, CHALLENGE_BASIC, "x", "" },
		{ "bearer realm=\"https://a/t\",service=s,scope=\"a:b:c\"", 0, CHALLENGE_BEARER,
			"https://a/t", "s" },
		{ "Basic realm=\"x\", Bearer realm=\"y\"", 0, CHALLENGE_BEARER, "y", "" },
		{ "Bearer realm=\"y\", Basic realm=\"x\"", 0, CHALLENGE_BEARER, "y", "" },
		{ "Negotiate YWJj=, Basic realm=x", 0, CHALLENGE_BASIC, "x", "" },
		{ "Negotiate", 0, CHALLENGE_NONE, "", "" },
		{ "", 0, CHALLENGE_NONE, "", "" },
		{ "Bearer realm=\"a\\\"b\"", 0, CHALLENGE_BEARER, "a\"b", "" },
		{ "Bearer realm=\"a", -EINVAL, CHALLENGE_NONE, "", "" },
		{ "Bearer realm=\"a\"b", -EINVAL, CHALLENGE_NONE, "", "" },
		{ "Bearer realm=\"a\nb\"", -EINVAL, CHALLENGE_NONE, "", "" },
		{ "=x", -EINVAL, CHALLENGE_NONE, "", "" },
	};
	auto_free char *large = xcalloc(1, 3 * CHALLENGE_TEXT_MAX);
	struct challenge c = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		c = (struct challenge){ 0 };
		if (challenge_parse(cases[i].text, &c) != cases[i].result)
			fail_msg("'%s'", cases[i].text);
		assert_int_equal(c.scheme, cases[i].scheme);
		assert_string_equal(c.realm, cases[i].realm);
		assert_string_equal(c.service, cases[i].service);
	}
	memset(large, 'a', 3 * CHALLENGE_TEXT_MAX - 1);
	memcpy(large, "Bearer realm=", 13);
	assert_int_equal(challenge_parse(large, &c), -EINVAL);
}

static void addresses(void **state)
{
	static const char *const bad[] = { "", "ftp://x/", "https://", "https://u:p@x/",
		"https://u@x/", "https://x:0/", "https://x:99999/", "https://x y/", "https://x/\n",
		"file:///etc/passwd" };
	struct origin a, b;
	struct err e = { 0 };
	char text[ORIGIN_TEXT_SIZE];
	char *to;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (url_origin(bad[i], &a, &e) == 0)
			fail_msg("'%s' was taken for an address", bad[i]);
	assert_int_equal(url_origin("https://Example.ORG/x", &a, &e), 0);
	assert_int_equal(url_origin("https://example.org:443/y", &b, &e), 0);
	assert_true(origin_same(&a, &b));
	assert_int_equal(url_origin("http://example.org:443/", &b, &e), 0);
	assert_false(origin_same(&a, &b)); /* another scheme */
	assert_int_equal(url_origin("https://example.org:444/", &b, &e), 0);
	assert_false(origin_same(&a, &b)); /* another port */
	origin_text(&b, text);
	assert_string_equal(text, "https://example.org:444");
	assert_int_equal(url_origin("http://127.0.0.1.example.org/", &a, &e), 0);
	assert_false(origin_is_loopback(&a));
	assert_int_equal(url_origin("http://[::1]:5000/", &a, &e), 0);
	assert_true(origin_is_loopback(&a));
	origin_host(&a, text);
	assert_string_equal(text, "[::1]:5000");
	assert_int_equal(url_resolve("https://a/v2/x?y", "/b?c=d#e", &to, &e), 0);
	assert_string_equal(to, "https://a/b?c=d");
	free(to);
	assert_true(url_resolve("https://a/", "file:///etc/passwd", &to, &e) < 0);
	assert_true(url_resolve("https://a/", "https://u:p@b/", &to, &e) < 0);
	to = url_with("https://a/?b", "c d", "e&f");
	assert_string_equal(to, "https://a/?b&c d=e%26f");
	free(to);
}

static void places(void **state)
{
	static const char *const cases[][4] = {
		{ "debian", "docker.io", "library/debian", "docker.io/library/debian:latest" },
		{ "docker.io/a/b:1", "docker.io", "a/b", "docker.io/a/b:1" },
		{ "localhost:5000/x", "localhost:5000", "x", "localhost:5000/x:latest" },
		{ "example.org/a/b/c:d", "example.org", "a/b/c", "example.org/a/b/c:d" },
		{ "localhost/x", "localhost", "x", "localhost/x:latest" },
		{ "docker.io/localhost/x", "docker.io", "localhost/x",
			"docker.io/localhost/x:latest" },
	};
	static const char *const hosts[][2] = { { "https://index.docker.io/v1/", "docker.io" },
		{ "", "docker.io" }, { "http://a.b:5000/v2/x", "a.b:5000" }, { "a.b", "a.b" } };
	char text[REMOTE_TEXT_SIZE], host[IMAGE_REF_MAX + 1];
	struct image_ref ref;
	struct remote remote;
	struct err e = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(image_ref_parse(cases[i][0], &ref, &e), 0);
		assert_int_equal(remote_of(&ref, &remote, &e), 0);
		assert_string_equal(remote.host, cases[i][1]);
		assert_string_equal(remote.path, cases[i][2]);
		remote_text(&remote, text);
		assert_string_equal(text, cases[i][3]);
	}
	assert_int_equal(image_ref_parse("redock:base", &ref, &e), 0);
	assert_int_equal(remote_of(&ref, &remote, &e), -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		assert_int_equal(remote_host_parse(hosts[i][0], host, &e), 0);
		assert_string_equal(host, hosts[i][1]);
	}
	assert_int_equal(remote_host_parse("u:p@x", host, &e), -EINVAL);
	assert_int_equal(remote_host_parse("/", host, &e), -EINVAL);
	assert_int_equal(remote_host_parse("a b", host, &e), -EINVAL);
}

static void stored_credentials(void **state)
{
	/* "me:a:b", "ns:x", "hub:h" */
	static const char text[] =
		"{\"auths\": {\"a.b:5000\": {\"auth\": \"bWU6YTpi\"},"
		" \"a.b:5000/team\": {\"auth\": \"bnM6eA==\"},"
		" \"https://index.docker.io/v1/\": {\"auth\": \"aHViOmg=\"},"
		" \"token\": {\"identitytoken\": \"t\"}, \"bad\": {\"auth\": \"%%%\"},"
		" \"empty\": {}}, \"credHelpers\": {\"helped\": \"one\"}}";
	static const struct {
		const char *host, *path, *user, *password;
	} cases[] = {
		{ "a.b:5000", "x", "me", "a:b" },
		{ "a.b:5000", "team", "ns", "x" },
		{ "a.b:5000", "team/x", "ns", "x" },
		{ "a.b:5000", "teams/x", "me", "a:b" },
		{ "docker.io", "library/debian", "hub", "h" },
		{ "a.b", "x", NULL, NULL },
		{ "a.b:5001", "x", NULL, NULL },
		{ "empty", "x", NULL, NULL },
	};
	struct err e = { 0 };
	char *helper = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_credentials c = { 0 };
		int r = credentials_parse(
			text, sizeof text - 1, cases[i].host, cases[i].path, &c, &helper, &e);
		assert_int_equal(r, cases[i].user != NULL);
		assert_null(helper);
		if (cases[i].user) {
			char *basic = credentials_basic(&c);
			assert_string_equal(c.user, cases[i].user);
			assert_string_equal(c.password, cases[i].password);
			assert_non_null(strstr(text, basic));
			secret_free(basic);
		}
	}
	{
		auto_credentials c = { 0 };
		assert_int_equal(
			credentials_parse(text, sizeof text - 1, "token", "", &c, &helper, &e), 1);
		assert_string_equal(c.token, "t");
		assert_int_equal(
			credentials_parse(text, sizeof text - 1, "bad", "", &c, &helper, &e),
			-EINVAL);
		assert_int_equal(
			credentials_parse(text, sizeof text - 1, "helped", "", &c, &helper, &e), 1);
		assert_string_equal(helper, "one");
		free(helper);
	}
}

static void settings(void **state)
{
	struct place p;
	auto_registry_settings s = { 0 };
	auto_strv mirrors = { 0 };
	struct origin listed, other, loopback;
	struct err e = { 0 };
	static const char conf[] = "insecure_registries = a.b:5000, c.d\n"
				   "registry_mirrors.docker.io = https://m1  https://m2\n"
				   "registry_timeout = 7\n";

	place_make(&p);
	assert_int_equal(setenv("XDG_CONFIG_HOME", p.path, 1), 0);
	assert_int_equal(mkdirat(p.fd, "redock", 0700), 0);
	assert_int_equal(fs_write_file(p.fd, "redock/redock.conf", conf, sizeof conf - 1, 0600,
				 FS_VOLATILE, &e),
		0);
	assert_int_equal(registry_settings_load(&s, &e), 0);
	assert_int_equal(s.timeout, 7);
	assert_int_equal(origin_of_host("a.b:5000", true, &listed, &e), 0);
	assert_int_equal(origin_of_host("a.b", true, &other, &e), 0);
	assert_int_equal(origin_of_host("localhost:1", false, &loopback, &e), 0);
	assert_true(registry_is_insecure(&s, &listed));
	assert_false(registry_may_be_plain(&s, &other));
	assert_true(registry_may_be_plain(&s, &loopback));
	assert_false(registry_is_insecure(&s, &loopback)); /* its certificate still counts */
	assert_int_equal(registry_settings_list("registry_mirrors", "docker.io", &mirrors, &e), 0);
	assert_int_equal(mirrors.n, 2);
	place_remove(&p);
	unsetenv("XDG_CONFIG_HOME");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(challenges),
		cmocka_unit_test(addresses),
		cmocka_unit_test(places),
		cmocka_unit_test(stored_credentials),
		cmocka_unit_test(settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
