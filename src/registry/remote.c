#include "registry/remote.h"
#include "base/str.h"
#include "registry/url.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HUB "docker.io"

int remote_of(const struct image_ref *ref, struct remote *ret, struct err *e)
{
	size_t n = image_ref_host_length(ref);
	const char *path = n ? ref->repository + n + 1 : ref->repository;
	struct origin ignored;

	if (str_eq(ref->repository, "redock") || image_ref_is_nameless(ref)) {
		err_set(e, EINVAL, "'%s:%.60s' belongs to this host alone", ref->repository,
			ref->tag);
		return err_hint(e, "redock tag it as REGISTRY/NAME first");
	}
	*ret = (struct remote){ 0 };
	if (n)
		memcpy(ret->host, ref->repository, n);
	else
		memcpy(ret->host, HUB, sizeof HUB);
	snprintf(ret->path, sizeof ret->path, "%s%s",
		str_eq(ret->host, HUB) && !strchr(path, '/') ? "library/" : "", path);
	memcpy(ret->reference, ref->tag, sizeof ref->tag);
	return origin_of_host(ret->host, true, &ignored, e);
}

void remote_text(const struct remote *r, char *ret)
{
	bool digest = str_starts(r->reference, "sha256:");

	snprintf(ret, REMOTE_TEXT_SIZE, "%s/%s%c%s", r->host, r->path, digest ? '@' : ':',
		r->reference);
}

int remote_host_parse(const char *text, char ret[IMAGE_REF_MAX + 1], struct err *e)
{
	struct origin o;
	size_t n;

	if (!text || !*text) {
		memcpy(ret, HUB, sizeof HUB);
		return 0;
	}
	if (str_starts(text, "https://"))
		text += strlen("https://");
	else if (str_starts(text, "http://"))
		text += strlen("http://");
	n = strcspn(text, "/");
	if (n == 0 || n > IMAGE_REF_MAX) {
		err_set(e, EINVAL, "'%.100s' is no registry", str_is_one_line(text) ? text : "?");
		return err_hint(e, "HOST or HOST:PORT");
	}
	memcpy(ret, text, n);
	ret[n] = '\0';
	if (origin_of_host(ret, true, &o, e) < 0) {
		err_set(e, EINVAL, "'%.100s' is no registry", str_is_one_line(ret) ? ret : "?");
		return err_hint(e, "HOST or HOST:PORT");
	}
	if (str_eq(ret, "index.docker.io") || str_eq(ret, "registry-1.docker.io"))
		memcpy(ret, HUB, sizeof HUB);
	return 0;
}
