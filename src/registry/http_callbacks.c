#include "base/fs.h"
#include "base/mem.h"
#include "registry/http_internal.h"

#include <string.h>
#include <strings.h>

#define HEADERS_MAX ((size_t)256 << 10)
#define VALUE_MAX   8192

void http_reply_begin(struct http_transfer *t)
{
	size_t limit = t->reply.body.limit;

	http_reply_release(&t->reply);
	t->reply.body = (struct str)STR_INIT(limit);
}

/* The value of header `name`, if the line has that; the first one counts. */
static bool take_value(const char *line, size_t n, const char *name, char **ret)
{
	size_t len = strlen(name);

	if (n <= len || strncasecmp(line, name, len) != 0 || line[len] != ':')
		return false;
	for (line += len + 1, n -= len + 1; n && (*line == ' ' || *line == '\t'); n--)
		line++;
	while (n && strchr("\r\n \t", line[n - 1]))
		n--;
	if (!*ret && n <= VALUE_MAX && !memchr(line, '\0', n))
		*ret = xstrndup(line, n);
	return true;
}

static void take_challenge(struct http_transfer *t, const char *line, size_t n)
{
	auto_free char *text = NULL;

	if (take_value(line, n, "WWW-Authenticate", &text) && text)
		(void)challenge_parse(text, &t->reply.challenge); /* a bad one offers nothing */
}

size_t http_take_header(char *data, size_t size, size_t n, void *transfer)
{
	struct http_transfer *t = transfer;
	struct http_reply *r = &t->reply;

	n *= size;
	t->header_bytes += n;
	if (t->header_bytes > HEADERS_MAX) {
		t->result = err_set(&t->error, EPROTO, "it answers with endless headers");
		return 0;
	}
	if (n > 9 && strncmp(data, "HTTP/", 5) == 0) { /* also after an interim answer */
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->status);
		http_reply_begin(t);
		return n;
	}
	if (!take_value(data, n, "Content-Type", &r->content_type) &&
		!take_value(data, n, "Location", &r->location) &&
		!take_value(data, n, "Docker-Content-Digest", &r->digest) &&
		!take_value(data, n, "Content-Range", &r->content_range) &&
		!take_value(data, n, "Last-Modified", &r->last_modified) &&
		!take_value(data, n, "Range", &r->range) && !take_value(data, n, "Link", &r->link))
		take_challenge(t, data, n);
	return n;
}

/* "bytes FROM-TO/ALL" (RFC 9110, section 14.4): has it been given what was asked for? */
static bool begins_at(const char *content_range, uint64_t from)
{
	uint64_t at;
	size_t n;
	auto_free char *digits = NULL;

	if (!content_range || strncasecmp(content_range, "bytes ", 6) != 0)
		return false;
	n = strspn(content_range + 6, "0123456789");
	digits = xstrndup(content_range + 6, n);
	return content_range[6 + n] == '-' && str_to_u64(digits, 0, UINT64_MAX, &at) == 0 &&
	       at == from;
}

static size_t give(struct http_transfer *t, const char *data, size_t n)
{
	bool fresh = t->range_from && t->status == 200;
	int r;

	if (t->range_from && t->status == 206 &&
		!begins_at(t->reply.content_range, t->range_from)) {
		t->result = err_set(
			&t->error, EPROTO, "it answers with another range than was asked for");
		return 0;
	}
	r = t->sink(t->sink_arg, data, n, fresh);
	if (r == -EAGAIN)
		return CURL_WRITEFUNC_PAUSE;
	if (r < 0 && t->result == 0)
		t->result = err_set(&t->error, ECANCELED, "the data is not wanted");
	return r < 0 ? 0 : n;
}

size_t http_take_data(char *data, size_t size, size_t n, void *transfer)
{
	struct http_transfer *t = transfer;

	n *= size;
	if (n == 0)
		return 0;
	if (t->sink && (t->status == 200 || t->status == 206))
		return give(t, data, n);
	str_add_data(&t->reply.body, data, n);
	if (!t->reply.body.overflow)
		return n;
	/* of a failure its beginning is enough; a document must be whole */
	if (t->status >= 300)
		return n;
	t->result = err_set(
		&t->error, EFBIG, "its answer is longer than %zu bytes", t->reply.body.limit);
	return 0;
}

size_t http_read_body(char *data, size_t size, size_t n, void *transfer)
{
	struct http_transfer *t = transfer;
	uint64_t left = t->body_size - t->read_at;
	ssize_t got;

	n *= size;
	if (n > left)
		n = (size_t)left;
	if (t->body) {
		memcpy(data, t->body + t->read_at, n);
		got = (ssize_t)n;
	} else {
		got = fs_pread_full(t->body_fd, data, n, (off_t)(t->body_at + t->read_at));
	}
	if (got < 0 || (got == 0 && n)) {
		t->result = err_set(&t->error, EIO, "cannot read what is to be sent");
		return CURL_READFUNC_ABORT;
	}
	t->read_at += (uint64_t)got;
	return (size_t)got;
}

int http_seek_body(void *transfer, curl_off_t offset, int origin)
{
	struct http_transfer *t = transfer;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > t->body_size)
		return CURL_SEEKFUNC_FAIL;
	t->read_at = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

int http_explain(const struct http_transfer *t, CURLcode code, struct err *e)
{
	const char *why = *t->problem ? t->problem : curl_easy_strerror(code);
	char at[ORIGIN_TEXT_SIZE], host[ORIGIN_TEXT_SIZE];

	origin_text(&t->origin, at);
	origin_host(&t->origin, host);
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		err_set(e, EHOSTUNREACH, "there is no host '%s'", t->origin.host);
		return err_hint(e, "look at its name, and whether this host reaches a name server");
	case CURLE_COULDNT_CONNECT:
		err_set(e, ECONNREFUSED, "nobody answers at '%s'", at);
		return err_hint(e, "redock images lists what is here already");
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		err_set(e, EPERM, "nobody vouches for '%s': %s", at, why);
		return err_hint(e,
			"put the certificate of its authority into "
			"/etc/redock/certs.d/%.200s/ca.crt",
			host);
	case CURLE_SSL_CONNECT_ERROR:
		return err_set(e, EPROTO, "'%s' does not speak TLS as it should: %s", at, why);
	case CURLE_OPERATION_TIMEDOUT:
		return err_set(e, EAGAIN, "nothing came from '%s' in time", at);
	case CURLE_PARTIAL_FILE:
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		return err_set(e, EAGAIN, "the connection to '%s' broke: %s", at, why);
	default:
		return err_set(e, EIO, "cannot speak with '%s': %s", at, why);
	}
}
