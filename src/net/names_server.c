#include "net/names.h"
#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <pwd.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define HOSTS "/mnt" /* of every host (hier(7)); it is covered in this process's tree alone */

/* The hosts directory where a server of another user can read it, without opening the way to it to
 * everybody: bound, read-only, in a mount namespace of its own, in which what the host unmounts is
 * unmounted, too. */
static int bind_hosts(const char *directory, struct err *e)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return err_errno(e, "cannot make a mount namespace");
	if (mount(directory, HOSTS, NULL, MS_BIND, NULL) < 0 ||
		mount(NULL, HOSTS, NULL,
			MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
			NULL) < 0)
		return err_errno(e, "cannot show the name server its directory");
	return 0;
}

int names_server(char *const *words, struct err *e)
{
	auto_free char *pid_file = xasprintf("--pid-file=%s", words[0]);
	auto_free char *listen = xasprintf("--listen-address=%s", words[1]);
	auto_free char *port = xasprintf("--port=%s", words[2]);
	auto_free char *user = xasprintf("--user=%s", getpwnam("dnsmasq") ? "dnsmasq" : "nobody");
	char *argv[] = { (char *)"dnsmasq", (char *)"--conf-file=/dev/null", (char *)"--no-hosts",
		(char *)"--hostsdir=" HOSTS, (char *)"--bind-interfaces", listen, port, user,
		pid_file, (char *)"--no-negcache", (char *)"--no-ident",
		(char *)"--log-facility=/dev/null", NULL };
	char *env[] = { (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };

	if (bind_hosts(words[3], e) < 0)
		return -e->code;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	umask(077);
	if (chdir("/") == 0)
		syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	execvpe("dnsmasq", argv, env);
	if (errno == ENOENT) {
		err_set(e, ENOENT, "there is no dnsmasq, which answers names on networks");
		return err_hint(e, "apt install dnsmasq-base");
	}
	return err_errno(e, "cannot execute dnsmasq");
}
