#include "net/legacy.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"

#include <string.h>

#define RULES_MAX (16 << 20)

static char *find_program(void)
{
	static const char *const places[] = { "/usr/sbin/iptables-legacy",
		"/usr/local/sbin/iptables-legacy", "/sbin/iptables-legacy" };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (access(places[i], X_OK) == 0)
			return xstrdup(places[i]);
	return NULL;
}

/* Runs "iptables-legacy -w 10 ACTION CHAIN -i|-o BRIDGE -m comment --comment MARK -j ACCEPT". */
static int change(char *program, char *action, char *chain, char *bridge, bool out, struct err *e)
{
	auto_free char *mark = xasprintf("redock %s", bridge);
	char *argv[] = { program, "-w", "10", action, chain, out ? "-o" : "-i", bridge, "-m",
		"comment", "--comment", mark, "-j", "ACCEPT", NULL };
	int r = proc_run(argv, NULL, e);

	return r > 0 ? -EIO : r;
}

/* True if `rules` has the line `line`. */
static bool has_line(const char *rules, const char *line)
{
	size_t n = strlen(line);

	for (const char *p = rules; (p = strstr(p, line)); p += n)
		if ((p == rules || p[-1] == '\n') && (p[n] == '\n' || !p[n]))
			return true;
	return false;
}

int legacy_sync(const char *bridge, bool wanted, struct err *e)
{
	static char *const chains[] = { "FORWARD", "DOCKER-USER" };
	auto_free char *program = find_program(), *name = xstrdup(bridge);
	char *list[] = { program, "-w", "10", "-S", NULL };
	auto_str out = STR_INIT(RULES_MAX);
	const char *rules;
	bool user;
	int r;

	if (!program)
		return 0;
	r = proc_run(list, &out, e);
	if (r != 0)
		return r < 0 ? r : -EIO;
	rules = str_text(&out);
	user = has_line(rules, "-A FORWARD -j DOCKER-USER");
	wanted = wanted && has_line(rules, "-P FORWARD DROP");
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		bool here = wanted && (i == 1) == user;
		for (int d = 1; d >= 0; d--) {
			auto_free char *line = xasprintf(
				"-A %s -%c %s -m comment --comment \"redock %s\" -j ACCEPT",
				chains[i], d ? 'o' : 'i', bridge, bridge);
			if (has_line(rules, line) == here)
				continue;
			r = change(program, here ? "-I" : "-D", chains[i], name, d, e);
			if (r < 0)
				return r;
		}
	}
	return 0;
}
