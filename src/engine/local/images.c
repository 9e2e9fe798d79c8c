/* Images, by way of the store. */
#include "base/mem.h"
#include "engine/local/local.h"

#include <fcntl.h>
#include <string.h>

static char *copy_or_null(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

/* What a container gets from its image. */
static void describe_settings(const struct image *i, struct container_config *ret)
{
	*ret = (struct container_config){
		.workdir = copy_or_null(i->workdir),
		.user = copy_or_null(i->user),
		.stop_signal = copy_or_null(i->stop_signal),
		.health = { .interval = i->health.interval,
			.timeout = i->health.timeout,
			.start_period = i->health.start_period,
			.start_interval = i->health.start_interval,
			.retries = i->health.retries },
	};
	strv_extend(&ret->entrypoint, i->entrypoint.v);
	strv_extend(&ret->cmd, i->cmd.v);
	strv_extend(&ret->env, i->env.v);
	strv_extend(&ret->labels, i->labels.v);
	strv_extend(&ret->exposed, i->exposed.v);
	strv_extend(&ret->health.test, i->health.test.v);
	for (size_t k = 0; k < i->volumes.n; k++) {
		struct mount_config *m = container_config_add_mount(ret);
		m->type = MOUNT_VOLUME;
		m->target = xstrdup(i->volumes.v[k]);
	}
}

static void describe_image(struct local *l, const struct image *i, struct image_info *ret)
{
	char text[IMAGE_REF_TEXT_SIZE];

	bool dangling = image_ref_is_nameless(&i->ref);

	image_ref_text(&i->ref, text);
	*ret = (struct image_info){
		.reference = xstrdup(dangling ? "<none>:<none>" : text),
		.dangling = dangling,
		.id = xstrdup(i->config.text),
		.manifest = xstrdup(i->manifest.text),
		.created = i->created,
		.author = copy_or_null(i->author),
		.comment = copy_or_null(i->comment),
		.architecture = copy_or_null(i->architecture),
		.os = xstrdup(i->os ? i->os : "linux"),
	};
	strv_extend(&ret->layers, i->layers.v);
	ret->layer_sizes = xcalloc(i->layers.n + 1, sizeof *ret->layer_sizes);
	for (size_t k = 0; k < i->layers.n; k++) {
		ret->layer_sizes[k] = store_layer_bytes(l->store, i->layers.v[k], i->blobs.v[k]);
		ret->size += ret->layer_sizes[k];
	}
	describe_settings(i, &ret->config);
}

/* "repository@digest", or a whole digest: the first name whose manifest has it, or which a registry
 * knows by it. */
static bool find_by_digest(struct local *l, const char *text, struct image_ref *ret)
{
	const char *at = strchr(text, '@');
	auto_free char *repository = at ? xstrndup(text, (size_t)(at - text)) : NULL;
	auto_free struct image_ref *refs = NULL;
	struct image_ref wanted = { 0 };
	struct digest d, manifest, origin;
	struct err ignored;
	size_t n = 0;

	if (digest_parse(at ? at + 1 : text, &d) < 0 ||
		(repository && image_ref_parse(repository, &wanted, &ignored) < 0) ||
		store_image_refs(l->store, &refs, &n, &ignored) < 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		if ((repository && !str_eq(refs[i].repository, wanted.repository)) ||
			store_image_origin(l->store, &refs[i], &manifest, &origin, &ignored) < 0 ||
			(!str_eq(manifest.text, d.text) && !str_eq(origin.text, d.text)))
			continue;
		*ret = refs[i];
		return true;
	}
	return false;
}

/* A name, a digest, or the start of an id of at least 4 digits ("sha256:" before it or not), which
 * stands for the one name that the image has. A name goes before an id. */
int local_image_ref(struct local *l, const char *text, struct image_ref *ret, struct err *e)
{
	const char *digits = str_starts(text, "sha256:") ? text + strlen("sha256:") : text;
	auto_free struct image_ref *refs = NULL;
	size_t n = 0, found = 0, len = strlen(digits);
	auto_image named = { 0 };
	struct digest first = { "" };
	struct err ignored;
	int r;

	if (find_by_digest(l, text, ret))
		return 0;
	r = digits == text ? image_ref_parse(text, ret, e) : -ENOENT;
	if (r < 0 && r != -ENOENT)
		return r;
	if (len < 4 || len > 64 || strspn(digits, "0123456789abcdef") != len ||
		(r == 0 && store_image(l->store, ret, &named, &ignored) == 0))
		return r < 0 ? image_ref_parse(text, ret, e) : 0;
	if (store_image_refs(l->store, &refs, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++) {
		auto_image image = { 0 };
		if (store_image(l->store, &refs[i], &image, &ignored) < 0 ||
			!str_starts(digest_hex(&image.config), digits) ||
			str_eq(image.config.text, first.text))
			continue; /* another name of the same image is no other image */
		if (found++ == 0) {
			*ret = refs[i];
			first = image.config;
		}
	}
	if (found > 1)
		return err_set(
			e, ENOTUNIQ, "%zu images have ids that begin with '%s'", found, text);
	if (found == 0 && r < 0)
		return err_set(e, ENOENT, "no image with an id that begins with '%s'", text);
	return 0;
}

static int load_image(struct local *l, const char *reference, struct image *ret, struct err *e)
{
	struct image_ref ref;

	if (local_image_ref(l, reference, &ref, e) < 0)
		return -e->code;
	return store_image(l->store, &ref, ret, e);
}

/* Each container pins the image that it was made from. */
static int count_containers(struct local *l, struct image_list *list, struct err *e)
{
	auto_strv ids = { 0 };
	int r = store_pins(l->store, &ids, e);

	for (size_t i = 0; i < ids.n && r == 0; i++) {
		struct err ignored;
		struct digest d;
		if (store_pin_digest(l->store, ids.v[i], &d, &ignored) < 0)
			continue; /* removed meanwhile */
		for (size_t k = 0; k < list->n; k++)
			list->v[k].containers += str_eq(list->v[k].manifest, d.text);
	}
	return r;
}

static int newest_first(const void *a, const void *b)
{
	const struct image_info *x = a, *y = b;

	return x->created < y->created   ? 1
	       : x->created > y->created ? -1
					 : strcmp(x->reference, y->reference);
}

int local_image_list(struct engine *en, struct image_list *ret, struct err *e)
{
	struct local *l = local_of(en);
	auto_image_list list = { 0 };
	auto_free struct image_ref *refs = NULL;
	size_t n = 0;
	int r = store_image_refs(l->store, &refs, &n, e);

	if (r < 0)
		return r;
	list.v = xcalloc(n, sizeof *list.v);
	for (size_t i = 0; i < n; i++) {
		auto_image image = { 0 };
		r = store_image(l->store, &refs[i], &image, e);
		if (r == -ENOENT)
			continue; /* removed meanwhile */
		if (r < 0)
			return r;
		describe_image(l, &image, &list.v[list.n++]);
	}
	if (count_containers(l, &list, e) < 0)
		return -e->code;
	if (list.n)
		qsort(list.v, list.n, sizeof *list.v, newest_first);
	*ret = list;
	list = (struct image_list){ 0 };
	return 0;
}

int local_image_names(struct local *l, const struct digest *manifest, struct image_ref **ret,
	size_t *ret_n, struct err *e)
{
	auto_free struct image_ref *refs = NULL;
	struct err ignored;
	struct digest d;
	size_t n = 0, same = 0;

	if (store_image_refs(l->store, &refs, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++)
		if (store_image_digest(l->store, &refs[i], &d, &ignored) == 0 &&
			str_eq(d.text, manifest->text))
			refs[same++] = refs[i];
	*ret = take_ptr(&refs);
	*ret_n = same;
	return 0;
}

/* Docker's RepoTags and RepoDigests. */
static int describe_names(
	struct local *l, const struct image *image, struct image_info *ret, struct err *e)
{
	auto_free struct image_ref *refs = NULL;
	size_t n = 0;

	if (local_image_names(l, &image->manifest, &refs, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++) {
		char text[IMAGE_REF_TEXT_SIZE];
		auto_free char *digest = NULL;
		struct digest unused, origin;
		struct err ignored;
		image_ref_text(&refs[i], text);
		if (!image_ref_is_nameless(&refs[i]) && !strchr(text, '@'))
			strv_push(&ret->names, text);
		if (store_image_origin(l->store, &refs[i], &unused, &origin, &ignored) < 0 ||
			!*origin.text || image_ref_is_nameless(&refs[i]))
			continue;
		digest = xasprintf("%s@%s", refs[i].repository, origin.text);
		if (!strv_has(&ret->digests, digest))
			strv_push(&ret->digests, digest);
	}
	return 0;
}

int local_image_inspect(
	struct engine *en, const char *reference, struct image_info *ret, struct err *e)
{
	auto_image image = { 0 };
	int r = load_image(local_of(en), reference, &image, e);

	if (r < 0 || !ret)
		return r;
	describe_image(local_of(en), &image, ret);
	r = describe_names(local_of(en), &image, ret, e);
	if (r < 0)
		image_info_release(ret);
	return r;
}

/* The topmost layer that has the path decides. A layer is a tree of its own, so a link that leads
 * through several layers is followed by its text, a bounded number of times. */
static bool has_path(struct local *l, const struct image *image, const char *path)
{
	struct err ignored;

	for (size_t i = image->layers.n; i-- > 0;) {
		char name[48];
		auto_close int root = -1, fd = -1;
		struct stat st;
		if (store_layer_name(l->store, image->layers.v[i], name, &ignored) < 0)
			return false;
		root = openat(store_layers_fd(l->store), name,
			O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		fd = root < 0 ? -1 : rfd_open(root, path, O_PATH | O_NOFOLLOW, 0);
		if (fd >= 0)
			return fstat(fd, &st) == 0 && !(S_ISCHR(st.st_mode) && st.st_rdev == 0);
	}
	return false;
}

int local_image_has_path(
	struct engine *en, const char *reference, const char *path, bool *ret, struct err *e)
{
	auto_image image = { 0 };
	int r = load_image(local_of(en), reference, &image, e);

	if (r == 0)
		*ret = has_path(local_of(en), &image, path);
	return r;
}

int local_image_import(struct engine *en, int fd, const char *reference,
	const struct import_options *o, char *ret_image_id, struct err *e)
{
	struct local *l = local_of(en);
	auto_json *settings = NULL;
	struct digest id;
	struct store_import i = {
		.fd = fd,
		.cmd = o ? o->cmd : NULL,
		.env = o ? o->env : NULL,
		.workdir = o ? o->workdir : NULL,
		.stop_signal = o ? o->stop_signal : NULL,
		.comment = o ? o->message : NULL,
		.progress = local_say,
		.progress_arg = en,
	};

	if (o && o->changes && *o->changes) {
		settings = json_object();
		if (local_image_settings(o->changes, settings, e) < 0)
			return -e->code;
		i.settings = settings;
	}
	if (image_ref_parse(reference, &i.ref, e) < 0 || store_import(l->store, &i, &id, e) < 0)
		return -e->code;
	memcpy(ret_image_id, id.text, 72);
	local_event(l, "image", "import", id.text, "name", reference, NULL);
	return 0;
}

static int remove_name(
	struct local *l, const struct image_ref *ref, const struct image *image, struct err *e)
{
	const char *id = image->config.text;
	char name[IMAGE_REF_TEXT_SIZE];
	struct image still = { 0 };
	struct err ignored;
	int r = store_remove(l->store, ref, e);

	if (r < 0)
		return r;
	image_ref_text(ref, name);
	if (!image_ref_is_nameless(ref))
		local_event(l, "image", "untag", id, "name", name, NULL);
	/* another name or a container may keep it */
	if (store_manifest(l->store, &image->manifest, &still, &ignored) < 0)
		local_event(l, "image", "delete", id, NULL);
	image_release(&still);
	return 0;
}

/* By its name, that; by its id, the image: then all of its names, if it has several, need `force`.
 */
static int remove_names(struct local *l, const char *reference, const struct image *image,
	bool force, struct err *e)
{
	auto_free struct image_ref *refs = NULL;
	struct image_ref named;
	struct err ignored;
	struct digest d;
	size_t same = 0;
	int r = 0;

	if (image_ref_parse(reference, &named, &ignored) == 0 &&
		store_image_digest(l->store, &named, &d, &ignored) == 0)
		return remove_name(l, &named, image, e);
	if (local_image_names(l, &image->manifest, &refs, &same, e) < 0)
		return -e->code;
	if (same > 1 && !force) {
		err_set(e, EBUSY, "the image has %zu names", same);
		return err_hint(e, "one of them, or -f to remove all");
	}
	for (size_t i = 0; i < same && r == 0; i++)
		r = remove_name(l, &refs[i], image, e);
	return r;
}

/* True if `reference` is one name of several: what goes with it is the name. */
static bool is_one_name_of_several(
	struct local *l, const char *reference, const struct image *image)
{
	auto_free struct image_ref *refs = NULL;
	struct image_ref named;
	struct err ignored;
	struct digest d;
	size_t n = 0;

	return image_ref_parse(reference, &named, &ignored) == 0 &&
	       store_image_digest(l->store, &named, &d, &ignored) == 0 &&
	       local_image_names(l, &image->manifest, &refs, &n, &ignored) == 0 && n > 1;
}

static bool is_made_of(const struct container_info *c, const struct image_ref *ref)
{
	struct image_ref theirs;
	struct err ignored;

	return image_ref_parse(c->config.image, &theirs, &ignored) == 0 &&
	       str_eq(theirs.repository, ref->repository) && str_eq(theirs.tag, ref->tag);
}

int local_image_remove(struct engine *en, const char *reference, bool force, struct err *e)
{
	struct local *l = local_of(en);
	auto_container_list list = { 0 };
	auto_image image = { 0 };
	char text[IMAGE_REF_TEXT_SIZE];
	bool name_only;

	if (load_image(l, reference, &image, e) < 0 || local_list(en, true, &list, e) < 0)
		return -e->code;
	image_ref_text(&image.ref, text);
	name_only = is_one_name_of_several(l, reference, &image);
	for (size_t i = 0; i < list.n && !force; i++) {
		const struct container_info *c = &list.v[i];
		bool by_name = is_made_of(c, &image.ref);
		/* a machine is made again from its image's name */
		if (name_only ? !by_name || !c->config.machine
			      : !by_name && !str_eq(c->image_id, image.config.text))
			continue;
		err_set(e, EBUSY, "image '%s' is in use: %s '%s' (%s) was made from it", text,
			c->config.machine ? "machine" : "container",
			c->config.machine ? c->config.machine : c->config.name,
			container_state_text(c->state));
		return err_hint(e,
			c->config.machine ? "redock kill %s first, or -f to go on"
					  : "redock rm -f %s first, or -f to go on",
			c->config.machine ? c->config.machine : c->config.name);
	}
	local_sweep(l); /* first: a dead command's pin would keep the image's layers */
	return remove_names(l, reference, &image, force, e);
}
