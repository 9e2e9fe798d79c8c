/*
 * floor: what the kernel alone charges for one complete container on this machine, so that an
 * engine's own cost can be stated as a ratio that means the same everywhere.
 *
 *     floor ROOTFS COUNT [none]
 *
 * Makes COUNT containers, one after the other, each with what `run --rm IMAGE true` cannot do
 * without: an overlay root, six namespaces, the default mounts and devices, masked and read-only
 * paths, pivot_root(2), cgroups, a veth pair in a bridge with address and route (not with `none`),
 * no capabilities, a seccomp filter, execve(2), and the removal of all of it.  The first number on
 * stdout is milliseconds a container, setting up the bridge and starting floor not included.
 * ROOTFS has /bin/true, /proc, /sys and /dev.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SUBNET  0x0a4d0000u /* 10.77.0.0/16; the bridge has .0.1 */
#define PREFIX  16
#define MESSAGE 1024
#define TEXT    256

struct floor {
	const char *rootfs;
	bool bridged;
	char dir[32];
	struct mnl_socket *netlink;
	char bridge[IFNAMSIZ];
	unsigned int bridge_index;
	const char *groups[3]; /* where a cgroup is made for each container */
	size_t n_groups;
};

enum part { OVERLAY, CLONE, CGROUPS, VETH, INSIDE, REMOVAL, PARTS };

static _Noreturn void stop(const char *what)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	_exit(1);
}

static void must(int result, const char *what)
{
	if (result < 0)
		stop(what);
}

__attribute__((format(printf, 2, 3))) static char *text(char *to, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (vsnprintf(to, TEXT, format, args) >= TEXT) {
		errno = ENAMETOOLONG;
		stop("path");
	}
	va_end(args);
	return to;
}

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- netlink: one request, one acknowledgement ---- */

static struct mnl_socket *netlink_open(void)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);

	if (!s || mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0)
		stop("netlink");
	return s;
}

static struct nlmsghdr *request(char *buffer, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	return message;
}

static void send_request(struct mnl_socket *s, const struct nlmsghdr *message, const char *what)
{
	char answer[8192];
	ssize_t n;

	must((int)mnl_socket_sendto(s, message, message->nlmsg_len), what);
	n = mnl_socket_recvfrom(s, answer, sizeof answer);
	must((int)n, what);
	must(mnl_cb_run(answer, (size_t)n, 0, mnl_socket_get_portid(s), NULL, NULL), what);
}

static struct ifinfomsg *link_header(struct nlmsghdr *message, unsigned int index, bool up)
{
	struct ifinfomsg *link = mnl_nlmsg_put_extra_header(message, sizeof *link);

	link->ifi_index = (int)index;
	if (up)
		link->ifi_flags = link->ifi_change = IFF_UP;
	return link;
}

static void set_up(struct mnl_socket *s, const char *name)
{
	char buffer[MESSAGE];
	struct nlmsghdr *message = request(buffer, RTM_NEWLINK, 0);

	link_header(message, if_nametoindex(name), true);
	send_request(s, message, name);
}

static void set_address(struct mnl_socket *s, const char *name, uint32_t host)
{
	char buffer[MESSAGE];
	struct nlmsghdr *message = request(buffer, RTM_NEWADDR, NLM_F_CREATE);
	struct ifaddrmsg *address = mnl_nlmsg_put_extra_header(message, sizeof *address);

	address->ifa_family = AF_INET;
	address->ifa_prefixlen = PREFIX;
	address->ifa_index = if_nametoindex(name);
	mnl_attr_put_u32(message, IFA_LOCAL, htobe32(SUBNET + host));
	send_request(s, message, "address");
}

static void set_default_route(struct mnl_socket *s)
{
	char buffer[MESSAGE];
	struct nlmsghdr *message = request(buffer, RTM_NEWROUTE, NLM_F_CREATE);
	struct rtmsg *route = mnl_nlmsg_put_extra_header(message, sizeof *route);

	*route = (struct rtmsg){ .rtm_family = AF_INET,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_type = RTN_UNICAST };
	mnl_attr_put_u32(message, RTA_GATEWAY, htobe32(SUBNET + 1));
	send_request(s, message, "default route");
}

static void bridge_make(struct floor *f)
{
	char buffer[MESSAGE];
	struct nlmsghdr *message = request(buffer, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	struct nlattr *kind;

	snprintf(f->bridge, sizeof f->bridge, "fl%d", getpid());
	link_header(message, 0, false);
	mnl_attr_put_strz(message, IFLA_IFNAME, f->bridge);
	kind = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_strz(message, IFLA_INFO_KIND, "bridge");
	mnl_attr_nest_end(message, kind);
	send_request(f->netlink, message, "bridge");
	f->bridge_index = if_nametoindex(f->bridge);
	set_address(f->netlink, f->bridge, 1);
	set_up(f->netlink, f->bridge);
}

static void bridge_remove(struct floor *f)
{
	char buffer[MESSAGE];
	struct nlmsghdr *message = request(buffer, RTM_DELLINK, 0);

	link_header(message, f->bridge_index, false);
	send_request(f->netlink, message, "removal of the bridge");
}

/* One message makes both ends, the outer one in the bridge, the inner one in its namespace. */
static void veth_make(struct floor *f, int n, pid_t inside)
{
	char buffer[MESSAGE], name[IFNAMSIZ];
	struct nlmsghdr *message = request(buffer, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	struct nlattr *info, *data, *peer;

	snprintf(name, sizeof name, "fl%d.%d", getpid(), n);
	link_header(message, 0, true);
	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	mnl_attr_put_u32(message, IFLA_MASTER, f->bridge_index);
	info = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_strz(message, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(message, VETH_INFO_PEER);
	link_header(message, 0, false);
	mnl_attr_put_strz(message, IFLA_IFNAME, "eth0");
	mnl_attr_put_u32(message, IFLA_NET_NS_PID, (uint32_t)inside);
	mnl_attr_nest_end(message, peer);
	mnl_attr_nest_end(message, data);
	mnl_attr_nest_end(message, info);
	send_request(f->netlink, message, "veth");
}

/* ---- the container's own side ---- */

static const struct file_system {
	const char *type, *target, *options;
	unsigned long flags;
} file_systems[] = {
	{ "proc", "proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC },
	{ "sysfs", "sys", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY },
	{ "tmpfs", "dev", "mode=0755,size=65536k", MS_NOSUID },
	{ "devpts", "dev/pts", "newinstance,ptmxmode=0666,mode=0620", MS_NOSUID | MS_NOEXEC },
	{ "tmpfs", "dev/shm", "mode=1777,size=65536k", MS_NOSUID | MS_NODEV | MS_NOEXEC },
	{ "mqueue", "dev/mqueue", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC },
};

static void mount_all(const char *root)
{
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private mounts");
	must(mount(root, root, NULL, MS_BIND, NULL), root);
	must(chdir(root), root);
	for (size_t i = 0; i < sizeof file_systems / sizeof *file_systems; i++) {
		const struct file_system *m = &file_systems[i];

		if (strchr(m->target, '/'))
			must(mkdir(m->target, 0755), m->target);
		must(mount(m->type, m->target, m->type, m->flags, m->options), m->target);
	}
}

static void make_devices(void)
{
	static const char *const names[] = { [3] = "dev/null",
		[5] = "dev/zero",
		[7] = "dev/full",
		[8] = "dev/random",
		[9] = "dev/urandom" };

	for (unsigned int i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i])
			must(mknod(names[i], S_IFCHR | 0666, makedev(1, i)), names[i]);
}

/* Not each kernel has all of these paths. */
static void hide_paths(void)
{
	static const char *const masked[] = { "proc/kcore", "proc/keys", "proc/timer_list",
		"proc/latency_stats" };
	static const char *const fixed[] = { "proc/bus", "proc/fs", "proc/irq", "proc/sys",
		"proc/sysrq-trigger" };

	for (size_t i = 0; i < sizeof masked / sizeof *masked; i++)
		mount("dev/null", masked[i], NULL, MS_BIND, NULL);
	for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
		if (mount(fixed[i], fixed[i], NULL, MS_BIND, NULL) == 0)
			must(mount(NULL, fixed[i], NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL),
				fixed[i]);
}

static void drop_privileges(void)
{
	struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { .len = 1, .filter = &all };

	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
	must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), "seccomp");
}

static _Noreturn void inside(const struct floor *f, int n, const char *root, int ready)
{
	char *const argv[] = { "true", NULL }, *const envp[] = { "PATH=/bin", NULL };
	struct mnl_socket *s;
	char byte;

	mount_all(root);
	make_devices();
	hide_paths();
	must((int)syscall(SYS_pivot_root, ".", "."), "pivot_root");
	must(umount2(".", MNT_DETACH), "old root");
	must(chdir("/"), "/");
	if (read(ready, &byte, 1) != 1)
		_exit(1);
	s = netlink_open();
	set_up(s, "lo");
	if (f->bridged) {
		set_address(s, "eth0", 2 + (uint32_t)n);
		set_up(s, "eth0");
		set_default_route(s);
	}
	mnl_socket_close(s);
	drop_privileges();
	execve("/bin/true", argv, envp);
	stop("/bin/true");
}

/* ---- one container, from outside ---- */

static void find_groups(struct floor *f)
{
	static const char *const v1[] = { "/sys/fs/cgroup/memory", "/sys/fs/cgroup/pids",
		"/sys/fs/cgroup/cpu" };

	if (access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0) {
		f->groups[f->n_groups++] = "/sys/fs/cgroup";
		return;
	}
	for (size_t i = 0; i < 3; i++)
		if (access(v1[i], F_OK) == 0)
			f->groups[f->n_groups++] = v1[i];
}

static void enter_groups(const struct floor *f, int n, pid_t pid)
{
	char path[TEXT];

	for (size_t i = 0; i < f->n_groups; i++) {
		must(mkdir(text(path, "%s/fl%d.%d", f->groups[i], getpid(), n), 0755), path);
		text(path, "%s/fl%d.%d/cgroup.procs", f->groups[i], getpid(), n);
		int fd = open(path, O_WRONLY | O_CLOEXEC);

		must(fd, path);
		must(dprintf(fd, "%d", pid), path);
		close(fd);
	}
}

static void mount_overlay(const struct floor *f, char *merged, int n)
{
	static const char *const parts[] = { "", "/upper", "/work", "/root" };
	char options[4 * TEXT], path[TEXT];

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		must(mkdir(text(path, "%s/%d%s", f->dir, n, parts[i]), 0755), path);
	text(merged, "%s/%d/root", f->dir, n);
	snprintf(options, sizeof options, "lowerdir=%s,upperdir=%s/%d/upper,workdir=%s/%d/work",
		f->rootfs, f->dir, n, f->dir, n);
	must(mount("overlay", merged, "overlay", 0, options), "overlay");
}

static void remove_all(const struct floor *f, const char *merged, int n)
{
	static const char *const parts[] = { "/root", "/upper", "/work/work", "/work", "" };
	char path[TEXT];

	must(umount2(merged, MNT_DETACH), merged);
	for (size_t i = 0; i < f->n_groups; i++)
		must(rmdir(text(path, "%s/fl%d.%d", f->groups[i], getpid(), n)), path);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		must(rmdir(text(path, "%s/%d%s", f->dir, n, parts[i])), path);
}

static void one(struct floor *f, int n, uint64_t spent[PARTS])
{
	struct clone_args how = { .exit_signal = SIGCHLD,
		.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
			 CLONE_NEWCGROUP };
	uint64_t at[PARTS + 1] = { clock_ns() };
	char merged[TEXT];
	int ready[2], status;
	pid_t pid;

	mount_overlay(f, merged, n);
	at[CLONE] = clock_ns();
	must(pipe2(ready, O_CLOEXEC), "pipe");
	pid = (pid_t)syscall(SYS_clone3, &how, sizeof how);
	must(pid, "clone3");
	if (pid == 0) {
		close(ready[1]);
		inside(f, n, merged, ready[0]);
	}
	close(ready[0]);
	at[CGROUPS] = clock_ns();
	enter_groups(f, n, pid);
	at[VETH] = clock_ns();
	if (f->bridged)
		veth_make(f, n, pid);
	at[INSIDE] = clock_ns();
	if (write(ready[1], "", 1) != 1 || waitpid(pid, &status, 0) < 0)
		stop("container");
	close(ready[1]);
	if (status) {
		fprintf(stderr, "floor: the container's wait status is %d\n", status);
		_exit(1);
	}
	at[REMOVAL] = clock_ns();
	remove_all(f, merged, n);
	at[PARTS] = clock_ns();
	for (int i = 0; i < PARTS; i++)
		spent[i] += at[i + 1] - at[i];
}

int main(int argc, char **argv)
{
	static const char *const names[PARTS] = { "overlay", "clone3", "cgroups", "veth", "inside",
		"removal" };
	struct floor f = { .dir = "/var/tmp/floor-XXXXXX" };
	uint64_t spent[PARTS] = { 0 }, begin;
	long count = argc > 2 ? strtol(argv[2], NULL, 10) : 0;

	if (argc < 3 || argc > 4 || count < 1 || count > 60000) {
		fprintf(stderr, "usage: floor ROOTFS COUNT [none]\n");
		return 2;
	}
	f.rootfs = argv[1];
	f.bridged = argc == 3;
	if (!mkdtemp(f.dir))
		stop(f.dir);
	find_groups(&f);
	f.netlink = netlink_open();
	if (f.bridged)
		bridge_make(&f);
	begin = clock_ns();
	for (int n = 0; n < (int)count; n++)
		one(&f, n, spent);
	printf("%.3f ms a container\n", (double)(clock_ns() - begin) / 1e6 / (double)count);
	for (int i = 0; i < PARTS; i++)
		printf("  %-8s %.3f ms\n", names[i], (double)spent[i] / 1e6 / (double)count);
	if (f.bridged)
		bridge_remove(&f);
	mnl_socket_close(f.netlink);
	return rmdir(f.dir) < 0;
}
