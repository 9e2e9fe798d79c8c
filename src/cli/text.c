#include "cli/text.h"
#include "base/time.h"

#include <fnmatch.h>
#include <string.h>

size_t text_width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

void text_ellipsis(struct str *s, size_t columns)
{
	size_t seen = 0, at = 0;

	if (text_width(str_text(s)) <= columns || columns == 0)
		return;
	for (; seen < columns; at++)
		seen += ((unsigned char)s->data[at] & 0xc0) != 0x80;
	str_truncate(s, at - 1);
	str_add(s, "\u2026");
}

/* Prints one line's words; *column is where the pen is, 0 at the beginning of a line. */
static void wrap_words(
	FILE *f, const char *line, size_t len, unsigned indent, unsigned columns, size_t *column)
{
	while (len) {
		size_t blank = 0, word = 0, width;

		while (blank < len && line[blank] == ' ')
			blank++;
		while (blank + word < len && line[blank + word] != ' ')
			word++;
		if (!word)
			return;
		width = word;
		for (size_t i = 0; i < word; i++)
			width -= ((unsigned char)line[blank + i] & 0xc0) == 0x80;
		if (*column && *column + 1 + width > columns) {
			fputc('\n', f);
			*column = 0;
		}
		if (*column == 0)
			*column = (size_t)fprintf(f, "%*s", (int)indent, "");
		else
			*column += (size_t)fprintf(f, " ");
		fwrite(line + blank, 1, word, f);
		*column += width;
		line += blank + word;
		len -= blank + word;
	}
}

void text_wrap(FILE *f, const char *text, unsigned indent, unsigned columns)
{
	size_t column = 0;

	while (*text) {
		size_t len = strcspn(text, "\n");
		bool literal = text[0] == ' ' && text[1] == ' ';

		if ((len == 0 || literal) && column) {
			fputc('\n', f);
			column = 0;
		}
		if (len == 0)
			fputc('\n', f);
		else if (literal)
			fprintf(f, "%*s%.*s\n", (int)indent, "", (int)len, text);
		else
			wrap_words(f, text, len, indent, columns, &column);
		text += len + (text[len] == '\n');
	}
	if (column)
		fputc('\n', f);
}

void text_size(uint64_t bytes, char ret[16])
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double value = (double)bytes;
	size_t unit = 0;

	/* from 999.5 on, three digits would round to 1e+03 */
	while (value >= 999.5 && unit + 1 < sizeof units / sizeof *units) {
		value /= 1000;
		unit++;
	}
	snprintf(ret, 16, "%.3g%s", value, units[unit]);
}

void text_size_binary(uint64_t bytes, char ret[16])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1024 && unit + 1 < sizeof units / sizeof *units) {
		value /= 1024;
		unit++;
	}
	snprintf(ret, 16, "%.4g%s", value, units[unit]);
}

void text_ago(int64_t then, int64_t now, char ret[48])
{
	char words[40];

	if (then <= 0) {
		snprintf(ret, 48, "never");
		return;
	}
	time_words(now > then ? now - then : 0, words);
	snprintf(ret, 48, "%s ago", words);
}

void text_short_id(const char *id, char ret[13])
{
	const char *digits = str_starts(id, "sha256:") ? id + 7 : id;

	snprintf(ret, 13, "%.12s", digits);
}

void text_docker_time(int64_t t, char ret[36])
{
	char text[TIME_TEXT_SIZE];

	*ret = '\0';
	if (t <= 0)
		return;
	time_format(t, text);
	snprintf(ret, 36, "%.10s %.8s +0000 UTC", text, text + 11);
}

bool text_glob(const char *pattern, const char *text)
{
	return fnmatch(pattern, text, FNM_NOESCAPE) == 0;
}
