#include "build/git.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"

#include <fcntl.h>
#include <string.h>

#define OUTPUT_MAX 4096

struct git {
	int dir_fd; /* of the work tree */
	char *dir;  /* the same, as another process reaches it */
	struct strv env;
};

static void git_release(struct git *g)
{
	free(g->dir);
	strv_release(&g->env);
}
#define auto_git __attribute__((cleanup(git_release))) struct git

/* The whole environment. A home directory would bring .netrc, whose passwords libcurl sends. */
static void set_environment(struct git *g)
{
	static const char *const fixed[] = {
		"LC_ALL=C",
		"HOME=/nonexistent",
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_ATTR_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0",
		"GIT_TEMPLATE_DIR=", /* hooks would come from there */
		"GIT_ALLOW_PROTOCOL=https:http:git:ssh",
		"GIT_SSH_COMMAND=ssh -o BatchMode=yes",
		"GIT_SSH_VARIANT=ssh",
		"GIT_LFS_SKIP_SMUDGE=1",
		"GIT_OPTIONAL_LOCKS=0",
	};
	static const char *const passed[] = { "PATH", "SSH_AUTH_SOCK", "http_proxy", "https_proxy",
		"HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY", "SSL_CERT_FILE",
		"SSL_CERT_DIR" };
	/* nothing goes on in the background, nobody waits for ever */
	static const char *const config[][2] = {
		{ "core.hooksPath", "/dev/null" },
		{ "core.fsmonitor", "false" },
		{ "gc.auto", "0" },
		{ "maintenance.auto", "false" },
		{ "init.defaultBranch", "main" },
		{ "advice.detachedHead", "false" },
		{ "credential.helper", "" },
		{ "protocol.file.allow", "never" },
		{ "http.lowSpeedLimit", "1" },
		{ "http.lowSpeedTime", "60" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		strv_push(&g->env, fixed[i]);
	for (size_t i = 0; i < ARRAY_SIZE(passed); i++)
		if (getenv(passed[i]))
			strv_pushf(&g->env, "%s=%s", passed[i], getenv(passed[i]));
	strv_pushf(&g->env, "GIT_CONFIG_COUNT=%zu", ARRAY_SIZE(config));
	for (size_t i = 0; i < ARRAY_SIZE(config); i++) {
		strv_pushf(&g->env, "GIT_CONFIG_KEY_%zu=%s", i, config[i][0]);
		strv_pushf(&g->env, "GIT_CONFIG_VALUE_%zu=%s", i, config[i][1]);
	}
}

/* What a stranger's server made git say, as one line. */
static void one_line(struct str *text)
{
	for (size_t i = 0; i < text->len; i++)
		if ((unsigned char)text->data[i] < 0x20 || (unsigned char)text->data[i] >= 0x7f)
			text->data[i] = ' ';
	while (text->len && text->data[text->len - 1] == ' ')
		str_truncate(text, text->len - 1);
}

/* Its beginning; the rest is read and forgotten, so that git never waits. */
static void read_all(int fd, struct str *ret)
{
	char block[4096];
	ssize_t n;

	while ((n = read(fd, block, sizeof block)) > 0 || (n < 0 && errno == EINTR))
		if (n > 0 && !ret->overflow)
			str_add_data(ret, block,
				(size_t)n < ret->limit - ret->len ? (size_t)n
								  : ret->limit - ret->len);
}

/* Runs git with these words. What comes on stdout (wanted) or stderr is kept. */
static int git(const struct git *g, char *const *words, bool wanted, struct str *ret, struct err *e)
{
	struct proc_spawn p = PROC_SPAWN_INIT;
	auto_strv argv = { 0 };
	int ends[2], status;
	pid_t pid;

	strv_push(&argv, "git");
	strv_push(&argv, "-C");
	strv_push(&argv, g->dir);
	strv_extend(&argv, words);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(e, "cannot make a pipe");
	p.path = "git";
	p.search = true;
	p.argv = argv.v;
	p.env = g->env.v;
	p.fds[0] = -1;
	p.fds[1] = wanted ? ends[1] : -1;
	p.fds[2] = wanted ? -1 : ends[1];
	pid = proc_start(&p, NULL, e);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		if (e->code == ENOENT) {
			err_set(e, ENOEXEC, "git repositories need git(1), which is not here");
			return err_hint(e, "apt-get install git");
		}
		return pid;
	}
	read_all(ends[0], ret);
	close(ends[0]);
	one_line(ret);
	status = proc_wait(pid);
	return status == 0 ? 0 : -EIO;
}

/* The same, for what must succeed. */
static int git_do(const struct git *g, const char *what, char *const *words, struct err *e)
{
	auto_str said = STR_INIT(OUTPUT_MAX);
	int r = git(g, words, false, &said, e);

	if (r < 0 && r != -EIO)
		return r;
	return r < 0 ? err_set(e, EIO, "git cannot %s: %.500s", what, str_text(&said)) : 0;
}
#define WORDS(...)                                                                                 \
	(char *const[])                                                                            \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}

/* The full name of an object, or NULL. */
static char *name_of(const struct git *g, const char *what)
{
	auto_str name = STR_INIT(256);
	struct err ignored;

	if (git(g, WORDS("rev-parse", "--quiet", "--verify", "--end-of-options", (char *)what),
		    true, &name, &ignored) < 0 ||
		!name.len)
		return NULL;
	return str_take(&name);
}

static bool is_hex(const char *text)
{
	size_t n = strlen(text);

	return n >= 4 && n <= 64 && strspn(text, "0123456789abcdefABCDEF") == n;
}

static int no_such(const struct git_source *s, const char *said, struct err *e)
{
	if (strstr(said, "couldn't find remote ref") || !*said)
		return err_set(e, ENOENT, "the git repository '%.200s' has no '%.200s'", s->url,
			s->ref ? s->ref : "HEAD");
	err_set(e, EIO, "git cannot read '%.200s': %.400s", s->url, said);
	if (strstr(said, "could not read Username") || strstr(said, "Authentication failed") ||
		strstr(said, "terminal prompts disabled"))
		err_hint(
			e, "ssh, as git@HOST:PATH; a repository that wants a password is not read");
	else if (strstr(said, "Host key verification failed"))
		err_hint(e, "ssh-keyscan HOST >>~/.ssh/known_hosts, and look whether it is the "
			    "right key");
	else if (strstr(said, "Permission denied"))
		err_hint(e, "ssh-add -l, and sudo --preserve-env=SSH_AUTH_SOCK");
	return -e->code;
}

/* A commit that no server gives by its name: all branches and tags, and it is among them. */
static char *fetch_all(const struct git *g, const struct git_source *s, struct str *said)
{
	auto_free char *what = xasprintf("%s^{commit}", s->ref);
	struct err ignored;

	str_truncate(said, 0);
	if (git(g,
		    WORDS("fetch", "--quiet", "--no-recurse-submodules", "--", "origin",
			    "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"),
		    false, said, &ignored) < 0)
		return NULL;
	return name_of(g, what);
}

/* Only what is needed, if the server can do that; else more. *ret: what was asked for, which may
 * be a tag. */
static int fetch(const struct git *g, const struct git_source *s, char **ret, struct err *e)
{
	const char *ref = s->ref ? s->ref : "HEAD";
	auto_str said = STR_INIT(OUTPUT_MAX);
	int r = git(g,
		WORDS("fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--",
			"origin", (char *)ref),
		false, &said, e);

	if (r == -EIO && strstr(str_text(&said), "shallow")) { /* plain files behind http */
		str_truncate(&said, 0);
		r = git(g,
			WORDS("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--",
				"origin", (char *)ref),
			false, &said, e);
	}
	if (r == 0)
		*ret = name_of(g, "FETCH_HEAD");
	else if (r == -EIO && is_hex(ref))
		*ret = fetch_all(g, s, &said);
	else if (r != -EIO)
		return r;
	return *ret ? 0 : no_such(s, str_text(&said), e);
}

static int check_commit(const char *wanted, const char *object, const char *commit, struct err *e)
{
	if (!wanted || strcasecmp(wanted, commit) == 0 || strcasecmp(wanted, object) == 0)
		return 0;
	err_set(e, EBADMSG, "its commit is %s, not %.100s", commit,
		str_is_one_line(wanted) ? wanted : "?");
	return err_hint(e, "look at what has changed there before you change --checksum");
}

static int check_out(const struct git *g, const struct git_source *s, const char *checksum,
	char **ret_commit, struct err *e)
{
	auto_free char *object = NULL, *what = NULL, *commit = NULL;
	struct stat st;

	if (git_do(g, "begin", WORDS("init", "--quiet", "--template="), e) < 0 ||
		git_do(g, "begin", WORDS("remote", "add", "--", "origin", s->url), e) < 0 ||
		fetch(g, s, &object, e) < 0)
		return -e->code;
	what = xasprintf("%s^{commit}", object);
	commit = name_of(g, what);
	if (!commit)
		return err_set(e, ENOENT, "'%.200s' of '%.200s' is no commit",
			s->ref ? s->ref : "HEAD", s->url);
	if (check_commit(checksum, object, commit, e) < 0 ||
		git_do(g, "check it out", WORDS("checkout", "--quiet", "--detach", commit), e) < 0)
		return -e->code;
	if (fstatat(g->dir_fd, ".gitmodules", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		git_do(g, "fetch its submodules",
			WORDS("submodule", "--quiet", "update", "--init", "--recursive",
				"--depth=1"),
			e) < 0)
		return -e->code;
	*ret_commit = take_ptr(&commit);
	return 0;
}

int git_checkout(const struct git_source *s, const struct git_options *o, int dir_fd,
	char **ret_commit, struct err *e)
{
	auto_git g = { .dir_fd = dir_fd, .dir = xasprintf("/proc/%d/fd/%d", getpid(), dir_fd) };
	int r;

	if (o->checksum && (!is_hex(o->checksum) ||
				   (strlen(o->checksum) != 40 && strlen(o->checksum) != 64))) {
		err_set(e, EINVAL, "'%.100s' is no commit",
			str_is_one_line(o->checksum) ? o->checksum : "?");
		return err_hint(e, "all 40 digits of it: git rev-parse");
	}
	set_environment(&g);
	r = check_out(&g, s, o->checksum, ret_commit, e);
	if (r == 0 && !o->keep_git_dir) {
		r = fs_remove_tree(dir_fd, ".git", e);
		if (r < 0)
			free(take_ptr(ret_commit));
	}
	return r;
}
