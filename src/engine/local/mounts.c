/* Mounts of a container: from the options to the configuration, and from there to the runtime. */
#include "base/mem.h"
#include "engine/local/defaults.h"
#include "engine/local/mounts.h"
#include "engine/local/options.h"
#include "engine/local/volumes.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/random.h>

/* Without double slashes, "." and "..", as Docker writes targets. What is not absolute stays, to be
 * refused. */
static char *clean_path(const char *path)
{
	auto_str out = STR_INIT(8192);
	const char *p = path;

	if (*path != '/')
		return xstrdup(path);
	while (*p) {
		size_t n;
		p += strspn(p, "/");
		n = strcspn(p, "/");
		if (n == 2 && p[0] == '.' && p[1] == '.') {
			const char *slash = out.len ? strrchr(out.data, '/') : NULL;
			str_truncate(&out, slash ? (size_t)(slash - out.data) : 0);
		} else if (n && !(n == 1 && *p == '.')) {
			str_add_char(&out, '/');
			str_add_data(&out, p, n);
		}
		p += n;
	}
	return out.len ? str_take(&out) : xstrdup("/");
}

static bool has_target(const struct container_config *c, const char *target)
{
	for (size_t i = 0; i < c->n_mounts; i++)
		if (c->mounts[i].target && str_eq(c->mounts[i].target, target))
			return true;
	return false;
}

static void copy_mount(const struct mount_config *from, struct mount_config *to)
{
	*to = (struct mount_config){
		.type = from->type,
		.source = from->source ? xstrdup(from->source) : NULL,
		.target = xstrdup(from->target),
		.read_only = from->read_only,
		.make_source = from->make_source,
		.no_recursive = from->no_recursive,
		.no_copy = from->no_copy,
		.propagation = from->propagation,
		.driver = from->driver ? xstrdup(from->driver) : NULL,
	};
	strv_extend(&to->driver_opts, from->driver_opts.v);
	strv_extend(&to->labels, from->labels.v);
}

/* Another container's volumes and binds, where this one has no mount of its own. */
static int add_volumes_from(struct local *l, struct container *c, const char *entry, struct err *e)
{
	static const char *const modes[] = { "", "rw", "ro", "z", "Z", "rw,z", "ro,z" };
	auto_container other = { 0 };
	char id[ENGINE_ID_SIZE];
	const char *mode = entry + strcspn(entry, ":");
	bool known = false;

	snprintf(id, sizeof id, "%.*s", (int)(mode - entry), entry);
	mode += *mode == ':';
	for (size_t i = 0; i < ARRAY_SIZE(modes) && !known; i++)
		known = str_eq(modes[i], mode);
	if (!known) {
		err_set(e, EINVAL, "'%.20s' is no mode of volumes from another container", mode);
		return err_hint(e, "ro or rw");
	}
	if (container_load(l, id, &other, e) < 0)
		return -e->code;
	for (size_t i = 0; i < other.config.n_mounts; i++) {
		const struct mount_config *from = &other.config.mounts[i];
		if (from->type == MOUNT_TMPFS || has_target(&c->config, from->target))
			continue;
		copy_mount(from, container_config_add_mount(&c->config));
		if (str_starts(mode, "ro"))
			c->config.mounts[c->config.n_mounts - 1].read_only = true;
	}
	return 0;
}

static char *made_up_name(void)
{
	unsigned char bytes[32];
	char *name = xcalloc(2 * sizeof bytes + 1, 1);

	if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
		abort();
	for (size_t i = 0; i < sizeof bytes; i++)
		snprintf(name + 2 * i, 3, "%02x", bytes[i]);
	return name;
}

int mounts_fill(struct local *l, struct container *c, const struct image *image, struct err *e)
{
	struct container_config *config = &c->config;

	for (size_t i = 0; i < config->n_mounts; i++) {
		struct mount_config *m = &config->mounts[i];
		char *clean = clean_path(m->target ? m->target : "");
		free(m->target);
		m->target = clean;
		if (m->source && !*m->source)
			free(take_ptr(&m->source));
	}
	/* before those of others and of the image, which make way instead */
	if (options_check_mounts(config, e) < 0)
		return -e->code;
	for (size_t i = 0; i < config->volumes_from.n; i++)
		if (add_volumes_from(l, c, config->volumes_from.v[i], e) < 0)
			return -e->code;
	for (size_t i = 0; i < image->volumes.n; i++) {
		auto_free char *target = clean_path(image->volumes.v[i]);
		struct mount_config *m;
		if (has_target(config, target) || !target[1])
			continue;
		m = container_config_add_mount(config);
		m->type = MOUNT_VOLUME;
		m->target = xstrdup(target);
	}
	for (size_t i = 0; i < config->n_mounts; i++)
		if (config->mounts[i].type == MOUNT_VOLUME && !config->mounts[i].source)
			config->mounts[i].source = made_up_name();
	return 0;
}

bool mounts_have_volumes(const struct container_config *c)
{
	for (size_t i = 0; i < c->n_mounts; i++)
		if (c->mounts[i].type == MOUNT_VOLUME)
			return true;
	return false;
}

int mounts_make_volumes(struct local *l, const struct container *c, struct err *e)
{
	for (size_t i = 0; i < c->config.n_mounts; i++) {
		const struct mount_config *m = &c->config.mounts[i];
		if (m->type == MOUNT_VOLUME &&
			volume_ensure(l, m, volume_name_is_made_up(m->source),
				!c->config.auto_remove, e) < 0)
			return -e->code;
	}
	return 0;
}

/* ---- for the runtime ---- */

static const struct {
	unsigned long one, recursive;
} propagation_flags[] = {
	[PROPAGATION_RPRIVATE] = { MS_PRIVATE, MS_REC },
	[PROPAGATION_PRIVATE] = { MS_PRIVATE, 0 },
	[PROPAGATION_RSHARED] = { MS_SHARED, MS_REC },
	[PROPAGATION_SHARED] = { MS_SHARED, 0 },
	[PROPAGATION_RSLAVE] = { MS_SLAVE, MS_REC },
	[PROPAGATION_SLAVE] = { MS_SLAVE, 0 },
};

/* Docker's --tmpfs is noexec, nosuid and nodev unless it is told otherwise. */
static void add_tmpfs_options(const struct mount_config *m, struct spec_mount *ret)
{
	static const struct {
		const char *name;
		uint64_t set, clear;
	} flags[] = {
		{ "noexec", MOUNT_ATTR_NOEXEC, 0 },
		{ "exec", 0, MOUNT_ATTR_NOEXEC },
		{ "nosuid", MOUNT_ATTR_NOSUID, 0 },
		{ "suid", 0, MOUNT_ATTR_NOSUID },
		{ "nodev", MOUNT_ATTR_NODEV, 0 },
		{ "dev", 0, MOUNT_ATTR_NODEV },
		{ "noatime", MOUNT_ATTR_NOATIME, 0 },
		{ "nodiratime", MOUNT_ATTR_NODIRATIME, 0 },
		{ "relatime", 0, 0 },
		{ "rw", 0, 0 },
	};
	auto_str rest = STR_INIT(1 << 16);

	ret->attrs = MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
	for (size_t i = 0; i < m->options.n; i++) {
		const char *option = m->options.v[i];
		bool known = str_eq(option, "ro");
		ret->read_only = ret->read_only || known;
		for (size_t k = 0; k < ARRAY_SIZE(flags) && !known; k++)
			if ((known = str_eq(flags[k].name, option))) {
				ret->attrs = (ret->attrs & ~flags[k].clear) | flags[k].set;
				ret->clear = (ret->clear & ~flags[k].set) | flags[k].clear;
			}
		if (!known)
			str_addf(&rest, "%s%s", rest.len ? "," : "", option);
	}
	ret->options = rest.len ? str_take(&rest) : NULL;
}

/* As Docker does for -v: a directory of root's, where there is nothing. */
static int make_source(const char *path, struct err *e)
{
	struct stat st;
	int fd;

	if (stat(path, &st) == 0)
		return 0;
	fd = fs_open_dir_make(AT_FDCWD, path, 0755, e);
	if (fd < 0)
		return err_wrap(e, "cannot make bind source '%s'", path);
	close(fd);
	return 0;
}

static int add_bind(const struct mount_config *m, struct spec_mount *ret, struct err *e)
{
	struct stat st;

	if (m->make_source && make_source(m->source, e) < 0)
		return -e->code;
	if (stat(m->source, &st) < 0)
		return err_errno(e, "cannot find bind source '%s'", m->source);
	ret->source = xstrdup(m->source);
	ret->no_recursive = m->no_recursive;
	if (m->propagation != PROPAGATION_RPRIVATE)
		ret->propagation = (int64_t)(propagation_flags[m->propagation].one |
					     propagation_flags[m->propagation].recursive);
	return 0;
}

static int add_mount(struct local *l, const struct mount_config *m, bool first_start,
	struct spec *s, struct err *e)
{
	struct spec_mount *ret = spec_add_mount(s);

	ret->type = m->type == MOUNT_TMPFS ? SPEC_TMPFS : SPEC_BIND;
	ret->target = xstrdup(m->target);
	ret->read_only = m->read_only;
	if (m->type == MOUNT_BIND)
		return add_bind(m, ret, e);
	if (m->type == MOUNT_VOLUME) {
		ret->copy_up = first_start && !m->no_copy;
		return volume_use(l, m->source, &ret->source, e);
	}
	ret->size = m->size;
	ret->mode = m->mode;
	add_tmpfs_options(m, ret);
	return 0;
}

static size_t depth(const char *path)
{
	size_t n = 0;

	for (; *path; path++)
		n += *path == '/';
	return n;
}

int mounts_to_spec(struct local *l, const struct container *c, struct spec *s, struct err *e)
{
	auto_free char *exit_file = xasprintf("%s/exit", c->id);
	const struct container_config *config = &c->config;
	bool first = faccessat(l->dirs.containers, exit_file, F_OK, AT_SYMLINK_NOFOLLOW) < 0;
	size_t deepest = 0;

	if (mounts_have_volumes(
		    config)) { /* those that somebody has removed by hand are made anew */
		auto_close int lock = volumes_lock_shared(l, e);
		if (lock < 0 || mounts_make_volumes(l, c, e) < 0)
			return -e->code;
	}
	for (size_t i = 0; i < config->n_mounts; i++)
		if (depth(config->mounts[i].target) > deepest)
			deepest = depth(config->mounts[i].target);
	/* one inside another comes after it, whatever the order of the options */
	for (size_t d = 1; d <= deepest; d++)
		for (size_t i = 0; i < config->n_mounts; i++)
			if (depth(config->mounts[i].target) == d &&
				add_mount(l, &config->mounts[i], first, s, e) < 0)
				return -e->code;
	return 0;
}

void mounts_describe(struct local *l, const struct container *c, struct container_info *ret)
{
	ret->mounts = xcalloc(c->config.n_mounts + 1, sizeof *ret->mounts);
	for (size_t i = 0; i < c->config.n_mounts; i++) {
		const struct mount_config *m = &c->config.mounts[i];
		bool volume = m->type == MOUNT_VOLUME;
		ret->mounts[ret->n_mounts++] = (struct mount_info){
			.type = m->type,
			.name = volume ? xstrdup(m->source) : NULL,
			.driver = volume ? xstrdup("local") : NULL,
			.source = volume      ? xasprintf("%s/volumes/%s/_data", l->root, m->source)
				  : m->source ? xstrdup(m->source)
					      : xstrdup(""),
			.target = xstrdup(m->target),
			.read_only = m->read_only,
			.propagation = m->propagation,
		};
	}
}
