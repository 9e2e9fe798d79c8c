#include "test_store.h"

#define D "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static json_t *parse(const char *text)
{
	json_t *j = json_loads(text, 0, NULL);

	assert_non_null(j);
	return j;
}

static int manifest(const char *text, struct image *ret)
{
	auto_json *j = parse(text);
	struct err e = { 0 };
	uint64_t size;
	int r = image_parse_manifest(j, ret, &size, &e);

	assert_true(r == 0 || (*e.text && r == -e.code));
	return r;
}

static int config(const char *text, size_t layers, struct image *ret)
{
	auto_json *j = parse(text);
	struct err e = { 0 };
	int r;

	for (size_t i = 0; i < layers; i++)
		strv_push(&ret->blobs, D);
	r = image_parse_config(j, ret, &e);
	assert_true(r == 0 || (*e.text && r == -e.code));
	return r;
}

static void good_documents(void **state)
{
	auto_image im = { 0 };

	assert_int_equal(manifest("{\"schemaVersion\":2,\"config\":{\"digest\":\"" D
				  "\",\"size\":5},\"layers\":[{\"digest\":\"" D "\",\"size\":7}]}",
				 &im),
		0);
	assert_int_equal(im.size, 12);
	assert_int_equal(im.blobs.n, 1);
	assert_int_equal(
		config("{\"os\":\"linux\",\"architecture\":\"amd64\",\"author\":\"me\",\"created\":"
		       "\"2024-01-02T03:04:05Z\","
		       "\"config\":{\"Env\":[\"A=b\"],\"Cmd\":[\"sh\",\"-c\"],\"Entrypoint\":null,"
		       "\"User\":\"1:2\",\"WorkingDir\":\"/w\",\"StopSignal\":\"SIGINT\","
		       "\"Labels\":{\"redock.machine\":\"x\",\"b\":\"2\",\"a\":\"\"},"
		       "\"ExposedPorts\":{\"80\":{},\"53/udp\":{},\"8000-8010\":{},\"80/tcp\":{}},"
		       "\"Volumes\":{\"/data\":{},\"/a b\":null},\"Shell\":[\"/bin/ash\",\"-c\"],"
		       "\"Healthcheck\":{\"Test\":[\"CMD\",\"ok\"],\"Interval\":5000000000,"
		       "\"Timeout\":0,\"StartPeriod\":7,\"Retries\":4},\"Privileged\":true},"
		       "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" D "\"]},"
		       "\"history\":[{\"comment\":\"one\"},{\"comment\":\"two\"}]}",
			0, &im),
		0);
	assert_string_equal(im.env.v[0], "A=b");
	assert_string_equal(im.cmd.v[1], "-c");
	assert_int_equal(im.entrypoint.n, 0);
	assert_string_equal(im.user, "1:2");
	assert_string_equal(im.workdir, "/w");
	assert_string_equal(im.stop_signal, "SIGINT");
	assert_string_equal(im.author, "me");
	assert_string_equal(im.comment, "two");
	assert_string_equal(im.architecture, "amd64");
	assert_string_equal(im.os, "linux");
	assert_int_equal(im.labels.n, 2);
	assert_string_equal(im.labels.v[0], "a=");
	assert_string_equal(im.labels.v[1], "b=2");
	assert_int_equal(im.exposed.n, 3);
	assert_string_equal(im.exposed.v[0], "53/udp");
	assert_string_equal(im.exposed.v[1], "80/tcp");
	assert_string_equal(im.exposed.v[2], "8000-8010/tcp");
	assert_int_equal(im.volumes.n, 2);
	assert_string_equal(im.volumes.v[0], "/a b");
	assert_string_equal(im.volumes.v[1], "/data");
	assert_string_equal(im.shell.v[0], "/bin/ash");
	assert_string_equal(im.health.test.v[1], "ok");
	assert_int_equal(im.health.interval, 5000000000);
	assert_int_equal(im.health.start_period, 7);
	assert_int_equal(im.health.retries, 4);
	assert_true(im.created == (int64_t)1704164645 * 1000000000);
}

static void bad_manifests(void **state)
{
	static const char *const texts[] = {
		"{}",
		"[]",
		"{\"schemaVersion\":1,\"config\":{\"digest\":\"" D "\",\"size\":5},\"layers\":[]}",
		"{\"schemaVersion\":2,\"config\":{\"digest\":\"" D "\",\"size\":5}}",
		"{\"schemaVersion\":2,\"config\":{\"digest\":\"" D "\",\"size\":-5},\"layers\":[]}",
		"{\"schemaVersion\":2,\"config\":{\"digest\":\"" D "\"},\"layers\":[]}",
		"{\"schemaVersion\":2,\"config\":{\"digest\":\"../../"
		"x\",\"size\":5},\"layers\":[]}",
		"{\"schemaVersion\":2,\"config\":\"x\",\"layers\":[]}",
		"{\"schemaVersion\":2,\"config\":{\"digest\":\"" D
		"\",\"size\":5},\"layers\":[],\"manifests\":[]}",
		"{\"schemaVersion\":2,\"config\":{\"digest\":\"" D
		"\",\"size\":5},\"layers\":[{\"digest\":\"" D "\",\"size\":9223372036854775807},"
		"{\"digest\":\"" D "\",\"size\":9223372036854775807},"
		"{\"digest\":\"" D "\",\"size\":9223372036854775807}]}",
		"{\"schemaVersion\":2,\"config\":{\"digest\":\"" D "\",\"size\":5},\"layers\":[7]}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		auto_image im = { 0 };
		if (manifest(texts[i], &im) != -EINVAL)
			fail_msg("accepted: %s", texts[i]);
	}
}

static void bad_configs(void **state)
{
#define ROOTFS "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" D "\"]}"
	static const char *const texts[] = {
		"[]",
		"{}",
		"{\"os\":\"windows\"," ROOTFS "}",
		"{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}",
		"{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:../../../../x\"]}}",
		"{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[5]}}",
		"{\"rootfs\":{\"type\":\"tree\",\"diff_ids\":[\"" D "\"]}}",
		"{\"rootfs\":[]}",
		"{\"config\":5," ROOTFS "}",
		"{\"config\":{\"Env\":\"A=b\"}," ROOTFS "}",
		"{\"config\":{\"Env\":[\"A\"]}," ROOTFS "}",
		"{\"config\":{\"Env\":[\"=b\"]}," ROOTFS "}",
		"{\"config\":{\"Env\":[1]}," ROOTFS "}",
		"{\"config\":{\"Cmd\":{}}," ROOTFS "}",
		"{\"config\":{\"User\":0}," ROOTFS "}",
		"{\"config\":{\"WorkingDir\":[\"/\"]}," ROOTFS "}",
		"{\"author\":7," ROOTFS "}",
		"{\"architecture\":7," ROOTFS "}",
		"{\"config\":{\"Labels\":[\"a=b\"]}," ROOTFS "}",
		"{\"config\":{\"Labels\":{\"a\":1}}," ROOTFS "}",
		"{\"config\":{\"Labels\":{\"\":\"1\"}}," ROOTFS "}",
		"{\"config\":{\"Labels\":{\"a=b\":\"1\"}}," ROOTFS "}",
		"{\"config\":{\"ExposedPorts\":{\"0\":{}}}," ROOTFS "}",
		"{\"config\":{\"ExposedPorts\":{\"65536/tcp\":{}}}," ROOTFS "}",
		"{\"config\":{\"ExposedPorts\":{\"80/icmp\":{}}}," ROOTFS "}",
		"{\"config\":{\"ExposedPorts\":{\"90-80\":{}}}," ROOTFS "}",
		"{\"config\":{\"ExposedPorts\":[\"80\"]}," ROOTFS "}",
		"{\"config\":{\"Volumes\":{\"data\":{}}}," ROOTFS "}",
		"{\"config\":{\"Volumes\":{\"/a/../b\":{}}}," ROOTFS "}",
		"{\"config\":{\"Volumes\":{\"//\":{}}}," ROOTFS "}",
		"{\"config\":{\"Volumes\":{\"/a\\nb\":{}}}," ROOTFS "}",
		"{\"config\":{\"Volumes\":[\"/a\"]}," ROOTFS "}",
		"{\"config\":{\"Healthcheck\":{\"Test\":[\"SHELL\",\"x\"]}}," ROOTFS "}",
		"{\"config\":{\"Healthcheck\":{\"Test\":[\"CMD\"]}}," ROOTFS "}",
		"{\"config\":{\"Healthcheck\":{\"Test\":[\"NONE\",\"x\"]}}," ROOTFS "}",
		"{\"config\":{\"Healthcheck\":{\"Interval\":-1}}," ROOTFS "}",
		"{\"config\":{\"Healthcheck\":{\"Interval\":1.5}}," ROOTFS "}",
		"{\"config\":{\"Healthcheck\":{\"Retries\":9223372036854775807}}," ROOTFS "}",
		"{\"config\":{\"Healthcheck\":\"CMD x\"}," ROOTFS "}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		auto_image im = { 0 };
		if (config(texts[i], 1, &im) != -EINVAL)
			fail_msg("accepted: %s", texts[i]);
	}
}

/* Documents as they lie in the store: too large, twice the same key, not what the manifest says. */
static void bad_files(void **state)
{
	struct place_to_test p;
	auto_json *j = NULL;
	struct store *s;
	struct digest d;
	struct err e = { 0 };
	struct image im;
	int fd;

	place_make(&p);
	assert_int_equal(store_open(p.fd, &s, &e), 0);
	assert_int_equal(digest_parse(D, &d), 0);
	assert_int_equal(store_read_json(s, &d, MANIFEST_MAX, &j, &e), -ENOENT);
	put_file(s->blobs_fd, digest_hex(&d), "{\"schemaVersion\":2,\"schemaVersion\":2}");
	assert_int_equal(store_manifest(s, &d, &im, &e), -EINVAL);
	put_file(s->blobs_fd, digest_hex(&d),
		"{\"schemaVersion\":2,\"config\":{\"digest\":\"" D "\",\"size\":5},\"layers\":[]}");
	assert_int_equal(store_manifest(s, &d, &im, &e), -EIO);
	fd = openat(s->blobs_fd, digest_hex(&d), O_WRONLY | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, (off_t)MANIFEST_MAX + 1), 0);
	close(fd);
	assert_int_equal(store_manifest(s, &d, &im, &e), -EFBIG);
	/* a directory of images that nobody made */
	mkdirat(s->images_fd, "x:y", 0700);
	fd = openat(s->images_fd, "x:y", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	put_file(fd, "manifest", "../../etc/passwd\n");
	close(fd);
	assert_int_equal(store_image(s, &(struct image_ref){ "x", "y" }, &im, &e), -EIO);
	assert_int_equal(store_image(s, &(struct image_ref){ "x", "z" }, &im, &e), -ENOENT);
	assert_string_equal(e.text, "no image named 'x:z'");
	store_close(s);
	place_remove(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_documents),
		cmocka_unit_test(bad_manifests),
		cmocka_unit_test(bad_configs),
		cmocka_unit_test(bad_files),
	};

	return cmocka_run_group_tests_name("store_image", tests, NULL, NULL);
}
