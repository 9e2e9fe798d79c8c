#include "cli/resolve.h"
#include "base/str.h"
#include "cli/suggest.h"

#include <errno.h>
#include <string.h>

void resolved_release(struct resolved *r)
{
	container_info_release(&r->info);
	r->as = NAMED_NOTHING;
}

/* With `any`, *ret has the machine's name also when `text` is a container's: whose machines they
 * are is read from the password file, which takes as long as all the rest. */
static int look_up(
	struct engine *engine, const char *text, bool any, struct resolved *ret, struct err *e)
{
	struct container_info found = { 0 }, machine = { 0 };
	struct err ignored = { 0 }, why = { 0 };
	int r = engine_inspect(engine, text, &found, &why);

	*ret = (struct resolved){ .as = NAMED_NOTHING };
	if (r >= 0 && str_eq(found.config.name, text)) {
		ret->as = NAMED_CONTAINER;
		ret->info = found;
		if (!any)
			return 0;
	}
	if (machine_name_parse(text, &ret->machine, &ignored) < 0)
		memset(&ret->machine, 0, sizeof ret->machine);
	if (ret->as == NAMED_CONTAINER)
		return 0;
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

int resolve(struct engine *engine, const char *text, struct resolved *ret, struct err *e)
{
	return look_up(engine, text, true, ret, e);
}

int resolve_machine(struct engine *engine, const char *verb, const char *text,
	struct machine_name *ret, struct err *e)
{
	auto_resolved found = { 0 };
	char command[64];
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
		err_hint(e, "redock start %s", text);
		snprintf(command, sizeof command, "redock %s", verb);
		return suggest_machine(engine, command, text, ret->repository, e);
	}
}

int resolve_container(struct engine *engine, const char *verb, const char *text,
	struct container_info *ret, struct err *e)
{
	struct resolved found = { 0 };
	char command[64];
	int r = look_up(engine, text, false, &found, e);

	if (r < 0)
		return r;
	if (found.as != NAMED_NOTHING) {
		*ret = found.info;
		return 0;
	}
	err_set(e, ENOENT, "no container '%s'", text);
	err_hint(e, "redock ps -a");
	snprintf(command, sizeof command, "redock %s", verb);
	return suggest_container(engine, command, text, e);
}

struct each {
	const char *verb;
	resolve_each *each;
	void *options;
};

static int each_one(
	struct cli *c, struct engine *engine, void *arg, const char *operand, struct err *e)
{
	const struct each *a = arg;
	auto_container_info info = { 0 };
	int r = resolve_container(engine, a->verb, operand, &info, e);

	return r < 0 ? r : a->each(c, engine, a->options, operand, &info, e);
}

int resolve_for_each(struct cli *c, const char *verb, resolve_each *each, void *options,
	char **operands, size_t n, struct err *e)
{
	struct each a = { verb, each, options };

	return cli_for_each(c, each_one, &a, operands, n, e);
}
