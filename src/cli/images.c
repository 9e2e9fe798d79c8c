#include "base/str.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include <string.h>

struct images_options {
	bool json, quiet;
};

#define TARGET(member) offsetof(struct images_options, member)
static const struct verb_option options[] = {
	{ OPTION_FLAG, 'q', "quiet", NULL, "print ids only", TARGET(quiet) },
	{ OPTION_FLAG, 0, "json", NULL, "print an array of objects", TARGET(json) },
	{ 0 },
};

/* The tag of "host:5000/name:tag" is what follows the last colon, unless a slash comes later. */
static void split_reference(const char *reference, struct str *ret_repository, const char **ret_tag)
{
	const char *colon = strrchr(reference, ':');

	if (!colon || strchr(colon, '/')) {
		str_add(ret_repository, reference);
		*ret_tag = "latest";
		return;
	}
	str_add_data(ret_repository, reference, (size_t)(colon - reference));
	*ret_tag = colon + 1;
}

static void print_table(const struct image_list *list)
{
	static const char *const header[] = { "REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE",
		NULL };
	auto_table table = { 0 };
	int64_t now = time_now();

	table_init(&table, header);
	for (size_t i = 0; i < list->n; i++) {
		const struct image_info *image = &list->v[i];
		auto_str repository = STR_INIT(1024);
		char id[13], created[48], size[16];
		const char *tag;

		split_reference(image->reference, &repository, &tag);
		text_short_id(image->id, id);
		text_ago(image->created, now, created);
		text_size(image->size, size);
		table_cell(&table, str_text(&repository));
		table_cell(&table, tag);
		table_cell(&table, id);
		table_cell(&table, created);
		table_cell(&table, size);
	}
	table_print(&table, stdout);
}

static void print_json(const struct image_list *list)
{
	auto_json *array = json_array();

	for (size_t i = 0; i < list->n; i++) {
		const struct image_info *image = &list->v[i];
		auto_str repository = STR_INIT(1024);
		json_t *o = json_object();
		const char *tag;

		split_reference(image->reference, &repository, &tag);
		json_object_set_new(o, "Repository", output_string(str_text(&repository)));
		json_object_set_new(o, "Tag", output_string(tag));
		json_object_set_new(o, "ID", output_string(image->id));
		json_object_set_new(o, "CreatedAt", output_time(image->created));
		json_object_set_new(o, "Size", json_integer((json_int_t)image->size));
		json_object_set_new(o, "Author", output_string(image->author ? image->author : ""));
		json_object_set_new(
			o, "Comment", output_string(image->comment ? image->comment : ""));
		json_array_append_new(array, o);
	}
	output_json(array);
}

static int images_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	const struct images_options *o = opt;
	auto_image_list list = { 0 };
	struct engine *engine;
	char id[13];
	int r;

	if (o->json && o->quiet)
		return cli_usage(e, "options '--json' and '--quiet' exclude each other");
	r = cli_engine(c, &engine, e);
	if (r < 0 || (r = engine_image_list(engine, &list, e)) < 0)
		return r;
	if (o->json) {
		print_json(&list);
	} else if (o->quiet) {
		for (size_t i = 0; i < list.n; i++) {
			text_short_id(list.v[i].id, id);
			printf("%s\n", id);
		}
	} else {
		print_table(&list);
	}
	return 0;
}

static const struct verb_example examples[] = {
	{ "redock images", "all images, those of machines too" },
	{ NULL },
};

const struct verb verb_images = {
	.name = "images",
	.group = GROUP_IMAGES,
	.operands = "",
	.summary = "List images",
	.description = "SIZE is that of all layers, unpacked, in powers of 1000. The objects of "
		       "--json have the keys Repository, Tag, ID, CreatedAt (RFC 3339), Size "
		       "(bytes), Author and Comment.",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct images_options),
	.max_operands = 0,
	.run = images_run,
};
