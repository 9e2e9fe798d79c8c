/* Whether what the engine keeps is sound: containers, volumes and networks here, images by the
 * store (store/check.h). */
#include "base/mem.h"
#include "engine/local/local.h"
#include "engine/local/volumes.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

struct soundness {
	struct local *local;
	bool repair;
	char quarantine[STORE_QUARANTINE_SIZE];
	struct finding_list *list;
};

/* `done`, `mend`: NULL when there is nothing to say. */
static void say(struct soundness *s, bool bad, char *object, const char *found, const char *done,
	const char *mend)
{
	struct finding_list *l = s->list;

	l->v = xrealloc_array(l->v, l->n + 1, sizeof *l->v);
	l->v[l->n++] = (struct finding){ .bad = bad,
		.object = object,
		.found = xstrdup(found),
		.done = done ? xstrdup(done) : NULL,
		.mend = mend ? xstrdup(mend) : NULL };
}

static int set_aside(
	struct soundness *s, const char *place, const char *name, const char *why, struct err *e)
{
	return store_quarantine(s->local->dirs.root, s->quarantine, place, name, why, e);
}

/* ---- what dead commands left ---- */

static void say_leftover(void *arg, enum leftover kind, const char *name)
{
	static const char *const objects[] = {
		[LEFT_CONTAINER] = "directory",
		[LEFT_PIN] = "pin of container",
		[LEFT_NAME] = "name",
		[LEFT_RUN] = "run directory of container",
	};
	static const char *const found[] = {
		[LEFT_CONTAINER] = "a container that is half-made or half-removed, by a command "
				   "that died",
		[LEFT_PIN] = "it keeps an image for a container that is not there",
		[LEFT_NAME] = "it is claimed for a container that is not there",
		[LEFT_RUN] = "the container is not there",
	};
	struct soundness *s = arg;

	say(s, false, xasprintf("%s '%.24s'", objects[kind], str_is_one_line(name) ? name : "?"),
		found[kind], s->repair ? "removed" : NULL,
		s->repair ? NULL : "the next command that removes something removes it, too");
}

/* ---- containers ---- */

/* One that runs is nobody's to move. With the names' lock held, under which containers come and
 * go. */
static int damaged_container(
	struct soundness *s, const char *id, const struct err *why, struct err *e)
{
	struct local *l = s->local;
	auto_free char *alive = xasprintf("%s/alive", id);
	auto_close int lock = -1;
	const char *done = NULL, *mend = NULL;

	if (fs_is_locked(l->dirs.run, alive)) {
		mend = "it runs: end its processes, and then: redock system check --repair";
	} else if (s->repair) {
		lock = fs_lock(l->dirs.names, ".lock", -1, e);
		if (lock < 0 || set_aside(s, "containers", id, why->text, e) < 0)
			return -e->code;
		done = "moved to the quarantine, with its files";
	}
	say(s, true, xasprintf("container '%.12s'", id), why->text, done, mend);
	return 0;
}

static int check_part(
	struct soundness *s, const struct container *c, int dir, const char *part, struct err *e)
{
	struct stat st;

	if (fstatat(dir, part, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
		return 0;
	/* overlayfs wants it empty: an empty one is as good */
	if (str_eq(part, "work") && errno == ENOENT) {
		if (s->repair && mkdirat(dir, part, 0700) < 0)
			return err_errno(e, "cannot make a container's directory");
		say(s, true, xasprintf("container '%s'", c->config.name),
			"its directory 'work' is missing: it cannot start",
			s->repair ? "made anew" : NULL, NULL);
		return 0;
	}
	say(s, true, xasprintf("container '%s'", c->config.name),
		"its own layer is missing: its files are lost", NULL, "redock rm it");
	return 0;
}

static int check_last(struct soundness *s, const struct container *c, int dir, struct err *e)
{
	auto_free char *place = xasprintf("containers/%s", c->id);
	struct last_state last;
	struct err why = { 0 };
	int r = last_state_read(dir, &last, &why);

	if (r >= 0 || r == -ENOENT)
		return 0;
	if (s->repair && set_aside(s, place, "last", why.text, e) < 0)
		return -e->code;
	say(s, true, xasprintf("container '%s'", c->config.name),
		"what is written of its last run is damaged",
		s->repair ? "moved to the quarantine: how it ended is not known any more" : NULL,
		NULL);
	return 0;
}

/* Without it, its image goes as soon as nothing else needs that. */
static int check_pin(struct soundness *s, const struct container *c, struct err *e)
{
	struct local *l = s->local;
	auto_image image = { 0 };
	struct err why = { 0 };
	struct digest d, wanted;
	const char *done = NULL, *mend = NULL;

	if (digest_parse(c->manifest, &wanted) < 0)
		return 0; /* read as damaged elsewhere */
	if (store_pin_digest(l->store, c->id, &d, &why) == 0 && str_eq(d.text, wanted.text))
		return 0;
	if (store_manifest(l->store, &wanted, &image, &why) < 0)
		mend = "redock rm it";
	else if (s->repair) {
		if (store_pin_again(l->store, c->id, &wanted, e) < 0)
			return -e->code;
		done = "kept again";
	}
	say(s, true, xasprintf("container '%s'", c->config.name),
		mend ? "its image is gone" : "its image is not kept for it", done, mend);
	return 0;
}

static int check_container(struct soundness *s, const char *id, struct err *e)
{
	struct local *l = s->local;
	auto_container c = { 0 };
	auto_close int dir = -1;
	struct err why = { 0 };
	int r = container_load(l, id, &c, &why);

	if (r == -ENOENT && faccessat(l->dirs.containers, id, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0; /* removed meanwhile */
	if (r < 0)
		return damaged_container(s, id, &why, e);
	dir = openat(l->dirs.containers, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (dir < 0)
		return errno == ENOENT ? 0 : err_errno(e, "cannot read container '%.12s'", id);
	if (check_part(s, &c, dir, "upper", e) < 0 || check_part(s, &c, dir, "work", e) < 0 ||
		check_last(s, &c, dir, e) < 0)
		return -e->code;
	return check_pin(s, &c, e);
}

static int check_containers(struct soundness *s, struct err *e)
{
	auto_strv ids = { 0 };
	int r = local_ids(s->local, &ids, e);

	for (size_t i = 0; r >= 0 && i < ids.n; i++)
		r = check_container(s, ids.v[i], e);
	return r;
}

/* ---- volumes and networks ---- */

static int check_volume(struct soundness *s, int volumes, const char *name, struct err *e)
{
	auto_free char *mend = NULL;
	const char *done = NULL;
	struct err why = { 0 };
	char user[129];

	if (volume_verify(s->local, volumes, name, user, &why) >= 0)
		return 0;
	if (*user)
		mend = xasprintf("redock rm %s, which uses it, and then: redock system check "
				 "--repair; its files are in volumes/%s/_data",
			user, name);
	else if (s->repair) {
		if (set_aside(s, "volumes", name, why.text, e) < 0)
			return -e->code;
		done = "moved to the quarantine, with its files";
	}
	say(s, true, xasprintf("volume '%s'", name), why.text, done, mend);
	return 0;
}

static int check_volumes(struct soundness *s, struct err *e)
{
	auto_close int volumes = volumes_dir(s->local, e), lock = -1;
	auto_strv names = { 0 };
	int fd = volumes < 0 ? -1 : openat(volumes, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *ent;
	struct err ignored;
	int r = 0;

	if (!d)
		return volumes < 0 ? volumes : err_errno(e, "cannot read the list of volumes");
	/* whoever removes one holds it alone; whoever moves one, too */
	lock = s->repair ? fs_lock(volumes, ".lock", -1, e) : volumes_lock_shared(s->local, e);
	if (lock < 0)
		return lock;
	while ((ent = readdir(d)))
		if (volume_name_check(ent->d_name, &ignored) == 0)
			strv_push(&names, ent->d_name);
	for (size_t i = 0; r >= 0 && i < names.n; i++)
		r = check_volume(s, volumes, names.v[i], e);
	return r;
}

static int check_networks(struct soundness *s, struct err *e)
{
	struct net_network *nets = NULL;
	auto_strv damaged = { 0 };
	struct net *net;
	size_t n = 0;
	int r = local_net(s->local, &net, e);

	if (r >= 0)
		r = net_network_list(net, &nets, &n, &damaged, e);
	for (size_t i = 0; i < n; i++)
		net_network_release(&nets[i]);
	free(nets);
	for (size_t i = 0; r >= 0 && i < damaged.n; i++) {
		auto_free char *file = xasprintf("%s.json", damaged.v[i]);
		if (s->repair)
			r = set_aside(s, "networks", file, "its record is damaged", e);
		if (r >= 0)
			say(s, true, xasprintf("network '%s'", damaged.v[i]),
				"its record is damaged: no container can join it",
				s->repair ? "moved to the quarantine" : NULL,
				"redock network create it again");
	}
	return r;
}

/* ---- images ---- */

static int check_images(struct soundness *s, bool full, struct err *e)
{
	struct store_check o = { .repair = s->repair,
		.full = full,
		.quarantine = s->quarantine,
		.progress = local_say,
		.progress_arg = &s->local->engine };
	struct store_findings found = { 0 };
	int r = store_check(s->local->store, &o, &found, e);

	for (size_t i = 0; r >= 0 && i < found.n; i++) {
		const struct store_finding *f = &found.v[i];
		say(s, f->bad, xstrdup(f->object), f->found, f->done, f->mend);
	}
	store_findings_release(&found);
	return r;
}

int local_system_check(
	struct engine *en, const struct check_options *o, struct finding_list *ret, struct err *e)
{
	auto_finding_list list = { 0 };
	struct soundness s = { .local = local_of(en), .repair = o->repair, .list = &list };

	store_quarantine_name(s.quarantine);
	local_find_leftovers(s.local, say_leftover, &s);
	if (check_containers(&s, e) < 0)
		return -e->code;
	if (s.repair) /* with what belonged to containers that have been moved */
		local_sweep(s.local);
	if (check_volumes(&s, e) < 0 || check_networks(&s, e) < 0 ||
		check_images(&s, o->full, e) < 0)
		return -e->code;
	list.quarantine = xasprintf("%s/quarantine/%s", s.local->root, s.quarantine);
	if (access(list.quarantine, F_OK) < 0) {
		free(list.quarantine);
		list.quarantine = NULL;
	}
	*ret = list;
	list = (struct finding_list){ 0 };
	return 0;
}
