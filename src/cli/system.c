#include "base/str.h"
#include "cli/cli.h"
#include "cli/progress.h"
#include "cli/system.h"
#include "machine/machine.h"

#include <errno.h>
#include <unistd.h>

struct system_options {
	bool force;
};

static const struct verb_option options[] = {
	{ OPTION_FLAG, 'f', "force", NULL, "do not ask", offsetof(struct system_options, force) },
	{ 0 },
};

static int confirm(const char *question, struct err *e)
{
	char answer[16] = "";

	if (!isatty(0) || !isatty(2)) {
		err_set(e, EPERM, "reset removes everything and nobody can be asked");
		return err_hint(e, "redock system reset --force");
	}
	progress_clear();
	fprintf(stderr, "%s Type 'yes' to go on: ", question);
	if (!fgets(answer, sizeof answer, stdin) || !str_eq(answer, "yes\n"))
		return err_set(e, ECANCELED, "nothing was removed");
	return 0;
}

static int reset_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	const struct system_options *o = opt;
	struct engine *engine;
	int r = cli_engine(c, &engine, e);

	if (r < 0)
		return r;
	if (!o->force) {
		r = confirm("This removes all machines, containers and images.", e);
		if (r < 0)
			return r;
	}
	r = machine_forget_all(engine, e);
	if (r < 0 || (r = engine_reset(engine, e)) < 0)
		return r;
	cli_note(c, "everything is removed");
	return 0;
}

static const struct verb_example examples[] = {
	{ "redock system reset", "remove all that redock has made, after a question" },
	{ "redock --root /tmp/x system reset -f", "the same for a private instance, unasked" },
	{ NULL },
};

const struct verb verb_system_reset = {
	.name = "system reset",
	.group = GROUP_SYSTEM,
	.operands = "",
	.summary = "Remove everything that this instance has made",
	.description = "Machines and their SSH access, containers, images, networks and its "
		       "directories' content. On a terminal it asks first.",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct system_options),
	.max_operands = 0,
	.run = reset_run,
};
