/*
 * bench-serve STREAM RATE: a server in a container, to measure published ports with. On TCP port
 * STREAM each connection gets zeros for as long as it reads; on port RATE it is accepted and
 * closed. Static, so that it needs nothing of an image. busybox's nc has a queue of one, and is
 * forked.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int listen_on(const char *text)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)strtoul(text, NULL, 10)) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
		bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 1024) < 0) {
		perror(text);
		exit(1);
	}
	return fd;
}

int main(int argc, char **argv)
{
	static char zeros[256 << 10];
	struct pollfd fds[2] = { { .events = POLLIN }, { .events = POLLIN } };

	if (argc != 3) {
		fprintf(stderr, "usage: bench-serve STREAM RATE\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	fds[0].fd = listen_on(argv[1]);
	fds[1].fd = listen_on(argv[2]);
	puts("listening");
	fflush(stdout);
	while (poll(fds, 2, -1) > 0 || errno == EINTR) {
		for (int i = 0; i < 2; i++) {
			int fd = fds[i].revents ? accept(fds[i].fd, NULL, NULL) : -1;
			while (fd >= 0 && i == 0 && write(fd, zeros, sizeof zeros) > 0)
				continue;
			if (fd >= 0)
				close(fd);
		}
	}
	return 1;
}
