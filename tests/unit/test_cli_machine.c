/* The machines of test_cli_fake.h. */
#include "test_cli_fake.h"
#include "base/mem.h"

#include <errno.h>
#include <string.h>

int machine_name_parse(const char *text, struct machine_name *ret, struct err *e)
{
	const char *colon = strchr(text, ':');

	if (!*text || strpbrk(text, " /!")) {
		err_set(e, EINVAL, "'%s' is no machine name", text);
		return err_hint(e, "NAME or REPOSITORY:NAME");
	}
	snprintf(ret->repository, sizeof ret->repository, "%.*s", colon ? (int)(colon - text) : 2,
		colon ? text : "me");
	snprintf(ret->tag, sizeof ret->tag, "%s", colon ? colon + 1 : text);
	snprintf(ret->text, sizeof ret->text, "%s:%s", ret->repository, ret->tag);
	return 0;
}

int machine_start(struct engine *engine, const struct machine_name *name,
	const struct machine_start *o, struct machine_started *ret, struct err *e)
{
	struct container_info info;

	note("machine_start %s host=%s from=%s mirror=%s timeout=%d\n", name->text,
		o->hostname ? o->hostname : "-", o->from ? o->from : "-",
		o->mirror ? o->mirror : "-", o->timeout_ms);
	if (fake.say) {
		engine_say_to(engine, 0, "making \033[2Jthe base image");
		engine_say_to(engine, ENGINE_MOMENT, "unpacked 5 MB");
		engine_say_to(engine, 1, "a detail");
		engine_say_to(engine, 2, "a finer detail");
	}
	if (str_eq(name->tag, "broken"))
		return err_set(e, EIO, "cannot start '%s'", name->text);
	snprintf(ret->alias, sizeof ret->alias, "%.60s-container", name->tag);
	if (engine_inspect_machine(engine, name->text, &info, e) < 0) {
		ret->created = true;
		return 0;
	}
	ret->restarted = info.state != CONTAINER_RUNNING;
	container_info_release(&info);
	return 0;
}

int machine_ssh(
	struct engine *engine, const struct machine_name *name, char *const *argv, struct err *e)
{
	note("ssh %s", name->text);
	note_list("argv", argv);
	note("\n");
	return fake.ssh_status;
}

int machine_commit(struct engine *engine, const struct machine_name *name,
	const struct commit_options *o, struct err *e)
{
	note("machine_commit %s m=%s a=%s\n", name->text, o->message ? o->message : "-",
		o->author ? o->author : "-");
	return 0;
}

int machine_kill(struct engine *engine, const struct machine_name *name, bool *ret_absent,
	uint64_t *ret_lost, struct err *e)
{
	struct container_info info;

	note("machine_kill %s\n", name->text);
	*ret_absent = engine_inspect_machine(engine, name->text, &info, e) < 0;
	*ret_lost = fake.lost;
	if (!*ret_absent)
		container_info_release(&info);
	return 0;
}

int machine_delete(
	struct engine *engine, const struct machine_name *name, bool force, struct err *e)
{
	note("machine_delete %s%s\n", name->text, force ? " force" : "");
	if (str_eq(name->tag, "used") && !force)
		return err_set(e, EBUSY, "machine '%s' was made from it", name->text);
	return 0;
}

void machine_list_release(struct machine_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].name);
		free(l->v[i].image);
		free(l->v[i].address);
		free(l->v[i].alias);
	}
	free(l->v);
}

int machine_list(struct engine *engine, struct machine_list *ret, struct err *e)
{
	for (const struct fake_container *c = fake.containers; c && c->id; c++) {
		if (!c->machine)
			continue;
		ret->v = xrealloc_array(ret->v, ret->n + 1, sizeof *ret->v);
		ret->v[ret->n++] = (struct machine_info){
			.name = xstrdup(c->machine),
			.image = xstrdup(c->image),
			.address = xstrdup("10.0.0.2"),
			.alias = xstrdup("alias-container"),
			.state = c->state,
			.ready = true,
			.since = 1700000000000000000,
		};
	}
	return 0;
}

int machine_forget_all(struct engine *engine, struct err *e)
{
	note("forget_all\n");
	return 0;
}
