#include "base/escape.h"

#include <stdint.h>

/* The length of the well-formed UTF-8 sequence at `p` (RFC 3629) and its code point; 0 if broken.
 */
static size_t decode(const unsigned char *p, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = *p < 0x80   ? 1
		   : *p < 0xc2 ? 0
		   : *p < 0xe0 ? 2
		   : *p < 0xf0 ? 3
		   : *p < 0xf5 ? 4
			       : 0;
	uint32_t c = n < 2 ? *p : *p & (0x7fU >> n);

	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fU);
	}
	if (n > 1 && (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)))
		return 0;
	*ret = c;
	return n;
}

/* Not for a terminal: C0, DEL, C1; line and paragraph separators and the bidirectional controls,
 * with which a name can be made to look like another (CVE-2021-42574). */
static bool is_harmful(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

void text_add_escaped(struct str *s, const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p;) {
		uint32_t c = 0;
		size_t n = decode(p, &c);

		if (n && !is_harmful(c)) {
			str_add_data(s, p, n);
			p += n;
			continue;
		}
		if (c == '\n' || c == '\t') {
			str_add(s, c == '\n' ? "\\n" : "\\t");
			p++;
			continue;
		}
		for (n = n ? n : 1; n; n--)
			str_addf(s, "\\x%02x", *p++);
	}
}
