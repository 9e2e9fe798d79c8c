#pragma once
/* The verbs, each defined in the file of its name. */
#include "cli/verb.h"

extern const struct verb verb_commit, verb_delete, verb_doctor, verb_help, verb_images, verb_import,
	verb_kill, verb_list, verb_ps, verb_rm, verb_rmi, verb_run, verb_ssh, verb_start,
	verb_system;
