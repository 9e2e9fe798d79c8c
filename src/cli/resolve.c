#include "cli/resolve.h"
#include "base/str.h"

#include <errno.h>
#include <string.h>

void resolved_release(struct resolved *r)
{
	container_info_release(&r->info);
	r->as = NAMED_NOTHING;
}

int resolve(struct engine *engine, const char *text, struct resolved *ret, struct err *e)
{
	struct container_info found = { 0 }, machine = { 0 };
	struct err ignored = { 0 }, why = { 0 };
	int r = engine_inspect(engine, text, &found, &why);

	*ret = (struct resolved){ .as = NAMED_NOTHING };
	if (machine_name_parse(text, &ret->machine, &ignored) < 0)
		memset(&ret->machine, 0, sizeof ret->machine);
	if (r >= 0 && str_eq(found.config.name, text)) {
		ret->as = NAMED_CONTAINER;
		ret->info = found;
		return 0;
	}
	/* a machine goes before an id that begins like its name, also before an ambiguous one */
	if (ret->machine.text[0] &&
		engine_inspect_machine(engine, ret->machine.text, &machine, &ignored) >= 0) {
		if (r >= 0)
			container_info_release(&found);
		ret->as = NAMED_MACHINE;
		ret->info = machine;
		return 0;
	}
	if (r >= 0) {
		ret->as = NAMED_CONTAINER;
		ret->info = found;
		return 0;
	}
	*e = why;
	return r == -ENOENT ? 0 : r;
}

int resolve_machine(
	struct engine *engine, const char *text, struct machine_name *ret, struct err *e)
{
	auto_resolved found = { 0 };
	int r = resolve(engine, text, &found, e);

	if (r < 0)
		return r;
	switch (found.as) {
	case NAMED_MACHINE:
		*ret = found.machine;
		return 0;
	case NAMED_CONTAINER:
		if (found.info.config.machine)
			return machine_name_parse(found.info.config.machine, ret, e);
		err_set(e, EINVAL, "'%s' is a container, not a machine", text);
		return err_hint(e, "redock list");
	default:
		if (machine_name_parse(text, ret, e) < 0)
			return -EINVAL;
		err_set(e, ENOENT, "no machine '%s'", ret->text);
		return err_hint(e, "redock start %s", text);
	}
}
