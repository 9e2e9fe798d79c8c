/* What a container uses: its control group's counters, and those of its network's links. */
#include "base/mem.h"
#include "base/time.h"
#include "engine/local/local.h"
#include "runtime/cgroup.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#define DEV_MAX (1 << 20) /* of /proc/PID/net/dev */

/* Bytes over all links but lo: proc_net(5), "dev". The file is that of the process's own network
 * namespace, so that there is nothing to enter. */
static void add_links(char *text, struct container_stats *ret)
{
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *colon = strchr(line, ':');
		uint64_t in, out;
		if (!colon)
			continue; /* the titles */
		*colon = '\0';
		if (str_eq(line + strspn(line, " "), "lo") ||
			sscanf(colon + 1, "%" SCNu64 " %*u %*u %*u %*u %*u %*u %*u %" SCNu64, &in,
				&out) != 2)
			continue;
		ret->net_received += in;
		ret->net_sent += out;
	}
}

static void read_network(pid_t init, struct container_stats *ret)
{
	auto_free char *path = xasprintf("/proc/%d/net/dev", init), *text = NULL;
	struct err ignored;

	if (fs_read_file(AT_FDCWD, path, DEV_MAX, &text, NULL, &ignored) == 0)
		add_links(text, ret);
}

int local_stats(struct engine *en, const char *id, struct container_stats *ret, struct err *e)
{
	struct local *l = local_of(en);
	auto_container c = { 0 };
	auto_free char *cgroup = local_cgroup(l, id);
	struct cgroup_stats s = { 0 };
	struct local_status status;
	struct err ignored;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (container_load(l, id, &c, e) < 0 || local_status(l, &c, &status, e) < 0)
		return -e->code;
	*ret = (struct container_stats){
		.time = time_now(), .clock = time_monotonic(), .online_cpus = cpus > 0 ? cpus : 1
	};
	if (status.state != CONTAINER_RUNNING && status.state != CONTAINER_PAUSED)
		return 0; /* as Docker: one that does not run uses nothing */
	/* it may end while we look: what cannot be read is zero */
	cgroup_stats(cgroup, &s, &ignored);
	ret->cpu_ns = s.cpu_ns;
	ret->memory = s.memory > s.memory_cache ? s.memory - s.memory_cache : 0;
	ret->memory_limit = s.memory_limit;
	ret->memory_max = s.memory_max;
	ret->block_read = s.block_read;
	ret->block_written = s.block_written;
	ret->pids = s.pids;
	ret->pids_limit = s.pids_limit;
	if (!ret->memory_limit) { /* as Docker: the host's */
		long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
		ret->memory_limit = pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : 0;
	}
	/* the host's links are not the container's */
	if (!c.config.network || !str_eq(c.config.network, "host"))
		read_network(status.run.pid, ret);
	return 0;
}
