#include "test_cli_fake.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "cli/cli.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

struct fake fake;
static int log_fd = -1;

void note(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vdprintf(log_fd, format, ap);
	va_end(ap);
}

void note_list(const char *name, char *const *list)
{
	note(" %s=[", name);
	for (; list && *list; list++)
		note("%s%s", *list, list[1] ? "|" : "");
	note("]");
}

static int temporary(void)
{
	return memfd_create("test", MFD_CLOEXEC);
}

static char *contents(int fd)
{
	struct str s = STR_INIT(1 << 24);
	char block[65536];
	ssize_t n;

	lseek(fd, 0, SEEK_SET);
	while ((n = read(fd, block, sizeof block)) > 0)
		str_add_data(&s, block, (size_t)n);
	close(fd);
	return str_take(&s);
}

struct running run_cli_start(const char *line, int in, int out, int err)
{
	struct running r = { .out = temporary(), .err = temporary(), .log = temporary() };
	struct strv args = { 0 };

	for (const char *p = line; *p; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");
		char *word = xstrndup(p, n);
		if (str_eq(word, "''"))
			*word = '\0';
		strv_push_take(&args, word);
		p += n;
	}
	fflush(stdout);
	fflush(stderr);
	r.pid = fork();
	if (r.pid == 0) {
		dup2(in, 0);
		dup2(out < 0 ? r.out : out, 1);
		dup2(err < 0 ? r.err : err, 2);
		/* a pipe's other end, held by us, would keep the test waiting for ever */
		log_fd = dup2(r.log, 3);
		close_range(4, ~0U, 0);
		for (int s = 1; s < SIGRTMIN; s++)
			signal(s, SIG_DFL); /* cmocka catches some */
		r.pid = cli_main((int)args.n, args.v);
		fflush(stdout);
		_exit(r.pid);
	}
	strv_release(&args);
	return r;
}

struct ran run_cli_finish(struct running *r)
{
	struct ran ran = { .status = proc_wait(r->pid) };

	ran.out = contents(r->out);
	ran.err = contents(r->err);
	ran.log = contents(r->log);
	return ran;
}

struct ran run_cli_on(const char *line, int in, int out, int err)
{
	struct running r = run_cli_start(line, in, out, err);

	return run_cli_finish(&r);
}

struct ran run_cli(const char *line, const char *input)
{
	auto_close int in = input ? temporary() : open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (input && (fs_write_all(in, input, strlen(input)) < 0 || lseek(in, 0, SEEK_SET) < 0))
		abort();
	return run_cli_on(line, in, -1, -1);
}

void ran_release(struct ran *r)
{
	free(r->out);
	free(r->err);
	free(r->log);
}
