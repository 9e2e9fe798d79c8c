#include "cli/remove.h"

#include <inttypes.h>

int remove_machine(
	struct cli *c, struct engine *engine, const struct machine_name *name, struct err *e)
{
	bool absent = false;
	uint64_t lost = 0;
	int r = machine_kill(engine, name, &absent, &lost, e);

	if (r < 0)
		return r;
	if (absent)
		cli_note(c, "no machine %s: nothing to do", name->text);
	else if (lost)
		cli_note(c, "killed %s; %" PRIu64 " changed file%s lost", name->text, lost,
			lost == 1 ? " is" : "s are");
	else
		cli_note(c, "killed %s", name->text);
	return 0;
}
