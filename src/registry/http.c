#include "registry/http.h"
#include "base/mem.h"
#include "registry/http_internal.h"

#include <curl/curl.h>
#include <string.h>

#define MEMORY_MAX    ((size_t)64 << 10)
#define REDIRECTS_MAX 5
#define AGENT         "redock/" REDOCK_VERSION
/* Slower than this (bytes a second, over the timeout) is as good as not at all. */
#define LEAST_SPEED 256L

int http_open(const struct registry_settings *s, struct http **ret, struct err *e)
{
	struct http *h = xcalloc(1, sizeof *h);

	h->settings = s;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) || !(h->multi = curl_multi_init())) {
		free(h);
		return err_set(e, ENOMEM, "cannot start libcurl");
	}
	*ret = h;
	return 0;
}

void http_close(struct http *h)
{
	if (!h)
		return;
	curl_multi_cleanup(h->multi);
	curl_global_cleanup();
	free(h);
}

void http_reply_release(struct http_reply *r)
{
	free(r->url);
	free(r->content_type);
	free(r->location);
	free(r->digest);
	free(r->link);
	free(r->range);
	free(r->content_range);
	free(r->last_modified);
	str_release(&r->body);
	*r = (struct http_reply){ 0 };
}

static void transfer_free(struct http_transfer *t)
{
	if (t->easy) {
		curl_multi_remove_handle(t->http->multi, t->easy);
		curl_easy_cleanup(t->easy);
	}
	curl_slist_free_all(t->headers);
	registry_certificates_release(&t->certificates);
	http_reply_release(&t->reply);
	free(t->method);
	free(t->url);
	free(t->authorization);
	free(t->accept);
	free(t->content_type);
	free(t->body);
	free(t);
}

static void add_header(struct http_transfer *t, const char *name, const char *value)
{
	auto_free char *line =
		value && *value ? xasprintf("%s: %s", name, value) : xasprintf("%s:", name);

	t->headers = curl_slist_append(t->headers, line);
	if (!t->headers)
		abort();
	if (t->authorization)
		explicit_bzero(line, strlen(line));
}

static void set_body(struct http_transfer *t)
{
	CURL *c = t->easy;

	if (t->body || t->body_size) {
		curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)t->body_size);
		curl_easy_setopt(c, CURLOPT_READFUNCTION, http_read_body);
		curl_easy_setopt(c, CURLOPT_READDATA, t);
		curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, http_seek_body);
		curl_easy_setopt(c, CURLOPT_SEEKDATA, t);
		curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, 256L << 10);
		add_header(t, "Expect", NULL);
	} else if (str_eq(t->method, "HEAD")) {
		curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	} else if (!str_eq(t->method, "GET")) {
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, "");
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, 0L);
		add_header(t, "Content-Type", NULL);
	}
	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, t->method);
}

static void set_times(struct http_transfer *t)
{
	long timeout = (long)t->http->settings->timeout, all = timeout * (long)t->patience;

	curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT, timeout);
	curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_LIMIT, LEAST_SPEED);
	curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_TIME, all);
	/* a small answer that comes byte by byte is no better than none */
	if (!t->sink && !t->body_size)
		curl_easy_setopt(t->easy, CURLOPT_TIMEOUT, 2 * all);
}

/* Whom we believe, of the host that is asked now. */
static int set_trust(struct http_transfer *t, struct err *e)
{
	struct registry_certificates *c = &t->certificates;
	struct curl_blob blob = { .flags = CURL_BLOB_COPY };

	registry_certificates_release(c);
	if (!t->origin.secure)
		return 0;
	if (registry_certificates_load(t->http->settings, &t->origin, c, e) < 0)
		return -e->code;
	if (c->authorities) {
		blob.data = c->authorities;
		blob.len = strlen(c->authorities);
		curl_easy_setopt(t->easy, CURLOPT_CAINFO_BLOB, &blob);
	}
	curl_easy_setopt(t->easy, CURLOPT_SSLCERT, c->certificate);
	curl_easy_setopt(t->easy, CURLOPT_SSLKEY, c->key);
	if (registry_is_insecure(t->http->settings, &t->origin)) {
		curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	return 0;
}

/* One exchange, with the URL as it is by now. */
static int launch(struct http_transfer *t, struct err *e)
{
	CURL *c = t->easy = curl_easy_init();

	if (!c)
		abort();
	curl_easy_setopt(c, CURLOPT_PRIVATE, t);
	curl_easy_setopt(c, CURLOPT_URL, t->url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, t->origin.secure ? "https" : "http");
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_USERAGENT, AGENT);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_BUFFERSIZE, 256L << 10);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->problem);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, http_take_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, http_take_data);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	if (t->accept)
		add_header(t, "Accept", t->accept);
	set_body(t);
	if (t->content_type)
		add_header(t, "Content-Type", t->content_type);
	if (t->authorization)
		add_header(t, "Authorization", t->authorization);
	if (t->range_from) {
		auto_free char *range = xasprintf("bytes=%llu-", (unsigned long long)t->range_from);
		add_header(t, "Range", range);
	}
	set_times(t);
	if (set_trust(t, e) < 0)
		return -e->code;
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, t->headers);
	t->status = 0;
	t->read_at = 0;
	return curl_multi_add_handle(t->http->multi, c)
		       ? err_set(e, ENOMEM, "cannot start a transfer")
		       : 0;
}

/* Plain HTTP is spoken where that is allowed, and nowhere else. */
static int check_plain(struct http_transfer *t, struct err *e)
{
	char host[ORIGIN_TEXT_SIZE];

	if (t->origin.secure || t->plain || registry_may_be_plain(t->http->settings, &t->origin))
		return 0;
	origin_host(&t->origin, host);
	err_set(e, EPROTO, "'%s' is to be spoken to without TLS", host);
	return err_hint(e, "insecure_registries = %s, in redock.conf, if that is meant", host);
}

int http_begin(
	struct http *h, const struct http_request *r, struct http_transfer **ret, struct err *e)
{
	struct http_transfer *t = xcalloc(1, sizeof *t);

	t->http = h;
	t->method = xstrdup(r->method);
	t->url = xstrdup(r->url);
	t->authorization = r->authorization ? xstrdup(r->authorization) : NULL;
	t->accept = r->accept ? xstrdup(r->accept) : NULL;
	t->content_type = r->content_type ? xstrdup(r->content_type) : NULL;
	if (r->body) {
		t->body = xmalloc(r->body_len + 1);
		memcpy(t->body, r->body, r->body_len);
	}
	t->body_fd = r->body_fd;
	t->body_at = r->body_at;
	t->body_size = r->body ? r->body_len : r->body_size;
	t->range_from = r->range_from;
	t->sink = r->sink;
	t->sink_arg = r->sink_arg;
	t->patience = r->patience ? r->patience : 1;
	t->plain = r->plain;
	t->reply.body = (struct str)STR_INIT(r->max ? r->max : MEMORY_MAX);
	if (url_origin(t->url, &t->origin, e) < 0 || check_plain(t, e) < 0 || launch(t, e) < 0) {
		transfer_free(t);
		return -e->code;
	}
	*ret = t;
	return 0;
}

static bool is_redirect(const struct http_transfer *t)
{
	bool asks = str_eq(t->method, "GET") || str_eq(t->method, "HEAD");

	return t->status == 307 || t->status == 308 ||
	       (asks && (t->status == 301 || t->status == 302 || t->status == 303));
}

/* Goes on at another place, without what only the first one may know. */
static int redirect(struct http_transfer *t, struct err *e)
{
	auto_free char *url = NULL;
	struct origin to;

	if (!t->reply.location)
		return err_set(e, EPROTO, "it redirects to nowhere");
	if (++t->redirects > REDIRECTS_MAX)
		return err_set(e, ELOOP, "it redirects more than %d times", REDIRECTS_MAX);
	if (url_resolve(t->url, t->reply.location, &url, e) < 0 || url_origin(url, &to, e) < 0)
		return -e->code;
	if (t->origin.secure && !to.secure)
		return err_set(e, EPROTO, "it redirects from https to plain http");
	if (!origin_same(&t->origin, &to)) {
		if (t->body) /* it may hold a secret as well */
			return err_set(e, EPROTO, "it redirects a %s to another host", t->method);
		if (t->authorization)
			explicit_bzero(t->authorization, strlen(t->authorization));
		free(take_ptr(&t->authorization));
	}
	t->origin = to;
	if (check_plain(t, e) < 0)
		return -e->code;
	free(t->url);
	t->url = take_ptr(&url);
	curl_multi_remove_handle(t->http->multi, t->easy);
	curl_easy_cleanup(t->easy);
	t->easy = NULL;
	curl_slist_free_all(t->headers);
	t->headers = NULL;
	http_reply_begin(t);
	return launch(t, e);
}

/* An exchange is over. */
static void complete(struct http_transfer *t, CURLcode code)
{
	curl_off_t after = 0;

	if (code == CURLE_OK && is_redirect(t)) {
		if (redirect(t, &t->error) < 0) {
			t->result = -t->error.code;
			t->done = true;
		}
		return;
	}
	t->done = true;
	t->reply.status = t->status;
	t->reply.url = xstrdup(t->url);
	if (!curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &after) && after > 0)
		t->reply.retry_after = (int64_t)after;
	if (code != CURLE_OK && t->result == 0)
		t->result = http_explain(t, code, &t->error);
}

int http_step(struct http *h, struct pollfd *extra, unsigned n, int timeout_ms, struct err *e)
{
	struct curl_waitfd fds[64];
	int running, left;
	CURLMsg *m;

	for (unsigned i = 0; i < n; i++) {
		fds[i] = (struct curl_waitfd){ .fd = extra[i].fd };
		fds[i].events = extra[i].events & POLLOUT ? CURL_WAIT_POLLOUT : CURL_WAIT_POLLIN;
	}
	/* The wait comes first, or what a callback begins to wait for would not be among `extra`
	 * yet. A bound in any case: libcurl's own timers are looked at by perform. */
	if (curl_multi_poll(h->multi, fds, n,
		    timeout_ms < 0 || timeout_ms > 1000 ? 1000 : timeout_ms, NULL) ||
		curl_multi_perform(h->multi, &running))
		return err_set(e, EIO, "libcurl cannot go on");
	while ((m = curl_multi_info_read(h->multi, &left))) {
		struct http_transfer *t = NULL;
		CURLcode code = m->data.result;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t);
		complete(t, code);
	}
	for (unsigned i = 0; i < n; i++)
		extra[i].revents = fds[i].revents ? extra[i].events : 0;
	return 0;
}

bool http_is_done(const struct http_transfer *t)
{
	return t->done;
}

void http_resume(struct http_transfer *t)
{
	if (t->easy && !t->done)
		curl_easy_pause(t->easy, CURLPAUSE_CONT);
}

uint64_t http_sent(const struct http_transfer *t)
{
	return t->read_at;
}

uint64_t http_length(const struct http_transfer *t)
{
	curl_off_t length = 0;

	if (!t->easy || curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length))
		return 0;
	return length > 0 ? (uint64_t)length : 0;
}

int http_end(struct http_transfer *t, struct http_reply *ret, struct err *e)
{
	int r = t->result;

	if (r < 0)
		*e = t->error;
	if (r == 0 && !t->done)
		r = err_set(e, ECANCELED, "the transfer was broken off");
	if (r == 0) {
		*ret = t->reply;
		t->reply = (struct http_reply){ 0 };
	}
	transfer_free(t);
	return r;
}

int http_do(struct http *h, const struct http_request *r, struct http_reply *ret, struct err *e)
{
	struct http_transfer *t;
	struct err ignored;
	int result = http_begin(h, r, &t, e);

	if (result < 0)
		return result;
	while (!http_is_done(t)) {
		result = http_step(h, NULL, 0, -1, e);
		if (result < 0) {
			(void)http_end(t, ret, &ignored);
			return result;
		}
	}
	return http_end(t, ret, e);
}
