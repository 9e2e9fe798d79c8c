#include "registry/fetch.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/time.h"
#include "registry/events.h"
#include "registry/protocol.h"
#include "store/write.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <string.h>

#define SAY_EVERY ((int64_t)100000000)

struct fetch {
	const char *url;
	struct http_transfer *transfer;
	struct blob file;
	uint64_t max;
	int64_t said_at;
	struct err error;
};

static void say(struct fetch *f, const char *status)
{
	event_layer("fetch:download", status, f->file.size, http_length(f->transfer));
}

/* An http_sink. */
static int take(void *arg, const void *data, size_t len, bool fresh)
{
	struct fetch *f = arg;
	int64_t now = time_monotonic();

	(void)fresh;
	if (len > f->max - f->file.size)
		return err_set(&f->error, EFBIG, "it is longer than %llu bytes",
			(unsigned long long)f->max);
	if (blob_write(&f->file, data, len, &f->error) < 0)
		return -f->error.code;
	if (now - f->said_at >= SAY_EVERY) {
		f->said_at = now;
		say(f, STATUS_DOWNLOADING);
	}
	return 0;
}

/* What stands before an '@' is somebody's name, and maybe a password: it is not for messages, nor
 * for the history of an image. */
static int check_url(const char *url, struct err *e)
{
	const char *authority = strstr(url, "://");
	struct origin unused;

	authority = authority ? authority + 3 : url;
	if (memchr(authority, '@', strcspn(authority, "/?#"))) {
		err_set(e, EINVAL, "the address has a user name or a password in it");
		return err_hint(e, "without them: an image's history would keep them");
	}
	return url_origin(url, &unused, e);
}

static int check_status(const struct http_reply *reply, struct err *e)
{
	switch (reply->status) {
	case 200:
		return 0;
	case 404:
	case 410:
		return err_set(e, ENOENT, "the server has no such file (%ld)", reply->status);
	case 401:
	case 403:
	case 407:
		err_set(e, EACCES, "the server does not give it to everybody (%ld)", reply->status);
		return err_hint(e, "a RUN with --mount=type=secret and a program that logs in");
	default:
		return err_set(e, EPROTO, "the server answers with status %ld", reply->status);
	}
}

/* http.h speaks to somebody who wants an image. */
static int explain(struct err *e)
{
	if (e->code == ECONNREFUSED)
		err_hint(e, "look at the address, and whether the server runs");
	else if (e->code == EAGAIN)
		err_hint(e, "again, later");
	return -e->code;
}

static int download(struct http *http, struct fetch *f, struct http_reply *ret, struct err *e)
{
	const struct http_request q = {
		.method = "GET", .url = f->url, .plain = true, .sink = take, .sink_arg = f
	};
	struct err ignored = { 0 };
	int r = http_begin(http, &q, &f->transfer, e);

	if (r < 0)
		return r;
	say(f, STATUS_DOWNLOADING);
	while (r == 0 && !http_is_done(f->transfer))
		r = http_step(http, NULL, 0, -1, e);
	if (r == 0)
		say(f, STATUS_PULLED);
	if (r < 0)
		(void)http_end(f->transfer, ret, &ignored);
	else
		r = http_end(f->transfer, ret, e);
	if (f->error.code) { /* why it was not wanted */
		*e = f->error;
		return -e->code;
	}
	return r < 0 ? explain(e) : check_status(ret, e);
}

static json_t *describe(const struct fetch *f, const struct http_reply *reply, const char *digest)
{
	time_t modified = reply->last_modified ? curl_getdate(reply->last_modified, NULL) : -1;
	json_t *j = json_pack("{s:s, s:I, s:s}", "url", reply->url, "size",
		(json_int_t)f->file.size, "digest", digest);

	if (j && modified >= 0)
		json_object_set_new(j, "modified", json_integer(modified));
	return j ? j : json_object();
}

int fetch_run(struct http *http, const json_t *request, json_t **ret, struct err *e)
{
	const char *checksum = json_str(request, "checksum", NULL);
	int64_t max = json_int(request, "max", 0);
	struct fetch f = { .url = json_str(request, "url", ""), .file = BLOB_INIT };
	int fd = fcntl(REGISTRY_FILE, F_DUPFD_CLOEXEC, 3), r;
	struct digest wanted, is;
	auto_reply reply = { 0 };

	if (fd < 0)
		return err_errno(e, "cannot write the file");
	r = blob_continue(fd, 0, &f.file, e);
	if (r == 0)
		r = check_url(f.url, e);
	if (r == 0 && checksum && digest_parse(checksum, &wanted) < 0) {
		err_set(e, EINVAL, "'%.100s' is no checksum of a file",
			str_is_one_line(checksum) ? checksum : "?");
		r = err_hint(e, "sha256: and 64 digits from 0 to f");
	}
	f.max = max > 0 ? (uint64_t)max : 0;
	if (r == 0)
		r = download(http, &f, &reply, e);
	if (r == 0)
		r = blob_digest(&f.file, &is, e);
	if (r == 0 && checksum && !str_eq(wanted.text, is.text)) {
		err_set(e, EBADMSG, "its checksum is %s, not %s", is.text, wanted.text);
		r = err_hint(e, "look at what the server has there before you change --checksum");
	}
	if (r == 0)
		*ret = describe(&f, &reply, is.text);
	blob_release(&f.file);
	return r;
}
