#include "runtime/oci/self.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/proc.h"
#include "runtime/mnt.h"
#include "runtime/seccomp-compile.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

extern char **environ;

#define FILTER "seccomp"
#define SEALS  (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static bool is_sealed(int exe)
{
	struct statvfs st;
	int seals = fcntl(exe, F_GET_SEALS);

	return (seals >= 0 && (seals & SEALS) == SEALS) ||
	       (fstatvfs(exe, &st) == 0 && st.f_flag & ST_RDONLY);
}

/* For somebody who may not mount. */
static int copy_sealed(int exe, struct err *e)
{
	auto_close int fd = memfd_create("redock-runtime", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct stat st;
	off_t done = 0;

	if (fd < 0 || fstat(exe, &st) < 0)
		return err_errno(e, "cannot copy the program");
	while (done < st.st_size)
		if (sendfile(fd, exe, &done, (size_t)(st.st_size - done)) <= 0)
			return err_errno(e, "cannot copy the program");
	if (fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return err_errno(e, "cannot seal the program's copy");
	return take_fd(&fd);
}

int self_seal(char **argv, struct err *e)
{
	auto_close int exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), fd = -1;
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

	if (exe < 0 || n < 0)
		return err_errno(e, "cannot open '/proc/self/exe'");
	if (is_sealed(exe))
		return 0;
	path[n] = '\0';
	fd = mnt_clone(AT_FDCWD, path, MOUNT_ATTR_RDONLY, e);
	if (fd < 0) {
		err_clear(e);
		fd = copy_sealed(exe, e);
	}
	if (fd < 0)
		return fd;
	argv[0] = path; /* where the helper programs are looked for */
	syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
	return err_errno(e, "cannot execute the program again");
}

/* An action in the profile's default or in one of its rules. */
static bool has_action(const json_t *profile, const char *action)
{
	const json_t *rule;
	size_t i;

	if (str_eq(json_str(profile, "defaultAction", ""), action))
		return true;
	json_array_foreach(json_object_get(profile, "syscalls"), i, rule)
	{
		if (str_eq(json_str(rule, "action", ""), action))
			return true;
	}
	return false;
}

/* A filter that notifies needs somebody who answers, or its process waits for ever. */
static int read_listener(const struct oci_config *c, struct spec *s, struct err *e)
{
	const char *path = json_str(c->seccomp, "listenerPath", "");
	const char *metadata = json_str(c->seccomp, "listenerMetadata", "");
	bool notifies = has_action(c->seccomp, "SCMP_ACT_NOTIFY");

	if (notifies && !*path)
		return err_set(e, EINVAL,
			"config.json: 'linux.seccomp': SCMP_ACT_NOTIFY needs a listenerPath");
	if (*metadata && !*path)
		return err_set(e, EINVAL,
			"config.json: 'linux.seccomp': listenerMetadata needs a listenerPath");
	if (*path && *path != '/')
		return err_set(e, EINVAL,
			"config.json: 'linux.seccomp.listenerPath' is not an absolute path");
	if (!*path)
		return 0;
	s->seccomp_listener = xstrdup(path);
	s->seccomp_metadata = xstrdup(metadata);
	return 0;
}

/* What belongs to the filter and not into it. */
static int read_extras(const struct oci_config *c, struct spec *s, struct err *e)
{
	static const struct {
		const char *name;
		int64_t flag;
	} known[] = {
		{ "SECCOMP_FILTER_FLAG_TSYNC", 0 }, /* one thread has no others */
		{ "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
		{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
	};
	const json_t *flag;
	size_t i;

	json_array_foreach(json_object_get(c->seccomp, "flags"), i, flag)
	{
		const char *text = json_string_value(flag);
		bool found = false;
		for (size_t k = 0; text && k < ARRAY_SIZE(known); k++)
			if (str_eq(known[k].name, text)) {
				s->seccomp_flags |= known[k].flag;
				found = true;
			}
		if (!found)
			return err_set(e, EINVAL,
				"config.json: 'linux.seccomp.flags': there is no '%.60s'",
				text ? text : "?");
	}
	return read_listener(c, s, e);
}

int self_seccomp(struct oci_config *c, int dir, struct err *e)
{
	auto_free char *profile = c->seccomp ? json_text(c->seccomp) : NULL;

	if (self_seccomp_again(c, e) < 0)
		return -e->code;
	return profile ? seccomp_compile(profile, c->spec.caps.bounding,
				 c->spec.seccomp_listener != NULL, dir, FILTER, e)
		       : 0;
}

int self_seccomp_again(struct oci_config *c, struct err *e)
{
	c->spec.seccomp = xstrdup(c->seccomp ? FILTER : "");
	return c->seccomp ? read_extras(c, &c->spec, e) : 0;
}
