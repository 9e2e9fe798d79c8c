#include "runtime/oci/state.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/time.h"
#include "runtime/cgroup.h"

#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <string.h>
#include <sys/file.h>

#define STATE_MAX (4u << 20)
#define LOCK_MS   60000
#define ID_CHARS  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-."
#define ID_MAX    200

const char *state_word(enum state_status status)
{
	static const char *const words[] = { "creating", "created", "running", "paused",
		"stopped" };

	return words[status];
}

void state_release(struct state *s)
{
	/* not by closing alone: the container's process may still have a copy of the descriptor */
	if (s->lock >= 0)
		flock(s->lock, LOCK_UN);
	close_fd(&s->lock);
	close_fd(&s->dir);
	close_fd(&s->root);
	free(s->id);
	free(s->version);
	free(s->bundle);
	free(s->rootfs);
	free(s->cgroup);
	free(s->scope);
	json_decref(s->annotations);
	*s = (struct state)STATE_INIT;
}

int state_check_id(const char *id, struct err *e)
{
	size_t len = strlen(id);

	if (!len || len > ID_MAX || strspn(id, ID_CHARS) != len || *id == '-' || *id == '.')
		return err_set(e, EINVAL,
			"container ID '%.64s' is too long or has an invalid character: expected at "
			"most %d letters, digits and _+-., the first no - or .",
			id, ID_MAX);
	return 0;
}

static int take_lock(struct state *s, struct err *e)
{
	s->lock = fs_lock(s->dir, "lock", LOCK_MS, e);
	return s->lock < 0 ? err_wrap(e, "container '%s' is busy", s->id) : 0;
}

int state_make(const char *root, const char *id, struct state *ret, struct err *e)
{
	auto_state s = STATE_INIT;

	if (state_check_id(id, e) < 0)
		return -e->code;
	s.id = xstrdup(id);
	s.root = fs_open_dir_make(AT_FDCWD, root, 0700, e);
	if (s.root < 0)
		return -e->code;
	if (mkdirat(s.root, id, 0700) < 0) {
		if (errno == EEXIST)
			return err_set(e, EEXIST, "container '%s' exists already", id);
		return err_errno(e, "cannot make the directory of container '%s'", id);
	}
	s.dir = fs_open_dir(s.root, id, e);
	if (s.dir < 0 || take_lock(&s, e) < 0)
		return -e->code;
	s.created = time_now();
	s.owner = getuid();
	proc_boot_id(s.boot);
	*ret = s;
	s = (struct state)STATE_INIT;
	return 0;
}

int state_write(const struct state *s, struct err *e)
{
	auto_json *j = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:I, s:I}", "ociVersion",
		s->version, "id", s->id, "bundle", s->bundle, "rootfs", s->rootfs, "cgroup",
		s->cgroup ? s->cgroup : "", "pid", (json_int_t)s->pid, "start",
		(json_int_t)s->start, "boot", s->boot, "created", (json_int_t)s->created, "owner",
		(json_int_t)s->owner);

	if (!j)
		return err_set(e, EINVAL, "a path of container '%s' is not UTF-8", s->id);
	if (s->annotations)
		json_object_set(j, "annotations", s->annotations);
	if (s->scope)
		json_object_set_new(j, "scope", json_string(s->scope));
	return json_write_file(s->dir, "state.json", j, 0600, FS_VOLATILE, e);
}

static int read_state(struct state *s, struct err *e)
{
	auto_json *j = NULL;
	int r = json_read_file(s->dir, "state.json", STATE_MAX, &j, e);
	json_t *annotations;

	if (r == -ENOENT) { /* somebody is at `create`, or died there */
		err_clear(e);
		s->version = xstrdup("");
		s->bundle = xstrdup("");
		s->rootfs = xstrdup("");
		s->cgroup = xstrdup("");
		return 0;
	}
	if (r < 0)
		return err_wrap(e, "cannot read the state of container '%s'", s->id);
	s->version = xstrdup(json_str(j, "ociVersion", ""));
	s->bundle = xstrdup(json_str(j, "bundle", ""));
	s->rootfs = xstrdup(json_str(j, "rootfs", ""));
	s->cgroup = xstrdup(json_str(j, "cgroup", ""));
	if (json_object_get(j, "scope"))
		s->scope = xstrdup(json_str(j, "scope", ""));
	s->pid = (pid_t)json_int(j, "pid", 0);
	s->start = (uint64_t)json_int(j, "start", 0);
	s->created = json_int(j, "created", 0);
	s->owner = (uid_t)json_int(j, "owner", 0);
	snprintf(s->boot, sizeof s->boot, "%s", json_str(j, "boot", ""));
	annotations = json_object_get(j, "annotations");
	if (json_is_object(annotations))
		s->annotations = json_incref(annotations);
	return 0;
}

int state_open(const char *root, const char *id, bool lock, struct state *ret, struct err *e)
{
	auto_state s = STATE_INIT;

	if (state_check_id(id, e) < 0)
		return -e->code;
	s.id = xstrdup(id);
	s.root = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s.root < 0 && errno != ENOENT)
		return err_errno(e, "cannot open '%s'", root);
	if (s.root >= 0)
		s.dir = openat(s.root, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s.dir < 0 && errno != ENOENT)
		return err_errno(e, "cannot open the directory of container '%s'", id);
	if (s.dir < 0) {
		err_set(e, ENOENT, "container '%s' does not exist", id);
		return err_hint(e, "redock-runtime --root %s list", root);
	}
	if ((lock && take_lock(&s, e) < 0) || read_state(&s, e) < 0)
		return -e->code;
	*ret = s;
	s = (struct state)STATE_INIT;
	return 0;
}

int state_erase(struct state *s, struct err *e)
{
	return fs_remove_tree(s->root, s->id, e);
}

int state_pidfd(const struct state *s)
{
	char boot[37];

	proc_boot_id(boot);
	return str_eq(boot, s->boot) ? proc_open(s->pid, s->start) : -ESRCH;
}

enum state_status state_status(const struct state *s)
{
	auto_close int pidfd = state_pidfd(s);
	struct pollfd ended = { pidfd, POLLIN, 0 };

	if (!s->pid) /* its maker holds the lock for as long as it works on it */
		return s->lock >= 0 || fs_is_locked(s->dir, "lock") ? STATE_CREATING
								    : STATE_STOPPED;
	if (pidfd < 0 || poll(&ended, 1, 0) > 0) /* readable: dead, though nobody has reaped it */
		return STATE_STOPPED;
	if (faccessat(s->dir, "start", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return STATE_CREATED;
	return *s->cgroup && cgroup_is_frozen(s->cgroup, s->pid) ? STATE_PAUSED : STATE_RUNNING;
}

char *state_text(const struct state *s, enum state_status status, bool extra)
{
	auto_json *j = json_pack("{s:s, s:s, s:s, s:s}", "ociVersion", s->version, "id", s->id,
		"status", state_word(status), "bundle", s->bundle);

	if (!j)
		abort(); /* what was read from, or written to, JSON before */
	if (s->annotations)
		json_object_set(j, "annotations", s->annotations);
	if (status != STATE_STOPPED && s->pid)
		json_object_set_new(j, "pid", json_integer(s->pid));
	if (extra) {
		char when[TIME_TEXT_SIZE];
		const struct passwd *p = getpwuid(s->owner);
		time_format(s->created, when);
		if (status == STATE_STOPPED)
			json_object_set_new(j, "pid", json_integer(0));
		json_object_set_new(j, "rootfs", json_string(s->rootfs));
		json_object_set_new(j, "created", json_string(when));
		json_object_set_new(j, "owner", json_string(p ? p->pw_name : ""));
		return json_dumps(j, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	}
	return json_text(j);
}
