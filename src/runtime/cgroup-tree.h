#pragma once
/*
 * The inside of cgroup.h: where the files of a group are, and plans of what to write there.
 *
 * A hierarchy is the name of a directory below /sys/fs/cgroup: of a controller on version 1, ""
 * for the one tree of version 2.
 */
#include "runtime/cgroup.h"

#include <stdarg.h>

#define CG_BASE "/sys/fs/cgroup"

enum cg_controller {
	CG_MEMORY,
	CG_PIDS,
	CG_DEVICES,
	CG_FREEZER,
	CG_CPU,
	CG_CPUACCT,
	CG_CPUSET,
	CG_BLKIO, /* "io" on version 2 */
	CG_HUGETLB,
	CG_END,
};
extern const char *const cg_v1_names[CG_END];
extern const char *const cg_v2_names[CG_END]; /* NULL: part of the tree itself */

/* CG_BASE/hierarchy/path/file, or without `file` if that is NULL; the caller frees. */
char *cg_name(const char *hierarchy, const char *path, const char *file);
/* All of these return 0 or -errno. */
int cg_put(const char *hierarchy, const char *path, const char *file, const char *text);
/* At most `max` bytes, NUL-terminated; the caller frees. */
int cg_get(const char *hierarchy, const char *path, const char *file, size_t max, char **ret);
int cg_get_u64(const char *hierarchy, const char *path, const char *file, uint64_t *ret);
bool cg_exists(const char *hierarchy, const char *path, const char *file);
/* mkdir(2); 1: made, 0: was there. */
int cg_mkdir(const char *hierarchy, const char *path);
/* The group and those above it. */
int cg_mkdir_all(const char *hierarchy, const char *path);
/* "a/b" of "a/b/c", "" of "a"; the caller frees. */
char *cg_parent(const char *path);

/* Parsers for what the kernel shows (and what a damaged file would). */
/* The number behind `key` in "key number" lines; 0 or -ENOENT. */
int cg_keyed(const char *text, const char *key, uint64_t *ret);
/* A number, or "max" as 0. */
int cg_number_or_max(const char *text, uint64_t *ret);
/* "rbytes=1 wbytes=2" of io.stat, summed over devices. */
void cg_io_stat(const char *text, uint64_t *ret_read, uint64_t *ret_written);
/* "8:0 Read 1" of blkio.throttle.io_service_bytes_recursive, summed over devices. */
void cg_blkio_stat(const char *text, uint64_t *ret_read, uint64_t *ret_written);
/* Processes of the group in one hierarchy and below; the caller frees. */
int cg_members(const char *hierarchy, const char *path, pid_t **ret, size_t *ret_n, struct err *e);

/* An element of cgroup_resources' blkio_throttle. */
enum cg_throttle_kind { CG_READ_BPS, CG_WRITE_BPS, CG_READ_IOPS, CG_WRITE_IOPS, CG_WEIGHT };
extern const char *const cg_throttle_names[CG_WEIGHT + 1];
struct cg_throttle {
	enum cg_throttle_kind kind;
	unsigned major, minor;
	uint64_t value;
};
int cg_throttle_parse(const char *text, struct cg_throttle *ret, struct err *e);
/* An element of hugetlb, "2MB 1048576". */
struct cg_hugetlb {
	char size[16];
	uint64_t limit;
};
int cg_hugetlb_parse(const char *text, struct cg_hugetlb *ret, struct err *e);
#define CG_CPUS 8192 /* the kernel's CONFIG_NR_CPUS goes so far */
struct cg_cpus {
	uint64_t bits[CG_CPUS / 64];
};
/* "0-3,7", cpuset(7) "List format". -EINVAL: it is not. The empty list is empty. */
int cg_cpu_list(const char *text, struct cg_cpus *ret);
bool cg_cpus_within(const struct cg_cpus *inner, const struct cg_cpus *outer);
/* In the text of /proc/self/mountinfo, the place where the version 1 hierarchy with `controller` is
 * mounted; the caller frees; NULL: nowhere. */
char *cg_mounted_at(const char *mountinfo, const char *controller);

/* Something to write. */
struct cg_setting {
	enum cg_controller controller;
	char *file, *value;
	const char *what; /* "the memory limit" */
	/* The two may only be written in one order, which depends on what is there: when this one
	 * is refused with EINVAL, the next one goes first. */
	bool next_first;
	/* How to find in the file what is to be put back: the line that begins with `key` and a
	 * blank, whole or (`bare`) without the key, or, with no such line, `absent`. NULL: all. */
	char *key, *absent;
	bool bare;
	char *before; /* what was there */
};
struct cg_plan {
	struct cg_setting *v;
	size_t n;
};
void cg_plan_release(struct cg_plan *);
#define auto_plan __attribute__((cleanup(cg_plan_release))) struct cg_plan
/* Adds one; the pointer is valid until the next. */
struct cg_setting *cg_plan_add(struct cg_plan *, enum cg_controller, const char *what,
	const char *file, const char *value_format, ...) __attribute__((format(printf, 5, 6)));
/* What both versions call the same: CPUs, memory nodes, processes. */
void cg_plan_common(const struct cgroup_resources *, struct cg_plan *);
/* Huge pages, whose files differ only in their last part, `file`. */
int cg_plan_hugetlb(
	const struct cgroup_resources *, const char *file, struct cg_plan *, struct err *e);
/* Which controllers it writes to, a bit each. */
unsigned cg_plan_controllers(const struct cg_plan *);
/* Writes all of it; with `undo`, puts back what was there when one fails. */
int cg_plan_apply(struct cg_plan *, enum cgroup_layout, const char *path, bool undo, struct err *e);

/* Puts back what a plan that was applied with `undo` has changed. */
void cg_plan_undo(const struct cg_plan *, enum cgroup_layout, const char *path);

/* Each version's part. A plan refers to nothing of the resources. */
int cg_v1_plan(
	const char *path, const struct cgroup_resources *, struct cg_plan *ret, struct err *e);
int cg_v1_create(const char *path, unsigned controllers, struct err *e);
/* Makes the group in hierarchies where it was not needed before, and moves its processes there. */
int cg_v1_extend(const char *path, unsigned controllers, struct err *e);
/* The hierarchies a container with these limits has a group in. */
unsigned cg_v1_hierarchies(const struct cgroup_resources *);
int cg_v2_plan(
	const char *path, const struct cgroup_resources *, struct cg_plan *ret, struct err *e);
int cg_v2_create(const char *path, struct err *e);
/* Has `controller` handed down to the group by all groups above it. */
int cg_v2_enable(const char *path, const char *controller, struct err *e);
/* Version 2: refuses a limit below what is in use after reclaim, where the kernel would kill. */
int cg_v2_shrink(const char *path, int64_t memory, struct err *e);

/* systemd's properties for limits, as arguments of redock-scope. */
void cg_scope_properties(const struct cgroup_resources *, struct strv *argv);
int64_t cg_weight_of_shares(int64_t shares);
int64_t cg_io_weight_of_blkio(int64_t weight);

/* The list of devices, replaced as a whole; nothing is done if there is none. */
int cg_v1_devices(const char *path, const struct cgroup_resources *, bool undo, struct err *e);
int cg_v2_devices(const char *path, const struct cgroup_resources *, struct err *e);
/* The program for a list: `ret` has room for CG_DEVICE_INSNS(n) instructions of struct bpf_insn.
 * Returns their number. */
struct bpf_insn;
#define CG_DEVICES_MAX     1024
#define CG_DEVICE_INSNS(n) (6 + 8 * (n) + 2)
size_t cg_device_program(const struct cgroup_device *, size_t n, bool deny, struct bpf_insn *ret);

/* "cannot set WHAT: …", with why a controller is missing. */
int cg_cannot(struct err *e, enum cgroup_layout, const struct cg_setting *, int r);
