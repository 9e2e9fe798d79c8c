#include "engine/local/endpoints.h"
#include "base/mem.h"
#include "base/proc.h"
#include "net/port.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#define ENDPOINTS_MAX 32

int container_netns(const struct run_state *run, struct err *e)
{
	auto_close int pidfd = proc_open(run->pid, run->start), fd = -1;
	auto_free char *path = xasprintf("/proc/%d/ns/net", (int)run->pid);

	if (pidfd >= 0)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	/* it still is the same process, and lives: so what was opened is its namespace */
	if (fd < 0 || poll(&(struct pollfd){ pidfd, POLLIN, 0 }, 1, 0) != 0)
		return err_set(e, ESRCH, "the container does not run");
	return take_fd(&fd);
}

/* Whose namespace others have: at its end the link in it has to be taken away, as its address is
 * another's then. */
static int mark_shared(struct local *l, const char *id, struct err *e)
{
	auto_close int run_dir = local_run_dir(l, id, e);

	return run_dir < 0 ? run_dir
			   : fs_write_file(run_dir, "shared", "", 0, 0600, FS_VOLATILE, e);
}

/* --network container:NAME */
static int share(
	struct local *l, const struct container *c, struct container_net *cn, struct err *e)
{
	const char *name = c->config.network + strlen("container:");
	auto_container other = { 0 };
	struct local_status status;
	int r = local_resolve(l, name, cn->shared, e);

	if (r == 0 && str_eq(cn->shared, c->id))
		r = err_set(e, EINVAL, "a container cannot share its own network");
	if (r == 0)
		r = container_load(l, cn->shared, &other, e);
	if (r == 0)
		r = local_status(l, &other, &status, e);
	if (r < 0)
		return err_wrap(e, "cannot share the network of '%s'", name);
	if (status.state != CONTAINER_RUNNING && status.state != CONTAINER_PAUSED) {
		err_set(e, ESRCH, "container '%s', whose network is to be shared, does not run",
			name);
		return err_hint(e, "redock start %s", name);
	}
	r = mark_shared(l, cn->shared, e);
	if (r == 0)
		r = cn->shared_netns = container_netns(&status.run, e);
	return r < 0 ? r : 0;
}

/* The address that it had when it last ran, if it is to be kept. */
static struct in_addr former_address(struct local *l, const struct container *c)
{
	auto_free char *path = xasprintf("%s/address", c->id), *text = NULL;
	struct in_addr ret = { 0 };
	struct err ignored;

	if (!c->config.auto_remove &&
		fs_read_file(l->dirs.containers, path, 64, &text, NULL, &ignored) == 0)
		inet_pton(AF_INET, text, &ret);
	return ret;
}

void endpoint_choose_mac(
	const struct container_config *c, const char *network, struct net_address *a)
{
	unsigned mac[6];

	if (!c->mac_address || !str_eq(network, c->network) ||
		sscanf(c->mac_address, "%2x:%2x:%2x:%2x:%2x:%2x", &mac[0], &mac[1], &mac[2],
			&mac[3], &mac[4], &mac[5]) != 6)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(mac); i++)
		a->mac[i] = (unsigned char)mac[i];
}

static int claim_one(struct local *l, const struct container *c,
	const struct endpoint_config *wanted, struct endpoint *p, struct err *e)
{
	struct in_addr address = { 0 };
	int r;

	p->network.name = xstrdup(wanted->network);
	strv_extend(&p->aliases, wanted->aliases.v);
	if ((r = endpoint_open(l, p, e)) < 0)
		return r;
	if (wanted->address && inet_pton(AF_INET, wanted->address, &address) != 1)
		return err_set(e, EINVAL, "'%.40s' is not an IPv4 address", wanted->address);
	if (address.s_addr)
		r = net_claim_exactly(p->net, c->id, address, &p->address, e);
	else
		r = net_claim(p->net, c->id, former_address(l, c), &p->address, e);
	p->claimed = r == 0;
	endpoint_choose_mac(&c->config, p->network.name, &p->address);
	return r < 0 ? err_wrap(e, "cannot connect the container to network '%s'", p->network.name)
		     : 0;
}

/* Numbers the interfaces; the first network that has a way out gets the default route. */
static void set_routes(struct container_net *cn)
{
	bool routed = false;

	for (size_t i = 0; i < cn->n; i++) {
		struct net_address *a = &cn->v[i].address;
		a->interface = (unsigned)i;
		a->no_route |= routed;
		routed |= !a->no_route;
	}
}

struct endpoint *container_net_way_out(struct container_net *cn)
{
	for (size_t i = 0; i < cn->n; i++)
		if (!cn->v[i].address.no_route)
			return &cn->v[i];
	return NULL;
}

static bool is_default(const struct endpoint *p)
{
	return str_eq(p->network.name, "bridge");
}

static int tell_spec(struct local *l, const struct container *c, struct container_net *cn,
	struct spec *spec, struct err *e)
{
	auto_close int dir = -1;
	char text[INET_ADDRSTRLEN];

	for (size_t i = 0; i < cn->n_ports; i++) {
		auto_free char *port = net_port_text(&cn->ports[i]);
		strv_push(&spec->ports, port);
	}
	if (!cn->n)
		return 0;
	inet_ntop(AF_INET, &cn->v[0].address.address, text, sizeof text);
	spec->address = xstrdup(text);
	strv_push(&spec->network_release, "");
	free(spec->network_release.v[0]);
	spec->network_release.v[0] = proc_helper_path("redock-release");
	strv_push(&spec->network_release, l->run_root);
	strv_push(&spec->network_release, c->id);
	for (size_t i = 0; i < cn->n; i++) {
		if (!is_default(&cn->v[i]))
			continue;
		inet_ntop(AF_INET, &cn->v[i].address.address, text, sizeof text);
		strv_pushf(&spec->release, "%s/net/addresses/%s", l->run_root, text);
		if (c->config.auto_remove)
			continue;
		dir = fs_open_dir(l->dirs.containers, c->id, e);
		if (dir < 0 ||
			fs_write_file(dir, "address", text, strlen(text), 0600, FS_VOLATILE, e) < 0)
			return -e->code;
	}
	return 0;
}

int container_net_claim(struct local *l, const struct container *c, struct spec *spec, int run_dir,
	struct container_net *cn, struct err *e)
{
	auto_free struct endpoint_config *wanted = NULL;
	size_t n = endpoints_wanted(&c->config, &wanted);
	int r;

	if (str_starts(c->config.network, "container:"))
		return share(l, c, cn, e);
	if (n > ENDPOINTS_MAX)
		return err_set(e, E2BIG, "a container can be on %d networks", ENDPOINTS_MAX);
	/* before anything is made: what is refused most often */
	if ((r = ports_reserve(l, c, cn, e)) < 0)
		return r;
	cn->v = xcalloc(n + 1, sizeof *cn->v);
	for (; cn->n < n; cn->n++)
		if ((r = claim_one(l, c, &wanted[cn->n], &cn->v[cn->n], e)) < 0) {
			cn->n++; /* half of it is to be released */
			return r;
		}
	set_routes(cn);
	if (cn->n_ports && !container_net_way_out(cn)) {
		err_set(e, EINVAL, "an internal network has no ports that could be reached");
		return err_hint(e, "leave out -p, or add a network that is not internal");
	}
	if ((r = tell_spec(l, c, cn, spec, e)) < 0)
		return r;
	if (cn->n_ports || cn->n > 1 || (cn->n == 1 && !is_default(&cn->v[0])))
		r = endpoint_file_write(run_dir, cn, e);
	return r;
}

int container_net_attach(struct local *l, const struct container *c, struct container_net *cn,
	int netns, struct err *e)
{
	struct endpoint *out = container_net_way_out(cn);
	int r = cn->n ? 0 : net_loopback(netns, e);

	for (size_t i = 0; r == 0 && i < cn->n; i++) {
		struct endpoint *p = &cn->v[i];
		auto_strv names = { 0 };
		r = net_attach(p->net, c->id, &p->address, netns, e);
		if (r < 0 || is_default(p))
			continue;
		endpoint_names(c, p, &names);
		r = net_names_add(p->net, c->id, p->address.address, names.v, e);
	}
	if (r == 0 && container_net_own_server(c, cn))
		r = container_net_names(c, cn, netns, false, e);
	if (r == 0 && cn->n_ports && out)
		r = net_publish(out->net, c->id, out->address.address, cn->ports, cn->n_ports, e);
	return r;
}

size_t container_net_named(const struct container_net *cn)
{
	size_t n = 0;

	for (size_t i = 0; i < cn->n; i++)
		n += !is_default(&cn->v[i]);
	return n;
}

bool container_net_own_server(const struct container *c, const struct container_net *cn)
{
	size_t n = container_net_named(cn);

	return n > 1 || (n && c->config.dns.n);
}

int container_net_names(const struct container *c, const struct container_net *cn, int netns,
	bool keep, struct err *e)
{
	struct net *nets[ENDPOINTS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < cn->n && n < ENDPOINTS_MAX; i++)
		if (!is_default(&cn->v[i]))
			nets[n++] = cn->v[i].net;
	if (container_net_own_server(c, cn))
		return net_names_inside(nets, n, c->config.dns.v, c->id, netns, keep, e);
	if (n)
		net_names_inside_stop(nets[0], c->id);
	return 0;
}

void container_net_end(struct local *l, const char *id)
{
	struct err ignored = { 0 };

	net_release_all(l->run_root, id, &ignored);
}

void container_net_release(
	struct local *l, const struct container *c, struct container_net *cn, bool failed)
{
	struct err ignored = { 0 };
	bool more = cn->n_ports;

	for (size_t i = 0; i < cn->n; i++) {
		struct endpoint *p = &cn->v[i];
		more |= p->net && !is_default(p);
		if (failed && p->claimed)
			net_release(p->net, c->id, p->address.address, &ignored);
		endpoint_release(p);
	}
	if (failed && more)
		container_net_end(l, c->id);
	free(cn->v);
	free(cn->ports);
	reserved_ports_release(&cn->reserved);
	close_fd(&cn->shared_netns);
	*cn = (struct container_net)CONTAINER_NET_INIT;
}
