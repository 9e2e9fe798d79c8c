#include "base/mem.h"
#include "base/time.h"
#include "store/write.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/sendfile.h>

#define BUFFER_SIZE ((size_t)256 << 10)
/* A reader who takes nothing for so long (nanoseconds) is waiting for something himself. */
#define STALL_AFTER ((int64_t)500000000)
#define SEND_SIZE   ((size_t)4 << 20)
/* How much is written before the kernel is asked to begin to bring it to the disk, so that the
 * final fsync has little left to wait for. */
#define FLUSH_EVERY ((uint64_t)16 << 20)

int blob_create(int dirfd, const char *name, struct blob *ret, struct err *e)
{
	auto_close int fd = -1;

	if (name) {
		fd = openat(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return err_errno(e, "cannot make a file in the store");
	}
	return blob_continue(take_fd(&fd), 0, ret, e);
}

int blob_continue(int fd, uint64_t have, struct blob *ret, struct err *e)
{
	auto_blob b = { .fd = fd, .skip = have };

	b.sha = EVP_MD_CTX_new();
	if (!b.sha || !EVP_DigestInit_ex(b.sha, EVP_sha256(), NULL))
		return err_set(e, ENOMEM, "cannot begin a SHA-256 digest");
	if (fd >= 0 && have && lseek(fd, (off_t)have, SEEK_SET) < 0)
		return err_errno(e, "cannot go on with a file of the store");
	b.buffer = xmalloc(BUFFER_SIZE);
	*ret = b;
	b = (struct blob)BLOB_INIT;
	return 0;
}

void blob_to_stream(int fd, struct blob *ret)
{
	*ret = (struct blob){ .fd = fd, .buffer = xmalloc(BUFFER_SIZE), .stream = true };
}

void blob_to_nowhere(struct blob *ret)
{
	blob_to_stream(-1, ret);
}

static int tell_follower(struct blob *b, size_t more, struct err *e)
{
	b->written += more;
	if (b->follower > 0 && fs_write_all(b->follower, &b->written, sizeof b->written) < 0)
		return err_set(e, EPIPE, "whoever reads the archive has gone");
	return 0;
}

/* To whoever reads the stream: he may take his time, and be gone. */
static int put_stream(struct blob *b, const char *data, size_t len, struct err *e)
{
	while (len) {
		int64_t begun = time_monotonic();
		ssize_t n = write(b->fd, data, len);
		/* interrupted by the timer of whoever wants to know (see files.c) */
		if (b->stalled && time_monotonic() - begun > STALL_AFTER) {
			b->stalled(b->stalled_arg);
			b->stalled = NULL;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EPIPE)
			return err_set(e, EPIPE, "whoever reads the archive has gone");
		if (n < 0)
			return err_errno(e, "cannot write the archive");
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int put(struct blob *b, const void *data, size_t len, struct err *e)
{
	int r;

	if (b->stream && b->fd < 0)
		return 0;
	if (b->stream) {
		tell_bytes(b->teller, "copied", b->size, &b->told);
		return put_stream(b, data, len, e);
	}
	if (!EVP_DigestUpdate(b->sha, data, len))
		return err_set(e, EIO, "cannot compute a SHA-256 digest");
	if (b->fd < 0)
		return 0;
	if (b->skip) {
		size_t known = b->skip < len ? (size_t)b->skip : len;
		b->skip -= known;
		data = (const char *)data + known;
		len -= known;
	}
	r = fs_write_all(b->fd, data, len);
	if (r < 0) {
		errno = -r;
		return err_errno(e, "cannot write to the store");
	}
	return tell_follower(b, len, e);
}

static int flush(struct blob *b, struct err *e)
{
	size_t used = b->used;

	b->used = 0;
	if (used && put(b, b->buffer, used, e) < 0)
		return -e->code;
	if (!b->stream && b->fd >= 0 && b->size - b->flushed >= FLUSH_EVERY) {
		/* advice: its failure shows up again in fsync */
		(void)sync_file_range(b->fd, (off_t)b->flushed, (off_t)(b->size - b->flushed),
			SYNC_FILE_RANGE_WRITE);
		b->flushed = b->size;
	}
	return 0;
}

int blob_write(struct blob *b, const void *data, size_t len, struct err *e)
{
	if (len > BUFFER_SIZE - b->used && flush(b, e) < 0)
		return -e->code;
	b->size += len;
	if (len >= BUFFER_SIZE / 4)
		return flush(b, e) < 0 ? -e->code : put(b, data, len, e);
	memcpy(b->buffer + b->used, data, len);
	b->used += len;
	return 0;
}

/* sendfile(2) goes where copy_file_range(2) does not: into a pipe, to another file system. */
static ssize_t send_some(int out, int fd, off_t *at, size_t len)
{
	ssize_t n = copy_file_range(fd, at, out, NULL, len, 0);

	if (n >= 0 || errno == EINTR)
		return n;
	return sendfile(out, fd, at, len);
}

int blob_send(struct blob *b, int fd, uint64_t size, struct err *e)
{
	uint64_t done = 0;
	off_t at = 0;

	if (flush(b, e) < 0)
		return -e->code;
	while (done < size) {
		size_t len = size - done < SEND_SIZE ? (size_t)(size - done) : SEND_SIZE;
		ssize_t n = send_some(b->fd, fd, &at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EPIPE)
			return err_set(e, EPIPE, "whoever reads the archive has gone");
		if (n < 0)
			return err_errno(e, "cannot write the archive");
		if (n == 0)
			return err_set(e, EIO, "it is shorter than it was");
		done += (uint64_t)n;
	}
	b->size += size;
	return 0;
}

int blob_finish(struct blob *b, struct digest *ret, struct err *e)
{
	if (blob_digest(b, ret, e) < 0)
		return -e->code;
	return b->stream || b->fd < 0 ? 0 : fs_sync(b->fd, e);
}

int blob_digest(struct blob *b, struct digest *ret, struct err *e)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (flush(b, e) < 0)
		return -e->code;
	if (b->stream)
		return 0;
	if (!EVP_DigestFinal_ex(b->sha, sum, &n) || n != 32)
		return err_set(e, EIO, "cannot compute a SHA-256 digest");
	memcpy(ret->text, "sha256:", 7);
	for (unsigned i = 0; i < n; i++)
		snprintf(ret->text + 7 + 2 * i, 3, "%02x", sum[i]);
	return 0;
}

void blob_release(struct blob *b)
{
	if (!b->stream)
		close_fd(&b->fd);
	EVP_MD_CTX_free(b->sha);
	free(b->buffer);
	*b = (struct blob)BLOB_INIT;
}
