/* One that runs, its mounts, and one more process in it. Needs root. */
#include "test_container.h"

/* ---- one that runs ---- */

struct running {
	struct spec spec;
	struct process p;
};

static void start(struct running *r, bool tty)
{
	struct err e = { 0 };
	int status;

	r->spec = (struct spec){ 0 };
	fill(&r->spec, "exec cat");
	r->spec.stdin_open = true;
	r->spec.tty = tty;
	if (process_create(&r->spec, -1, &r->p, &e) < 0 ||
		process_start(&r->spec, &r->p, -1, &status, &e) < 0)
		fail_msg("%s", e.text);
}

static void stop(struct running *r)
{
	kill(r->p.pid, SIGKILL);
	wait_for(r->p.pid);
	process_release(&r->p);
	spec_release(&r->spec);
}

static void fill_exec(struct spec *s, const char *script)
{
	s->caps = (struct spec_caps){ posture_caps, posture_caps, posture_caps, 0, 0 };
	s->umask = -1;
	strv_push(&s->args, "sh");
	strv_push(&s->args, "-c");
	strv_push(&s->args, script);
	strv_push(&s->env, "PATH=/bin");
}

static char *exec_in(struct running *r, struct spec *s)
{
	struct process p = PROCESS_INIT;
	struct err e = { 0 };
	int status;
	char *out;

	if (process_exec(s, r->p.pid, r->p.pidfd, false, &p, &status, &e) < 0)
		fail_msg("%s", e.text);
	out = read_all(s->tty ? p.pty : p.std_out);
	wait_for(p.pid);
	process_release(&p);
	return out;
}

/* ---- propagation ---- */

/* What the host mounts later: seen by a slave, not by a private mount. What the container mounts:
 * seen outside when it is shared. */
static void test_propagation(void **state)
{
	static const struct {
		int64_t propagation;
		const char *wanted;
		bool outside;
	} cases[] = { { 0, "0", false }, { MS_SLAVE | MS_REC, "1", false },
		{ MS_SHARED | MS_REC, "1", true } };
	auto_free char *later = xasprintf("%s/later", volume),
		       *inner = xasprintf("%s/inner", volume);

	(void)state;
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL), 0);
	assert_int_equal(mount("tmpfs", volume, "tmpfs", 0, NULL), 0);
	assert_int_equal(mount(NULL, volume, NULL, MS_SHARED, NULL), 0);
	assert_int_equal(mkdir(later, 0755), 0);
	assert_int_equal(mkdir(inner, 0755), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct running r = { 0 };
		struct process *p = &r.p;
		auto_spec s = { 0 };
		struct err e = { 0 };
		auto_free char *out = NULL;
		int status;
		fill(&r.spec, "mount -t tmpfs none /bound/inner; echo; exec cat");
		r.spec.stdin_open = true;
		posture_privilege(&r.spec);
		limit_nothing(&r.spec);
		add_bind(&r.spec, volume, "/bound")->propagation = cases[i].propagation;
		if (process_create(&r.spec, -1, p, &e) < 0 ||
			process_start(&r.spec, p, -1, &status, &e) < 0)
			fail_msg("%s", e.text);
		assert_int_equal(read(p->std_out, &(char){ 0 }, 1), 1); /* it has mounted */
		assert_int_equal(mount("tmpfs", later, "tmpfs", 0, NULL), 0);
		fill_exec(&s, "grep -c ' /bound/later ' /proc/mounts");
		out = exec_in(&r, &s);
		assert_string_equal(out, cases[i].wanted);
		assert_int_equal(umount(later), 0);
		assert_int_equal(umount(inner) == 0, cases[i].outside);
		stop(&r);
	}
	assert_int_equal(umount2(volume, MNT_DETACH), 0);
}

/* ---- one more process ---- */

/* All namespaces are those of the container. */
static void test_exec_namespaces(void **state)
{
	static const char *const kinds[] = { "pid", "ipc", "uts", "mnt", "cgroup", "net", "user" };
	struct running r;
	auto_spec s = { 0 };
	auto_free char *out = NULL;
	auto_str wanted = STR_INIT(4096);

	(void)state;
	start(&r, false);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		auto_free char *path = xasprintf("/proc/%d/ns/%s", r.p.pid, kinds[i]);
		char text[64] = { 0 };
		assert_true(readlink(path, text, sizeof text - 1) > 0);
		str_addf(&wanted, "%s%s", i ? "\n" : "", text);
	}
	fill_exec(
		&s, "for k in pid ipc uts mnt cgroup net user; do readlink /proc/self/ns/$k; done");
	out = exec_in(&r, &s);
	assert_string_equal(out, str_text(&wanted));
	stop(&r);
}

static void test_exec(void **state)
{
	struct running r;
	auto_spec s = { 0 };
	auto_free char *out = NULL;

	(void)state;
	start(&r, false);
	fill_exec(&s,
		"hostname; id -u; id -G; pwd; grep -E '^(Cap|Seccomp:|NoNew)' /proc/self/status; "
		"cat /proc/1/comm; ls /proc/self/fd | wc -l; echo $HOME $VAR");
	s.user = xstrdup("user");
	strv_push(&s.groups, "adm");
	strv_push(&s.env, "VAR=1 2");
	s.cwd = xstrdup("/data");
	s.no_new_privs = true;
	out = exec_in(&r, &s);
	assert_string_equal(out, "inside\n1000\n1000 4\n/data\n"
				 "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n"
				 "CapEff:\t0000000000000000\nCapBnd:\t00000000800405fb\n"
				 "CapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n"
				 "cat\n4\n/ 1 2");
	stop(&r);
}

/* The ids of the container, not the host's; and all its namespaces. */
static void test_exec_user_namespace(void **state)
{
	struct running r = { 0 };
	auto_spec s = { 0 };
	struct err e = { 0 };
	auto_free char *out = NULL;
	int status;

	(void)state;
	fill(&r.spec, "exec cat");
	r.spec.stdin_open = true;
	spec_add_namespace(&r.spec, CLONE_NEWUSER, NULL);
	*spec_add_id_map(&r.spec.uid_maps, &r.spec.n_uid_maps) =
		(struct spec_id_map){ 0, 100000, 65536 };
	*spec_add_id_map(&r.spec.gid_maps, &r.spec.n_gid_maps) =
		(struct spec_id_map){ 0, 100000, 65536 };
	if (process_create(&r.spec, -1, &r.p, &e) < 0 ||
		process_start(&r.spec, &r.p, -1, &status, &e) < 0)
		fail_msg("%s", e.text);
	fill_exec(&s, "id -u; readlink /proc/1/ns/user | grep -cF \"$(readlink "
		      "/proc/self/ns/user)\"; cat /proc/self/uid_map; hostname");
	out = exec_in(&r, &s);
	assert_string_equal(out, "0\n1\n         0     100000      65536\ninside");
	stop(&r);
}

static void test_exec_terminal(void **state)
{
	struct running r;
	auto_spec s = { 0 };
	auto_free char *out = NULL;

	(void)state;
	start(&r, false);
	fill_exec(&s, "tty; stty size; echo >/dev/tty done");
	s.tty = true;
	s.console_rows = 33;
	s.console_columns = 101;
	out = exec_in(&r, &s);
	assert_string_equal(out, "/dev/pts/0\r\n33 101\r\ndone\r");
	stop(&r);
}

static void test_exec_failures(void **state)
{
	static const struct {
		const char *program;
		int status;
	} cases[] = { { "/none", 127 }, { "nothing", 127 }, { "/data/plain", 126 },
		{ "/data", 126 } };
	struct running r;
	struct process p = PROCESS_INIT;
	struct err e = { 0 };
	int status;

	(void)state;
	start(&r, false);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_spec s = { 0 };
		fill_exec(&s, "");
		strv_release(&s.args);
		strv_push(&s.args, cases[i].program);
		assert_true(process_exec(&s, r.p.pid, r.p.pidfd, false, &p, &status, &e) < 0);
		assert_int_equal(status, cases[i].status);
	}
	auto_spec user = { 0 };
	fill_exec(&user, "true");
	user.user = xstrdup("nobody-knows");
	assert_true(process_exec(&user, r.p.pid, r.p.pidfd, false, &p, &status, &e) < 0);
	assert_int_equal(status, 125);
	stop(&r);
}

/* A pid that is another's by now is not entered: the pidfd is of one who has ended. */
static void test_exec_of_the_dead(void **state)
{
	struct running r;
	struct process p = PROCESS_INIT;
	struct err e = { 0 };
	auto_spec s = { 0 };
	int status, pidfd;

	(void)state;
	start(&r, false);
	pidfd = dup(r.p.pidfd);
	stop(&r);
	fill_exec(&s, "true");
	assert_true(process_exec(&s, getpid(), pidfd, false, &p, &status, &e) == -ESRCH);
	close(pidfd);
}

/* T01: of the caller's descriptors those that are to be preserved, and no others. */
static void test_exec_preserves(void **state)
{
	struct running r;
	auto_spec s = { 0 };
	struct process p = PROCESS_INIT;
	struct err e = { 0 };
	int status, ends[2], out;
	auto_free char *text = NULL;
	pid_t pid;

	(void)state;
	start(&r, false);
	assert_int_equal(pipe(ends), 0);
	fill_exec(&s, "ls /proc/self/fd | wc -l; cat <&3");
	s.preserve_fds = 1;
	pid = fork();
	if (pid == 0) {
		int file = openat(place.fd, "root/data/file", O_RDONLY);
		int pidfd = fcntl(r.p.pidfd, F_DUPFD, 30);
		dup2(ends[1], 40);
		dup2(file, 20);
		out = dup2(20, 3);
		for (int fd = 4; fd < 20; fd++)
			dup2(0, fd); /* not close-on-exec */
		dup2(40, 1);
		if (out != 3 || process_exec(&s, r.p.pid, pidfd, true, &p, &status, &e) < 0)
			_exit(99);
		_exit(wait_for(p.pid));
	}
	close(ends[1]);
	text = read_all(ends[0]);
	close(ends[0]);
	assert_int_equal(wait_for(pid), 0);
	assert_string_equal(text, "5\nof the image"); /* 0 to 3, and that of ls */
	stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_propagation),
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_exec_namespaces),
		cmocka_unit_test(test_exec_user_namespace),
		cmocka_unit_test(test_exec_terminal),
		cmocka_unit_test(test_exec_failures),
		cmocka_unit_test(test_exec_of_the_dead),
		cmocka_unit_test(test_exec_preserves),
	};

	return cmocka_run_group_tests_name("runtime_exec", tests, setup, teardown);
}
