/* The settings of an image's config (the OCI image-spec's config.md, "config", and Docker's own
 * Healthcheck and Shell). What is not read here has no effect (T31). */
#include "base/mem.h"
#include "store/internal.h"

#include <string.h>

/* Entries of one list: nobody needs as many, and all are kept in memory. */
#define SETTINGS_MAX 4096
#define PATH_MAX_LEN 4095

int image_member(
	const json_t *object, const char *key, json_type type, const json_t **ret, struct err *e)
{
	const json_t *j = json_object_get(object, key);

	if (json_is_null(j)) /* which Go programs write */
		j = NULL;
	if (j && json_typeof(j) != type)
		return err_set(e, EINVAL, "'%s' is not of the right type", key);
	*ret = j;
	return 0;
}

int image_text_member(const json_t *object, const char *key, char **ret, struct err *e)
{
	const json_t *j = NULL;

	if (image_member(object, key, JSON_STRING, &j, e) < 0)
		return -e->code;
	free(*ret);
	*ret = j ? xstrdup(json_string_value(j)) : NULL;
	return 0;
}

int image_list_member(const json_t *object, const char *key, struct strv *ret, struct err *e)
{
	const json_t *j = NULL, *item;
	size_t i;

	if (image_member(object, key, JSON_ARRAY, &j, e) < 0)
		return -e->code;
	if (json_array_size(j) > SETTINGS_MAX)
		return err_set(e, EINVAL, "'%s' has more than %d entries", key, SETTINGS_MAX);
	json_array_foreach(j, i, item)
	{
		if (!json_is_string(item))
			return err_set(e, EINVAL, "'%s' is not a list of strings", key);
		strv_push(ret, json_string_value(item));
	}
	return 0;
}

/* A member that is an object; its keys are what matters. */
static int keys_of(const json_t *settings, const char *key, const json_t **ret, struct err *e)
{
	if (image_member(settings, key, JSON_OBJECT, ret, e) < 0)
		return -e->code;
	if (*ret && json_object_size(*ret) > SETTINGS_MAX)
		return err_set(e, EINVAL, "'%s' has more than %d entries", key, SETTINGS_MAX);
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A JSON object has no order: the same image gives the same list each time. */
static void sort(struct strv *v)
{
	if (v->n)
		qsort(v->v, v->n, sizeof *v->v, by_text);
}

static int parse_labels(const json_t *settings, struct strv *ret, struct err *e)
{
	const json_t *labels = NULL;
	const char *key;
	json_t *value;

	if (keys_of(settings, "Labels", &labels, e) < 0)
		return -e->code;
	json_object_foreach((json_t *)labels, key, value)
	{
		if (!json_is_string(value) || !*key || strchr(key, '='))
			return err_set(e, EINVAL, "'Labels' has an entry that is not KEY=value");
		/* these mean something to us, so that they are not an image's to set */
		if (str_starts(key, "redock."))
			continue;
		strv_pushf(ret, "%s=%s", key, json_string_value(value));
	}
	sort(ret);
	return 0;
}

static int port_number(const char *text, size_t n, uint64_t *ret)
{
	char number[6];

	if (n >= sizeof number)
		return -EINVAL;
	memcpy(number, text, n);
	number[n] = '\0';
	return str_to_u64(number, 1, 65535, ret);
}

int image_port_parse(const char *text, char ret[24])
{
	const char *slash = strchr(text, '/'), *protocol = slash ? slash + 1 : "tcp";
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	const char *dash = memchr(text, '-', n);
	size_t first_len = dash ? (size_t)(dash - text) : n;
	uint64_t first, last;

	if (port_number(text, first_len, &first) < 0 ||
		(!str_eq(protocol, "tcp") && !str_eq(protocol, "udp") && !str_eq(protocol, "sctp")))
		return -EINVAL;
	if (!dash) {
		snprintf(ret, 24, "%u/%s", (unsigned)first, protocol);
		return 0;
	}
	if (port_number(dash + 1, n - first_len - 1, &last) < 0 || last < first)
		return -EINVAL;
	snprintf(ret, 24, "%u-%u/%s", (unsigned)first, (unsigned)last, protocol);
	return 0;
}

static int parse_ports(const json_t *settings, struct strv *ret, struct err *e)
{
	const json_t *ports = NULL;
	char port[24];
	const char *key;
	json_t *value;

	if (keys_of(settings, "ExposedPorts", &ports, e) < 0)
		return -e->code;
	json_object_foreach((json_t *)ports, key, value)
	{
		if (image_port_parse(key, port) < 0)
			return err_set(e, EINVAL, "'ExposedPorts' has an entry that is no port");
		if (!strv_has(ret, port))
			strv_push(ret, port);
	}
	sort(ret);
	return 0;
}

bool image_volume_ok(const char *path)
{
	if (*path != '/' || strlen(path) > PATH_MAX_LEN || !str_is_one_line(path))
		return false;
	for (const char *p = path; *p;) {
		size_t len = strcspn(p, "/");
		if (len == 2 && p[0] == '.' && p[1] == '.')
			return false;
		p += len + (p[len] == '/');
	}
	return path[strspn(path, "/.")] != '\0'; /* the root is no volume */
}

static int parse_volumes(const json_t *settings, struct strv *ret, struct err *e)
{
	const json_t *volumes = NULL;
	const char *key;
	json_t *value;

	if (keys_of(settings, "Volumes", &volumes, e) < 0)
		return -e->code;
	json_object_foreach((json_t *)volumes, key, value)
	{
		if (!image_volume_ok(key))
			return err_set(e, EINVAL,
				"'Volumes' has an entry that is no absolute path below the root");
		strv_push(ret, key);
	}
	sort(ret);
	return 0;
}

static int number_member(
	const json_t *object, const char *key, int64_t max, int64_t *ret, struct err *e)
{
	const json_t *j = NULL;

	if (image_member(object, key, JSON_INTEGER, &j, e) < 0)
		return -e->code;
	*ret = j ? json_integer_value(j) : 0;
	if (*ret < 0 || *ret > max)
		return err_set(e, EINVAL, "'%s' cannot be what it is", key);
	return 0;
}

static int parse_health(const json_t *settings, struct image_health *ret, struct err *e)
{
	const int64_t for_ever = INT64_MAX / 4; /* so that sums of them are no nonsense */
	const struct {
		const char *key;
		int64_t *at;
	} times[] = { { "Interval", &ret->interval }, { "Timeout", &ret->timeout },
		{ "StartPeriod", &ret->start_period }, { "StartInterval", &ret->start_interval } };
	const json_t *health = NULL;
	const char *kind;

	if (image_member(settings, "Healthcheck", JSON_OBJECT, &health, e) < 0 ||
		image_list_member(health, "Test", &ret->test, e) < 0 ||
		number_member(health, "Retries", 1000000, &ret->retries, e) < 0)
		return -e->code;
	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		if (number_member(health, times[i].key, for_ever, times[i].at, e) < 0)
			return -e->code;
	kind = ret->test.n ? ret->test.v[0] : NULL;
	if (!kind || (str_eq(kind, "NONE") && ret->test.n == 1) ||
		(str_eq(kind, "CMD") && ret->test.n > 1) ||
		(str_eq(kind, "CMD-SHELL") && ret->test.n == 2))
		return 0;
	return err_set(e, EINVAL, "'Healthcheck' has a test of no known kind");
}

int image_parse_settings(const json_t *settings, struct image *ret, struct err *e)
{
	if (image_list_member(settings, "Env", &ret->env, e) < 0 ||
		image_list_member(settings, "Entrypoint", &ret->entrypoint, e) < 0 ||
		image_list_member(settings, "Cmd", &ret->cmd, e) < 0 ||
		image_list_member(settings, "Shell", &ret->shell, e) < 0 ||
		image_text_member(settings, "User", &ret->user, e) < 0 ||
		image_text_member(settings, "WorkingDir", &ret->workdir, e) < 0 ||
		image_text_member(settings, "StopSignal", &ret->stop_signal, e) < 0 ||
		parse_labels(settings, &ret->labels, e) < 0 ||
		parse_ports(settings, &ret->exposed, e) < 0 ||
		parse_volumes(settings, &ret->volumes, e) < 0 ||
		parse_health(settings, &ret->health, e) < 0)
		return -e->code;
	for (size_t i = 0; i < ret->env.n; i++)
		if (!strchr(ret->env.v[i], '=') || ret->env.v[i][0] == '=')
			return err_set(e, EINVAL, "'Env' has an entry that is not KEY=value");
	return 0;
}
