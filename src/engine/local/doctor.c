/*
 * redock doctor: what redock uses of this host, whether it is here, what is lost without it, and
 * the one command that mends it.  Nothing is changed: a feature of the kernel is tried in a way
 * that leaves no trace, or in namespaces of a child process that end with it.
 */
#include "base/mem.h"
#include "base/proc.h"
#include "engine/local/doctor.h"
#include "engine/local/local.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

void doctor_add(
	struct check_list *l, const struct check *c, enum check_result result, const char *found)
{
	l->v = xrealloc_array(l->v, l->n + 1, sizeof *l->v);
	l->v[l->n++] = (struct check){ .result = result,
		.group = c->group,
		.name = xstrdup(c->name),
		.found = xstrdup(found),
		.means = result == CHECK_GOOD ? NULL : c->means,
		.mend = result == CHECK_GOOD ? NULL : c->mend };
}

/* ---- permissions ---- */

bool doctor_has_cap(unsigned cap)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { 0 };

	return syscall(SYS_capget, &header, data) == 0 &&
	       data[cap / 32].effective & (UINT32_C(1) << (cap % 32));
}

static void check_permissions(struct check_list *l)
{
	static const struct {
		unsigned cap;
		enum check_result without;
		struct check check;
	} caps[] = {
		{ CAP_SYS_ADMIN, CHECK_BAD,
			{ .name = (char *)"CAP_SYS_ADMIN",
				.means = "no container can be made",
				.mend = "sudo redock doctor" } },
		{ CAP_NET_ADMIN, CHECK_BAD,
			{ .name = (char *)"CAP_NET_ADMIN",
				.means = "no container can have a network",
				.mend = "sudo redock doctor" } },
		{ CAP_MKNOD, CHECK_BAD,
			{ .name = (char *)"CAP_MKNOD",
				.means = "no container can have /dev/null and its kin",
				.mend = "sudo redock doctor" } },
		{ CAP_SYS_RESOURCE, CHECK_NOTE,
			{ .name = (char *)"CAP_SYS_RESOURCE",
				.means = "--ulimit cannot go beyond this process's hard limits" } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(caps); i++) {
		struct check c = caps[i].check;
		bool has = doctor_has_cap(caps[i].cap);
		c.group = "permissions";
		doctor_add(l, &c, has ? CHECK_GOOD : caps[i].without, has ? "here" : "missing");
	}
}

/* ---- confinement beside it ---- */

static void check_modules(struct check_list *l)
{
	struct check apparmor = { .group = "security", .name = (char *)"AppArmor" };
	struct check selinux = { .group = "security", .name = (char *)"SELinux" };
	bool has = doctor_file_says("/sys/module/apparmor/parameters/enabled", "Y");

	doctor_add(l, &apparmor, CHECK_GOOD, has ? "on" : "not on this host");
	has = access("/sys/fs/selinux/enforce", F_OK) == 0;
	doctor_add(l, &selinux, CHECK_GOOD, has ? "on" : "not on this host");
}

/* ---- programs ---- */

static bool in_path(const char *name)
{
	static const char *const dirs[] = { "/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
		"/usr/bin", "/sbin", "/bin" };

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		auto_free char *path = xasprintf("%s/%s", dirs[i], name);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

static void check_programs(struct check_list *l)
{
	static const struct check others[] = {
		{ .name = (char *)"ssh",
			.means = "redock ssh and start cannot log in",
			.mend = "apt-get install openssh-client" },
		{ .name = (char *)"ssh-keygen",
			.means = "no machine can be made",
			.mend = "apt-get install openssh-client" },
		{ .name = (char *)"mmdebstrap",
			.means = "the base image for machines cannot be made",
			.mend = "apt-get install mmdebstrap" },
		{ .name = (char *)"dnsmasq",
			.means = "names do not resolve on networks of your own",
			.mend = "apt-get install dnsmasq-base" },
		{ .name = (char *)"git",
			.means = "builds cannot take a git repository",
			.mend = "apt-get install git" },
		{ .name = (char *)"ps",
			.means = "redock top does not work",
			.mend = "apt-get install procps" },
	};
	static const char *const helpers[] = { "redock-monitor", "redock-store", "redock-net",
		"redock-release", "redock-seccomp" };

	for (size_t i = 0; i < ARRAY_SIZE(helpers); i++) {
		auto_free char *path = proc_helper_path(helpers[i]);
		bool has = access(path, X_OK) == 0;
		struct check c = { .group = "programs",
			.name = (char *)helpers[i],
			.means = "this installation of redock is not whole",
			.mend = "make install" };
		doctor_add(l, &c, has ? CHECK_GOOD : CHECK_BAD, has ? path : "missing");
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		struct check c = others[i];
		bool has = in_path(c.name);
		c.group = "programs";
		doctor_add(l, &c, has ? CHECK_GOOD : CHECK_NOTE, has ? "here" : "missing");
	}
}

/* ---- where it keeps its things ---- */

static void check_storage(struct local *l, struct check_list *list)
{
	struct check space = { .group = "storage",
		.name = l->root,
		.means = "images and containers may not fit",
		.mend = "redock prune" };
	struct check overlay = { .group = "storage",
		.name = (char *)"overlay on it",
		.means = "no container can be made: overlayfs cannot have its upper layer here",
		.mend = "redock --root DIRECTORY, on a disk of its own" };
	struct statvfs s;
	auto_free char *found = NULL;
	bool low, stacked;

	if (fstatvfs(l->dirs.root, &s) < 0)
		return;
	low = (uint64_t)s.f_bavail * s.f_frsize < UINT64_C(1) << 30;
	found = xasprintf("%llu MB free", (unsigned long long)(s.f_bavail * s.f_frsize >> 20));
	doctor_add(list, &space, low ? CHECK_NOTE : CHECK_GOOD, found);
	/* overlay(5): an upper directory needs xattrs of its own in "trusted." */
	stacked = fsetxattr(l->dirs.root, "trusted.redock.check", "1", 1, 0) < 0;
	if (!stacked)
		fremovexattr(l->dirs.root, "trusted.redock.check");
	doctor_add(list, &overlay,
		stacked && doctor_has_cap(CAP_SYS_ADMIN) ? CHECK_BAD : CHECK_GOOD,
		stacked ? "refused" : "works");
}

/* ---- what the outside can reach ---- */

static void check_ports(struct engine *en, struct check_list *l)
{
	auto_container_list all = { 0 };
	struct err ignored = { 0 };

	if (engine_list(en, false, &all, &ignored) < 0)
		return;
	for (size_t i = 0; i < all.n; i++)
		for (size_t k = 0; k < all.v[i].n_ports; k++) {
			const struct port_binding *p = &all.v[i].ports[k];
			auto_free char *name = xasprintf("port %u/%s", p->host_port, p->protocol);
			auto_free char *found = xasprintf("container '%s'", all.v[i].config.name);
			struct check c = { .group = "published",
				.name = name,
				.means = "every host that can reach this one can connect to it",
				.mend = "redock run -p 127.0.0.1:PORT:PORT" };
			if (p->host_port && str_eq(p->host_address, "0.0.0.0"))
				doctor_add(l, &c, CHECK_NOTE, found);
		}
}

int local_doctor(struct engine *en, struct check_list *ret, struct err *e)
{
	memset(ret, 0, sizeof *ret);
	check_permissions(ret);
	doctor_kernel(ret);
	check_modules(ret);
	check_programs(ret);
	if (en) {
		check_storage(local_of(en), ret);
		check_ports(en, ret);
	}
	return 0;
}
