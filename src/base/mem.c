#include "base/mem.h"

#include <stdarg.h>
#include <string.h>

static void *or_abort(void *p)
{
	if (!p) {
		static const char text[] = "redock: out of memory\n";
		if (write(2, text, sizeof text - 1) < 0)
			abort();
		abort();
	}
	return p;
}

void *xmalloc(size_t size)
{
	return or_abort(malloc(size ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
	return or_abort(calloc(count ? count : 1, size ? size : 1));
}

void *xrealloc_array(void *old, size_t count, size_t size)
{
	return or_abort(reallocarray(old, count ? count : 1, size));
}

char *xstrdup(const char *s)
{
	return or_abort(strdup(s));
}

char *xstrndup(const char *s, size_t n)
{
	return or_abort(strndup(s, n));
}

char *xasprintf(const char *format, ...)
{
	char *s = NULL;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vasprintf(&s, format, ap);
	va_end(ap);
	return or_abort(n < 0 ? NULL : s);
}
