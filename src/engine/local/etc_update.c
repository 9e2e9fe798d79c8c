/* A running container's /etc/hosts and resolv.conf, when its networks have changed.  Both are
 * mounted inside, so they are written in place; and whoever is inside may have changed them. */
#include "base/mem.h"
#include "engine/local/endpoints.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>

#define FILE_MAX_SIZE (1 << 20)

/* True for a line of hosts(5) whose address is one of the network that `a` is of. */
static bool on_network(const char *line, size_t len, const struct net_address *a)
{
	char text[INET_ADDRSTRLEN];
	struct in_addr address;
	size_t n = 0;
	uint32_t mask = a->prefix ? htonl(~0u << (32 - a->prefix)) : 0;

	while (n < len && n + 1 < sizeof text && line[n] != ' ' && line[n] != '\t')
		n++;
	memcpy(text, line, n);
	text[n] = '\0';
	return inet_pton(AF_INET, text, &address) == 1 &&
	       ((address.s_addr ^ a->address.s_addr) & mask) == 0;
}

static bool has_line(const char *text, const char *line, size_t len)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		if (n == len && memcmp(text, line, len) == 0)
			return true;
		text += n + (text[n] == '\n');
	}
	return false;
}

/* A link's line ends with the short id. */
static bool is_link_to(const char *line, size_t len, const char *id)
{
	const size_t n = 13; /* with the space */

	return len > n && line[len - n] == ' ' && memcmp(line + len - n + 1, id, n - 1) == 0;
}

/* What makes a line one that is not true any more. */
struct stale {
	const struct net_address *network; /* it is of this network; may be NULL */
	const char *linked;                /* it is a link's to this container; may be NULL */
};

static bool is_stale(const char *line, size_t len, const struct stale *stale)
{
	return (stale->network && on_network(line, len, stale->network)) ||
	       (stale->linked && is_link_to(line, len, stale->linked));
}

/* Nothing that somebody has written there goes, but for what is stale; then what is to be there and
 * is not. */
static void merge(const char *now, const char *wanted, const struct stale *stale, struct str *out)
{
	while (*now) {
		size_t n = strcspn(now, "\n");
		if (!is_stale(now, n, stale) || has_line(wanted, now, n))
			str_addf(out, "%.*s\n", (int)n, now);
		now += n + (now[n] == '\n');
	}
	while (*wanted) {
		size_t n = strcspn(wanted, "\n");
		if (!has_line(str_text(out), wanted, n))
			str_addf(out, "%.*s\n", (int)n, wanted);
		wanted += n + (wanted[n] == '\n');
	}
}

/* The file is the inside's, too, which may have made a link of it in vain, as mount points cannot
 * be replaced. */
static int open_file(int dir, const char *name, struct err *e)
{
	int fd = openat(dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	return fd < 0 ? err_errno(e, "cannot open the container's %s", name) : fd;
}

static int rewrite(int fd, const char *name, const struct str *text, struct err *e)
{
	if (text->overflow)
		return err_set(e, E2BIG, "the container's /etc/%s is too long", name);
	if (lseek(fd, 0, SEEK_SET) < 0 || ftruncate(fd, 0) < 0 ||
		fs_write_all(fd, text->data, text->len) < 0)
		return err_errno(e, "cannot write the container's %s", name);
	return 0;
}

static int update_hosts(struct local *l, const struct container *c, struct container_net *cn,
	int dir, const struct stale *stale, struct err *e)
{
	auto_close int fd = open_file(dir, "hosts", e);
	auto_free char *now = xmalloc(FILE_MAX_SIZE + 1);
	auto_str wanted = STR_INIT(FILE_MAX_SIZE), text = STR_INIT(2 * FILE_MAX_SIZE);
	auto_strv unused = { 0 };
	ssize_t n;
	int r = fd < 0 ? fd : etc_hosts(l, c, cn, true, &wanted, &unused, e);

	if (r < 0)
		return r;
	n = fs_read_full(fd, now, FILE_MAX_SIZE + 1);
	if (n < 0 || n > FILE_MAX_SIZE)
		return err_set(e, E2BIG, "the container's /etc/hosts is too long");
	now[n] = '\0';
	merge(now, str_text(&wanted), stale, &text);
	return rewrite(fd, "hosts", &text, e);
}

int etc_update(struct local *l, const struct container *c, struct container_net *cn,
	const struct net_address *gone, struct err *e)
{
	auto_close int dir = fs_open_dir(l->dirs.containers, c->id, e), fd = -1;
	auto_str resolv = STR_INIT(FILE_MAX_SIZE);
	int r = dir < 0 ? dir : etc_resolv(c, cn, &resolv, e);

	if (r == 0)
		r = update_hosts(l, c, cn, dir, &(struct stale){ gone, NULL }, e);
	if (r == 0)
		r = fd = open_file(dir, "resolv.conf", e);
	return r < 0 ? r : rewrite(fd, "resolv.conf", &resolv, e);
}

int etc_update_link(struct local *l, const struct container *c, struct container_net *cn,
	const char *linked, struct err *e)
{
	auto_close int dir = fs_open_dir(l->dirs.containers, c->id, e);

	return dir < 0 ? dir : update_hosts(l, c, cn, dir, &(struct stale){ NULL, linked }, e);
}
