#include "runtime/oci/log.h"
#include "base/escape.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/time.h"

#include <stdarg.h>

static const char *const words[] = { "error", "warning", "info", "debug" };

int log_level_parse(const char *text, enum log_level *ret, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (str_eq(text, words[i]) || (i == LOG_WARNING && str_eq(text, "warn"))) {
			*ret = (enum log_level)i;
			return 0;
		}
	return err_set(e, EINVAL, "'%s' is not one of error, warning, info, debug", text);
}

int log_open(struct log *l, const char *path, struct err *e)
{
	l->file = fopen(path, "ae");
	if (!l->file)
		return err_errno(e, "cannot open log '%s'", path);
	return 0;
}

static void write_line(const struct log *l, enum log_level level, const char *text)
{
	char when[TIME_TEXT_SIZE];
	auto_json *quoted = json_string_nocheck(text);
	auto_json *line = NULL;
	auto_free char *out = NULL;

	time_format(time_now(), when);
	if (l->json) {
		line = json_pack(
			"{s:s, s:s*, s:s}", "level", words[level], "msg", text, "time", when);
		out = line ? json_text(line) : NULL;
		if (out)
			fprintf(l->file, "%s\n", out);
	} else {
		out = json_dumps(quoted, JSON_ENCODE_ANY);
		fprintf(l->file, "time=\"%s\" level=%s msg=%s\n", when, words[level],
			out ? out : "\"?\"");
	}
	fflush(l->file);
}

/* For people: what a bundle says cannot steer their terminal. */
static void complain(const char *before, const char *text)
{
	auto_str safe = STR_INIT(16384);

	text_add_escaped(&safe, text);
	fprintf(stderr, "%s%s\n", before, str_text(&safe));
}

void log_say(const struct log *l, enum log_level level, const char *format, ...)
{
	char text[2048];
	va_list args;

	if (level > l->level)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (level <= LOG_WARNING || !l->file)
		complain(level == LOG_WARNING ? "redock-runtime: warning: " : "redock-runtime: ",
			text);
	if (l->file)
		write_line(l, level, text);
}

void log_err(const struct log *l, enum log_level level, const struct err *e)
{
	log_say(l, level, "%s", e->text);
	if (*e->hint && level == LOG_ERROR)
		complain("  try: ", e->hint);
}
