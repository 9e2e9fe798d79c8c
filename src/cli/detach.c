#include "cli/detach.h"

#define CTRL_P 0x10
#define CTRL_Q 0x11

bool detach_scan(struct detach *d, const char *in, size_t len, char *out, size_t *ret_len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (d->held && in[i] == CTRL_Q) {
			d->held = false;
			*ret_len = n;
			return true;
		}
		if (d->held)
			out[n++] = CTRL_P;
		d->held = in[i] == CTRL_P;
		if (!d->held)
			out[n++] = in[i];
	}
	*ret_len = n;
	return false;
}
