#include "cli/detach.h"
#include "base/str.h"

#include <errno.h>
#include <string.h>

/* One key, as Docker names them; -1: it is none. */
static int parse_key(const char *text, size_t len)
{
	if (len == 1)
		return (unsigned char)text[0];
	if (len != 6 || strncmp(text, "ctrl-", 5) != 0)
		return -1;
	if ((text[5] >= 'a' && text[5] <= 'z') || (text[5] >= '@' && text[5] <= '_'))
		return text[5] & 0x1f;
	return -1;
}

int detach_parse(const char *text, void *ret_detach, struct err *e)
{
	struct detach d = { 0 };

	for (const char *p = text; d.n < DETACH_KEYS_MAX; p++) {
		size_t len = strcspn(p + (*p == ','), ",") + (*p == ',');
		int key = parse_key(p, len);

		if (key < 0)
			break;
		d.keys[d.n++] = (char)key;
		p += len;
		if (!*p) {
			*(struct detach *)ret_detach = d;
			return 0;
		}
	}
	err_set(e, EINVAL, "'%s' is no sequence of keys", text);
	return err_hint(e, "letters or ctrl-LETTER, joined by commas: ctrl-p,ctrl-q");
}

static bool begins(const struct detach *d, const char *typed, size_t n)
{
	return memcmp(d->keys, typed, n) == 0;
}

bool detach_scan(struct detach *d, const char *in, size_t len, char *out, size_t *ret_len)
{
	char typed[DETACH_KEYS_MAX];
	size_t n = 0;

	if (d->n == 0) {
		memcpy(d->keys, "\x10\x11", 2);
		d->n = 2;
	}
	for (size_t i = 0; i < len; i++) {
		memcpy(typed, d->keys, d->held); /* what is held is how the sequence begins */
		typed[d->held++] = in[i];
		while (d->held && !begins(d, typed, d->held)) {
			out[n++] = typed[0];
			memmove(typed, typed + 1, --d->held);
		}
		if (d->held == d->n) {
			d->held = 0;
			*ret_len = n;
			return true;
		}
	}
	*ret_len = n;
	return false;
}
