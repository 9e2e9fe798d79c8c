/* What is done with machines that exist: commit, kill, delete, list. */
#include "machine/access.h"
#include "machine/base.h"
#include "machine/name.h"
#include "base/mem.h"
#include "base/time.h"

#include <string.h>

/* Takes the machine's lock (*ret_lock, to be closed) and looks at it; -ENOENT: there is none. */
static int lock_and_inspect(struct engine *en, const struct machine_name *name, int *ret_lock,
	struct container_info *ret, struct err *e)
{
	auto_free char *text = xasprintf("machine:%s", name->text);
	int lock = engine_lock(en, text, e);

	if (lock < 0)
		return lock;
	*ret_lock = lock;
	return engine_inspect_machine(en, name->text, ret, e);
}

static int no_machine(const struct machine_name *name, struct err *e)
{
	err_set(e, ENOENT, "no machine named '%s'", name->text);
	return err_hint(e, "redock list shows the machines there are");
}

int machine_commit(struct engine *en, const struct machine_name *name,
	const struct commit_options *options, struct err *e)
{
	auto_container_info info = { 0 };
	auto_close int lock = -1;
	int64_t began = time_now();
	char id[72];
	int r = lock_and_inspect(en, name, &lock, &info, e);

	if (r == -ENOENT)
		return no_machine(name, e);
	if (r < 0)
		return r;
	r = engine_commit(en, info.id, name->text, options, id, e);
	if (r < 0)
		return err_wrap(e, "cannot commit machine '%s'", name->text);
	/* from before it began: what changed meanwhile may be counted as lost, never as kept */
	access_set_committed(en, name, began);
	return 0;
}

int machine_kill(struct engine *en, const struct machine_name *name, bool *ret_absent,
	uint64_t *ret_lost, struct err *e)
{
	auto_container_info info = { 0 };
	auto_close int lock = -1;
	struct err ignored = { 0 };
	uint64_t changes = 0;
	int r = lock_and_inspect(en, name, &lock, &info, e);
	bool absent = r == -ENOENT;

	if (r < 0 && !absent)
		return r;
	if (absent) {
		err_clear(e);
	} else {
		if (engine_count_changes(
			    en, info.id, access_committed(en, name), &changes, &ignored) < 0)
			changes = 0;
		r = engine_remove(en, info.id, &(struct remove_options){ .force = true }, e);
		if (r < 0)
			return err_wrap(e, "cannot kill machine '%s'", name->text);
	}
	/* also when it was absent: a kill that was itself killed may have left them */
	r = access_forget(en, name, e);
	if (r < 0)
		return err_wrap(e, "machine '%s' is gone, but its SSH entry is not", name->text);
	*ret_absent = absent;
	*ret_lost = changes;
	return 0;
}

/* ---- images ---- */

/* The machine that was made from the image `id`, NULL when there is none. */
static const struct container_info *user_of(
	const struct container_list *all, const char *reference, const char *id)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct container_info *c = &all->v[i];

		if (c->image_id && *c->image_id
				? str_eq(c->image_id, id)
				: c->config.image && str_eq(c->config.image, reference))
			return c;
	}
	return NULL;
}

static int refuse_delete(struct engine *en, const struct machine_name *name,
	const struct image_info *image, struct err *e)
{
	auto_container_list all = { 0 };
	const struct container_info *user;
	int r;

	if (str_eq(name->text, BASE_IMAGE)) {
		err_set(e, EBUSY, "'" BASE_IMAGE "' is what new machines are made from");
		return err_hint(
			e, "redock delete -f " BASE_IMAGE " (the next start makes it anew)");
	}
	r = engine_list(en, true, &all, e);
	if (r < 0)
		return r;
	user = user_of(&all, name->text, image->id);
	if (!user)
		return 0;
	err_set(e, EBUSY, "image '%s' is in use: %s '%s' (%s) was made from it", name->text,
		user->config.machine ? "machine" : "container",
		user->config.machine ? user->config.machine : user->config.name,
		container_state_text(user->state));
	return err_hint(e, "redock %s %s, or redock delete -f %s",
		user->config.machine ? "kill" : "rm -f",
		user->config.machine ? user->config.machine : user->config.name, name->text);
}

int machine_delete(struct engine *en, const struct machine_name *name, bool force, struct err *e)
{
	struct image_info image = { 0 };
	int r = engine_image_inspect(en, name->text, &image, e);

	if (r == -ENOENT) {
		err_set(e, ENOENT, "no image named '%s'", name->text);
		return err_hint(e,
			"redock images shows the images there are; to discard a machine: "
			"redock kill %s",
			name->text);
	}
	if (r >= 0 && !force)
		r = refuse_delete(en, name, &image, e);
	image_info_release(&image);
	if (r < 0)
		return r;
	r = engine_image_remove(en, name->text, force, e);
	return r < 0 ? err_wrap(e, "cannot delete image '%s'", name->text) : 0;
}

/* ---- list ---- */

void machine_list_release(struct machine_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].name);
		free(l->v[i].image);
		free(l->v[i].address);
		free(l->v[i].alias);
	}
	free(l->v);
	*l = (struct machine_list){ 0 };
}

static char *copy_or_empty(const char *s)
{
	return xstrdup(s ? s : "");
}

static struct machine_info describe(const struct container_info *c)
{
	char alias[MACHINE_ALIAS_SIZE] = "", slug[64];
	struct err ignored = { 0 };

	if (c->config.hostname && machine_slug(c->config.hostname, slug, &ignored) == 0)
		machine_alias(slug, alias);
	return (struct machine_info){
		.name = xstrdup(c->config.machine),
		.image = copy_or_empty(c->config.image),
		.address = copy_or_empty(container_info_address(c)),
		.alias = xstrdup(alias),
		.state = c->state,
		.ready = c->ready,
		.since = c->state == CONTAINER_EXITED && c->finished ? c->finished
			 : c->started                                ? c->started
								     : c->created,
	};
}

static int by_name(const void *a, const void *b)
{
	return strcmp(
		((const struct machine_info *)a)->name, ((const struct machine_info *)b)->name);
}

int machine_list(struct engine *en, struct machine_list *ret, struct err *e)
{
	auto_container_list all = { 0 };
	int r = engine_list(en, true, &all, e);

	if (r < 0)
		return r;
	ret->v = xcalloc(all.n + 1, sizeof *ret->v);
	ret->n = 0;
	for (size_t i = 0; i < all.n; i++)
		if (all.v[i].config.machine)
			ret->v[ret->n++] = describe(&all.v[i]);
	qsort(ret->v, ret->n, sizeof *ret->v, by_name);
	return 0;
}

int machine_forget_all(struct engine *en, struct err *e)
{
	return access_forget_all(en, e);
}
