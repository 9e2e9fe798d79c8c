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
