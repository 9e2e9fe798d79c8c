#pragma once
/* Where an archive goes to: standard output, or a file that is there whole or not at all. */
#include "base/err.h"

struct archive_file {
	const char *path; /* NULL: standard output */
	char *temporary;
	int fd;
};
/* `path` NULL or "-": standard output. */
int archive_file_open(const char *path, struct archive_file *ret, struct err *e);
/* After success archive_file_open() must be followed by it: `result` is what came of the writing,
 * and what it returns is that or a failure of its own. */
int archive_file_end(struct archive_file *, int result, struct err *e);
