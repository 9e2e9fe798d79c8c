/* Images by their layers: each stands below the one that it builds on. */
#include "base/mem.h"
#include "base/str.h"
#include "cli/images.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/text.h"

#include <string.h>

/* A layer that stands on a certain other one: as an index into the tree, 0 is below them all. */
struct node {
	const char *layer;
	uint64_t size;
	size_t parent;
	struct strv images; /* those whose topmost it is */
};
struct tree {
	struct node *v;
	size_t n;
};

static void tree_release(struct tree *t)
{
	for (size_t i = 0; i < t->n; i++)
		strv_release(&t->v[i].images);
	free(t->v);
}
#define auto_tree __attribute__((cleanup(tree_release))) struct tree

static size_t child(struct tree *t, size_t parent, const char *layer, uint64_t size)
{
	for (size_t i = 1; i < t->n; i++)
		if (t->v[i].parent == parent && str_eq(t->v[i].layer, layer))
			return i;
	t->v = xrealloc_array(t->v, t->n + 1, sizeof *t->v);
	t->v[t->n] = (struct node){ .layer = layer, .size = size, .parent = parent };
	return t->n++;
}

static void add_image(struct tree *t, const struct image_info *im)
{
	size_t at = 0;
	char id[13];

	for (size_t i = 0; i < im->layers.n; i++)
		at = child(t, at, im->layers.v[i], im->layer_sizes ? im->layer_sizes[i] : 0);
	text_short_id(im->id, id);
	strv_push(&t->v[at].images, im->dangling ? id : im->reference);
}

static bool is_last(const struct tree *t, size_t i)
{
	for (size_t k = i + 1; k < t->n; k++)
		if (t->v[k].parent == t->v[i].parent)
			return false;
	return true;
}

static void print_below(const struct tree *t, size_t parent, struct str *indent)
{
	size_t len = indent->len;

	for (size_t i = 1; i < t->n; i++) {
		const struct node *node = &t->v[i];
		auto_str images = STR_INIT(65536);
		char id[13], size[16];
		bool last = is_last(t, i);
		if (node->parent != parent)
			continue;
		text_short_id(node->layer, id);
		text_size(node->size, size);
		for (size_t k = 0; k < node->images.n; k++) {
			str_add(&images, k ? ", " : "  ");
			text_add_escaped(&images, node->images.v[k]);
		}
		printf("%s%s%s %s%s\n", str_text(indent),
			parent == 0 ? ""
			: last      ? "\u2514\u2500 "
				    : "\u251c\u2500 ",
			id, size, str_text(&images));
		if (parent != 0)
			str_add(indent, last ? "   " : "\u2502  ");
		print_below(t, i, indent);
		str_truncate(indent, len);
	}
}

static json_t *json_below(const struct tree *t, size_t parent)
{
	json_t *list = json_array();

	for (size_t i = 1; i < t->n; i++) {
		json_t *o = json_object();
		if (t->v[i].parent != parent) {
			json_decref(o);
			continue;
		}
		json_object_set_new(o, "Layer", output_string(t->v[i].layer));
		json_object_set_new(o, "Size", json_integer((json_int_t)t->v[i].size));
		json_object_set_new(o, "Images", json_from_strv(&t->v[i].images));
		json_object_set_new(o, "Children", json_below(t, i));
		json_array_append_new(list, o);
	}
	return list;
}

int images_tree(const struct listing_options *o, const struct image_list *list, const char *operand,
	struct err *e)
{
	auto_tree t = { 0 };
	auto_str indent = STR_INIT(65536);

	if (o->format || o->quiet || o->filters.n)
		return cli_usage(e, "--tree goes with --json and a name alone");
	child(&t, 0, "", 0);
	for (size_t i = 0; i < list->n; i++)
		if (!operand || images_reference_matches(list->v[i].reference, operand))
			add_image(&t, &list->v[i]);
	if (o->json) {
		auto_json *array = json_below(&t, 0);
		output_json(array);
		return 0;
	}
	progress_clear();
	print_below(&t, 0, &indent);
	for (size_t k = 0; k < t.v[0].images.n; k++) /* of no layers at all */
		printf("%s\n", t.v[0].images.v[k]);
	return 0;
}
