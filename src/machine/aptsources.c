#include "machine/aptsources.h"
#include "base/mem.h"

#include <string.h>
#include <strings.h>

#define SOURCES_MAX 1000
#define BLANKS      " \t\r\v\f"

static void source_release(struct apt_source *s)
{
	strv_release(&s->uris);
	strv_release(&s->suites);
	strv_release(&s->components);
	free(s->signed_by);
	*s = (struct apt_source){ 0 };
}

void apt_sources_release(struct apt_sources *all)
{
	for (size_t i = 0; i < all->n; i++)
		source_release(&all->v[i]);
	free(all->v);
	*all = (struct apt_sources){ 0 };
}

/* Takes what `s` holds. */
static void sources_add(struct apt_sources *all, struct apt_source *s)
{
	if (!s->uris.n || !s->suites.n || !s->components.n || all->n >= SOURCES_MAX) {
		source_release(s);
		return;
	}
	all->v = xrealloc_array(all->v, all->n + 1, sizeof *all->v);
	all->v[all->n++] = *s;
	*s = (struct apt_source){ 0 };
}

static void add_words(const char *text, size_t len, const char *separators, struct strv *ret)
{
	while (len) {
		size_t n = 0;

		while (n < len && !strchr(separators, text[n]))
			n++;
		if (n)
			strv_push_take(ret, xstrndup(text, n));
		n += n < len;
		text += n;
		len -= n;
	}
}

static bool means_yes(const char *s)
{
	return !strcasecmp(s, "yes") || !strcasecmp(s, "true") || !strcasecmp(s, "on") ||
	       str_eq(s, "1");
}

static bool means_no(const char *s)
{
	return !strcasecmp(s, "no") || !strcasecmp(s, "false") || !strcasecmp(s, "off") ||
	       str_eq(s, "0");
}

/* One option, in either syntax; false when it shuts the source out. */
static bool apply_option(const char *key, const char *value, const char *arch, struct apt_source *s)
{
	if (!strcasecmp(key, "signed-by")) {
		free(s->signed_by);
		s->signed_by = *value ? xstrdup(value) : NULL;
	} else if (!strcasecmp(key, "trusted")) {
		s->trusted = means_yes(value);
	} else if (!strcasecmp(key, "check-valid-until")) {
		s->ignore_valid_until = means_no(value);
	} else if (!strcasecmp(key, "enabled")) {
		return !means_no(value);
	} else if (!strcasecmp(key, "arch") || !strcasecmp(key, "architectures")) {
		auto_strv archs = { 0 };

		add_words(value, strlen(value), BLANKS ",\n", &archs);
		return strv_has(&archs, arch);
	}
	return true;
}

/* ---- one-line syntax ---- */

/* "[key=value key=value]"; returns what is behind it, NULL when it has no end. */
static const char *parse_options(
	const char *p, const char *arch, struct apt_source *s, bool *usable)
{
	auto_strv words = { 0 };
	const char *end = strchr(p, ']');

	if (!end)
		return NULL;
	add_words(p + 1, (size_t)(end - p - 1), BLANKS "\"", &words);
	for (size_t i = 0; i < words.n; i++) {
		char *value = strchr(words.v[i], '=');

		if (!value)
			return NULL;
		*value++ = '\0';
		/* "arch+=", "arch-=" change a default that we do not know */
		if (!apply_option(words.v[i], value, arch, s))
			*usable = false;
	}
	return end + 1;
}

static void parse_line(const char *p, const char *arch, struct apt_sources *ret)
{
	struct apt_source s = { 0 };
	auto_strv words = { 0 };
	bool usable = true;

	p += strspn(p, BLANKS);
	if (!str_starts(p, "deb") || !p[3] || !strchr(BLANKS, p[3]))
		return;
	p += 3;
	p += strspn(p, BLANKS);
	if (*p == '[')
		p = parse_options(p, arch, &s, &usable);
	if (p)
		add_words(p, strcspn(p, "#"), BLANKS, &words);
	/* a CD's name has blanks in brackets; it could not be used anyway */
	if (p && usable && words.n >= 3 && !str_starts(words.v[0], "cdrom:")) {
		strv_push(&s.uris, words.v[0]);
		strv_push(&s.suites, words.v[1]);
		strv_extend(&s.components, words.v + 2);
		sources_add(ret, &s);
	}
	source_release(&s);
}

void apt_sources_parse_list(const char *text, const char *arch, struct apt_sources *ret)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		auto_free char *line = xstrndup(text, n);

		parse_line(line, arch, ret);
		text += n + (text[n] == '\n');
	}
}

/* ---- deb822 ---- */

struct stanza {
	struct apt_source source;
	bool any, deb, usable;
};

static void finish_stanza(struct stanza *z, struct apt_sources *ret)
{
	if (z->any && z->deb && z->usable)
		sources_add(ret, &z->source);
	source_release(&z->source);
	*z = (struct stanza){ .usable = true };
}

/* A field with all its continuation lines. */
static void finish_field(const char *name, const char *value, const char *arch, struct stanza *z)
{
	struct apt_source *s = &z->source;
	size_t len = strlen(value);
	auto_strv types = { 0 };

	if (!*name)
		return;
	z->any = true;
	if (!strcasecmp(name, "types")) {
		add_words(value, len, BLANKS "\n", &types);
		z->deb = strv_has(&types, "deb");
	} else if (!strcasecmp(name, "uris")) {
		add_words(value, len, BLANKS "\n", &s->uris);
	} else if (!strcasecmp(name, "suites")) {
		add_words(value, len, BLANKS "\n", &s->suites);
	} else if (!strcasecmp(name, "components")) {
		add_words(value, len, BLANKS "\n", &s->components);
	} else if (!apply_option(name, value, arch, s)) {
		z->usable = false;
	}
}

/* Trailing blanks go; a first line that is empty (a key below "Signed-By:") stays as a break. */
static void add_value_line(struct str *value, const char *line, size_t len)
{
	while (len && strchr(BLANKS, line[len - 1]))
		len--;
	str_add_data(value, line, len);
}

void apt_sources_parse_deb822(const char *text, const char *arch, struct apt_sources *ret)
{
	struct stanza z = { .usable = true };
	auto_str name = STR_INIT(256), value = STR_INIT((size_t)1 << 20);

	for (;;) {
		size_t n = strcspn(text, "\n"), colon;
		bool blank = strspn(text, BLANKS) >= n;

		if (n && *text == '#') {
			text += n + (text[n] == '\n');
			continue;
		}
		if (n && !blank && (*text == ' ' || *text == '\t')) {
			str_add_char(&value, '\n');
			add_value_line(&value, text, n);
		} else {
			finish_field(str_text(&name), str_text(&value), arch, &z);
			str_truncate(&name, 0);
			str_truncate(&value, 0);
			colon = strcspn(text, ":\n");
			if (!blank && text[colon] == ':') {
				size_t skip = colon + 1 + strspn(text + colon + 1, " \t");

				str_add_data(&name, text, colon);
				if (skip < n)
					add_value_line(&value, text + skip, n - skip);
			}
		}
		if (blank)
			finish_stanza(&z, ret);
		if (!text[n])
			break;
		text += n + 1;
	}
	finish_field(str_text(&name), str_text(&value), arch, &z);
	finish_stanza(&z, ret);
}

/* ---- writing ---- */

static void add_list(struct str *ret, const char *field, const struct strv *words)
{
	str_addf(ret, "%s:", field);
	for (size_t i = 0; i < words->n; i++)
		str_addf(ret, " %s", words->v[i]);
	str_add_char(ret, '\n');
}

void apt_sources_text(const struct apt_sources *all, struct str *ret)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct apt_source *s = &all->v[i];

		str_add(ret, i ? "\nTypes: deb\n" : "Types: deb\n");
		add_list(ret, "URIs", &s->uris);
		add_list(ret, "Suites", &s->suites);
		add_list(ret, "Components", &s->components);
		if (s->signed_by)
			str_addf(ret, "Signed-By:%s%s\n", *s->signed_by == '\n' ? "" : " ",
				s->signed_by);
		if (s->trusted)
			str_add(ret, "Trusted: yes\n");
		if (s->ignore_valid_until)
			str_add(ret, "Check-Valid-Until: no\n");
	}
}
