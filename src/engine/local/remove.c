/* Removes containers, and what is left when the last one is gone. */
#include "base/mem.h"
#include "base/proc.h"
#include "engine/local/endpoints.h"
#include "engine/local/local.h"
#include "engine/local/volumes.h"
#include "runtime/cgroup.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>

#define MONITOR_WAIT_MS 4000

static int release_address(struct local *l, const struct container *c, struct err *e)
{
	auto_free char *path = xasprintf("%s/address", c->id), *text = NULL;
	struct err ignored;
	struct in_addr address;
	struct net *net;
	int r;

	container_net_end(l, c->id); /* nothing, unless its monitor was killed */
	if (!str_eq(c->config.network, "bridge"))
		return 0;
	r = local_net(l, &net, e);
	/* the kernel removes the pair with its namespace, unless somebody keeps that */
	if (r == 0)
		net_detach_at_close(net, c->id);
	if (r == 0 && fs_read_file(l->dirs.containers, path, 64, &text, NULL, &ignored) == 0 &&
		inet_pton(AF_INET, text, &address) == 1)
		r = net_release(net, c->id, address, e);
	return r;
}

/* One whose config.json a crash has damaged: what else it has is found without. Its names, pin and
 * address are swept as those of any container that is no more. */
static int remove_damaged(struct local *l, const char *name, struct err *e)
{
	auto_free char *cgroup = NULL;
	auto_close int run_dir = -1, pidfd = -1, gone = -1;
	char id[ENGINE_ID_SIZE];
	struct run_state run = { 0 };
	struct err ignored;
	int r = local_resolve(l, name, id, e);

	if (r < 0 || (run_dir = local_run_dir(l, id, e)) < 0)
		return -e->code;
	if (run_state_read(run_dir, &run, &ignored) == 0)
		pidfd = proc_open(run.pid, run.start);
	if (pidfd >= 0)
		syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	cgroup = local_cgroup(l, id);
	r = cgroup_remove(cgroup, e);
	/* its monitor writes down the end, into the directory that is to go */
	gone = fs_lock(run_dir, "alive", MONITOR_WAIT_MS, &ignored);
	if (r == 0)
		r = container_remove_files(&l->dirs, id, NULL, NULL, e);
	local_sweep(l);
	return r;
}

int local_remove(
	struct engine *en, const char *id, const struct remove_options *options, struct err *e)
{
	struct local *l = local_of(en);
	auto_container c = { 0 };
	auto_free char *cgroup = local_cgroup(l, id);
	auto_close int run_dir = -1, lock = -1;
	struct local_status s;
	struct digest manifest;
	struct err ignored;
	int r;

	r = container_load(l, id, &c, e);
	if (r < 0)
		return options->force ? remove_damaged(l, id, e) : r;
	if ((run_dir = local_run_dir(l, id, e)) < 0)
		return run_dir;
	lock = fs_lock(run_dir, "lock", -1, e);
	r = lock < 0 ? lock : local_status(l, &c, &s, e);
	if (r == -ENOENT) { /* by another command, while we waited for its lock */
		local_sweep(l);
		return 0;
	}
	if (r < 0)
		return r;
	if (s.state != CONTAINER_CREATED && s.state != CONTAINER_EXITED) {
		if (!options->force) {
			err_set(e, EBUSY, "container '%s' is %s", c.config.name,
				container_state_text(s.state));
			return err_hint(e, "redock rm -f %s", c.config.name);
		}
		r = local_end_now(l, &c, &s, e);
	}
	if (r == 0)
		r = cgroup_remove(cgroup, e);
	if (r == 0)
		r = release_address(l, &c, e);
	if (r == 0)
		r = container_remove_files(&l->dirs, c.id, c.config.name, c.config.machine, e);
	if (r == 0 && options->volumes)
		volumes_remove_anonymous(l, &c);
	if (r == 0)
		local_container_event(l, &c, "destroy", NULL);
	local_sweep(l);
	/* what cannot be dropped now, the next change of the store drops */
	if (r == 0 && digest_parse(c.manifest, &manifest) == 0)
		(void)store_collect(l->store, &manifest, &ignored);
	return r;
}

static bool is_alive(void *arg, const char *id)
{
	struct local *l = arg;
	auto_container c = { 0 };
	struct local_status s;
	struct err ignored;
	auto_free char *alive = xasprintf("%s/alive", id);

	/* being started counts: its monitor holds the lock before there is a state */
	if (fs_is_locked(l->dirs.run, alive))
		return true;
	alive[strlen(id)] = '\0';
	if (container_load(l, id, &c, &ignored) < 0)
		return false;
	if (local_status(l, &c, &s, &ignored) < 0)
		return false;
	return s.state != CONTAINER_CREATED && s.state != CONTAINER_EXITED;
}

static int sweep_network(void *arg, struct net *net)
{
	struct err ignored;

	net_teardown_if_idle(net, is_alive, arg, &ignored);
	return 0;
}

void local_sweep(struct local *l)
{
	struct err ignored;
	struct net *net;

	local_sweep_leftovers(l);
	volumes_sweep(l, is_alive, l);
	cgroup_remove_parent(l->cgroup_parent);
	if (local_net(l, &net, &ignored) == 0) {
		net_each_active(net, sweep_network, l, &ignored);
		net_teardown_if_idle(net, is_alive, l, &ignored);
	}
}

static int empty_dir(int dirfd, struct err *e)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *ent;

	if (!d)
		return err_errno(e, "cannot read a state directory");
	while (r == 0 && (ent = readdir(d)))
		if (!str_eq(ent->d_name, ".") && !str_eq(ent->d_name, ".."))
			r = fs_remove_tree(dirfd, ent->d_name, e);
	return r;
}

int local_reset(struct engine *en, struct err *e)
{
	struct local *l = local_of(en);
	auto_strv ids = { 0 };
	int r = local_ids(l, &ids, e);

	for (size_t i = 0; r == 0 && i < ids.n; i++) {
		r = local_remove(en, ids.v[i], &(struct remove_options){ .force = true }, e);
		if (r == -ENOENT)
			r = 0;
	}
	local_sweep(l);
	if (r == 0)
		volumes_unmount_all(l);
	if (r == 0)
		r = empty_dir(l->run, e);
	if (r == 0)
		r = empty_dir(l->dirs.root, e);
	return r;
}
