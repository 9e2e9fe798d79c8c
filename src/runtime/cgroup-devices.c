/*
 * The list of devices. Version 1 has a controller for it. Version 2 asks a program, which we write
 * from the rules: linux/bpf.h, BPF_PROG_TYPE_CGROUP_DEVICE, and cgroup-v2.rst, "Device controller".
 *
 * Rules are in order and the last one that fits decides, for each kind of access by itself.
 */
#include "base/mem.h"
#include "runtime/cgroup-tree.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/syscall.h>

#define PROGRAM_NAME "redock_devices"

static bool any_access(const struct cgroup_device *d)
{
	return strchr(d->access, 'r') && strchr(d->access, 'w') && strchr(d->access, 'm');
}

static int v1_put_rule(int allow, int deny, const struct cgroup_device *d, char type)
{
	char text[72], major[24] = "*", minor[24] = "*";

	if (d->major >= 0)
		snprintf(major, sizeof major, "%lld", (long long)d->major);
	if (d->minor >= 0)
		snprintf(minor, sizeof minor, "%lld", (long long)d->minor);
	snprintf(text, sizeof text, "%c %s:%s %s", type, major, minor, d->access);
	return write(d->allow ? allow : deny, text, strlen(text)) < 0 ? -errno : 0;
}

/* For the kernel, "a" is all devices with all access, whatever else the rule says. */
static int v1_put(int allow, int deny, const struct cgroup_device *d)
{
	int r;

	if (d->type != 'a')
		return v1_put_rule(allow, deny, d, d->type);
	if (d->major < 0 && d->minor < 0 && any_access(d))
		return write(d->allow ? allow : deny, "a", 1) < 0 ? -errno : 0;
	r = v1_put_rule(allow, deny, d, 'b');
	return r < 0 ? r : v1_put_rule(allow, deny, d, 'c');
}

/* devices.list, as it was, line by line; "a *:* rwm" if nothing is denied. */
static void v1_restore(int allow, int deny, char *list)
{
	char *line;

	if (write(deny, "a", 1) < 0)
		return;
	while ((line = strsep(&list, "\n")))
		if (*line && write(allow, line, strlen(line)) < 0)
			return;
}

int cg_v1_devices(const char *path, const struct cgroup_resources *r, bool undo, struct err *e)
{
	auto_free char *allow_name = cg_name("devices", path, "devices.allow");
	auto_free char *deny_name = cg_name("devices", path, "devices.deny"), *before = NULL;
	auto_close int allow = -1, deny = -1;
	int result = 0;

	if (!r->deny_devices && !r->n_devices)
		return 0;
	allow = open(allow_name, O_WRONLY | O_CLOEXEC);
	deny = allow < 0 ? -1 : open(deny_name, O_WRONLY | O_CLOEXEC);
	if (deny < 0 && errno == ENOENT && cg_exists("devices", "", "devices.deny"))
		return err_set(e, ENOENT, "there is no control group '%s'", path);
	if (deny < 0 && errno == ENOENT) {
		const struct cg_setting s = { .controller = CG_DEVICES,
			.what = "the list of devices",
			.file = (char *)"devices.deny" };
		return cg_cannot(e, CGROUP_V1, &s, -ENOENT);
	}
	if (undo)
		cg_get("devices", path, "devices.list", 65536, &before);
	if (deny < 0 || (undo && !before) || (r->deny_devices && write(deny, "a", 1) < 0))
		return err_errno(e, "cannot set the list of devices");
	for (size_t i = 0; i < r->n_devices && result == 0; i++)
		result = v1_put(allow, deny, &r->devices[i]);
	if (result == 0)
		return 0;
	if (undo)
		v1_restore(allow, deny, before);
	errno = -result;
	return err_errno(e, "cannot set the list of devices");
}

/* Registers of the program; 1 is the context when it begins. */
enum { RESULT, CONTEXT, TYPE, LEFT, MAJOR, MINOR, SCRATCH };

static struct bpf_insn load(uint8_t to, size_t offset)
{
	return (struct bpf_insn){ .code = BPF_LDX | BPF_MEM | BPF_W,
		.dst_reg = to,
		.src_reg = CONTEXT,
		.off = (int16_t)offset };
}

static struct bpf_insn alu(uint8_t operation, uint8_t to, int32_t value)
{
	return (struct bpf_insn){
		.code = BPF_ALU | operation | BPF_K, .dst_reg = to, .imm = value
	};
}

static struct bpf_insn copy(uint8_t to, uint8_t from)
{
	return (struct bpf_insn){
		.code = BPF_ALU | BPF_MOV | BPF_X, .dst_reg = to, .src_reg = from
	};
}

/* Skips `skip` instructions if the register compares so with the value. */
static struct bpf_insn jump(uint8_t comparison, uint8_t reg, int32_t value, size_t skip)
{
	return (struct bpf_insn){ .code = BPF_JMP32 | comparison | BPF_K,
		.dst_reg = reg,
		.imm = value,
		.off = (int16_t)skip };
}

static struct bpf_insn leave(void)
{
	return (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT };
}

static int32_t access_bits(const struct cgroup_device *d)
{
	return (strchr(d->access, 'r') ? BPF_DEVCG_ACC_READ : 0) |
	       (strchr(d->access, 'w') ? BPF_DEVCG_ACC_WRITE : 0) |
	       (strchr(d->access, 'm') ? BPF_DEVCG_ACC_MKNOD : 0);
}

/* LEFT has the kinds of access that no later rule has decided. One that a rule denies ends it, and
 * so does the last one that is allowed. */
static size_t rule_program(const struct cgroup_device *d, struct bpf_insn *ret)
{
	struct bpf_insn *in = ret;
	size_t body = 4, tests;

	tests = (d->type != 'a') + (d->major >= 0) + (d->minor >= 0);
	if (d->type != 'a')
		*in++ = jump(BPF_JNE, TYPE,
			d->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR, body + --tests);
	if (d->major >= 0)
		*in++ = jump(BPF_JNE, MAJOR, (int32_t)d->major, body + --tests);
	if (d->minor >= 0)
		*in++ = jump(BPF_JNE, MINOR, (int32_t)d->minor, body + --tests);
	if (d->allow) {
		*in++ = alu(BPF_AND, LEFT, 7 & ~access_bits(d));
		*in++ = jump(BPF_JNE, LEFT, 0, 2);
		*in++ = alu(BPF_MOV, RESULT, 1);
	} else {
		*in++ = jump(BPF_JSET, LEFT, access_bits(d), 1);
		*in++ = (struct bpf_insn){ .code = BPF_JMP | BPF_JA, .off = 2 };
		*in++ = alu(BPF_MOV, RESULT, 0);
	}
	*in++ = leave();
	return (size_t)(in - ret);
}

size_t cg_device_program(const struct cgroup_device *v, size_t n, bool deny, struct bpf_insn *ret)
{
	struct bpf_insn *in = ret;

	*in++ = load(TYPE, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	*in++ = copy(LEFT, TYPE);
	*in++ = alu(BPF_AND, TYPE, 0xffff);
	*in++ = alu(BPF_RSH, LEFT, 16);
	*in++ = load(MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major));
	*in++ = load(MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));
	while (n-- > 0)
		in += rule_program(&v[n], in);
	*in++ = alu(BPF_MOV, RESULT, !deny);
	*in++ = leave();
	return (size_t)(in - ret);
}

static int bpf(int command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof *attr);
}

static int load_program(const struct bpf_insn *program, size_t n)
{
	union bpf_attr attr = { 0 };

	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uintptr_t)program;
	attr.insn_cnt = (uint32_t)n;
	attr.license = (uintptr_t) "MIT";
	memcpy(attr.prog_name, PROGRAM_NAME, sizeof PROGRAM_NAME);
	return bpf(BPF_PROG_LOAD, &attr); /* close-on-exec, bpf(2) */
}

/* Our program that is attached to the group: an fd, or -1. Others (systemd's) stay. */
static int find_attached(int group)
{
	uint32_t ids[64];
	union bpf_attr query = { 0 };

	query.query.target_fd = (uint32_t)group;
	query.query.attach_type = BPF_CGROUP_DEVICE;
	query.query.prog_ids = (uintptr_t)ids;
	query.query.prog_cnt = ARRAY_SIZE(ids);
	if (bpf(BPF_PROG_QUERY, &query) < 0)
		return -1;
	for (uint32_t i = 0; i < query.query.prog_cnt && i < ARRAY_SIZE(ids); i++) {
		union bpf_attr attr = { 0 };
		struct bpf_prog_info info = { 0 };
		auto_close int fd = -1;
		attr.prog_id = ids[i];
		fd = bpf(BPF_PROG_GET_FD_BY_ID, &attr);
		attr = (union bpf_attr){ 0 };
		attr.info.bpf_fd = (uint32_t)fd;
		attr.info.info = (uintptr_t)&info;
		attr.info.info_len = sizeof info;
		if (fd >= 0 && bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) == 0 &&
			str_eq(info.name, PROGRAM_NAME))
			return take_fd(&fd);
	}
	return -1;
}

int cg_v2_devices(const char *path, const struct cgroup_resources *r, struct err *e)
{
	auto_free char *name = cg_name("", path, NULL);
	auto_free struct bpf_insn *program = NULL;
	auto_close int group = -1, fd = -1, old = -1;
	union bpf_attr attr = { 0 };

	if (!r->deny_devices && !r->n_devices)
		return 0;
	if (r->n_devices > CG_DEVICES_MAX)
		return err_set(
			e, E2BIG, "there are more than %d rules for devices", CG_DEVICES_MAX);
	program = xcalloc(CG_DEVICE_INSNS(r->n_devices), sizeof *program);
	group = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (group < 0)
		return err_errno(e, "cannot open control group '%s'", path);
	fd = load_program(
		program, cg_device_program(r->devices, r->n_devices, r->deny_devices, program));
	if (fd < 0) {
		err_errno(e,
			"cannot set the list of devices: the kernel takes no BPF program for it");
		return err_hint(e, "a kernel with CONFIG_CGROUP_BPF; and see bpf(2) for who may");
	}
	old = find_attached(group);
	attr.target_fd = (uint32_t)group;
	attr.attach_bpf_fd = (uint32_t)fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI | (old >= 0 ? BPF_F_REPLACE : 0);
	attr.replace_bpf_fd = old >= 0 ? (uint32_t)old : 0;
	if (bpf(BPF_PROG_ATTACH, &attr) < 0)
		return err_errno(e, "cannot set the list of devices of control group '%s'", path);
	return 0;
}
