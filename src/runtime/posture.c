#include "runtime/posture.h"
#include "base/mem.h"

#include <linux/capability.h>

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
