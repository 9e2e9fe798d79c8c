#include "store/gunzip.h"
#include "base/mem.h"

#include <isa-l/igzip_lib.h>
#include <stdbool.h>

#define OUT_SIZE ((size_t)256 << 10)

struct gunzip {
	gunzip_read *read;
	void *arg;
	bool input_ended, ended;
	bool in_member; /* a member has begun and not ended yet */
	struct inflate_state state;
	unsigned char out[OUT_SIZE];
};

struct gunzip *gunzip_new(gunzip_read *read, void *arg)
{
	struct gunzip *z = xmalloc(sizeof *z);

	z->read = read;
	z->arg = arg;
	z->input_ended = z->ended = z->in_member = false;
	isal_inflate_init(&z->state);
	return z;
}

void gunzip_free(struct gunzip *z)
{
	free(z);
}

static int get_input(struct gunzip *z, struct err *e)
{
	const void *data;
	ssize_t n;

	if (z->state.avail_in || z->input_ended)
		return 0;
	n = z->read(z->arg, &data, e);
	if (n < 0)
		return (int)n;
	z->input_ended = n == 0;
	z->state.next_in = (uint8_t *)data; /* read only, whatever its type says */
	z->state.avail_in = (uint32_t)n;
	return 0;
}

/* Between two members. True if another one begins. */
static int next_member(struct gunzip *z, struct err *e)
{
	bool padded = false;

	for (;;) {
		uint8_t *in;
		uint32_t left;
		if (get_input(z, e) < 0)
			return -e->code;
		while (z->state.avail_in && *z->state.next_in == 0) {
			z->state.next_in++;
			z->state.avail_in--;
			padded = true;
		}
		if (!z->state.avail_in && !z->input_ended)
			continue;
		if (!z->state.avail_in)
			return 0;
		if (padded || *z->state.next_in != 0x1f)
			return err_set(e, EINVAL,
				"the archive is damaged: something follows its gzip stream");
		in = z->state.next_in;
		left = z->state.avail_in;
		isal_inflate_reset(&z->state);
		z->state.crc_flag = ISAL_GZIP;
		z->state.next_in = in;
		z->state.avail_in = left;
		z->in_member = true;
		return 1;
	}
}

static const char *what_failed(int code)
{
	return code == ISAL_INCORRECT_CHECKSUM ? "wrong checksum" : "bad gzip data";
}

ssize_t gunzip_next(struct gunzip *z, const void **ret, struct err *e)
{
	size_t n = 0;

	z->state.next_out = z->out;
	z->state.avail_out = OUT_SIZE;
	while (n == 0 && !z->ended) {
		int r;
		if (!z->in_member) {
			r = next_member(z, e);
			if (r < 0)
				return r;
			z->ended = r == 0;
			continue;
		}
		if (get_input(z, e) < 0)
			return -e->code;
		z->state.next_out = z->out;
		z->state.avail_out = OUT_SIZE;
		r = isal_inflate(&z->state);
		n = OUT_SIZE - z->state.avail_out;
		if (r < 0 && r != ISAL_NEED_DICT)
			return err_set(e, EINVAL, "the archive is damaged: %s", what_failed(r));
		if (r == ISAL_NEED_DICT)
			return err_set(e, EINVAL, "the archive is damaged: %s", what_failed(0));
		if (z->state.block_state == ISAL_BLOCK_FINISH)
			z->in_member = false;
		else if (n == 0 && z->input_ended)
			return err_set(e, EINVAL, "the archive is damaged: it ends too early");
	}
	*ret = z->out;
	return (ssize_t)n;
}
