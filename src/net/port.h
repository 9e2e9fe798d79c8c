#pragma once
/*
 * A published port as text, and the socket that reserves it.  Without any library, since the
 * monitor, which holds the sockets, has none.
 */
#include "net/net.h"

/* "tcp", "udp", "sctp"; NULL and -EINVAL for any other. */
const char *net_protocol_text(uint8_t protocol);
int net_protocol_parse(const char *text);
/* "tcp/0.0.0.0/8080/80", as struct spec's `ports` has it; the caller frees. */
char *net_port_text(const struct net_port *);
/* -EINVAL. */
int net_port_parse(const char *text, struct net_port *ret);
/* Opens and binds the socket; with host_port 0 the kernel chooses, and *port learns. Returns the fd
 * or -errno. A kernel without SCTP has nobody to reserve an SCTP port from: then it is /dev/null.
 */
int net_port_bind(struct net_port *port);
