#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *e, int code, const char *format, ...)
{
	va_list ap;

	e->code = code;
	e->hint[0] = '\0';
	va_start(ap, format);
	vsnprintf(e->text, sizeof e->text, format, ap);
	va_end(ap);
	return -code;
}

int err_errno(struct err *e, const char *format, ...)
{
	int code = errno ? errno : EIO;
	va_list ap;
	size_t n;

	e->code = code;
	e->hint[0] = '\0';
	va_start(ap, format);
	vsnprintf(e->text, sizeof e->text, format, ap);
	va_end(ap);
	n = strlen(e->text);
	snprintf(e->text + n, sizeof e->text - n, ": %s", strerror(code));
	return -code;
}

int err_wrap(struct err *e, const char *format, ...)
{
	char old[sizeof e->text];
	va_list ap;
	size_t n;

	memcpy(old, e->text, sizeof old);
	va_start(ap, format);
	vsnprintf(e->text, sizeof e->text, format, ap);
	va_end(ap);
	n = strlen(e->text);
	snprintf(e->text + n, sizeof e->text - n, ": %s", old);
	return -e->code;
}

int err_hint(struct err *e, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(e->hint, sizeof e->hint, format, ap);
	va_end(ap);
	return -e->code;
}

void err_clear(struct err *e)
{
	memset(e, 0, sizeof *e);
}
