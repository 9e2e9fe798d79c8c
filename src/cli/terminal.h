#pragma once
/*
 * The person's terminal. Raw mode is undone by terminal_restore(), and by every signal that ends
 * us and can be caught: a process has one terminal, hence no handle.
 */
#include "base/err.h"

#include <stdbool.h>

/* False when `fd` has no size. */
bool terminal_size(int fd, unsigned *ret_rows, unsigned *ret_columns);
/* Puts the terminal `fd` into raw mode: every byte passes, nothing is echoed. */
int terminal_raw(int fd, struct err *e);
/* Puts it back; nothing to do is fine. */
void terminal_restore(void);
/* From now on deadly signals first put the terminal and the status line in order. */
void terminal_catch_signals(void);
