/* What a container that has ended leaves on networks, given back without an engine. */
#include "base/fs.h"
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

static int release_from(void *arg, struct net *net)
{
	const char *id = arg;
	struct err ignored = { 0 };
	auto_close int lock = fs_lock(net->run_fd, LOCK_NAME, -1, &ignored);
	int left = -1;

	if (lock < 0)
		return 0;
	net_names_remove(net, id, &ignored);
	if (claim_give(net->claims_fd, id, (struct in_addr){ 0 }, &ignored) == 0)
		left = claim_each(net->claims_fd, is_known, NULL, &ignored);
	if (left == 0)
		bridge_remove(net, &ignored);
	return 0;
}

int net_release_all(const char *run_root, const char *id, struct err *e)
{
	auto_free char *state = xasprintf("containers/%.64s/network", id);
	auto_close int root = open(run_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC), run = -1;
	struct net *base = NULL;
	int r;

	if (root < 0)
		return err_errno(e, "cannot open '%s'", run_root);
	if (strlen(id) != 64 || strspn(id, "0123456789abcdef") != 64)
		return err_set(e, EINVAL, "'%.70s' is not a container's id", id);
	run = fs_open_dir(root, "net", e);
	if (run < 0)
		return run;
	base = net_new(root, run, run, "", DEFAULT_NETWORK);
	r = net_finish(base, 0, &base, e);
	if (r < 0)
		return r;
	names_inside_stop(run, id);
	r = net_unpublish(base, id, e);
	if (r == 0)
		r = net_each_active(base, release_from, (char *)id, e);
	if (r == 0)
		r = net_release(base, id, (struct in_addr){ 0 }, e);
	net_close(base);
	if (r == 0)
		unlinkat(root, state, 0);
	return r;
}
