#include "machine/person.h"
#include "base/fs.h"
#include "base/mem.h"

#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

void person_release(struct person *p)
{
	free(p->name);
	free(p->home);
	free(p->shell);
	free(p->data_dir);
	p->name = p->home = p->shell = p->data_dir = NULL;
}

static void fill_from_passwd(const struct passwd *pw, const char *data_home, struct person *ret)
{
	ret->uid = pw->pw_uid;
	ret->gid = pw->pw_gid;
	ret->name = xstrdup(pw->pw_name);
	ret->home = xstrdup(pw->pw_dir);
	ret->shell = xstrdup(pw->pw_shell && *pw->pw_shell ? pw->pw_shell : "/bin/sh");
	ret->data_dir = data_home ? xasprintf("%s/redock", data_home)
				  : xasprintf("%s/.local/share/redock", pw->pw_dir);
}

int person_by_uid(uid_t uid, struct person *ret, struct err *e)
{
	struct passwd *pw;

	errno = 0;
	pw = getpwuid(uid);
	if (!pw)
		return err_set(e, ENOENT, "no user has the uid %u", (unsigned)uid);
	fill_from_passwd(pw, NULL, ret);
	return 0;
}

int person_caller(struct person *ret, struct err *e)
{
	const char *sudo_uid = getuid() == 0 ? getenv("SUDO_UID") : NULL;
	const char *data_home = getenv("XDG_DATA_HOME");
	uid_t uid = getuid();
	struct passwd *pw;
	uint64_t n;

	if (sudo_uid && *sudo_uid) {
		if (str_to_u64(sudo_uid, 0, UINT32_MAX - 1, &n) < 0)
			return err_set(e, EINVAL, "SUDO_UID in the environment is not a number");
		if (n != 0)
			data_home = NULL; /* the environment is root's, or half of each */
		uid = (uid_t)n;
	}
	if (data_home && *data_home != '/')
		data_home = NULL; /* XDG base directory specification: ignore relative paths */
	pw = getpwuid(uid);
	if (!pw)
		return err_set(e, ENOENT, "no user has the uid %u", (unsigned)uid);
	fill_from_passwd(pw, data_home, ret);
	return 0;
}

int person_check_path(const char *path, struct err *e)
{
	if (*path != '/')
		return err_set(e, EINVAL, "'%s' is not an absolute path", path);
	if (!str_is_one_line(path) || strpbrk(path, "\"'\\*?[]{}$%#") || strlen(path) > 3000)
		return err_set(e, EINVAL,
			"the folder '%s' has characters in its name that an SSH configuration "
			"cannot hold",
			path);
	return 0;
}

int person_become(const struct person *p, struct err *e)
{
	umask(077);
	if (geteuid() != 0 || (p->uid == 0 && getuid() == 0))
		return 0; /* we are that person already, and could not be another */
	if (initgroups(p->name, p->gid) < 0 || setresgid(p->gid, p->gid, p->gid) < 0 ||
		setresuid(p->uid, p->uid, p->uid) < 0)
		return err_errno(e, "cannot become user '%s'", p->name);
	if (p->uid != 0 && setresuid((uid_t)-1, 0, (uid_t)-1) == 0)
		return err_set(e, EPERM, "cannot give up root's rights for user '%s'", p->name);
	return 0;
}

/* Shared between parent and child. After setresuid the child is not dumpable (prctl(2),
 * PR_SET_DUMPABLE), so that the person cannot reach into it. */
struct reply {
	int result;
	bool done;
	struct err e;
	char out[PERSON_OUT_MAX];
};

__attribute__((noreturn)) static void run_child(
	const struct person *p, person_job *job, void *arg, struct reply *reply)
{
	auto_str out = STR_INIT(PERSON_OUT_MAX - 1);
	int r = person_become(p, &reply->e);

	if (r >= 0 && chdir("/") < 0)
		r = err_errno(&reply->e, "cannot change to '/'");
	if (r >= 0)
		r = job(arg, &out, &reply->e);
	if (r >= 0 && out.overflow)
		r = err_set(&reply->e, EFBIG, "a file of user '%s' is too large", p->name);
	if (r >= 0)
		memcpy(reply->out, str_text(&out), out.len + 1);
	reply->result = r;
	reply->done = true;
	_exit(0);
}

int person_run(
	const struct person *p, person_job *job, void *arg, struct str *ret_out, struct err *e)
{
	struct reply *reply = mmap(
		NULL, sizeof *reply, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = 0, r;
	pid_t pid;

	if (reply == MAP_FAILED)
		return err_errno(e, "cannot get memory");
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		run_child(p, job, arg, reply);
	if (pid < 0) {
		r = err_errno(e, "cannot start a process");
		munmap(reply, sizeof *reply);
		return r;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!reply->done) {
		r = err_set(e, EIO, "the work on the files of user '%s' was interrupted", p->name);
	} else if (reply->result < 0) {
		reply->e.text[sizeof reply->e.text - 1] = '\0';
		reply->e.hint[sizeof reply->e.hint - 1] = '\0';
		*e = reply->e;
		r = reply->result;
	} else {
		reply->out[sizeof reply->out - 1] = '\0';
		if (ret_out)
			str_add(ret_out, reply->out);
		r = reply->result;
	}
	munmap(reply, sizeof *reply);
	return r;
}
