/* Images that come from elsewhere: what gets in. */
#include "test_store_ingest.h"

static void compressions(void **state)
{
	struct fixture *f = *state;
	auto_made m;
	struct err e = { 0 };

	make(f, &m, N, 700000);
	{
		auto_ingest *in = begin(f, &m);
		assert_true(ingest_wants_layer(in, 0));
		send_all(in, &m);
		assert_int_equal(count(f, "blobs/sha256") + count(f, "layers"), 0);
		if (finish(in, "a:1", &e) < 0)
			fail_msg("%s", e.text);
	}
	check_image(f, &m, "a:1");
	assert_int_equal(count(f, "tmp") + count(f, "partial"), 0);
	{ /* again: nothing has to come */
		auto_ingest *in = begin(f, &m);
		for (size_t i = 0; i < N; i++)
			assert_false(ingest_wants_layer(in, i));
		assert_int_equal(finish(in, "a:2", &e), 0);
	}
	check_image(f, &m, "a:2");
}

/* All layers at the same time, byte by piece. */
static void side_by_side(void **state)
{
	struct fixture *f = *state;
	auto_made m;
	struct err e = { 0 };
	int fds[N];
	uint64_t have;

	make(f, &m, N, 900000);
	{
		auto_ingest *in = begin(f, &m);
		bool more = true;
		for (size_t i = 0; i < N; i++)
			assert_true((fds[i] = ingest_layer_open(in, i, &have, &e)) >= 0);
		for (size_t at = 0; more; at += 8192) {
			more = false;
			for (size_t i = 0; i < N; i++) {
				size_t left = at < m.blob[i].n ? m.blob[i].n - at : 0;
				assert_int_equal(fs_write_all(fds[i], m.blob[i].v + at,
							 left < 8192 ? left : 8192),
					0);
				more |= left > 8192;
			}
		}
		for (size_t i = 0; i < N; i++)
			close(fds[i]);
		if (finish(in, "a", &e) < 0)
			fail_msg("%s", e.text);
	}
	check_image(f, &m, "a");
}

static void from_files(void **state)
{
	struct fixture *f = *state;
	auto_made m;
	struct err e = { 0 };

	make(f, &m, 2, 300000);
	{
		auto_ingest *in = begin(f, &m);
		auto_close int fd = openat(f->p.fd, "all", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		auto_close int to = openat(f->p.fd, "one", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		fs_write_all(fd, "before", 6);
		fs_write_all(fd, m.blob[0].v, m.blob[0].n);
		fs_write_all(fd, "behind", 6);
		fs_write_all(to, m.blob[1].v, m.blob[1].n);
		assert_int_equal(ingest_layer_file(in, 0, fd, 6, m.blob[0].n, &e), 0);
		assert_int_equal(ingest_layer_link(in, 1, f->p.fd, "one", &e), 0);
		if (finish(in, "a", &e) < 0)
			fail_msg("%s", e.text);
	}
	check_image(f, &m, "a");
}

/* F22: what came of a layer that broke off is not got again. */
static void resume(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < N; i++) {
		auto_made m;
		struct err e = { 0 };
		uint64_t have = 1;
		size_t half;
		make(f, &m, N, 400000 + i);
		half = m.blob[i].n / 2;
		{
			auto_ingest *in = begin(f, &m);
			assert_int_equal(send(in, &m, i, 0, half, &have, &e), -EPIPE);
			assert_int_equal(have, 0);
			assert_non_null(strstr(e.text, "it ended after"));
			e = (struct err){ 0 };
			/* once more in the same operation: nothing at all comes */
			assert_int_equal(send(in, &m, i, 0, 0, &have, &e), -EPIPE);
			assert_int_equal(have, half);
			assert_int_equal(count(f, "partial"), 1);
		}
		check_empty(f);
		e = (struct err){ 0 };
		{
			auto_ingest *in = begin(f, &m);
			assert_int_equal(send(in, &m, i, SIZE_MAX, SIZE_MAX, &have, &e), 0);
			assert_int_equal(have, half);
			send_all(in, &m);
			if (finish(in, "a", &e) < 0)
				fail_msg("%s", e.text);
		}
		check_image(f, &m, "a");
		assert_int_equal(count(f, "partial"), 0);
		{
			struct image_ref ref;
			assert_int_equal(image_ref_parse("a", &ref, &e), 0);
			assert_int_equal(store_remove(f->s, &ref, &e), 0);
		}
	}
}

/* Two processes get the same blob: each has a file of its own. */
static void at_the_same_time(void **state)
{
	struct fixture *f = *state;
	auto_made m;
	struct err e = { 0 };
	uint64_t have;

	make(f, &m, 1, 100000);
	{
		auto_ingest *a = begin(f, &m), *b = begin(f, &m);
		assert_int_equal(send(a, &m, 0, 0, m.blob[0].n, &have, &e), 0);
		assert_int_equal(send(b, &m, 0, 0, m.blob[0].n, &have, &e), 0);
		assert_int_equal(have, 0);
		assert_int_equal(finish(a, "a", &e), 0);
		assert_int_equal(finish(b, "b", &e), 0);
	}
	check_image(f, &m, "a");
	check_image(f, &m, "b");
	assert_int_equal(count(f, "tmp") + count(f, "partial"), 0);
}

/* The same layer twice in one image, as build tools make empty ones. */
static void twice(void **state)
{
	struct fixture *f = *state;
	auto_made m;
	struct err e = { 0 };

	make(f, &m, 2, 5000);
	free(m.blob[1].v);
	free(m.tar[1].v);
	m.blob[1] = (struct bytes){ xmalloc(m.blob[0].n), m.blob[0].n };
	memcpy(m.blob[1].v, m.blob[0].v, m.blob[0].n);
	m.tar[1] = (struct bytes){ NULL, 0 };
	m.diff[1] = m.diff[0];
	m.digest[1] = m.digest[0];
	document(&m);
	{
		auto_ingest *in = begin(f, &m);
		assert_true(ingest_wants_layer(in, 0));
		assert_false(ingest_wants_layer(in, 1));
		send_all(in, &m);
		assert_int_equal(finish(in, "a", &e), 0);
	}
	assert_int_equal(count(f, "layers"), 1);
	{ /* one blob, and two things it is to be */
		struct ingest *in = NULL;
		struct ingest_document d = { .size = -1 };
		memset(m.diff[1].text + 10, '0', 8);
		document(&m);
		d.data = m.manifest;
		d.len = strlen(m.manifest);
		assert_int_equal(ingest_begin(f->s, NULL, &in, &e), 0);
		assert_int_equal(ingest_manifest(in, &d, &e), 0);
		assert_true(ingest_config(in, m.config, strlen(m.config), &e) < 0);
		ingest_free(in);
	}
}

/* F25: a tree that is gone is made again from its blob; a damaged blob is named. */
static void mends(void **state)
{
	struct fixture *f = *state;
	auto_made m;
	struct err e = { 0 };
	char key[LAYER_KEY_SIZE];

	make(f, &m, 2, 5000);
	{
		auto_ingest *in = begin(f, &m);
		send_all(in, &m);
		assert_int_equal(finish(in, "a", &e), 0);
	}
	layer_key(m.diff[1].text, key);
	assert_int_equal(fs_remove_tree(f->s->layers_fd, key, &e), 0);
	{
		auto_ingest *in = begin(f, &m);
		assert_false(ingest_wants_layer(in, 1));
		assert_int_equal(finish(in, "a", &e), 0);
	}
	check_image(f, &m, "a");
	{
		auto_close int fd =
			openat(f->s->blobs_fd, digest_hex(&m.digest[1]), O_WRONLY | O_CLOEXEC);
		assert_int_equal(pwrite(fd, "XXXX", 4, 300), 4);
	}
	assert_int_equal(fs_remove_tree(f->s->layers_fd, key, &e), 0);
	{
		auto_ingest *in = begin(f, &m);
		assert_true(finish(in, "a", &e) < 0);
		assert_non_null(strstr(e.text, "of the store is damaged"));
		e = (struct err){ 0 };
	}
	/* one that is cut short is not there at all */
	{
		auto_close int fd =
			openat(f->s->blobs_fd, digest_hex(&m.digest[1]), O_WRONLY | O_CLOEXEC);
		assert_int_equal(ftruncate(fd, 10), 0);
	}
	{
		auto_ingest *in = begin(f, &m);
		assert_true(ingest_wants_layer(in, 1));
		send_all(in, &m);
		assert_int_equal(finish(in, "a", &e), 0);
	}
	check_image(f, &m, "a");
}

/* F20: what an image that is coming builds on is not collected meanwhile. */
static void no_collection(void **state)
{
	struct fixture *f = *state;
	auto_made m;
	struct err e = { 0 };
	struct image_ref ref;

	make(f, &m, 2, 5000);
	image_ref_parse("a", &ref, &e);
	{
		auto_ingest *in = begin(f, &m);
		send_all(in, &m);
		assert_int_equal(finish(in, "a", &e), 0);
	}
	{
		auto_ingest *in = begin(f, &m);
		assert_false(ingest_wants_layer(in, 0));
		assert_int_equal(store_remove(f->s, &ref, &e), 0);
		assert_int_equal(count(f, "layers"), 2);
		if (finish(in, "b", &e) < 0)
			fail_msg("%s", e.text);
	}
	check_image(f, &m, "b");
	image_ref_parse("b", &ref, &e);
	assert_int_equal(store_remove(f->s, &ref, &e), 0);
	assert_int_equal(count(f, "layers") + count(f, "blobs/sha256"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(compressions, setup, teardown),
		cmocka_unit_test_setup_teardown(side_by_side, setup, teardown),
		cmocka_unit_test_setup_teardown(from_files, setup, teardown),
		cmocka_unit_test_setup_teardown(resume, setup, teardown),
		cmocka_unit_test_setup_teardown(at_the_same_time, setup, teardown),
		cmocka_unit_test_setup_teardown(twice, setup, teardown),
		cmocka_unit_test_setup_teardown(mends, setup, teardown),
		cmocka_unit_test_setup_teardown(no_collection, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
