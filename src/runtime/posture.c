#include "runtime/posture.h"
#include "base/mem.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <sched.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define CAP(name) (UINT64_C(1) << CAP_##name)

const uint64_t posture_caps = CAP(CHOWN) | CAP(DAC_OVERRIDE) | CAP(FOWNER) | CAP(FSETID) |
			      CAP(KILL) | CAP(NET_BIND_SERVICE) | CAP(SETFCAP) | CAP(SETGID) |
			      CAP(SETPCAP) | CAP(SETUID) | CAP(SYS_CHROOT);

const char *const posture_masked[] = {
	"/proc/acpi",
	"/proc/asound",
	"/proc/interrupts",
	"/proc/kallsyms",
	"/proc/kcore",
	"/proc/key-users",
	"/proc/keys",
	"/proc/latency_stats",
	"/proc/sched_debug",
	"/proc/scsi",
	"/proc/timer_list",
	"/proc/timer_stats",
	"/sys/devices/virtual/powercap",
	"/sys/firmware",
	"/sys/fs/selinux",
	NULL,
};

const char *const posture_read_only[] = {
	"/proc/apm",
	"/proc/bus",
	"/proc/fs",
	"/proc/irq",
	"/proc/sys",
	"/proc/sysrq-trigger",
	NULL,
};

const struct posture_device posture_devices[] = {
	{ "null", 1, 3 },
	{ "zero", 1, 5 },
	{ "full", 1, 7 },
	{ "random", 1, 8 },
	{ "urandom", 1, 9 },
	{ "tty", 5, 0 },
	{ NULL, 0, 0 },
};

/* mknod itself is stopped by the missing capability; 136 is the pseudo-terminals. */
const char *const posture_device_rules[] = {
	"c 1:3 rwm",
	"c 1:5 rwm",
	"c 1:7 rwm",
	"c 1:8 rwm",
	"c 1:9 rwm",
	"c 5:0 rwm",
	"c 5:1 rwm",
	"c 5:2 rwm",
	"c 136:* rwm",
	NULL,
};

const char *const posture_dev_links[] = {
	"fd",
	"/proc/self/fd",
	"stdin",
	"/proc/self/fd/0",
	"stdout",
	"/proc/self/fd/1",
	"stderr",
	"/proc/self/fd/2",
	"ptmx",
	"pts/ptmx",
	NULL,
};

/* ping needs no capability and an unprivileged user may listen on any port of its own network. */
const char *const posture_net_sysctls[] = {
	"net/ipv4/ping_group_range",
	"0 2147483647",
	"net/ipv4/ip_unprivileged_port_start",
	"0",
	NULL,
};

static const char *const cap_names[] = { "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER",
	"FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE",
	"NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO",
	"SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
	"SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE",
	"AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM",
	"BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE" };

const char *posture_cap_name(unsigned n)
{
	return n < ARRAY_SIZE(cap_names) ? cap_names[n] : NULL;
}

int posture_cap_number(const char *name)
{
	if (strncasecmp(name, "CAP_", 4) == 0)
		name += 4;
	for (unsigned n = 0; n < ARRAY_SIZE(cap_names); n++)
		if (strcasecmp(cap_names[n], name) == 0)
			return (int)n;
	return -1;
}

uint64_t posture_caps_all(void)
{
	uint64_t all = 0;

	for (unsigned n = 0; n < 64; n++) {
		int r = prctl(PR_CAPBSET_READ, n, 0, 0, 0);
		if (r < 0)
			break;
		if (r > 0)
			all |= UINT64_C(1) << n;
	}
	return all;
}

#define QUIET (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

static void fill_mounts(struct spec *s)
{
	const struct {
		const char *type, *target, *options;
		uint64_t attrs;
	} mounts[] = {
		{ "proc", "/proc", NULL, QUIET },
		{ "tmpfs", "/dev", "mode=755,size=65536k", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC },
		{ "devpts", "/dev/pts", "newinstance,ptmxmode=0666,mode=0620,gid=5",
			MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC },
		{ "tmpfs", "/dev/shm", "mode=1777", QUIET },
		{ "mqueue", "/dev/mqueue", NULL, QUIET },
		{ "sysfs", "/sys", NULL, QUIET | MOUNT_ATTR_RDONLY },
		{ "cgroup", "/sys/fs/cgroup", NULL, QUIET | MOUNT_ATTR_RDONLY },
	};

	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		struct spec_mount *m = spec_add_mount(s);
		m->type = SPEC_FILE_SYSTEM;
		m->fs_type = xstrdup(mounts[i].type);
		m->target = xstrdup(mounts[i].target);
		m->options = mounts[i].options ? xstrdup(mounts[i].options) : NULL;
		m->attrs = mounts[i].attrs;
		if (str_eq(m->target, "/dev/shm"))
			m->size = s->shm_size ? s->shm_size : POSTURE_SHM_SIZE;
	}
}

static void fill_devices(struct spec *s)
{
	for (const struct posture_device *d = posture_devices; d->name; d++)
		*spec_add_device(s) = (struct spec_device){ .path = xasprintf("/dev/%s", d->name),
			.type = 'c',
			.major = d->major,
			.minor = d->minor,
			.mode = 0666 };
}

/* /sys/devices/system/cpu/cpuN/thermal_throttle counts for the whole host (T39). */
static void fill_thermal(struct spec *s)
{
	for (unsigned cpu = 0; cpu < 4096; cpu++) {
		auto_free char *path =
			xasprintf("/sys/devices/system/cpu/cpu%u/thermal_throttle", cpu);
		if (access(path, F_OK) < 0)
			return; /* all CPUs have it or none has */
		strv_push_take(&s->masked, take_ptr(&path));
	}
}

void posture_fill(struct spec *s)
{
	static const int64_t namespaces[] = { CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWIPC, CLONE_NEWUTS,
		CLONE_NEWCGROUP };
	struct rlimit files;

	s->caps = (struct spec_caps){ posture_caps, posture_caps, posture_caps, 0, 0 };
	s->umask = -1;
	s->resources.memory_swappiness = -1;
	s->resources.pids = POSTURE_PIDS_LIMIT;
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++)
		spec_add_namespace(s, namespaces[i], NULL);
	fill_mounts(s);
	fill_devices(s);
	cgroup_default_devices(&s->resources);
	strv_extend(&s->masked, (char *const *)posture_masked);
	fill_thermal(s);
	strv_extend(&s->read_only_paths, (char *const *)posture_read_only);
	/* with "-": a container with the host's network has none of its own */
	for (const char *const *k = posture_net_sysctls; *k; k += 2)
		strv_pushf(&s->sysctls, "-%s=%s", k[0], k[1]);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		int64_t n = files.rlim_max > POSTURE_FILES_LIMIT ? POSTURE_FILES_LIMIT
								 : (int64_t)files.rlim_max;
		*spec_add_rlimit(s) = (struct spec_rlimit){ RLIMIT_NOFILE, n, n };
	}
}

/* All nodes below `dir`, but for what is a container's own: terminals, and what is mounted there.
 */
static void add_host_devices(struct spec *s, int dir, const char *path, dev_t dev, unsigned depth)
{
	static const char *const own[] = { "pts", "shm", "fd", "mqueue", "console", "ptmx" };
	auto_dir DIR *d = fdopendir(fcntl(dir, F_DUPFD_CLOEXEC, 3));
	struct dirent *ent;

	while (d && (ent = readdir(d))) {
		auto_free char *inner = xasprintf("%s/%s", path, ent->d_name);
		auto_close int sub = -1;
		struct stat st;
		bool skip = str_eq(ent->d_name, ".") || str_eq(ent->d_name, "..");
		for (size_t i = 0; depth == 0 && i < ARRAY_SIZE(own); i++)
			skip = skip || str_eq(ent->d_name, own[i]);
		for (size_t i = 0; !skip && i < s->n_devices; i++)
			skip = str_eq(s->devices[i].path, inner);
		if (skip || fstatat(dir, ent->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
			*spec_add_device(s) = (struct spec_device){ take_ptr(&inner),
				S_ISBLK(st.st_mode) ? 'b' : 'c', major(st.st_rdev),
				minor(st.st_rdev), st.st_mode & 07777, st.st_uid, st.st_gid };
		if (!S_ISDIR(st.st_mode) || st.st_dev != dev || depth > 8)
			continue;
		sub = openat(dir, ent->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub >= 0)
			add_host_devices(s, sub, inner, dev, depth + 1);
	}
}

void posture_privilege(struct spec *s)
{
	auto_close int dev = open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t all = posture_caps_all();
	struct stat st;

	s->caps = (struct spec_caps){ all, all, all, 0, 0 };
	free(s->seccomp);
	s->seccomp = xstrdup("");
	strv_release(&s->masked);
	strv_release(&s->read_only_paths);
	for (size_t i = 0; i < s->n_mounts; i++)
		if (s->mounts[i].type == SPEC_FILE_SYSTEM)
			s->mounts[i].attrs &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	s->resources.deny_devices = false;
	s->resources.n_devices = 0;
	*spec_add_device_rule(s) = (struct cgroup_device){ true, 'a', -1, -1, "rwm" };
	if (dev >= 0 && fstat(dev, &st) == 0)
		add_host_devices(s, dev, "/dev", st.st_dev, 0);
}
