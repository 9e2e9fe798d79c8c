/* The documents of an image, from registries and archives: a manifest or an index, and, behind the
 * first NUL if there is one, the config of that manifest. What is taken is one thing, within its
 * limits; what the store reads later is the same. */
#include "store/manifest.h"
#include "base/str.h"
#include "replay.h"
#include "store/internal.h"

#include <string.h>

static void check_index(const struct manifest *m)
{
	const struct descriptor *d = NULL;
	struct platform p;
	struct err e = { 0 };

	platform_here(&p);
	if (manifest_choose(m, &p, &d, &e) == 0)
		MUST(d >= m->parts && d < m->parts + m->n_parts);
	else
		MUST(str_is_one_line(e.text));
}

/* The strict reader's and the store's own say the same. */
static void check_manifest(const char *data, size_t len, const struct manifest *m, struct image *im)
{
	auto_json *j = NULL;
	struct err e = { 0 };
	uint64_t size;

	MUST(m->n_parts <= LAYERS_MAX && m->config.size <= CONFIG_MAX);
	MUST(json_parse(data, len, "it", &j, &e) == 0);
	MUST(image_parse_manifest(j, im, &size, &e) == 0);
	MUST(size == m->config.size && str_eq(im->config.text, m->config.digest.text));
	MUST(im->blobs.n == m->n_parts);
	for (size_t i = 0; i < m->n_parts; i++)
		MUST(str_eq(im->blobs.v[i], m->parts[i].digest.text));
}

static void check_config(const char *data, size_t len, struct image *im)
{
	auto_json *j = NULL;
	struct err e = { 0 };
	struct digest d;
	int r = json_parse(data, len, "it", &j, &e);

	if (r == 0)
		r = image_parse_config(j, im, &e);
	MUST(r == 0 || (r == -e.code && *e.text && str_is_one_line(e.text)));
	if (r < 0)
		return;
	MUST(im->layers.n == im->blobs.n);
	for (size_t i = 0; i < im->layers.n; i++)
		MUST(digest_parse(im->layers.v[i], &d) == 0);
	for (size_t i = 0; i < im->volumes.n; i++)
		MUST(image_volume_ok(im->volumes.v[i]));
	/* rule R10: what is ours no image can say */
	for (size_t i = 0; i < im->labels.n; i++)
		MUST(!str_starts(im->labels.v[i], "redock."));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *end = memchr(text, '\0', size);
	size_t len = end ? (size_t)(end - text) : size;
	auto_manifest m = { 0 };
	auto_image im = { 0 };
	struct err e = { 0 };
	int r = manifest_parse(text, len, NULL, &m, &e);

	MUST(r == 0 || (r == -e.code && *e.text && str_is_one_line(e.text)));
	if (r == 0 && m.is_index)
		check_index(&m);
	else if (r == 0)
		check_manifest(text, len, &m, &im);
	if (end)
		check_config(end + 1, size - len - 1, &im);
	return 0;
}
