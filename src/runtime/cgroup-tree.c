/* Files of control groups: names, reading, writing. */
#include "runtime/cgroup-tree.h"
#include "base/fs.h"
#include "base/mem.h"

#include <fcntl.h>

const char *const cg_v1_names[CG_END] = {
	[CG_MEMORY] = "memory",
	[CG_PIDS] = "pids",
	[CG_DEVICES] = "devices",
	[CG_FREEZER] = "freezer",
	[CG_CPU] = "cpu",
	[CG_CPUACCT] = "cpuacct",
	[CG_CPUSET] = "cpuset",
	[CG_BLKIO] = "blkio",
	[CG_HUGETLB] = "hugetlb",
};
const char *const cg_v2_names[CG_END] = {
	[CG_MEMORY] = "memory",
	[CG_PIDS] = "pids",
	[CG_CPU] = "cpu",
	[CG_CPUSET] = "cpuset",
	[CG_BLKIO] = "io",
	[CG_HUGETLB] = "hugetlb",
};

char *cg_name(const char *hierarchy, const char *path, const char *file)
{
	return xasprintf(CG_BASE "/%s%s%s%s%s", hierarchy, *hierarchy && *path ? "/" : "", path,
		file ? "/" : "", file ? file : "");
}

int cg_put(const char *hierarchy, const char *path, const char *file, const char *text)
{
	auto_free char *name = cg_name(hierarchy, path, file);
	auto_close int fd = open(name, O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

int cg_get(const char *hierarchy, const char *path, const char *file, size_t max, char **ret)
{
	auto_free char *name = cg_name(hierarchy, path, file), *text = NULL;
	auto_close int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	text = xmalloc(max + 1);
	n = fs_read_full(fd, text, max);
	if (n < 0)
		return (int)n;
	text[n] = '\0';
	*ret = take_ptr(&text);
	return 0;
}

int cg_get_u64(const char *hierarchy, const char *path, const char *file, uint64_t *ret)
{
	auto_free char *text = NULL;
	int r = cg_get(hierarchy, path, file, 64, &text);

	return r < 0 ? r : cg_number_or_max(text, ret);
}

bool cg_exists(const char *hierarchy, const char *path, const char *file)
{
	auto_free char *name = cg_name(hierarchy, path, file);

	return access(name, F_OK) == 0;
}

int cg_mkdir(const char *hierarchy, const char *path)
{
	auto_free char *name = cg_name(hierarchy, path, NULL);

	if (mkdir(name, 0755) == 0)
		return 1;
	return errno == EEXIST ? 0 : -errno;
}

int cg_mkdir_all(const char *hierarchy, const char *path)
{
	auto_free char *parent = NULL;
	int r = cg_mkdir(hierarchy, path);

	if (r != -ENOENT || !strchr(path, '/'))
		return r;
	parent = cg_parent(path);
	r = cg_mkdir_all(hierarchy, parent);
	return r < 0 ? r : cg_mkdir(hierarchy, path);
}

char *cg_parent(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup("");
}
