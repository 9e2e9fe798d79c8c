/* What commands say to redock-store of whole images: tag, save, load. */
#include "base/mem.h"
#include "store/call.h"

int store_tag(struct store *s, const struct digest *manifest, const struct digest *origin,
	const struct image_ref *name, struct err *e)
{
	char text[IMAGE_REF_TEXT_SIZE];
	auto_json *j = json_object();
	struct call c = { .request = j, .data_fd = -1, .other_fd = -1 };

	image_ref_text(name, text);
	json_object_set_new(j, "op", json_string("tag"));
	json_object_set_new(j, "ref", json_string(text));
	json_object_set_new(j, "manifest", json_string(manifest->text));
	json_object_set_new(j, "origin", json_string(origin->text));
	return call_helper(s, &c, e);
}

int store_save(struct store *s, const struct store_save *o, struct err *e)
{
	auto_json *j = json_object();
	json_t *images = json_array();
	struct call c = { .request = j, .data_fd = o->fd, .other_fd = -1 };

	json_object_set_new(j, "op", json_string("save"));
	json_object_set_new(j, "format", json_string(o->oci ? "oci" : "docker"));
	json_object_set_new(j, "images", images);
	for (size_t i = 0; i < o->n; i++) {
		json_t *names = json_from_strv(&o->images[i].names);
		json_array_append_new(images, json_pack("{s:s, s:o}", "manifest",
						      o->images[i].manifest.text, "names", names));
	}
	return call_helper(s, &c, e);
}

static int take_loaded(const json_t *answer, struct store_loaded *ret, struct err *e)
{
	const json_t *one;
	size_t i;

	if (!json_is_array(answer))
		return err_set(e, EPROTO, "'redock-store' did not say what it loaded");
	ret->v = xcalloc(json_array_size(answer) + 1, sizeof *ret->v);
	json_array_foreach(answer, i, one)
	{
		struct store_loaded_image *im = &ret->v[ret->n];
		if (digest_parse(json_str(one, "id", ""), &im->id) < 0)
			return err_set(e, EPROTO, "'redock-store' answered with a bad digest");
		json_get_strv(one, "names", &im->names);
		ret->n++;
	}
	return 0;
}

int store_load(struct store *s, int fd, store_progress *progress, void *progress_arg,
	struct store_loaded *ret, struct err *e)
{
	auto_json *j = json_pack("{s:s}", "op", "load");
	struct call c = { .request = j,
		.data_fd = fd,
		.other_fd = -1,
		.progress = progress,
		.progress_arg = progress_arg };
	int r = call_helper(s, &c, e);

	if (r == 0)
		r = take_loaded(c.stat, ret, e);
	json_decref(c.stat);
	return r;
}

void store_loaded_release(struct store_loaded *l)
{
	for (size_t i = 0; i < l->n; i++)
		strv_release(&l->v[i].names);
	free(l->v);
	*l = (struct store_loaded){ 0 };
}
