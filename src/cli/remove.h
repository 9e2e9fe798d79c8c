#pragma once
/* What kill and rm have in common. */
#include "cli/cli.h"
#include "machine/machine.h"

/* Discards a machine and says what became of it; there being none is fine. */
int remove_machine(struct cli *, struct engine *, const struct machine_name *, struct err *e);
