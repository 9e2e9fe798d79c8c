/* Scopes: the part without D-Bus. The helper prints the path of the group that it has made, and
 * holds the scope until its stdin ends. */
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "runtime/cgroup-tree.h"

#include <fcntl.h>
#include <sys/socket.h>

bool cgroup_is_systemds(void)
{
	/* sd_booted(3) */
	return cgroup_layout() == CGROUP_V2 && access("/run/systemd/system", F_OK) == 0;
}

static void property(struct strv *argv, const char *name, uint64_t value)
{
	strv_pushf(argv, "--property=%s=%llu", name, (unsigned long long)value);
}

static uint64_t or_infinity(int64_t value)
{
	return value < 0 ? UINT64_MAX : (uint64_t)value;
}

/* What systemd would set, too, so that it does not set it to something else when it is reloaded.
 * The rest of the limits it does not know and leaves alone. */
void cg_scope_properties(const struct cgroup_resources *r, struct strv *argv)
{
	int64_t quota = r->nano_cpus ? r->nano_cpus / 10000 : r->cpu_quota;
	int64_t period = r->nano_cpus || !r->cpu_period ? 100000 : r->cpu_period;

	if (r->memory)
		property(argv, "MemoryMax", or_infinity(r->memory));
	if (r->memory_swap < 0)
		property(argv, "MemorySwapMax", UINT64_MAX);
	else if (r->memory_swap && r->memory > 0 && r->memory_swap >= r->memory)
		property(argv, "MemorySwapMax", (uint64_t)(r->memory_swap - r->memory));
	if (r->memory_reservation)
		property(argv, "MemoryLow", (uint64_t)r->memory_reservation);
	if (r->cpu_shares)
		property(argv, "CPUWeight", (uint64_t)cg_weight_of_shares(r->cpu_shares));
	if (quota < 0)
		property(argv, "CPUQuotaPerSecUSec", UINT64_MAX);
	else if (quota && quota <= INT64_MAX / 1000000)
		property(argv, "CPUQuotaPerSecUSec", (uint64_t)(quota * 1000000 / period));
	if (quota && period != 100000)
		property(argv, "CPUQuotaPeriodUSec", (uint64_t)period);
	if (r->pids)
		property(argv, "TasksMax", or_infinity(r->pids));
	if (r->blkio_weight)
		property(argv, "IOWeight", (uint64_t)cg_io_weight_of_blkio(r->blkio_weight));
	if (r->cpuset_cpus)
		strv_pushf(argv, "--set=AllowedCPUs=%s", r->cpuset_cpus);
	if (r->cpuset_mems)
		strv_pushf(argv, "--set=AllowedMemoryNodes=%s", r->cpuset_mems);
}

/* Its first line; or, when it has none, what it said on stderr becomes the error. */
static int read_answer(int out, int errors, pid_t pid, char **ret, struct err *e)
{
	char text[4096];
	ssize_t n;
	int status;

	for (size_t len = 0; (n = read(out, text + len, sizeof text - 1 - len)) > 0;) {
		char *end;
		len += (size_t)n;
		text[len] = '\0';
		end = strchr(text, '\n');
		if (!end)
			continue;
		*end = '\0';
		if (*text != '/' || strstr(text, "/../"))
			break;
		*ret = xstrdup(text + 1);
		return 0;
	}
	n = fs_read_full(errors, text, sizeof text - 1);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	status = proc_wait(pid);
	err_set(e, EIO, "%s", *text ? text : "it failed without a word");
	err_wrap(e, "systemd has given no control group (redock-scope ended with %d)", status);
	return err_hint(e, "systemctl status, and whether D-Bus runs: systemctl start dbus");
}

void cgroup_hold_release(struct cgroup_hold *h)
{
	close_fd(&h->fd);
	if (h->pid > 0)
		proc_wait(h->pid);
	h->pid = -1;
}

static int helper(char *const *argv, struct cgroup_hold *ret, char **ret_path, struct err *e)
{
	auto_free char *program = proc_helper_path("redock-scope");
	struct proc_spawn p = PROC_SPAWN_INIT;
	int hold[2], out[2], errors[2], r = 0;
	pid_t pid;

	if (pipe2(hold, O_CLOEXEC) < 0)
		return err_errno(e, "cannot make a pipe");
	if (pipe2(out, O_CLOEXEC) < 0) {
		close(hold[0]), close(hold[1]);
		return err_errno(e, "cannot make a pipe");
	}
	if (pipe2(errors, O_CLOEXEC) < 0) {
		close(hold[0]), close(hold[1]), close(out[0]), close(out[1]);
		return err_errno(e, "cannot make a pipe");
	}
	p.path = program;
	p.argv = argv;
	p.fds[0] = hold[0];
	p.fds[1] = out[1];
	p.fds[2] = errors[1];
	p.new_session = true;
	pid = proc_start(&p, NULL, e);
	close(hold[0]), close(out[1]), close(errors[1]);
	r = pid < 0 ? (int)pid : read_answer(out[0], errors[0], pid, ret_path, e);
	close(out[0]), close(errors[0]);
	if (r < 0)
		close_fd(&hold[1]);
	else
		*ret = (struct cgroup_hold){ hold[1], pid };
	return r;
}

int cgroup_scope_start(
	const struct cgroup_scope *s, char **ret_path, struct cgroup_hold *ret, struct err *e)
{
	auto_strv argv = { 0 };

	strv_push(&argv, "redock-scope");
	strv_pushf(&argv, "--slice=%s", s->slice);
	strv_pushf(&argv, "--description=%s", s->description);
	if (s->leaf)
		strv_pushf(&argv, "--leaf=%s", s->leaf);
	if (s->lock)
		strv_pushf(&argv, "--lock=%s", s->lock);
	if (s->resources)
		cg_scope_properties(s->resources, &argv);
	strv_push(&argv, "start");
	strv_push(&argv, s->unit);
	return helper(argv.v, ret, ret_path, e);
}

int cgroup_scope_update(const struct cgroup_scope *s, struct err *e)
{
	auto_strv argv = { 0 };
	int status;

	strv_push(&argv, "");
	free(argv.v[0]);
	argv.v[0] = proc_helper_path("redock-scope");
	if (s->resources)
		cg_scope_properties(s->resources, &argv);
	strv_push(&argv, "set");
	strv_push(&argv, s->unit);
	status = proc_run(argv.v, NULL, e);
	return status == 0 ? 0 : err_wrap(e, "cannot tell systemd of the limits of '%s'", s->unit);
}

int cgroup_scope_ensure(
	const struct cgroup_scope *s, int *ret_leaf, struct cgroup_hold *ret, struct err *e)
{
	/* names of slices of ours have no "-": they lie at the top */
	auto_free char *path = xasprintf("%s/%s/%s", s->slice, s->unit, s->leaf), *made = NULL;
	struct cgroup_hold hold = CGROUP_HOLD_INIT;
	int fd = cgroup_open(path);

	if (fd < 0 && errno == ENOENT) {
		if (cgroup_scope_start(s, &made, &hold, e) < 0)
			return -e->code;
		free(path);
		path = xasprintf("%s/%s", made, s->leaf);
		fd = cgroup_open(path);
	}
	if (fd < 0) {
		err_errno(e, "cannot open control group '%s'", path);
		cgroup_hold_release(&hold);
		return -e->code;
	}
	*ret_leaf = fd;
	*ret = hold;
	return 0;
}
