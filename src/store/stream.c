#include "base/mem.h"
#include "base/time.h"
#include "store/write.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>

#define READ_SIZE ((size_t)1 << 20)
/* What one entry's headers may take together: libarchive caps each at 1 MiB, but follows a chain
 * of sparse maps or pax headers as long as it goes (T15). */
#define HEADERS_MAX ((uint64_t)8 << 20)
#define TELL_EVERY  ((int64_t)500000000)

/*
 * Two readers of libarchive's in a row: the first takes off the compression, the second reads the
 * tar format; between them the stream passes through our hands for the digest and the blob.
 * The locale stays "C": in UTF-8 ones libarchive changes names to their composed form (NFC); in
 * this one it warns that it cannot convert them, and keeps their bytes.
 */
struct tar_stream {
	struct archive *filter, *tar;
	struct tar_stream_options o;
	char *block;
	uint64_t in, out, headers;
	int64_t told;
	bool in_headers, in_entry, ended;
	struct err err; /* why our callback failed, below libarchive */
};

static la_ssize_t read_raw(struct archive *a, void *arg, const void **ret)
{
	struct tar_stream *t = arg;
	ssize_t n = fs_read_full(t->o.fd, t->block, READ_SIZE);

	if (n < 0) {
		errno = (int)-n;
		err_errno(&t->err, "cannot read the archive");
		archive_set_error(a, EIO, "read");
		return -1;
	}
	t->in += (uint64_t)n;
	*ret = t->block;
	return n;
}

static int check_limits(struct tar_stream *t, size_t more)
{
	t->out += more;
	t->headers += t->in_headers ? more : 0;
	if (t->out > t->o.max_bytes)
		return err_set(&t->err, EFBIG, "the archive unpacks to more than %llu bytes",
			(unsigned long long)t->o.max_bytes);
	if (t->out > RATIO_FROM && t->out / RATIO_MAX > t->in)
		return err_set(&t->err, EFBIG,
			"the archive unpacks to more than %d times its own size", RATIO_MAX);
	if (t->headers > HEADERS_MAX)
		return err_set(&t->err, EFBIG, "the archive has an entry with endless headers");
	return 0;
}

/* The next piece of the uncompressed stream: its size, 0 at the end, -1. */
static la_ssize_t read_unpacked(struct archive *a, void *arg, const void **ret)
{
	struct tar_stream *t = arg;
	la_int64_t offset;
	size_t n = 0;
	int r = ARCHIVE_EOF;

	while (!t->ended && n == 0) {
		r = archive_read_data_block(t->filter, ret, &n, &offset);
		t->ended = r == ARCHIVE_EOF;
		if (r != ARCHIVE_OK && r != ARCHIVE_EOF) {
			if (!t->err.code)
				err_set(&t->err, EINVAL, "the archive is damaged: %s",
					archive_error_string(t->filter));
			goto failed;
		}
		if (t->ended)
			n = 0;
	}
	if (check_limits(t, n) < 0 || (n && blob_write(t->o.blob, *ret, n, &t->err) < 0))
		goto failed;
	if (t->o.teller && time_monotonic() - t->told > TELL_EVERY) {
		t->told = time_monotonic();
		tell(t->o.teller, "unpacked %llu MB", (unsigned long long)(t->out / 1000000));
	}
	return (la_ssize_t)n;
failed:
	if (a)
		archive_set_error(a, EIO, "stream");
	return -1;
}

static int failed(struct tar_stream *t, struct archive *a, struct err *e)
{
	const char *text = archive_error_string(a);

	if (t->err.code) {
		*e = t->err;
		return -e->code;
	}
	return err_set(e, EINVAL, "the archive is damaged: %s", text ? text : "unknown error");
}

/* Explicit filters, all inside this process: a WARN would mean that libarchive runs a program
 * instead (R6). */
static int open_filter(struct tar_stream *t, struct err *e)
{
	struct archive *a = t->filter = archive_read_new();
	struct archive_entry *whole;
	int r;

	if (!a)
		abort();
	if (archive_read_support_filter_gzip(a) != ARCHIVE_OK ||
		archive_read_support_filter_bzip2(a) != ARCHIVE_OK ||
		archive_read_support_filter_xz(a) != ARCHIVE_OK ||
		archive_read_support_filter_zstd(a) != ARCHIVE_OK ||
		archive_read_support_format_raw(a) != ARCHIVE_OK ||
		archive_read_support_format_empty(a) != ARCHIVE_OK)
		return err_set(e, ENOSYS, "libarchive lacks a compression that is needed");
	if (archive_read_open(a, t, NULL, read_raw, NULL) != ARCHIVE_OK)
		return failed(t, a, e);
	r = archive_read_next_header(a, &whole);
	t->ended = r == ARCHIVE_EOF; /* an empty file */
	return r == ARCHIVE_OK || r == ARCHIVE_EOF ? 0 : failed(t, a, e);
}

int tar_stream_open(const struct tar_stream_options *o, struct tar_stream **ret, struct err *e)
{
	struct tar_stream *t = xcalloc(1, sizeof *t);

	t->o = *o;
	if (!t->o.max_bytes)
		t->o.max_bytes = UNPACKED_MAX;
	t->block = xmalloc(READ_SIZE);
	t->told = time_monotonic();
	t->in_headers = true;
	if (open_filter(t, e) < 0)
		goto close;
	if (t->ended) {
		err_set(e, EINVAL, "the archive is empty");
		goto close;
	}
	t->tar = archive_read_new();
	if (!t->tar)
		abort();
	if (archive_read_support_format_tar(t->tar) != ARCHIVE_OK ||
		archive_read_support_format_empty(t->tar) != ARCHIVE_OK ||
		archive_read_open(t->tar, t, NULL, read_unpacked, NULL) != ARCHIVE_OK) {
		if (failed(t, t->tar, e) && !t->err.code)
			err_hint(e, "a tar archive, plain or with gzip, zstd, xz or bzip2");
		goto close;
	}
	*ret = t;
	return 0;
close:
	tar_stream_close(t);
	return -e->code;
}

void tar_stream_close(struct tar_stream *t)
{
	if (!t)
		return;
	archive_read_free(t->tar);
	archive_read_free(t->filter);
	free(t->block);
	free(t);
}

int tar_stream_next(struct tar_stream *t, struct archive_entry **ret, struct err *e)
{
	int r = t->in_entry ? archive_read_data_skip(t->tar) : ARCHIVE_OK;

	if (r != ARCHIVE_OK && r != ARCHIVE_EOF)
		return failed(t, t->tar, e);
	t->in_headers = true;
	t->headers = 0;
	r = archive_read_next_header(t->tar, ret);
	t->in_headers = false;
	t->in_entry = r == ARCHIVE_OK || r == ARCHIVE_WARN;
	if (r == ARCHIVE_EOF)
		return t->err.code ? failed(t, t->tar, e) : 0;
	/* EILSEQ is a name that is not ASCII, see above; other warnings mean that the entry
	 * is not quite what the archive says */
	if (r == ARCHIVE_OK || (r == ARCHIVE_WARN && archive_errno(t->tar) == EILSEQ))
		return 1;
	return failed(t, t->tar, e);
}

int tar_stream_data(
	struct tar_stream *t, const void **ret, size_t *ret_len, int64_t *ret_offset, struct err *e)
{
	la_int64_t offset = 0;
	int r = archive_read_data_block(t->tar, ret, ret_len, &offset);

	if (r == ARCHIVE_EOF)
		return 0;
	if (r != ARCHIVE_OK)
		return failed(t, t->tar, e);
	*ret_offset = offset;
	return 1;
}

int tar_stream_drain(struct tar_stream *t, struct err *e)
{
	const void *data;
	la_ssize_t n;

	do
		n = read_unpacked(NULL, t, &data);
	while (n > 0);
	if (n < 0) {
		*e = t->err;
		return -e->code;
	}
	return 0;
}
