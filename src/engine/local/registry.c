/* Registries, by way of the helper program redock-registry. */
#include "registry/client.h"
#include "base/mem.h"
#include "engine/local/local.h"

#include <fcntl.h>
#include <string.h>

static void pass_on(void *arg, const struct registry_event *event)
{
	const struct transfer *how = arg;
	struct transfer_event t = {
		.layer = event->layer,
		.status = event->text,
		.current = event->current,
		.total = event->total,
	};

	if (how->each)
		how->each(how->arg, &t);
}

static char *text_of(const json_t *object, const char *key)
{
	return xstrdup(json_str(object, key, ""));
}

static void read_answer(const json_t *answer, struct transferred_list *ret)
{
	const json_t *one;
	size_t i;

	*ret = (struct transferred_list){ .v = xcalloc(
						  json_array_size(answer) + 1, sizeof *ret->v) };
	json_array_foreach(answer, i, one)
	{
		int64_t size = json_int(one, "size", 0);
		ret->v[ret->n++] = (struct transferred){
			.reference = text_of(one, "reference"),
			.digest = text_of(one, "digest"),
			.id = text_of(one, "id"),
			.is_new = json_bool(one, "new", false),
			.size = size > 0 ? (uint64_t)size : 0,
		};
	}
}

static int transfer(struct local *l, const char *op, const char *reference,
	const struct transfer *how, struct transferred_list *ret, struct err *e)
{
	auto_close int root = open(l->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_json *request = NULL, *answer = NULL;
	struct image_ref ref;
	int r;

	if (root < 0)
		return err_errno(e, "cannot open '%s'", l->root);
	/* the usual mistake needs no helper to tell */
	if (image_ref_parse(reference, &ref, e) < 0)
		return -e->code;
	request = json_pack("{s:s, s:s, s:b}", "op", op, "ref", reference, "all", how->all);
	if (how->platform)
		json_object_set_new(request, "platform", json_string(how->platform));
	r = registry_call(root, request, pass_on, (void *)how, &answer, e);
	if (r < 0)
		return r;
	read_answer(answer, ret);
	for (size_t i = 0; i < ret->n; i++)
		local_event(l, "image", op, ret->v[i].id, "name", ret->v[i].reference, NULL);
	return 0;
}

int local_image_pull(struct engine *en, const char *reference, const struct transfer *how,
	struct transferred_list *ret, struct err *e)
{
	return transfer(local_of(en), "pull", reference, how, ret, e);
}

int local_image_push(struct engine *en, const char *reference, const struct transfer *how,
	struct transferred_list *ret, struct err *e)
{
	struct local *l = local_of(en);
	struct digest unused;
	struct image_ref ref;

	if (image_ref_parse(reference, &ref, e) < 0)
		return -e->code;
	if (!how->all && !image_ref_is_digest(&ref) &&
		store_image_digest(l->store, &ref, &unused, e) < 0)
		return -e->code;
	return transfer(l, "push", reference, how, ret, e);
}

/* Both speak of the person who calls, not of this engine's state. */
static int log_in_or_out(json_t *request, struct login_result *ret, struct err *e)
{
	auto_json *asks = request, *answer = NULL;
	int r;

	if (!asks)
		return err_set(e, EINVAL, "user name and password must be valid UTF-8");
	r = registry_call(-1, asks, NULL, NULL, &answer, e);
	if (r == 0)
		*ret = (struct login_result){
			.host = text_of(answer, "host"),
			.was = json_bool(answer, "was", false),
			.elsewhere = json_bool(answer, "elsewhere", false),
		};
	return r;
}

int local_login(
	struct engine *en, const struct login *login, struct login_result *ret, struct err *e)
{
	(void)en;
	return log_in_or_out(json_pack("{s:s, s:s, s:s, s:s}", "op", "login", "host",
				     login->host ? login->host : "", "user", login->user,
				     "password", login->password),
		ret, e);
}

int local_logout(struct engine *en, const char *host, struct login_result *ret, struct err *e)
{
	(void)en;
	return log_in_or_out(
		json_pack("{s:s, s:s}", "op", "logout", "host", host ? host : ""), ret, e);
}
