#include "store/ingest_layer.h"
#include "base/mem.h"
#include "base/proc.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define BLOCK_SIZE ((size_t)256 << 10)
#define DROP_LAG   ((uint64_t)16 << 20)

/* The compressed bytes on their way: counted, digested, written down. */
struct source {
	const struct layer_job *job;
	struct blob raw;
	uint64_t read;
	uint64_t there; /* with `growth`: so many bytes can be read */
	uint64_t dropped;
	bool cut_short;
	char block[BLOCK_SIZE];
};

/* Of what has been read behind a writer, no page need stay in memory: those that are free again are
 * the next ones to be written to, which is cheaper than others (a virtual machine's may not even be
 * there yet). */
static void drop_read(struct source *s)
{
	uint64_t end = s->read > DROP_LAG ? s->read - DROP_LAG : 0;

	if (end < s->dropped + DROP_LAG)
		return;
	/* advice: its failure shows up again in fsync */
	(void)sync_file_range(s->job->fd, (off_t)s->dropped, (off_t)(end - s->dropped),
		SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
	(void)posix_fadvise(
		s->job->fd, (off_t)s->dropped, (off_t)(end - s->dropped), POSIX_FADV_DONTNEED);
	s->dropped = end;
}

/* Waits until there is more to read than has been; 0: there never will be. */
static size_t await_growth(struct source *s, size_t len)
{
	while (s->there == s->read)
		if (fs_read_full(s->job->growth, &s->there, sizeof s->there) !=
			(ssize_t)sizeof s->there)
			return 0;
	drop_read(s);
	return len < s->there - s->read ? len : (size_t)(s->there - s->read);
}

/* What an earlier attempt left is read from the file it left it in. */
static ssize_t read_block(struct source *s, size_t len)
{
	const struct layer_job *j = s->job;
	ssize_t n;

	if (s->read < j->have) {
		if (len > j->have - s->read)
			len = (size_t)(j->have - s->read);
		do
			n = pread(j->blob_fd, s->block, len, (off_t)s->read);
		while (n < 0 && errno == EINTR);
		return n < 0 ? -errno : n == 0 ? -EIO : n;
	}
	if (j->is_pipe)
		return fs_read_full(j->fd, s->block, len);
	do
		n = pread(j->fd, s->block, len, (off_t)(j->at + s->read));
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static ssize_t next_block(void *arg, const void **ret, struct err *e)
{
	struct source *s = arg;
	uint64_t size = s->job->size;
	size_t len = BLOCK_SIZE;
	ssize_t n;

	if (s->job->growth > 0)
		len = await_growth(s, len);
	else if (!s->job->is_pipe && len > size - s->read)
		len = (size_t)(size - s->read);
	n = len ? read_block(s, len) : 0;
	if (n < 0) {
		errno = (int)-n;
		return err_errno(e, "cannot read the layer");
	}
	s->read += (uint64_t)n;
	if (size != UINT64_MAX && s->read > size)
		return err_set(e, EBADMSG, "it is larger than the %llu bytes it should be",
			(unsigned long long)size);
	if (n == 0 && size != UINT64_MAX && s->read < size) {
		s->cut_short = true;
		return err_set(e, EPIPE, "it ended after %llu of %llu bytes",
			(unsigned long long)s->read, (unsigned long long)size);
	}
	if (n && blob_write(&s->raw, s->block, (size_t)n, e) < 0)
		return -e->code;
	*ret = s->block;
	return n;
}

static int unpack(const struct layer_job *j, struct tar_stream *stream, struct blob *out,
	struct layer_result *ret, int *ret_layer, struct err *e)
{
	auto_close int layer = -1, tree = -1;
	struct layer_apply o = { .archive_fd = -1,
		.stream = stream,
		.blob = out,
		.max_bytes = j->max_bytes,
		.ret_bytes = &ret->bytes };
	uint64_t entries;

	if (!j->tree)
		return tar_stream_drain(stream, e);
	layer = fs_open_dir_make(j->op_fd, j->tree, 0700, e);
	if (layer < 0 || (tree = fs_open_dir_make(layer, "fs", 0755, e)) < 0)
		return -e->code;
	o.scratch_fd = layer;
	o.tree_fd = tree;
	if (layer_apply(&o, &entries, e) < 0)
		return -e->code;
	*ret_layer = take_fd(&layer);
	return 0;
}

static int check(const struct layer_job *j, const struct layer_result *r,
	const struct digest *diff_id, struct err *e)
{
	if (*j->blob.text && !str_eq(j->blob.text, r->blob.text))
		return err_set(e, EBADMSG, "its digest is %.19s... and should be %.19s...",
			r->blob.text, j->blob.text);
	if (!str_eq(diff_id->text, j->diff_id.text))
		return err_set(e, EBADMSG,
			"it unpacks to %.19s... where the image's config says %.19s...",
			diff_id->text, j->diff_id.text);
	return 0;
}

static int run(struct source *s, struct layer_result *ret, struct err *e)
{
	const struct layer_job *j = s->job;
	auto_blob out = BLOB_INIT;
	auto_close int layer = -1;
	struct tar_stream_options o = {
		.fd = -1, .read = next_block, .read_arg = s, .blob = &out, .max_bytes = j->max_bytes
	};
	struct tar_stream *stream = NULL;
	struct digest diff_id;
	int r;

	if (blob_create(-1, NULL, &out, e) < 0 || tar_stream_open(&o, &stream, e) < 0)
		return -e->code;
	ret->compression = tar_stream_compression(stream);
	if (ret->compression == COMPRESSION_NONE) { /* one digest is both */
		blob_release(&out);
		blob_to_nowhere(&out);
	}
	r = unpack(j, stream, &out, ret, &layer, e);
	tar_stream_close(stream);
	if (r < 0 || blob_digest(&s->raw, &ret->blob, e) < 0 || blob_digest(&out, &diff_id, e) < 0)
		return -e->code;
	if (ret->compression == COMPRESSION_NONE)
		diff_id = ret->blob;
	ret->size = s->raw.size;
	if (j->growth > 0)
		return 0;
	if (check(j, ret, &diff_id, e) < 0)
		return -e->code;
	return j->tree ? layer_seal(layer, &diff_id, ret->bytes, FS_VOLATILE, e) : 0;
}

static void work(const struct layer_job *j, int result_fd)
{
	struct source *s = xcalloc(1, sizeof *s);
	struct layer_result ret = { 0 };
	int keep[] = { j->op_fd, j->fd, j->blob_fd, j->growth > 0 ? j->growth : -1, result_fd };

	/* other layers' pipes, above all: they end when nobody has them open */
	proc_close_others(3, keep, ARRAY_SIZE(keep));
	s->job = j;
	if (j->growth > 0)
		blob_to_nowhere(&s->raw);
	if ((j->growth > 0 || blob_continue(j->blob_fd, j->have, &s->raw, &ret.err) == 0) &&
		run(s, &ret, &ret.err) < 0)
		ret.keep = s->cut_short;
	if (ret.keep) { /* whatever the readers made of it */
		struct err end = { 0 };
		(void)blob_digest(&s->raw, &ret.blob, &end);
		err_set(&ret.err, EPIPE, "it ended after %llu of %llu bytes",
			(unsigned long long)s->read, (unsigned long long)j->size);
	}
	(void)fs_write_all(result_fd, &ret, sizeof ret);
	_exit(0);
}

pid_t layer_job_start(const struct layer_job *j, int *ret_fd, int *ret_pidfd, struct err *e)
{
	pid_t parent = getpid(), pid;
	int ends[2], pidfd;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(e, "cannot make a pipe");
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			work(j, ends[1]);
		_exit(1);
	}
	close(ends[1]);
	if (pid < 0) {
		err_errno(e, "cannot start a process");
		close(ends[0]);
		return -e->code;
	}
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0) {
		err_errno(e, "cannot watch a process");
		close(ends[0]);
		kill(pid, SIGKILL);
		proc_wait(pid);
		return -e->code;
	}
	*ret_fd = ends[0];
	*ret_pidfd = pidfd;
	return pid;
}

int layer_job_wait(pid_t pid, int fd, struct layer_result *ret, struct err *e)
{
	ssize_t n = fs_read_full(fd, ret, sizeof *ret);
	int status;

	close(fd);
	status = proc_wait(pid);
	if (n != (ssize_t)sizeof *ret || status != 0)
		return err_set(e, EIO, "the process that unpacks it has died (status %d)", status);
	if (ret->err.code)
		*e = ret->err;
	return -ret->err.code;
}
