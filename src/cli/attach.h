#pragma once
/*
 * Between a person (or a pipe) and a container's session: one poll(2) loop, no threads.
 *
 * Nothing is lost: the session is read only while standard output takes what came before, and
 * standard input only while the session takes what was read before. Signals of the person go to
 * the container, or, with a raw terminal, arrive there as keys.
 */
#include "cli/cli.h"
#include "cli/detach.h"

struct attach {
	struct cli *cli;
	struct engine *engine;
	const char *id;   /* of the container */
	const char *name; /* for messages */
	bool stdin_open;  /* pass standard input on */
	bool tty;         /* the container has a terminal */
	int streams;      /* which to show: 1 stdout, 2 stderr; 0: both */
	bool no_signals;  /* they end us, not the container */
	/* it is not ours to end: when nobody reads the output any more, we leave it */
	bool guest;
	struct detach detach;
};

/* Blocks the signals that the loop will read; call it before the container is started, so that
 * none is lost in between. Returns the signalfd. */
int attach_signals(struct err *e);
/* Undoes attach_signals() and closes its fd. */
void attach_signals_end(int *fd);
/* Passes data to and fro until the container has ended or the person leaves. Closes the session.
 * Returns the exit status, or -errno. */
int attach_run(const struct attach *, struct session *, int signals, struct err *e);
