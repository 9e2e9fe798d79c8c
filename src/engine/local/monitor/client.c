#include "engine/local/monitor/client.h"
#include "base/mem.h"

#include <string.h>
#include <sys/socket.h>

struct packet {
	struct packet *next;
	size_t len;
	char data[];
};

void clients_init(struct clients *c)
{
	memset(c, 0, sizeof *c);
	for (int i = 0; i < CLIENTS_MAX; i++)
		c->v[i].fd = -1;
}

bool clients_add(struct clients *c, int fd, bool attached)
{
	for (int i = 0; i < CLIENTS_MAX; i++) {
		if (c->v[i].fd >= 0)
			continue;
		c->v[i] = (struct client){
			.fd = fd, .attached = attached, .watching = attached, .starter = attached
		};
		return true;
	}
	close(fd);
	return false;
}

bool clients_have_place(const struct clients *c)
{
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (c->v[i].fd < 0)
			return true;
	return false;
}

bool clients_watch(struct clients *c, struct client *one)
{
	int n = 0;

	if (one->fd < 0) /* gone already */
		return false;
	for (int i = 0; i < CLIENTS_MAX; i++)
		n += c->v[i].fd >= 0 && c->v[i].watching;
	if (!one->watching && n >= CLIENTS_MAX - 1) {
		client_drop(one);
		return false;
	}
	one->watching = true;
	return true;
}

void client_drop(struct client *c)
{
	for (struct packet *p = c->first, *next; p; p = next) {
		next = p->next;
		free(p);
	}
	close_fd(&c->fd);
	*c = (struct client){ .fd = -1 };
}

/* 1 sent, 0 would block, -1 gone. One packet is one frame (SOCK_SEQPACKET). */
static int try_send(int fd, const void *data, size_t len)
{
	ssize_t n;

	do
		n = send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return 1;
	return errno == EAGAIN || errno == ENOBUFS ? 0 : -1;
}

void client_send(struct client *c, enum frame_type type, const void *data, size_t len)
{
	struct frame header = { type, (uint32_t)len };
	struct packet *p = xmalloc(sizeof *p + sizeof header + len);
	int sent = 0;

	p->next = NULL;
	p->len = sizeof header + len;
	memcpy(p->data, &header, sizeof header);
	if (len)
		memcpy(p->data + sizeof header, data, len);
	if (!c->first)
		sent = try_send(c->fd, p->data, p->len);
	if (sent == 0) {
		if (c->last)
			c->last->next = p;
		else
			c->first = p;
		c->last = p;
		return;
	}
	free(p);
	if (sent < 0)
		client_drop(c);
}

void client_flush(struct client *c)
{
	while (c->first) {
		struct packet *p = c->first;
		int sent = try_send(c->fd, p->data, p->len);
		if (sent < 0)
			client_drop(c);
		if (sent <= 0)
			return;
		c->first = p->next;
		if (!c->first)
			c->last = NULL;
		free(p);
	}
	if (c->leaving)
		client_drop(c);
}

void clients_dismiss(struct clients *c)
{
	for (int i = 0; i < CLIENTS_MAX; i++) {
		if (c->v[i].fd < 0)
			continue;
		c->v[i].leaving = true;
		client_flush(&c->v[i]);
	}
}

void clients_output(struct clients *c, enum frame_type type, const void *data, size_t len)
{
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (c->v[i].fd >= 0 && c->v[i].attached)
			client_send(&c->v[i], type, data, len);
}

void clients_tell(struct clients *c, enum frame_type type, const void *data, size_t len)
{
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (c->v[i].fd >= 0 && c->v[i].watching)
			client_send(&c->v[i], type, data, len);
}

bool clients_are_behind(const struct clients *c)
{
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (c->v[i].fd >= 0 && c->v[i].first)
			return true;
	return false;
}

bool clients_feed(const struct clients *c)
{
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (c->v[i].fd >= 0 && c->v[i].feeds && c->v[i].starter)
			return true;
	return false;
}
