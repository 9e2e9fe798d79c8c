/* What commands say to redock-store when its soundness is in question. */
#include "base/mem.h"
#include "store/call.h"

static char *copy_of(const json_t *j, const char *key)
{
	const char *text = json_str(j, key, NULL);

	return text ? xstrdup(text) : NULL;
}

int store_check(
	struct store *s, const struct store_check *o, struct store_findings *ret, struct err *e)
{
	auto_json *j = json_pack("{s:s, s:b, s:b, s:s}", "op", "check", "repair", o->repair, "full",
		o->full, "quarantine", o->quarantine ? o->quarantine : "");
	struct call c = { .request = j,
		.data_fd = -1,
		.other_fd = -1,
		.progress = o->progress,
		.progress_arg = o->progress_arg };
	const json_t *one;
	size_t i;
	int r = call_helper(s, &c, e);

	if (r == 0 && !json_is_array(c.stat))
		r = err_set(e, EPROTO, "'redock-store' did not say what it found");
	if (r == 0) {
		ret->v = xcalloc(json_array_size(c.stat) + 1, sizeof *ret->v);
		json_array_foreach(c.stat, i, one) ret->v[ret->n++] =
			(struct store_finding){ .bad = json_bool(one, "bad", true),
				.object = xstrdup(json_str(one, "object", "?")),
				.found = xstrdup(json_str(one, "found", "")),
				.done = copy_of(one, "done"),
				.mend = copy_of(one, "mend") };
	}
	json_decref(c.stat);
	return r;
}

void store_findings_release(struct store_findings *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].object);
		free(l->v[i].found);
		free(l->v[i].done);
		free(l->v[i].mend);
	}
	free(l->v);
	*l = (struct store_findings){ 0 };
}
