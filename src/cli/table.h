#pragma once
/* Tables with aligned columns. Cells are escaped: they may come from a container. */
#include "base/str.h"

#include <stdio.h>

struct table {
	size_t columns;
	struct strv cells; /* row by row, the header first */
};
/* `header` is a NULL-terminated list. */
void table_init(struct table *t, const char *const *header);
void table_release(struct table *t);
#define auto_table __attribute__((cleanup(table_release))) struct table
/* The next cell, left to right, row by row; NULL is empty. */
void table_cell(struct table *t, const char *text);
void table_print(const struct table *t, FILE *f);
