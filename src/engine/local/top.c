/* The processes of a container, as ps(1) of the host shows them. */
#include "base/mem.h"
#include "base/proc.h"
#include "engine/local/local.h"
#include "runtime/cgroup.h"

#include <string.h>

#define OUTPUT_MAX (16 << 20)
#define CELLS_MAX  256

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The cells of a line: parted by blanks, the last one with all that is left. */
static void split(const char *line, size_t cells, struct strv *ret)
{
	while (*line) {
		size_t n;
		while (is_blank(*line))
			line++;
		if (!*line)
			return;
		n = ret->n + 1 == cells ? strlen(line) : strcspn(line, " \t");
		strv_push_take(ret, xstrndup(line, n));
		line += n;
	}
}

static bool is_one_of(pid_t pid, const pid_t *pids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/* Rows of the container's processes only: ps(1) shows the host's. */
static int parse(
	char *text, const pid_t *pids, size_t n_pids, struct process_table *ret, struct err *e)
{
	char *save = NULL, *line = strtok_r(text, "\n", &save);
	size_t column = 0;

	if (line)
		split(line, CELLS_MAX, &ret->titles);
	while (column < ret->titles.n && !str_eq(ret->titles.v[column], "PID"))
		column++;
	if (column == ret->titles.n) {
		err_set(e, EINVAL, "the list of processes has no column PID");
		return err_hint(e, "options of ps(1) that show it, such as '-o pid,args'");
	}
	while ((line = strtok_r(NULL, "\n", &save))) {
		struct strv row = { 0 };
		uint64_t pid;
		split(line, ret->titles.n, &row);
		if (row.n <= column || str_to_u64(row.v[column], 1, INT32_MAX, &pid) < 0 ||
			!is_one_of((pid_t)pid, pids, n_pids)) {
			strv_release(&row);
			continue;
		}
		while (row.n < ret->titles.n)
			strv_push(&row, "");
		ret->rows = xrealloc_array(ret->rows, ret->n_rows + 1, sizeof *ret->rows);
		ret->rows[ret->n_rows++] = row;
	}
	return 0;
}

int local_top(struct engine *en, const char *id, char *const *ps_args, struct process_table *ret,
	struct err *e)
{
	struct local *l = local_of(en);
	auto_container c = { 0 };
	auto_free char *cgroup = local_cgroup(l, id);
	auto_free pid_t *pids = NULL;
	auto_free char *text = NULL;
	auto_strv argv = { 0 };
	auto_str out = STR_INIT(OUTPUT_MAX);
	struct process_table table = { 0 };
	struct local_status s;
	size_t n = 0;
	int r;

	if (container_load(l, id, &c, e) < 0 || local_status(l, &c, &s, e) < 0)
		return -e->code;
	if (s.state != CONTAINER_RUNNING && s.state != CONTAINER_PAUSED) {
		err_set(e, ESRCH, "'%s' does not run", c.config.name);
		return err_hint(e, "redock start %s", c.config.name);
	}
	strv_push(&argv, "ps");
	if (ps_args && *ps_args)
		strv_extend(&argv, ps_args);
	else
		strv_push(&argv, "-ef");
	/* the list after ps: what ps shows and is not in it has ended meanwhile, or begun */
	r = proc_run(argv.v, &out, e);
	if (r != 0) {
		auto_free char *why = xstrndup(r > 0 ? e->text : "", strcspn(e->text, "\n"));
		if (r > 0)
			err_set(e, EINVAL, "ps: %s", *why ? why : "it failed");
		err_wrap(e, "cannot list the processes of '%s'", c.config.name);
		return e->code == ENOENT ? err_hint(e, "apt-get install procps") : -e->code;
	}
	if (out.overflow)
		return err_set(e, E2BIG, "ps(1) printed more than %d MiB", OUTPUT_MAX >> 20);
	text = str_take(&out);
	r = cgroup_pids(cgroup, &pids, &n, e);
	if (r == 0)
		r = parse(text, pids, n, &table, e);
	if (r < 0) {
		process_table_release(&table);
		return r;
	}
	*ret = table;
	return 0;
}
