#include "registry/credential_helper.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/time.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

#define ANSWER_MAX ((size_t)64 << 10)
/* It may ask a person to unlock something. */
#define PATIENCE ((int64_t)60 * 1000000000)

static bool is_name(const char *name)
{
	size_t n =
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

	return n && !name[n] && n <= 64 && *name != '.' && *name != '-';
}

static int start(const char *program, const char *host, int *ret_answer, int *ret_pidfd,
	pid_t *ret_pid, struct err *e)
{
	struct proc_spawn p = PROC_SPAWN_INIT;
	char *argv[] = { (char *)program, (char *)"get", NULL };
	int in[2] = { -1, -1 }, out[2] = { -1, -1 };

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0) {
		close_fd(&in[0]);
		close_fd(&in[1]);
		return err_errno(e, "cannot make a pipe");
	}
	/* less than a pipe holds, so that nobody waits */
	(void)fs_write_all(in[1], host, strlen(host));
	close(in[1]);
	p.path = program;
	p.search = true;
	p.argv = argv;
	p.fds[0] = in[0];
	p.fds[1] = out[1];
	*ret_pid = proc_start(&p, ret_pidfd, e);
	close(in[0]);
	close(out[1]);
	*ret_answer = out[0];
	if (*ret_pid < 0)
		close_fd(ret_answer);
	return *ret_pid < 0 ? -e->code : 0;
}

static int hear(int fd, struct str *answer, struct err *e)
{
	int64_t until = time_monotonic() + PATIENCE;
	char block[4096];
	ssize_t n = 1;

	while (n != 0) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = (until - time_monotonic()) / 1000000;
		int r = left > 0 ? poll(&p, 1, (int)left) : 0;
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return err_set(e, ETIMEDOUT, "it did not answer");
		n = read(fd, block, sizeof block);
		if (n < 0)
			return err_errno(e, "cannot read its answer");
		str_add_data(answer, block, (size_t)n);
		if (answer->overflow)
			return err_set(e, EPROTO, "its answer is too long");
	}
	explicit_bzero(block, sizeof block);
	return 0;
}

static int read_answer(const struct str *answer, int status, struct credentials *ret, struct err *e)
{
	auto_json *j = NULL;
	const char *user, *secret;

	if (status != 0) {
		/* the words of Docker's own helpers */
		if (strstr(str_text(answer), "credentials not found"))
			return 0;
		return err_set(e, EIO, "it ended with status %d: %.200s", status,
			str_is_one_line(str_text(answer)) ? str_text(answer) : "");
	}
	if (json_parse(str_text(answer), answer->len, "its answer", &j, e) < 0)
		return -e->code;
	user = json_str(j, "Username", NULL);
	secret = json_str(j, "Secret", NULL);
	if (!user || !secret)
		return err_set(e, EPROTO, "its answer has no user name and secret");
	if (str_eq(user, "<token>")) {
		ret->token = xstrdup(secret);
		return 1;
	}
	if (!*user)
		return 0;
	ret->user = xstrdup(user);
	ret->password = xstrdup(secret);
	return 1;
}

int credential_helper_get(
	const char *name, const char *host, struct credentials *ret, struct err *e)
{
	auto_free char *program = xasprintf("docker-credential-%s", name);
	const char *server = str_eq(host, "docker.io") ? "https://index.docker.io/v1/" : host;
	auto_close int answer_fd = -1, pidfd = -1;
	struct str answer = STR_INIT(ANSWER_MAX);
	pid_t pid = -1;
	int r, status;

	if (!is_name(name))
		return err_set(e, EINVAL, "'%.80s' is no name of a credential helper",
			str_is_one_line(name) ? name : "?");
	if (start(program, server, &answer_fd, &pidfd, &pid, e) < 0) {
		err_wrap(e, "cannot start '%s'", program);
		return err_hint(e, "install it, or redock login %s", host);
	}
	r = hear(answer_fd, &answer, e);
	if (r < 0)
		syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	status = proc_wait(pid);
	if (r == 0)
		r = read_answer(&answer, status, ret, e);
	if (answer.data)
		explicit_bzero(answer.data, answer.len);
	str_release(&answer);
	return r < 0 ? err_wrap(e, "credential helper '%s'", program) : r;
}
