#include "cli/session.h"
#include "cli/progress.h"

#include <signal.h>
#include <unistd.h>

bool session_has_terminal(void)
{
	return isatty(0) && isatty(1) && isatty(2);
}

int session_ssh(
	struct engine *engine, const struct machine_name *name, char *const *argv, struct err *e)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, old_int, old_quit;
	int r;

	progress_clear();
	/* as a shell does: ^C is for the program in front, whose status we then tell */
	sigaction(SIGINT, &ignore, &old_int);
	sigaction(SIGQUIT, &ignore, &old_quit);
	r = machine_ssh(engine, name, argv, e);
	sigaction(SIGINT, &old_int, NULL);
	sigaction(SIGQUIT, &old_quit, NULL);
	return r;
}
