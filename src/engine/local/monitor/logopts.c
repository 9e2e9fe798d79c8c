#include "engine/local/monitor/logopts.h"
#include "base/mem.h"
#include "engine/local/monitor/log.h"

#include <string.h>

#define SIZE_LEAST (4u << 10)
#define BUFFER_MAX (64u << 20)

void log_settings_release(struct log_settings *s)
{
	free(s->tag);
	strv_release(&s->attrs);
	*s = (struct log_settings){ 0 };
}

/* "10m": a number and one of Docker's units, powers of 1024. */
static int parse_size(const char *text, uint64_t *ret)
{
	static const char units[] = "bkmg";
	size_t n = strspn(text, "0123456789");
	auto_free char *digits = xstrndup(text, n);
	const char *unit = text[n] ? strchr(units, text[n] | 0x20) : units;
	uint64_t value;

	if (!unit || !*unit ||
		(text[n] && text[n + 1] && !str_eq(text + n + 1, "b") &&
			!str_eq(text + n + 1, "B")))
		return -EINVAL;
	if (str_to_u64(digits, 1, UINT64_C(1) << 20, &value) < 0 &&
		(unit != units || str_to_u64(digits, 1, UINT64_C(1) << 50, &value) < 0))
		return -EINVAL;
	*ret = value << (10 * (unit - units));
	return 0;
}

/* The value of "KEY" in "KEY=value" lists. */
static void add_attrs(struct strv *to, const char *keys, const struct strv *from)
{
	auto_free char *list = xstrdup(keys);
	char *save = NULL;

	for (char *key = strtok_r(list, ",", &save); key; key = strtok_r(NULL, ",", &save)) {
		const char *value = from ? strv_get_env(from, key) : NULL;
		if (value)
			strv_pushf(to, "%s=%s", key, value);
	}
}

/* Docker's template, as far as its documentation goes for tags. */
static int expand_tag(const char *text, const struct log_subject *of, char **ret, struct err *e)
{
	const char *image = of->annotations ? strv_get_env(of->annotations, "image") : NULL;
	const struct {
		const char *field;
		const char *value;
		int len;
	} fields[] = {
		{ "{{.ID}}", of->id, 12 },
		{ "{{.FullID}}", of->id, 64 },
		{ "{{.Name}}", of->name, 256 },
		{ "{{.ImageName}}", image ? image : "", 256 },
		{ "{{.DaemonName}}", "redock", 64 },
	};
	auto_str out = STR_INIT(4096);

	while (*text) {
		size_t i = 0;
		while (i < ARRAY_SIZE(fields) && !str_starts(text, fields[i].field))
			i++;
		if (i < ARRAY_SIZE(fields)) {
			str_addf(&out, "%.*s", fields[i].len, fields[i].value);
			text += strlen(fields[i].field);
		} else if (str_starts(text, "{{")) {
			err_set(e, EINVAL, "the log option 'tag' has an unknown field: '%.40s'",
				text);
			return err_hint(e, "{{.ID}}, {{.FullID}}, {{.Name}}, {{.ImageName}}");
		} else {
			str_add_char(&out, *text++);
		}
	}
	*ret = str_take(&out);
	return 0;
}

static int bad_value(const char *key, const char *value, const char *hint, struct err *e)
{
	err_set(e, EINVAL, "'%s' is no value of the log option '%s'", value, key);
	return err_hint(e, "%s", hint);
}

static int set_file_option(
	struct log_settings *s, const char *key, const char *value, struct err *e)
{
	uint64_t n;

	if (str_eq(key, "max-size")) {
		if (str_eq(value, "-1")) {
			s->max_size = 0;
		} else if (parse_size(value, &s->max_size) < 0) {
			return bad_value(key, value, "max-size=10m; -1 for no limit", e);
		} else if (s->max_size < SIZE_LEAST) {
			err_set(e, EINVAL,
				"the log option 'max-size' is at least 4k, and '%s' less", value);
			return err_hint(e, "max-size=10m; -1 for no limit");
		}
		return 0;
	}
	if (str_eq(key, "max-file")) {
		if (str_to_u64(value, 1, LOG_FILES_MAX, &n) < 0)
			return bad_value(key, value, "a number from 1 to 100", e);
		s->max_files = (unsigned)n;
		return 0;
	}
	if (str_eq(key, "compress"))
		return str_eq(value, "false")
			       ? 0
			       : bad_value(
					 key, value, "compress=false: logs are not compressed", e);
	return -ENOENT;
}

static int set_option(struct log_settings *s, const char *key, const char *value,
	const struct log_subject *of, struct err *e)
{
	if (str_eq(key, "mode")) {
		s->non_blocking = str_eq(value, "non-blocking");
		return s->non_blocking || str_eq(value, "blocking")
			       ? 0
			       : bad_value(key, value, "blocking or non-blocking", e);
	}
	if (str_eq(key, "max-buffer-size"))
		return parse_size(value, &s->buffer) == 0 && s->buffer <= BUFFER_MAX
			       ? 0
			       : bad_value(key, value, "max-buffer-size=4m; at most 64m", e);
	if (str_eq(key, "labels")) {
		add_attrs(&s->attrs, value, of->annotations);
		return 0;
	}
	if (str_eq(key, "env")) {
		add_attrs(&s->attrs, value, of->env);
		return 0;
	}
	if (str_eq(key, "tag")) {
		free(s->tag);
		s->tag = NULL;
		return expand_tag(value, of, &s->tag, e);
	}
	return s->driver == LOG_JSON_FILE ? set_file_option(s, key, value, e) : -ENOENT;
}

static int driver_of(const char *text, enum log_driver *ret, struct err *e)
{
	static const char *const names[] = { "none", "json-file", "journald" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_eq(text ? text : "json-file", names[i])) {
			*ret = (enum log_driver)i;
			return 0;
		}
	err_set(e, EINVAL, "there is no log driver '%s'", text);
	return err_hint(e, "json-file, journald or none");
}

int log_settings_parse(const char *driver, const struct strv *options, const struct log_subject *of,
	struct log_settings *ret, struct err *e)
{
	struct log_settings s = {
		.max_size = LOG_FILE_SIZE, .max_files = LOG_FILES, .buffer = 1u << 20
	};
	int r = driver_of(driver, &s.driver, e);

	for (size_t i = 0; r == 0 && i < options->n; i++) {
		const char *eq = strchr(options->v[i], '=');
		auto_free char *key =
			eq ? xstrndup(options->v[i], (size_t)(eq - options->v[i])) : NULL;
		r = key ? set_option(&s, key, eq + 1, of, e) : -ENOENT;
		if (r == -ENOENT) {
			err_set(e, EINVAL, "the log driver '%s' has no option '%s'",
				driver ? driver : "json-file", key ? key : options->v[i]);
			r = err_hint(e, s.driver == LOG_JSON_FILE
						? "max-size, max-file, mode, max-buffer-size, "
						  "labels, env, tag"
						: "mode, max-buffer-size, labels, env, tag");
		}
	}
	if (r < 0) {
		log_settings_release(&s);
		return r;
	}
	*ret = s;
	return 0;
}
