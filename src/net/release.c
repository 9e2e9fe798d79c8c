/* What a container that has ended leaves on networks, given back without an engine. */
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "net/bridge.h"
#include "net/claims.h"
#include "net/net.h"

#include <fcntl.h>
#include <string.h>

static bool is_known(void *arg, const char *id, struct in_addr address)
{
	return *id;
}

struct release {
	const char *id;
	bool shared; /* its namespace outlives it, and with that its links */
};

static int release_from(void *arg, struct net *net)
{
	const struct release *release = arg;
	const char *id = release->id;
	struct err ignored = { 0 };
	auto_close int lock = fs_lock(net->run_fd, LOCK_NAME, -1, &ignored);
	int left = -1;

	if (lock < 0)
		return 0;
	net_names_remove(net, id, &ignored);
	if (release->shared)
		net_detach(net, id, &ignored);
	if (claim_give(net->claims_fd, id, (struct in_addr){ 0 }, &ignored) == 0)
		left = claim_each(net->claims_fd, is_known, NULL, &ignored);
	if (left == 0)
		bridge_remove(net, &ignored);
	return 0;
}

/* The default network, as its state tells of it. */
static struct net *open_base(int root, int run)
{
	struct err ignored = { 0 };
	auto_json *j = NULL;
	const char *bridge = "";

	if (json_read_file(run, "bridge.json", 4096, &j, &ignored) == 0)
		bridge = json_str(j, "bridge", "");
	return net_new(root, run, run, strlen(bridge) < IFNAMSIZ ? bridge : "", DEFAULT_NETWORK);
}

int net_release_all(const char *run_root, const char *id, struct err *e)
{
	auto_free char *state = xasprintf("containers/%.64s/network", id);
	auto_free char *shared = xasprintf("containers/%.64s/shared", id);
	auto_close int root = open(run_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC), run = -1;
	struct release release = { id, false };
	struct net *base = NULL;
	int r;

	if (root < 0)
		return err_errno(e, "cannot open '%s'", run_root);
	if (strlen(id) != 64 || strspn(id, "0123456789abcdef") != 64)
		return err_set(e, EINVAL, "'%.70s' is not a container's id", id);
	run = fs_open_dir(root, "net", e);
	if (run < 0)
		return run;
	release.shared = faccessat(root, shared, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	base = open_base(root, run);
	r = net_finish(base, 0, &base, e);
	if (r < 0)
		return r;
	if (release.shared && *base->bridge)
		net_detach(base, id, &(struct err){ 0 });
	names_inside_stop(run, id);
	r = net_unpublish(base, id, e);
	if (r == 0)
		r = net_each_active(base, release_from, &release, e);
	if (r == 0)
		r = net_release(base, id, (struct in_addr){ 0 }, e);
	net_close(base);
	if (r == 0) {
		unlinkat(root, state, 0);
		unlinkat(root, shared, 0);
	}
	return r;
}
