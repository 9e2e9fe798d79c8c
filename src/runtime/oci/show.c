/* The verbs that tell: state, list, ps. */
#include "base/json.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/time.h"
#include "runtime/cgroup.h"
#include "runtime/oci/container.h"

#include <dirent.h>
#include <pwd.h>
#include <string.h>

int verb_state(struct invocation *i, struct err *e)
{
	auto_state s = STATE_INIT;
	auto_free char *text = NULL;

	if (state_open(i->o.root, i->operands[0], false, &s, e) < 0)
		return -e->code;
	text = state_text(&s, state_status(&s), true);
	puts(text);
	return 0;
}

static bool wants_json(const struct invocation *i, struct err *e)
{
	const char *format = i->o.format ? i->o.format : "table";

	if (!str_eq(format, "json") && !str_eq(format, "table"))
		err_set(e, EINVAL, "'%s' is neither table nor json", format);
	return str_eq(format, "json");
}

static void print_row(const struct state *s, enum state_status status)
{
	const struct passwd *p = getpwuid(s->owner);
	char when[TIME_TEXT_SIZE];

	time_format(s->created, when);
	printf("%-20s %-10d %-10s %-30s %-30s %s\n", s->id, status == STATE_STOPPED ? 0 : s->pid,
		state_word(status), s->bundle, when, p ? p->pw_name : "");
}

int verb_list(struct invocation *i, struct err *e)
{
	auto_json *all = json_array();
	auto_dir DIR *d = opendir(i->o.root);
	const struct dirent *entry;
	bool json = wants_json(i, e);

	if (e->code)
		return -e->code;
	if (!json && !i->o.quiet)
		printf("%-20s %-10s %-10s %-30s %-30s %s\n", "ID", "PID", "STATUS", "BUNDLE",
			"CREATED", "OWNER");
	while (d && (entry = readdir(d))) {
		auto_state s = STATE_INIT;
		struct err gone = { 0 };
		if (*entry->d_name == '.' ||
			state_open(i->o.root, entry->d_name, false, &s, &gone) < 0)
			continue;
		if (i->o.quiet) {
			puts(s.id);
		} else if (json) {
			auto_free char *text = state_text(&s, state_status(&s), true);
			json_array_append_new(all, json_loads(text, 0, NULL));
		} else {
			print_row(&s, state_status(&s));
		}
	}
	if (json && !i->o.quiet) {
		auto_free char *text = json_text(all);
		puts(text);
	}
	return 0;
}

/* Of ps(1)'s table the lines of our processes, by its column PID. */
static int filter(char *table, const pid_t *pids, size_t n, struct err *e)
{
	char *save = NULL, *line = strtok_r(table, "\n", &save), *field = NULL, *part;
	unsigned column = 0;
	bool found = false;

	if (line)
		puts(line);
	for (part = line ? strtok_r(line, " ", &field) : NULL; part && !found;
		part = strtok_r(NULL, " ", &field)) {
		column++;
		found = str_eq(part, "PID");
	}
	if (!found)
		return err_set(e, EINVAL, "ps shows no column PID with these options");
	while ((line = strtok_r(NULL, "\n", &save))) {
		auto_free char *copy = xstrdup(line);
		unsigned at = 1;
		for (part = strtok_r(copy, " ", &field); part && at < column; at++)
			part = strtok_r(NULL, " ", &field);
		for (size_t i = 0; part && i < n; i++)
			if (strtol(part, NULL, 10) == pids[i])
				puts(line);
	}
	return 0;
}

int verb_ps(struct invocation *i, struct err *e)
{
	auto_state s = STATE_INIT;
	auto_free pid_t *pids = NULL;
	auto_strv argv = { 0 };
	auto_str out = STR_INIT(16u << 20);
	size_t n = 0;
	bool json = wants_json(i, e);

	if (e->code || state_open(i->o.root, i->operands[0], false, &s, e) < 0)
		return -e->code;
	if (!*s.cgroup)
		return err_set(e, ENOTSUP, "container '%s' has no control group", s.id);
	if (cgroup_pids(s.cgroup, &pids, &n, e) < 0)
		return -e->code;
	if (json) {
		auto_json *all = json_array();
		auto_free char *text = NULL;
		for (size_t k = 0; k < n; k++)
			json_array_append_new(all, json_integer(pids[k]));
		text = json_text(all);
		puts(text);
		return 0;
	}
	strv_push(&argv, "ps");
	strv_extend(&argv, i->operands + 1);
	if (i->n_operands == 1)
		strv_push(&argv, "-ef");
	if (proc_run(argv.v, &out, e) != 0)
		return err_wrap(e, "ps");
	return filter(out.data, pids, n, e);
}
