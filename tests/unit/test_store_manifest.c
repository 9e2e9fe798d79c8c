/* Manifests that are read one way or not at all (T15 to T17), and the choice of a platform. */
#include "store/manifest.h"
#include "test_store.h"

#define HEX     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST  "\"digest\":\"sha256:" HEX "\""
#define CONFIG  "\"config\":{\"mediaType\":\"" MEDIA_CONFIG "\"," DIGEST ",\"size\":7}"
#define LAYER   "{\"mediaType\":\"" MEDIA_LAYER_GZIP "\"," DIGEST ",\"size\":9}"
#define LAYERS  "\"layers\":[" LAYER "]"
#define V2      "\"schemaVersion\":2"
#define PARTS   "\"manifests\":[{\"mediaType\":\"" MEDIA_MANIFEST "\"," DIGEST ",\"size\":9}]"
#define TYPE(t) "\"mediaType\":\"" t "\""

static void good(void **state)
{
	static const struct {
		const char *text, *said, *type;
		bool is_index;
	} docs[] = {
		{ "{" V2 "," CONFIG "," LAYERS "}", NULL, MEDIA_MANIFEST, false },
		{ "{" V2 "," CONFIG "," LAYERS "}", MEDIA_MANIFEST, MEDIA_MANIFEST, false },
		{ "{" V2 "," TYPE(MEDIA_MANIFEST) "," CONFIG "," LAYERS "}", "", MEDIA_MANIFEST,
			false },
		{ "{" V2 "," TYPE(MEDIA_DOCKER) "," CONFIG "," LAYERS "}", MEDIA_DOCKER,
			MEDIA_DOCKER, false },
		{ "{" V2 "," CONFIG ",\"layers\":[]}", NULL, MEDIA_MANIFEST, false },
		{ "{" V2 "," PARTS ",\"annotations\":{\"x\":\"y\"}}", NULL, MEDIA_INDEX, true },
		{ "{" V2 "," TYPE(MEDIA_DOCKER_LIST) "," PARTS "}", NULL, MEDIA_DOCKER_LIST, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(docs); i++) {
		auto_manifest m = { 0 };
		struct err e = { 0 };
		if (manifest_parse(docs[i].text, strlen(docs[i].text), docs[i].said, &m, &e) < 0)
			fail_msg("%s: %s", docs[i].text, e.text);
		assert_string_equal(m.media_type, docs[i].type);
		assert_int_equal(m.is_index, docs[i].is_index);
		if (!m.is_index) {
			assert_int_equal(m.config.size, 7);
			assert_string_equal(m.config.digest.text, "sha256:" HEX);
		}
		if (m.n_parts)
			assert_int_equal(m.parts[0].size, 9);
	}
	(void)state;
}

static void refused(void **state)
{
	static const struct {
		const char *text, *said, *why;
	} docs[] = {
		{ "", NULL, "not valid JSON" },
		{ "{\"a\n\033[2Jb", NULL, "not valid JSON" },
		{ "[]", NULL, "not a JSON object" },
		{ "{" V2 "," CONFIG "," LAYERS "} {}", NULL, "not valid JSON" },
		{ "{" V2 "," V2 "," CONFIG "," LAYERS "}", NULL, "duplicate" },
		{ "{" V2 "," CONFIG "," LAYERS "," LAYERS "}", NULL, "duplicate" },
		/* T17: one document, two readings */
		{ "{" V2 "," CONFIG "," LAYERS "," PARTS "}", NULL, "ambiguous" },
		{ "{" V2 "," LAYERS "," PARTS "}", MEDIA_INDEX, "ambiguous" },
		{ "{" V2 "," CONFIG "," PARTS "}", NULL, "ambiguous" },
		{ "{" V2 "," CONFIG "," LAYERS ",\"Layers\":[]}", NULL, "ambiguous" },
		{ "{" V2 "," CONFIG "," LAYERS ",\"MANIFESTS\":[]}", NULL, "ambiguous" },
		{ "{" V2 "," CONFIG "," LAYERS ",\"mediatype\":\"x\"}", NULL, "ambiguous" },
		{ "{" V2 "," CONFIG "," LAYERS "}", MEDIA_INDEX, "ambiguous" },
		{ "{" V2 "," PARTS "}", MEDIA_MANIFEST, "ambiguous" },
		{ "{" V2 "," TYPE(MEDIA_INDEX) "," CONFIG "," LAYERS "}", NULL, "ambiguous" },
		{ "{" V2 "," TYPE(MEDIA_DOCKER) "," CONFIG "," LAYERS "}", MEDIA_MANIFEST,
			"ambiguous" },
		{ "{" V2 "," TYPE(MEDIA_MANIFEST) "," PARTS "}", NULL, "ambiguous" },
		{ "{" V2 "," CONFIG "," LAYERS ",\"fsLayers\":[]}", NULL, "version 1" },
		{ "{\"schemaVersion\":1,\"fsLayers\":[],\"history\":[]}", NULL, "version 1" },
		{ "{" CONFIG "," LAYERS "}", NULL, "version 2" },
		{ "{\"schemaVersion\":\"2\"," CONFIG "," LAYERS "}", NULL, "version 2" },
		{ "{" V2 "}", NULL, "neither" },
		{ "{" V2 "," CONFIG "}", NULL, "list of layers" },
		{ "{" V2 "," LAYERS "}", NULL, "config is not a descriptor" },
		{ "{" V2 "," CONFIG ",\"layers\":{}}", NULL, "list of layers" },
		{ "{" V2 "," CONFIG "," LAYERS ",\"mediaType\":7}", NULL, "'mediaType'" },
		{ "{" V2 "," CONFIG "," LAYERS "}", "text/html", "no image" },
		{ "{" V2 ",\"config\":{" TYPE(
			  "application/vnd.cncf.helm.config.v1+json") "," DIGEST
								      ",\"size\":1}," LAYERS "}",
			NULL, "its config is of the type" },
	/* T16: digests and sizes */
#define BAD(x) "{" V2 "," CONFIG ",\"layers\":[{\"mediaType\":\"" MEDIA_LAYER "\"," x "}]}"
		{ BAD("\"digest\":\"sha256:../../../etc/passwd\",\"size\":1"), NULL, "no sha256" },
		{ BAD("\"digest\":\"sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef"
		      "0123456789abcdef\",\"size\":1"),
			NULL, "no sha256" },
		{ BAD("\"digest\":\"sha256:" HEX "0\",\"size\":1"), NULL, "no sha256" },
		{ BAD("\"digest\":\"sha512:" HEX HEX "\",\"size\":1"), NULL, "sha512" },
		{ BAD("\"digest\":\"md5:" HEX "\",\"size\":1"), NULL, "no sha256" },
		{ BAD("\"size\":1"), NULL, "no sha256" },
		{ BAD(DIGEST), NULL, "no size" },
		{ BAD(DIGEST ",\"size\":-1"), NULL, "no size" },
		{ BAD(DIGEST ",\"size\":1.5"), NULL, "no size" },
		{ BAD(DIGEST ",\"size\":9000000000000000000"), NULL, "more than" },
		{ BAD(DIGEST ",\"size\":1,\"Digest\":\"sha256:" HEX "\""), NULL, "ambiguous" },
		{ "{" V2 ",\"config\":{" TYPE(MEDIA_CONFIG) "," DIGEST ",\"size\":8388609}," LAYERS
							    "}",
			NULL, "more than" },
		{ "{" V2 ",\"manifests\":[{\"mediaType\":\"" MEDIA_MANIFEST "\"," DIGEST
		  ",\"size\":4194305}]}",
			NULL, "more than" },
		/* what is not here, and what is no file system */
		{ "{" V2 "," CONFIG ",\"layers\":[{" TYPE(
			  "application/vnd.docker.image.rootfs."
			  "foreign.diff.tar.gzip") "," DIGEST
						   ",\"size\":1,\"urls\":[\"http://x\"]}]}",
			NULL, "fetched from elsewhere" },
		{ "{" V2 "," CONFIG ",\"layers\":[{" TYPE("application/x-wasm") "," DIGEST
										",\"size\":1}]}",
			NULL, "no file system" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(docs); i++) {
		auto_manifest m = { 0 };
		struct err e = { 0 };
		int r = manifest_parse(docs[i].text, strlen(docs[i].text), docs[i].said, &m, &e);
		if (r == 0)
			fail_msg("taken: %s", docs[i].text);
		assert_int_equal(r, -e.code);
		assert_true(str_is_one_line(e.text));
		if (!strstr(e.text, docs[i].why))
			fail_msg("%s: '%s' does not say '%s'", docs[i].text, e.text, docs[i].why);
	}
	(void)state;
}

/* T15: giants. */
static void caps(void **state)
{
	auto_str text = STR_INIT(8 << 20);
	auto_manifest m = { 0 };
	struct err e = { 0 };

	str_add(&text, "{" V2 "," CONFIG ",\"layers\":[");
	for (int i = 0; i < 501; i++)
		str_addf(&text, "%s%s", i ? "," : "", LAYER);
	str_add(&text, "]}");
	assert_true(manifest_parse(str_text(&text), text.len, NULL, &m, &e) < 0);
	assert_non_null(strstr(e.text, "more than 500"));
	while (text.len <= MANIFEST_MAX)
		str_add(&text, "                                                                ");
	assert_int_equal(manifest_parse(str_text(&text), text.len, NULL, &m, &e), -EFBIG);
	/* depth: jansson ends at 2048 */
	str_truncate(&text, 0);
	for (int i = 0; i < 1000000; i++)
		str_add_char(&text, '[');
	assert_true(manifest_parse(str_text(&text), text.len, NULL, &m, &e) < 0);
	(void)state;
}

static void choice(void **state)
{
	static const char *const have[] = { "linux/amd64", "linux/arm/v6", "linux/arm/v7",
		"linux/arm64/v8", "windows/amd64", "unknown/unknown" };
	static const struct {
		const char *want;
		int at;
	} cases[] = { { "linux/amd64", 0 }, { "amd64", 0 }, { "linux/x86_64", 0 },
		{ "linux/amd64/v3", 0 }, { "linux/arm/v7", 2 }, { "linux/arm/v6", 1 },
		{ "linux/arm", 2 }, { "linux/arm/v8", 2 }, { "linux/arm/v5", -1 },
		{ "linux/arm64", 3 }, { "aarch64", 3 }, { "linux/s390x", -1 },
		{ "windows/amd64", 4 } };
	struct descriptor parts[6] = { 0 };
	struct manifest m = { .parts = parts, .n_parts = 6, .is_index = true };
	struct platform p;
	struct err e = { 0 };

	for (size_t i = 0; i < 6; i++) {
		snprintf(parts[i].media_type, MEDIA_TYPE_SIZE, "%s", MEDIA_MANIFEST);
		parts[i].has_platform = true;
		assert_int_equal(platform_parse(have[i], &parts[i].platform, &e), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct descriptor *d = NULL;
		int r;
		e = (struct err){ 0 };
		assert_int_equal(platform_parse(cases[i].want, &p, &e), 0);
		r = manifest_choose(&m, &p, &d, &e);
		if ((r == 0 ? (int)(d - parts) : -1) != cases[i].at)
			fail_msg("%s: %s", cases[i].want, r == 0 ? "another one" : e.text);
	}
	/* its only image, of which nobody says what it is for; attestations do not count */
	parts[1].has_platform = false;
	parts[1].platform = (struct platform){ 0 };
	parts[2] = parts[5];
	m.parts = parts + 1;
	m.n_parts = 2;
	{
		const struct descriptor *d = NULL;
		assert_int_equal(platform_parse("s390x", &p, &e), 0);
		assert_int_equal(manifest_choose(&m, &p, &d, &e), 0);
		assert_ptr_equal(d, parts + 1);
	}
	(void)state;
}

static void bad_platforms(void **state)
{
	static const char *const bad[] = { "", "/", "linux/", "linux//v7", "a/b/c/d",
		"lin ux/amd64", "linux/\n",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	struct platform p;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err e = { 0 };
		if (platform_parse(bad[i], &p, &e) == 0)
			fail_msg("'%s' was taken", bad[i]);
		assert_true(str_is_one_line(e.text));
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(good), cmocka_unit_test(refused),
		cmocka_unit_test(caps), cmocka_unit_test(choice), cmocka_unit_test(bad_platforms) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
