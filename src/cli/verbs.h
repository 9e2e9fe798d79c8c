#pragma once
/* The verbs, each defined in the file of its name. */
#include "cli/verb.h"

extern const struct verb verb_attach, verb_commit, verb_cp, verb_create, verb_delete, verb_df,
	verb_diff, verb_doctor, verb_events, verb_exec, verb_export, verb_help, verb_history,
	verb_image, verb_images, verb_import, verb_info, verb_inspect, verb_kill, verb_list,
	verb_load, verb_login, verb_logout, verb_logs, verb_network, verb_pause, verb_port,
	verb_prune, verb_ps, verb_pull, verb_push, verb_rename, verb_restart, verb_resume, verb_rm,
	verb_rmi, verb_run, verb_save, verb_ssh, verb_start, verb_stats, verb_stop, verb_system,
	verb_tag, verb_top, verb_unpause, verb_update, verb_version, verb_volume, verb_wait;
