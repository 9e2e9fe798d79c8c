#pragma once
/*
 * Names on user networks: one dnsmasq(8) a network.  It reads a directory with a hosts file a
 * container, sees by inotify what comes and goes there, and asks the host's own resolver for
 * everything else (so that a local stub and split horizons hold inside, too).
 */
#include "base/err.h"

/* In redock-net: becomes that server. words: pid file, address, port, hosts directory. Returns only
 * when it failed. */
int names_server(char *const *words, struct err *e);
/* The same for one container, in its network namespace: words are pid file, namespace, addresses of
 * servers that are asked for what is in none of the directories, and these. What is sent to port 53
 * of NET_NAMES_INSIDE there has to go to the port that `redirect` gets. */
int names_inside(char *const *words, int (*redirect)(int port, struct err *), struct err *e);
