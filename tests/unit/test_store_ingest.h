#pragma once
/* An image made by hand, which tests let into a store. */
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

static inline int setup(void **state)
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

static inline int teardown(void **state)
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

static inline struct digest digest_of(const void *data, size_t n)
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
static inline struct bytes compress(const char *data, size_t n, const char *filter)
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
static inline struct bytes make_tar(struct fixture *f, const char *path, size_t size)
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

static inline void document(struct made *m)
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

static inline void make(struct fixture *f, struct made *m, size_t n, size_t size)
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

static inline void made_release(struct made *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->tar[i].v);
		free(m->blob[i].v);
	}
	free(m->config);
	free(m->manifest);
}
#define auto_made __attribute__((cleanup(made_release))) struct made

static inline struct ingest *begin(struct fixture *f, const struct made *m)
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
static inline int send(struct ingest *in, const struct made *m, size_t i, size_t from, size_t len,
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

static inline void send_all(struct ingest *in, const struct made *m)
{
	struct err e = { 0 };

	for (size_t i = 0; i < m->n; i++)
		if (ingest_wants_layer(in, i) && send(in, m, i, SIZE_MAX, SIZE_MAX, NULL, &e) < 0)
			fail_msg("%s", e.text);
}

static inline int finish(struct ingest *in, const char *name, struct err *e)
{
	struct image_ref ref;
	struct digest id;

	assert_int_equal(image_ref_parse(name, &ref, e), 0);
	return ingest_finish(in, &ref, 1, &id, e);
}

static inline void check_layer(struct fixture *f, const struct made *m, size_t i)
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

static inline void check_image(struct fixture *f, const struct made *m, const char *name)
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

static inline size_t count(struct fixture *f, const char *dir)
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
static inline void check_empty(struct fixture *f)
{
	assert_int_equal(count(f, "blobs/sha256"), 0);
	assert_int_equal(count(f, "layers"), 0);
	assert_int_equal(count(f, "images"), 0);
	assert_int_equal(count(f, "tmp"), 0);
}
