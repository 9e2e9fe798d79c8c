#include "base/mem.h"
#include "base/time.h"
#include "store/gunzip.h"
#include "store/write.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>

#define READ_SIZE ((size_t)256 << 10)
/* What one entry's headers may take together: libarchive caps each at 1 MiB, but follows a chain
 * of sparse maps or pax headers as long as it goes (T15). */
#define HEADERS_MAX ((uint64_t)8 << 20)

/*
 * Two readers in a row: the first takes off the compression (gzip by igzip, the others by
 * libarchive, none by nobody), the second, libarchive's, reads the tar format; between them the
 * stream passes through our hands for the digest and the blob.
 * The locale stays "C": in UTF-8 ones libarchive changes names to their composed form (NFC); in
 * this one it warns that it cannot convert them, and keeps their bytes.
 */
struct tar_stream {
	struct gunzip *gunzip;
	struct archive *filter, *tar;
	struct tar_stream_options o;
	char *block;
	const void *first; /* read already, to see what it is */
	size_t first_size;
	uint64_t in, out, headers;
	int64_t told;
	bool in_headers, in_entry, ended, raw_ended;
	enum compression compression;
	struct err err; /* why our callback failed, below libarchive */
};

/* The next piece of the archive as it is: its size, 0 at the end, -errno. */
static ssize_t next_raw(void *arg, const void **ret, struct err *e)
{
	struct tar_stream *t = arg;
	ssize_t n;

	if (t->first_size) {
		n = (ssize_t)t->first_size;
		*ret = t->first;
		t->first_size = 0;
		return n;
	}
	if (t->raw_ended)
		return 0;
	if (t->o.read) {
		n = t->o.read(t->o.read_arg, ret, e);
	} else {
		n = fs_read_full(t->o.fd, t->block, READ_SIZE);
		*ret = t->block;
		if (n < 0) {
			errno = (int)-n;
			err_errno(e, "cannot read the archive");
		}
	}
	t->raw_ended = n == 0;
	t->in += n > 0 ? (uint64_t)n : 0;
	return n;
}

static la_ssize_t read_raw(struct archive *a, void *arg, const void **ret)
{
	struct tar_stream *t = arg;
	ssize_t n = next_raw(t, ret, &t->err);

	if (n < 0) {
		archive_set_error(a, EIO, "read");
		return -1;
	}
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

static int next_filtered(struct tar_stream *t, const void **ret, size_t *ret_n)
{
	la_int64_t offset;
	ssize_t n;
	int r;

	*ret_n = 0;
	if (!t->filter) {
		n = t->gunzip ? gunzip_next(t->gunzip, ret, &t->err) : next_raw(t, ret, &t->err);
		if (n < 0)
			return -1;
		*ret_n = (size_t)n;
		t->ended = n == 0;
		return 0;
	}
	while (!t->ended && *ret_n == 0) {
		r = archive_read_data_block(t->filter, ret, ret_n, &offset);
		t->ended = r == ARCHIVE_EOF;
		if (t->ended)
			*ret_n = 0;
		if (r == ARCHIVE_OK || t->ended)
			continue;
		if (!t->err.code)
			err_set(&t->err, EINVAL, "the archive is damaged: %s",
				archive_error_string(t->filter));
		return -1;
	}
	return 0;
}

/* The next piece of the uncompressed stream: its size, 0 at the end, -1. */
static la_ssize_t read_unpacked(struct archive *a, void *arg, const void **ret)
{
	struct tar_stream *t = arg;
	size_t n = 0;

	if (!t->ended && next_filtered(t, ret, &n) < 0)
		goto failed;
	if (check_limits(t, n) < 0 || (n && blob_write(t->o.blob, *ret, n, &t->err) < 0))
		goto failed;
	tell_bytes(t->o.teller, t->o.done ? t->o.done : "unpacked", t->out, &t->told);
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
static int open_other_filter(struct tar_stream *t, struct err *e)
{
	struct archive *a = t->filter = archive_read_new();
	struct archive_entry *whole;
	int r;

	if (!a)
		abort();
	if (archive_read_support_filter_bzip2(a) != ARCHIVE_OK ||
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

enum compression compression_of(const void *data, size_t n)
{
	const unsigned char *p = data;

	if (n >= 3 && p[0] == 0x1f && p[1] == 0x8b && p[2] == 8)
		return COMPRESSION_GZIP;
	if (n >= 10 && memcmp(p, "BZh", 3) == 0 && p[3] >= '1' && p[3] <= '9' &&
		(memcmp(p + 4, "\x31\x41\x59\x26\x53\x59", 6) == 0 ||
			memcmp(p + 4, "\x17\x72\x45\x38\x50\x90", 6) == 0))
		return COMPRESSION_OTHER;
	if (n >= 6 && memcmp(p,
			      "\xfd"
			      "7zXZ",
			      6) == 0)
		return COMPRESSION_OTHER;
	/* RFC 8878: a frame, or one to skip */
	if (n >= 4 && (memcmp(p, "\x28\xb5\x2f\xfd", 4) == 0 ||
			      ((p[0] & 0xf0) == 0x50 && memcmp(p + 1, "\x2a\x4d\x18", 3) == 0)))
		return COMPRESSION_ZSTD;
	return COMPRESSION_NONE;
}

static int open_filter(struct tar_stream *t, struct err *e)
{
	ssize_t n = next_raw(t, &t->first, e);

	if (n < 0)
		return (int)n;
	t->ended = n == 0; /* an empty file */
	t->first_size = (size_t)n;
	t->compression = compression_of(t->first, t->first_size);
	if (t->compression == COMPRESSION_GZIP)
		t->gunzip = gunzip_new(next_raw, t);
	else if (t->compression != COMPRESSION_NONE)
		return open_other_filter(t, e);
	return 0;
}

enum compression tar_stream_compression(const struct tar_stream *t)
{
	return t->compression;
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
	gunzip_free(t->gunzip);
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

	t->in_headers = false; /* nobody looks at what it is any more */
	do
		n = read_unpacked(NULL, t, &data);
	while (n > 0);
	/* behind what the compression takes for its end */
	while (n >= 0 && (n = next_raw(t, &data, &t->err)) > 0)
		;
	if (n < 0) {
		*e = t->err;
		return -e->code;
	}
	return 0;
}
