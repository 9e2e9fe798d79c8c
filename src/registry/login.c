#include "registry/login.h"
#include "base/json.h"
#include "base/mem.h"
#include "registry/remote.h"

#include <string.h>

/* With what it answers to the version check: a challenge that is met, or none at all. */
static int check(struct registry *r, struct err *e)
{
	struct http_request q = { .method = "GET", .url = "/v2/" };
	auto_reply reply = { 0 };
	int result = registry_request(r, &q, "", &reply, e);

	if (result < 0)
		return result;
	if (reply.status == 200)
		return 0;
	if (reply.status == 401 || reply.status == 403) {
		err_set(e, EACCES, "'%s' does not accept your user name and password", r->host);
		return err_hint(e, "redock login %s", r->host);
	}
	if (reply.status == 404)
		return err_set(e, EPROTO, "'%s' is no registry", r->host);
	return registry_failure(r, &reply, "the version check", e);
}

int login_run(struct http *http, const struct registry_settings *settings, const json_t *request,
	json_t **ret, struct err *e)
{
	const char *user = json_str(request, "user", ""),
		   *password = json_str(request, "password", "");
	char host[IMAGE_REF_MAX + 1];
	auto_credentials given = { 0 }, kept = { 0 };
	auto_registry r = { 0 };

	if (remote_host_parse(json_str(request, "host", ""), host, e) < 0)
		return -e->code;
	if (!*user || !*password || strchr(user, ':') || !str_is_one_line(user))
		return err_set(e, EINVAL, "a user name without ':' and a password are needed");
	given = (struct credentials){ .user = xstrdup(user), .password = xstrdup(password) };
	kept = (struct credentials){ .user = xstrdup(user), .password = xstrdup(password) };
	if (registry_open(http, settings, host, "", NULL, &r, e) < 0)
		return err_wrap(e, "cannot log in to '%s'", host);
	registry_set_credentials(&r, &given);
	if (check(&r, e) < 0 || credentials_store(host, &kept, NULL, e) < 0)
		return err_wrap(e, "cannot log in to '%s'", host);
	*ret = json_pack("{s:s}", "host", host);
	return 0;
}

int logout_run(const json_t *request, json_t **ret, struct err *e)
{
	auto_credentials left = { 0 };
	char host[IMAGE_REF_MAX + 1];
	struct err ignored = { 0 };
	bool was = false;

	if (remote_host_parse(json_str(request, "host", ""), host, e) < 0)
		return -e->code;
	if (credentials_store(host, NULL, &was, e) < 0)
		return err_wrap(e, "cannot log out from '%s'", host);
	/* Docker's own files are not ours to change, but a person should know */
	(void)credentials_find(host, "", &left, &ignored);
	*ret = json_pack(
		"{s:s, s:b, s:b}", "host", host, "was", was, "elsewhere", credentials_some(&left));
	return 0;
}
