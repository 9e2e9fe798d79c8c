/*
 * Published ports.  Which container has which is written down, in ports/<id> of the default
 * network's run directory, before the rules know: so it can be undone, and done again when somebody
 * has flushed them.  A line is "<bridge> <address> <protocol>/<host address>/<port>/<port>".
 */
#include "base/fs.h"
#include "base/mem.h"
#include "net/bridge.h"
#include "net/elements.h"
#include "net/port.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>

#define PORTS      "ports"
#define RECORD_MAX (64 << 10)

struct record {
	char bridges[NET_PORTS_MAX][IFNAMSIZ];
	struct element elements[NET_PORTS_MAX];
	size_t n;
};

static void add_line(struct record *rec, char *line, const char *id, const char *only)
{
	char *address = strchr(line, ' '), *port = address ? strchr(address + 1, ' ') : NULL;
	struct element *el = &rec->elements[rec->n];

	if (!port || rec->n == NET_PORTS_MAX)
		return;
	*address++ = *port++ = '\0';
	if (strlen(line) >= IFNAMSIZ || (only && !str_eq(line, only)) ||
		inet_pton(AF_INET, address, &el->address) != 1 ||
		net_port_parse(port, &el->port) < 0)
		return;
	memcpy(rec->bridges[rec->n], line, strlen(line) + 1);
	el->table = rec->bridges[rec->n];
	el->comment = id;
	rec->n++;
}

/* What container `id` has on bridge `only` (NULL: on any). A damaged line is left out. */
static int read_record(int dir, const char *id, const char *only, struct record *ret, struct err *e)
{
	auto_free char *text = NULL;
	char *save = NULL;
	int r = fs_read_file(dir, id, RECORD_MAX, &text, NULL, e);

	ret->n = 0;
	if (r < 0)
		return r;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		add_line(ret, line, id, only);
	return 0;
}

static int write_record(struct net *net, const char *id, const struct record *rec, struct err *e)
{
	auto_close int dir = fs_open_dir_make(net->base_fd, PORTS, 0700, e);
	auto_str text = STR_INIT(RECORD_MAX);
	char address[INET_ADDRSTRLEN];

	if (dir < 0)
		return dir;
	for (size_t i = 0; i < rec->n; i++) {
		auto_free char *port = net_port_text(&rec->elements[i].port);
		inet_ntop(AF_INET, &rec->elements[i].address, address, sizeof address);
		str_addf(&text, "%s %s %s\n", rec->elements[i].table, address, port);
	}
	return fs_write_file(dir, id, text.data, text.len, 0600, FS_VOLATILE, e);
}

/* Our own change is no reason for the next command to look at everybody's rules: networks that were
 * right before it are right after it, if it was the only one in between. */
static int advance_one(void *arg, struct net *net)
{
	const struct firewall_state *change = arg; /* before and after */
	struct err ignored = { 0 };
	auto_close int lock = fs_lock(net->run_fd, LOCK_NAME, -1, &ignored);
	struct bridge_state s;

	if (lock < 0 || state_load(net, &s, &ignored) < 0 || !s.rules ||
		s.firewall.generation != change[0].generation)
		return 0;
	s.firewall.generation = change[1].generation;
	state_save(net, &s, &ignored);
	return 0;
}

static void advance(struct net *base, struct firewall_state change[2])
{
	struct err ignored = { 0 };

	if (change[1].generation != change[0].generation + 1)
		return;
	advance_one(change, base);
	net_each_active(base, advance_one, change, &ignored);
}

/* The default network, which the state of all others is beside. */
static struct net *open_base(struct net *net, struct err *e)
{
	struct net *base = net_new(net->root_fd, net->base_fd, net->base_fd, "", DEFAULT_NETWORK);

	return net_finish(base, 0, &base, e) < 0 ? NULL : base;
}

/* `rec`'s elements are added or removed, and every network's state told of it. */
static int change(struct net *net, const struct record *rec,
	int (*work)(const struct element *, size_t, struct err *), struct err *e)
{
	struct firewall_state state[2];
	struct err ignored = { 0 };
	struct net *base;
	int r = firewall_state_read(&state[0], e);

	if (r == 0)
		r = work(rec->elements, rec->n, e);
	if (r < 0 || firewall_state_read(&state[1], &ignored) < 0)
		return r;
	base = open_base(net, &ignored);
	if (base)
		advance(base, state);
	net_close(base);
	return 0;
}

/* What a connection from the host's own 127.0.0.1 needs to come back; the guard in our table keeps
 * everybody else out. It goes with the bridge. */
static int let_loopback_through(const struct net *net, struct err *e)
{
	auto_free char *path = xasprintf("/proc/sys/net/ipv4/conf/%s/route_localnet", net->bridge);
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "1\n", 2) < 0)
		return err_errno(e, "cannot write '%s'", path);
	return 0;
}

int net_publish(struct net *net, const char *id, struct in_addr address,
	const struct net_port *ports, size_t n, struct err *e)
{
	auto_free struct record *rec = xcalloc(1, sizeof *rec);
	char veth[VETH_NAME_SIZE];
	int r = bridge_veth_name(net, id, veth, e);

	if (r < 0 || n == 0)
		return r;
	if (n > NET_PORTS_MAX)
		return err_set(e, E2BIG, "more than %d ports", NET_PORTS_MAX);
	for (size_t i = 0; i < n; i++)
		rec->elements[i] = (struct element){ net->bridge, address, ports[i], id };
	rec->n = n;
	if ((r = write_record(net, id, rec, e)) < 0 || (r = let_loopback_through(net, e)) < 0 ||
		(r = link_set_hairpin(&net->route, veth, e)) < 0)
		return r;
	return change(net, rec, elements_add, e);
}

int net_unpublish(struct net *net, const char *id, struct err *e)
{
	auto_close int dir = openat(net->base_fd, PORTS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_free struct record *rec = xcalloc(1, sizeof *rec);
	struct err none = { 0 };
	int r = dir < 0 ? -errno : read_record(dir, id, NULL, rec, &none);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_set(e, -r, "cannot read the ports of container '%.12s'", id);
	r = change(net, rec, elements_remove, e);
	if (r == 0 && unlinkat(dir, id, 0) < 0 && errno != ENOENT)
		r = err_errno(e, "cannot forget the ports of container '%.12s'", id);
	return r;
}

int publish_restore(struct net *net, struct err *e)
{
	int fd = openat(net->base_fd, PORTS, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0, found = 0;
	auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	auto_free struct record *rec = NULL;
	struct err ignored = { 0 };
	char veth[VETH_NAME_SIZE];
	struct dirent *entry;

	while (d && r == 0 && (entry = readdir(d))) {
		if (*entry->d_name == '.')
			continue;
		if (!rec)
			rec = xcalloc(1, sizeof *rec);
		if (read_record(fd, entry->d_name, net->bridge, rec, &ignored) < 0 || !rec->n)
			continue;
		found = 1;
		/* which of them are there does not matter: first none, then all */
		r = elements_remove(rec->elements, rec->n, e);
		if (r == 0)
			r = elements_add(rec->elements, rec->n, e);
		if (r == 0)
			r = let_loopback_through(net, e);
		if (r == 0 && bridge_veth_name(net, entry->d_name, veth, &ignored) == 0)
			link_set_hairpin(&net->route, veth, &ignored);
	}
	return r < 0 ? r : found;
}

void publish_forget(struct net *net)
{
	struct err ignored = { 0 };

	if (!net->user)
		fs_remove_tree(net->base_fd, PORTS, &ignored);
}
