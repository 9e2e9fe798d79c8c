/* Images that come from elsewhere: what gets in, and what does not (T13 to T17, F02, F22, F25). */
#include "store/ingest.h"
#include "test_store.h"

#include <archive.h>
#include <archive_entry.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

struct fixture {
	struct place_to_test p;
	struct store *s;
	int root;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);
	struct err e = { 0 };

	signal(SIGPIPE, SIG_IGN);
	place_make(&f->p);
	f->root = make_dir(f->p.fd, "root");
	if (store_open(f->root, &f->s, &e) < 0)
		fail_msg("%s", e.text);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	store_close(f->s);
	close(f->root);
	place_remove(&f->p);
	free(f);
	return 0;
}

/* ---- an image, made by hand ---- */

struct bytes {
	char *v;
	size_t n;
};

static struct digest digest_of(const void *data, size_t n)
{
	auto_blob b = BLOB_INIT;
	struct digest d;
	struct err e = { 0 };

	assert_int_equal(blob_create(-1, NULL, &b, &e), 0);
	assert_int_equal(blob_write(&b, data, n, &e), 0);
	assert_int_equal(blob_digest(&b, &d, &e), 0);
	return d;
}

/* Through libarchive, by one of its filters. */
static struct bytes compress(const char *data, size_t n, const char *filter)
{
	struct bytes b = { xmalloc(n + (1 << 20)), 0 };
	struct archive *a = archive_write_new();
	struct archive_entry *entry = archive_entry_new();

	assert_int_equal(archive_write_add_filter_by_name(a, filter), ARCHIVE_OK);
	assert_int_equal(archive_write_set_format_raw(a), ARCHIVE_OK);
	archive_write_set_bytes_per_block(a, 0);
	assert_int_equal(archive_write_open_memory(a, b.v, n + (1 << 20), &b.n), ARCHIVE_OK);
	archive_entry_set_filetype(entry, AE_IFREG);
	assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
	assert_int_equal(archive_write_data(a, data, n), n);
	archive_entry_free(entry);
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
	return b;
}

/* One file of `size` bytes under `path`. */
static struct bytes make_tar(struct fixture *f, const char *path, size_t size)
{
	auto_blob b = BLOB_INIT;
	auto_free char *content = xmalloc(size + 1);
	struct bytes ret;
	struct err e = { 0 };
	struct digest d;
	uint32_t x = (uint32_t)size + 1;

	for (size_t i = 0; i < size; i++) {
		x = x * 1664525 + 1013904223;
		content[i] = (char)('a' + (x >> 28));
	}
	unlinkat(f->p.fd, "t", 0);
	assert_int_equal(blob_create(f->p.fd, "t", &b, &e), 0);
	tar_put_entry(&b,
		&(struct tar_entry){ .path = path, .type = '0', .mode = 0644, .size = size }, &e);
	blob_write(&b, content, size, &e);
	tar_put_padding(&b, size, &e);
	tar_put_end(&b, &e);
	assert_int_equal(blob_finish(&b, &d, &e), 0);
	assert_int_equal(fs_read_file(f->p.fd, "t", 64 << 20, &ret.v, &ret.n, &e), 0);
	return ret;
}

#define N 4
struct made {
	size_t n;
	struct bytes tar[N], blob[N];
	struct digest diff[N], digest[N], config_digest, manifest_digest;
	char *config, *manifest;
};

static void document(struct made *m)
{
	auto_json *config = json_pack("{s:s,s:s,s:{s:[s]},s:{s:s,s:[]}}", "architecture", "amd64",
		"os", "linux", "config", "Cmd", "/bin/sh", "rootfs", "type", "layers", "diff_ids");
	auto_json *manifest = NULL;
	json_t *ids = json_object_get(json_object_get(config, "rootfs"), "diff_ids");
	json_t *layers = json_array();

	for (size_t i = 0; i < m->n; i++) {
		json_array_append_new(ids, json_string(m->diff[i].text));
		json_array_append_new(
			layers, json_pack("{s:s,s:s,s:I}", "mediaType", MEDIA_LAYER_GZIP, "digest",
					m->digest[i].text, "size", (json_int_t)m->blob[i].n));
	}
	free(m->config);
	free(m->manifest);
	m->config = json_text(config);
	m->config_digest = digest_of(m->config, strlen(m->config));
	manifest = json_pack("{s:i,s:s,s:{s:s,s:s,s:I},s:o}", "schemaVersion", 2, "mediaType",
		MEDIA_MANIFEST, "config", "mediaType", MEDIA_CONFIG, "digest",
		m->config_digest.text, "size", (json_int_t)strlen(m->config), "layers", layers);
	m->manifest = json_text(manifest);
	m->manifest_digest = digest_of(m->manifest, strlen(m->manifest));
}

static void make(struct fixture *f, struct made *m, size_t n, size_t size)
{
	static const char *const filters[] = { "gzip", "zstd", "none", "xz" };

	*m = (struct made){ .n = n };
	for (size_t i = 0; i < n; i++) {
		char path[16];
		snprintf(path, sizeof path, "file-%zu", i);
		m->tar[i] = make_tar(f, path, size + i);
		if (str_eq(filters[i], "none")) {
			m->blob[i].n = m->tar[i].n;
			m->blob[i].v = xmalloc(m->tar[i].n);
			memcpy(m->blob[i].v, m->tar[i].v, m->tar[i].n);
		} else {
			m->blob[i] = compress(m->tar[i].v, m->tar[i].n, filters[i]);
		}
		m->diff[i] = digest_of(m->tar[i].v, m->tar[i].n);
		m->digest[i] = digest_of(m->blob[i].v, m->blob[i].n);
	}
	document(m);
}

static void made_release(struct made *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->tar[i].v);
		free(m->blob[i].v);
	}
	free(m->config);
	free(m->manifest);
}
#define auto_made __attribute__((cleanup(made_release))) struct made

static struct ingest *begin(struct fixture *f, const struct made *m)
{
	const struct ingest_document d = { .data = m->manifest,
		.len = strlen(m->manifest),
		.media_type = MEDIA_MANIFEST,
		.digest = &m->manifest_digest,
		.size = (int64_t)strlen(m->manifest) };
	struct ingest *in = NULL;
	struct err e = { 0 };

	if (ingest_begin(f->s, NULL, &in, &e) < 0 || ingest_manifest(in, &d, &e) < 0)
		fail_msg("%s", e.text);
	if (ingest_wants_config(in) && ingest_config(in, m->config, strlen(m->config), &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(ingest_layers(in), m->n);
	return in;
}

/* Writes `len` bytes from `from` on into the pipe of layer `i`, and hears what it says. */
static int send(struct ingest *in, const struct made *m, size_t i, size_t from, size_t len,
	uint64_t *ret_have, struct err *e)
{
	uint64_t have = 0;
	int fd = ingest_layer_open(in, i, &have, e);

	if (fd < 0)
		return fd;
	if (from == SIZE_MAX)
		from = (size_t)have;
	(void)fs_write_all(fd, m->blob[i].v + from, len == SIZE_MAX ? m->blob[i].n - from : len);
	close(fd);
	if (ret_have)
		*ret_have = have;
	return ingest_layer_wait(in, i, e);
}

static void send_all(struct ingest *in, const struct made *m)
{
	struct err e = { 0 };

	for (size_t i = 0; i < m->n; i++)
		if (ingest_wants_layer(in, i) && send(in, m, i, SIZE_MAX, SIZE_MAX, NULL, &e) < 0)
			fail_msg("%s", e.text);
}

static int finish(struct ingest *in, const char *name, struct err *e)
{
	struct image_ref ref;
	struct digest id;

	assert_int_equal(image_ref_parse(name, &ref, e), 0);
	return ingest_finish(in, &ref, 1, &id, e);
}

static void check_layer(struct fixture *f, const struct made *m, size_t i)
{
	auto_close int layer = -1;
	auto_free char *there = NULL;
	char name[48], path[32];
	struct err e = { 0 };
	size_t n;

	if (store_layer_name(f->s, m->diff[i].text, name, &e) < 0)
		fail_msg("%s", e.text);
	layer = openat(f->s->layers_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(path, sizeof path, "file-%zu", i);
	assert_int_equal(fs_read_file(layer, path, 64 << 20, &there, &n, &e), 0);
	assert_memory_equal(there, m->tar[i].v + 512, n);
	assert_int_equal(store_layer_bytes(f->s, m->diff[i].text, m->digest[i].text), n);
	/* the blob as it came */
	free(take_ptr(&there));
	assert_int_equal(
		fs_read_file(f->s->blobs_fd, digest_hex(&m->digest[i]), 64 << 20, &there, &n, &e),
		0);
	assert_int_equal(n, m->blob[i].n);
	assert_memory_equal(there, m->blob[i].v, n);
}

static void check_image(struct fixture *f, const struct made *m, const char *name)
{
	auto_image im = { 0 };
	struct image_ref ref;
	struct digest manifest, origin;
	struct err e = { 0 };

	assert_int_equal(image_ref_parse(name, &ref, &e), 0);
	if (store_image(f->s, &ref, &im, &e) < 0)
		fail_msg("%s", e.text);
	assert_string_equal(im.manifest.text, m->manifest_digest.text);
	assert_string_equal(im.config.text, m->config_digest.text);
	assert_int_equal(store_image_origin(f->s, &ref, &manifest, &origin, &e), 0);
	assert_string_equal(origin.text, m->manifest_digest.text);
	for (size_t i = 0; i < m->n; i++)
		check_layer(f, m, i);
}

static size_t count(struct fixture *f, const char *dir)
{
	int fd = openat(f->root, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *ent;
	size_t n = 0;

	if (!d)
		return 0;
	while ((ent = readdir(d)))
		n += ent->d_name[0] != '.';
	closedir(d);
	return n;
}

/* Nothing has a name. */
static void check_empty(struct fixture *f)
{
	assert_int_equal(count(f, "blobs/sha256"), 0);
	assert_int_equal(count(f, "layers"), 0);
	assert_int_equal(count(f, "images"), 0);
	assert_int_equal(count(f, "tmp"), 0);
}

/* ---- tests ---- */

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
		cmocka_unit_test_setup_teardown(compressions, setup, teardown),
		cmocka_unit_test_setup_teardown(side_by_side, setup, teardown),
		cmocka_unit_test_setup_teardown(from_files, setup, teardown),
		cmocka_unit_test_setup_teardown(lies, setup, teardown),
		cmocka_unit_test_setup_teardown(resume, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_partial, setup, teardown),
		cmocka_unit_test_setup_teardown(at_the_same_time, setup, teardown),
		cmocka_unit_test_setup_teardown(documents, setup, teardown),
		cmocka_unit_test_setup_teardown(mismatch, setup, teardown),
		cmocka_unit_test_setup_teardown(twice, setup, teardown),
		cmocka_unit_test_setup_teardown(without_manifest, setup, teardown),
		cmocka_unit_test_setup_teardown(mends, setup, teardown),
		cmocka_unit_test_setup_teardown(no_collection, setup, teardown),
		cmocka_unit_test_setup_teardown(killed, setup, teardown),
		cmocka_unit_test_setup_teardown(bomb, setup, teardown),
		cmocka_unit_test_setup_teardown(climbs_out, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
