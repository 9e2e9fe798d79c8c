/* Files of a container, running or not, as it sees them. */
#include "base/mem.h"
#include "base/proc.h"
#include "engine/local/freeze.h"
#include "engine/transfer.h"
#include "runtime/spec.h"
#include "store/files.h"

#include <string.h>

/* A container and how to get into its files; its lock is held, so that it stays what it is. */
struct files {
	struct container c;
	struct local_status status;
	struct spec spec;
	struct store_root root;
	struct store_root_mount *mounts;
	int run_dir, lock, pidfd;
};
#define FILES_INIT                                                                                 \
	{                                                                                          \
		.run_dir = -1, .lock = -1, .pidfd = -1                                             \
	}

static void files_release(struct files *f)
{
	spec_release(&f->spec);
	container_release(&f->c);
	free(f->mounts);
	close_fd(&f->pidfd);
	close_fd(&f->lock);
	close_fd(&f->run_dir);
}
#define auto_files __attribute__((cleanup(files_release))) struct files

/* Of a stopped one: what a start would mount, but for what is in memory only. */
static int describe_root(struct local *l, struct files *f, struct err *e)
{
	int r = local_make_skeleton(l, e);

	if (r == 0)
		r = local_build_spec(l, &f->c, &f->spec, e);
	if (r < 0)
		return r;
	f->mounts = xcalloc(f->spec.n_mounts + 1, sizeof *f->mounts);
	for (size_t i = 0; i < f->spec.n_mounts; i++) {
		const struct spec_mount *m = &f->spec.mounts[i];
		if (m->type == SPEC_BIND && m->source)
			f->mounts[f->root.n_mounts++] =
				(struct store_root_mount){ m->source, m->target, m->read_only };
	}
	f->root.mounts = f->mounts;
	f->root.state_dir = f->spec.state_dir;
	f->root.lower = f->spec.lower.v;
	f->root.upper = f->spec.upper;
	f->root.work = f->spec.work;
	f->root.read_only = f->c.config.read_only;
	return 0;
}

static int files_open(struct local *l, const char *id, struct files *f, struct err *e)
{
	if (container_load(l, id, &f->c, e) < 0 || (f->run_dir = local_run_dir(l, id, e)) < 0 ||
		(f->lock = fs_lock(f->run_dir, "lock", -1, e)) < 0 ||
		local_status(l, &f->c, &f->status, e) < 0)
		return -e->code;
	f->root.pidfd = -1;
	f->root.progress = local_say;
	f->root.progress_arg = &l->engine;
	if (f->status.state != CONTAINER_RUNNING && f->status.state != CONTAINER_PAUSED)
		return describe_root(l, f, e);
	f->pidfd = proc_open(f->status.run.pid, f->status.run.start);
	if (f->pidfd < 0)
		return err_set(e, ESRCH, "container '%s' has ended meanwhile", f->c.config.name);
	f->root.pidfd = f->pidfd;
	return 0;
}

int local_path_stat(
	struct engine *en, const char *id, const char *path, struct path_stat *ret, struct err *e)
{
	struct local *l = local_of(en);
	struct store_path_stat st = { 0 };
	auto_files f = FILES_INIT;
	bool many = false;
	int r = files_open(l, id, &f, e);

	if (r == 0)
		r = store_path_stat(l->store, &f.root, path, &st, &many, e);
	if (r < 0)
		return r;
	*ret = (struct path_stat){ .name = st.name,
		.link_target = st.link_target,
		.size = st.size,
		.mode = st.mode,
		.modified = st.modified,
		.many = many };
	return 0;
}

int local_copy_from(struct engine *en, const char *id, const char *path, bool follow_link, int fd,
	struct err *e)
{
	struct local *l = local_of(en);
	auto_files f = FILES_INIT;
	auto_frozen frozen = FROZEN_INIT;
	const struct store_pause pause = { frozen_thaw, &frozen };
	int r = files_open(l, id, &f, e);

	if (r == 0)
		r = frozen_begin(l, &f.c, &f.status, f.run_dir, &frozen, e);
	if (r == 0)
		r = store_copy_from(l->store, &f.root, path, follow_link, fd, &pause, e);
	if (r == 0)
		local_container_event(l, &f.c, "archive-path", NULL);
	return r;
}

int local_copy_to(struct engine *en, const char *id, const char *path,
	const struct copy_to_options *o, int fd, struct err *e)
{
	struct local *l = local_of(en);
	auto_files f = FILES_INIT;
	int r = files_open(l, id, &f, e);

	/* a running container goes on: what comes may be long in coming, and from itself */
	if (r == 0 && f.pidfd >= 0)
		close_fd(&f.lock);
	if (r == 0)
		r = store_copy_to(l->store, &f.root, path, o && o->keep_owner,
			o && o->no_overwrite_with_dir, fd, e);
	if (r == 0)
		local_container_event(l, &f.c, "extract-to-dir", NULL);
	return r;
}

int local_download(struct engine *en, const char *id, const char *path, const char *local,
	const struct transfer_options *o, struct err *e)
{
	return transfer_down(en, id, path, local, o, e);
}

int local_upload(struct engine *en, const char *id, const char *local, const char *path,
	const struct transfer_options *o, struct err *e)
{
	return transfer_up(en, id, local, path, o, e);
}
