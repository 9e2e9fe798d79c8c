#pragma once
/* Log entries for systemd-journald, in its native protocol (systemd.journal-fields(7), "Journal
 * Native Protocol"), under the names that Docker gives them. */
#include "engine/local/monitor/log.h"

/* Sends a line, with or without its newline. One that cannot be sent is counted in l->lost. */
void log_journald(struct log *l, int stream, const char *data, size_t len);
/* Says how many lines are lost. */
void log_journald_loss(struct log *);
