/* Options of run and create that do not go together, and what follows from all of them. */
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/create_options.h"
#include "cli/values.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define LINES_MAX (1 << 20) /* bytes of an --env-file or --label-file */
#define NAMES_MAX 4096      /* of them in one; the engine has its own limit for all together */

/* Also from a pipe: --env-file <(program). */
static int read_lines(const char *path, char **ret, struct err *e)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	auto_free char *text = xmalloc(LINES_MAX + 1);
	ssize_t n = fd < 0 ? -errno : fs_read_full(fd, text, LINES_MAX + 1);

	if (n < 0) {
		errno = (int)-n;
		return err_errno(e, "cannot read '%s'", path);
	}
	if (n > LINES_MAX)
		return err_set(e, EFBIG, "'%s' is longer than %d bytes", path, LINES_MAX);
	text[n] = '\0';
	if (strlen(text) != (size_t)n)
		return err_set(e, EINVAL, "'%s' has NUL bytes: it is no text", path);
	*ret = take_ptr(&text);
	return 0;
}

static int add_line(const char *path, size_t number, const char *line, bool env, struct strv *ret,
	struct err *e)
{
	size_t key = strcspn(line, "=");

	if (!*line || *line == '#')
		return 0;
	if (key == 0 || strcspn(line, " \t") < key) {
		err_set(e, EINVAL, "'%s', line %zu: '%.*s' is no name", path, number, (int)key,
			line);
		return err_hint(e, "KEY=value, one a line; lines that begin with # are comments");
	}
	return env ? value_env(line, ret, e) : value_label_push(line, ret, e);
}

/* KEY=value lines; comments begin with #. Quotes are not special, as in Docker. */
static int add_file(const char *path, bool env, struct strv *ret, struct err *e)
{
	auto_free char *text = NULL;
	size_t number = 0;
	int r = read_lines(path, &text, e);

	if (r < 0)
		return r;
	for (const char *p = str_starts(text, "\xef\xbb\xbf") ? text + 3 : text; *p && r >= 0;) {
		size_t len = strcspn(p, "\n"), skip = strspn(p, " \t");
		size_t cut = len && p[len - 1] == '\r' ? 1 : 0;
		auto_free char *line = xstrndup(
			p + (skip < len ? skip : len), len - (skip < len ? skip : len) - cut);

		r = ret->n < NAMES_MAX
			    ? add_line(path, ++number, line, env, ret, e)
			    : err_set(e, E2BIG, "'%s' has more than %d names", path, NAMES_MAX);
		p += len + (p[len] == '\n');
	}
	return r;
}

static int add_files(const struct strv *files, const struct strv *given, bool env, struct strv *ret,
	struct err *e)
{
	for (size_t i = 0; i < files->n; i++)
		if (add_file(files->v[i], env, ret, e) < 0)
			return -e->code;
	for (size_t i = 0; i < given->n; i++) /* the command line goes over the files */
		strv_set_env(ret, given->v[i]);
	return 0;
}

/* ---- conflicts ---- */

static int conflict(struct err *e, const char *one, const char *other, const char *why)
{
	cli_usage(e, "options '%s' and '%s' exclude each other: %s", one, other, why);
	return CLI_USAGE;
}

static bool user_network(const struct container_config *c)
{
	return c->network && !str_eq(c->network, "bridge") && !str_eq(c->network, "none") &&
	       !str_eq(c->network, "host") && !str_starts(c->network, "container:");
}

static int check_network(const struct create_options *o, struct err *e)
{
	const struct container_config *c = &o->config;
	bool host = c->network && str_eq(c->network, "host");
	bool none = c->network && str_eq(c->network, "none");
	bool shared = c->network && str_starts(c->network, "container:");
	auto_free char *option = xasprintf("--network %s", c->network ? c->network : "bridge");

	if ((host || none || shared) && c->n_ports)
		return conflict(e, option, "--publish",
			host   ? "its ports are the host's own already"
			: none ? "nothing can reach it"
			       : "the other container's ports are its own");
	if ((host || none || shared) && c->n_endpoints > 1)
		return conflict(e, option, "--network", "it can be on no other network");
	if ((host || shared) && c->links.n)
		return conflict(e, option, "--link", "it has no network of its own");
	if ((host || none || shared) && c->mac_address)
		return conflict(e, option, "--mac-address", "it has no interface of its own");
	if (shared && (c->hostname || c->domainname))
		return conflict(e, option, "--hostname", "it has the other container's host name");
	if (shared && (c->dns.n || c->dns_search.n || c->dns_options.n))
		return conflict(e, option, "--dns", "it has the other container's name servers");
	if (shared && c->extra_hosts.n)
		return conflict(e, option, "--add-host", "it has the other container's /etc/hosts");
	if (!user_network(c) && (o->address || o->aliases.n)) {
		cli_usage(e, "option '%s' is for networks made with 'network create'",
			o->address ? "--ip" : "--network-alias");
		err_hint(e, "redock network create NAME");
		return CLI_USAGE;
	}
	return 0;
}

static int check_limits(const struct container_config *c, struct err *e)
{
	const struct resources *r = &c->resources;

	if (r->nano_cpus && (r->cpu_period || r->cpu_quota))
		return conflict(e, "--cpus", "--cpu-quota", "they say the same");
	if (r->memory_swap > 0 && !r->memory) {
		cli_usage(e, "option '--memory-swap' needs '--memory'");
		err_hint(e, "it is the limit of both together");
		return CLI_USAGE;
	}
	if (r->memory_swap > 0 && r->memory_swap < r->memory)
		return cli_usage(e, "--memory-swap is less than --memory, which it includes");
	if (r->memory && r->memory_reservation > r->memory)
		return cli_usage(e, "--memory-reservation is more than --memory");
	return 0;
}

static int check_health(const struct create_options *o, struct err *e)
{
	const struct health_config *h = &o->config.health;

	if (o->no_health && (h->test.n || h->interval || h->timeout || h->retries ||
				    h->start_period || h->start_interval))
		return conflict(e, "--no-healthcheck", "--health-cmd", "is it checked or not?");
	return 0;
}

/* Without a trailing slash, for comparison. */
static size_t path_length(const char *path)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	return n;
}

static int check_mounts(const struct container_config *c, struct err *e)
{
	for (size_t i = 0; i < c->n_mounts; i++)
		for (size_t k = 0; k < i; k++) {
			const char *a = c->mounts[i].target, *b = c->mounts[k].target;
			size_t n = path_length(a);
			if (n == path_length(b) && memcmp(a, b, n) == 0)
				return cli_usage(e, "'%s' is mounted on twice", a);
		}
	return 0;
}

static int check_options(const struct create_options *o, struct err *e)
{
	const struct container_config *c = &o->config;
	int r;

	if (c->auto_remove && c->restart != RESTART_NO)
		return conflict(e, "--rm", "--restart", "what is removed cannot start again");
	if (c->uts_mode && str_eq(c->uts_mode, "host") && (c->hostname || c->domainname))
		return conflict(e, "--uts host", "--hostname", "it has the host's name");
	if ((r = check_network(o, e)) < 0 || (r = check_limits(c, e)) < 0 ||
		(r = check_health(o, e)) < 0 || (r = check_mounts(c, e)) < 0)
		return r;
	if (o->cidfile && faccessat(AT_FDCWD, o->cidfile, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		cli_usage(e, "'%s' exists: another container's id may be in it", o->cidfile);
		err_hint(e, "rm %s", o->cidfile);
		return CLI_USAGE;
	}
	return 0;
}

/* ---- completing ---- */

static void finish_network(struct create_options *o)
{
	struct container_config *c = &o->config;

	if (user_network(c)) {
		strv_extend(&c->endpoints[0].aliases, o->aliases.v);
		if (o->address) {
			free(c->endpoints[0].address);
			c->endpoints[0].address = xstrdup(o->address);
		}
	} else if (c->n_endpoints == 1) { /* `network` says all there is to say */
		strv_release(&c->endpoints[0].aliases);
		free(c->endpoints[0].network);
		free(c->endpoints[0].address);
		c->n_endpoints = 0;
	}
}

int create_options_finish(
	struct create_options *o, char **operands, size_t n_operands, struct err *e)
{
	struct container_config *c = &o->config;
	int r = check_options(o, e);

	if (r < 0)
		return r;
	r = add_files(&o->env_files, &o->env, true, &c->env, e);
	if (r >= 0)
		r = add_files(&o->label_files, &o->labels, false, &c->labels, e);
	if (r < 0)
		return r;
	finish_network(o);
	if (o->no_health)
		strv_push(&c->health.test, "NONE");
	if (o->entrypoint)
		strv_push(&c->entrypoint, o->entrypoint);
	c->image = xstrdup(operands[0]);
	strv_extend(&c->cmd, operands + 1);
	return 0;
}

int create_options_env(
	const struct strv *files, const struct strv *given, struct strv *ret, struct err *e)
{
	return add_files(files, given, true, ret, e);
}
