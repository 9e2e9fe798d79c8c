/* -v, --mount and --tmpfs, as docker-run(1) has them. */
#include "base/mem.h"
#include "base/str.h"
#include "cli/values.h"
#include "engine/engine.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

/* Splits at the commas of a CSV record (RFC 4180): a field may stand in double quotes. */
static int split_fields(const char *text, struct strv *ret)
{
	for (const char *p = text;; p++) {
		auto_str field = STR_INIT(65536);
		bool quoted = *p == '"';

		for (p += quoted; *p && (quoted || *p != ','); p++) {
			if (quoted && *p == '"' && p[1] != '"')
				break;
			p += quoted && *p == '"';
			str_add_char(&field, *p);
		}
		if (quoted && *p++ != '"')
			return -EINVAL;
		strv_push_take(ret, str_take(&field));
		if (!*p)
			return 0;
		if (*p != ',')
			return -EINVAL;
	}
}

static int check_target(const char *path, struct err *e)
{
	if (path[0] != '/' || strlen(path) > 4000 || strspn(path, "/") == strlen(path)) {
		err_set(e, EINVAL, "'%s' is no place in a container", path);
		return err_hint(e, "an absolute path other than /");
	}
	return 0;
}

/* The engine's rule for names of volumes, here because what is none may be meant as a path. */
static int check_volume_name(const char *name, struct err *e)
{
	size_t n = 0;

	while (isalnum((unsigned char)name[n]) || (n && name[n] && strchr("_.-", name[n])))
		n++;
	if (!n || name[n] || n > 128) {
		err_set(e, EINVAL, "'%s' is neither a volume's name nor an absolute path", name);
		return err_hint(
			e, "a volume: letters, digits, _ . -; a directory: begins with / or ./");
	}
	return 0;
}

/* A path that begins with a dot is relative to where redock was called. */
static char *absolute_source(const char *text, struct err *e)
{
	auto_free char *here = NULL;

	if (text[0] == '/')
		return xstrdup(text);
	here = getcwd(NULL, 0);
	if (!here) {
		err_errno(e, "cannot tell the working directory");
		return NULL;
	}
	return xasprintf("%s/%s", here, text);
}

static int set_source(struct mount_config *m, const char *text, struct err *e)
{
	bool path = text[0] == '/' || str_eq(text, ".") || str_eq(text, "..") ||
		    str_starts(text, "./") || str_starts(text, "../");

	m->type = path ? MOUNT_BIND : MOUNT_VOLUME;
	if (!path && check_volume_name(text, e) < 0)
		return -EINVAL;
	m->source = path ? absolute_source(text, e) : xstrdup(text);
	return m->source ? 0 : -e->code;
}

/* One of -v's options. Those of other platforms (SELinux labels, consistency) change nothing. */
static int volume_option(struct mount_config *m, const char *word, bool *seen_mode, struct err *e)
{
	static const char *const without_effect[] = { "z", "Z", "consistent", "cached",
		"delegated" };
	int propagation = mount_propagation_parse(word);

	for (size_t i = 0; i < ARRAY_SIZE(without_effect); i++)
		if (str_eq(word, without_effect[i]))
			return 0;
	if (str_eq(word, "ro") || str_eq(word, "rw")) {
		if (*seen_mode)
			return err_set(e, EINVAL, "ro and rw are given more than once");
		*seen_mode = true;
		m->read_only = str_eq(word, "ro");
	} else if (str_eq(word, "nocopy") && m->type == MOUNT_VOLUME) {
		m->no_copy = true;
	} else if (propagation >= 0 && m->type == MOUNT_BIND) {
		m->propagation = (enum mount_propagation)propagation;
	} else {
		err_set(e, EINVAL, "'%s' is no option of a %s", word,
			m->type == MOUNT_BIND ? "bind mount" : "volume");
		return err_hint(e, m->type == MOUNT_BIND ? "ro, rw, rslave, rshared, rprivate"
							 : "ro, rw, nocopy");
	}
	return 0;
}

static int volume_options(struct mount_config *m, const char *text, struct err *e)
{
	auto_strv words = { 0 };
	bool seen_mode = false;
	int r = 0;

	if (split_fields(text, &words) < 0)
		return err_set(e, EINVAL, "a quote is not closed in '%s'", text);
	for (size_t i = 0; i < words.n && r == 0; i++)
		r = volume_option(m, words.v[i], &seen_mode, e);
	return r;
}

/* What has been parsed so far stays in the configuration, which its owner releases. */
int value_volume(const char *text, void *config, struct err *e)
{
	const char *colon = strchr(text, ':'), *second = colon ? strchr(colon + 1, ':') : NULL;
	struct mount_config *m = container_config_add_mount(config);
	int r = 0;

	m->type = MOUNT_VOLUME;
	if (!str_is_one_line(text) || !*text)
		return err_set(e, EINVAL, "it is empty or has a line break");
	if (colon) {
		auto_free char *source = xstrndup(text, (size_t)(colon - text));
		r = set_source(m, source, e);
		m->make_source = m->type == MOUNT_BIND;
	}
	text = colon ? colon + 1 : text;
	m->target = second ? xstrndup(text, (size_t)(second - text)) : xstrdup(text);
	if (r == 0)
		r = check_target(m->target, e);
	if (r == 0 && second)
		r = volume_options(m, second + 1, e);
	return r;
}

/* ---- tmpfs ---- */

static int tmpfs_mode(const char *text, mode_t *ret, struct err *e)
{
	char *end;
	unsigned long mode = strtoul(text, &end, 8);

	if (!isdigit((unsigned char)*text) || *end || mode > 07777 || mode == 0)
		return err_set(e, EINVAL, "'%s' is no mode: octal digits, such as 1777", text);
	*ret = (mode_t)mode;
	return 0;
}

static int tmpfs_size(const char *text, struct mount_config *m, struct err *e)
{
	int64_t bytes;

	if (str_ends(text, "%")) { /* of the memory: mount(8) reckons it */
		strv_pushf(&m->options, "size=%s", text);
		return 0;
	}
	if (value_size(text, &bytes, e) < 0)
		return -EINVAL;
	m->size = (uint64_t)bytes;
	return 0;
}

static int tmpfs_option(struct mount_config *m, const char *word, struct err *e)
{
	static const char *const flags[] = { "exec", "noexec", "suid", "nosuid", "dev", "nodev",
		"sync", "async", "atime", "noatime", "diratime", "nodiratime", "relatime",
		"norelatime", "strictatime", "nostrictatime" };
	static const char *const numbers[] = { "uid=", "gid=", "nr_inodes=", "nr_blocks=" };

	if (str_starts(word, "size="))
		return tmpfs_size(word + 5, m, e);
	if (str_starts(word, "mode="))
		return tmpfs_mode(word + 5, &m->mode, e);
	if (str_eq(word, "ro") || str_eq(word, "rw")) {
		m->read_only = str_eq(word, "ro");
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (str_eq(word, flags[i])) {
			strv_push(&m->options, word);
			return 0;
		}
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (str_starts(word, numbers[i]) &&
			isdigit((unsigned char)word[strlen(numbers[i])])) {
			strv_push(&m->options, word);
			return 0;
		}
	err_set(e, EINVAL, "'%s' is no option of a tmpfs", word);
	return err_hint(e, "size=64m, mode=1777, uid=0, noexec, ro");
}

int value_tmpfs(const char *text, void *config, struct err *e)
{
	const char *colon = strchr(text, ':');
	struct mount_config *m = container_config_add_mount(config);
	auto_strv words = { 0 };
	int r;

	m->type = MOUNT_TMPFS;
	m->target = colon ? xstrndup(text, (size_t)(colon - text)) : xstrdup(text);
	r = check_target(m->target, e);
	if (r == 0 && colon && split_fields(colon + 1, &words) < 0)
		r = err_set(e, EINVAL, "a quote is not closed in '%s'", text);
	for (size_t i = 0; i < words.n && r == 0; i++)
		r = tmpfs_option(m, words.v[i], e);
	return r;
}

/* ---- --mount ---- */

static int mount_type(const char *value, struct mount_config *m, struct err *e)
{
	for (int type = MOUNT_BIND; type <= MOUNT_TMPFS; type++)
		if (str_eq(value, mount_type_text((enum mount_type)type))) {
			m->type = (enum mount_type)type;
			return 0;
		}
	err_set(e, EINVAL, "'%s' is no type of mount", value);
	return err_hint(e, "bind, volume or tmpfs");
}

static int mount_flag(const char *key, const char *value, bool *ret, struct err *e)
{
	if (!value || str_eq(value, "true") || str_eq(value, "1"))
		*ret = true;
	else if (str_eq(value, "false") || str_eq(value, "0"))
		*ret = false;
	else
		return err_set(e, EINVAL, "'%s' takes true or false, not '%s'", key, value);
	return 0;
}

static int mount_driver_option(const char *value, struct mount_config *m, struct err *e)
{
	if (!strchr(value, '=') || *value == '=')
		return err_set(e, EINVAL, "'volume-opt' takes KEY=VALUE, not '%s'", value);
	strv_push(&m->driver_opts, value);
	return 0;
}

static int replace(char **target, const char *value)
{
	free(*target);
	*target = xstrdup(value);
	return 0;
}

static int mount_propagation(const char *value, struct mount_config *m, struct err *e)
{
	int r = mount_propagation_parse(value);

	if (r < 0)
		return err_set(e, EINVAL, "'%s' is no propagation of mounts", value);
	m->propagation = (enum mount_propagation)r;
	return 0;
}

/* A field of a kind that `type` does not have. */
static int not_of_type(const struct mount_config *m, const char *key, struct err *e)
{
	return err_set(e, EINVAL, "'%s' is not for type=%s", key, mount_type_text(m->type));
}

static int mount_field(struct mount_config *m, const char *key, const char *value, struct err *e)
{
	bool off = false;

	if (str_eq(key, "readonly") || str_eq(key, "ro"))
		return mount_flag(key, value, &m->read_only, e);
	if (str_eq(key, "volume-nocopy"))
		return m->type == MOUNT_VOLUME ? mount_flag(key, value, &m->no_copy, e)
					       : not_of_type(m, key, e);
	if (str_eq(key, "bind-nonrecursive"))
		return m->type == MOUNT_BIND ? mount_flag(key, value, &m->no_recursive, e)
					     : not_of_type(m, key, e);
	if (!value)
		return err_set(e, EINVAL, "'%s' needs a value", key);
	if (str_eq(key, "type"))
		return 0;
	if (str_eq(key, "source") || str_eq(key, "src"))
		return replace(&m->source, value);
	if (str_eq(key, "target") || str_eq(key, "dst") || str_eq(key, "destination"))
		return replace(&m->target, value);
	if (str_eq(key, "consistency"))
		return 0;
	off = (str_starts(key, "bind-") && m->type != MOUNT_BIND) ||
	      (str_starts(key, "volume-") && m->type != MOUNT_VOLUME) ||
	      (str_starts(key, "tmpfs-") && m->type != MOUNT_TMPFS);
	if (off)
		return not_of_type(m, key, e);
	if (str_eq(key, "bind-propagation"))
		return mount_propagation(value, m, e);
	if (str_eq(key, "bind-recursive") && str_eq(value, "disabled")) {
		m->no_recursive = true;
		return 0;
	}
	if (str_eq(key, "bind-recursive") && str_eq(value, "enabled"))
		return 0;
	if (str_eq(key, "volume-driver"))
		return replace(&m->driver, value);
	if (str_eq(key, "volume-label"))
		return value_label_push(value, &m->labels, e);
	if (str_eq(key, "volume-opt"))
		return mount_driver_option(value, m, e);
	if (str_eq(key, "tmpfs-size"))
		return tmpfs_size(value, m, e);
	if (str_eq(key, "tmpfs-mode"))
		return tmpfs_mode(value, &m->mode, e);
	err_set(e, EINVAL, "'%s' is no field of a mount", key);
	return err_hint(e, "type=bind|volume|tmpfs,source=FROM,target=TO,readonly");
}

static int check_mount(struct mount_config *m, struct err *e)
{
	if (!m->target)
		return err_set(e, EINVAL, "it has no target");
	if (check_target(m->target, e) < 0)
		return -EINVAL;
	if (m->type == MOUNT_TMPFS && m->source)
		return err_set(e, EINVAL, "a tmpfs has no source");
	if (m->type == MOUNT_BIND && (!m->source || !strchr("/.", m->source[0]))) {
		err_set(e, EINVAL, "a bind mount needs the absolute path of its source");
		return err_hint(e, "source=/DIRECTORY; a volume has type=volume");
	}
	if (m->type == MOUNT_BIND && m->source[0] == '.') {
		char *absolute = absolute_source(m->source, e);
		free(m->source);
		m->source = absolute;
		return absolute ? 0 : -e->code;
	}
	return m->type == MOUNT_VOLUME && m->source ? check_volume_name(m->source, e) : 0;
}

int value_mount(const char *text, void *config, struct err *e)
{
	struct mount_config *m = container_config_add_mount(config);
	auto_strv fields = { 0 };
	int r = 0;

	m->type = MOUNT_VOLUME;
	if (!str_is_one_line(text) || split_fields(text, &fields) < 0)
		return err_set(e, EINVAL, "'%s' is no list of KEY=VALUE", text);
	for (size_t i = 0; i < fields.n && r == 0; i++) /* what the others mean depends on it */
		if (strncasecmp(fields.v[i], "type=", 5) == 0)
			r = mount_type(fields.v[i] + 5, m, e);
	for (size_t i = 0; i < fields.n && r == 0; i++) {
		char *equals = strchr(fields.v[i], '=');
		if (equals)
			*equals = '\0';
		for (char *p = fields.v[i]; *p; p++) /* Docker reads TYPE=bind, too */
			*p = (char)tolower((unsigned char)*p);
		r = mount_field(m, fields.v[i], equals ? equals + 1 : NULL, e);
	}
	return r < 0 ? r : check_mount(m, e);
}
