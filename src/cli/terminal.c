#include "cli/terminal.h"
#include "base/mem.h"
#include "cli/progress.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>

static struct {
	struct termios before;
	int fd;
	volatile sig_atomic_t raw;
} terminal;

bool terminal_size(int fd, unsigned *ret_rows, unsigned *ret_columns)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) < 0 || (size.ws_row == 0 && size.ws_col == 0))
		return false;
	*ret_rows = size.ws_row;
	*ret_columns = size.ws_col;
	return true;
}

int terminal_raw(int fd, struct err *e)
{
	struct termios raw;

	if (tcgetattr(fd, &terminal.before) < 0)
		return err_errno(e, "cannot read the terminal's settings");
	raw = terminal.before;
	cfmakeraw(&raw);
	terminal_catch_signals();
	terminal.fd = fd;
	terminal.raw = 1; /* first: a signal in between then restores what needs none */
	if (tcsetattr(fd, TCSADRAIN, &raw) < 0) {
		terminal.raw = 0;
		return err_errno(e, "cannot set the terminal to raw mode");
	}
	return 0;
}

void terminal_restore(void)
{
	int keep = errno;

	if (terminal.raw)
		tcsetattr(terminal.fd, TCSADRAIN, &terminal.before);
	terminal.raw = 0;
	errno = keep;
}

/* tcsetattr(3), write(2) and raise(3) are async-signal-safe (signal-safety(7)). */
static void on_deadly_signal(int signal_number)
{
	if (terminal.raw)
		tcsetattr(terminal.fd, TCSANOW, &terminal.before);
	progress_abandon();
	raise(signal_number); /* SA_RESETHAND: this time with its own effect */
}

void terminal_catch_signals(void)
{
	static const int deadly[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGABRT, SIGSEGV,
		SIGBUS, SIGFPE, SIGILL, SIGSYS, SIGXCPU, SIGXFSZ };
	struct sigaction action = { .sa_handler = on_deadly_signal, .sa_flags = SA_RESETHAND };

	for (size_t i = 0; i < ARRAY_SIZE(deadly); i++) {
		struct sigaction now;
		if (sigaction(deadly[i], NULL, &now) == 0 && now.sa_handler == SIG_DFL)
			sigaction(deadly[i], &action, NULL);
	}
}
