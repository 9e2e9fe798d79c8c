#include "machine/base.h"
#include "machine/basefiles.h"
#include "machine/hostapt.h"
#include "machine/mmdebstrap.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/time.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#define BUILD_DIR  "base-build"
#define KEYRING    "/usr/share/keyrings/debian-archive-keyring.gpg"
#define OTHER_HOST "bookworm" /* what a host that is not Debian gets */
#define BUILD_WAIT 1800000    /* ms that another process may take to build it */

/* ---- what to build from ---- */

struct recipe {
	struct host_apt host;
	struct apt_sources sources;
	struct strv notes;
	char *suite, *mirror;
};

static void recipe_release(struct recipe *c)
{
	host_apt_release(&c->host);
	apt_sources_release(&c->sources);
	strv_release(&c->notes);
	free(c->suite);
	free(c->mirror);
}

/* The mirror that was said, now or the last time. */
static char *choose_mirror(int state, const char *said)
{
	auto_json *j = NULL;
	struct err ignored = { 0 };

	if (said)
		return xstrdup(said);
	if (json_read_file(state, "base.json", 65536, &j, &ignored) < 0)
		return NULL;
	said = json_str(j, "mirror", "");
	return apt_url_check(said) == 0 ? xstrdup(said) : NULL;
}

static int check_mirror(const char *url, struct err *e)
{
	int r = apt_url_check(url);

	if (r == -EPERM)
		return err_set(e, EINVAL,
			"a mirror's URL cannot carry a password: the image would carry it too");
	if (r < 0) {
		err_set(e, EINVAL, "'%.200s' is not the URL of a mirror",
			str_is_one_line(url) ? url : "that");
		return err_hint(e, "--mirror http://MIRROR/debian");
	}
	return 0;
}

static int recipe_make(int state, const char *mirror, struct recipe *ret, struct err *e)
{
	int r = mirror ? check_mirror(mirror, e) : 0;

	if (r >= 0)
		r = host_apt_read(&ret->host, e);
	if (r < 0)
		return r;
	ret->mirror = choose_mirror(state, mirror);
	ret->suite = xstrdup(ret->host.codename ? ret->host.codename : OTHER_HOST);
	if (ret->host.codename)
		apt_sources_pick(&ret->host.sources, ret->suite, host_apt_release_file, NULL,
			&ret->sources, &ret->notes);
	if (ret->mirror) {
		apt_sources_set_mirror(&ret->sources, ret->mirror, ret->suite);
		if (access(KEYRING, R_OK) == 0)
			ret->sources.v[0].signed_by = xstrdup(KEYRING);
	}
	for (size_t i = 0; i < ret->host.notes.n; i++)
		strv_push(&ret->notes, ret->host.notes.v[i]);
	for (size_t i = 0; i < ret->sources.n; i++)
		if (apt_source_has_release(&ret->sources.v[i], ret->suite))
			return 0;
	err_set(e, ENOENT, "this host's package sources do not offer Debian's main archive");
	return err_hint(e, "say where to get it: --mirror http://MIRROR/debian");
}

/* ---- the builder's folder ---- */

static int write_below(int dir, const char *path, const char *text, mode_t mode, struct err *e)
{
	const char *slash = strrchr(path, '/');
	auto_free char *parent = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup(".");
	auto_close int fd = fs_open_dir_make(dir, parent, 0755, e);

	if (fd < 0)
		return fd;
	return fs_write_file(
		fd, slash ? slash + 1 : path, text, strlen(text), mode, FS_VOLATILE, e);
}

/* A key that the image would not have otherwise goes to the same place in it. */
static int copy_keys(int files, const struct apt_source *s, struct err *e)
{
	const char *p = s->signed_by;

	while (p && *p == '/') {
		size_t n = strcspn(p, " \t\r\n,"), len = 0;
		auto_free char *path = xstrndup(p, n), *data = NULL, *parent = NULL;
		char *slash = strrchr(path, '/');
		auto_close int dir = -1;
		int r;

		p += n + strspn(p + n, " \t\r\n,");
		if (str_starts(slash + 1, "debian-archive-") || slash == path)
			continue; /* the package debian-archive-keyring brings it */
		r = fs_read_file(AT_FDCWD, path, (size_t)1 << 20, &data, &len, e);
		if (r < 0)
			return err_wrap(e, "cannot copy the key of a package source");
		parent = xstrndup(path + 1, (size_t)(slash - path - 1));
		dir = *parent ? fs_open_dir_make(files, parent, 0755, e) : files;
		if (dir < 0)
			return dir;
		r = fs_write_file(dir, slash + 1, data, len, 0644, FS_VOLATILE, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* mmdebstrap's inputs: redock.sources, apt.conf, two scripts and the tree "files". */
static int write_inputs(int dir, const struct recipe *c, struct err *e)
{
	auto_str sources = STR_INIT((size_t)4 << 20), image = STR_INIT(65536),
		 conf = STR_INIT(65536);
	auto_close int files = fs_open_dir_make(dir, "files", 0755, e);
	int r = files < 0 ? files : 0;

	apt_sources_text(&c->sources, &sources);
	str_addf(
		&conf, "APT::Install-Recommends \"false\";\n%s", str_text(&c->host.settings_build));
	str_addf(&image, "APT::Install-Recommends \"false\";\n%s",
		str_text(&c->host.settings_image));
	for (size_t i = 0; r >= 0 && i < base_files_count; i++)
		r = write_below(
			files, base_files[i].path, base_files[i].text, base_files[i].mode, e);
	for (size_t i = 0; r >= 0 && i < c->sources.n; i++)
		r = copy_keys(files, &c->sources.v[i], e);
	if (r >= 0)
		r = write_below(files, "etc/apt/redock.sources", str_text(&sources), 0644, e);
	if (r >= 0)
		r = write_below(files, "etc/apt/apt.conf.d/90redock", str_text(&image), 0644, e);
	if (r >= 0)
		r = write_below(dir, "redock.sources", str_text(&sources), 0600, e);
	if (r >= 0)
		r = write_below(dir, "apt.conf", str_text(&conf), 0600, e);
	if (r >= 0)
		r = write_below(dir, "extract", base_extract, 0700, e);
	return r < 0 ? r : write_below(dir, "customize", base_customize, 0700, e);
}

/* An unnamed file for the archive, so that nothing of it is left however this ends. */
static int archive_file(int dir, struct err *e)
{
	int fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	fd = openat(dir, "archive", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(e, "cannot make a file for the base image");
	unlinkat(dir, "archive", 0);
	return fd;
}

/* ---- building ---- */

static void remember(int state, const struct recipe *c)
{
	auto_json *j = json_pack("{s:i, s:s, s:s, s:I}", "version", 1, "suite", c->suite, "mirror",
		c->mirror ? c->mirror : "", "built", (json_int_t)time_now());
	auto_str sources = STR_INIT((size_t)4 << 20);
	struct err ignored = { 0 };

	apt_sources_text(&c->sources, &sources);
	if (!j)
		return;
	json_object_set_new(j, "sources", json_string(str_text(&sources)));
	json_write_file(state, "base.json", j, 0600, FS_VOLATILE, &ignored);
}

static int import(struct engine *en, int archive, const struct recipe *c, struct err *e)
{
	char *cmd[] = { BASE_BOOT, NULL };
	char *env[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"LANG=C.UTF-8", NULL };
	auto_free char *message = xasprintf("Debian %s with an SSH server", c->suite);
	struct import_options options = {
		.cmd = cmd, .env = env, .message = message, .stop_signal = "SIGTERM"
	};
	char id[72];

	if (lseek(archive, 0, SEEK_SET) < 0)
		return err_errno(e, "cannot read the archive of the base image");
	engine_say_to(en, 0, "storing it as the image " BASE_IMAGE);
	return engine_image_import(en, archive, BASE_IMAGE, &options, id, e);
}

/* In `dir`, the builder's folder, which is at `path`. */
static int build_in(struct engine *en, int dir, const char *path, const struct recipe *c,
	int *ret_signal, struct err *e)
{
	auto_close int archive = archive_file(dir, e);
	int r = archive < 0 ? archive : write_inputs(dir, c, e);

	if (r >= 0)
		r = mmdebstrap_run(en, path, c->suite, archive, ret_signal, e);
	return r < 0 ? r : import(en, archive, c, e);
}

static int build(struct engine *en, int state, const char *mirror, struct err *e)
{
	__attribute__((cleanup(recipe_release))) struct recipe c = { 0 };
	auto_free char *path = xasprintf("%s/" BUILD_DIR, engine_state_path(en));
	auto_close int dir = -1;
	struct err ignored = { 0 };
	int caught = 0, r = recipe_make(state, mirror, &c, e);

	/* what an earlier attempt left that could not clean up */
	if (r >= 0)
		r = fs_remove_tree(state, BUILD_DIR, e);
	if (r < 0)
		return r;
	engine_say_to(en, 0, "making the base image, once: Debian %s from %s", c.suite,
		c.sources.v[0].uris.v[0]);
	for (size_t i = 0; i < c.notes.n; i++)
		engine_say_to(en, 0, "%s", c.notes.v[i]);
	dir = fs_open_dir_make(state, BUILD_DIR, 0700, e);
	r = dir < 0 ? dir : build_in(en, dir, path, &c, &caught, e);
	if (fs_remove_tree(state, BUILD_DIR, &ignored) < 0)
		engine_say_to(en, 0, "'%s' is left: %s", path, ignored.text);
	if (caught)
		raise(caught);
	if (r >= 0)
		remember(state, &c);
	return r;
}

static int have_base(struct engine *en, struct err *e)
{
	int r = engine_image_inspect(en, BASE_IMAGE, NULL, e);

	if (r != -ENOENT)
		return r < 0 ? r : 1;
	err_clear(e);
	return 0;
}

int base_ensure(struct engine *en, const char *mirror, struct err *e)
{
	auto_close int lock = -1;
	int state, r = have_base(en, e);

	if (r > 0 && mirror)
		engine_say_to(en, 0,
			"the base image is there already, --mirror changes nothing; to "
			"make it anew: redock delete -f " BASE_IMAGE);
	if (r != 0)
		return r < 0 ? r : 0;
	state = engine_state_fd(en, e);
	if (state < 0)
		return state;
	if (fs_is_locked(state, "base.lock"))
		engine_say_to(en, 0, "waiting for another command that makes the base image");
	lock = fs_lock(state, "base.lock", BUILD_WAIT, e);
	if (lock < 0)
		return err_wrap(e, "cannot make the base image");
	r = have_base(en, e);
	if (r != 0)
		return r < 0 ? r : 0;
	r = build(en, state, mirror, e);
	return r < 0 ? err_wrap(e, "cannot make the base image") : 0;
}
