#include "registry/events.h"
#include "base/fs.h"
#include "base/mem.h"
#include "registry/protocol.h"

#include <string.h>

#define DIGITS 12

static void say(json_t *j)
{
	auto_json *line = j;
	auto_free char *text = line ? json_text(line) : NULL;
	auto_free char *all = text ? xasprintf("%s\n", text) : NULL;

	/* whoever asked may be gone; then PDEATHSIG ends this */
	if (all)
		(void)fs_write_all(REGISTRY_OUT, all, strlen(all));
}

void event_layer(const char *digest, const char *status, uint64_t current, uint64_t total)
{
	const char *hex = strchr(digest, ':');
	char id[DIGITS + 1];

	snprintf(id, sizeof id, "%s", hex ? hex + 1 : digest);
	say(json_pack("{s:s, s:s, s:I, s:I}", "layer", id, "status", status, "current",
		(json_int_t)current, "total", (json_int_t)total));
}

/* A sentence may quote a server, which may say anything. */
static void only_ascii(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || (unsigned char)*text >= 0x7f)
			*text = '?';
}

void event_note(const char *format, ...)
{
	auto_free char *text = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		abort();
	va_end(ap);
	only_ascii(text);
	say(json_pack("{s:s}", "note", text));
}

void event_result(json_t *result)
{
	say(json_pack("{s:o}", "ok", result));
}

void event_failure(struct err *e)
{
	only_ascii(e->text);
	only_ascii(e->hint);
	say(json_pack("{s:s, s:i, s:s}", "error", e->text, "code", e->code, "hint", e->hint));
}
