#include "net/port.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

static const struct {
	uint8_t protocol;
	const char *text;
} protocols[] = { { IPPROTO_TCP, "tcp" }, { IPPROTO_UDP, "udp" }, { IPPROTO_SCTP, "sctp" } };

const char *net_protocol_text(uint8_t protocol)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (protocols[i].protocol == protocol)
			return protocols[i].text;
	return NULL;
}

int net_protocol_parse(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (str_eq(protocols[i].text, text))
			return protocols[i].protocol;
	return -EINVAL;
}

char *net_port_text(const struct net_port *p)
{
	char address[INET_ADDRSTRLEN];
	const char *protocol = net_protocol_text(p->protocol);

	inet_ntop(AF_INET, &p->host_address, address, sizeof address);
	return xasprintf(
		"%s/%s/%u/%u", protocol ? protocol : "", address, p->host_port, p->container_port);
}

int net_port_parse(const char *text, struct net_port *ret)
{
	auto_free char *copy = xstrdup(text);
	char *word[4] = { copy };
	uint64_t host, container;
	struct net_port p = { 0 };
	int protocol;

	for (size_t i = 1; i < ARRAY_SIZE(word); i++) {
		word[i] = strchr(word[i - 1], '/');
		if (!word[i])
			return -EINVAL;
		*word[i]++ = '\0';
	}
	protocol = net_protocol_parse(word[0]);
	if (protocol < 0 || inet_pton(AF_INET, word[1], &p.host_address) != 1 ||
		str_to_u64(word[2], 0, UINT16_MAX, &host) < 0 ||
		str_to_u64(word[3], 1, UINT16_MAX, &container) < 0)
		return -EINVAL;
	p.protocol = (uint8_t)protocol;
	p.host_port = (uint16_t)host;
	p.container_port = (uint16_t)container;
	*ret = p;
	return 0;
}

int net_port_bind(struct net_port *p)
{
	int type = p->protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM, on = 1;
	struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_addr = p->host_address, .sin_port = htons(p->host_port)
	};
	socklen_t len = sizeof at;
	auto_close int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, p->protocol);

	if (fd < 0 && p->protocol == IPPROTO_SCTP && errno == EPROTONOSUPPORT && p->host_port) {
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		return fd < 0 ? -errno : take_fd(&fd);
	}
	if (fd < 0)
		return -errno;
	/* connections of the port's last owner that have not timed out yet do not count */
	if (type == SOCK_STREAM && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0 ||
		(type == SOCK_STREAM && listen(fd, 8) < 0) ||
		getsockname(fd, (struct sockaddr *)&at, &len) < 0)
		return -errno;
	p->host_port = ntohs(at.sin_port);
	return take_fd(&fd);
}
