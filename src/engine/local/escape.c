#include "engine/local/escape.h"

/* Length of the well-formed UTF-8 sequence at `s`, or 0 (RFC 3629, table 3-7 of Unicode). */
static size_t utf8_length(const unsigned char *s, size_t len)
{
	size_t n = *s < 0x80   ? 1
		   : *s < 0xc2 ? 0
		   : *s < 0xe0 ? 2
		   : *s < 0xf0 ? 3
		   : *s < 0xf5 ? 4
			       : 0;

	if (n == 0 || n > len)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) ||
		(*s == 0xf0 && s[1] < 0x90) || (*s == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

/* Bytes at `s` that stand for themselves in a JSON string. */
static size_t plain_length(const unsigned char *s, size_t len)
{
	size_t n = 0;

	while (n < len && s[n] >= 0x20 && s[n] < 0x7f && s[n] != '"' && s[n] != '\\')
		n++;
	return n;
}

void escape_json(struct str *out, const char *data, size_t len)
{
	const unsigned char *s = (const unsigned char *)data;
	size_t n;

	str_add_char(out, '"');
	for (size_t i = 0; i < len; i += n) {
		n = plain_length(s + i, len - i);
		if (n > 0) {
			str_add_data(out, s + i, n);
			continue;
		}
		n = utf8_length(s + i, len - i);
		if (n > 1) {
			str_add_data(out, s + i, n);
		} else if (n == 0) {
			str_add(out, "\\ufffd");
			n = 1;
		} else if (s[i] == '\n') {
			str_add(out, "\\n");
		} else if (s[i] == '"' || s[i] == '\\') {
			str_add_data(out, (const char[]){ '\\', (char)s[i] }, 2);
		} else {
			static const char digits[] = "0123456789abcdef";
			const char escape[] = { '\\', 'u', '0', '0', digits[s[i] >> 4],
				digits[s[i] & 15] };
			str_add_data(out, escape, sizeof escape);
		}
	}
	str_add_char(out, '"');
}
