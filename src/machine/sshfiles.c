#include "machine/sshfiles.h"
#include "machine/sshconfig.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/stat.h>

#define MACHINE_LINE "# redock machine "
#define ENGINE_LINE  "# redock engine "
#define CONF_MAX     16384

void sshfiles_owner_release(struct sshfiles_owner *o)
{
	free(o->machine);
	free(o->engine);
	o->machine = o->engine = NULL;
}

/* ---- texts ---- */

static int entry_check(const struct sshfiles_entry *n, struct err *e)
{
	struct in_addr address;

	if (strspn(n->alias, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(n->alias) ||
		!*n->alias || *n->alias == '-')
		return err_set(e, EINVAL, "'%s' cannot be an SSH alias", n->alias);
	if (inet_pton(AF_INET, n->address, &address) != 1)
		return err_set(e, EINVAL, "machine '%s' has no address", n->machine);
	if (!str_is_one_line(n->machine) || !str_is_one_line(n->engine))
		return err_set(e, EINVAL, "machine '%s' has line breaks in its name", n->alias);
	return person_check_path(n->dir, e);
}

int sshfiles_conf(const struct sshfiles_entry *n, struct str *ret, struct err *e)
{
	static const char fixed[] = "\tUser root\n"
				    "\tPort 22\n"
				    "\tAddressFamily inet\n"
				    "\tProxyCommand none\n"
				    "\tProxyJump none\n"
				    "\tCanonicalizeHostname no\n"
				    "\tIdentitiesOnly yes\n"
				    "\tIdentityAgent none\n"
				    "\tCertificateFile none\n"
				    "\tPreferredAuthentications publickey\n"
				    "\tHostKeyAlgorithms ssh-ed25519\n"
				    "\tGlobalKnownHostsFile /dev/null\n"
				    "\tKnownHostsCommand none\n"
				    "\tStrictHostKeyChecking yes\n"
				    "\tCheckHostIP no\n"
				    "\tVerifyHostKeyDNS no\n"
				    "\tUpdateHostKeys no\n"
				    "\tForwardAgent no\n"
				    "\tForwardX11 no\n"
				    "\tAddKeysToAgent no\n"
				    "\tPermitLocalCommand no\n"
				    "\tControlMaster no\n"
				    "\tControlPath none\n"
				    "\tTunnel no\n"
				    "\tCompression no\n";
	int r = entry_check(n, e);

	if (r < 0)
		return r;
	str_addf(ret, MACHINE_LINE "%s\n" ENGINE_LINE "%s\n", n->machine, n->engine);
	str_addf(ret, "# Written by redock, removed by: redock kill %s\n", n->machine);
	str_addf(ret, "Host %s\n\tHostName %s\n", n->alias, n->address);
	str_addf(ret, "\tHostKeyAlias %s\n", n->alias);
	str_addf(ret, "\tIdentityFile \"%s/id_ed25519\"\n", n->dir);
	str_addf(ret, "\tUserKnownHostsFile \"%s/machines/%s.known_hosts\"\n", n->dir, n->alias);
	str_add(ret, fixed);
	return 0;
}

static char *header(const char **text, const char *prefix)
{
	size_t len;
	char *value;

	if (!str_starts(*text, prefix))
		return NULL;
	*text += strlen(prefix);
	len = strcspn(*text, "\n");
	value = xstrndup(*text, len);
	*text += len + ((*text)[len] == '\n');
	return value;
}

void sshfiles_parse_owner(const char *conf, struct sshfiles_owner *ret)
{
	ret->machine = header(&conf, MACHINE_LINE);
	ret->engine = ret->machine ? header(&conf, ENGINE_LINE) : NULL;
	if (!ret->engine || !str_is_one_line(ret->machine) || !str_is_one_line(ret->engine))
		sshfiles_owner_release(ret);
}

int sshfiles_parse_key(const char *text, struct str *ret, struct err *e)
{
	static const char type[] = "ssh-ed25519 ";
	static const char base64[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *key = text + sizeof type - 1;
	size_t len;

	if (!str_starts(text, type))
		return err_set(e, EINVAL, "it is not a public key of the type ed25519");
	len = strspn(key, base64);
	/* 4 + 11 + 4 + 32 bytes (RFC 8709) are 68 digits; the first of them spell the type again */
	if (len != 68 || !strchr(" \r\n", key[len]) ||
		!str_starts(key, "AAAAC3NzaC1lZDI1NTE5AAAAI"))
		return err_set(e, EINVAL, "it is not a public key of the type ed25519");
	str_add_data(ret, text, (size_t)(key - text) + len);
	return 0;
}

/* ---- key pairs ---- */

static int keygen(const char *path, struct err *e)
{
	char *argv[] = { "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "redock", "-f",
		(char *)path, NULL };
	int r = proc_run(argv, NULL, e);

	if (r == 0)
		return 0;
	if (r == -ENOENT)
		return err_hint(e, "install OpenSSH's client: apt-get install openssh-client");
	return err_wrap(e, "cannot make an SSH key");
}

/* A missing public half is computed from the private one. */
static int restore_public(int dir_fd, const char *path, const char *name, struct err *e)
{
	auto_free char *file = xasprintf("%s/%s", path, name);
	auto_free char *pub = xasprintf("%s.pub", name);
	char *argv[] = { "ssh-keygen", "-y", "-P", "", "-f", file, NULL };
	auto_str out = STR_INIT(4096);

	if (proc_run(argv, &out, e) != 0)
		return err_wrap(e, "cannot read the SSH key '%s'", file);
	return fs_write_file(dir_fd, pub, str_text(&out), out.len, 0644, FS_VOLATILE, e);
}

/* The public half gets its name first: a private key that is there has one. */
static int make_pair(int dir_fd, const char *path, const char *name, struct err *e)
{
	auto_free char *tmp = xasprintf("%s.new", name), *tmp_pub = xasprintf("%s.new.pub", name);
	auto_free char *pub = xasprintf("%s.pub", name), *file = xasprintf("%s/%s", path, tmp);
	int r;

	if ((unlinkat(dir_fd, tmp, 0) < 0 && errno != ENOENT) ||
		(unlinkat(dir_fd, tmp_pub, 0) < 0 && errno != ENOENT))
		return err_errno(e, "cannot write below '%s'", path);
	r = keygen(file, e);
	if (r < 0)
		return r;
	if (renameat(dir_fd, tmp_pub, dir_fd, pub) < 0 ||
		renameat2(dir_fd, tmp, dir_fd, name, RENAME_NOREPLACE) < 0)
		return err_errno(e, "cannot write '%s/%s'", path, name);
	return 0;
}

int sshfiles_key_pair(
	int dir_fd, const char *path, const char *name, struct str *ret_key, struct err *e)
{
	auto_free char *pub = xasprintf("%s.pub", name), *text = NULL;
	struct stat st;
	int r = 0;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		r = errno == ENOENT ? make_pair(dir_fd, path, name, e)
				    : err_errno(e, "cannot read '%s/%s'", path, name);
	else if (faccessat(dir_fd, pub, F_OK, 0) < 0)
		r = restore_public(dir_fd, path, name, e);
	if (r >= 0)
		r = fs_read_file(dir_fd, pub, 4096, &text, NULL, e);
	if (r >= 0)
		r = sshfiles_parse_key(text, ret_key, e);
	if (r < 0)
		return err_wrap(e, "cannot use the SSH key '%s/%s'", path, name);
	return 0;
}

/* ---- jobs, run as the person ---- */

/* Opens <data dir>/ssh/machines, making what is missing, and takes the folder's lock. */
static int open_dirs(const char *dir, int *ret_dir, int *ret_machines, struct err *e)
{
	auto_close int fd = fs_open_dir_make(AT_FDCWD, dir, 0700, e);
	struct stat st;
	int machines;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return err_errno(e, "cannot read '%s'", dir);
	if (st.st_uid != geteuid())
		return err_set(e, EPERM, "'%s' belongs to uid %u and not to uid %u", dir,
			(unsigned)st.st_uid, (unsigned)geteuid());
	/* ssh(1) refuses to work at all with files of ours that others can write */
	if ((st.st_mode & 077) && fchmod(fd, 0700) < 0)
		return err_errno(e, "cannot make '%s' private", dir);
	machines = fs_open_dir_make(fd, "machines", 0700, e);
	if (machines < 0)
		return machines;
	*ret_machines = machines;
	*ret_dir = take_fd(&fd);
	return 0;
}

static int install_include(const struct sshfiles_prepare *p, struct err *e)
{
	auto_free char *pattern = xasprintf("%s/machines/*.conf", p->dir);
	auto_free char *ssh = xasprintf("%s/.ssh", p->home);
	auto_close int fd = -1;
	struct stat st;

	if (mkdir(ssh, 0700) < 0 && errno != EEXIST)
		return err_errno(e, "cannot make the folder '%s'", ssh);
	fd = open(ssh, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(e, "cannot open the folder '%s'", ssh);
	if (fstat(fd, &st) < 0)
		return err_errno(e, "cannot read the folder '%s'", ssh);
	if (st.st_uid != geteuid())
		return err_set(e, EPERM, "'%s' belongs to uid %u and not to uid %u", ssh,
			(unsigned)st.st_uid, (unsigned)geteuid());
	return sshconfig_install(fd, ssh, pattern, e);
}

/* The text of an entry's file, "" when there is none. */
static int read_entry(int machines, const char *name, char **ret, struct err *e)
{
	int r = fs_read_file(machines, name, CONF_MAX, ret, NULL, e);

	if (r == -ENOENT) {
		err_clear(e);
		*ret = xstrdup("");
		return 0;
	}
	return r;
}

int sshfiles_prepare(void *arg, struct str *out, struct err *e)
{
	const struct sshfiles_prepare *p = arg;
	auto_close int dir = -1, machines = -1, lock = -1;
	auto_free char *conf = xasprintf("%s.conf", p->alias), *text = NULL;
	__attribute__((cleanup(sshfiles_owner_release))) struct sshfiles_owner owner = { 0 };
	int r = person_check_path(p->dir, e);

	if (r >= 0)
		r = open_dirs(p->dir, &dir, &machines, e);
	if (r < 0)
		return r;
	lock = fs_lock(dir, "lock", 10000, e);
	if (lock < 0)
		return err_wrap(e, "cannot work in '%s'", p->dir);
	r = sshfiles_key_pair(dir, p->dir, "id_ed25519", out, e);
	if (r >= 0)
		r = install_include(p, e);
	if (r >= 0)
		r = read_entry(machines, conf, &text, e);
	if (r < 0)
		return r;
	sshfiles_parse_owner(text, &owner);
	str_addf(out, "\n%s\n%s\n", owner.machine ? owner.machine : "",
		owner.engine ? owner.engine : "");
	return 0;
}

static int write_if_new(int machines, const char *name, const struct str *text, struct err *e)
{
	auto_free char *old = NULL;
	struct stat st;

	/* one that cannot be read or is something else is replaced */
	if (fs_read_file(machines, name, CONF_MAX, &old, NULL, e) < 0)
		err_clear(e);
	else if (str_eq(old, str_text(text)) &&
		 fstatat(machines, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
		 (st.st_mode & 07777) == 0600 && st.st_uid == geteuid())
		return 0;
	return fs_write_file(machines, name, str_text(text), text->len, 0600, FS_VOLATILE, e);
}

int sshfiles_publish(void *arg, struct str *out, struct err *e)
{
	const struct sshfiles_entry *n = arg;
	auto_close int dir = -1, machines = -1;
	auto_free char *conf = xasprintf("%s.conf", n->alias);
	auto_free char *known = xasprintf("%s.known_hosts", n->alias);
	auto_str text = STR_INIT(CONF_MAX), line = STR_INIT(1024);
	int r = sshfiles_conf(n, &text, e);

	(void)out;
	if (r >= 0)
		r = open_dirs(n->dir, &dir, &machines, e);
	if (r < 0)
		return r;
	str_addf(&line, "%s %s\n", n->alias, n->host_key);
	r = write_if_new(machines, known, &line, e);
	return r < 0 ? r : write_if_new(machines, conf, &text, e);
}

int sshfiles_remove(void *arg, struct str *out, struct err *e)
{
	const struct sshfiles_entry *n = arg;
	auto_close int machines = -1;
	auto_free char *path = xasprintf("%s/machines", n->dir), *text = NULL;
	auto_free char *conf = xasprintf("%s.conf", n->alias);
	auto_free char *known = xasprintf("%s.known_hosts", n->alias);
	__attribute__((cleanup(sshfiles_owner_release))) struct sshfiles_owner owner = { 0 };
	int r;

	(void)out;
	machines = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (machines < 0)
		return errno == ENOENT ? 0 : err_errno(e, "cannot open '%s'", path);
	r = read_entry(machines, conf, &text, e);
	if (r < 0)
		return r;
	sshfiles_parse_owner(text, &owner);
	if (!owner.machine || !str_eq(owner.machine, n->machine) ||
		!str_eq(owner.engine, n->engine))
		return 0; /* gone, or another machine's by now */
	/* the one that says whose it is goes last, so that an interrupted removal can be repeated
	 */
	if ((unlinkat(machines, known, 0) < 0 && errno != ENOENT) ||
		(unlinkat(machines, conf, 0) < 0 && errno != ENOENT))
		return err_errno(e, "cannot remove '%s/%s'", path, conf);
	return 0;
}
