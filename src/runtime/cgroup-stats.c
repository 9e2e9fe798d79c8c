/* What a group has used, and what the kernel has killed in it. */
#include "base/mem.h"
#include "runtime/cgroup-tree.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>

#define TEXT_MAX (64 << 10)

/* The number behind `key` in a file; 0 if there is none. */
static uint64_t from(const char *hierarchy, const char *path, const char *file, const char *key)
{
	auto_free char *text = NULL;
	uint64_t value = 0;

	if (cg_get(hierarchy, path, file, TEXT_MAX, &text) == 0)
		cg_keyed(text, key, &value);
	return value;
}

static uint64_t whole(const char *hierarchy, const char *path, const char *file)
{
	uint64_t value = 0;

	cg_get_u64(hierarchy, path, file, &value);
	return value;
}

static void v1_stats(const char *path, struct cgroup_stats *s)
{
	auto_free char *text = NULL, *io = NULL;

	s->cpu_ns = whole("cpuacct", path, "cpuacct.usage");
	s->cpu_user_ns = whole("cpuacct", path, "cpuacct.usage_user");
	s->cpu_system_ns = whole("cpuacct", path, "cpuacct.usage_sys");
	s->throttled_periods = from("cpu", path, "cpu.stat", "nr_throttled");
	s->throttled_ns = from("cpu", path, "cpu.stat", "throttled_time");
	s->memory = whole("memory", path, "memory.usage_in_bytes");
	s->memory_max = whole("memory", path, "memory.max_usage_in_bytes");
	if (cg_get("memory", path, "memory.stat", TEXT_MAX, &text) == 0) {
		cg_keyed(text, "total_inactive_file", &s->memory_cache);
		cg_keyed(text, "total_swap", &s->swap);
		/* the least of its own and those of the groups above; none is a number of pages
		 * that fills an int64_t */
		cg_keyed(text, "hierarchical_memory_limit", &s->memory_limit);
		if (s->memory_limit > INT64_MAX - (1 << 20))
			s->memory_limit = 0;
	}
	if (cg_get("blkio", path, "blkio.throttle.io_service_bytes_recursive", TEXT_MAX, &io) == 0)
		cg_blkio_stat(io, &s->block_read, &s->block_written);
	s->pids = whole("pids", path, "pids.current");
	s->pids_limit = whole("pids", path, "pids.max");
}

static void v2_stats(const char *path, struct cgroup_stats *s)
{
	auto_free char *cpu = NULL, *io = NULL;

	if (cg_get("", path, "cpu.stat", TEXT_MAX, &cpu) == 0) {
		cg_keyed(cpu, "usage_usec", &s->cpu_ns);
		cg_keyed(cpu, "user_usec", &s->cpu_user_ns);
		cg_keyed(cpu, "system_usec", &s->cpu_system_ns);
		cg_keyed(cpu, "nr_throttled", &s->throttled_periods);
		cg_keyed(cpu, "throttled_usec", &s->throttled_ns);
		s->cpu_ns *= 1000;
		s->cpu_user_ns *= 1000;
		s->cpu_system_ns *= 1000;
		s->throttled_ns *= 1000;
	}
	s->memory = whole("", path, "memory.current");
	s->memory_max = whole("", path, "memory.peak");
	s->memory_limit = whole("", path, "memory.max");
	s->memory_cache = from("", path, "memory.stat", "inactive_file");
	s->swap = whole("", path, "memory.swap.current");
	if (cg_get("", path, "io.stat", TEXT_MAX, &io) == 0)
		cg_io_stat(io, &s->block_read, &s->block_written);
	s->pids = whole("", path, "pids.current");
	s->pids_limit = whole("", path, "pids.max");
}

int cgroup_stats(const char *path, struct cgroup_stats *ret, struct err *e)
{
	enum cgroup_layout layout = cgroup_layout();
	struct cgroup_stats s = { 0 };

	if (layout == CGROUP_NONE)
		return err_set(e, ENOTSUP, "this host has no control groups, which would count");
	if (!cg_exists(layout == CGROUP_V1 ? "memory" : "", path, NULL) &&
		(layout == CGROUP_V2 || !cg_exists("pids", path, NULL)))
		return err_set(e, ENOENT, "there is no control group '%s'", path);
	if (layout == CGROUP_V1)
		v1_stats(path, &s);
	else
		v2_stats(path, &s);
	s.oom_kills = cgroup_oom_kills(path);
	*ret = s;
	return 0;
}

uint64_t cgroup_oom_kills(const char *path)
{
	switch (cgroup_layout()) {
	case CGROUP_V2:
		return from("", path, "memory.events", "oom_kill");
	case CGROUP_V1:
		return from("memory", path, "memory.oom_control", "oom_kill");
	case CGROUP_NONE:
		break;
	}
	return 0;
}

bool cgroup_oom_killed(const char *path)
{
	return cgroup_oom_kills(path) > 0;
}

/* The kernel's cgroup-v1/memory.rst, "OOM Control": the numbers of an eventfd and of an open
 * memory.oom_control are written to cgroup.event_control. */
static int v1_oom_fd(const char *path)
{
	auto_free char *name = cg_name("memory", path, "memory.oom_control");
	auto_close int control = open(name, O_RDONLY | O_CLOEXEC), fd = -1;
	char text[32];

	if (control < 0 || (fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
		return -1;
	snprintf(text, sizeof text, "%d %d", fd, control);
	if (cg_put("memory", path, "cgroup.event_control", text) < 0)
		return -1;
	return take_fd(&fd);
}

int cgroup_oom_fd(const char *path, short *ret_events)
{
	auto_free char *name = NULL;
	int fd;

	switch (cgroup_layout()) {
	case CGROUP_V1:
		*ret_events = POLLIN;
		return v1_oom_fd(path);
	case CGROUP_V2:
		*ret_events = POLLPRI;
		name = cg_name("", path, "memory.events");
		fd = open(name, O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			cgroup_oom_seen(fd); /* events are counted from a first look on */
		return fd;
	case CGROUP_NONE:
		break;
	}
	return -1;
}

void cgroup_oom_seen(int fd)
{
	char text[512];

	/* the eventfd's counter; or the file from its beginning, which is what arms poll(2) again
	 */
	if (pread(fd, text, sizeof text, 0) < 0 && errno == ESPIPE && read(fd, text, 8) < 0)
		return;
}
