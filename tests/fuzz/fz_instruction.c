/* Dockerfile instructions, a line each, as `commit -c` takes them: an error is in one line, and
 * changes nothing. */
#include "engine/instruction.h"
#include "replay.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct container_config settings = { 0 };
	struct instruction_state state = { .settings = &settings };
	auto_free char *text = xmalloc(size + 1);
	char *rest = text, *line;

	memcpy(text, data, size);
	text[size] = '\0';
	while ((line = strsep(&rest, "\n"))) {
		struct err e = { 0 };
		size_t before = settings.env.n;
		int r = instruction_apply(line, &state, &e);
		MUST(r == 0 || (r == -e.code && *e.text && settings.env.n == before));
	}
	strv_release(&state.shell);
	container_config_release(&settings);
	return 0;
}
