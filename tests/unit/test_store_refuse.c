/* Images that come from elsewhere: what does not get in (T13 to T17, F02, F22, F25). */
#include "test_store_ingest.h"

/* T16: what is not what it should be has no name afterwards, and a second attempt begins anew. */
static void lies(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < N; i++) {
		for (int lie = 0; lie < 4; lie++) {
			auto_made m;
			auto_ingest *in = NULL;
			struct err e = { 0 };
			uint64_t have = 1;
			size_t len = SIZE_MAX;
			make(f, &m, N, 30000);
			if (lie == 0) /* of the layer's config only */
				m.diff[i] = m.digest[(i + 1) % N];
			document(&m);
			in = begin(f, &m);
			if (lie == 1)
				m.blob[i].v[m.blob[i].n / 2] ^= 1;
			if (lie == 2) { /* too long by one */
				m.blob[i].v = realloc(m.blob[i].v, m.blob[i].n + 1);
				m.blob[i].v[m.blob[i].n] = 'x';
				len = ++m.blob[i].n;
			}
			if (lie == 3) /* another stream of the same size that is in order */
				memset(m.blob[i].v, 0, m.blob[i].n);
			if (send(in, &m, i, 0, len, NULL, &e) == 0)
				fail_msg("layer %zu, lie %d", i, lie);
			assert_true(str_is_one_line(e.text));
			if (lie == 0 || lie == 2)
				assert_int_equal(e.code, EBADMSG);
			/* it is missing now, and does not get in without */
			e.code = 0;
			assert_true(finish(in, "a", &e) < 0);
			assert_int_equal(count(f, "partial"), 0);
			ingest_free(take_ptr(&in));
			check_empty(f);
			(void)have;
		}
	}
}

/* F08: a partial file whose bytes a power failure took is found out, and does not stay. */
static void damaged_partial(void **state)
{
	struct fixture *f = *state;
	auto_made m;
	struct err e = { 0 };
	uint64_t have;

	make(f, &m, 1, 400000);
	{
		auto_ingest *in = begin(f, &m);
		auto_close int fd = -1, dir = -1;
		size_t half = m.blob[0].n / 2;
		assert_int_equal(send(in, &m, 0, 0, half, &have, &e), -EPIPE);
		dir = openat(f->root, "partial", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		fd = openat(dir, digest_hex(&m.digest[0]), O_WRONLY | O_CLOEXEC);
		assert_true(fd >= 0);
		assert_int_equal(pwrite(fd, "\0\0\0\0\0\0\0\0", 8, 100), 8);
		e = (struct err){ 0 };
		assert_true(send(in, &m, 0, SIZE_MAX, SIZE_MAX, &have, &e) < 0);
		assert_int_equal(have, half);
		assert_int_not_equal(e.code, EPIPE);
		e = (struct err){ 0 };
		assert_int_equal(send(in, &m, 0, SIZE_MAX, SIZE_MAX, &have, &e), 0);
		assert_int_equal(have, 0);
		assert_int_equal(finish(in, "a", &e), 0);
	}
	check_image(f, &m, "a");
}

static void documents(void **state)
{
	struct fixture *f = *state;
	auto_made m;
	struct err e = { 0 };

	make(f, &m, 1, 10);
	for (int lie = 0; lie < 6; lie++) {
		struct ingest_document d = { .data = m.manifest,
			.len = strlen(m.manifest),
			.digest = &m.manifest_digest,
			.size = -1 };
		auto_free char *config = xstrdup(m.config);
		struct ingest *in = NULL;
		int r;
		e = (struct err){ 0 };
		assert_int_equal(ingest_begin(f->s, NULL, &in, &e), 0);
		if (lie == 0)
			d.digest = &m.config_digest;
		if (lie == 1)
			d.size = (int64_t)d.len + 1;
		if (lie == 2)
			d.media_type = MEDIA_INDEX;
		r = ingest_manifest(in, &d, &e);
		if (lie < 3) {
			assert_true(r < 0);
		} else {
			assert_int_equal(r, 0);
			assert_true(ingest_wants_config(in));
			if (lie == 3)
				config[2] ^= 1;
			r = ingest_config(in, config, strlen(config) - (lie == 4), &e);
			assert_int_equal(r, lie == 5 ? 0 : -EBADMSG);
		}
		ingest_free(in);
		check_empty(f);
	}
}

/* A config that says something else than the manifest. */
static void mismatch(void **state)
{
	struct fixture *f = *state;
	static const char *const configs[] = {
		"{\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}",
		"{\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"../../x\"]}}",
		"{\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[7]}}",
		"{\"os\":\"windows\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}",
		"{\"os\":\"linux\",\"os\":\"linux\",\"rootfs\":{}}",
		"[]",
		"",
		"{\"os\":\"linux\"}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(configs); i++) {
		auto_free char *manifest = NULL;
		struct digest d = digest_of(configs[i], strlen(configs[i]));
		struct ingest_document doc = { .size = -1 };
		struct ingest *in = NULL;
		struct err e = { 0 };
		manifest =
			xasprintf("{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" MEDIA_CONFIG
				  "\",\"digest\":\"%s\",\"size\":%zu},\"layers\":[{\"mediaType\":"
				  "\"" MEDIA_LAYER "\",\"digest\":\"%s\",\"size\":1}]}",
				d.text, strlen(configs[i]), d.text);
		doc.data = manifest;
		doc.len = strlen(manifest);
		assert_int_equal(ingest_begin(f->s, NULL, &in, &e), 0);
		assert_int_equal(ingest_manifest(in, &doc, &e), 0);
		if (ingest_config(in, configs[i], strlen(configs[i]), &e) == 0)
			fail_msg("taken: %s", configs[i]);
		ingest_free(in);
		check_empty(f);
	}
}

/* A docker archive: configs and layers without a manifest. */
static void without_manifest(void **state)
{
	struct fixture *f = *state;
	auto_made m;
	struct err e = { 0 };
	struct image_ref ref, names[2];
	struct digest id, manifest, origin, again;
	auto_image im = { 0 };

	make(f, &m, N, 5000);
	for (int round = 0; round < 2; round++) {
		auto_ingest *in = NULL;
		assert_int_equal(ingest_begin(f->s, NULL, &in, &e), 0);
		if (ingest_config_alone(in, m.config, strlen(m.config), &e) < 0)
			fail_msg("%s", e.text);
		for (size_t i = 0; i < N; i++) {
			/* the third one is not compressed: known by its diff-id */
			assert_int_equal(ingest_wants_layer(in, i), round == 0 || i != 2);
			if (ingest_wants_layer(in, i) && send(in, &m, i, 0, SIZE_MAX, NULL, &e) < 0)
				fail_msg("%s", e.text);
		}
		image_ref_parse("a", &names[0], &e);
		image_ref_parse("b:2", &names[1], &e);
		if (ingest_finish(in, names, 2, &id, &e) < 0)
			fail_msg("%s", e.text);
		assert_string_equal(id.text, m.config_digest.text);
		if (round)
			assert_string_equal(again.text, ingest_manifest_digest(in)->text);
		again = *ingest_manifest_digest(in);
	}
	image_ref_parse("b:2", &ref, &e);
	assert_int_equal(store_image(f->s, &ref, &im, &e), 0);
	assert_int_equal(store_image_origin(f->s, &ref, &manifest, &origin, &e), 0);
	assert_string_equal(origin.text, "");
	for (size_t i = 0; i < N; i++) {
		assert_string_equal(im.blobs.v[i], m.digest[i].text);
		check_layer(f, &m, i);
	}
}

/* F02: killed with all its processes; the next operation takes what it left. */
static void killed(void **state)
{
	struct fixture *f = *state;
	auto_made m;
	struct err e = { 0 };
	int ready[2], status;
	pid_t pid;
	char c;

	make(f, &m, 2, 300000);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	/* so that its processes can be waited for */
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	pid = fork();
	if (pid == 0) {
		uint64_t have;
		struct ingest *in = begin(f, &m);
		int fd = ingest_layer_open(in, 0, &have, &e);
		if (fd < 0 || fs_write_all(fd, m.blob[0].v, m.blob[0].n / 2) < 0)
			_exit(1);
		fs_write_all(ready[1], "x", 1);
		pause();
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	kill(pid, SIGKILL);
	while (waitpid(-1, &status, 0) > 0)
		;
	{
		uint64_t have;
		auto_ingest *in = begin(f, &m);
		if (send(in, &m, 0, SIZE_MAX, SIZE_MAX, &have, &e) < 0)
			fail_msg("%s", e.text);
		assert_true(have <= m.blob[0].n / 2);
		send_all(in, &m);
		if (finish(in, "a", &e) < 0)
			fail_msg("%s", e.text);
	}
	check_image(f, &m, "a");
	assert_int_equal(count(f, "tmp"), 0);
}

/* T15: 10 GiB of zeros in 10 MB. */
static void bomb(void **state)
{
	struct fixture *f = *state;
	size_t piece = 64 << 20;
	char *zeros = xcalloc(1, piece);
	struct bytes member = compress(zeros, piece, "gzip");
	struct made m = { .n = 1 };
	struct rusage usage;
	struct err e = { 0 };

	free(zeros);
	m.tar[0] = make_tar(f, "x", 1 << 20);
	m.blob[0].n = member.n * 160;
	m.blob[0].v = xmalloc(m.blob[0].n);
	for (int i = 0; i < 160; i++)
		memcpy(m.blob[0].v + (size_t)i * member.n, member.v, member.n);
	free(member.v);
	/* a header that announces all of it */
	{
		struct bytes head;
		auto_blob b = BLOB_INIT;
		struct digest d;
		char *tar;
		unlinkat(f->p.fd, "h", 0);
		assert_int_equal(blob_create(f->p.fd, "h", &b, &e), 0);
		tar_put_entry(&b,
			&(struct tar_entry){
				.path = "bomb", .type = '0', .mode = 0644, .size = 10737418240 },
			&e);
		assert_int_equal(blob_finish(&b, &d, &e), 0);
		assert_int_equal(fs_read_file(f->p.fd, "h", 4096, &tar, &head.n, &e), 0);
		head = compress(tar, head.n, "gzip");
		m.blob[0].v = realloc(m.blob[0].v, m.blob[0].n + head.n);
		memmove(m.blob[0].v + head.n, m.blob[0].v, m.blob[0].n);
		memcpy(m.blob[0].v, head.v, head.n);
		m.blob[0].n += head.n;
		free(head.v);
		free(tar);
	}
	m.diff[0] = digest_of("", 0);
	m.digest[0] = digest_of(m.blob[0].v, m.blob[0].n);
	document(&m);
	{
		auto_ingest *in = begin(f, &m);
		assert_true(send(in, &m, 0, 0, SIZE_MAX, NULL, &e) < 0);
		assert_non_null(strstr(e.text, "times its own size"));
	}
	getrusage(RUSAGE_CHILDREN, &usage);
	assert_true(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec < 10);
	check_empty(f);
	made_release(&m);
}

/* T13, T14: a layer that writes outside; the applier's own tests have the rest of them. */
static void climbs_out(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = { "../victim", "a/../../victim", ".wh..", ".wh..." };

	put_file(f->p.fd, "victim", "precious\n");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct made m = { .n = 1 };
		struct err e = { 0 };
		m.tar[0] = make_tar(f, names[i], 10);
		m.blob[0] = compress(m.tar[0].v, m.tar[0].n, "gzip");
		m.diff[0] = digest_of(m.tar[0].v, m.tar[0].n);
		m.digest[0] = digest_of(m.blob[0].v, m.blob[0].n);
		document(&m);
		{
			auto_ingest *in = begin(f, &m);
			if (send(in, &m, 0, 0, SIZE_MAX, NULL, &e) == 0)
				fail_msg("'%s' was taken", names[i]);
		}
		check_empty(f);
		made_release(&m);
	}
	check_file(f->p.fd, "victim", "precious\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lies, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_partial, setup, teardown),
		cmocka_unit_test_setup_teardown(documents, setup, teardown),
		cmocka_unit_test_setup_teardown(mismatch, setup, teardown),
		cmocka_unit_test_setup_teardown(without_manifest, setup, teardown),
		cmocka_unit_test_setup_teardown(killed, setup, teardown),
		cmocka_unit_test_setup_teardown(bomb, setup, teardown),
		cmocka_unit_test_setup_teardown(climbs_out, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
