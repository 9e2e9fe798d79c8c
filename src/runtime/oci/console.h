#pragma once
/* Terminals: handing their master to who asked for it, and sitting between one and ours. */
#include "base/err.h"

#include <sys/types.h>

/* Sends a descriptor with `text` to the unix socket at `path`. */
int socket_send_fd(const char *path, const char *text, int fd, struct err *e);
/* Sends `pty` over the unix socket at `path`. */
int console_send(const char *path, int pty, struct err *e);
/* Looks after child `pid` until it ends: passes our signals on, and copies between the master `pty`
 * (-1: none) and our standard input and output. Returns its exit status, 128+n for signal n. */
int console_attend(pid_t pid, int pty, struct err *e);
