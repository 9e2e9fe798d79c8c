#include "engine/local/monitor/ports.h"
#include "base/mem.h"
#include "engine/local/protocol.h"
#include "net/port.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static void watch(struct ports *p, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	p->fds = xrealloc_array(p->fds, p->n + 1, sizeof *p->fds);
	p->fds[p->n++] = fd;
	if (p->epoll < 0)
		p->epoll = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &event); /* /dev/null is refused, and is silent */
}

void ports_take(struct ports *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int fd = MONITOR_FD_END + (int)i;
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		watch(p, fd);
	}
}

void ports_bind(struct ports *p, const struct strv *texts)
{
	for (size_t i = 0; i < texts->n; i++) {
		struct net_port port;
		int fd = net_port_parse(texts->v[i], &port) < 0 ? -1 : net_port_bind(&port);
		if (fd < 0)
			continue;
		watch(p, fd);
	}
}

void ports_turn_away(struct ports *p)
{
	struct epoll_event events[16];
	int n = p->epoll < 0 ? 0 : epoll_wait(p->epoll, events, ARRAY_SIZE(events), 0);

	for (int i = 0; i < n; i++) {
		int fd = events[i].data.fd, type = 0;
		socklen_t len = sizeof type;
		char nothing;

		getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
		if (type == SOCK_DGRAM) {
			if (recv(fd, &nothing, sizeof nothing, MSG_DONTWAIT | MSG_TRUNC) < 0)
				continue;
		} else {
			int guest = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
			close_fd(&guest);
		}
	}
}

void ports_close(struct ports *p)
{
	for (size_t i = 0; i < p->n; i++)
		close(p->fds[i]);
	free(p->fds);
	close_fd(&p->epoll);
	p->fds = NULL;
	p->n = 0;
}
