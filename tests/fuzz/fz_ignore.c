/* A .dockerignore, behind its first line, which is a path: what is left out stays so, unless it may
 * be taken back. */
#include "build/ignore.h"
#include "replay.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *end = memchr(data, '\n', size);
	size_t n = end ? (size_t)(end - (const char *)data) : size;
	auto_free char *path = xstrndup((const char *)data, n);
	auto_ignore i = { 0 };
	struct err e = { 0 };
	unsigned line;
	int r = ignore_parse((const char *)data + n, size - n, &i, &line, &e);

	MUST(r == 0 || (r == -e.code && *e.text));
	if (*path && ignore_matches(&i, path) && !ignore_may_take_back(&i, path)) {
		auto_free char *below = xasprintf("%s/x", path);
		MUST(ignore_matches(&i, below));
	}
	return 0;
}
