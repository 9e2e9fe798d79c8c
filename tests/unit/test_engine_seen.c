/* seen.h: what is remembered is what is there, and nothing else is. config_pack.h: bounded reading.
 */
#include "engine/local/seen.h"
#include "base/mem.h"
#include "base/time.h"
#include "engine/config_pack.h"
#include "test_base.h"

#include <fcntl.h>
#include <string.h>

#define N 40

struct place_of {
	struct place p;
	struct local l;
	int64_t now; /* of the listings: later than the clock, so that files are old */
	unsigned hits;
};

static const char *id_of(unsigned i)
{
	static char id[ENGINE_ID_SIZE];

	snprintf(id, sizeof id, "%064x", i);
	return id;
}

static void save(struct place_of *w, unsigned i, const char *image)
{
	auto_container c = { 0 };
	auto_close int dir = -1;
	auto_free char *key = NULL;
	struct err e = { 0 };

	snprintf(c.id, sizeof c.id, "%s", id_of(i));
	c.image_id = xstrdup("sha256:1");
	c.manifest = xstrdup("sha256:2");
	strv_push(&c.layers, "sha256:3");
	c.created = 5;
	c.config.name = xasprintf("c%u", i);
	c.config.image = xstrdup(image);
	c.config.hostname = xstrdup("h");
	c.config.workdir = xstrdup("/");
	c.config.network = xstrdup("none");
	strv_push(&c.config.cmd, "true");
	strv_push(&c.config.labels, "a=b");
	container_config_add_ulimit(&c.config)->name = xstrdup("nofile");
	dir = fs_open_dir_make(w->l.dirs.containers, c.id, 0700, &e);
	assert_int_equal(container_save(&c, dir, FS_VOLATILE, &e), 0);
	assert_true(symlinkat(c.id, w->l.dirs.names, c.config.name) == 0 || errno == EEXIST);
}

static void set_up(struct place_of *w)
{
	auto_free char *root = NULL, *run = NULL;
	struct err e = { 0 };

	*w = (struct place_of){ .now = time_now() + INT64_C(3600000000000) };
	place_make(&w->p);
	root = xasprintf("%s/lib", w->p.path);
	run = xasprintf("%s/run", w->p.path);
	w->l.dirs = (struct container_dirs)CONTAINER_DIRS_INIT;
	assert_int_equal(container_dirs_open(root, run, &w->l.dirs, &e), 0);
	w->l.run = fs_open_dir(w->p.fd, "run", &e);
	for (unsigned i = 0; i < N; i++)
		save(w, i, "base");
}

static void tear_down(struct place_of *w)
{
	container_dirs_release(&w->l.dirs);
	close_fd(&w->l.run);
	place_remove(&w->p);
}

/* A listing; -EPROTO where `at` is found damaged. `w->hits` counts what was not read. */
static int list(
	struct place_of *w, unsigned at, char **ret_image, char **ret_name, char **ret_state)
{
	struct err e = { 0 };
	int result = 0;

	w->hits = 0;
	w->l.seen = seen_begin(&w->l, N, w->now);
	assert_non_null(w->l.seen);
	for (unsigned i = 0; i < N; i++) {
		auto_container c = { 0 }, again = { 0 };
		auto_free char *state = NULL;
		int r;
		seen_next(w->l.seen, id_of(i));
		w->hits += seen_container(w->l.seen, &w->l, &again);
		r = container_load(&w->l, id_of(i), &c, &e);
		seen_read(w->l.seen, &w->l, "state", &state, &e);
		if (i != at) {
			assert_int_equal(r, 0);
			continue;
		}
		result = r;
		if (r < 0)
			continue;
		assert_string_equal(c.config.ulimits[0].name, "nofile");
		assert_string_equal(c.layers.v[0], "sha256:3");
		if (ret_image)
			*ret_image = take_ptr(&c.config.image);
		if (ret_name)
			*ret_name = take_ptr(&c.config.name);
		if (ret_state)
			*ret_state = take_ptr(&state);
	}
	seen_end(&w->l, take_ptr(&w->l.seen));
	return result;
}

static void test_remembers(void **state)
{
	auto_free char *image = NULL, *changed = NULL;
	struct place_of w;

	(void)state;
	set_up(&w);
	list(&w, 3, NULL, NULL, NULL);
	assert_int_equal(w.hits, 0);
	list(&w, 3, &image, NULL, NULL);
	assert_int_equal(w.hits, N);
	assert_string_equal(image, "base");
	save(&w, 3, "mend");
	list(&w, 3, &changed, NULL, NULL);
	assert_int_equal(w.hits, N - 1);
	assert_string_equal(changed, "mend");
	tear_down(&w);
}

/* An editor that writes in place and keeps length and modification time. */
static void edit(struct place_of *w, unsigned i, const char *from, const char *to)
{
	auto_free char *path = xasprintf("%s/config.json", id_of(i)), *text = NULL, *p;
	auto_close int fd = openat(w->l.dirs.containers, path, O_RDWR | O_CLOEXEC);
	struct stat st;
	struct err e;
	size_t len;

	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(fs_read_file(w->l.dirs.containers, path, 1 << 20, &text, &len, &e), 0);
	p = strstr(text, from);
	assert_non_null(p);
	memcpy(p, to, strlen(to));
	p = NULL;
	assert_int_equal(fs_pwrite_all(fd, text, len, 0), 0);
	futimens(fd, (struct timespec[]){ st.st_atim, st.st_mtim });
}

static void test_edited_and_damaged(void **state)
{
	auto_free char *image = NULL;
	struct place_of w;

	(void)state;
	set_up(&w);
	list(&w, 7, NULL, NULL, NULL);
	edit(&w, 7, "\"base\"", "\"hand\"");
	assert_int_equal(list(&w, 7, &image, NULL, NULL), 0);
	assert_string_equal(image, "hand");
	edit(&w, 7, "\"Config\"", "\"Confug\"");
	assert_int_equal(list(&w, 7, NULL, NULL, NULL), -EPROTO);
	/* each time, not only the first */
	assert_int_equal(list(&w, 7, NULL, NULL, NULL), -EPROTO);
	edit(&w, 7, "\"Confug\"", "\"Config\"");
	assert_int_equal(list(&w, 7, NULL, NULL, NULL), 0);
	tear_down(&w);
}

/* What changed a moment ago could change again without a new time. */
static void test_too_young(void **state)
{
	struct place_of w;

	(void)state;
	set_up(&w);
	w.now = time_now();
	list(&w, 0, NULL, NULL, NULL);
	list(&w, 0, NULL, NULL, NULL);
	assert_int_equal(w.hits, 0);
	tear_down(&w);
}

static void test_renamed(void **state)
{
	auto_free char *name = NULL;
	struct place_of w;

	(void)state;
	set_up(&w);
	list(&w, 9, NULL, NULL, NULL);
	/* the claim moved, and config.json was not written any more (F20) */
	assert_int_equal(renameat(w.l.dirs.names, "c9", w.l.dirs.names, "other"), 0);
	list(&w, 9, NULL, &name, NULL);
	assert_string_equal(name, "other");
	free(take_ptr(&name));
	list(&w, 9, NULL, &name, NULL);
	assert_string_equal(name, "other");
	tear_down(&w);
}

static void put_state(struct place_of *w, unsigned i, const char *text)
{
	struct err e = { 0 };
	auto_close int dir = fs_open_dir_make(w->l.dirs.run, id_of(i), 0700, &e);

	if (text)
		fs_write_file(dir, "state", text, strlen(text), 0600, FS_VOLATILE, &e);
	else
		unlinkat(dir, "state", 0);
}

static void test_state(void **state)
{
	static const char *const texts[] = { NULL, "one", "two", NULL, "three" };
	struct place_of w;

	(void)state;
	set_up(&w);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		put_state(&w, 11, texts[i]);
		for (int k = 0; k < 3; k++) {
			auto_free char *text = NULL;
			list(&w, 11, NULL, NULL, &text);
			if (texts[i])
				assert_string_equal(text, texts[i]);
			else
				assert_null(text);
		}
	}
	tear_down(&w);
}

/* Every byte of it changed, and every length of it: it is no use any more, or it is the same. */
static void test_damaged_memory(void **state)
{
	auto_free char *whole = NULL;
	struct place_of w;
	struct err e = { 0 };
	size_t len;

	(void)state;
	set_up(&w);
	list(&w, 0, NULL, NULL, NULL);
	assert_int_equal(fs_read_file(w.l.run, "seen", 1 << 20, &whole, &len, &e), 0);
	for (size_t i = 0; i < len; i += 97) {
		auto_free char *image = NULL;
		whole[i] ^= 0x40;
		fs_write_file(w.l.run, "seen", whole, len, 0600, FS_VOLATILE, &e);
		assert_int_equal(list(&w, 0, &image, NULL, NULL), 0);
		assert_int_equal(w.hits, 0);
		assert_string_equal(image, "base");
		whole[i] ^= 0x40;
		fs_write_file(w.l.run, "seen", whole, i, 0600, FS_VOLATILE, &e);
		assert_int_equal(list(&w, 0, NULL, NULL, NULL), 0);
		assert_int_equal(w.hits, 0);
	}
	tear_down(&w);
}

static void test_packed(void **state)
{
	auto_container_config c = { 0 };
	auto_str text = STR_INIT(65536);

	(void)state;
	c.name = xstrdup("web");
	strv_push(&c.cmd, "");
	strv_push(&c.cmd, "a\xff");
	c.restart = RESTART_ALWAYS;
	c.tty = true;
	container_config_add_mount(&c)->target = xstrdup("/t");
	container_config_add_port(&c)->host_port = 65535;
	container_config_pack(&c, &text);
	for (size_t len = 0; len <= text.len; len++) {
		auto_container_config back = { 0 };
		struct packed p = { text.data, text.data + len };
		assert_int_equal(container_config_unpack(&p, &back), len == text.len);
		if (len < text.len)
			continue;
		assert_string_equal(back.cmd.v[1], "a\xff");
		assert_true(back.tty && back.restart == RESTART_ALWAYS && back.n_ports == 1);
		assert_int_equal(back.ports[0].host_port, 65535);
		assert_string_equal(back.mounts[0].target, "/t");
	}
	/* any byte may be anything: no more is asked than that it ends and owns what it has */
	for (size_t i = 0; i < text.len; i++)
		for (unsigned byte = 0; byte < 256; byte++) {
			auto_container_config back = { 0 };
			struct packed p = { text.data, text.data + text.len };
			char was = text.data[i];
			text.data[i] = (char)byte;
			container_config_unpack(&p, &back);
			text.data[i] = was;
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_remembers),
		cmocka_unit_test(test_edited_and_damaged),
		cmocka_unit_test(test_too_young),
		cmocka_unit_test(test_renamed),
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_damaged_memory),
		cmocka_unit_test(test_packed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
