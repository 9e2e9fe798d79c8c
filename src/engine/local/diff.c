/* What a container has changed, below its mounts: its upper directory beside its image's layers. */
#include "base/mem.h"
#include "engine/local/local.h"

#include <fcntl.h>
#include <string.h>

int local_trees_open(
	struct local *l, const struct container *c, struct container_trees *ret, struct err *e)
{
	auto_free char *path = xasprintf("%s/upper", c->id);
	auto_trees t = { 0 };

	t.fds = xcalloc(c->layers.n + 1, sizeof *t.fds);
	t.fds[0] =
		openat(l->dirs.containers, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (t.fds[0] < 0)
		return err_errno(e, "cannot read the changes of container '%s'", c->config.name);
	for (t.n = 1; t.n <= c->layers.n; t.n++) {
		char name[48];
		const char *layer = c->layers.v[c->layers.n - t.n];
		if (store_layer_name(l->store, layer, name, e) < 0)
			return -e->code;
		t.fds[t.n] = openat(store_layers_fd(l->store), name,
			O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (t.fds[t.n] < 0)
			return err_errno(e, "cannot open layer '%s'", name);
	}
	*ret = t;
	t = (struct container_trees){ 0 };
	return 0;
}

void container_trees_release(struct container_trees *t)
{
	for (size_t i = 0; i < t->n; i++)
		close_fd(&t->fds[i]);
	free(t->fds);
	*t = (struct container_trees){ 0 };
}

static void add_change(void *arg, enum store_change kind, const char *path)
{
	static const enum change_kind kinds[] = {
		[STORE_MODIFIED] = CHANGE_MODIFIED,
		[STORE_ADDED] = CHANGE_ADDED,
		[STORE_DELETED] = CHANGE_DELETED,
	};
	struct change_list *list = arg;

	/* doubles: the first entry and every power of two need room */
	if ((list->n & (list->n - 1)) == 0)
		list->v = xrealloc_array(list->v, list->n ? 2 * list->n : 1, sizeof *list->v);
	list->v[list->n++] = (struct change){ kinds[kind], xstrdup(path) };
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct change *)a)->path, ((const struct change *)b)->path);
}

int local_diff(struct engine *en, const char *id, struct change_list *ret, struct err *e)
{
	struct local *l = local_of(en);
	struct change_list list = { 0 };
	auto_container c = { 0 };
	auto_trees t = { 0 };
	int r = container_load(l, id, &c, e);

	if (r == 0)
		r = local_trees_open(l, &c, &t, e);
	if (r == 0)
		r = store_diff(t.fds[0], t.fds + 1, t.n - 1, add_change, &list, e);
	if (r < 0) {
		change_list_release(&list);
		return err_wrap(e, "cannot tell what has changed");
	}
	if (list.n)
		qsort(list.v, list.n, sizeof *list.v, by_path);
	*ret = list;
	return 0;
}
