/*
 * redock-monitor: looks after one running container.
 *
 * It is the parent of the container's init; owns its stdio, log, exit status and control socket;
 * and cleans up when it ends.  A small static program without libraries, executed from a read-only
 * mount of itself, so that neither it nor the init that it forks shows the container a writable
 * file of the host (T02).  If it is killed, the container goes on, and the next command starts
 * another monitor with "adopt", which takes the pipes over from init.
 */
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "engine/local/monitor/monitor.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

static int open_dirs(struct monitor *m, struct err *e)
{
	if (container_dirs_open(m->spec.state_dir, m->spec.run_root, &m->dirs, e) < 0)
		return -e->code;
	m->dir = fs_open_dir(m->dirs.containers, m->spec.id, e);
	m->run = m->dir < 0 ? -1 : fs_open_dir(m->dirs.run, m->spec.id, e);
	return m->run < 0 ? -e->code : 0;
}

int monitor_read_spec(int fd, spec_decoder *decode, struct spec *ret, struct err *e)
{
	struct stat st;
	char *data;
	int r;

	if (fstat(fd, &st) < 0 || st.st_size == 0 || st.st_size > 16 << 20)
		return err_set(e, EINVAL, "the container's specification is missing");
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return err_errno(e, "cannot read the container's specification");
	r = decode(data, (size_t)st.st_size, ret, e);
	munmap(data, (size_t)st.st_size);
	return r;
}

/* Waits for GO, and for the network namespace that comes with it. */
static int wait_for_go(struct monitor *m, struct err *e)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct frame frame;
	struct iovec iov = { &frame, sizeof frame };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control };
	ssize_t n;

	do
		n = recvmsg(MONITOR_FD_CLIENT, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n != sizeof frame || frame.type != FRAME_GO)
		return err_set(e, ECONNRESET, "the command that started the container is gone");
	if (msg.msg_controllen >= CMSG_LEN(sizeof(int)))
		memcpy(&m->netns, CMSG_DATA(&control.header), sizeof(int));
	return 0;
}

/* What the first process could not do as it was asked to, and went on. */
void monitor_tell_warnings(struct monitor *m)
{
	for (size_t i = 0; i < m->process.warnings.n; i++) {
		const char *text = m->process.warnings.v[i];
		clients_tell(&m->clients, FRAME_WARNING, text, strnlen(text, FRAME_TEXT_MAX - 1));
	}
	strv_release(&m->process.warnings);
}

void monitor_tell_failure(struct monitor *m, int status, const struct err *e)
{
	struct frame_failed f = { .exec_status = status, .code = e->code };

	monitor_tell_warnings(m);

	snprintf(f.text, sizeof f.text, "%s", e->text);
	snprintf(f.hint, sizeof f.hint, "%s", e->hint);
	clients_tell(&m->clients, FRAME_FAILED, &f, sizeof f);
}

/* The limits of the shell that it was started from are not the container's, nor ours (R13). */
static void lift_limits(void)
{
	static const int resources[] = { RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_DATA, RLIMIT_AS,
		RLIMIT_NPROC };

	for (size_t i = 0; i < ARRAY_SIZE(resources); i++) {
		struct rlimit l = { RLIM_INFINITY, RLIM_INFINITY };
		if (setrlimit(resources[i], &l) == 0 || getrlimit(resources[i], &l) < 0)
			continue;
		l.rlim_cur = l.rlim_max; /* without CAP_SYS_RESOURCE that is all */
		setrlimit(resources[i], &l);
	}
	signal(SIGXFSZ, SIG_IGN); /* then a log that is too large is one that cannot be written */
}

void monitor_init(struct monitor *m)
{
	m->process = (struct process)PROCESS_INIT;
	m->dirs = (struct container_dirs)CONTAINER_DIRS_INIT;
	m->dir = m->run = m->listener = m->netns = m->oom = m->guests = -1;
	m->ports = (struct ports)PORTS_INIT;
	m->probe.process = (struct process)PROCESS_INIT;
	clients_init(&m->clients);
}

static int open_log(struct monitor *m, struct err *e)
{
	const struct log_subject of = { m->spec.id, m->spec.name, &m->spec.annotations,
		&m->spec.env };
	struct log_settings settings;

	if (log_settings_parse(m->spec.log_driver, &m->spec.log_opts, &of, &settings, e) < 0)
		return -e->code;
	log_open(&m->log, m->dir, &settings, m->spec.id, m->spec.name);
	return 0;
}

/* How it is to be kept; and what an adopted one has lost. */
static int prepare(struct monitor *m, bool adopt, struct err *e)
{
	int r = monitor_read_spec(MONITOR_FD_SPEC, spec_decode, &m->spec, e);

	close(MONITOR_FD_SPEC);
	if (r < 0)
		return r;
	if (adopt)
		ports_bind(&m->ports, &m->spec.ports);
	else
		ports_take(&m->ports, m->spec.ports.n);
	m->life.restarts = (unsigned)m->spec.restarts; /* an adopted one's state knows better */
	r = open_dirs(m, e);
	return r < 0 ? r : open_log(m, e);
}

static int fail(struct monitor *m, bool adopt, int status, struct err *e)
{
	if (m->run >= 0 && !adopt)
		monitor_clean_up(m, false);
	monitor_tell_failure(m, status, e);
	if (m->spec.auto_remove && !adopt)
		container_erase_files(&m->dirs, m->spec.id, e);
	return 1;
}

int main(int argc, char **argv)
{
	static struct monitor m; /* one a process, and large */
	struct err e = { 0 };
	int status = 125, r;
	bool adopt = argc > 1 && str_eq(argv[1], "adopt");

	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NAME, "redock-monitor");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	lift_limits();
	for (int fd = MONITOR_FD_CLIENT; fd < MONITOR_FD_END; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	monitor_init(&m);
	if (!adopt)
		clients_add(&m.clients, MONITOR_FD_CLIENT, true);
	r = prepare(&m, adopt, &e);
	if (r == 0)
		r = adopt ? monitor_take_over(&m, &e)
			  : monitor_launch(&m, wait_for_go, &status, &e);
	if (r < 0)
		return fail(&m, adopt, status, &e);
	if (adopt) {
		close(MONITOR_FD_CLIENT); /* who has started us can connect now */
	} else {
		monitor_tell_warnings(&m);
		clients_tell(&m.clients, FRAME_STARTED, NULL, 0);
		monitor_event(&m, "start", NULL);
	}
	monitor_supervise(&m);
	return 0;
}
