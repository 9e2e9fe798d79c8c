#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "net/bridge.h"
#include "net/net.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

#define NAME_MAX_SIZE 253

char *names_path(int dir, const char *name)
{
	char from[32], path[4096];
	ssize_t n;

	snprintf(from, sizeof from, "/proc/self/fd/%d", dir);
	n = readlink(from, path, sizeof path - 1);
	path[n > 0 ? n : 0] = '\0';
	return xasprintf("%s/%s", path, name);
}

/* One that has been killed a moment ago has no command line any more, but its sockets still. */
static void wait_for_end(int pidfd, uint64_t pid)
{
	auto_free char *path = xasprintf("/proc/%llu/comm", (unsigned long long)pid);
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	char comm[17] = "";

	if (fd >= 0 && fs_read_full(fd, comm, sizeof comm - 1) > 0 && str_starts(comm, "dnsmasq"))
		proc_await(pidfd, 2000);
}

/* A pidfd of the server, -ESRCH when there is none, or why that cannot be told. It is known by its
 * command line, in which our pid file is: a number alone could be another process's by now. */
static int open_server(int dir, const char *pid_file)
{
	auto_free char *text = NULL, *path = names_path(dir, pid_file), *cmdline = NULL;
	auto_free char *wanted = xasprintf("--pid-file=%s", path);
	auto_close int pidfd = -1, fd = -1;
	struct err ignored = { 0 };
	char line[8192];
	uint64_t pid;
	ssize_t n;
	int r = fs_read_file(dir, pid_file, 32, &text, NULL, &ignored);

	if (r < 0)
		return r == -ENOENT ? -ESRCH : r;
	text[strcspn(text, "\n")] = '\0';
	if (str_to_u64(text, 2, INT32_MAX, &pid) < 0)
		return -ESRCH;
	pidfd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	if (pidfd < 0)
		return -errno;
	cmdline = xasprintf("/proc/%llu/cmdline", (unsigned long long)pid);
	fd = open(cmdline, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT)
		return -errno;
	n = fd < 0 ? 0 : fs_read_full(fd, line, sizeof line - 1);
	if (n <= 0) {
		wait_for_end(pidfd, pid);
		return -ESRCH;
	}
	line[n] = '\0';
	for (const char *word = line; word < line + n; word += strlen(word) + 1)
		if (str_eq(word, wanted))
			return take_fd(&pidfd);
	return -ESRCH;
}

bool names_run(int dir, const char *pid_file)
{
	auto_close int pidfd = open_server(dir, pid_file);

	return pidfd >= 0;
}

void names_end(int dir, const char *pid_file)
{
	auto_close int pidfd = -1;

	if (faccessat(dir, pid_file, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	pidfd = open_server(dir, pid_file);
	if (pidfd >= 0) {
		syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0);
		/* its address is needed again, perhaps at once */
		if (!proc_await(pidfd, 2000))
			syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	}
	if (pidfd >= 0 || pidfd == -ESRCH) /* else whoever comes next has to find it */
		unlinkat(dir, pid_file, 0);
}

void names_stop(struct net *net)
{
	struct err ignored = { 0 };

	if (net->user) {
		names_end(net->run_fd, NAMES_PID_FILE);
		fs_remove_tree(net->run_fd, NAMES_HOSTS, &ignored);
	}
}

static int open_hosts(struct net *net, struct err *e)
{
	int fd = fs_open_dir_make(net->run_fd, NAMES_HOSTS, 0755, e);

	if (fd >= 0 && fchmod(fd, 0755) < 0) {
		close_fd(&fd);
		return err_errno(e, "cannot make the network's names readable");
	}
	return fd;
}

int names_start(struct net *net, struct in_addr gateway, struct err *e)
{
	auto_free char *helper = proc_helper_path("redock-net");
	auto_free char *pid_file = names_path(net->run_fd, NAMES_PID_FILE);
	auto_free char *directory = names_path(net->run_fd, NAMES_HOSTS);
	auto_close int hosts = open_hosts(net, e);
	char address[INET_ADDRSTRLEN], port[] = "53";
	char *argv[] = { helper, (char *)"names", pid_file, address, port, directory, NULL };
	int r;

	if (hosts < 0)
		return hosts;
	inet_ntop(AF_INET, &gateway, address, sizeof address);
	unlinkat(net->run_fd, NAMES_PID_FILE, 0);
	/* it goes to the background by itself, once it answers */
	r = proc_run(argv, NULL, e);
	if (r == 0)
		return 0;
	if (r > 0)
		r = -EIO;
	return err_wrap(e, "cannot start the name server of network '%s'", net->name);
}

/* What can stand in a hosts file: letters, digits, '-', '_' and '.'. */
static bool is_name(const char *name)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	size_t len = strlen(name);

	return len && len <= NAME_MAX_SIZE && strspn(name, letters) == len;
}

int net_names_add(
	struct net *net, const char *id, struct in_addr address, char *const *names, struct err *e)
{
	auto_close int lock = fs_lock(net->run_fd, LOCK_NAME, -1, e);
	auto_close int hosts = lock < 0 ? -1 : open_hosts(net, e);
	auto_str text = STR_INIT(1 << 20);
	char shown[INET_ADDRSTRLEN];
	struct bridge_state s;
	int r;

	if (hosts < 0)
		return -e->code;
	inet_ntop(AF_INET, &address, shown, sizeof shown);
	for (size_t i = 0; names[i]; i++)
		if (is_name(names[i]))
			str_addf(&text, "%s\t%s\n%s\t%s.%s\n", shown, names[i], shown, names[i],
				net->name);
	if (text.overflow)
		return err_set(e, E2BIG, "the container has too many names");
	r = fs_write_file(hosts, id, text.data, text.len, 0644, FS_VOLATILE, e);
	if (r == 0 && !names_run(net->run_fd, NAMES_PID_FILE) && (r = state_load(net, &s, e)) == 0)
		r = names_start(net, bridge_gateway(net, &s.subnet), e);
	return r;
}

int net_names_remove(struct net *net, const char *id, struct err *e)
{
	auto_free char *path = xasprintf(NAMES_HOSTS "/%s", id);

	if (unlinkat(net->run_fd, path, 0) < 0 && errno != ENOENT)
		return err_errno(e, "cannot remove the names of container '%.12s'", id);
	return 0;
}
