#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/images.h"
#include "cli/listing.h"
#include "cli/output.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include <inttypes.h>
#include <string.h>

struct images_options {
	struct listing_options listing; /* first: its table follows ours */
	bool all, digests, tree;
};

#define TARGET(member) offsetof(struct images_options, member)
static const struct verb_option options[] = {
	{ OPTION_FLAG, 'a', "all", NULL, NULL, TARGET(all) }, /* there are no others */
	{ OPTION_FLAG, 0, "digests", NULL, "show the digests of the manifests", TARGET(digests) },
	{ OPTION_FLAG, 0, "tree", NULL, "show their layers, and which they share", TARGET(tree) },
	{ OPTION_MORE, .more = listing_options },
};

static const struct column columns[] = {
	{ "Repository", "REPOSITORY", true },
	{ "Tag", "TAG", true },
	{ "Digest", "DIGEST", false },
	{ "ID", "IMAGE ID", true },
	{ "CreatedSince", "CREATED", true },
	{ "CreatedAt", "CREATED AT", false },
	{ "Size", "SIZE", true },
	{ "Containers", "CONTAINERS", false },
	{ 0 },
};
static const struct column columns_with_digest[] = {
	{ "Repository", "REPOSITORY", true },
	{ "Tag", "TAG", true },
	{ "Digest", "DIGEST", true },
	{ "ID", "IMAGE ID", true },
	{ "CreatedSince", "CREATED", true },
	{ "CreatedAt", "CREATED AT", false },
	{ "Size", "SIZE", true },
	{ "Containers", "CONTAINERS", false },
	{ 0 },
};

/* The tag of "host:5000/name:tag" is what follows the last colon, unless a slash comes later. */
static void split_reference(const char *reference, struct str *ret_repository, const char **ret_tag)
{
	const char *colon = strrchr(reference, ':'), *at = strchr(reference, '@');

	if (at) { /* named by a digest: it has no tag */
		str_add_data(ret_repository, reference, (size_t)(at - reference));
		*ret_tag = "<none>";
		return;
	}
	if (!colon || strchr(colon, '/')) {
		str_add(ret_repository, reference);
		*ret_tag = "latest";
		return;
	}
	str_add_data(ret_repository, reference, (size_t)(colon - reference));
	*ret_tag = colon + 1;
}

static json_t *image_row(const struct image_info *image, bool whole, int64_t now)
{
	auto_str repository = STR_INIT(1024);
	char id[13], ago[48], size[16], count[24], created[TIME_TEXT_SIZE];
	json_t *row = json_object();
	const char *tag;

	split_reference(image->reference, &repository, &tag);
	text_short_id(image->id, id);
	text_ago(image->created, now, ago);
	text_docker_time(image->created, created);
	text_size(image->size, size);
	snprintf(count, sizeof count, "%" PRIu64, image->containers);
	listing_set(row, "Repository", str_text(&repository));
	listing_set(row, "Tag", tag);
	listing_set(row, "Digest", image->manifest ? image->manifest : "<none>");
	listing_set(row, "ID", whole ? image->id : id);
	listing_set(row, "CreatedSince", ago);
	listing_set(row, "CreatedAt", created);
	listing_set(row, "Size", size);
	listing_set(row, "Containers", count);
	return row;
}

static json_t *image_json(const struct image_info *image)
{
	auto_str repository = STR_INIT(1024);
	json_t *o = json_object();
	const char *tag;

	split_reference(image->reference, &repository, &tag);
	json_object_set_new(o, "Repository", output_string(str_text(&repository)));
	json_object_set_new(o, "Tag", output_string(tag));
	json_object_set_new(o, "ID", output_string(image->id));
	json_object_set_new(o, "Digest", output_string(image->manifest));
	json_object_set_new(o, "CreatedAt", output_time(image->created));
	json_object_set_new(o, "Size", json_integer((json_int_t)image->size));
	json_object_set_new(o, "Containers", json_integer((json_int_t)image->containers));
	json_object_set_new(o, "Author", output_string(image->author ? image->author : ""));
	json_object_set_new(o, "Comment", output_string(image->comment ? image->comment : ""));
	json_object_set_new(o, "Labels", listing_labels_json(&image->config.labels));
	return o;
}

/* "debian" is all of its tags, "debian:12" one; '*' stands for anything (fnmatch(3)). */
bool images_reference_matches(const char *reference, const char *pattern)
{
	auto_str repository = STR_INIT(1024);
	const char *tag;

	split_reference(reference, &repository, &tag);
	return text_glob(pattern, reference) || text_glob(pattern, str_text(&repository));
}

static bool reference_matches(const void *arg, const char *pattern)
{
	return images_reference_matches(((const struct image_info *)arg)->reference, pattern);
}

static bool dangling_matches(const void *arg, const char *value)
{
	const struct image_info *image = arg;

	return image->dangling == (str_eq(value, "true") || str_eq(value, "1"));
}

struct relative {
	const struct image_list *list;
	int64_t created;
};

static int64_t created_of(const struct image_list *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (reference_matches(&list->v[i], name) ||
			(strlen(name) >= 4 && (str_starts(list->v[i].id, name) ||
						      str_starts(list->v[i].id + 7, name))))
			return list->v[i].created;
	return 0;
}

static bool before_matches(const void *arg, const char *value)
{
	const struct relative *r = arg;
	int64_t created = created_of(r->list, value);

	return created && r->created < created;
}

static bool since_matches(const void *arg, const char *value)
{
	const struct relative *r = arg;
	int64_t created = created_of(r->list, value);

	return created && r->created > created;
}

static bool is_wanted(const struct images_options *o, const struct image_list *list,
	const struct image_info *image, const char *operand)
{
	struct relative relative = { list, image->created };

	return (!operand || reference_matches(image, operand)) &&
	       listing_filter(&o->listing, "reference", reference_matches, image) &&
	       listing_filter(&o->listing, "dangling", dangling_matches, image) &&
	       listing_filter(&o->listing, "before", before_matches, &relative) &&
	       listing_filter(&o->listing, "since", since_matches, &relative) &&
	       listing_filter_labels(&o->listing, &image->config.labels);
}

static int images_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	static const char *const filters[] = { "reference", "label", "dangling", "before", "since",
		NULL };
	const struct images_options *o = opt;
	auto_image_list list = { 0 };
	auto_listing l = { 0 };
	struct engine *engine;
	int64_t now = time_now();
	int r = listing_check(&o->listing, filters, e);

	if (r < 0 || (r = cli_engine(c, &engine, e)) < 0 ||
		(r = engine_image_list(engine, &list, e)) < 0)
		return r;
	if (o->tree)
		return images_tree(&o->listing, &list, operands[0], e);
	listing_begin(&l, &o->listing, o->digests ? columns_with_digest : columns, "ID");
	for (size_t i = 0; i < list.n; i++) {
		const struct image_info *image = &list.v[i];

		if (!is_wanted(o, &list, image, operands[0]))
			continue;
		listing_add(&l, image_row(image, o->listing.no_trunc, now),
			listing_labels_json(&image->config.labels), image_json(image));
	}
	return listing_print(&l, e);
}

static const struct verb_example examples[] = {
	{ "redock images", "all images, those of machines too" },
	{ "redock images 'deb*'", "those whose repository begins with deb" },
	{ "redock images --tree", "layer by layer, what builds on what" },
	{ NULL },
};

const struct verb verb_images = {
	.name = "images",
	.alias = "ls", /* of image: the first word that fits is taken, and ps comes before */
	.group = GROUP_IMAGES,
	.operands = "[REPOSITORY[:TAG]]",
	.summary = "List images",
	.description =
		"SIZE is that of the files of all layers, in powers of 1000. --tree shows each "
		"layer once, below the one that it builds on, with its own size and the images "
		"that end in it.\n"
		"\n"
		"Filters: reference=PATTERN, label=KEY[=VALUE], dangling=true, before and since "
		"(IMAGE). Fields of --format: Repository, Tag, Digest, ID, CreatedSince, "
		"CreatedAt, Size, Containers.\n"
		"\n"
		"The objects of --json have the keys Repository, Tag, ID, Digest, CreatedAt (RFC "
		"3339), Size (bytes), Containers, Author, Comment and Labels.",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct images_options),
	.max_operands = 1,
	.run = images_run,
};
