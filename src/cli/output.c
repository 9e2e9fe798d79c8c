#include "cli/output.h"
#include "base/mem.h"
#include "base/time.h"

#include <stdio.h>

void output_json(const json_t *array)
{
	auto_free char *text = json_dumps(array, JSON_INDENT(2) | JSON_ENSURE_ASCII);

	if (!text)
		abort(); /* only memory can be missing: the strings are ours */
	printf("%s\n", text);
}

json_t *output_string(const char *text)
{
	auto_str clean = STR_INIT(1 << 20);
	json_t *j;

	if (!text)
		return json_null();
	j = json_string(text);
	if (j)
		return j;
	/* broken somewhere: keep the ASCII, replace each other byte */
	for (; *text; text++) {
		if ((unsigned char)*text < 0x80)
			str_add_char(&clean, *text);
		else
			str_add(&clean, "\uFFFD");
	}
	return json_string(str_text(&clean));
}

json_t *output_time(int64_t t)
{
	char text[TIME_TEXT_SIZE];

	if (t <= 0)
		return json_null();
	time_format(t, text);
	return json_string(text);
}
