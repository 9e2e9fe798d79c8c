/* A Dockerfile: instructions in order, each within the file, or an error with its place; what is
 * shown of it is fit for a terminal. */
#include "build/dockerfile.h"
#include "replay.h"

#include <string.h>

static void show(const struct dockerfile *d, const struct place *p)
{
	auto_str s = STR_INIT(4096);

	dockerfile_show(d, p, &s);
	for (size_t i = 0; i < s.len; i++)
		MUST(s.data[i] == '\n' || ((unsigned char)s.data[i] >= 0x20 && s.data[i] != 0x7f));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_dockerfile d = { 0 };
	struct place p = { 0 };
	struct err e = { 0 };
	int r = dockerfile_parse((const char *)data, size, "Dockerfile", &d, &p, &e);
	unsigned line = 0;

	MUST(r == 0 || (r == -e.code && *e.text));
	MUST(r < 0 || d.n);
	show(&d, &p);
	for (size_t i = 0; r == 0 && i < d.n; i++) {
		const struct instruction *in = &d.v[i];
		MUST(in->first_line > line && in->last_line >= in->first_line);
		MUST(in->last_line <= d.lines.n && *in->name && in->text && *in->original);
		line = in->last_line;
		p = dockerfile_find(&d, in, in->name);
		show(&d, &p);
	}
	return 0;
}
