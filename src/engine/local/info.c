/* What `redock info` tells of the engine and its host. */
#include "base/mem.h"
#include "engine/local/local.h"
#include "runtime/cgroup.h"

#include <fcntl.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

/* PRETTY_NAME of os-release(5), without its quotes. */
static char *operating_system(void)
{
	static const char key[] = "PRETTY_NAME=";
	auto_free char *text = NULL;
	struct err ignored;
	char *save = NULL;

	if (fs_read_file(AT_FDCWD, "/etc/os-release", 64 << 10, &text, NULL, &ignored) == 0)
		for (char *line = strtok_r(text, "\n", &save); line;
			line = strtok_r(NULL, "\n", &save)) {
			char *value = line + strlen(key);
			if (!str_starts(line, key))
				continue;
			if (*value == '"' && str_ends(value + 1, "\""))
				return xstrndup(value + 1, strlen(value) - 2);
			return xstrdup(value);
		}
	return xstrdup("Linux");
}

static void set_host(struct engine_info *ret)
{
	struct utsname u;
	struct sysinfo memory;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	uname(&u);
	ret->kernel = xstrdup(u.release);
	ret->architecture = xstrdup(u.machine);
	ret->host_name = xstrdup(u.nodename);
	ret->operating_system = operating_system();
	ret->cpus = cpus > 0 ? (unsigned)cpus : 0;
	if (sysinfo(&memory) == 0)
		ret->memory = (uint64_t)memory.totalram * memory.mem_unit;
}

static void set_security(struct engine_info *ret)
{
	struct cgroup_support support = { 0 };

	strv_push(&ret->security, "seccomp");
	if (access("/sys/module/apparmor", F_OK) == 0)
		strv_push(&ret->security, "apparmor");
	if (access("/sys/fs/selinux/enforce", F_OK) == 0)
		strv_push(&ret->security, "selinux");
	if (cgroup_layout() == CGROUP_NONE) {
		strv_push(&ret->warnings, "no control groups: nothing can be limited");
		return;
	}
	cgroup_support(&support);
	const struct {
		bool has;
		const char *warning;
	} limits[] = {
		{ support.memory, "no limit of memory" },
		{ support.swap, "no limit of swap" },
		{ support.pids, "no limit of processes" },
		{ support.cpu_quota, "no limit of CPU time" },
		{ support.cpu_shares, "no shares of CPU time" },
		{ support.cpuset, "no choice of CPUs" },
		{ support.blkio_weight, "no weight of block I/O" },
		{ support.devices, "no list of devices" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		if (!limits[i].has)
			strv_push(&ret->warnings, limits[i].warning);
}

static int count(struct engine *en, struct engine_info *ret, struct err *e)
{
	auto_container_list list = { 0 };
	struct image_ref *refs = NULL;
	size_t n = 0;

	if (en->ops->list(en, true, &list, e) < 0 ||
		store_image_refs(local_of(en)->store, &refs, &n, e) < 0)
		return -e->code;
	free(refs);
	ret->images = n;
	ret->containers = list.n;
	for (size_t i = 0; i < list.n; i++) {
		enum container_state state = list.v[i].state;
		ret->running += state == CONTAINER_RUNNING || state == CONTAINER_RESTARTING;
		ret->paused += state == CONTAINER_PAUSED;
		ret->stopped += state == CONTAINER_EXITED || state == CONTAINER_CREATED;
	}
	return 0;
}

int local_info(struct engine *en, struct engine_info *ret, struct err *e)
{
	static const char *const layouts[] = { "none", "1", "2" };
	const struct local *l = local_of(en);
	struct engine_info info = { 0 };

	if (count(en, &info, e) < 0)
		return -e->code;
	info.version = xstrdup(REDOCK_VERSION);
	info.root = xstrdup(l->root);
	info.run_root = xstrdup(l->run_root);
	info.cgroup = xstrdup(layouts[cgroup_layout()]);
	info.cgroup_manager = xstrdup(cgroup_layout() == CGROUP_NONE ? "none"
				      : l->scope                     ? "systemd"
								     : "cgroupfs");
	set_host(&info);
	set_security(&info);
	*ret = info;
	return 0;
}
