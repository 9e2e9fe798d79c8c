#include "store/manifest.h"
#include "base/json.h"
#include "base/mem.h"
#include "store/internal.h"

#include <string.h>
#include <strings.h>
#include <sys/utsname.h>

#define PARTS_MAX 10000 /* of an index */
/* What one layer may say of its size: as much as it may unpack to. */
#define LAYER_BYTES_MAX ((int64_t)1 << 40)

/* What has a meaning in one of the documents. Go's readers take "Layers" for "layers", ours do not:
 * a document with such a member would be two things. */
static const char *const meaning[] = { "schemaVersion", "mediaType", "config", "layers",
	"manifests", "digest", "size", "platform", "annotations", "os", "architecture", "variant",
	"urls", "fsLayers", "signatures", "data", "subject", "artifactType" };

static int check_members(const json_t *object, struct err *e)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)object, key, value)
	{
		for (size_t i = 0; i < ARRAY_SIZE(meaning); i++)
			if (strcasecmp(key, meaning[i]) == 0 && !str_eq(key, meaning[i]))
				return err_set(e, EINVAL,
					"it is ambiguous: its member '%s' is nearly '%s'",
					str_is_one_line(key) ? key : "?", meaning[i]);
	}
	return 0;
}

/* A text of at most `size` - 1 printable bytes; missing is "". */
static int copy_text(const json_t *object, const char *key, char *ret, size_t size, struct err *e)
{
	const json_t *j = json_object_get(object, key);
	const char *text = json_string_value(j);

	*ret = '\0';
	if (!j)
		return 0;
	if (!text || strlen(text) >= size || !str_is_one_line(text))
		return err_set(e, EINVAL, "its '%s' is no text, or too long a one", key);
	memcpy(ret, text, strlen(text) + 1);
	return 0;
}

static int parse_platform(const json_t *j, struct descriptor *ret, struct err *e)
{
	const json_t *platform = json_object_get(j, "platform");

	if (!platform || json_is_null(platform))
		return 0;
	if (!json_is_object(platform))
		return err_set(e, EINVAL, "its 'platform' is not an object");
	ret->has_platform = true;
	if (check_members(platform, e) < 0 ||
		copy_text(platform, "os", ret->platform.os, PLATFORM_SIZE, e) < 0 ||
		copy_text(platform, "architecture", ret->platform.architecture, PLATFORM_SIZE, e) <
			0 ||
		copy_text(platform, "variant", ret->platform.variant, PLATFORM_SIZE, e) < 0)
		return -e->code;
	return 0;
}

/* Names are hints for a person's choice: one that is none of ours is left out. */
static void copy_name(const json_t *j, const char *key, char ret[IMAGE_REF_TEXT_SIZE])
{
	const char *text = json_str(json_object_get(j, "annotations"), key, "");

	if (strlen(text) < IMAGE_REF_TEXT_SIZE && str_is_one_line(text))
		memcpy(ret, text, strlen(text) + 1);
}

static int parse_descriptor(
	const json_t *j, int64_t max, const char *what, struct descriptor *ret, struct err *e)
{
	const char *digest = json_str(j, "digest", NULL);
	int64_t size = json_int(j, "size", -1);
	struct descriptor d = { 0 };

	if (!json_is_object(j))
		return err_set(e, EINVAL, "%s is not a descriptor", what);
	if (check_members(j, e) < 0 || parse_platform(j, &d, e) < 0)
		return err_wrap(e, "%s", what);
	if (digest && str_starts(digest, "sha512:"))
		return err_set(
			e, ENOTSUP, "%s has a sha512 digest, and only sha256 is known here", what);
	if (!digest || digest_parse(digest, &d.digest) < 0)
		return err_set(e, EINVAL, "%s has no sha256 digest", what);
	if (size < 0)
		return err_set(e, EINVAL, "%s has no size", what);
	if (size > max)
		return err_set(e, EFBIG, "%s is %lld bytes, more than %lld", what, (long long)size,
			(long long)max);
	if (copy_text(j, "mediaType", d.media_type, MEDIA_TYPE_SIZE, e) < 0)
		return err_wrap(e, "%s", what);
	if (!*d.media_type)
		return err_set(e, EINVAL, "%s has no media type", what);
	d.size = (uint64_t)size;
	copy_name(j, "org.opencontainers.image.ref.name", d.name);
	copy_name(j, "io.containerd.image.name", d.image);
	*ret = d;
	return 0;
}

static bool is_one_of(const char *type, const char *const *list)
{
	for (; *list; list++)
		if (str_eq(type, *list))
			return true;
	return false;
}

static int check_layer(const struct descriptor *d, struct err *e)
{
	static const char *const layers[] = { MEDIA_LAYER, MEDIA_LAYER_GZIP, MEDIA_LAYER_ZSTD,
		MEDIA_DOCKER_LAYER, "application/vnd.docker.image.rootfs.diff.tar",
		"application/vnd.docker.image.rootfs.diff.tar.zstd", NULL };

	if (is_one_of(d->media_type, layers))
		return 0;
	if (strstr(d->media_type, "nondistributable") || strstr(d->media_type, "foreign"))
		return err_set(e, ENOTSUP,
			"one of its layers has to be fetched from elsewhere ('%s')", d->media_type);
	err_set(e, EINVAL, "one of its layers is no file system: '%s'", d->media_type);
	return err_hint(e, "it is an artifact, not an image");
}

static int parse_parts(const json_t *list, bool is_index, struct manifest *m, struct err *e)
{
	size_t i, n = json_array_size(list);
	const json_t *part;

	if (!json_is_array(list) || n > (is_index ? PARTS_MAX : LAYERS_MAX))
		return err_set(e, EINVAL, "it has no list of %s, or more than %d",
			is_index ? "manifests" : "layers", is_index ? PARTS_MAX : LAYERS_MAX);
	m->parts = xcalloc(n + 1, sizeof *m->parts);
	json_array_foreach(list, i, part)
	{
		if (parse_descriptor(part, is_index ? (int64_t)MANIFEST_MAX : LAYER_BYTES_MAX,
			    is_index ? "one of its manifests" : "one of its layers", &m->parts[i],
			    e) < 0 ||
			(!is_index && check_layer(&m->parts[i], e) < 0))
			return -e->code;
		m->n_parts++;
	}
	return 0;
}

static int parse_image(const json_t *j, struct manifest *m, struct err *e)
{
	static const char *const configs[] = { MEDIA_CONFIG, MEDIA_DOCKER_CONFIG, NULL };

	if (parse_descriptor(
		    json_object_get(j, "config"), CONFIG_MAX, "its config", &m->config, e) < 0)
		return -e->code;
	if (!is_one_of(m->config.media_type, configs)) {
		err_set(e, EINVAL, "its config is of the type '%s'", m->config.media_type);
		return err_hint(e, "it is an artifact, not an image");
	}
	return parse_parts(json_object_get(j, "layers"), false, m, e);
}

/* What it says of itself and what others say of it have to agree, and its members with both. */
static int find_type(const json_t *j, const char *said, struct manifest *m, struct err *e)
{
	static const char *const indexes[] = { MEDIA_INDEX, MEDIA_DOCKER_LIST, NULL };
	static const char *const images[] = { MEDIA_MANIFEST, MEDIA_DOCKER, NULL };
	bool has_index = json_object_get(j, "manifests") != NULL;
	bool has_image = json_object_get(j, "layers") || json_object_get(j, "config");

	if (json_object_get(j, "fsLayers") || json_object_get(j, "signatures") ||
		json_int(j, "schemaVersion", 0) == 1) {
		err_set(e, EINVAL, "it is a manifest of version 1");
		return err_hint(e, "push the image again with a tool of this decade");
	}
	if (json_int(j, "schemaVersion", 0) != 2)
		return err_set(e, EINVAL, "it is not an image manifest of version 2");
	if (has_index == has_image)
		return err_set(e, EINVAL,
			has_index ? "it is ambiguous: an index and a manifest in one"
				  : "it is neither a manifest nor an index");
	if (copy_text(j, "mediaType", m->media_type, sizeof m->media_type, e) < 0)
		return -e->code;
	if (said && *said && *m->media_type && !str_eq(said, m->media_type))
		return err_set(e, EINVAL,
			"it is ambiguous: it was announced as '%.120s' and says "
			"that it is '%s'",
			str_is_one_line(said) ? said : "?", m->media_type);
	if (!*m->media_type && said && *said) {
		if (strlen(said) >= sizeof m->media_type)
			return err_set(e, EINVAL, "its media type is too long");
		memcpy(m->media_type, said, strlen(said) + 1);
	}
	if (!*m->media_type) /* OCI's need not say it */
		memcpy(m->media_type, has_index ? MEDIA_INDEX : MEDIA_MANIFEST,
			has_index ? sizeof MEDIA_INDEX : sizeof MEDIA_MANIFEST);
	m->is_index = is_one_of(m->media_type, indexes);
	if (!m->is_index && !is_one_of(m->media_type, images))
		return err_set(e, EINVAL, "it is of the type '%s', which is no image",
			str_is_one_line(m->media_type) ? m->media_type : "?");
	if (m->is_index != has_index)
		return err_set(e, EINVAL, "it is ambiguous: a%s of the type '%s'",
			has_index ? "n index" : " manifest", m->media_type);
	return 0;
}

int manifest_parse(
	const void *data, size_t len, const char *media_type, struct manifest *ret, struct err *e)
{
	auto_json *j = NULL;
	auto_manifest m = { 0 };

	if (len > MANIFEST_MAX)
		return err_set(e, EFBIG, "the manifest is larger than %zu bytes", MANIFEST_MAX);
	if (json_parse(data, len, "the manifest", &j, e) < 0)
		return -e->code;
	if (!json_is_object(j))
		return err_set(e, EINVAL, "the manifest is not a JSON object");
	if (check_members(j, e) < 0 || find_type(j, media_type, &m, e) < 0 ||
		(m.is_index ? parse_parts(json_object_get(j, "manifests"), true, &m, e)
			    : parse_image(j, &m, e)) < 0)
		return err_wrap(e, "bad image manifest");
	*ret = m;
	m = (struct manifest){ 0 };
	return 0;
}

void manifest_release(struct manifest *m)
{
	free(m->parts);
	*m = (struct manifest){ 0 };
}

/* ---- platforms ---- */

/* GOARCH's name, as the image-spec's config.md wants it, and the variant that goes with it. */
static void set_architecture(struct platform *p, const char *name)
{
	static const struct {
		const char *name, *go, *variant;
	} names[] = { { "x86_64", "amd64", "" }, { "aarch64", "arm64", "" },
		{ "armv7l", "arm", "v7" }, { "armv6l", "arm", "v6" }, { "armhf", "arm", "v7" },
		{ "armel", "arm", "v6" }, { "i386", "386", "" }, { "i686", "386", "" },
		{ "loongarch64", "loong64", "" } };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!str_eq(name, names[i].name))
			continue;
		snprintf(p->architecture, sizeof p->architecture, "%s", names[i].go);
		snprintf(p->variant, sizeof p->variant, "%s", names[i].variant);
		return;
	}
	snprintf(p->architecture, sizeof p->architecture, "%s", name);
}

void platform_here(struct platform *ret)
{
	struct utsname u;

	*ret = (struct platform){ .os = "linux" };
	uname(&u);
	set_architecture(ret, u.machine);
}

int platform_parse(const char *text, struct platform *ret, struct err *e)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	struct platform p = { .os = "linux" };
	char part[3][PLATFORM_SIZE] = { "", "", "" };
	const char *at = text;
	size_t n = 0;

	for (;;) {
		size_t len = strspn(at, allowed);
		if (!len || len >= PLATFORM_SIZE || n == 3 || (at[len] && at[len] != '/'))
			goto bad;
		memcpy(part[n], at, len);
		part[n++][len] = '\0';
		if (!at[len])
			break;
		at += len + 1;
	}
	if (n > 1)
		memcpy(p.os, part[0], PLATFORM_SIZE);
	set_architecture(&p, part[n > 1]);
	if (n == 3)
		memcpy(p.variant, part[2], PLATFORM_SIZE);
	*ret = p;
	return 0;
bad:
	err_set(e, EINVAL, "'%.80s' is not a platform", str_is_one_line(text) ? text : "?");
	return err_hint(e, "OS/ARCHITECTURE[/VARIANT], as linux/arm64");
}

void platform_text(const struct platform *p, char ret[PLATFORM_TEXT_SIZE])
{
	snprintf(ret, PLATFORM_TEXT_SIZE, "%s/%s%s%s", p->os, p->architecture,
		*p->variant ? "/" : "", p->variant);
}

/* Variants of 32-bit ARM are numbered, and each runs what is for those before it; arm64's and
 * amd64's first ones go without saying. */
static int variant_rank(const struct platform *p)
{
	if (*p->variant == 'v' && p->variant[1] >= '1' && p->variant[1] <= '9' && !p->variant[2])
		return p->variant[1] - '0';
	if (*p->variant)
		return -1;
	if (str_eq(p->architecture, "arm"))
		return 7;
	return str_eq(p->architecture, "arm64") ? 8 : 1;
}

/* How well it fits: 0 is not at all. */
static int fitness(const struct descriptor *d, const struct platform *want)
{
	int has = variant_rank(&d->platform), wanted = variant_rank(want);

	if (!d->has_platform)
		return 0;
	if (!str_eq(d->platform.os, want->os) ||
		!str_eq(d->platform.architecture, want->architecture))
		return 0;
	if (str_eq(d->platform.variant, want->variant))
		return 100;
	return has > 0 && wanted > 0 && has <= wanted ? 10 + has : 0;
}

static bool is_image_type(const struct descriptor *d)
{
	return str_eq(d->media_type, MEDIA_MANIFEST) || str_eq(d->media_type, MEDIA_DOCKER);
}

int manifest_choose(const struct manifest *index, const struct platform *want,
	const struct descriptor **ret, struct err *e)
{
	const struct descriptor *best = NULL, *single = NULL;
	auto_str there = STR_INIT(400);
	char text[PLATFORM_TEXT_SIZE];
	size_t images = 0;
	int fits = 0;

	for (size_t i = 0; i < index->n_parts; i++) {
		const struct descriptor *d = &index->parts[i];
		int f = is_image_type(d) ? fitness(d, want) : 0;
		if (f > fits) {
			fits = f;
			best = d;
		}
		if (!is_image_type(d) || str_eq(d->platform.os, "unknown"))
			continue; /* attestations */
		images++;
		single = d;
		platform_text(&d->platform, text);
		if (d->has_platform)
			str_addf(&there, "%s%s", there.len ? ", " : "", text);
	}
	/* the only one there is, of which nobody says for what it is: its config will */
	if (!best && images == 1 && !single->has_platform)
		best = single;
	if (best) {
		*ret = best;
		return 0;
	}
	platform_text(want, text);
	err_set(e, ENOENT, "there is no image for %s in it", text);
	return there.len ? err_hint(e, "--platform with one of %s", str_text(&there)) : -e->code;
}
