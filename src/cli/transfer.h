#pragma once
/* What a person sees of a pull or push: a bar a layer on a terminal, a line for each change
 * elsewhere, both on stderr; or JSON objects, one a line, on stdout. */
#include "cli/cli.h"

enum transfer_view { TRANSFER_SILENT, TRANSFER_SHOWN, TRANSFER_JSON };
/* Chooses the third with `json`, the first with `quiet` and redock's own -q. */
enum transfer_view transfer_view(const struct cli *, bool quiet, bool json);

struct transfer_display;
struct transfer_display *transfer_begin(enum transfer_view);
/* An engine_transfer_each; the argument is the display. */
void transfer_show(void *display, const struct transfer_event *);
/* The bars stay where they are. NULL is fine. */
void transfer_end(struct transfer_display *);
