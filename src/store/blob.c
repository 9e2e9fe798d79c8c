#include "base/mem.h"
#include "store/write.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>

#define BUFFER_SIZE ((size_t)256 << 10)
/* How much is written before the kernel is asked to begin to bring it to the disk, so that the
 * final fsync has little left to wait for. */
#define FLUSH_EVERY ((uint64_t)16 << 20)

int blob_create(int dirfd, const char *name, struct blob *ret, struct err *e)
{
	auto_blob b = BLOB_INIT;

	b.sha = EVP_MD_CTX_new();
	if (!b.sha || !EVP_DigestInit_ex(b.sha, EVP_sha256(), NULL))
		return err_set(e, ENOMEM, "cannot begin a SHA-256 digest");
	if (name) {
		b.fd = openat(
			dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (b.fd < 0)
			return err_errno(e, "cannot make a file in the store");
	}
	b.buffer = xmalloc(BUFFER_SIZE);
	*ret = b;
	b = (struct blob)BLOB_INIT;
	return 0;
}

static int put(struct blob *b, const void *data, size_t len, struct err *e)
{
	int r;

	if (!EVP_DigestUpdate(b->sha, data, len))
		return err_set(e, EIO, "cannot compute a SHA-256 digest");
	if (b->fd < 0)
		return 0;
	r = fs_write_all(b->fd, data, len);
	if (r < 0) {
		errno = -r;
		return err_errno(e, "cannot write to the store");
	}
	return 0;
}

static int flush(struct blob *b, struct err *e)
{
	size_t used = b->used;

	b->used = 0;
	if (used && put(b, b->buffer, used, e) < 0)
		return -e->code;
	if (b->fd >= 0 && b->size - b->flushed >= FLUSH_EVERY) {
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

int blob_finish(struct blob *b, struct digest *ret, struct err *e)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (flush(b, e) < 0)
		return -e->code;
	if (b->fd >= 0 && fs_sync(b->fd, e) < 0)
		return -e->code;
	if (!EVP_DigestFinal_ex(b->sha, sum, &n) || n != 32)
		return err_set(e, EIO, "cannot compute a SHA-256 digest");
	memcpy(ret->text, "sha256:", 7);
	for (unsigned i = 0; i < n; i++)
		snprintf(ret->text + 7 + 2 * i, 3, "%02x", sum[i]);
	return 0;
}

void blob_release(struct blob *b)
{
	close_fd(&b->fd);
	EVP_MD_CTX_free(b->sha);
	free(b->buffer);
	*b = (struct blob)BLOB_INIT;
}
