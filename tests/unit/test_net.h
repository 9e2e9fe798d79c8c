#pragma once
/* Hosts and containers for tests of net/: network namespaces, what is in them, who reaches whom.
 * Needs root. */
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "net/link.h"
#include "net/net.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
/* after the above, on which it depends */
#include <cmocka.h>

#define BRIDGE "rdtest0"

struct host {
	char path[40];
	int root_fd, run_fd, netns;
	struct net *net;
};

static struct err problem;

/* Fails the test with what the error says. */
#define OK(call)                                                                                   \
	do {                                                                                       \
		problem = (struct err){ 0 };                                                       \
		if ((call) < 0)                                                                    \
			fail_msg("%s: %s (%s)", #call, problem.text, problem.hint);                \
	} while (0)

static inline int current_netns(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static inline int new_netns(void)
{
	auto_close int before = current_netns();
	int fd;

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	fd = current_netns();
	assert_int_equal(setns(before, CLONE_NEWNET), 0);
	return fd;
}

/* A shell command in the current namespace: its status; its output in *out if not NULL. */
static inline int shell(const char *command, struct str *out)
{
	char *argv[] = { "sh", "-c", (char *)command, NULL };
	struct err e = { 0 };

	return proc_run(argv, out, &e);
}

static inline void must(const char *command)
{
	if (shell(command, NULL) != 0)
		fail_msg("failed: %s", command);
}

static inline char *output(const char *command)
{
	struct str out = STR_INIT(1 << 20);

	assert_int_equal(shell(command, &out), 0);
	return str_take(&out);
}

static inline void has(const char *command, const char *text, bool wanted)
{
	auto_free char *out = output(command);

	if (!!strstr(out, text) != wanted)
		fail_msg("'%s' %s in the output of '%s':\n%s", text, wanted ? "is not" : "is",
			command, out);
}

static inline struct net *open_net(const struct host *h, const char *bridge, const char *subnet)
{
	struct net_options o = { h->root_fd, h->run_fd, bridge, subnet };
	struct net *net;

	OK(net_open(&o, &net, &problem));
	return net;
}

static inline int start(void **state)
{
	struct host *h = xcalloc(1, sizeof *h);

	h->netns = new_netns();
	assert_int_equal(setns(h->netns, CLONE_NEWNET), 0);
	must("ip link set lo up");
	snprintf(h->path, sizeof h->path, "/tmp/redock-net-XXXXXX");
	assert_non_null(mkdtemp(h->path));
	OK(h->root_fd = fs_open_dir_make(AT_FDCWD, h->path, 0700, &problem));
	OK(h->run_fd = fs_open_dir_make(h->root_fd, "run", 0700, &problem));
	h->net = open_net(h, BRIDGE, NULL);
	*state = h;
	return 0;
}

static inline int finish(void **state)
{
	struct host *h = *state;
	struct err e = { 0 };

	net_close(h->net);
	close(h->root_fd), close(h->run_fd), close(h->netns);
	fs_remove_tree(AT_FDCWD, h->path, &e);
	free(h);
	return 0;
}

static inline const char *id_of(unsigned n)
{
	static char ids[4][65];
	char *id = ids[n % 4];

	snprintf(id, 65, "%012x%052x", n + 0xabc000, n);
	return id;
}

struct container {
	const char *id;
	int netns;
	struct net_address address;
};

static inline struct container connect_container(struct host *h, unsigned n)
{
	struct container c = { .id = id_of(n), .netns = new_netns() };

	OK(net_claim(h->net, c.id, (struct in_addr){ 0 }, &c.address, &problem));
	OK(net_attach(h->net, c.id, &c.address, c.netns, &problem));
	return c;
}

static inline void end_container(struct host *h, struct container *c)
{
	OK(net_detach(h->net, c->id, &problem));
	OK(net_release(h->net, c->id, c->address.address, &problem));
	close_fd(&c->netns);
}

static inline int socket_in(int netns, int type)
{
	auto_close int before = current_netns();
	int fd;

	assert_int_equal(setns(netns, CLONE_NEWNET), 0);
	fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	assert_int_equal(setns(before, CLONE_NEWNET), 0);
	assert_true(fd >= 0);
	return fd;
}

static inline int listen_in(int netns, struct in_addr address)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(4711), .sin_addr = address
	};
	int fd = socket_in(netns, SOCK_STREAM), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof to), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

/* Connects from `netns` to a listener in `other` at `address`; the peer's address as seen there, or
 * 0.0.0.0 when nothing came through. */
static inline struct in_addr reach(
	int netns, int other, struct in_addr listen_at, struct in_addr address)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(4711), .sin_addr = address
	};
	auto_close int server = listen_in(other, listen_at), client = socket_in(netns, SOCK_STREAM);
	struct timeval limit = { .tv_usec = 700000 }; /* for those that must not get through */
	struct sockaddr_in from = { 0 };
	socklen_t len = sizeof from;
	auto_close int accepted = -1;

	setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	if (connect(client, (struct sockaddr *)&to, sizeof to) < 0)
		return (struct in_addr){ 0 };
	accepted = accept4(server, (struct sockaddr *)&from, &len, SOCK_CLOEXEC);
	assert_true(accepted >= 0);
	return from.sin_addr;
}

static inline bool reaches(const struct container *a, const struct container *b)
{
	struct in_addr seen = reach(a->netns, b->netns, b->address.address, b->address.address);

	return seen.s_addr == a->address.address.s_addr;
}
