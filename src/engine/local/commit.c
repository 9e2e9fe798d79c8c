/* A container's files become an image, or an archive. */
#include "base/mem.h"
#include "engine/local/freeze.h"
#include "store/files.h"

#include <fcntl.h>
#include <string.h>

/* A container whose files are about to be read: nobody starts, ends or removes it meanwhile. */
struct source {
	struct container c;
	struct local_status status;
	struct digest manifest;
	int run_dir, lock, upper;
};
#define SOURCE_INIT                                                                                \
	{                                                                                          \
		.run_dir = -1, .lock = -1, .upper = -1                                             \
	}

static void source_release(struct source *s)
{
	container_release(&s->c);
	close_fd(&s->upper);
	close_fd(&s->lock);
	close_fd(&s->run_dir);
}
#define auto_source __attribute__((cleanup(source_release))) struct source

static int source_open(struct local *l, const char *id, struct source *s, struct err *e)
{
	auto_free char *path = xasprintf("%s/upper", id);

	if (container_load(l, id, &s->c, e) < 0 || (s->run_dir = local_run_dir(l, id, e)) < 0 ||
		(s->lock = fs_lock(s->run_dir, "lock", -1, e)) < 0 ||
		local_status(l, &s->c, &s->status, e) < 0)
		return -e->code;
	s->upper =
		openat(l->dirs.containers, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (s->upper < 0)
		return err_errno(e, "cannot read the changes of container '%s'", s->c.config.name);
	if (digest_parse(s->c.manifest, &s->manifest) < 0)
		return err_set(
			e, EPROTO, "container '%s' has a damaged config.json", s->c.config.name);
	return 0;
}

int local_commit(struct engine *en, const char *id, const char *reference,
	const struct commit_options *o, char *ret_image_id, struct err *e)
{
	struct local *l = local_of(en);
	auto_source s = SOURCE_INIT;
	auto_frozen frozen = FROZEN_INIT;
	struct store_commit commit = { .read_done = frozen_thaw, .read_done_arg = &frozen };
	struct digest digest;
	int r;

	if (image_ref_parse(reference, &commit.ref, e) < 0 || source_open(l, id, &s, e) < 0)
		return -e->code;
	commit.parent = s.manifest;
	commit.upper_fd = s.upper;
	commit.entrypoint = s.c.config.entrypoint.v;
	commit.cmd = s.c.config.cmd.v;
	commit.env = s.c.config.env.v;
	commit.user = s.c.config.user;
	commit.workdir = s.c.config.workdir;
	commit.comment = o ? o->message : NULL;
	commit.author = o ? o->author : NULL;
	r = o && o->no_pause ? 0 : frozen_begin(l, &s.c, &s.status, s.run_dir, &frozen, e);
	if (r == 0)
		r = store_commit(l->store, &commit, &digest, e);
	frozen_thaw(&frozen);
	if (r == 0)
		memcpy(ret_image_id, digest.text, 72);
	return r;
}

int local_export(struct engine *en, const char *id, int fd, struct err *e)
{
	struct local *l = local_of(en);
	auto_source s = SOURCE_INIT;
	auto_frozen frozen = FROZEN_INIT;
	const struct store_pause pause = { frozen_thaw, &frozen };
	int r = source_open(l, id, &s, e);

	if (r == 0)
		r = frozen_begin(l, &s.c, &s.status, s.run_dir, &frozen, e);
	if (r == 0)
		r = store_export(l->store, s.upper, &s.manifest, fd, &pause, e);
	return r < 0 ? err_wrap(e, "cannot export '%.64s'", id) : 0;
}
