/* Files from elsewhere, for builds: by way of the helper programs, which read what strangers send.
 */
#include "base/fs.h"
#include "base/mem.h"
#include "engine/local/local.h"
#include "registry/client.h"
#include "store/files.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#define BLOCK_SIZE ((size_t)256 << 10)

static void pass_on(void *arg, const struct registry_event *event)
{
	const struct fetch_request *request = arg;
	struct transfer_event t = {
		.layer = event->layer,
		.status = event->text,
		.current = event->current,
		.total = event->total,
	};

	if (request->each)
		request->each(request->arg, &t);
}

int local_fetch(struct engine *en, const struct fetch_request *request, int fd, struct fetched *ret,
	struct err *e)
{
	uint64_t max = request->max ? request->max : INT64_MAX;
	auto_json *asks = json_pack(
		"{s:s, s:s, s:I}", "op", "fetch", "url", request->url, "max", (json_int_t)max);
	auto_json *answer = NULL;
	int64_t size;
	int r;

	(void)en;
	if (!asks)
		return err_set(e, EINVAL, "the address is not valid UTF-8");
	if (request->checksum)
		json_object_set_new(asks, "checksum", json_string(request->checksum));
	r = registry_call(fd, asks, pass_on, (void *)request, &answer, e);
	if (r < 0)
		return r;
	size = json_int(answer, "size", 0);
	*ret = (struct fetched){
		.url = xstrdup(json_str(answer, "url", request->url)),
		.digest = xstrdup(json_str(answer, "digest", "")),
		.size = size > 0 ? (uint64_t)size : 0,
		.modified = json_int(answer, "modified", -1),
	};
	return 0;
}

/* The reader who is gone has said why to whoever started it: 0 then, too. */
static int send_block(int socket, const char *data, size_t len, bool *ret_gone, struct err *e)
{
	while (len) {
		ssize_t n = send(socket, data, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) {
			*ret_gone = true;
			return 0;
		}
		if (n < 0)
			return err_errno(e, "cannot pass on the archive");
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int pump(int socket, const void *head, size_t len, int fd, struct err *e)
{
	auto_free char *block = xmalloc(BLOCK_SIZE);
	bool gone = false;
	int r = send_block(socket, head, len, &gone, e);

	while (r == 0 && !gone) {
		ssize_t n = read(fd, block, BLOCK_SIZE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, "cannot read the archive");
		if (n == 0)
			return 0;
		r = send_block(socket, block, (size_t)n, &gone, e);
	}
	return r;
}

static int finish(struct store_files *files, int r, struct err *e)
{
	struct err own = { 0 };
	int theirs = store_files_finish(files, &own);

	if (r == 0 && theirs < 0) {
		*e = own;
		r = theirs;
	}
	return r;
}

int local_unpack(struct engine *en, const void *head, size_t len, int fd, int dir_fd, struct err *e)
{
	bool whole = lseek(fd, -(off_t)len, SEEK_CUR) >= 0; /* a file: no way through this one */
	struct store_extract x = { .fd = fd, .dir_fd = dir_fd, .keep_mode = true };
	auto_close int ours = -1, theirs = -1;
	struct store_files *files;
	int ends[2], r = 0;

	(void)en;
	if (!whole && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return err_errno(e, "cannot make a socket");
	if (!whole) {
		ours = ends[0];
		x.fd = theirs = ends[1];
	}
	if (store_extract_start(&x, &files, e) < 0)
		return -e->code;
	close_fd(&theirs);
	if (!whole)
		r = pump(ours, head, len, fd, e);
	close_fd(&ours);
	return finish(files, r, e);
}
