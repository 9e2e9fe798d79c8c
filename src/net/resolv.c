#include "net/resolv.h"
#include "base/fs.h"
#include "base/mem.h"
#include "net/net.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>

/* systemd-resolved(8): the servers it has learnt itself, beside the stub's own file */
#define UPSTREAM "/run/systemd/resolve/resolv.conf"

enum server { SERVER_NONE, SERVER_LOOPBACK, SERVER_IPV4, SERVER_IPV6 };

/* The next line of *text in `line`, without blanks around it; false at the end. Lines that are too
 * long or hold control characters come out empty (rule R8). */
static bool next_line(const char **text, char *line, size_t size)
{
	const char *end = strchrnul(*text, '\n');
	size_t len = (size_t)(end - *text);

	if (!**text)
		return false;
	*line = '\0';
	if (len < size) {
		memcpy(line, *text, len);
		line[len] = '\0';
		for (char *p = line; *p; p++)
			if (*p == '\t' || *p == '\r')
				*p = ' ';
		while (len && line[len - 1] == ' ')
			line[--len] = '\0';
		memmove(line, line + strspn(line, " "), len - strspn(line, " ") + 1);
		if (!str_is_one_line(line))
			*line = '\0';
	}
	*text = *end ? end + 1 : end;
	return true;
}

/* What follows `key` and a blank in `line`, or NULL. */
static const char *value_of(const char *line, const char *key)
{
	size_t n = strlen(key);

	if (strncmp(line, key, n) != 0 || line[n] != ' ')
		return NULL;
	return line + n + strspn(line + n, " ");
}

static enum server server_kind(const char *line, char ret[INET6_ADDRSTRLEN])
{
	const char *value = value_of(line, "nameserver");
	struct in6_addr six;
	struct in_addr four;

	if (!value || strlen(value) >= INET6_ADDRSTRLEN)
		return SERVER_NONE;
	snprintf(ret, INET6_ADDRSTRLEN, "%s", value);
	if (inet_pton(AF_INET, value, &four) == 1) {
		uint32_t a = ntohl(four.s_addr);
		/* 0.0.0.0 is "this host" to the resolver, too */
		return a >> 24 == 127 || a == 0 ? SERVER_LOOPBACK : SERVER_IPV4;
	}
	if (inet_pton(AF_INET6, value, &six) == 1)
		return IN6_IS_ADDR_LOOPBACK(&six) || IN6_IS_ADDR_UNSPECIFIED(&six) ? SERVER_LOOPBACK
										   : SERVER_IPV6;
	return SERVER_NONE; /* "fe80::1%eth0" too: that link is not the container's */
}

bool resolv_has_loopback(const char *host)
{
	char line[1024], address[INET6_ADDRSTRLEN];

	while (next_line(&host, line, sizeof line))
		if (server_kind(line, address) == SERVER_LOOPBACK)
			return true;
	return false;
}

/* Appends the servers of one kind; returns how many. */
static unsigned add_servers(const char *text, enum server kind, struct str *ret)
{
	char line[1024], address[INET6_ADDRSTRLEN];
	unsigned n = 0;

	while (text && next_line(&text, line, sizeof line)) {
		if (server_kind(line, address) != kind)
			continue;
		str_addf(ret, "nameserver %s\n", address);
		n++;
	}
	return n;
}

/* Appends the last search (or domain) line and all options of `text`. */
static void add_rest(const char *text, struct str *ret)
{
	char line[1024], search[1024] = "";

	while (next_line(&text, line, sizeof line)) {
		if (value_of(line, "search") || value_of(line, "domain"))
			snprintf(search, sizeof search, "%s", line); /* the last one counts */
		else if (value_of(line, "options"))
			str_addf(ret, "%s\n", line);
	}
	if (*search)
		str_addf(ret, "%s\n", search);
}

void resolv_translate(const char *host, const char *upstream, struct str *ret)
{
	bool stub = resolv_has_loopback(host);
	unsigned n = add_servers(host, SERVER_IPV4, ret);

	if (stub)
		n += add_servers(upstream, SERVER_IPV4, ret);
	/* containers have no IPv6 way out: those servers only when there are no others */
	if (n == 0)
		n += add_servers(host, SERVER_IPV6, ret);
	if (n == 0 && stub)
		n += add_servers(upstream, SERVER_IPV6, ret);
	if (n == 0 && stub)
		str_add(ret,
			"# the host's name server answers on the host's loopback only, which a "
			"container cannot reach\n");
	else if (n == 0)
		str_add(ret, "# the host has no name server\n");
	add_rest(host, ret);
}

int net_resolv_conf(char **ret, struct err *e)
{
	auto_free char *host = NULL, *upstream = NULL;
	struct str text = STR_INIT(4 * RESOLV_MAX);
	int r = fs_read_file(AT_FDCWD, "/etc/resolv.conf", RESOLV_MAX, &host, NULL, e);

	if (r == -ENOENT) {
		err_clear(e);
		host = xstrdup("");
	} else if (r < 0) {
		return r;
	}
	if (resolv_has_loopback(host)) {
		struct err none = { 0 }; /* without systemd-resolved there is no such file */
		if (fs_read_file(AT_FDCWD, UPSTREAM, RESOLV_MAX, &upstream, NULL, &none) < 0)
			upstream = NULL;
	}
	resolv_translate(host, upstream, &text);
	*ret = str_take(&text);
	return 0;
}
