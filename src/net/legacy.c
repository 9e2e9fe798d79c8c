#include "net/legacy.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"

#include <string.h>

#define RULES_MAX   (16 << 20)
#define DOCKER_USER "DOCKER-USER"

static char *find_program(void)
{
	static const char *const places[] = { "/usr/sbin/iptables-legacy",
		"/usr/local/sbin/iptables-legacy", "/sbin/iptables-legacy" };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (access(places[i], X_OK) == 0)
			return xstrdup(places[i]);
	return NULL;
}

/* A rule of ours, as foreign.c has them. */
struct legacy_rule {
	const char *in, *out, *verdict; /* in, out: NULL: any */
};

/* Runs "iptables-legacy -w 10 ACTION CHAIN ... -m comment --comment MARK -j VERDICT". */
static int change(char *program, const char *action, const char *chain, const char *bridge,
	const struct legacy_rule *rule, struct err *e)
{
	auto_strv argv = { 0 };
	int r;

	strv_push(&argv, program);
	strv_push(&argv, "-w");
	strv_push(&argv, "10");
	strv_push(&argv, action);
	strv_push(&argv, chain);
	if (rule->in) {
		strv_push(&argv, "-i");
		strv_push(&argv, rule->in);
	}
	if (rule->out) {
		strv_push(&argv, "-o");
		strv_push(&argv, rule->out);
	}
	strv_push(&argv, "-m");
	strv_push(&argv, "comment");
	strv_push(&argv, "--comment");
	strv_pushf(&argv, "redock %s", bridge);
	strv_push(&argv, "-j");
	strv_push(&argv, rule->verdict);
	r = proc_run(argv.v, NULL, e);
	return r > 0 ? -EIO : r;
}

/* As "iptables -S" shows it. */
static char *show(const char *chain, const char *bridge, const struct legacy_rule *rule)
{
	return xasprintf("-A %s%s%s%s%s -m comment --comment \"redock %s\" -j %s", chain,
		rule->in ? " -i " : "", rule->in ? rule->in : "", rule->out ? " -o " : "",
		rule->out ? rule->out : "", bridge, rule->verdict);
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

/* Our rules in one chain; 1: changed. The accepts come first to be made, and last in the chain. */
static int sync_chain(char *program, const char *rules, const char *chain, const char *bridge,
	bool br, bool here, struct err *e)
{
	const bool user = str_eq(chain, DOCKER_USER);
	const struct legacy_rule ours[] = {
		{ NULL, bridge, "ACCEPT" },
		{ bridge, NULL, "ACCEPT" },
		{ bridge, "br-+", "RETURN" },
		{ bridge, "docker0", "RETURN" },
	};
	bool anew = false, changed = false;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(ours); i++) {
		auto_free char *line = show(chain, bridge, &ours[i]);
		bool there = has_line(rules, line),
		     wanted = here && (i < 2 || (user && (br || i != 2)));
		anew |= wanted && !there;
		if (there && (!wanted || anew))
			r = change(program, "-D", chain, bridge, &ours[i], e);
		if (r >= 0 && wanted && anew)
			r = change(program, "-I", chain, bridge, &ours[i], e);
		changed |= (there && !wanted) || anew;
	}
	return r < 0 ? r : changed;
}

int legacy_sync(const char *bridge, bool br, bool wanted, struct err *e)
{
	static const char *const chains[] = { "FORWARD", DOCKER_USER };
	auto_free char *program = find_program();
	char *list[] = { program, "-w", "10", "-S", NULL };
	auto_str out = STR_INIT(RULES_MAX);
	const char *rules;
	bool user, changed = false;
	int r;

	if (!program)
		return 0;
	r = proc_run(list, &out, e);
	if (r != 0)
		return r < 0 ? r : -EIO;
	rules = str_text(&out);
	user = has_line(rules, "-A FORWARD -j DOCKER-USER");
	wanted = wanted && has_line(rules, "-P FORWARD DROP");
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(chains); i++) {
		r = sync_chain(
			program, rules, chains[i], bridge, br, wanted && (i == 1) == user, e);
		changed |= r > 0;
	}
	return r < 0 ? r : changed;
}
