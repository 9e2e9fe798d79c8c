#include "net/names.h"
#include "base/mem.h"
#include "base/str.h"
#include "net/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <pwd.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define HOSTS "/mnt" /* of every host (hier(7)); it is covered in this process's tree alone */

/* A tree of mounts that nobody else sees, in which what the host unmounts is unmounted, too. */
static int own_mounts(struct err *e)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return err_errno(e, "cannot make a mount namespace");
	/* dnsmasq gives what it logs to to its user; writing to a device is no writing to its mount
	 */
	if (mount("/dev/null", "/dev/null", NULL, MS_BIND, NULL) < 0 ||
		mount(NULL, "/dev/null", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) < 0)
		return err_errno(e, "cannot keep the name server from taking /dev/null");
	return 0;
}

/* A hosts directory where a server of another user can read it, without opening the way to it to
 * everybody: bound, read-only. */
static int bind_hosts(const char *directory, const char *place, struct err *e)
{
	if (mount(directory, place, NULL, MS_BIND, NULL) < 0 ||
		mount(NULL, place, NULL,
			MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
			NULL) < 0)
		return err_errno(e, "cannot show the name server its directory");
	return 0;
}

/* Becomes dnsmasq with what every server of ours has, and `more`. */
static int become(const struct strv *more, struct err *e)
{
	auto_strv argv = { 0 };

	strv_push(&argv, "dnsmasq");
	strv_push(&argv, "--conf-file=/dev/null");
	strv_push(&argv, "--no-hosts");
	strv_push(&argv, "--bind-interfaces");
	strv_push(&argv, getpwnam("dnsmasq") ? "--user=dnsmasq" : "--user=nobody");
	strv_push(&argv, "--no-negcache");
	strv_push(&argv, "--no-ident");
	strv_push(&argv, "--log-facility=/dev/null");
	strv_extend(&argv, more->v);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	umask(077);
	if (chdir("/") == 0)
		syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	execvp("dnsmasq", argv.v);
	if (errno == ENOENT) {
		err_set(e, ENOENT, "there is no dnsmasq, which answers names on networks");
		return err_hint(e, "apt install dnsmasq-base");
	}
	return err_errno(e, "cannot execute dnsmasq");
}

int names_server(char *const *words, struct err *e)
{
	auto_strv more = { 0 };

	strv_pushf(&more, "--pid-file=%s", words[0]);
	strv_pushf(&more, "--listen-address=%s", words[1]);
	strv_pushf(&more, "--port=%s", words[2]);
	strv_push(&more, "--hostsdir=" HOSTS);
	if (own_mounts(e) < 0 || bind_hosts(words[3], HOSTS, e) < 0)
		return -e->code;
	return become(&more, e);
}

/* ---- inside a container's namespace ---- */

/* A port that neither udp nor tcp has: what the container runs may want 53 for itself. */
static int free_port(struct err *e)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t size = sizeof a;

	inet_pton(AF_INET, NET_NAMES_INSIDE, &a.sin_addr);
	for (int tries = 0; tries < 16; tries++) {
		auto_close int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		auto_close int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		a.sin_port = 0;
		if (tcp < 0 || udp < 0 || bind(udp, (struct sockaddr *)&a, sizeof a) < 0 ||
			getsockname(udp, (struct sockaddr *)&a, &size) < 0)
			break;
		if (bind(tcp, (struct sockaddr *)&a, sizeof a) == 0)
			return ntohs(a.sin_port);
	}
	return err_errno(e, "cannot find a port for the name server");
}

static int hosts_inside(char *const *directories, struct strv *more, struct err *e)
{
	if (own_mounts(e) < 0)
		return -e->code;
	if (mount("tmpfs", HOSTS, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755,size=64k") <
		0)
		return err_errno(e, "cannot make a place for the name server's directories");
	for (size_t i = 0; directories[i]; i++) {
		auto_free char *place = xasprintf(HOSTS "/%zu", i);
		if (mkdir(place, 0755) < 0)
			return err_errno(e, "cannot make '%s'", place);
		if (bind_hosts(directories[i], place, e) < 0)
			return -e->code;
		strv_pushf(more, "--hostsdir=%s", place);
	}
	return 0;
}

int names_inside(char *const *words, int (*redirect)(int port, struct err *), struct err *e)
{
	auto_close int netns = open(words[1], O_RDONLY | O_CLOEXEC);
	auto_free char *servers = xstrdup(words[2]);
	auto_strv more = { 0 };
	char *save = NULL;
	int port;

	if (netns < 0)
		return err_errno(e, "cannot open the container's network namespace");
	if (hosts_inside(words + 3, &more, e) < 0)
		return -e->code;
	if (setns(netns, CLONE_NEWNET) < 0)
		return err_errno(e, "cannot enter the container's network namespace");
	port = free_port(e);
	if (port < 0 || redirect(port, e) < 0)
		return -e->code;
	strv_pushf(&more, "--pid-file=%s", words[0]);
	strv_push(&more, "--listen-address=" NET_NAMES_INSIDE);
	strv_pushf(&more, "--port=%d", port);
	strv_push(&more, "--no-resolv");
	for (char *w = strtok_r(servers, ",", &save); w; w = strtok_r(NULL, ",", &save))
		strv_pushf(&more, "--server=%s", w);
	return become(&more, e);
}
