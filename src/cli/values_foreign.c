/* Options that people have in their scripts from Docker: those that change nothing here are taken,
 * others are refused by name, so that nobody believes in a limit that is none. */
#include "base/mem.h"
#include "base/str.h"
#include "cli/values.h"

#include <errno.h>
#include <string.h>

static int refuse(struct err *e, const char *why, const char *hint)
{
	err_set(e, ENOTSUP, "%s", why);
	return hint ? err_hint(e, "%s", hint) : -ENOTSUP;
}

int value_isolation(const char *text, void *unused, struct err *e)
{
	return !*text || str_eq(text, "default")
		       ? 0
		       : refuse(e, "kinds of isolation are Windows'", "leave it out");
}

/* "linux", "linux/amd64", and a variant of the architecture. */
int value_platform(const char *text, void *unused, struct err *e)
{
	static const char host[] = "linux/" REDOCK_ARCH;
	size_t n = strlen(host);

	if (str_eq(text, "linux") || (strncmp(text, host, n) == 0 && (!text[n] || text[n] == '/')))
		return 0;
	err_set(e, ENOTSUP, "this host runs programs for %s, not for '%s'", host, text);
	return err_hint(e, "an image for %s", host);
}

int value_volume_driver(const char *text, void *unused, struct err *e)
{
	if (!*text || str_eq(text, "local"))
		return 0;
	err_set(e, ENOTSUP, "no volume driver is called '%s'", text);
	return err_hint(e, "local");
}

int value_runtime(const char *text, void *unused, struct err *e)
{
	if (!*text || str_eq(text, "redock"))
		return 0;
	err_set(e, ENOTSUP, "redock runs containers itself, not by '%s'", text);
	return err_hint(e, "leave it out");
}

int value_no_ipv6(const char *text, void *unused, struct err *e)
{
	return refuse(e, "networks have no IPv6 addresses", "leave it out");
}

int value_no_gpus(const char *text, void *unused, struct err *e)
{
	return refuse(e, "drivers of GPUs are not put into containers",
		"--device /dev/dri, or --device /dev/nvidia0, and -v for the driver's libraries");
}

int value_no_quota(const char *text, void *unused, struct err *e)
{
	return refuse(e, "the size of a container's files cannot be limited",
		"--read-only, and --tmpfs /DIR:size=64m for what it writes");
}

int value_no_kernel_memory(const char *text, void *unused, struct err *e)
{
	return refuse(e, "Linux has no limit of kernel memory alone any more",
		"--memory, which counts it");
}

int value_no_real_time(const char *text, void *unused, struct err *e)
{
	return refuse(e, "real-time CPU time cannot be set aside", "--cpu-shares, --cpus");
}
