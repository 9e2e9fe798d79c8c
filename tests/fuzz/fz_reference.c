/* References, one a line, as people, manifests and annotations have them: what is taken is written
 * and read again as the same, and stands for one file name that leads nowhere else. */
#include "store/reference.h"
#include "base/str.h"
#include "replay.h"

#include <string.h>

static void check(const struct image_ref *ref)
{
	char key[3 * IMAGE_REF_TEXT_SIZE], text[IMAGE_REF_TEXT_SIZE];
	struct image_ref again;
	struct err e = { 0 };

	MUST(*ref->repository && *ref->tag);
	image_ref_text(ref, text);
	MUST(str_is_one_line(text) && image_ref_parse_stored(text, &again, &e) == 0);
	MUST(str_eq(again.repository, ref->repository) && str_eq(again.tag, ref->tag));
	image_ref_key(ref, key);
	MUST(*key != '.' && !strchr(key, '/') && strlen(key) <= 255);
	MUST(image_ref_from_key(key, &again) == 0);
	MUST(str_eq(again.repository, ref->repository) && str_eq(again.tag, ref->tag));
	MUST(image_ref_host_length(ref) <= strlen(ref->repository));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xmalloc(size + 1);
	char *rest = text, *line;

	memcpy(text, data, size);
	text[size] = '\0';
	while ((line = strsep(&rest, "\n"))) {
		struct image_ref ref;
		struct err e = { 0 };
		struct digest d;
		int r = image_ref_parse(line, &ref, &e);
		MUST(r == 0 || (r == -e.code && *e.text && str_is_one_line(e.text)));
		if (r == 0) {
			MUST(!image_ref_is_nameless(&ref));
			check(&ref);
		}
		if (image_ref_parse_stored(line, &ref, &e) == 0)
			check(&ref);
		/* a key is read only if it is the one that would be written */
		if (image_ref_from_key(line, &ref) == 0) {
			char key[3 * IMAGE_REF_TEXT_SIZE];
			image_ref_key(&ref, key);
			MUST(str_eq(key, line));
		}
		if (digest_parse(line, &d) == 0)
			MUST(strlen(digest_hex(&d)) == 64 && str_eq(d.text, line));
	}
	return 0;
}
