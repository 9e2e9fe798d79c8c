#include "cli/table.h"
#include "base/mem.h"
#include "cli/text.h"

#define CELL_MAX 4096 /* bytes of one cell */
#define GAP      3    /* columns between two cells, as Docker has it */

void table_init(struct table *t, const char *const *header)
{
	t->columns = 0;
	t->cells = (struct strv){ 0 };
	for (; header[t->columns]; t->columns++)
		strv_push(&t->cells, header[t->columns]);
}

void table_release(struct table *t)
{
	strv_release(&t->cells);
}

void table_cell(struct table *t, const char *text)
{
	struct str s = STR_INIT(CELL_MAX);

	text_add_escaped(&s, text ? text : "");
	strv_push_take(&t->cells, str_take(&s));
}

void table_print(const struct table *t, FILE *f)
{
	auto_free size_t *widths = xcalloc(t->columns, sizeof *widths);

	for (size_t i = 0; i < t->cells.n; i++) {
		size_t width = text_width(t->cells.v[i]);
		if (width > widths[i % t->columns])
			widths[i % t->columns] = width;
	}
	for (size_t i = 0; i < t->cells.n; i++) {
		size_t column = i % t->columns, width = text_width(t->cells.v[i]);

		fputs(t->cells.v[i], f);
		if (column + 1 == t->columns)
			fputc('\n', f);
		else
			fprintf(f, "%*s", (int)(widths[column] - width + GAP), "");
	}
}
