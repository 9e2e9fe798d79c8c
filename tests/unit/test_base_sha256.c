#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/sha256.h"

#include <string.h>

static void check(const void *data, size_t len, size_t piece, const char *expected)
{
	char text[SHA256_TEXT_SIZE];
	struct sha256 h;

	sha256_init(&h);
	for (size_t at = 0; at < len; at += piece)
		sha256_add(&h, (const char *)data + at, len - at < piece ? len - at : piece);
	sha256_end(&h, text);
	assert_string_equal(text, expected);
}

/* FIPS 180-4's own examples, and a million times 'a', in pieces of all kinds. */
static void examples(void **state)
{
	static const size_t pieces[] = { 1, 3, 63, 64, 65, 1000, 16384, 100000, 1000000 };
	auto_free char *many = xmalloc(1000000);

	(void)state;
	memset(many, 'a', 1000000);
	check("", 0, 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	check("abc", 3, 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	check("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, 56,
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++)
		check(many, 1000000, pieces[i],
			"cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* The ends of texts count. */
static void texts(void **state)
{
	char a[SHA256_TEXT_SIZE], b[SHA256_TEXT_SIZE];
	struct sha256 h;

	(void)state;
	sha256_init(&h);
	sha256_add_text(&h, "ab");
	sha256_add_text(&h, "c");
	sha256_end(&h, a);
	sha256_init(&h);
	sha256_add_text(&h, "a");
	sha256_add_text(&h, "bc");
	sha256_end(&h, b);
	assert_string_not_equal(a, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples),
		cmocka_unit_test(texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
