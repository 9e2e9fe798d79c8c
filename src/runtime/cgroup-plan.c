/* A plan: what to write to the files of a group, and how to put back what was there. */
#include "base/fs.h"
#include "base/mem.h"
#include "runtime/cgroup-tree.h"

#include <fcntl.h>

void cg_plan_release(struct cg_plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].file);
		free(p->v[i].value);
		free(p->v[i].key);
		free(p->v[i].absent);
		free(p->v[i].before);
	}
	free(p->v);
	*p = (struct cg_plan){ 0 };
}

struct cg_setting *cg_plan_add(struct cg_plan *p, enum cg_controller controller, const char *what,
	const char *file, const char *value_format, ...)
{
	struct cg_setting *s;
	auto_free char *value = NULL;
	va_list ap;

	va_start(ap, value_format);
	if (vasprintf(&value, value_format, ap) < 0)
		abort();
	va_end(ap);
	p->v = xrealloc_array(p->v, p->n + 1, sizeof *p->v);
	s = &p->v[p->n++];
	*s = (struct cg_setting){ .controller = controller,
		.what = what,
		.file = xstrdup(file),
		.value = take_ptr(&value) };
	return s;
}

unsigned cg_plan_controllers(const struct cg_plan *p)
{
	unsigned set = 0;

	for (size_t i = 0; i < p->n; i++)
		set |= 1u << p->v[i].controller;
	return set;
}

static const char *hierarchy_of(enum cgroup_layout layout, const struct cg_setting *s)
{
	return layout == CGROUP_V1 ? cg_v1_names[s->controller] : "";
}

/* What has to be written to get back to what `text`, the file's content, says. */
static char *value_before(const struct cg_setting *s, const char *text)
{
	size_t len = s->key ? strlen(s->key) : 0;

	if (!s->key)
		return xstrndup(text, strcspn(text, "\n"));
	while (*text) {
		size_t line = strcspn(text, "\n");
		if (strncmp(text, s->key, len) == 0 && text[len] == ' ')
			return s->bare ? xstrndup(text + len + 1, line - len - 1)
				       : xstrndup(text, line);
		text += line + (text[line] == '\n');
	}
	return xstrdup(s->absent ? s->absent : "");
}

/* Version 2 shows a controller's files once the groups above hand it down. */
static int write_one(
	const struct cg_setting *s, enum cgroup_layout layout, const char *path, struct err *e)
{
	const char *hierarchy = hierarchy_of(layout, s), *v2 = cg_v2_names[s->controller];
	int r = cg_put(hierarchy, path, s->file, s->value);

	if (r == -ENOENT && layout == CGROUP_V2 && v2) {
		if (cg_v2_enable(path, v2, e) < 0)
			return err_wrap(e, "cannot set %s", s->what);
		r = cg_put(hierarchy, path, s->file, s->value);
	}
	return r < 0 ? cg_cannot(e, layout, s, r) : 0;
}

static void put_back(
	const struct cg_plan *p, size_t done, enum cgroup_layout layout, const char *path)
{
	while (done-- > 0) {
		const struct cg_setting *s = &p->v[done];
		if (s->before && *s->before)
			cg_put(hierarchy_of(layout, s), path, s->file, s->before);
	}
}

void cg_plan_undo(const struct cg_plan *p, enum cgroup_layout layout, const char *path)
{
	put_back(p, p->n, layout, path);
}

int cg_plan_apply(
	struct cg_plan *p, enum cgroup_layout layout, const char *path, bool undo, struct err *e)
{
	bool swapped = false;

	for (size_t i = 0; i < p->n; i++) {
		struct cg_setting *s = &p->v[i];
		auto_free char *text = NULL;
		struct err first;
		int r;

		if (undo && !s->before &&
			cg_get(hierarchy_of(layout, s), path, s->file, 65536, &text) == 0)
			s->before = value_before(s, text);
		r = write_one(s, layout, path, &first);
		if (r == -EINVAL && s->next_first && i + 1 < p->n && !swapped) {
			struct cg_setting keep = p->v[i];
			p->v[i] = p->v[i + 1];
			p->v[i + 1] = keep;
			swapped = true;
			i--;
			continue;
		}
		swapped = false;
		if (r < 0) {
			if (undo)
				put_back(p, i, layout, path);
			*e = first;
			return r;
		}
	}
	return 0;
}

/* /proc/cgroups: "NAME HIERARCHY GROUPS ENABLED" (cgroups(7)). */
static bool in_kernel(const char *controller, bool *ret_enabled)
{
	auto_file FILE *f = fopen("/proc/cgroups", "re");
	char line[128], name[64];
	unsigned hierarchy, groups, enabled;

	while (f && fgets(line, sizeof line, f)) {
		if (sscanf(line, "%63s %u %u %u", name, &hierarchy, &groups, &enabled) != 4 ||
			!str_eq(name, controller))
			continue;
		*ret_enabled = enabled;
		return true;
	}
	return false;
}

static int missing(struct err *e, enum cgroup_layout layout, const struct cg_setting *s)
{
	const char *name = layout == CGROUP_V1          ? cg_v1_names[s->controller]
			   : cg_v2_names[s->controller] ? cg_v2_names[s->controller]
							: cg_v1_names[s->controller];
	auto_free char *text = NULL, *place = NULL;
	struct err ignored;
	bool enabled = false;

	if (layout == CGROUP_V1 && cg_exists(name, "", "cgroup.procs"))
		return err_set(e, ENOTSUP,
			"cannot set %s: the '%s' controller of this kernel has no '%s'", s->what,
			name, s->file);
	if (layout == CGROUP_V2)
		return err_set(e, ENOTSUP,
			"cannot set %s: control groups version 2 of this host have no '%s'",
			s->what, s->file);
	if (!in_kernel(name, &enabled) || !enabled) {
		err_set(e, ENOTSUP, "cannot set %s: this kernel has %s '%s' controller", s->what,
			enabled ? "no" : "no enabled", name);
		return err_hint(e, "leave the limit out, or boot with cgroup_enable=%s", name);
	}
	if (fs_read_file(AT_FDCWD, "/proc/self/mountinfo", 8 << 20, &text, NULL, &ignored) == 0)
		place = cg_mounted_at(text, name);
	if (place)
		return err_set(e, ENOTSUP,
			"cannot set %s: the '%s' controller is mounted at '%s', not at '%s/%s'",
			s->what, name, place, CG_BASE, name);
	err_set(e, ENOTSUP, "cannot set %s: the '%s' controller is not mounted", s->what, name);
	return err_hint(e, "mkdir -p %s/%s && mount -t cgroup -o %s cgroup %s/%s", CG_BASE, name,
		name, CG_BASE, name);
}

int cg_cannot(struct err *e, enum cgroup_layout layout, const struct cg_setting *s, int r)
{
	if (r == -ENOENT)
		return missing(e, layout, s);
	errno = -r;
	return err_errno(e, "cannot set %s to '%s' ('%s')", s->what, s->value, s->file);
}

void cg_plan_common(const struct cgroup_resources *r, struct cg_plan *p)
{
	if (r->cpuset_cpus)
		cg_plan_add(p, CG_CPUSET, "the set of CPUs", "cpuset.cpus", "%s", r->cpuset_cpus);
	if (r->cpuset_mems)
		cg_plan_add(p, CG_CPUSET, "the set of memory nodes", "cpuset.mems", "%s",
			r->cpuset_mems);
	if (r->pids < 0)
		cg_plan_add(p, CG_PIDS, "the limit of processes", "pids.max", "max");
	else if (r->pids)
		cg_plan_add(p, CG_PIDS, "the limit of processes", "pids.max", "%lld",
			(long long)r->pids);
}

int cg_plan_hugetlb(
	const struct cgroup_resources *r, const char *file, struct cg_plan *p, struct err *e)
{
	for (size_t i = 0; i < r->hugetlb.n; i++) {
		struct cg_hugetlb h;
		char name[64];
		if (cg_hugetlb_parse(r->hugetlb.v[i], &h, e) < 0)
			return -e->code;
		snprintf(name, sizeof name, "hugetlb.%s.%s", h.size, file);
		cg_plan_add(p, CG_HUGETLB, "the limit of huge pages", name, "%llu",
			(unsigned long long)h.limit);
	}
	return 0;
}
