#pragma once
/* What http.c and http_callbacks.c share. */
#include "registry/http.h"

#include <curl/curl.h>

struct http {
	CURLM *multi;
	const struct registry_settings *settings;
};

struct http_transfer {
	struct http *http;
	CURL *easy;
	struct curl_slist *headers;
	char *method, *url, *authorization, *accept, *content_type, *body;
	int body_fd;
	uint64_t body_at, body_size, read_at;
	uint64_t range_from;
	http_sink *sink;
	void *sink_arg;
	unsigned patience, redirects;
	struct origin origin;
	struct registry_certificates certificates;
	long status; /* of the answer that comes now */
	size_t header_bytes;
	struct http_reply reply;
	bool done, plain;
	int result; /* what has been decided about it before its end */
	struct err error;
	char problem[CURL_ERROR_SIZE];
};

/* Forgets the answer so far. */
void http_reply_begin(struct http_transfer *);
/* libcurl's callbacks. */
size_t http_take_header(char *data, size_t size, size_t n, void *transfer);
size_t http_take_data(char *data, size_t size, size_t n, void *transfer);
size_t http_read_body(char *data, size_t size, size_t n, void *transfer);
int http_seek_body(void *transfer, curl_off_t offset, int origin);
/* libcurl's failure in our words; -EAGAIN for what may pass. */
int http_explain(const struct http_transfer *, CURLcode code, struct err *e);
