/* gzip streams: of several members, in pieces of every size, cut short and damaged. */
#include "store/gunzip.h"
#include "test_store.h"

#include <archive.h>
#include <archive_entry.h>

struct input {
	const unsigned char *v;
	size_t n, at, piece;
	unsigned char copy[512]; /* so that a read beyond the piece is seen by the sanitizer */
};

static ssize_t next(void *arg, const void **ret, struct err *e)
{
	struct input *in = arg;
	size_t n = in->n - in->at < in->piece ? in->n - in->at : in->piece;

	(void)e;
	*ret = in->v + in->at;
	if (n <= sizeof in->copy) {
		memcpy(in->copy, in->v + in->at, n);
		*ret = in->copy;
	}
	in->at += n;
	return (ssize_t)n;
}

/* The whole of it, or NULL and an error. */
static char *unpack(const void *v, size_t n, size_t piece, size_t *ret_n, struct err *e)
{
	struct input in = { .v = v, .n = n, .piece = piece };
	struct gunzip *z = gunzip_new(next, &in);
	auto_str out = STR_INIT(64 << 20);
	const void *data;
	ssize_t r;

	while ((r = gunzip_next(z, &data, e)) > 0)
		str_add_data(&out, data, (size_t)r);
	gunzip_free(z);
	if (r < 0)
		return NULL;
	*ret_n = out.len;
	return str_take(&out);
}

static size_t pack(const char *data, size_t n, char *to, size_t size, const char *level)
{
	struct archive *a = archive_write_new();
	struct archive_entry *entry = archive_entry_new();
	size_t used = 0;

	archive_write_add_filter_gzip(a);
	archive_write_set_filter_option(a, "gzip", "compression-level", level);
	archive_write_set_format_raw(a);
	archive_write_set_bytes_per_block(a, 0);
	assert_int_equal(archive_write_open_memory(a, to, size, &used), ARCHIVE_OK);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_write_header(a, entry);
	if (n)
		assert_int_equal(archive_write_data(a, data, n), n);
	archive_entry_free(entry);
	archive_write_close(a);
	archive_write_free(a);
	return used;
}

static void fill(char *v, size_t n)
{
	uint32_t x = 7;

	for (size_t i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223;
		v[i] = (x >> 24) % 7 ? "the quick brown fox "[i % 20] : (char)(x >> 16);
	}
}

static void expect(const char *packed, size_t n, size_t piece, const char *want, size_t want_n)
{
	struct err e = { 0 };
	size_t got_n = 0;
	auto_free char *got = unpack(packed, n, piece, &got_n, &e);

	if (!got)
		fail_msg("pieces of %zu: %s", piece, e.text);
	assert_int_equal(got_n, want_n);
	assert_memory_equal(got, want, want_n);
}

static void sizes_and_pieces(void **state)
{
	static const size_t sizes[] = { 0, 1, 100, 65535, 65536, 262143, 262144, 262145, 3000000 };
	static const size_t pieces[] = { 1, 2, 7, 511, 4096, 1 << 20 };
	static const char *const levels[] = { "1", "6", "9" };
	char *data = xmalloc(3000000), *packed = xmalloc(4000000);

	fill(data, 3000000);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		for (size_t l = 0; l < ARRAY_SIZE(levels); l++) {
			size_t n = pack(data, sizes[i], packed, 4000000, levels[l]);
			for (size_t p = sizes[i] > 1000000 ? 3 : 0; p < ARRAY_SIZE(pieces); p++)
				expect(packed, n, pieces[p], data, sizes[i]);
		}
	free(data);
	free(packed);
	(void)state;
}

/* pigz, eStargz and "cat a.gz b.gz" make them. */
static void members(void **state)
{
	char data[9000], packed[40000];
	size_t n = 0;

	fill(data, sizeof data);
	for (size_t at = 0; at < sizeof data; at += 3000)
		n += pack(data + at, 3000, packed + n, sizeof packed - n, "6");
	for (size_t piece = 1; piece < 300; piece++)
		expect(packed, n, piece, data, sizeof data);
	/* empty ones between, and padding behind */
	n += pack(data, 0, packed + n, sizeof packed - n, "6");
	expect(packed, n, 13, data, sizeof data);
	memset(packed + n, 0, 1000);
	expect(packed, n + 1000, 13, data, sizeof data);
	(void)state;
}

static void damage(void **state)
{
	char data[3000], packed[8000];
	size_t n, got_n;

	fill(data, sizeof data);
	n = pack(data, sizeof data, packed, sizeof packed, "6");
	for (size_t cut = 1; cut < n; cut++)
		for (size_t piece = 1; piece < 5000; piece += 4998) {
			struct err e = { 0 };
			if (unpack(packed, cut, piece, &got_n, &e))
				fail_msg("cut at %zu of %zu: taken", cut, n);
			assert_int_equal(e.code, EINVAL);
		}
	/* no change of a byte behind the header goes unseen */
	for (size_t i = 10; i < n; i++) {
		struct err e = { 0 };
		auto_free char *got = NULL;
		packed[i] ^= 0x41;
		got = unpack(packed, n, 4096, &got_n, &e);
		packed[i] ^= 0x41;
		if (got)
			fail_msg("byte %zu of %zu: the change was not seen", i, n);
	}
	{ /* something behind it that is not gzip */
		struct err e = { 0 };
		memcpy(packed + n, "PK", 2);
		assert_null(unpack(packed, n + 2, 4096, &got_n, &e));
		assert_non_null(strstr(e.text, "follows"));
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(sizes_and_pieces),
		cmocka_unit_test(members), cmocka_unit_test(damage) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
