/*
 * Control groups for real, in a group of our own on whatever version this host has (root). The
 * virtual machine of tests/vm runs the same program on version 2.
 *
 * What has no group on this host is tested for its refusal; that is no skipped test.
 */
#include "test_base.h"

#include "base/proc.h"
#include "runtime/cgroup-tree.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

static char parent[48], group[64];

static int make_names(void **state)
{
	snprintf(parent, sizeof parent, "redock-test-%d", (int)getpid());
	snprintf(group, sizeof group, "%s/one", parent);
	return 0;
}

static int remove_groups(void **state)
{
	struct err e = { 0 };

	if (cgroup_remove(group, &e) < 0)
		print_message("# %s\n", e.text);
	cgroup_remove_parent(parent);
	return e.code;
}

static bool v1(void)
{
	return cgroup_layout() == CGROUP_V1;
}

/* The content of one of the group's files, without its line end; the caller frees. */
static char *content(enum cg_controller c, const char *v1_file, const char *v2_file)
{
	char *text = NULL;

	if (cg_get(v1() ? cg_v1_names[c] : "", group, v1() ? v1_file : v2_file, 4096, &text) < 0)
		return xstrdup("(no such file)");
	if (*text)
		text[strlen(text) - 1] = '\0';
	return text;
}

#define expect(c, file1, value1, file2, value2)                                                    \
	do {                                                                                       \
		auto_free char *is = content(c, file1, file2);                                     \
		assert_string_equal(is, v1() ? (value1) : (value2));                               \
	} while (0)

static struct cgroup_resources plain(void)
{
	struct cgroup_resources r = CGROUP_RESOURCES_INIT;

	r.pids = 64;
	cgroup_default_devices(&r);
	return r;
}

static void create(const struct cgroup_resources *r)
{
	struct err e = { 0 };

	if (cgroup_create(group, r, &e) < 0 || cgroup_set_devices(group, r, &e) < 0)
		fail_msg("%s", e.text);
}

/* A child inside the group that has said so; it runs `work` when `*ret_go` is written to. */
static pid_t child(int (*work)(void *), void *arg, int *ret_go)
{
	int pair[2];
	char byte;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	pid = fork();
	if (pid == 0) {
		struct err e = { 0 };
		int r = cgroup_layout() == CGROUP_V2 ? cg_put("", group, "cgroup.procs", "0")
						     : cgroup_enter(group, &e);
		close(pair[0]);
		if (r < 0 || write(pair[1], "", 1) != 1 || read(pair[1], &byte, 1) != 1)
			_exit(99);
		_exit(work(arg));
	}
	close(pair[1]);
	assert_int_equal(read(pair[0], &byte, 1), 1);
	*ret_go = pair[0];
	return pid;
}

static void go(int *fd)
{
	assert_int_equal(write(*fd, "", 1), 1);
	close_fd(fd);
}

static int wait_forever(void *arg)
{
	(void)arg;
	pause();
	return 0;
}

static bool without_groups(void)
{
	struct cgroup_resources r = CGROUP_RESOURCES_INIT;
	struct err e = { 0 };

	if (cgroup_layout() != CGROUP_NONE)
		return false;
	assert_int_equal(cgroup_create(group, &r, &e), 0);
	r.pids = 5;
	assert_int_equal(cgroup_create(group, &r, &e), -ENOTSUP);
	assert_non_null(strstr(e.text, "the limit of processes"));
	return true;
}

static void limits_are_in_the_files(void **state)
{
	struct cgroup_resources r = plain();

	if (without_groups())
		return;
	r.memory = 64 << 20;
	r.memory_swap = 96 << 20;
	r.memory_reservation = 32 << 20;
	r.nano_cpus = 250000000;
	r.cpu_shares = 512;
	r.cpuset_cpus = xstrdup("0");
	create(&r);
	expect(CG_MEMORY, "memory.limit_in_bytes", "67108864", "memory.max", "67108864");
	expect(CG_MEMORY, "memory.memsw.limit_in_bytes", "100663296", "memory.swap.max",
		"33554432");
	expect(CG_MEMORY, "memory.soft_limit_in_bytes", "33554432", "memory.low", "33554432");
	expect(CG_CPU, "cpu.cfs_quota_us", "25000", "cpu.max", "25000 100000");
	expect(CG_CPU, "cpu.shares", "512", "cpu.weight", "59");
	expect(CG_CPUSET, "cpuset.cpus", "0", "cpuset.cpus", "0");
	expect(CG_PIDS, "pids.max", "64", "pids.max", "64");
	cgroup_resources_release(&r);
}

static void a_limit_that_cannot_be_set_leaves_nothing(void **state)
{
	struct cgroup_resources r = plain();
	struct err e = { 0 };

	if (without_groups())
		return;
	strv_push(&r.hugetlb, "3MB 4096"); /* no CPU has such pages */
	assert_true(cgroup_create(group, &r, &e) < 0);
	assert_non_null(strstr(e.text, "hugetlb"));
	assert_false(cg_exists(v1() ? "memory" : "", group, NULL));
	strv_release(&r.hugetlb);
	r.cpuset_cpus = xstrdup("0-4000");
	assert_int_equal(cgroup_create(group, &r, &e), -EINVAL);
	assert_non_null(strstr(e.text, "this host has '0"));
	assert_false(cg_exists(v1() ? "memory" : "", group, NULL));
	cgroup_resources_release(&r);
}

static void update_in_any_order(void **state)
{
	struct cgroup_resources r = plain(), up = CGROUP_RESOURCES_INIT;
	struct err e = { 0 };

	if (without_groups())
		return;
	r.memory = 64 << 20;
	r.memory_swap = 128 << 20;
	r.cpu_quota = 50000;
	create(&r);
	up.memory = 256 << 20; /* more than memory and swap together were */
	up.memory_swap = 512 << 20;
	up.cpu_quota = 30000;
	up.cpu_period = 60000;
	assert_int_equal(cgroup_update(group, &up, &e), 0);
	expect(CG_MEMORY, "memory.limit_in_bytes", "268435456", "memory.max", "268435456");
	expect(CG_MEMORY, "memory.memsw.limit_in_bytes", "536870912", "memory.swap.max",
		"268435456");
	expect(CG_CPU, "cpu.cfs_quota_us", "30000", "cpu.max", "30000 60000");
	up.memory = 32 << 20;
	up.memory_swap = 32 << 20;
	assert_int_equal(cgroup_update(group, &up, &e), 0);
	expect(CG_MEMORY, "memory.memsw.limit_in_bytes", "33554432", "memory.swap.max", "0");
	up = (struct cgroup_resources)CGROUP_RESOURCES_INIT;
	up.pids = -1;
	up.cpu_quota = -1;
	assert_int_equal(cgroup_update(group, &up, &e), 0);
	expect(CG_PIDS, "pids.max", "max", "pids.max", "max");
	expect(CG_CPU, "cpu.cfs_quota_us", "-1", "cpu.max", "max 60000");
	cgroup_resources_release(&r);
}

static void update_is_all_or_nothing(void **state)
{
	struct cgroup_resources r = plain(), up = CGROUP_RESOURCES_INIT;
	struct err e = { 0 };

	if (without_groups())
		return;
	r.memory = 64 << 20;
	r.memory_swap = 64 << 20;
	r.cpu_shares = 1024;
	create(&r);
	up.memory = 128 << 20;
	up.memory_swap = 256 << 20;
	up.cpu_shares = 2048;
	up.pids = 7;
	up.cpuset_mems = xstrdup("900");
	assert_true(cgroup_update(group, &up, &e) < 0);
	assert_non_null(strstr(e.text, "memory nodes"));
	expect(CG_MEMORY, "memory.limit_in_bytes", "67108864", "memory.max", "67108864");
	expect(CG_MEMORY, "memory.memsw.limit_in_bytes", "67108864", "memory.swap.max", "0");
	expect(CG_CPU, "cpu.shares", "1024", "cpu.weight", "100");
	expect(CG_PIDS, "pids.max", "64", "pids.max", "64");
	cgroup_resources_release(&up);
	cgroup_resources_release(&r);
}

static void update_reaches_new_hierarchies(void **state)
{
	struct cgroup_resources r = plain(), up = CGROUP_RESOURCES_INIT;
	struct err e = { 0 };
	auto_free pid_t *pids = NULL;
	size_t n = 0;
	int fd, status;
	pid_t pid;

	if (without_groups())
		return;
	create(&r);
	if (v1())
		assert_false(cg_exists("cpu", group, NULL)); /* made where needed, no sooner */
	pid = child(wait_forever, NULL, &fd);
	up.nano_cpus = 500000000;
	up.blkio_weight = 0;
	assert_int_equal(cgroup_update(group, &up, &e), 0);
	expect(CG_CPU, "cpu.cfs_quota_us", "50000", "cpu.max", "50000 100000");
	assert_int_equal(cg_members(v1() ? "cpu" : "", group, &pids, &n, &e), 0);
	assert_true(n == 1 && pids[0] == pid);
	kill(pid, SIGKILL);
	close(fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	cgroup_resources_release(&r);
}

/* Bit 0: /dev/zero's number can be read, bit 1: that of the kernel's log, 1:11. */
static int open_devices(void *dir)
{
	int result = 0;

	for (unsigned i = 0; i < 2; i++) {
		auto_free char *name = xasprintf("%s/%u", (char *)dir, i);
		auto_close int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		result |= (fd >= 0) << i;
	}
	return result;
}

static int opened(struct place *place)
{
	int fd, status;
	pid_t pid = child(open_devices, place->path, &fd);

	go(&fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

static void devices_are_denied_and_allowed(void **state)
{
	struct cgroup_resources r = plain(), up = CGROUP_RESOURCES_INIT;
	struct err e = { 0 };
	struct place place;

	if (without_groups())
		return;
	place_make(&place);
	assert_int_equal(mknodat(place.fd, "0", S_IFCHR | 0600, makedev(1, 5)), 0);
	assert_int_equal(mknodat(place.fd, "1", S_IFCHR | 0600, makedev(1, 11)), 0);
	create(&r);
	assert_int_equal(opened(&place), 1);
	cgroup_default_devices(&up);
	assert_int_equal(cgroup_allow_device(&up, "c 1:11 r", &e), 0);
	up.devices[1].allow = false; /* 1:5 */
	assert_int_equal(cgroup_update(group, &up, &e), 0);
	assert_int_equal(opened(&place), 2);
	/* a second update replaces the first one's list, and does not add to it */
	assert_int_equal(cgroup_update(group, &r, &e), 0);
	assert_int_equal(opened(&place), 1);
	place_remove(&place);
	cgroup_resources_release(&up);
	cgroup_resources_release(&r);
}

static int eat(void *arg)
{
	size_t size = *(size_t *)arg;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t i = 0; p != MAP_FAILED && i < size; i += 4096)
		p[i] = 1;
	return 0;
}

/* Counts in shared memory for as long as it runs. */
static int count(void *shared)
{
	for (;;)
		++*(volatile uint64_t *)shared;
	return 0;
}

/* The same with two megabytes of memory. */
static int count_with_memory(void *shared)
{
	size_t size = 2 << 20;

	eat(&size);
	return count(shared);
}

static uint64_t *shared_counter(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	return p;
}

/* Lets it run until it has counted on, or for a moment, in which a frozen one does not. */
static bool counts_on(volatile uint64_t *counter, int for_ms)
{
	uint64_t before = *counter;

	for (int i = 0; i < for_ms && *counter == before; i++)
		poll(NULL, 0, 1);
	return *counter != before;
}

static void frozen_tasks_stand_still_and_die(void **state)
{
	struct cgroup_resources r = plain();
	uint64_t *counter = shared_counter();
	struct err e = { 0 };
	int fd, status;
	pid_t pid;

	if (without_groups())
		return;
	create(&r);
	pid = child(count, counter, &fd);
	go(&fd);
	assert_true(counts_on(counter, 10000));
	assert_false(cgroup_is_frozen(group, pid));
	assert_int_equal(cgroup_freeze(group, pid, &e), 0);
	assert_int_equal(cgroup_freeze(group, pid, &e), 0);
	assert_true(cgroup_is_frozen(group, pid));
	assert_false(counts_on(counter, 50));
	assert_int_equal(cgroup_thaw(group, pid, &e), 0);
	assert_false(cgroup_is_frozen(group, pid));
	assert_true(counts_on(counter, 10000));
	/* a signal of another kind leaves it as it was */
	assert_int_equal(cgroup_freeze(group, pid, &e), 0);
	assert_int_equal(cgroup_signal(group, pid, SIGUSR1, &e), 0);
	assert_true(cgroup_is_frozen(group, pid));
	assert_int_equal(cgroup_signal(group, pid, SIGKILL, &e), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	munmap(counter, 4096);
	cgroup_resources_release(&r);
}

/* Makes a group inside the group in each hierarchy, a frozen one, and waits there. */
static int nest(void *arg)
{
	int *ready = arg;
	auto_free char *inner = xasprintf("%s/inner/deeper", group);
	struct err e;

	if (v1()) {
		for (enum cg_controller c = 0; c < CG_END; c++)
			if (cg_exists(cg_v1_names[c], group, NULL) && c != CG_CPUSET &&
				cg_mkdir_all(cg_v1_names[c], inner) < 0)
				return 1;
		if (cgroup_enter(inner, &e) < 0)
			return 2;
	} else if (cg_mkdir_all("", inner) < 0 || cg_put("", inner, "cgroup.procs", "0") < 0) {
		return 3;
	}
	if (fork() == 0)
		pause();
	if (write(*ready, "", 1) != 1)
		return 4;
	pause();
	return 0;
}

static void groups_made_inside_are_removed(void **state)
{
	auto_free char *inner = xasprintf("%s/inner", group);
	struct cgroup_resources r = plain();
	struct err e = { 0 };
	int fd, status, ready[2];
	auto_free pid_t *pids = NULL;
	size_t n = 0;
	char byte;
	pid_t pid;

	if (without_groups())
		return;
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	create(&r);
	pid = child(nest, &ready[1], &fd);
	go(&fd);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	assert_int_equal(cgroup_pids(group, &pids, &n, &e), 0);
	assert_int_equal(n, 2);
	assert_int_equal(v1() ? cg_put("freezer", inner, "freezer.state", "FROZEN")
			      : cg_put("", inner, "cgroup.freeze", "1"),
		0);
	assert_int_equal(cgroup_remove(group, &e), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	for (enum cg_controller c = 0; c < CG_END; c++)
		assert_false(cg_exists(v1() ? cg_v1_names[c] : "", group, NULL));
	assert_int_equal(cgroup_remove(group, &e), 0);
	cgroup_resources_release(&r);
}

static void oom_is_told_and_counted(void **state)
{
	struct cgroup_resources r = plain();
	size_t much = 64 << 20;
	short events = 0;
	struct pollfd p;
	int fd, status;
	pid_t pid;

	if (without_groups())
		return;
	r.memory = 16 << 20;
	r.memory_swap = 16 << 20;
	create(&r);
	p.fd = cgroup_oom_fd(group, &p.events);
	events = p.events;
	assert_true(p.fd >= 0);
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_false(cgroup_oom_killed(group));
	pid = child(eat, &much, &fd);
	go(&fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_true(p.revents & events);
	cgroup_oom_seen(p.fd);
	assert_int_equal(cgroup_oom_kills(group), 1);
	assert_true(cgroup_oom_killed(group));
	close(p.fd);
	cgroup_resources_release(&r);
}

static void stats_have_numbers(void **state)
{
	struct cgroup_resources r = plain();
	uint64_t *counter = shared_counter();
	struct cgroup_stats s = { 0 };
	struct err e = { 0 };
	int fd, status;
	pid_t pid;

	if (without_groups()) {
		assert_int_equal(cgroup_stats(group, &s, &e), -ENOTSUP);
		return;
	}
	assert_int_equal(cgroup_stats(group, &s, &e), -ENOENT);
	r.memory = 64 << 20;
	create(&r);
	pid = child(count_with_memory, counter, &fd);
	go(&fd);
	while (*(volatile uint64_t *)counter < 20000000)
		poll(NULL, 0, 1);
	assert_int_equal(cgroup_stats(group, &s, &e), 0);
	assert_true(s.cpu_ns > 1000000);
	assert_true(s.memory >= 2 << 20 && s.memory <= 64 << 20);
	assert_int_equal(s.memory_limit, 64 << 20);
	assert_true(s.pids == 1 && s.pids_limit == 64);
	assert_int_equal(s.oom_kills, 0);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	munmap(counter, 4096);
	cgroup_resources_release(&r);
}

/* The device that holds /, or any disk there is; false without one. */
static bool find_disk(char *ret, size_t size)
{
	auto_dir DIR *d = opendir("/sys/block");
	struct dirent *ent;

	while (d && (ent = readdir(d))) {
		auto_free char *file = xasprintf("/sys/block/%s/dev", ent->d_name);
		auto_close int fd = -1;
		ssize_t n;
		if (ent->d_name[0] == '.' || str_starts(ent->d_name, "loop") ||
			str_starts(ent->d_name, "ram"))
			continue;
		fd = open(file, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? 0 : read(fd, ret, size - 1);
		if (n <= 1)
			continue;
		ret[n - 1] = '\0';
		return true;
	}
	return false;
}

static void block_limits_are_set_and_taken_back(void **state)
{
	struct cgroup_resources r = plain(), up = CGROUP_RESOURCES_INIT;
	struct err e = { 0 };
	char disk[24];

	if (without_groups())
		return;
	assert_true(find_disk(disk, sizeof disk));
	strv_pushf(&r.blkio_throttle, "read_bps %s 1048576", disk);
	strv_pushf(&r.blkio_throttle, "write_iops %s 50", disk);
	create(&r);
	{
		auto_free char *v1_text = xasprintf("%s 1048576", disk);
		auto_free char *v2_text =
			xasprintf("%s rbps=1048576 wbps=max riops=max wiops=50", disk);
		expect(CG_BLKIO, "blkio.throttle.read_bps_device", v1_text, "io.max", v2_text);
		strv_pushf(&up.blkio_throttle, "read_bps %s 2097152", disk);
		up.cpuset_mems = xstrdup("900"); /* comes before it on both versions */
		assert_true(cgroup_update(group, &up, &e) < 0);
		strv_pushf(&up.blkio_throttle, "read_bps 4000:4000 1");
		free(up.cpuset_mems);
		up.cpuset_mems = NULL;
		assert_true(cgroup_update(group, &up, &e) < 0);
		expect(CG_BLKIO, "blkio.throttle.read_bps_device", v1_text, "io.max", v2_text);
	}
	cgroup_resources_release(&up);
	cgroup_resources_release(&r);
}

static void support_says_what_is_here(void **state)
{
	struct cgroup_support s;

	cgroup_support(&s);
	assert_int_equal(s.memory, cgroup_layout() != CGROUP_NONE);
	assert_int_equal(s.freeze, cgroup_layout() != CGROUP_NONE);
	if (cgroup_layout() == CGROUP_V2)
		assert_false(s.swappiness || s.oom_kill_disable);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(limits_are_in_the_files, remove_groups),
		cmocka_unit_test_teardown(a_limit_that_cannot_be_set_leaves_nothing, remove_groups),
		cmocka_unit_test_teardown(update_in_any_order, remove_groups),
		cmocka_unit_test_teardown(update_is_all_or_nothing, remove_groups),
		cmocka_unit_test_teardown(update_reaches_new_hierarchies, remove_groups),
		cmocka_unit_test_teardown(devices_are_denied_and_allowed, remove_groups),
		cmocka_unit_test_teardown(frozen_tasks_stand_still_and_die, remove_groups),
		cmocka_unit_test_teardown(groups_made_inside_are_removed, remove_groups),
		cmocka_unit_test_teardown(oom_is_told_and_counted, remove_groups),
		cmocka_unit_test_teardown(stats_have_numbers, remove_groups),
		cmocka_unit_test_teardown(block_limits_are_set_and_taken_back, remove_groups),
		cmocka_unit_test(support_says_what_is_here),
	};

	return cmocka_run_group_tests(tests, make_names, NULL);
}
