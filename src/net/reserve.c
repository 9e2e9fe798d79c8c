/* Reserves a port; when it is taken, says by whom. */
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "net/port.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>

#define TABLE_MAX (32 << 20) /* bytes of a /proc/net file, some 200,000 sockets */

struct holder {
	pid_t pid;
	char comm[17];
	char container[256]; /* the name of the container whose monitor it is, or "" */
};

/* The inode of the socket that has the port, in a table of proc(5): 0 if there is none. */
static uint64_t find_inode(const struct net_port *p, const char *table)
{
	auto_free char *text = NULL;
	auto_close int fd = open(table, O_RDONLY | O_CLOEXEC);
	auto_file FILE *f = fd < 0 ? NULL : fdopen(take_fd(&fd), "r");
	size_t size = 0;
	ssize_t n;
	off_t total = 0;

	while (f && total < TABLE_MAX && (n = getline(&text, &size, f)) > 0) {
		char address[33];
		unsigned port, state;
		unsigned long long inode;
		uint32_t own;
		total += n;
		if (sscanf(text, " %*u: %32[0-9A-F]:%x %*[0-9A-F]:%*x %x %*s %*s %*s %*s %*s %llu",
			    address, &port, &state, &inode) != 4 ||
			port != p->host_port)
			continue;
		/* TCP: who listens (10). UDP: who is bound (7 is "closed", not connected) */
		if (state != (p->protocol == IPPROTO_UDP ? 7 : 10))
			continue;
		own = strlen(address) == 8 ? (uint32_t)strtoul(address, NULL, 16) : 0;
		if (own && p->host_address.s_addr && own != p->host_address.s_addr)
			continue;
		return inode;
	}
	return 0;
}

static bool has_socket(const char *pid, const char *wanted)
{
	auto_free char *path = xasprintf("/proc/%s/fd", pid);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		char link[64];
		ssize_t n = readlinkat(fd, entry->d_name, link, sizeof link - 1);
		if (n <= 0)
			continue;
		link[n] = '\0';
		if (str_eq(link, wanted))
			return true;
	}
	return false;
}

/* The monitor's arguments are its mode and its container's name. */
static void read_container(const char *pid, struct holder *ret)
{
	auto_free char *path = xasprintf("/proc/%s/cmdline", pid), *text = NULL;
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	char line[512];
	ssize_t n = fd < 0 ? 0 : fs_read_full(fd, line, sizeof line - 1);
	const char *word = line;

	if (n <= 0)
		return;
	line[n] = '\0';
	for (int i = 0; i < 2; i++) {
		word += strlen(word) + 1;
		if (word >= line + n)
			return;
	}
	snprintf(ret->container, sizeof ret->container, "%.255s", word);
}

static bool find_process(uint64_t inode, struct holder *ret)
{
	int fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	char wanted[64];

	snprintf(wanted, sizeof wanted, "socket:[%llu]", (unsigned long long)inode);
	while (d && (entry = readdir(d))) {
		uint64_t pid;
		if (str_to_u64(entry->d_name, 1, INT32_MAX, &pid) < 0 ||
			!has_socket(entry->d_name, wanted))
			continue;
		auto_free char *path = xasprintf("%s/comm", entry->d_name);
		auto_close int comm = openat(fd, path, O_RDONLY | O_CLOEXEC);
		ssize_t n = comm < 0 ? 0 : fs_read_full(comm, ret->comm, sizeof ret->comm - 1);
		ret->comm[n > 0 ? n : 0] = '\0';
		ret->comm[strcspn(ret->comm, "\n")] = '\0';
		if (!str_is_one_line(ret->comm))
			snprintf(ret->comm, sizeof ret->comm, "?");
		ret->pid = (pid_t)pid;
		if (str_eq(ret->comm, "redock-monitor"))
			read_container(entry->d_name, ret);
		return true;
	}
	return false;
}

static bool find_holder(const struct net_port *p, struct holder *ret)
{
	static const char *const tcp[] = { "/proc/self/net/tcp", "/proc/self/net/tcp6" };
	static const char *const udp[] = { "/proc/self/net/udp", "/proc/self/net/udp6" };

	for (int i = 0; i < 2; i++) {
		uint64_t inode = find_inode(p, p->protocol == IPPROTO_UDP ? udp[i] : tcp[i]);
		if (inode && find_process(inode, ret))
			return true;
	}
	return false;
}

static int in_use(const struct net_port *p, struct err *e)
{
	const char *protocol = net_protocol_text(p->protocol);
	char address[INET_ADDRSTRLEN], where[40] = "";
	struct holder h = { 0 };

	inet_ntop(AF_INET, &p->host_address, address, sizeof address);
	if (p->host_address.s_addr)
		snprintf(where, sizeof where, " of %s", address);
	if (!find_holder(p, &h))
		err_set(e, EADDRINUSE, "%s port %u%s is in use", protocol, p->host_port, where);
	else if (*h.container)
		err_set(e, EADDRINUSE, "%s port %u%s is in use by container '%s'", protocol,
			p->host_port, where, h.container);
	else
		err_set(e, EADDRINUSE, "%s port %u%s is in use by process %d (%s)", protocol,
			p->host_port, where, (int)h.pid, h.comm);
	if (*h.container)
		return err_hint(e, "redock stop %.255s, or another port of the host", h.container);
	return err_hint(e, "another port of the host, or none: then a free one is chosen");
}

int net_port_reserve(struct net_port *p, struct err *e)
{
	const char *protocol = net_protocol_text(p->protocol);
	char address[INET_ADDRSTRLEN];
	int fd = net_port_bind(p);

	if (fd >= 0)
		return fd;
	if (fd == -EADDRINUSE)
		return in_use(p, e);
	if (fd == -EADDRNOTAVAIL) {
		inet_ntop(AF_INET, &p->host_address, address, sizeof address);
		err_set(e, EADDRNOTAVAIL, "this host has no address '%s'", address);
		return err_hint(e, "one that 'ip address' shows, or none: then it is every one");
	}
	if (fd == -EPROTONOSUPPORT) {
		err_set(e, EPROTONOSUPPORT, "this kernel cannot choose a free sctp port");
		return err_hint(e, "name the port of the host: -p PORT:%u/sctp", p->container_port);
	}
	errno = -fd;
	return err_errno(e, "cannot reserve %s port %u", protocol ? protocol : "", p->host_port);
}
