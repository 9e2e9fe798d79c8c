#include "test_store.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void good_names(void **state)
{
	static const char *const names[][3] = {
		{ "debian", "debian", "latest" },
		{ "root:demo", "root", "demo" },
		{ "a/b/c:1.0", "a/b/c", "1.0" },
		{ "a__b--c.d_e", "a__b--c.d_e", "latest" },
		{ "localhost/x", "localhost/x", "latest" },
		{ "localhost:5000/x:y", "localhost:5000/x", "y" },
		{ "Registry.Example.org:443/x/y:Tag_-.1", "Registry.Example.org:443/x/y",
			"Tag_-.1" },
		{ "docker.io/library/debian:12", "debian", "12" },
		{ "index.docker.io/debian", "debian", "latest" },
		{ "library/debian", "debian", "latest" },
		{ "docker.io/someone/x", "someone/x", "latest" },
		{ "docker.io/library/a/b", "library/a/b", "latest" },
		{ "docker.io/localhost/x", "docker.io/localhost/x", "latest" },
		{ "localhost:5000/library/x", "localhost:5000/library/x", "latest" },
		{ "a:1@sha256:" HEX64, "a", "sha256:" HEX64 },
		{ "localhost:5000/a@sha256:" HEX64, "localhost:5000/a", "sha256:" HEX64 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct image_ref ref, back;
		char key[3 * IMAGE_REF_TEXT_SIZE], text[IMAGE_REF_TEXT_SIZE];
		struct err e = { 0 };
		if (image_ref_parse(names[i][0], &ref, &e) < 0)
			fail_msg("%s", e.text);
		assert_string_equal(ref.repository, names[i][1]);
		assert_string_equal(ref.tag, names[i][2]);
		image_ref_key(&ref, key);
		assert_null(strchr(key, '/'));
		assert_int_equal(image_ref_from_key(key, &back), 0);
		assert_memory_equal(&ref, &back, sizeof ref);
		image_ref_text(&ref, text);
		assert_int_equal(image_ref_parse(text, &back, &e), 0);
		assert_memory_equal(&ref, &back, sizeof ref);
	}
}

static void bad_names(void **state)
{
	static const char *const names[] = { "", ":", "a:", ":b", "/", "a/", "/a", "a//b", "..",
		"../a", "a/../b", ".a", "a.", "-a", "a-", "a..b", "a___b", "a b", "A", "A:b",
		"a:b:c", "a:-x", "a:.x", "a:b/c", "a\nb", "a:b\n", "a%2Fb", "h:0x/a", "h:123456/a",
		"-h.x/a", "h..x/a", "h:/a", "\xc3\xa9", "a@sha256:00", "a@", "@sha256:" HEX64,
		"a:@sha256:" HEX64, "a@sha256:" HEX64 "0", "a@md5:" HEX64, "a@sha256:" HEX64 ":b",
		"a@sha256:" HEX64 "@sha256:" HEX64,
		"host:5000"
		"/" };
	char large[400];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct image_ref ref;
		struct err e = { 0 };
		if (image_ref_parse(names[i], &ref, &e) != -EINVAL)
			fail_msg("'%s' was taken for a name", names[i]);
		assert_true(str_is_one_line(e.text));
		assert_true(*e.hint);
	}
	for (size_t n = 200; n < sizeof large; n += 50) {
		struct image_ref ref;
		struct err e = { 0 };
		memset(large, 'a', n);
		large[n] = '\0';
		/* the name of a directory has 255 bytes at most */
		assert_int_equal(image_ref_parse(large, &ref, &e) == 0, n < 255 - 7);
	}
}

static void bad_keys(void **state)
{
	static const char *const keys[] = { "", ".", "..", "a", "a/b:c", "a%2fb:c", "a:b:c",
		"a%2F:b", ".tmp", "a:b.tmp-0000000000000000/x" };
	struct image_ref ref;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (image_ref_from_key(keys[i], &ref) == 0)
			fail_msg("'%s' was taken for a key", keys[i]);
}

static void digests(void **state)
{
	char text[] = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	struct digest d;

	assert_int_equal(digest_parse(text, &d), 0);
	assert_string_equal(digest_hex(&d), text + 7);
	text[10] = 'A';
	assert_int_equal(digest_parse(text, &d), -EINVAL);
	text[10] = '/';
	assert_int_equal(digest_parse(text, &d), -EINVAL);
	assert_int_equal(digest_parse("", &d), -EINVAL);
	assert_int_equal(digest_parse("sha256:", &d), -EINVAL);
	assert_int_equal(digest_parse("sha512:00", &d), -EINVAL);
	text[10] = '3';
	text[70] = '\0';
	assert_int_equal(digest_parse(text, &d), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_names),
		cmocka_unit_test(bad_names),
		cmocka_unit_test(bad_keys),
		cmocka_unit_test(digests),
	};

	return cmocka_run_group_tests_name("store_reference", tests, NULL, NULL);
}
