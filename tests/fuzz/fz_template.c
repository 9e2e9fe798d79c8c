/* --format: any text as a template, over data that has every type; memory and time are bounded. */
#include "cli/template.h"
#include "replay.h"

#include <string.h>

static const char sample[] =
	"{\"Name\": \"web\\u001b[1m\", \"Size\": 12, \"Ratio\": 0.5, \"Up\": true, \"None\": null,"
	" \"Ports\": [{\"Port\": 80}, {\"Port\": 443}], \"Labels\": {\"a\": \"1\", \"b.c\": \"2\"},"
	" \"Deep\": {\"a\": {\"b\": [1, [2, 3]]}}}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xmalloc(size + 1);
	auto_template *t = NULL;
	auto_str out = STR_INIT(1u << 20);
	struct err e = { 0 };
	json_t *dot = json_loads(sample, 0, NULL);
	struct template_data d = { dot, json_object_get(dot, "Labels"), size % 2 };

	memcpy(text, data, size);
	text[size] = '\0';
	MUST(dot);
	if (template_parse(text, &t, &e) == 0)
		template_run(t, &d, &out, &e);
	else
		MUST(*e.text && !t);
	json_decref(dot);
	return 0;
}
