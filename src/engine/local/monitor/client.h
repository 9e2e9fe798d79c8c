#pragma once
/* The monitor's clients: commands that are attached to, or wait for, its container. */
#include "engine/local/protocol.h"

#include <stdbool.h>
#include <stddef.h>

/* One place more than can stay, so that whoever comes for a moment finds one. */
#define CLIENTS_MAX 17

struct packet;
struct client {
	int fd; /* -1: a free place */
	bool attached, watching;
	bool feeds;                  /* the container's stdin is its */
	bool starter;                /* has started it: its input is all there is */
	bool leaving;                /* gone as soon as it has read what is its */
	struct packet *first, *last; /* not sent yet */
};

struct clients {
	struct client v[CLIENTS_MAX];
};
void clients_init(struct clients *);
/* Takes the socket; false (and closed) if there is no place. */
bool clients_add(struct clients *, int fd, bool attached);
/* False while there is no place. */
bool clients_have_place(const struct clients *);
/* It stays, and hears of what happens; false (and dropped) if that are too many. */
bool clients_watch(struct clients *, struct client *);
void client_drop(struct client *);
/* Sends a frame, or queues it when the client does not read. One that is gone is dropped. */
void client_send(struct client *, enum frame_type, const void *data, size_t len);
void client_flush(struct client *);
/* To all that are attached, or that watch. */
void clients_output(struct clients *, enum frame_type, const void *data, size_t len);
void clients_tell(struct clients *, enum frame_type, const void *data, size_t len);
/* Parts with all of them, each when it has read what is its. */
void clients_dismiss(struct clients *);
/* True while the one that has started the container feeds its stdin. */
bool clients_feed(const struct clients *);
/* True while something waits for a client to read. */
bool clients_are_behind(const struct clients *);
