/*
 * redock-release RUN_ROOT ID: container ID has no ports, names and addresses any more; user
 * networks that nobody is left on go, too.  Its monitor executes this at the end of one that has
 * them.
 *
 * A program of its own, without redock-net's libnftables: what it changes are elements of sets, for
 * which netlink will do, and loading that library takes longer than all the rest.
 */
#include "base/err.h"
#include "net/net.h"

#include <stdio.h>

int main(int argc, char **argv)
{
	struct err e = { 0 };

	if (argc != 3) {
		fprintf(stderr, "usage: redock-release RUN_ROOT ID\n");
		return 2;
	}
	if (net_release_all(argv[1], argv[2], &e) == 0)
		return 0;
	fprintf(stderr, "%s\n", e.text);
	return 1;
}
