#include "base/mem.h"
#include "registry/pull.h"

#include <string.h>

#define TAGS_MAX  10000
#define PAGES_MAX 1000
#define PAGE_MAX  ((size_t)4 << 20)

static int add_tags(const struct http_reply *reply, struct strv *ret, struct err *e)
{
	auto_json *j = NULL;
	const json_t *tags, *tag;
	size_t i;

	if (json_parse(str_text(&reply->body), reply->body.len, "the list of tags", &j, e) < 0)
		return -e->code;
	tags = json_object_get(j, "tags");
	if (tags && !json_is_null(tags) && !json_is_array(tags))
		return err_set(e, EPROTO, "its list of tags is none");
	json_array_foreach(tags, i, tag)
	{
		if (!json_is_string(tag))
			return err_set(e, EPROTO, "its list of tags is none");
		if (ret->n >= TAGS_MAX)
			return err_set(e, E2BIG, "it has more than %d tags", TAGS_MAX);
		strv_push(ret, json_string_value(tag));
	}
	return 0;
}

/* <URL>; rel="next" (RFC 8288); NULL when this was the last page. */
static int next_page(const struct http_reply *reply, char **ret, struct err *e)
{
	const char *end = reply->link ? strchr(reply->link, '>') : NULL;
	auto_free char *text = NULL;

	*ret = NULL;
	if (!end || *reply->link != '<' || !strstr(end, "rel=\"next\""))
		return 0;
	text = xstrndup(reply->link + 1, (size_t)(end - reply->link) - 1);
	return url_resolve(reply->url, text, ret, e);
}

int pull_list_tags(struct pull *p, struct strv *ret, struct err *e)
{
	/* mirrors need not have them all */
	struct registry *from = &p->places[p->n_places - 1];
	auto_free char *url = xasprintf("/v2/%s/tags/list?n=1000", p->remote.path);

	for (unsigned page = 0; url; page++) {
		struct http_request q = { .method = "GET", .url = url, .max = PAGE_MAX };
		auto_reply reply = { 0 };
		int r = registry_request(from, &q, p->scope, &reply, e);

		if (r == 0 && reply.status != 200)
			r = registry_failure(from, &reply, "such repository", e);
		if (r == 0)
			r = add_tags(&reply, ret, e);
		free(take_ptr(&url));
		if (r == 0)
			r = next_page(&reply, &url, e);
		if (r == 0 && page >= PAGES_MAX)
			r = err_set(e, E2BIG, "its list of tags has no end");
		if (r < 0)
			return err_wrap(
				e, "cannot list the tags of '%s/%s'", from->host, p->remote.path);
	}
	return 0;
}
