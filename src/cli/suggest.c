#include "cli/suggest.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/options.h"

#include <string.h>

struct nearest {
	const char *typed;
	unsigned least;
	char *best;
};

static void consider(struct nearest *n, const char *candidate)
{
	unsigned far = candidate ? suggestion_distance(n->typed, candidate) : UINT_MAX;

	if (far >= n->least)
		return;
	n->least = far;
	free(n->best);
	n->best = xstrdup(candidate);
}

static int suggest(struct nearest *n, const char *command, struct err *e)
{
	if (n->best)
		err_hint(e, "%s %s", command, n->best);
	free(n->best);
	return -e->code;
}

int suggest_container(struct engine *engine, const char *command, const char *name, struct err *e)
{
	struct nearest n = { .typed = name, .least = UINT_MAX };
	auto_container_list list = { 0 };
	struct err ignored = { 0 };

	if (engine_list(engine, true, &list, &ignored) < 0)
		return -e->code;
	for (size_t i = 0; i < list.n; i++) {
		const char *machine = list.v[i].config.machine;
		const char *colon = machine ? strchr(machine, ':') : NULL;

		consider(&n, list.v[i].config.name);
		consider(&n, machine);
		consider(&n, colon ? colon + 1 : NULL);
	}
	return suggest(&n, command, e);
}

int suggest_machine(struct engine *engine, const char *command, const char *name,
	const char *repository, struct err *e)
{
	struct nearest n = { .typed = name, .least = UINT_MAX };
	auto_container_list list = { 0 };
	struct err ignored = { 0 };
	size_t len = strlen(repository);

	if (engine_list(engine, true, &list, &ignored) < 0)
		return -e->code;
	for (size_t i = 0; i < list.n; i++) {
		const char *machine = list.v[i].config.machine;

		if (!machine)
			continue;
		if (str_starts(machine, repository) && machine[len] == ':')
			consider(&n, machine + len + 1);
		consider(&n, machine);
	}
	return suggest(&n, command, e);
}

int suggest_image(struct engine *engine, const char *command, const char *name, struct err *e)
{
	struct nearest n = { .typed = name, .least = UINT_MAX };
	auto_image_list list = { 0 };
	struct err ignored = { 0 };

	if (engine_image_list(engine, &list, &ignored) < 0)
		return -e->code;
	for (size_t i = 0; i < list.n; i++) {
		const char *reference = list.v[i].reference;
		auto_free char *bare = xstrdup(reference);
		unsigned before = n.least;

		if (str_ends(bare, ":latest"))
			bare[strlen(bare) - strlen(":latest")] = '\0';
		consider(&n, bare);
		if (n.least != before) { /* suggested with its tag */
			free(n.best);
			n.best = xstrdup(reference);
		}
	}
	return suggest(&n, command, e);
}

int suggest_network(struct engine *engine, const char *command, const char *name, struct err *e)
{
	struct nearest n = { .typed = name, .least = UINT_MAX };
	auto_network_list list = { 0 };
	struct err ignored = { 0 };

	if (engine_network_list(engine, &list, &ignored) < 0)
		return -e->code;
	for (size_t i = 0; i < list.n; i++)
		consider(&n, list.v[i].name);
	return suggest(&n, command, e);
}

int suggest_volume(struct engine *engine, const char *command, const char *name, struct err *e)
{
	struct nearest n = { .typed = name, .least = UINT_MAX };
	auto_volume_list list = { 0 };
	struct err ignored = { 0 };

	if (engine_volume_list(engine, false, &list, &ignored) < 0)
		return -e->code;
	for (size_t i = 0; i < list.n; i++)
		consider(&n, list.v[i].name);
	return suggest(&n, command, e);
}
