/* User networks as they are on record: <root>/networks/<name>.json. */
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/time.h"
#include "net/bridge.h"
#include "net/claims.h"
#include "net/net.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>

#define NETWORKS       "networks"
#define NAME_MAX_SIZE  64
#define RECORD_MAX     (256 << 10)
#define RECORD_VERSION 1
#define NETWORKS_MAX   1000 /* more than there are subnets to choose from */

void net_network_release(struct net_network *n)
{
	free(n->name);
	strv_release(&n->labels);
	strv_release(&n->options);
	memset(n, 0, sizeof *n);
}

static int check_name(const char *name, struct err *e)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	static const char *const reserved[] = { "bridge", "host", "none", "default" };

	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
		if (str_eq(name, reserved[i]))
			return err_set(e, EEXIST, "there always is a network '%s'", name);
	if (strchr("_.-", *name) || strlen(name) > NAME_MAX_SIZE ||
		strspn(name, letters) != strlen(name)) {
		err_set(e, EINVAL, "'%.80s' cannot be a network's name", name);
		return err_hint(e,
			"letters, digits, '_', '.' and '-', %d at most, the first a "
			"letter or digit",
			NAME_MAX_SIZE);
	}
	return 0;
}

/* The default one has no record but its subnet; its id is made of what is its alone. */
static void default_network(struct net *net, struct net_network *ret)
{
	struct bridge_state s = { 0 };
	struct err ignored = { 0 };

	memset(ret, 0, sizeof *ret);
	for (unsigned i = 0; i < 4; i++) {
		auto_free char *text = xasprintf("%u %s", i, net->bridge);
		snprintf(ret->id + (size_t)16 * i, 17, "%016llx",
			(unsigned long long)subnet_hash(text));
	}
	ret->name = xstrdup(DEFAULT_NETWORK);
	snprintf(ret->bridge, sizeof ret->bridge, "%s", net->bridge);
	if (state_load(net, &s, &ignored) < 0 || !s.subnet.prefix)
		state_recorded_subnet(net, &s.subnet);
	ret->prefix = s.subnet.prefix;
	if (s.subnet.prefix) {
		ret->subnet.s_addr = htonl(s.subnet.first);
		ret->gateway = subnet_gateway(&s.subnet);
	}
}

static int parse_record(const char *name, const json_t *j, struct net_network *ret, struct err *e)
{
	const char *id = json_str(j, "id", ""), *bridge = json_str(j, "bridge", "");
	struct net_network n = { 0 };
	struct subnet s;

	if (json_int(j, "version", 0) != RECORD_VERSION || strlen(id) != sizeof n.id - 1 ||
		strspn(id, "0123456789abcdef") != strlen(id) || !*bridge ||
		strlen(bridge) >= sizeof n.bridge || strchr(bridge, '/') ||
		subnet_parse(json_str(j, "subnet", ""), &s, e) < 0 ||
		inet_pton(AF_INET, json_str(j, "gateway", ""), &n.gateway) != 1 ||
		!subnet_is_usable(&s, n.gateway)) {
		err_set(e, EBADMSG, "the record of network '%s' is damaged", name);
		return err_hint(e, "redock network rm %s", name);
	}
	memcpy(n.id, id, sizeof n.id);
	memcpy(n.bridge, bridge, strlen(bridge));
	n.name = xstrdup(name);
	n.subnet.s_addr = htonl(s.first);
	n.prefix = s.prefix;
	n.internal = json_bool(j, "internal", false);
	n.created = json_int(j, "created", 0);
	json_get_strv(j, "labels", &n.labels);
	json_get_strv(j, "options", &n.options);
	*ret = n;
	return 0;
}

static int load_record(
	const struct net *net, const char *name, struct net_network *ret, struct err *e)
{
	auto_free char *path = xasprintf(NETWORKS "/%s.json", name);
	auto_json *j = NULL;
	int r = json_read_file(net->root_fd, path, RECORD_MAX, &j, e);

	if (r < 0 && r != -ENOENT) {
		err_set(e, EBADMSG, "the record of network '%s' is damaged", name);
		return err_hint(e, "redock network rm %s", name);
	}
	return r < 0 ? r : parse_record(name, j, ret, e);
}

/* Names of all records, in no order. */
static int list_names(const struct net *net, struct strv *ret, struct err *e)
{
	int fd = openat(net->root_fd, NETWORKS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (!d)
		return err_errno(e, "cannot read the list of networks");
	while ((entry = readdir(d)) && ret->n < NETWORKS_MAX) {
		size_t len = strlen(entry->d_name);
		if (*entry->d_name == '.' || !str_ends(entry->d_name, ".json") ||
			str_eq(entry->d_name, DEFAULT_NETWORK ".json"))
			continue;
		auto_free char *name = xstrndup(entry->d_name, len - 5);
		strv_push(ret, name);
	}
	return 0;
}

int networks_each(const struct net *net, const char *except,
	void (*each)(void *arg, const char *name, const struct subnet *), void *arg, struct err *e)
{
	auto_strv names = { 0 };
	struct subnet s;

	state_recorded_subnet(net, &s);
	if (s.prefix && !str_eq(except, DEFAULT_NETWORK))
		each(arg, DEFAULT_NETWORK, &s);
	if (list_names(net, &names, e) < 0)
		return -e->code;
	for (size_t i = 0; i < names.n; i++) {
		auto_net_network n = { 0 };
		struct err damaged = { 0 };
		if (str_eq(names.v[i], except) || load_record(net, names.v[i], &n, &damaged) < 0)
			continue;
		s = (struct subnet){ ntohl(n.subnet.s_addr), n.prefix };
		each(arg, n.name, &s);
	}
	return 0;
}

struct taken {
	const struct subnet *wanted;
	char name[NAME_MAX_SIZE + 1], subnet[SUBNET_TEXT_SIZE];
};

static void compare_network(void *arg, const char *name, const struct subnet *s)
{
	struct taken *t = arg;

	if (!subnet_overlaps(s, t->wanted))
		return;
	snprintf(t->name, sizeof t->name, "%s", name);
	subnet_format(s, t->subnet);
}

static int check_free(struct net *net, const char *text, const struct subnet *s, struct err *e)
{
	struct taken taken = { .wanted = s };
	struct conflict c = { 0 };
	char with[SUBNET_TEXT_SIZE];
	int r = networks_each(net, "", compare_network, &taken, e);

	if (r == 0 && *taken.name)
		err_set(e, EADDRINUSE, "subnet '%s' overlaps '%s' of network '%s'", text,
			taken.subnet, taken.name);
	else if (r == 0 && (r = choice_find_conflict(net, s, 0, &c, e)) == 0 && c.found) {
		subnet_format(&c.with, with);
		err_set(e, EADDRINUSE, "subnet '%s' overlaps '%s', to which the host has a route",
			text, with);
	}
	if (r < 0 || !e->code)
		return r;
	return err_hint(e, "another --subnet, or none: then a free one is chosen");
}

static int set_subnet(
	struct net *net, const struct net_network_options *o, struct net_network *n, struct err *e)
{
	struct subnet s;
	int r = o->subnet ? subnet_parse(o->subnet, &s, e) : choice_search(net, &s, e);

	e->code = r < 0 ? e->code : 0;
	if (r == 0 && o->subnet)
		r = check_free(net, o->subnet, &s, e);
	if (r < 0)
		return r;
	n->subnet.s_addr = htonl(s.first);
	n->prefix = s.prefix;
	n->gateway = subnet_gateway(&s);
	if (o->gateway && !o->subnet)
		return err_set(e, EINVAL, "a gateway needs its subnet: --subnet");
	if (o->gateway && (inet_pton(AF_INET, o->gateway, &n->gateway) != 1 ||
				  !subnet_is_usable(&s, n->gateway)))
		return err_set(e, EINVAL, "gateway '%.40s' is not an address of subnet '%s'",
			o->gateway, o->subnet);
	return 0;
}

/* An id, and a link name that no link has: "<the instance's>-<digits>", so that it tells whose it
 * is. */
static int set_id(struct net *net, struct net_network *n, struct err *e)
{
	unsigned char bytes[32];
	struct link_info l;
	int r = 0;

	for (int tries = 0; r != -ENODEV && tries < 64; tries++) {
		if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
			return err_errno(e, "cannot make an id");
		for (size_t i = 0; i < sizeof bytes; i++)
			snprintf(n->id + 2 * i, 3, "%02x", bytes[i]);
		snprintf(n->bridge, sizeof n->bridge, "%.10s-%.4s", net->bridge, n->id);
		r = link_find(&net->route, n->bridge, &l, e);
		if (r < 0 && r != -ENODEV)
			return r;
	}
	return r == -ENODEV ? 0 : err_set(e, EEXIST, "no name is left for another bridge");
}

static int save_record(int dir, const struct net_network *n, struct err *e)
{
	auto_free char *file = xasprintf("%s.json", n->name);
	struct subnet s = { ntohl(n->subnet.s_addr), n->prefix };
	char subnet[SUBNET_TEXT_SIZE], gateway[INET_ADDRSTRLEN];
	auto_json *j = NULL;

	subnet_format(&s, subnet);
	inet_ntop(AF_INET, &n->gateway, gateway, sizeof gateway);
	j = json_pack("{s:i, s:s, s:s, s:s, s:s, s:b, s:I, s:o, s:o}", "version", RECORD_VERSION,
		"id", n->id, "bridge", n->bridge, "subnet", subnet, "gateway", gateway, "internal",
		(int)n->internal, "created", (json_int_t)n->created, "labels",
		json_from_strv(&n->labels), "options", json_from_strv(&n->options));
	if (!j)
		return err_set(e, EINVAL, "a label of network '%s' is not UTF-8", n->name);
	return json_write_file(dir, file, j, 0600, FS_DURABLE, e);
}

/* Held by whoever adds or removes a record. */
static int lock_records(struct net *net, int *ret_dir, struct err *e)
{
	*ret_dir = fs_open_dir_make(net->root_fd, NETWORKS, 0700, e);
	return *ret_dir < 0 ? *ret_dir : fs_lock(*ret_dir, ".lock", -1, e);
}

int net_network_create(struct net *net, const struct net_network_options *o,
	struct net_network *ret, struct err *e)
{
	auto_net_network n = { 0 };
	auto_close int dir = -1, lock = -1;
	auto_free char *file = xasprintf("%s.json", o->name);
	auto_strv names = { 0 };
	int r = check_name(o->name, e);

	if (r < 0 || (lock = lock_records(net, &dir, e)) < 0 || list_names(net, &names, e) < 0)
		return -e->code;
	if (faccessat(dir, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		err_set(e, EEXIST, "there is a network '%s' already", o->name);
		return err_hint(e, "another name, or: redock network rm %s", o->name);
	}
	if (names.n >= NETWORKS_MAX)
		return err_set(e, ENOSPC, "there are %u networks already", NETWORKS_MAX);
	n.name = xstrdup(o->name);
	n.internal = o->internal;
	n.created = time_now();
	if (o->labels)
		strv_extend(&n.labels, o->labels);
	if (o->options)
		strv_extend(&n.options, o->options);
	if ((r = set_id(net, &n, e)) < 0 || (r = set_subnet(net, o, &n, e)) < 0 ||
		(r = save_record(dir, &n, e)) < 0)
		return r;
	*ret = n;
	memset(&n, 0, sizeof n);
	return 0;
}

static int by_id(struct net *net, const char *prefix, struct net_network *ret, struct err *e)
{
	size_t n = 0, found = 0, at = 0;
	struct net_network *all = NULL;
	int r = net_network_list(net, &all, &n, NULL, e);

	for (size_t i = 0; r == 0 && i < n; i++)
		if (str_starts(all[i].id, prefix)) {
			found++;
			at = i;
		}
	for (size_t i = 0; i < n; i++)
		if (found == 1 && i == at)
			*ret = all[i];
		else
			net_network_release(&all[i]);
	free(all);
	if (r == 0 && found > 1)
		return err_set(
			e, ENOTUNIQ, "%zu networks have ids that begin with '%s'", found, prefix);
	return r == 0 && !found ? -ENOENT : r;
}

int net_network_load(struct net *net, const char *name, struct net_network *ret, struct err *e)
{
	size_t len = strlen(name);
	int r = -ENOENT;

	if (str_eq(name, DEFAULT_NETWORK) || str_eq(name, "default")) {
		default_network(net, ret);
		return 0;
	}
	if (check_name(name, &(struct err){ 0 }) == 0)
		r = load_record(net, name, ret, e);
	if (r == -ENOENT && len >= 4 && len <= 64 && strspn(name, "0123456789abcdef") == len)
		r = by_id(net, name, ret, e);
	if (r == -ENOENT) {
		err_set(e, ENOENT, "no network named '%.64s'", name);
		return err_hint(e, "redock network ls, or redock network create %.64s", name);
	}
	return r;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct net_network *)a)->name, ((const struct net_network *)b)->name);
}

int net_network_list(struct net *net, struct net_network **ret, size_t *ret_n,
	struct strv *ret_damaged, struct err *e)
{
	auto_strv names = { 0 };
	struct net_network *all;
	size_t n = 1;

	if (list_names(net, &names, e) < 0)
		return -e->code;
	all = xcalloc(names.n + 1, sizeof *all);
	default_network(net, &all[0]);
	for (size_t i = 0; i < names.n; i++) {
		struct err damaged = { 0 };
		int r = load_record(net, names.v[i], &all[n], &damaged);
		if (r == 0)
			n++;
		else if (r != -ENOENT && ret_damaged) /* not one that was removed meanwhile */
			strv_push(ret_damaged, names.v[i]);
	}
	qsort(all + 1, n - 1, sizeof *all, by_name);
	*ret = all;
	*ret_n = n;
	return 0;
}

int net_open_network(struct net *base, const struct net_network *n, struct net **ret, struct err *e)
{
	auto_close int run = -1;
	struct net *net;
	int r = 0;

	if (!n || str_eq(n->name, DEFAULT_NETWORK)) {
		net = net_new(base->root_fd, base->base_fd, base->run_fd, base->bridge, base->name);
		net->asked = base->asked;
		return net_finish(net, 0, ret, e);
	}
	run = fs_open_dir_make(base->base_fd, n->id, 0700, e);
	if (run < 0)
		return run;
	net = net_new(base->root_fd, base->base_fd, run, n->bridge, n->name);
	net->user = true;
	net->internal = n->internal;
	net->gateway = n->gateway;
	net->asked = (struct subnet){ ntohl(n->subnet.s_addr), n->prefix };
	return net_finish(net, r, ret, e);
}

/* A network that is known by its state alone: enough to give back what it has. */
static int open_run(struct net *base, const char *id, struct net **ret, struct err *e)
{
	auto_close int run = fs_open_dir(base->base_fd, id, e);
	auto_json *j = NULL;
	struct net *net;
	const char *bridge = "";

	if (run < 0)
		return run;
	if (json_read_file(run, "bridge.json", 4096, &j, &(struct err){ 0 }) == 0)
		bridge = json_str(j, "bridge", "");
	net = net_new(base->root_fd, base->base_fd, run, strlen(bridge) < 16 ? bridge : "", id);
	net->user = true;
	return net_finish(net, 0, ret, e);
}

int net_each_active(
	struct net *base, int (*each)(void *arg, struct net *), void *arg, struct err *e)
{
	int fd = openat(base->base_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!d)
		return err_errno(e, "cannot read the state of the networks");
	while (r >= 0 && (entry = readdir(d))) {
		struct net *net = NULL;
		if (strlen(entry->d_name) != NETWORK_ID_SIZE - 1)
			continue;
		r = open_run(base, entry->d_name, &net, e);
		if (r == 0 && *net->bridge)
			r = each(arg, net);
		net_close(net);
	}
	return r < 0 ? r : 0;
}

int net_network_remove(struct net *base, const struct net_network *n, struct err *e)
{
	auto_free char *file = xasprintf("%s.json", n->name);
	auto_close int dir = -1, lock = -1, records = lock_records(base, &dir, e);
	struct net *net = NULL;
	int r = records < 0 ? records : net_open_network(base, n, &net, e);

	if (r == 0)
		r = lock = fs_lock(net->run_fd, LOCK_NAME, -1, e);
	if (r >= 0 && (r = claim_each(net->claims_fd, NULL, NULL, e)) > 0)
		r = err_set(e, EBUSY, "network '%s' is in use by %d containers", n->name, r);
	if (r == 0)
		r = bridge_remove(net, e);
	net_close(net);
	if (r < 0)
		return r;
	if (unlinkat(dir, file, 0) < 0 && errno != ENOENT)
		return err_errno(e, "cannot remove network '%s'", n->name);
	r = fs_sync(dir, e);
	return r < 0 ? r : fs_remove_tree(base->base_fd, n->id, e);
}

/* A network of which there is state, but no record. */
static int sweep_one(void *arg, struct net *net)
{
	const struct net_network *all = arg;
	struct err ignored = { 0 };
	auto_close int lock = -1;

	for (; all->name; all++)
		if (str_eq(all->bridge, net->bridge))
			return 0;
	lock = fs_lock(net->run_fd, LOCK_NAME, -1, &ignored);
	if (lock >= 0 && claim_each(net->claims_fd, NULL, NULL, &ignored) == 0 &&
		bridge_remove(net, &ignored) == 0)
		fs_remove_tree(net->base_fd, net->name, &ignored);
	return 0;
}

int net_network_forget(struct net *base, const char *name, struct err *e)
{
	auto_free char *file = xasprintf("%s.json", name);
	auto_close int dir = -1, records = lock_records(base, &dir, e);
	struct net_network *all = NULL;
	size_t n = 0;
	int r = records < 0 ? records : check_name(name, e);

	if (r < 0)
		return r;
	if (unlinkat(dir, file, 0) < 0 && errno != ENOENT)
		return err_errno(e, "cannot remove network '%s'", name);
	if ((r = fs_sync(dir, e)) < 0 || (r = net_network_list(base, &all, &n, NULL, e)) < 0)
		return r;
	all = xrealloc_array(all, n + 1, sizeof *all);
	memset(&all[n], 0, sizeof *all);
	r = net_each_active(base, sweep_one, all, e);
	for (size_t i = 0; i < n; i++)
		net_network_release(&all[i]);
	free(all);
	return r;
}
