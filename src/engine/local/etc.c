/* A container's /etc/hosts, hostname and resolv.conf, written anew at each start.  The inside can
 * write to them, so they are on the disk that its other files are on, and not in memory. */
#include "base/mem.h"
#include "engine/local/endpoints.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <fcntl.h>
#include <string.h>

#define FILE_MAX_SIZE (1 << 20)

static bool is(const struct container *c, const char *network)
{
	return str_eq(c->config.network, network);
}

/* Who answers names: the first user network's server, or the container's own; NULL: nobody of ours.
 */
static const char *name_server(
	const struct container *c, const struct container_net *cn, char text[INET_ADDRSTRLEN])
{
	if (container_net_own_server(c, cn))
		return NET_NAMES_INSIDE;
	for (size_t i = 0; i < cn->n; i++)
		if (!str_eq(cn->v[i].network.name, "bridge"))
			return inet_ntop(AF_INET, &cn->v[i].address.gateway, text, INET_ADDRSTRLEN);
	return NULL;
}

static void add_own_names(
	const struct container *c, const struct container_net *cn, struct str *out)
{
	const char *host = c->config.hostname, *domain = c->config.domainname;
	char address[INET_ADDRSTRLEN] = "127.0.1.1";

	for (size_t i = 0; i < cn->n || i == 0; i++) {
		if (cn->n)
			inet_ntop(AF_INET, &cn->v[i].address.address, address, sizeof address);
		if (domain && *domain)
			str_addf(out, "%s\t%s.%s %s\n", address, host, domain, host);
		else
			str_addf(out, "%s\t%s\n", address, host);
	}
}

static int add_extra_hosts(
	const struct container *c, struct container_net *cn, struct str *out, struct err *e)
{
	const struct endpoint *p = container_net_way_out(cn);
	char gateway[INET_ADDRSTRLEN] = "127.0.0.1"; /* on the host's own network */

	if (!p && cn->n)
		p = &cn->v[0];
	if (p)
		inet_ntop(AF_INET, &p->address.gateway, gateway, sizeof gateway);
	for (size_t i = 0; i < c->config.extra_hosts.n; i++) {
		const char *entry = c->config.extra_hosts.v[i], *colon = strchr(entry, ':');
		if (!colon || !str_is_one_line(entry))
			return err_set(e, EINVAL, "'%.80s' is not a name and an address", entry);
		str_addf(out, "%s\t%.*s\n", str_eq(colon + 1, "host-gateway") ? gateway : colon + 1,
			(int)(colon - entry), entry);
	}
	return 0;
}

/* ---- links ---- */

/* "web-db" -> "WEB_DB" */
static char *variable_prefix(const char *alias)
{
	char *ret = xstrdup(alias);

	for (char *p = ret; *p; p++)
		*p = isalnum((unsigned char)*p) ? (char)toupper((unsigned char)*p) : '_';
	return ret;
}

/* What Docker tells a container of one that it is linked to, on the default network. */
static void add_link_variables(const struct container *c, const struct container *other,
	const char *alias, const char *address, struct strv *env)
{
	auto_free char *prefix = variable_prefix(alias);
	bool first = true;

	for (size_t i = 0; i < other->config.exposed.n; i++) {
		auto_free char *port = xstrdup(other->config.exposed.v[i]);
		auto_free char *upper = NULL;
		char *slash = strchr(port, '/');
		const char *protocol = slash ? slash + 1 : "tcp";
		if (slash)
			*slash = '\0';
		upper = variable_prefix(protocol);
		if (first)
			strv_pushf(env, "%s_PORT=%s://%s:%s", prefix, protocol, address, port);
		first = false;
		strv_pushf(env, "%s_PORT_%s_%s=%s://%s:%s", prefix, port, upper, protocol, address,
			port);
		strv_pushf(env, "%s_PORT_%s_%s_ADDR=%s", prefix, port, upper, address);
		strv_pushf(env, "%s_PORT_%s_%s_PORT=%s", prefix, port, upper, port);
		strv_pushf(env, "%s_PORT_%s_%s_PROTO=%s", prefix, port, upper, protocol);
	}
	strv_pushf(env, "%s_NAME=/%s/%s", prefix, c->config.name, alias);
	for (size_t i = 0; i < other->config.env.n; i++)
		if (!str_starts(other->config.env.v[i], "PATH="))
			strv_pushf(env, "%s_ENV_%s", prefix, other->config.env.v[i]);
}

/* Its address on a network that both are on. */
static int common_address(struct local *l, const struct container *other,
	const struct container_net *cn, char ret[INET_ADDRSTRLEN], struct err *e)
{
	auto_container_info info = { 0 };
	struct local_status status;
	int r = local_status(l, other, &status, e);

	if (r < 0)
		return r;
	if (status.state != CONTAINER_RUNNING && status.state != CONTAINER_PAUSED) {
		err_set(e, ESRCH, "container '%s' does not run", other->config.name);
		return err_hint(e, "redock start %s", other->config.name);
	}
	r = local_network_info(l, other, &status.run, &info, e);
	for (size_t i = 0; r == 0 && i < info.n_endpoints; i++)
		for (size_t k = 0; k < cn->n; k++)
			if (str_eq(info.endpoints[i].network, cn->v[k].network.name)) {
				snprintf(ret, INET_ADDRSTRLEN, "%s", info.endpoints[i].address);
				return 0;
			}
	return r < 0 ? r
		     : err_set(e, EINVAL, "container '%s' is on none of the same networks",
			       other->config.name);
}

static int add_link(struct local *l, const struct container *c, const struct container_net *cn,
	const char *link, bool live, struct str *hosts, struct strv *env, struct err *e)
{
	auto_close int dir = -1;
	const char *colon = strchr(link, ':');
	auto_free char *name = xstrndup(link, colon ? (size_t)(colon - link) : strlen(link));
	const char *alias = colon ? colon + 1 : name;
	char id[ENGINE_ID_SIZE], address[INET_ADDRSTRLEN];
	auto_container other = { 0 };

	if (!*alias || !str_is_one_line(alias) || strpbrk(alias, " \t#"))
		return err_set(e, EINVAL, "'%.80s' cannot be a name for a link", alias);
	if (local_resolve(l, name, id, e) < 0 || container_load(l, id, &other, e) < 0 ||
		common_address(l, &other, cn, address, e) < 0)
		return err_wrap(
			e, "cannot link to '%.64s'", other.config.name ? other.config.name : name);
	if (!live && ((dir = fs_open_dir(l->dirs.containers, id, e)) < 0 ||
			     fs_write_file(dir, "linked", "", 0, 0600, FS_VOLATILE, e) < 0))
		return -e->code;
	str_addf(hosts, "%s\t%s", address, alias);
	if (!str_eq(alias, other.config.name) && !strchr(other.config.name, ':'))
		str_addf(hosts, " %s", other.config.name);
	str_addf(hosts, " %.12s\n", other.id);
	if (is(c, "bridge"))
		add_link_variables(c, &other, alias, address, env);
	return 0;
}

/* ---- the files ---- */

int etc_hosts(struct local *l, const struct container *c, struct container_net *cn, bool live,
	struct str *out, struct strv *env, struct err *e)
{
	int r = 0;

	if (is(c, "host")) {
		auto_free char *own = NULL;
		struct err none = { 0 };
		if (fs_read_file(AT_FDCWD, "/etc/hosts", FILE_MAX_SIZE, &own, NULL, &none) == 0)
			str_addf(out, "%s%s", own, str_ends(own, "\n") ? "" : "\n");
	} else {
		str_add(out, "127.0.0.1\tlocalhost\n"
			     "::1\tlocalhost ip6-localhost ip6-loopback\n"
			     "fe00::0\tip6-localnet\nff00::0\tip6-mcastprefix\n"
			     "ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n");
		add_own_names(c, cn, out);
	}
	r = add_extra_hosts(c, cn, out, e);
	for (size_t i = 0; r == 0 && i < c->config.links.n; i++) {
		r = add_link(l, c, cn, c->config.links.v[i], live, out, env, e);
		if (r < 0 && live) {
			err_clear(e);
			r = 0;
		}
	}
	return r;
}

static bool begins(const char *line, const char *key)
{
	size_t n = strlen(key);

	return strncmp(line, key, n) == 0 && (line[n] == ' ' || line[n] == '\t');
}

/* The host's lines, but for those that the container has instead. */
static void add_host_lines(
	const struct container *c, const char *host, bool servers, struct str *out)
{
	auto_free char *text = xstrdup(host);
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if ((!servers && (begins(line, "nameserver") || *line == '#')) ||
			(c->config.dns_search.n &&
				(begins(line, "search") || begins(line, "domain"))) ||
			(c->config.dns_options.n && begins(line, "options")))
			continue;
		str_addf(out, "%s\n", line);
	}
}

int etc_resolv(
	const struct container *c, const struct container_net *cn, struct str *out, struct err *e)
{
	char text[INET_ADDRSTRLEN];
	const char *server = name_server(c, cn, text);
	auto_free char *host = NULL;
	struct err none = { 0 };
	int r;

	/* on the host's network the host's loopback can be reached, and with it a local stub */
	if (is(c, "host"))
		r = fs_read_file(AT_FDCWD, "/etc/resolv.conf", FILE_MAX_SIZE, &host, NULL, &none);
	else
		r = net_resolv_conf(&host, e);
	if (r < 0 && r != -ENOENT)
		return r;
	if (server)
		str_addf(out, "nameserver %s\n", server);
	for (size_t i = 0; !server && i < c->config.dns.n; i++)
		str_addf(out, "nameserver %s\n", c->config.dns.v[i]);
	if (host)
		add_host_lines(c, host, !server && !c->config.dns.n, out);
	/* "." is Docker's way to say: none */
	if (c->config.dns_search.n && !str_eq(c->config.dns_search.v[0], ".")) {
		str_add(out, "search");
		for (size_t i = 0; i < c->config.dns_search.n; i++)
			str_addf(out, " %s", c->config.dns_search.v[i]);
		str_add(out, "\n");
	}
	if (c->config.dns_options.n) {
		str_add(out, "options");
		for (size_t i = 0; i < c->config.dns_options.n; i++)
			str_addf(out, " %s", c->config.dns_options.v[i]);
		str_add(out, "\n");
	}
	return 0;
}

static int write_one(int dir, const char *name, const struct str *text, struct err *e)
{
	if (text->overflow)
		return err_set(e, E2BIG, "the container's /etc/%s is too long", name);
	return fs_write_file(dir, name, text->data, text->len, 0644, FS_VOLATILE, e);
}

/* --network container:NAME: the files are that container's, too. */
static void share_files(struct local *l, const struct container_net *cn, struct spec *spec)
{
	static const char *const files[] = { "hosts", "resolv.conf" };

	for (size_t i = 0; i < spec->n_mounts; i++)
		for (size_t k = 0; k < ARRAY_SIZE(files); k++) {
			struct spec_mount *m = &spec->mounts[i];
			if (!str_starts(m->target, "/etc/") || !str_eq(m->target + 5, files[k]))
				continue;
			free(m->source);
			m->source = xasprintf("%s/containers/%s/%s", l->root, cn->shared, files[k]);
		}
}

int etc_write(struct local *l, const struct container *c, struct container_net *cn,
	struct spec *spec, struct err *e)
{
	auto_close int dir = fs_open_dir(l->dirs.containers, c->id, e);
	auto_str hosts = STR_INIT(FILE_MAX_SIZE), resolv = STR_INIT(FILE_MAX_SIZE),
		 hostname = STR_INIT(1024);
	int r = dir < 0 ? dir : 0;

	str_addf(&hostname, "%s\n", c->config.hostname);
	if (*cn->shared)
		share_files(l, cn, spec);
	if (r == 0 && !*cn->shared)
		r = etc_hosts(l, c, cn, false, &hosts, &spec->env, e);
	if (r == 0 && !*cn->shared)
		r = etc_resolv(c, cn, &resolv, e);
	if (r == 0 && ((r = write_one(dir, "hosts", &hosts, e)) < 0 ||
			      (r = write_one(dir, "hostname", &hostname, e)) < 0 ||
			      (r = write_one(dir, "resolv.conf", &resolv, e)) < 0))
		return err_wrap(e, "cannot write the container's /etc files");
	return r;
}
