/* Challenges, a header a line, as a registry sends them: what is read fits its bounds and one line,
 * and what is none changes nothing. */
#include "registry/challenge.h"
#include "base/str.h"
#include "replay.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct challenge all = { 0 };
	auto_free char *text = xmalloc(size + 1);
	char *rest = text, *line;

	memcpy(text, data, size);
	text[size] = '\0';
	while ((line = strsep(&rest, "\n"))) {
		struct challenge before = all;
		int r = challenge_parse(line, &all);
		MUST(r == 0 || (r == -EINVAL && memcmp(&before, &all, sizeof all) == 0));
		MUST(all.scheme >= before.scheme);
		MUST(strlen(all.realm) < sizeof all.realm && str_is_one_line(all.realm));
		MUST(strlen(all.service) < sizeof all.service && str_is_one_line(all.service));
		MUST(all.scheme != CHALLENGE_NONE || !*all.realm);
	}
	return 0;
}
