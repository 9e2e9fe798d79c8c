#include "base/mem.h"
#include "store/internal.h"

#include <string.h>

#define HEX_MAX (1u << 20)

json_t *hex_to_json(const char *text)
{
	auto_str hex = STR_INIT(HEX_MAX);

	for (; *text; text++)
		str_addf(&hex, "%02x", (unsigned char)*text);
	return json_string(str_text(&hex));
}

char *hex_from_json(const json_t *object, const char *key)
{
	static const char digits[] = "0123456789abcdef";
	const char *hex = json_str(object, key, NULL);
	size_t n = hex ? strlen(hex) : 0;
	char *text;

	if (!hex || n % 2 || n > HEX_MAX || strspn(hex, digits) != n)
		return NULL;
	text = xmalloc(n / 2 + 1);
	for (size_t i = 0; i < n / 2; i++)
		text[i] = (char)((strchr(digits, hex[2 * i]) - digits) << 4 |
				 (strchr(digits, hex[2 * i + 1]) - digits));
	text[n / 2] = '\0';
	return text;
}
