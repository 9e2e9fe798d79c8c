#pragma once
/* What of a host's resolv.conf(5) holds inside a container. */
#include "base/str.h"

#include <stdbool.h>

#define RESOLV_MAX 65536 /* bytes of a resolv.conf that we read */

/* True if `host` names a server on the host's loopback: it has to be asked for its upstream ones.
 */
bool resolv_has_loopback(const char *host);
/* Appends the container's text to *ret. `upstream` is the file of the servers behind the stub on
 * loopback, or NULL when there is none. */
void resolv_translate(const char *host, const char *upstream, struct str *ret);
