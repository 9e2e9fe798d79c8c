#include "base/mem.h"
#include "cli/cli.h"
#include "cli/resolve.h"
#include "cli/table.h"
#include "cli/verbs.h"

#include <errno.h>

static int top_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	auto_container_info info = { 0 };
	struct process_table found = { 0 };
	auto_table table = { 0 };
	struct engine *engine;
	int r = cli_engine(c, &engine, e);

	if (r < 0 || (r = resolve_container(engine, "top", operands[0], &info, e)) < 0)
		return r;
	r = engine_top(engine, info.id, operands + 1, &found, e);
	if (r < 0)
		return err_wrap(e, "cannot list the processes of '%s'", operands[0]);
	if (found.titles.n) {
		table_init(&table, (const char *const *)found.titles.v);
		for (size_t i = 0; i < found.n_rows; i++)
			for (size_t k = 0; k < found.titles.n; k++)
				table_cell(&table, k < found.rows[i].n ? found.rows[i].v[k] : "");
		table_print(&table, stdout);
	}
	process_table_release(&found);
	return 0;
}

static const struct verb_example examples[] = {
	{ "redock top web", "the processes of 'web', as ps -ef shows them" },
	{ "redock top web -o pid,rss,args", "other columns, as ps(1) has them" },
	{ NULL },
};

const struct verb verb_top = {
	.name = "top",
	.group = GROUP_INSIDE,
	.operands = "CONTAINER [OPTION-OF-PS]...",
	.summary = "List the processes of a container",
	.description = "The host's ps(1) makes the list, with -ef unless other options are given; "
		       "the process ids are those of the host.",
	.examples = examples,
	.min_operands = 1,
	.max_operands = OPERANDS_ANY,
	.stop_at_operand = true,
	.run = top_run,
};
