/* redock doctor: what the kernel has. */
#include "base/mem.h"
#include "base/proc.h"
#include "engine/local/doctor.h"
#include "engine/local/local.h"
#include "runtime/cgroup.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

/* ---- the kernel's calls ---- */

/* Called so that they cannot do anything: what matters is whether it is ENOSYS. */
static void check_calls(struct check_list *l)
{
	static const struct {
		long number;
		const char *name, *since, *means;
		enum check_result without;
	} calls[] = {
		{ SYS_openat2, "openat2", "5.6", "no container can be made", CHECK_BAD },
		{ SYS_clone3, "clone3", "5.3", "no container can be made", CHECK_BAD },
		{ SYS_fsopen, "fsopen", "5.2", "no container can be made", CHECK_BAD },
		{ SYS_move_mount, "move_mount", "5.2", "no container can be made", CHECK_BAD },
		{ SYS_mount_setattr, "mount_setattr", "5.12", "no container can be made",
			CHECK_BAD },
		{ SYS_close_range, "close_range", "5.9", "no container can be made", CHECK_BAD },
		{ SYS_pidfd_open, "pidfd_open", "5.3", "no container can be looked after",
			CHECK_BAD },
		{ SYS_pidfd_getfd, "pidfd_getfd", "5.6", "output is lost when a monitor is killed",
			CHECK_NOTE },
		{ SYS_keyctl, "keyctl", "2.6", NULL, CHECK_GOOD },
	};

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		/* a pointer to nothing or a descriptor that is none: refused before all else */
		long r = syscall(calls[i].number, -1L, 0L, ~0L, ~0L, ~0L, ~0L);
		bool has = r >= 0 || errno != ENOSYS;
		auto_free char *found =
			has ? xstrdup("here")
			    : xasprintf("missing (Linux %s and later have it)", calls[i].since);
		struct check c = { .group = "kernel",
			.name = (char *)calls[i].name,
			.means = calls[i].means,
			.mend = "apt-get install linux-image-amd64, then reboot" };
		doctor_add(l, &c, has ? CHECK_GOOD : calls[i].without, found);
	}
}

/* ---- the kernel's features ---- */

bool doctor_file_says(const char *path, const char *word)
{
	auto_free char *text = NULL;
	struct err ignored;

	return fs_read_file(AT_FDCWD, path, 1 << 16, &text, NULL, &ignored) == 0 &&
	       strstr(text, word);
}

static void check_release(struct check_list *l)
{
	struct check c = { .group = "kernel",
		.name = (char *)"release",
		.means = "redock needs Linux 5.15 or later",
		.mend = "apt-get install linux-image-amd64, then reboot" };
	struct utsname u;
	unsigned major = 0, minor = 0;

	uname(&u);
	if (sscanf(u.release, "%u.%u", &major, &minor) != 2)
		major = 0;
	doctor_add(l, &c, major > 5 || (major == 5 && minor >= 15) ? CHECK_GOOD : CHECK_BAD,
		u.release);
}

static void check_namespaces(struct check_list *l)
{
	static const char *const names[] = { "mnt", "pid", "ipc", "uts", "net", "cgroup", "user",
		"time" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		auto_free char *path = xasprintf("/proc/self/ns/%s", names[i]);
		auto_free char *name = xasprintf("%s namespace", names[i]);
		bool optional = i >= 6, has = access(path, F_OK) == 0;
		struct check c = { .group = "kernel",
			.name = name,
			.means =
				optional
					? "--userns and redock-runtime bundles that ask for it fail"
					: "no container can be made" };
		doctor_add(l, &c,
			has        ? CHECK_GOOD
			: optional ? CHECK_NOTE
				   : CHECK_BAD,
			has ? "here" : "missing");
	}
}

static void check_seccomp(struct check_list *l)
{
	struct check c = { .group = "kernel",
		.name = (char *)"seccomp",
		.means = "system calls cannot be filtered, and no container is started" };
	bool has = access("/proc/sys/kernel/seccomp/actions_avail", F_OK) == 0;

	doctor_add(l, &c, has ? CHECK_GOOD : CHECK_BAD, has ? "here" : "missing");
}

/* Mounting loads a module that is not there yet; a context of fsopen(2) does, too, and leaves
 * nothing. */
static void check_file_systems(struct check_list *l)
{
	static const struct {
		const char *name, *means, *mend;
	} wanted[] = {
		{ "overlay", "no container can be made", "modprobe overlay" },
		{ "mqueue", "no container can be made", NULL },
		{ "devpts", "no container can have a terminal", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		auto_close int fd = (int)syscall(SYS_fsopen, wanted[i].name, 1U);
		struct check c = { .group = "kernel",
			.name = (char *)wanted[i].name,
			.means = wanted[i].means,
			.mend = wanted[i].mend };
		doctor_add(l, &c, fd >= 0 || errno != ENODEV ? CHECK_GOOD : CHECK_BAD,
			fd >= 0 || errno != ENODEV ? "here" : "missing");
	}
}

/* What a child may try in a network namespace of its own. */
static bool in_own_network(bool (*try)(void))
{
	pid_t pid = fork();
	int status = 1;

	if (pid == 0)
		_exit(unshare(CLONE_NEWNET) == 0 && try() ? 0 : 1);
	if (pid < 0)
		return false;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return status == 0;
}

static bool run_quietly(const char *const *argv)
{
	auto_str output = STR_INIT(65536);
	struct err ignored = { 0 };

	return proc_run((char *const *)argv, &output, &ignored) == 0;
}

static bool try_bridge(void)
{
	static const char *const bridge[] = { "ip", "link", "add", "rd0", "type", "bridge", NULL };
	static const char *const veth[] = { "ip", "link", "add", "rd1", "type", "veth", "peer",
		"name", "rd2", NULL };

	return run_quietly(bridge) && run_quietly(veth);
}

static bool try_nftables(void)
{
	auto_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 12 /* NETLINK_NETFILTER */);

	return fd >= 0;
}

static void check_links(struct check_list *l)
{
	struct check bridge = { .group = "network",
		.name = (char *)"bridge and veth",
		.means = "containers have no network but --network none and host",
		.mend = "modprobe -a bridge veth" };
	struct check nft = { .group = "network",
		.name = (char *)"nftables",
		.means = "containers cannot reach the outside, and no port can be published",
		.mend = "modprobe nf_tables" };
	bool has_ip = access("/usr/sbin/ip", X_OK) == 0 || access("/sbin/ip", X_OK) == 0 ||
		      access("/usr/bin/ip", X_OK) == 0 || access("/bin/ip", X_OK) == 0;
	bool has = doctor_has_cap(CAP_SYS_ADMIN) && has_ip && in_own_network(try_bridge);

	if (!doctor_has_cap(CAP_SYS_ADMIN) || !has_ip)
		doctor_add(l, &bridge, CHECK_GOOD, "not tried: that needs root and iproute2's ip");
	else
		doctor_add(l, &bridge, has ? CHECK_GOOD : CHECK_BAD, has ? "here" : "missing");
	has = try_nftables();
	doctor_add(l, &nft, has ? CHECK_GOOD : CHECK_BAD, has ? "here" : "missing");
}

/* ---- control groups ---- */

static bool v1_has(const char *controller)
{
	auto_free char *path = xasprintf("/sys/fs/cgroup/%s", controller);

	return access(path, F_OK) == 0;
}

/* Version 2's filter for devices is a program for the kernel's BPF machine. */
static bool has_device_filter(void)
{
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE };

	return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr) >= 0 ||
	       (errno != ENOSYS && errno != EPERM);
}

static void check_controllers(struct check_list *l, enum cgroup_layout layout)
{
	static const struct {
		const char *v1, *v2, *means;
	} wanted[] = {
		{ "memory", "memory", "-m has no effect: it is refused" },
		{ "cpu", "cpu", "--cpus and --cpu-shares are refused" },
		{ "cpuset", "cpuset", "--cpuset-cpus is refused" },
		{ "pids", "pids", "--pids-limit is refused; a fork bomb reaches the whole host" },
		{ "blkio", "io", "--blkio-weight is refused" },
		{ "devices", NULL, "the list of allowed devices cannot be enforced" },
		{ "freezer", NULL, "pause stops every process by a signal" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		const char *name = layout == CGROUP_V2 ? wanted[i].v2 : wanted[i].v1;
		bool has = name &&
			   (layout == CGROUP_V2 ? doctor_file_says(
							  "/sys/fs/cgroup/cgroup.controllers", name)
						: v1_has(name));
		auto_free char *text = xasprintf("%s controller", name ? name : "");
		struct check c = {
			.group = "control groups", .name = text, .means = wanted[i].means
		};
		if (name)
			doctor_add(l, &c, has ? CHECK_GOOD : CHECK_NOTE, has ? "here" : "missing");
	}
}

static void check_cgroups(struct check_list *l)
{
	static const char *const layouts[] = {
		[CGROUP_NONE] = "none",
		[CGROUP_V1] = "version 1",
		[CGROUP_V2] = "version 2",
	};
	enum cgroup_layout layout = cgroup_layout();
	struct check c = { .group = "control groups",
		.name = (char *)"version",
		.means = "nothing can be limited, and limits are refused",
		.mend = "mount -t cgroup2 none /sys/fs/cgroup" };
	struct check bpf = { .group = "control groups",
		.name = (char *)"device filter (BPF)",
		.means = "no container is started: the list of its devices could not be enforced" };

	doctor_add(l, &c, layout == CGROUP_NONE ? CHECK_NOTE : CHECK_GOOD, layouts[layout]);
	if (layout == CGROUP_NONE)
		return;
	check_controllers(l, layout);
	if (layout == CGROUP_V2)
		doctor_add(l, &bpf, has_device_filter() ? CHECK_GOOD : CHECK_BAD,
			has_device_filter() ? "here" : "missing");
}

void doctor_kernel(struct check_list *l)
{
	check_release(l);
	check_calls(l);
	check_namespaces(l);
	check_seccomp(l);
	check_file_systems(l);
	check_cgroups(l);
	check_links(l);
}
