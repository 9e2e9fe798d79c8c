#include "cli/verb.h"
#include "base/str.h"
#include "cli/options.h"
#include "cli/verbs.h"

const struct verb *const verbs[] = {
	&verb_start,
	&verb_ssh,
	&verb_commit,
	&verb_kill,
	&verb_delete,
	&verb_list,
	&verb_run,
	&verb_ps,
	&verb_rm,
	&verb_images,
	&verb_import,
	&verb_rmi,
	&verb_doctor,
	&verb_system,
	&verb_help,
	NULL,
};

const char *const verb_groups[GROUP_COUNT] = {
	[GROUP_MACHINES] = "Machines",
	[GROUP_CONTAINERS] = "Containers",
	[GROUP_IMAGES] = "Images",
	[GROUP_SYSTEM] = "Redock itself",
};

const struct verb *verb_find(const char *name)
{
	for (size_t i = 0; verbs[i]; i++)
		if (str_eq(verbs[i]->name, name))
			return verbs[i];
	return NULL;
}

const struct verb *verb_nearest(const char *name)
{
	const struct verb *best = NULL;
	unsigned least = UINT_MAX;

	for (size_t i = 0; verbs[i]; i++) {
		unsigned far = suggestion_distance(name, verbs[i]->name);
		if (far < least) {
			least = far;
			best = verbs[i];
		}
	}
	return best;
}

bool verb_session_always(size_t n_operands)
{
	return true;
}
