#include "runtime/oci/names.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/posture.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

struct word {
	const char *name;
	int number;
};

/* getrlimit(2) */
static const struct word rlimits[] = {
	{ "RLIMIT_AS", RLIMIT_AS },
	{ "RLIMIT_CORE", RLIMIT_CORE },
	{ "RLIMIT_CPU", RLIMIT_CPU },
	{ "RLIMIT_DATA", RLIMIT_DATA },
	{ "RLIMIT_FSIZE", RLIMIT_FSIZE },
	{ "RLIMIT_LOCKS", RLIMIT_LOCKS },
	{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },
	{ "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE },
	{ "RLIMIT_NICE", RLIMIT_NICE },
	{ "RLIMIT_NOFILE", RLIMIT_NOFILE },
	{ "RLIMIT_NPROC", RLIMIT_NPROC },
	{ "RLIMIT_RSS", RLIMIT_RSS },
	{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO },
	{ "RLIMIT_RTTIME", RLIMIT_RTTIME },
	{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
	{ "RLIMIT_STACK", RLIMIT_STACK },
};

/* config-linux.md, "Namespaces" */
static const struct word namespaces[] = {
	{ "cgroup", CLONE_NEWCGROUP },
	{ "ipc", CLONE_NEWIPC },
	{ "mount", CLONE_NEWNS },
	{ "network", CLONE_NEWNET },
	{ "pid", CLONE_NEWPID },
	{ "time", CLONE_NEWTIME },
	{ "user", CLONE_NEWUSER },
	{ "uts", CLONE_NEWUTS },
};

int name_capability(const char *name)
{
	if (strncasecmp(name, "CAP_", 4) == 0)
		name += 4;
	for (unsigned n = 0; n < 64; n++) {
		const char *known = posture_cap_name(n);
		if (known && strcasecmp(known, name) == 0)
			return (int)n;
	}
	return -1;
}

int name_rlimit(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rlimits); i++)
		if (str_eq(rlimits[i].name, name))
			return rlimits[i].number;
	return -1;
}

int64_t name_namespace(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++)
		if (str_eq(namespaces[i].name, name))
			return namespaces[i].number;
	return 0;
}

const char *name_of_namespace(int64_t flag)
{
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++)
		if (namespaces[i].number == flag)
			return namespaces[i].name;
	return "unknown";
}

const char *name_nth_namespace(unsigned n)
{
	return n < ARRAY_SIZE(namespaces) ? namespaces[n].name : NULL;
}

int name_signal(const char *name)
{
	uint64_t number;

	if (str_to_u64(name, 1, (uint64_t)SIGRTMAX, &number) == 0)
		return (int)number;
	if (strncasecmp(name, "SIG", 3) == 0)
		name += 3;
	for (int sig = 1; sig < NSIG; sig++) {
		const char *known = sigabbrev_np(sig);
		if (known && strcasecmp(known, name) == 0)
			return sig;
	}
	if (strncasecmp(name, "RTMIN+", 6) == 0 &&
		str_to_u64(name + 6, 0, (uint64_t)(SIGRTMAX - SIGRTMIN), &number) == 0)
		return SIGRTMIN + (int)number;
	if (strncasecmp(name, "RTMAX-", 6) == 0 &&
		str_to_u64(name + 6, 0, (uint64_t)(SIGRTMAX - SIGRTMIN), &number) == 0)
		return SIGRTMAX - (int)number;
	return -1;
}
