#include "machine/sshconfig.h"
#include "base/fs.h"
#include "base/mem.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/stat.h>

#define BACKUP "config.redock-backup"

/* ---- the text ---- */

void sshconfig_line(const char *pattern, struct str *ret)
{
	const char *quote = strpbrk(pattern, " \t") ? "\"" : "";

	str_addf(ret, "Include %s%s%s\n", quote, pattern, quote);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

/* "keyword [=] argument" (ssh_config(5)), blanks around it left out. */
static bool line_includes(const char *line, size_t len, const char *pattern)
{
	static const char keyword[] = "include";
	size_t want = strlen(pattern), k = sizeof keyword - 1;

	if (len < k || strncasecmp(line, keyword, k) != 0)
		return false;
	line += k;
	len -= k;
	if (!len || !(is_blank(*line) || *line == '='))
		return false;
	while (len && (is_blank(*line) || *line == '='))
		line++, len--;
	if (len == want + 2 && line[0] == '"' && line[len - 1] == '"')
		line++, len -= 2;
	return len == want && memcmp(line, pattern, want) == 0;
}

bool sshconfig_has_include(const char *data, size_t len, const char *pattern)
{
	while (len) {
		const char *end = memchr(data, '\n', len);
		size_t line_len = end ? (size_t)(end - data) : len, skip = line_len + (end != NULL);
		const char *line = data;

		while (line_len && is_blank(*line))
			line++, line_len--;
		while (line_len && is_blank(line[line_len - 1]))
			line_len--;
		if (line_len && *line != '#')
			return line_includes(line, line_len, pattern);
		data += skip;
		len -= skip;
	}
	return false;
}

void sshconfig_add_include(const char *data, size_t len, const char *pattern, struct str *ret)
{
	if (!sshconfig_has_include(data, len, pattern)) {
		sshconfig_line(pattern, ret);
		str_add_char(ret, '\n');
	}
	str_add_data(ret, data, len);
}

/* ---- the file ---- */

/* The file that "config" means: itself, or what it links to, by its directory and plain name. */
struct target {
	int dir;
	char *name, *data;
	size_t len;
	bool exists;
	struct stat st;
};

static void target_release(struct target *t)
{
	close_fd(&t->dir);
	free(t->name);
	free(t->data);
}

static int by_hand(struct err *e, const char *pattern)
{
	auto_str line = STR_INIT(4096);

	sshconfig_line(pattern, &line);
	if (line.len)
		str_truncate(&line, line.len - 1);
	return err_hint(e, "put this line first in it yourself: %s", str_text(&line));
}

/* The directory and name that the open file `fd` has now, after all links. */
static int locate(int fd, const char *shown, struct target *t, struct err *e)
{
	char link[40], path[4096], *slash;
	struct stat there;
	ssize_t n;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof path - 1);
	if (n <= 0)
		return err_errno(e, "cannot follow the link '%s/config'", shown);
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (!slash || !slash[1])
		return err_set(e, EINVAL, "cannot follow the link '%s/config'", shown);
	*slash = '\0';
	t->name = xstrdup(slash + 1);
	t->dir = open(*path ? path : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->dir < 0)
		return err_errno(e, "cannot open '%s', where '%s/config' leads", path, shown);
	if (fstatat(t->dir, t->name, &there, AT_SYMLINK_NOFOLLOW) < 0 ||
		there.st_dev != t->st.st_dev || there.st_ino != t->st.st_ino)
		return err_set(e, EBUSY, "'%s/config' changed while it was read", shown);
	return 0;
}

static int target_read(
	int ssh_dir, int fd, bool is_link, const char *shown, struct target *t, struct err *e)
{
	ssize_t n;

	if (fstat(fd, &t->st) < 0)
		return err_errno(e, "cannot read '%s/config'", shown);
	if (!S_ISREG(t->st.st_mode))
		return err_set(e, EINVAL, "'%s/config' is not a regular file", shown);
	if (t->st.st_uid != geteuid())
		return err_set(e, EPERM, "'%s/config' belongs to uid %u and not to uid %u", shown,
			(unsigned)t->st.st_uid, (unsigned)geteuid());
	if ((uint64_t)t->st.st_size > SSHCONFIG_MAX)
		return err_set(e, EFBIG, "'%s/config' is larger than 4 MiB", shown);
	t->len = (size_t)t->st.st_size;
	t->data = xmalloc(t->len + 1);
	n = fs_read_full(fd, t->data, t->len + 1);
	if (n != (ssize_t)t->len)
		return err_set(e, EBUSY, "'%s/config' changed while it was read", shown);
	t->exists = true;
	if (is_link)
		return locate(fd, shown, t, e);
	t->name = xstrdup("config");
	t->dir = fcntl(ssh_dir, F_DUPFD_CLOEXEC, 3);
	return 0;
}

static int target_open(int ssh_dir, const char *shown, struct target *t, struct err *e)
{
	auto_close int fd = -1;
	struct stat st;

	if (fstatat(ssh_dir, "config", &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT)
			return err_errno(e, "cannot read '%s/config'", shown);
		t->name = xstrdup("config");
		t->dir = fcntl(ssh_dir, F_DUPFD_CLOEXEC, 3);
		t->st.st_mode = 0600;
		t->st.st_gid = getegid();
		return 0;
	}
	fd = openat(ssh_dir, "config", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && S_ISLNK(st.st_mode))
		return err_set(e, ENOENT, "'%s/config' is a symbolic link to nothing", shown);
	if (fd < 0)
		return err_errno(e, "cannot read '%s/config'", shown);
	return target_read(ssh_dir, fd, S_ISLNK(st.st_mode), shown, t, e);
}

/* A new file `tmp` with the given content and the target's mode and group, on the disk. */
static int write_new(
	int dir, const char *tmp, const struct stat *like, const char *data, size_t len)
{
	auto_close int fd =
		openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat mine;
	int r;

	if (fd < 0)
		return -errno;
	r = fs_write_all(fd, data, len);
	if (r == 0 && fstat(fd, &mine) < 0)
		r = -errno;
	/* a group that we may not give matters only if it has rights */
	if (r == 0 && mine.st_gid != like->st_gid && fchown(fd, (uid_t)-1, like->st_gid) < 0 &&
		(like->st_mode & 070))
		r = -errno;
	if (r == 0 && (fchmod(fd, like->st_mode & 07777) < 0 || fsync(fd) < 0))
		r = -errno;
	if (r < 0)
		unlinkat(dir, tmp, 0);
	return r;
}

static int new_name(char ret[48])
{
	uint64_t salt;

	if (getrandom(&salt, sizeof salt, 0) != sizeof salt)
		return -EIO;
	snprintf(ret, 48, ".config.redock-%016llx", (unsigned long long)salt);
	return 0;
}

/* The file as it was before we ever touched it; an older back-up is never overwritten. */
static int keep_backup(int ssh_dir, const struct target *t)
{
	struct stat st;
	char tmp[48];
	int r;

	if (!t->exists || fstatat(ssh_dir, BACKUP, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	r = new_name(tmp);
	if (r == 0)
		r = write_new(ssh_dir, tmp, &t->st, t->data, t->len);
	if (r < 0)
		return r;
	if (renameat2(ssh_dir, tmp, ssh_dir, BACKUP, RENAME_NOREPLACE) < 0) {
		r = errno == EEXIST ? 0 : -errno;
		unlinkat(ssh_dir, tmp, 0);
	}
	return r;
}

/* The target is still the file that was read (an editor may be at work too). */
static bool unchanged(const struct target *t)
{
	struct stat now;

	if (fstatat(t->dir, t->name, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return !t->exists && errno == ENOENT;
	return t->exists && now.st_ino == t->st.st_ino && now.st_dev == t->st.st_dev &&
	       now.st_size == t->st.st_size && now.st_mtim.tv_sec == t->st.st_mtim.tv_sec &&
	       now.st_mtim.tv_nsec == t->st.st_mtim.tv_nsec;
}

static int replace(const struct target *t, const char *shown, const struct str *text, struct err *e)
{
	char tmp[48];
	int r = new_name(tmp);

	if (r == 0)
		r = write_new(t->dir, tmp, &t->st, str_text(text), text->len);
	if (r == 0 && !unchanged(t)) {
		unlinkat(t->dir, tmp, 0);
		return err_set(
			e, EBUSY, "'%s/config' was changed by another program meanwhile", shown);
	}
	if (r == 0 && renameat2(t->dir, tmp, t->dir, t->name, t->exists ? 0 : RENAME_NOREPLACE)) {
		r = -errno;
		unlinkat(t->dir, tmp, 0);
	}
	if (r == 0 && fsync(t->dir) < 0)
		r = -errno;
	if (r < 0) {
		errno = -r;
		return err_errno(e, "cannot write '%s/config'", shown);
	}
	return 0;
}

int sshconfig_install(int ssh_dir, const char *shown, const char *pattern, struct err *e)
{
	__attribute__((cleanup(target_release))) struct target t = { .dir = -1 };
	auto_str text = STR_INIT(SSHCONFIG_MAX + 8192);
	int r = target_open(ssh_dir, shown, &t, e);

	if (r < 0)
		return by_hand(e, pattern);
	if (sshconfig_has_include(t.data ? t.data : "", t.len, pattern))
		return 0;
	sshconfig_add_include(t.data ? t.data : "", t.len, pattern, &text);
	r = keep_backup(ssh_dir, &t);
	if (r < 0) {
		errno = -r;
		err_errno(e, "cannot keep a copy of '%s/config' as '%s'", shown, BACKUP);
		return by_hand(e, pattern);
	}
	r = replace(&t, shown, &text, e);
	return r < 0 ? by_hand(e, pattern) : 0;
}
