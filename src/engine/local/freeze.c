#include "engine/local/freeze.h"
#include "base/mem.h"
#include "runtime/cgroup.h"

void frozen_thaw(void *arg)
{
	struct frozen *f = arg;
	struct err ignored;

	if (!f->init)
		return;
	cgroup_thaw(f->cgroup, f->init, &ignored);
	unlinkat(f->run_dir, "freezing", 0);
	f->init = 0;
}

void frozen_end(struct frozen *f)
{
	frozen_thaw(f);
	free(f->cgroup);
	f->cgroup = NULL;
}

int frozen_begin(struct local *l, const struct container *c, const struct local_status *s,
	int run_dir, struct frozen *ret, struct err *e)
{
	struct frozen f = { .cgroup = local_cgroup(l, c->id), .run_dir = run_dir };
	int r = 0;

	if (s->state != CONTAINER_RUNNING)
		goto none;
	/* said on disk first: should we be killed, the next command thaws it */
	r = fs_write_file(run_dir, "freezing", "", 0, 0600, FS_VOLATILE, e);
	if (r < 0)
		goto none;
	f.init = s->run.pid;
	r = cgroup_freeze(f.cgroup, f.init, e);
	if (r < 0)
		goto none;
	*ret = f;
	return 0;
none:
	frozen_end(&f);
	return r;
}
