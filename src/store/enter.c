#include "store/enter.h"
#include "base/fs.h"
#include "base/mem.h"
#include "runtime/mnt.h"
#include "store/write.h"

#include <archive_entry.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* libarchive asks iconv(3) about names that are not ASCII, which reads its tables when it is first
 * asked: now, while they are this host's. */
static int load_tables(struct err *e)
{
	static const char name[] = "caf\xc3\xa9-1234567890123456789012345678901234567890"
				   "1234567890123456789012345678901234567890123456789012345678";
	auto_close int fd = memfd_create("warm", MFD_CLOEXEC);
	auto_blob out = BLOB_INIT, nowhere = BLOB_INIT;
	const struct tar_entry entry = { .path = name, .type = '0' };
	struct tar_stream_options o = { .fd = fd, .blob = &nowhere };
	struct archive_entry *read;
	struct tar_stream *t;
	int r;

	if (fd < 0)
		return err_errno(e, "cannot make a file in memory");
	blob_to_stream(fd, &out);
	blob_to_nowhere(&nowhere);
	if (tar_put_entry(&out, &entry, e) < 0 || tar_put_end(&out, e) < 0 ||
		blob_finish(&out, NULL, e) < 0)
		return -e->code;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_errno(e, "cannot read a file in memory");
	r = tar_stream_open(&o, &t, e);
	if (r < 0)
		return r;
	r = tar_stream_next(t, &read, e);
	if (r > 0)
		(void)archive_entry_pathname(read);
	tar_stream_close(t);
	return r < 0 ? r : 0;
}

/* What is left is for files: no mounts, no namespaces, no other process. */
static int drop_capabilities(struct err *e)
{
	const unsigned kept = 1u << CAP_CHOWN | 1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH |
			      1u << CAP_FOWNER | 1u << CAP_FSETID | 1u << CAP_MKNOD |
			      1u << CAP_SETFCAP;
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct now[2], less[2] = { { 0 } };

	if (syscall(SYS_capget, &header, now) < 0)
		return err_errno(e, "cannot read this process's capabilities");
	less[0].effective = less[0].permitted = now[0].permitted & kept;
	if (syscall(SYS_capset, &header, less) < 0)
		return err_errno(e, "cannot drop capabilities");
	return 0;
}

static void lower_options(const json_t *root, struct str *options)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(root, "lower"), i, item)
		str_addf(options, "%s%s", i ? ":" : "", json_string_value(item));
}

/* overlay(5) by short relative names, as the runtime does it. */
static int mount_layers(const json_t *root, bool change, char *const at, struct err *e)
{
	auto_str options = STR_INIT(4095);
	const char *upper = json_str(root, "upper", ""), *work = json_str(root, "work", "");

	str_add(&options, "lowerdir=");
	if (!change) {
		/* its own layer lies below one in memory, which takes the places to mount on */
		if (mount("tmpfs", "mnt", "tmpfs", MS_NODEV | MS_NOSUID, "mode=700,size=16m") < 0 ||
			mkdir("mnt/upper", 0755) < 0 || mkdir("mnt/work", 0700) < 0 ||
			mkdir("mnt/root", 0755) < 0)
			return err_errno(e, "cannot prepare the container's files");
		str_addf(&options, "%s:", upper);
		upper = "mnt/upper";
		work = "mnt/work";
	}
	lower_options(root, &options);
	str_addf(&options, ",upperdir=%s,workdir=%s,redirect_dir=off,metacopy=off", upper, work);
	if (options.overflow)
		return err_set(e, E2BIG, "the image has too many layers");
	if (mount("overlay", at, "overlay",
		    MS_NODEV | (change && json_bool(root, "read_only", false) ? MS_RDONLY : 0),
		    str_text(&options)) < 0)
		return err_errno(e, "cannot mount the container's layers");
	return 0;
}

/* The place of a mount, made where it is missing, as a start would. Returns an O_PATH fd. */
static int make_target(int rootfd, const char *target, bool directory, struct err *e)
{
	auto_close int dir = rfd_open(rootfd, ".", O_PATH | O_DIRECTORY, 0);
	int fd = rfd_open(rootfd, target, O_PATH, 0);
	auto_str prefix = STR_INIT(4096);

	if (fd != -ENOENT)
		return fd;
	for (const char *p = target + strspn(target, "/"); dir >= 0 && *p;) {
		size_t len = strcspn(p, "/");
		auto_free char *name = xstrndup(p, len);
		bool last;
		p += len;
		p += strspn(p, "/");
		last = !*p;
		str_addf(&prefix, "/%s", name);
		if (prefix.overflow)
			return -ENAMETOOLONG;
		fd = rfd_open(rootfd, str_text(&prefix), O_PATH, 0);
		if (fd == -ENOENT) {
			int r = last && !directory ? mknodat(dir, name, S_IFREG | 0644, 0)
						   : mkdirat(dir, name, 0755);
			fd = r < 0 && errno != EEXIST
				     ? -errno
				     : rfd_open(rootfd, str_text(&prefix), O_PATH, 0);
		}
		close_fd(&dir);
		dir = fd;
	}
	return take_fd(&dir);
}

static int mount_one(int rootfd, const json_t *m, struct err *e)
{
	auto_free char *source = hex_from_json(m, "source"), *target = hex_from_json(m, "target");
	auto_close int fd = -1, at = -1;
	struct stat st;

	if (!source || !target)
		return err_set(e, EINVAL, "the request has a mount without a place");
	if (stat(source, &st) < 0)
		return 0; /* it is not there now, and a start would have its own say */
	at = make_target(rootfd, target, S_ISDIR(st.st_mode), e);
	/* a read-only root without the place, say: the mount would not be seen at a start either */
	if (at < 0)
		return 0;
	fd = mnt_clone(AT_FDCWD, source,
		MOUNT_ATTR_NODEV | (json_bool(m, "read_only", false) ? MOUNT_ATTR_RDONLY : 0), e);
	if (fd < 0 || mnt_put_on(fd, at, e) < 0)
		return err_wrap(e, "'%s'", target);
	return 0;
}

#ifdef REDOCK_UNSAFE_PATHS
/* With base/fs.c's: what the races about `cp` are there to find (T10). The host's root stays, and
 * links lead to it. */
static int become_root(int rootfd, struct err *e)
{
	int fd = fcntl(rootfd, F_DUPFD_CLOEXEC, 3);

	return fd < 0 ? err_errno(e, "cannot open the container's root") : fd;
}

static int enter_running(int pidfd, struct err *e)
{
	auto_free char *info = xasprintf("/proc/self/fdinfo/%d", pidfd);
	auto_free char *text = NULL, *path = NULL;
	const char *pid;
	size_t len;
	int fd;

	if (fs_read_file(AT_FDCWD, info, 4096, &text, &len, e) < 0)
		return -e->code;
	pid = strstr(text, "Pid:\t");
	path = xasprintf("/proc/%ld/root", pid ? strtol(pid + 5, NULL, 10) : 0);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_errno(e, "cannot open the container's root") : fd;
}
#else
static int open_root(struct err *e)
{
	int fd = chdir("/") < 0 ? -1 : open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_errno(e, "cannot open the container's root") : fd;
}

static int become_root(int rootfd, struct err *e)
{
	if (fchdir(rootfd) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
		umount2(".", MNT_DETACH) < 0)
		return err_errno(e, "cannot make the container's files the root");
	return open_root(e);
}

static int enter_running(int pidfd, struct err *e)
{
	if (setns(pidfd, CLONE_NEWNS) == 0)
		return open_root(e);
	if (errno == ESRCH)
		return err_set(e, ESRCH, "the container has ended meanwhile");
	return err_errno(e, "cannot enter the container's files");
}
#endif

/* Puts the files of a container that does not run together, and enters them. Returns an fd. */
static int assemble(const json_t *root, bool change, struct err *e)
{
	const char *at = change ? "mnt" : "mnt/root";
	auto_free char *state_dir = hex_from_json(root, "state_dir");
	auto_close int rootfd = -1;
	const json_t *m;
	size_t i;

	if (!state_dir)
		return err_set(e, EINVAL, "the request has no root");
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_errno(e, "cannot make a mount namespace");
	if (chdir(state_dir) < 0)
		return err_errno(e, "cannot enter the state directory");
	if (mount_layers(root, change, (char *)at, e) < 0)
		return -e->code;
	rootfd = open(at, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (rootfd < 0)
		return err_errno(e, "cannot open the container's root");
	json_array_foreach(json_object_get(root, "mounts"), i, m)
	{
		if (mount_one(rootfd, m, e) < 0)
			return -e->code;
	}
	return become_root(rootfd, e);
}

int root_enter(const json_t *root, int pidfd, bool change, struct err *e)
{
	auto_close int fd = -1;

	if (load_tables(e) < 0)
		return -e->code;
	/* nobody inside looks into this process (R5) */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	fd = pidfd >= 0 ? enter_running(pidfd, e) : assemble(root, change, e);
	return fd < 0 || drop_capabilities(e) < 0 ? -e->code : take_fd(&fd);
}
