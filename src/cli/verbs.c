#include "cli/verb.h"
#include "base/str.h"
#include "cli/options.h"
#include "cli/verbs.h"

#include <string.h>

const struct verb *const verbs[] = {
	&verb_start,
	&verb_ssh,
	&verb_commit,
	&verb_kill,
	&verb_delete,
	&verb_list,

	&verb_run,
	&verb_create,
	&verb_stop,
	&verb_restart,
	&verb_pause,
	&verb_unpause,
	&verb_wait,
	&verb_rm,
	&verb_rename,
	&verb_update,

	&verb_exec,
	&verb_attach,
	&verb_top,
	&verb_cp,
	&verb_diff,
	&verb_export,
	&verb_port,

	&verb_ps,
	&verb_logs,
	&verb_stats,
	&verb_events,
	&verb_inspect,

	&verb_images,
	&verb_pull,
	&verb_push,
	&verb_login,
	&verb_logout,
	&verb_tag,
	&verb_history,
	&verb_save,
	&verb_load,
	&verb_import,
	&verb_rmi,
	&verb_image,

	&verb_network,
	&verb_volume,

	&verb_info,
	&verb_version,
	&verb_df,
	&verb_prune,
	&verb_resume,
	&verb_doctor,
	&verb_system,
	&verb_help,
	NULL,
};

const char *const verb_groups[GROUP_COUNT] = {
	[GROUP_MACHINES] = "Machines",
	[GROUP_LIFE] = "Containers",
	[GROUP_INSIDE] = "Inside containers",
	[GROUP_WATCHING] = "Watching",
	[GROUP_IMAGES] = "Images",
	[GROUP_RESOURCES] = "Networks, volumes",
	[GROUP_SYSTEM] = "Redock itself",
};

const char *verb_word(const struct verb *verb)
{
	const char *blank = strrchr(verb->name, ' ');

	return blank ? blank + 1 : verb->name;
}

const struct verb *verb_find(const struct verb *const *list, const char *name)
{
	for (size_t i = 0; list[i]; i++)
		if (str_eq(verb_word(list[i]), name) ||
			(list[i]->alias && str_eq(list[i]->alias, name)))
			return list[i];
	return NULL;
}

const struct verb *verb_nearest(const struct verb *const *list, const char *name)
{
	const struct verb *best = NULL;
	unsigned least = UINT_MAX;

	for (size_t i = 0; list[i]; i++) {
		unsigned far = suggestion_distance(name, verb_word(list[i]));
		if (far < least) {
			least = far;
			best = list[i];
		}
	}
	return best;
}

bool verb_session_always(size_t n_operands)
{
	return true;
}
