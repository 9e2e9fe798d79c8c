/* Attached containers: data both ways, signals, terminals. The container is a shell of the host's;
 * in its command "_" stands for a blank (test_cli_fake.c). */
#include "test_cli_fake.h"
#include "base/fs.h"
#include "base/mem.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>

#include <cmocka.h>

static void output_and_status(void **state)
{
	auto_ran ran = run_cli("redock run img echo_out;echo_err_>&2;exit_7", NULL);
	auto_ran killed = run_cli("redock run img kill_-9_$$", NULL);

	assert_int_equal(ran.status, 7);
	assert_string_equal(ran.out, "out\n");
	assert_string_equal(ran.err, "err\n");
	assert_int_equal(killed.status, 137);
}

static void input(void **state)
{
	auto_ran with = run_cli("redock run -i img cat;echo_end", "some input\n");
	auto_ran ignored = run_cli("redock run -i img exec_<&-;echo_end", "some input\n");

	assert_int_equal(with.status, 0);
	assert_string_equal(with.out, "some input\nend\n");
	assert_string_equal(ignored.out, "end\n");
}

/* More than every buffer on the way, both ways at once: it must neither stop nor lose a byte. */
static void much_data(void **state)
{
	enum { SIZE = 8 << 20 };
	auto_free char *data = xmalloc(SIZE + 1);
	auto_ran ran = { 0 };

	for (int i = 0; i < SIZE; i++)
		data[i] = (char)('a' + (i * 7 + i / 4096) % 26);
	data[SIZE] = '\0';
	ran = run_cli("redock run -i img cat", data);
	assert_int_equal(ran.status, 0);
	assert_int_equal(strlen(ran.out), SIZE);
	assert_memory_equal(ran.out, data, SIZE);
}

/* A reader that takes its time must not lose anything, nor keep signals from being heard. */
static void slow_reader(void **state)
{
	auto_str got = STR_INIT(1 << 24);
	auto_ran ran = { 0 };
	struct running r;
	char block[30000];
	int out[2];
	ssize_t n;

	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	r = run_cli_start("redock run img head_-c_3000000_/dev/zero;echo_end", 0, out[1], -1);
	close(out[1]);
	while ((n = read(out[0], block, sizeof block)) > 0)
		str_add_data(&got, block, (size_t)n);
	close(out[0]);
	ran = run_cli_finish(&r);
	assert_int_equal(ran.status, 0);
	assert_int_equal(got.len, 3000004);
	assert_memory_equal(got.data + 3000000, "end\n", 4);
}

/* `redock run … | head -1` ends, and as in a pipeline, with SIGPIPE. */
static void closed_pipe(void **state)
{
	static const struct {
		const char *line;
		int status;
	} cases[] = {
		{ "redock run img yes", 128 + SIGPIPE },
		/* deaf to SIGPIPE and to errors of write(2) */
		{ "redock run img trap_''_PIPE;while_:;do_cat_/etc/passwd;done", 128 + SIGKILL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_ran ran = { 0 };
		struct running r;
		int out[2];
		char c;

		assert_int_equal(pipe2(out, O_CLOEXEC), 0);
		r = run_cli_start(cases[i].line, 0, out[1], -1);
		close(out[1]);
		assert_int_equal(read(out[0], &c, 1), 1);
		close(out[0]);
		ran = run_cli_finish(&r);
		assert_int_equal(ran.status, cases[i].status);
		assert_string_equal(ran.err, "");
	}
}

static void full_disk(void **state)
{
	auto_close int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	auto_ran ran = run_cli_on("redock run img yes", 0, full, -1);

	assert_int_equal(ran.status, 125);
	assert_non_null(strstr(ran.err, "cannot write the container's output: No space left"));
}

static void wait_for_byte(int fd)
{
	char c;

	assert_int_equal(read(fd, &c, 1), 1);
}

static void forwards_signals(void **state)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		auto_free char *wanted = xasprintf("kill feedc0de %d\n", signals[i]);
		auto_ran ran = { 0 };
		struct running r;
		int out[2];

		assert_int_equal(pipe2(out, O_CLOEXEC), 0);
		r = run_cli_start("redock run img echo;exec_sleep_100", 0, out[1], -1);
		close(out[1]);
		wait_for_byte(out[0]);
		kill(r.pid, signals[i]);
		ran = run_cli_finish(&r);
		close(out[0]);
		assert_int_equal(ran.status, 128 + signals[i]);
		assert_non_null(strstr(ran.log, wanted));
	}
}

/* A container that does not listen: the third interrupt lets the person go. */
static void patience_ends(void **state)
{
	auto_ran ran = { 0 };
	struct running r;
	int out[2];

	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	r = run_cli_start("redock run --name deaf img trap_'echo'_INT;echo;while_:;do_sleep_1;done",
		0, out[1], -1);
	close(out[1]);
	for (int i = 0; i < 3; i++) {
		wait_for_byte(out[0]);
		kill(r.pid, SIGINT);
	}
	ran = run_cli_finish(&r);
	close(out[0]);
	assert_int_equal(ran.status, 130);
	assert_non_null(strstr(ran.err, "detached from 'deaf', which goes on running"));
}

struct console {
	int pty, tty;
	struct running r;
};

static void console_open(struct console *c, const char *line)
{
	struct winsize size = { .ws_row = 33, .ws_col = 77 };

	assert_int_equal(openpty(&c->pty, &c->tty, NULL, NULL, &size), 0);
	c->r = run_cli_start(line, c->tty, c->tty, -1);
}

static bool is_raw(int tty)
{
	struct termios t;

	assert_int_equal(tcgetattr(tty, &t), 0);
	return !(t.c_lflag & (ICANON | ECHO | ISIG));
}

static struct ran console_close(struct console *c)
{
	struct ran ran = run_cli_finish(&c->r);

	assert_false(is_raw(c->tty));
	close(c->tty);
	close(c->pty);
	return ran;
}

static void raw_terminal(void **state)
{
	struct console c;
	auto_ran ran = { 0 };
	char text[64];

	console_open(&c, "redock run -it img echo_ready;head_-c_4");
	assert_int_equal(
		fs_read_full(c.pty, text, 6), 6); /* no \r: the pty of the container adds it */
	assert_memory_equal(text, "ready\n", 6);
	assert_true(is_raw(c.tty));
	assert_int_equal(write(c.pty, "a\003\004b", 4), 4); /* ctrl-c and ctrl-d are bytes */
	assert_int_equal(fs_read_full(c.pty, text, 4), 4);
	assert_memory_equal(text, "a\003\004b", 4);
	ran = console_close(&c);
	assert_int_equal(ran.status, 0);
	assert_non_null(strstr(ran.log, "resize 33x77\n"));
}

static void detach_keys(void **state)
{
	struct console c;
	auto_ran ran = { 0 };
	char text[64];

	console_open(&c, "redock run -it --name box img echo;exec_sleep_2");
	assert_int_equal(read(c.pty, text, 1), 1);
	assert_int_equal(write(c.pty, "\020\021", 2), 2);
	ran = console_close(&c);
	assert_int_equal(ran.status, 0);
	assert_string_equal(ran.err, "detached from 'box', which goes on running\n");
	assert_null(strstr(ran.log, "kill"));
}

/* Whatever ends us, the person's terminal is as it was (console_close() looks). */
static void terminal_comes_back(void **state)
{
	static const int signals[] = { SIGTERM, SIGHUP, SIGSEGV, SIGABRT };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		struct console c;
		auto_ran ran = { 0 };
		char text[64];

		console_open(&c, "redock run -it img echo;exec_sleep_2");
		assert_int_equal(read(c.pty, text, 1), 1);
		assert_true(is_raw(c.tty));
		kill(c.r.pid, signals[i]);
		ran = console_close(&c);
		assert_int_equal(ran.status, 128 + signals[i]);
		assert_null(strstr(ran.log, "kill"));
	}
}

static void window_changes(void **state)
{
	struct winsize size = { .ws_row = 10, .ws_col = 20 };
	struct console c;
	auto_ran ran = { 0 };
	char text[64];

	console_open(&c, "redock run -it img echo;head_-c_1");
	assert_int_equal(read(c.pty, text, 1), 1);
	assert_int_equal(ioctl(c.pty, TIOCSWINSZ, &size), 0);
	kill(c.r.pid, SIGWINCH); /* the kernel tells only the foreground group of a session */
	assert_int_equal(write(c.pty, "x", 1), 1);
	ran = console_close(&c);
	assert_int_equal(ran.status, 0);
	assert_non_null(strstr(ran.log, "resize 33x77\nresize 10x20\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_and_status),
		cmocka_unit_test(input),
		cmocka_unit_test(much_data),
		cmocka_unit_test(slow_reader),
		cmocka_unit_test(closed_pipe),
		cmocka_unit_test(full_disk),
		cmocka_unit_test(forwards_signals),
		cmocka_unit_test(patience_ends),
		cmocka_unit_test(raw_terminal),
		cmocka_unit_test(detach_keys),
		cmocka_unit_test(terminal_comes_back),
		cmocka_unit_test(window_changes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
