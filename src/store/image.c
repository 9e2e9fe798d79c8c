#include "base/mem.h"
#include "base/time.h"
#include "store/internal.h"

#include <fcntl.h>
#include <string.h>

void image_release(struct image *im)
{
	strv_release(&im->layers);
	strv_release(&im->blobs);
	strv_release(&im->env);
	strv_release(&im->entrypoint);
	strv_release(&im->cmd);
	strv_release(&im->shell);
	strv_release(&im->labels);
	strv_release(&im->exposed);
	strv_release(&im->volumes);
	strv_release(&im->health.test);
	free(im->architecture);
	free(im->os);
	free(im->user);
	free(im->workdir);
	free(im->stop_signal);
	free(im->author);
	free(im->comment);
	memset(im, 0, sizeof *im);
}

/* The OCI image-spec's descriptor.md: digest and size. */
static int parse_descriptor(
	const json_t *j, const char *what, struct digest *ret, uint64_t *ret_size, struct err *e)
{
	const char *text = json_str(j, "digest", NULL);
	int64_t size = json_int(j, "size", -1);

	if (!text || digest_parse(text, ret) < 0)
		return err_set(e, EINVAL, "%s has no sha256 digest", what);
	if (size < 0)
		return err_set(e, EINVAL, "%s has no size", what);
	*ret_size = (uint64_t)size;
	return 0;
}

int image_parse_manifest(
	const json_t *manifest, struct image *ret, uint64_t *ret_config_size, struct err *e)
{
	const json_t *layers = json_object_get(manifest, "layers"), *layer;
	struct digest blob;
	uint64_t size;
	size_t i;

	if (!json_is_object(manifest) || json_int(manifest, "schemaVersion", 0) != 2)
		return err_set(e, EINVAL, "it is not an image manifest of version 2");
	/* one document must not be two things (CVE-2021-41190, T17) */
	if (json_object_get(manifest, "manifests") || json_object_get(manifest, "fsLayers"))
		return err_set(e, EINVAL, "it is ambiguous: a manifest and something else");
	if (!json_is_array(layers) || json_array_size(layers) > LAYERS_MAX)
		return err_set(e, EINVAL, "it has no list of layers, or more than %d", LAYERS_MAX);
	if (parse_descriptor(json_object_get(manifest, "config"), "its config", &ret->config,
		    ret_config_size, e) < 0)
		return -e->code;
	ret->size = *ret_config_size;
	json_array_foreach(layers, i, layer)
	{
		if (parse_descriptor(layer, "one of its layers", &blob, &size, e) < 0)
			return -e->code;
		if (__builtin_add_overflow(ret->size, size, &ret->size))
			return err_set(e, EINVAL, "its layers' sizes make no sense");
		strv_push(&ret->blobs, blob.text);
	}
	return 0;
}

int image_parse_config(const json_t *config, struct image *ret, struct err *e)
{
	const json_t *settings = NULL, *rootfs = NULL, *history = NULL;
	const char *os = json_str(config, "os", "linux"), *created;
	struct digest d;

	if (!json_is_object(config))
		return err_set(e, EINVAL, "it is not an object");
	if (!str_eq(os, "linux"))
		return err_set(e, EINVAL, "it is for the system '%.40s', not for linux",
			str_is_one_line(os) ? os : "?");
	if (image_member(config, "config", JSON_OBJECT, &settings, e) < 0 ||
		image_member(config, "rootfs", JSON_OBJECT, &rootfs, e) < 0 ||
		image_member(config, "history", JSON_ARRAY, &history, e) < 0 ||
		image_text_member(config, "author", &ret->author, e) < 0 ||
		image_text_member(config, "architecture", &ret->architecture, e) < 0 ||
		image_text_member(config, "os", &ret->os, e) < 0 ||
		image_list_member(rootfs, "diff_ids", &ret->layers, e) < 0 ||
		image_parse_settings(settings, ret, e) < 0)
		return -e->code;
	if (!rootfs || !str_eq(json_str(rootfs, "type", ""), "layers"))
		return err_set(e, EINVAL, "'rootfs' is not made of layers");
	if (ret->layers.n != ret->blobs.n)
		return err_set(e, EINVAL, "it lists %zu layers and its manifest %zu", ret->layers.n,
			ret->blobs.n);
	for (size_t i = 0; i < ret->layers.n; i++)
		if (digest_parse(ret->layers.v[i], &d) < 0)
			return err_set(
				e, EINVAL, "'diff_ids' has an entry that is no sha256 digest");
	created = json_str(config, "created", NULL);
	if (!created || time_parse(created, &ret->created) < 0)
		ret->created = 0;
	if (json_array_size(history)) {
		const json_t *last = json_array_get(history, json_array_size(history) - 1);
		const char *comment = json_str(last, "comment", NULL);
		free(ret->comment);
		ret->comment = comment ? xstrdup(comment) : NULL;
	}
	return 0;
}

int store_read_json(
	struct store *s, const struct digest *d, size_t max, json_t **ret, struct err *e)
{
	return json_read_file(s->blobs_fd, digest_hex(d), max, ret, e);
}

int store_config(struct store *s, const struct digest *config, json_t **ret, struct err *e)
{
	return store_read_json(s, config, CONFIG_MAX, ret, e);
}

int store_manifest(struct store *s, const struct digest *d, struct image *ret, struct err *e)
{
	auto_json *manifest = NULL, *config = NULL;
	auto_image im = { .manifest = *d };
	struct stat st;
	uint64_t size;

	if (store_read_json(s, d, MANIFEST_MAX, &manifest, e) < 0 ||
		image_parse_manifest(manifest, &im, &size, e) < 0)
		return err_wrap(e, "bad image manifest '%.19s'", d->text);
	if (fstatat(s->blobs_fd, digest_hex(&im.config), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		(uint64_t)st.st_size != size) {
		err_set(e, EIO, "it is %lld bytes and should be %llu", (long long)st.st_size,
			(unsigned long long)size);
		return err_wrap(e, "bad image config '%.19s'", im.config.text);
	}
	if (store_read_json(s, &im.config, CONFIG_MAX, &config, e) < 0 ||
		image_parse_config(config, &im, e) < 0)
		return err_wrap(e, "bad image config '%.19s'", im.config.text);
	*ret = im;
	memset(&im, 0, sizeof im);
	return 0;
}

int store_image_origin(struct store *s, const struct image_ref *ref, struct digest *ret,
	struct digest *ret_origin, struct err *e)
{
	char key[3 * IMAGE_REF_TEXT_SIZE], path[3 * IMAGE_REF_TEXT_SIZE + 16];
	char name[IMAGE_REF_TEXT_SIZE], *second;
	auto_free char *text = NULL;

	image_ref_key(ref, key);
	image_ref_text(ref, name);
	snprintf(path, sizeof path, "%s/manifest", key);
	if (fs_read_file(s->images_fd, path, 256, &text, NULL, e) < 0) {
		if (e->code == ENOENT)
			return err_set(e, ENOENT, "no image named '%s'", name);
		return err_wrap(e, "cannot read image '%s'", name);
	}
	second = text + strcspn(text, "\n");
	if (*second)
		*second++ = '\0';
	second[strcspn(second, "\n")] = '\0';
	if (digest_parse(text, ret) < 0)
		return err_set(e, EIO, "image '%s' is damaged: its manifest has no digest", name);
	*ret_origin = (struct digest){ "" };
	if (*second && digest_parse(second, ret_origin) < 0)
		return err_set(e, EIO, "image '%s' is damaged: its origin has no digest", name);
	return 0;
}

int store_image_digest(
	struct store *s, const struct image_ref *ref, struct digest *ret, struct err *e)
{
	struct digest unused;

	return store_image_origin(s, ref, ret, &unused, e);
}

int store_image(struct store *s, const struct image_ref *ref, struct image *ret, struct err *e)
{
	char name[IMAGE_REF_TEXT_SIZE];
	struct digest d, again;
	int r = store_image_digest(s, ref, &d, e);

	if (r < 0)
		return r;
	r = store_manifest(s, &d, ret, e);
	/* its tag may have moved meanwhile, and the old image gone with it */
	if (r == -ENOENT) {
		struct err now = { 0 };
		r = store_image_digest(s, ref, &again, &now);
		if (r < 0) {
			*e = now;
			return r;
		}
		r = str_eq(d.text, again.text) ? -e->code : store_manifest(s, &again, ret, e);
	}
	if (r < 0) {
		image_ref_text(ref, name);
		if (r == -ENOENT) /* the name is there: this is damage, not absence */
			e->code = EIO;
		return err_wrap(e, "cannot read image '%s'", name);
	}
	ret->ref = *ref;
	return 0;
}
