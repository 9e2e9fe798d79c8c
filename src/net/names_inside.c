/*
 * The name server of a container on several user networks, or with servers of its own (--dns). Each
 * network's own server knows that network's names, and nobody on it may learn another's; so the
 * container gets one of its own, in its namespace, where nobody else can ask it.  It reads the
 * hosts directories of all its networks, and asks the container's own servers, else the networks',
 * for everything else.
 */
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "net/bridge.h"
#include "net/net.h"

#include <arpa/inet.h>

#define VIEWS "views" /* in the default network's run directory: a pid file a container */

static char *pid_file_name(const char *id)
{
	return xasprintf(VIEWS "/%.64s.pid", id);
}

void names_inside_stop(int base_fd, const char *id)
{
	auto_free char *pid_file = pid_file_name(id);

	names_end(base_fd, pid_file);
}

void net_names_inside_stop(struct net *net, const char *id)
{
	names_inside_stop(net->base_fd, id);
}

/* The addresses of the networks' servers, and the directories that they read. */
static int add_networks(
	struct net *const *nets, size_t n, struct strv *words, struct str *servers, struct err *e)
{
	char text[INET_ADDRSTRLEN];
	struct bridge_state s;
	struct in_addr gateway;
	int r;

	for (size_t i = 0; i < n; i++) {
		auto_free char *hosts = names_path(nets[i]->run_fd, NAMES_HOSTS);
		if ((r = state_load(nets[i], &s, e)) < 0)
			return r;
		if (!s.subnet.prefix)
			return err_set(e, ENOENT, "network '%s' has no bridge", nets[i]->name);
		gateway = bridge_gateway(nets[i], &s.subnet);
		inet_ntop(AF_INET, &gateway, text, sizeof text);
		str_addf(servers, "%s%s", i ? "," : "", text);
		strv_push(words, hosts);
	}
	return 0;
}

int net_names_inside(struct net *const *nets, size_t n, char *const *dns, const char *id,
	int netns_fd, bool keep, struct err *e)
{
	const int base_fd = nets[0]->base_fd;
	auto_free char *helper = proc_helper_path("redock-net"), *name = pid_file_name(id);
	auto_free char *path = names_path(base_fd, name);
	auto_close int views = fs_open_dir_make(base_fd, VIEWS, 0700, e);
	auto_str servers = STR_INIT(4096), own = STR_INIT(4096);
	auto_strv words = { 0 }, directories = { 0 };
	int r;

	if (views < 0)
		return views;
	if (keep && names_run(base_fd, name))
		return 0;
	if ((r = add_networks(nets, n, &directories, &servers, e)) < 0)
		return r;
	for (size_t i = 0; dns && dns[i]; i++)
		str_addf(&own, "%s%s", i ? "," : "", dns[i]);
	if (own.overflow)
		return err_set(e, E2BIG, "the container has too many name servers");
	names_end(base_fd, name);
	strv_push(&words, helper);
	strv_push(&words, "names-inside");
	strv_push(&words, path);
	strv_pushf(&words, "/proc/%d/fd/%d", (int)getpid(), netns_fd);
	strv_push(&words, str_text(own.len ? &own : &servers));
	strv_extend(&words, directories.v);
	/* it goes to the background by itself, once it answers */
	r = proc_run(words.v, NULL, e);
	if (r == 0)
		return 0;
	if (r > 0)
		r = -EIO;
	return err_wrap(e, "cannot start the name server of container '%.12s'", id);
}
