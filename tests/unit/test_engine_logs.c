/* Reading logs back, the journal of events, and the options of logs. */
#include "engine/local/journal.h"
#include "engine/local/local.h"
#include "engine/local/monitor/log.h"
#include "base/time.h"
#include "test_base.h"

#include <sys/wait.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct instance {
	struct place place;
	struct engine *engine;
	int dir; /* the container's */
};

static void set_up(struct instance *in, const char *driver)
{
	auto_free char *root = NULL, *run = NULL;
	struct container c = { .id = ID };
	struct engine_options o = { 0 };
	struct err e = { 0 };
	auto_close int containers = -1;

	place_make(&in->place);
	root = xasprintf("%s/lib", in->place.path);
	run = xasprintf("%s/run", in->place.path);
	o.root = root;
	o.run_root = run;
	assert_int_equal(engine_open("local:", &o, &in->engine, &e), 0);
	containers = fs_open_dir_make(in->place.fd, "lib/containers/" ID, 0700, &e);
	c.config.name = xstrdup("name");
	c.config.image = xstrdup("image");
	c.config.hostname = xstrdup("host");
	c.config.workdir = xstrdup("/");
	c.config.network = xstrdup("none");
	strv_push(&c.config.cmd, "true");
	strv_push(&c.layers, "sha256:0");
	c.config.log_driver = driver ? xstrdup(driver) : NULL;
	c.image_id = xstrdup("sha256:0");
	c.manifest = xstrdup("sha256:0");
	assert_int_equal(container_save(&c, containers, FS_VOLATILE, &e), 0);
	container_release(&c);
	in->dir = take_fd(&containers);
}

static void tear_down(struct instance *in)
{
	close_fd(&in->dir);
	engine_close(in->engine);
	place_remove(&in->place);
}

static int collect(void *arg, const struct log_entry *entry)
{
	str_addf(arg, "%d:%.*s", entry->stream, (int)entry->len, entry->data);
	return 0;
}

static int read_log(struct instance *in, struct log_options *o, struct str *ret, struct err *e)
{
	str_truncate(ret, 0);
	o->standard_output = o->standard_error = true;
	return engine_logs(in->engine, ID, o, collect, ret, e);
}

static void put_lines(struct instance *in, const char *name, int from, int to)
{
	auto_str text = STR_INIT(1 << 20);
	struct err e;

	for (int i = from; i < to; i++)
		str_addf(&text,
			"{\"log\":\"%d\\n\",\"stream\":\"%s\",\"time\":\"2026-01-01T00:00:%02dZ\"}"
			"\n",
			i, i % 2 ? "stderr" : "stdout", i % 60);
	assert_int_equal(
		fs_write_file(in->dir, name, text.data, text.len, 0600, FS_VOLATILE, &e), 0);
}

static void test_tail(void **state)
{
	struct log_options o = { .tail = -1 };
	auto_str out = STR_INIT(1 << 20);
	struct instance in;
	struct err e;

	(void)state;
	set_up(&in, NULL);
	put_lines(&in, "log.2", 0, 2);
	put_lines(&in, "log.1", 2, 4);
	put_lines(&in, "log", 4, 6);
	assert_int_equal(read_log(&in, &o, &out, &e), 0);
	assert_string_equal(str_text(&out), "1:0\n2:1\n1:2\n2:3\n1:4\n2:5\n");
	o.tail = 0;
	assert_int_equal(read_log(&in, &o, &out, &e), 0);
	assert_string_equal(str_text(&out), "");
	o.tail = 1;
	assert_int_equal(read_log(&in, &o, &out, &e), 0);
	assert_string_equal(str_text(&out), "2:5\n");
	o.tail = 2;
	assert_int_equal(read_log(&in, &o, &out, &e), 0);
	assert_string_equal(str_text(&out), "1:4\n2:5\n");
	o.tail = 3; /* into the file before */
	assert_int_equal(read_log(&in, &o, &out, &e), 0);
	assert_string_equal(str_text(&out), "2:3\n1:4\n2:5\n");
	o.tail = 100;
	assert_int_equal(read_log(&in, &o, &out, &e), 0);
	assert_int_equal(out.len, 24);
	o.tail = -1;
	o.since = INT64_C(1767225602000000000); /* 00:00:02 */
	o.until = INT64_C(1767225604000000000);
	assert_int_equal(read_log(&in, &o, &out, &e), 0);
	assert_string_equal(str_text(&out), "1:2\n2:3\n1:4\n");
	tear_down(&in);
}

/* More than a block: the tail is found by blocks from the end. */
static void test_large_tail(void **state)
{
	struct log_options o = { .tail = 5000 };
	auto_str out = STR_INIT(1 << 20);
	struct instance in;
	struct err e;

	(void)state;
	set_up(&in, NULL);
	put_lines(&in, "log", 0, 10000);
	assert_int_equal(read_log(&in, &o, &out, &e), 0);
	assert_true(str_starts(str_text(&out), "1:5000\n2:5001\n"));
	assert_true(str_ends(str_text(&out), "2:9999\n"));
	tear_down(&in);
}

/* A log is data: whatever is in it, the entries around it are read. */
static void test_damaged(void **state)
{
#define GOOD "{\"log\":\"good\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-01T00:00:00Z\"}\n"
	static const char *const bad[] = { "\n", "{\n", "[]\n", "{\"log\":1}\n", "null\n",
		"{\"log\":\"x\",\"time\":\"never\"}\n", "{\"log\":\"x\"}\n", "\xff\xfe\n",
		"{\"log\":\"a\",\"log\":\"b\",\"time\":\"2026-01-01T00:00:00Z\"}\n" };
	struct log_options o = { .tail = -1 };
	auto_str out = STR_INIT(1 << 20);
	struct instance in;
	struct err e;

	(void)state;
	set_up(&in, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		auto_free char *text = xasprintf(GOOD "%s" GOOD "{\"log\":\"cut of", bad[i]);
		assert_int_equal(
			fs_write_file(in.dir, "log", text, strlen(text), 0600, FS_VOLATILE, &e), 0);
		assert_int_equal(read_log(&in, &o, &out, &e), 0);
		assert_string_equal(str_text(&out), "1:good\n1:good\n");
	}
	/* a line without an end that no memory could hold */
	{
		auto_free char *huge = xmalloc(3 << 20);
		memset(huge, 'x', 3 << 20);
		memcpy(huge + (3 << 20) - sizeof GOOD, "\n" GOOD, sizeof GOOD);
		assert_int_equal(
			fs_write_file(in.dir, "log", huge, 3 << 20, 0600, FS_VOLATILE, &e), 0);
		assert_int_equal(read_log(&in, &o, &out, &e), 0);
		assert_string_equal(str_text(&out), "1:good\n");
	}
	/* nothing of the host is read through it */
	unlinkat(in.dir, "log", 0);
	assert_int_equal(symlinkat("/etc/passwd", in.dir, "log"), 0);
	assert_int_equal(read_log(&in, &o, &out, &e), 0);
	assert_string_equal(str_text(&out), "");
	unlinkat(in.dir, "log", 0);
	assert_int_equal(mkfifoat(in.dir, "log", 0600), 0);
	assert_int_equal(read_log(&in, &o, &out, &e), 0);
	tear_down(&in);
}

static void test_unreadable_drivers(void **state)
{
	struct log_options o = { .tail = -1 };
	auto_str out = STR_INIT(1 << 20);
	struct instance in;
	struct err e = { 0 };

	(void)state;
	set_up(&in, "journald");
	assert_int_equal(read_log(&in, &o, &out, &e), -ENOTSUP);
	assert_string_equal(e.hint, "journalctl CONTAINER_NAME=name");
	tear_down(&in);
}

static int add_event(void *arg, const struct event *event)
{
	str_addf(arg, "%s %s %s", event->type, event->action, event->id);
	for (size_t i = 0; i < event->attributes.n; i++)
		str_addf(arg, " %s", event->attributes.v[i]);
	str_add(arg, "\n");
	return 0;
}

static void test_journal(void **state)
{
	char *attributes[] = { (char *)"name=\"x\"\n\x01\xff", (char *)"b=", NULL };
	auto_str out = STR_INIT(1 << 20);
	struct instance in;
	struct err e = { 0 };
	struct local *l;

	(void)state;
	set_up(&in, NULL);
	l = local_of(in.engine);
	journal_add(l->run, "container", "create", "1", attributes);
	journal_add(l->run, "image", "tag", "2", NULL);
	local_event(l, "network", "connect", "3", "container", "c", NULL);
	assert_int_equal(engine_events(in.engine, 1, time_now(), add_event, &out, &e), 0);
	assert_string_equal(str_text(&out), "container create 1 name=\"x\"\n\x01\xef\xbf\xbd b=\n"
					    "image tag 2\nnetwork connect 3 container=c\n");
	/* a line that a full disk has cut off */
	{
		auto_close int fd = openat(l->run, JOURNAL, O_WRONLY | O_APPEND | O_CLOEXEC);
		assert_int_equal(fs_write_all(fd, "{\"timeNano\":12,\"Ty\n", 19), 0);
	}
	journal_add(l->run, "volume", "mount", "4", NULL);
	str_truncate(&out, 0);
	assert_int_equal(engine_events(in.engine, 1, time_now(), add_event, &out, &e), 0);
	assert_true(str_ends(str_text(&out), "volume mount 4\n"));
	tear_down(&in);
}

/* Writers that do not know of each other: no line is torn, and the journal stays bounded. */
static void test_journal_writers(void **state)
{
	enum { WRITERS = 4, EACH = 6000 };
	auto_free char *value = xmalloc(401);
	char *attributes[] = { value, NULL };
	auto_str out = STR_INIT(32 << 20);
	struct instance in;
	struct err e = { 0 };
	struct stat st;
	size_t lines = 0;

	(void)state;
	set_up(&in, NULL);
	memset(value, 'v', 400);
	value[400] = '\0';
	for (int w = 0; w < WRITERS; w++)
		if (fork() == 0) {
			for (int i = 0; i < EACH; i++)
				journal_add(local_of(in.engine)->run, "container", "x", "y",
					attributes);
			_exit(0);
		}
	for (int w = 0; w < WRITERS; w++)
		assert_true(wait(NULL) > 0);
	assert_int_equal(fstatat(local_of(in.engine)->run, JOURNAL_OLD, &st, 0), 0);
	assert_true(st.st_size < JOURNAL_MAX + (1 << 20));
	assert_int_equal(fstatat(local_of(in.engine)->run, JOURNAL, &st, 0), 0);
	assert_true(st.st_size < JOURNAL_MAX + (1 << 20));
	assert_int_equal(engine_events(in.engine, 1, time_now(), add_event, &out, &e), 0);
	for (const char *p = str_text(&out); *p; p = strchr(p, '\n') + 1) {
		assert_true(str_starts(p, "container x y vvv"));
		lines++;
	}
	assert_true(lines > 8000 && lines <= WRITERS * EACH);
	tear_down(&in);
}

static int parse(const char *driver, const char *option, struct log_settings *ret)
{
	struct strv annotations = { 0 }, env = { 0 }, options = { 0 };
	const struct log_subject of = { ID, "web", &annotations, &env };
	struct err e = { 0 };
	int r;

	strv_push(&annotations, "image=img:1");
	strv_push(&annotations, "tier=front");
	strv_push(&env, "A=1");
	strv_push(&options, option);
	*ret = (struct log_settings){ 0 };
	r = log_settings_parse(driver, &options, &of, ret, &e);
	assert_true(r == 0 || (*e.text && *e.hint));
	strv_release(&annotations);
	strv_release(&env);
	strv_release(&options);
	return r;
}

static void test_options(void **state)
{
	static const struct {
		const char *driver, *option;
	} bad[] = {
		{ NULL, "max-size=0" },
		{ NULL, "max-size=-2" },
		{ NULL, "max-size=10x" },
		{ NULL, "max-size=" },
		{ NULL, "max-size=99999999999999999999g" },
		{ NULL, "max-file=0" },
		{ NULL, "max-file=101" },
		{ NULL, "mode=fast" },
		{ NULL, "nosuch=1" },
		{ NULL, "nothing" },
		{ NULL, "compress=true" },
		{ NULL, "tag={{.Nosuch}}" },
		{ "journald", "max-size=1m" },
		{ "nosuch", "tag=x" },
		{ NULL, "max-buffer-size=1g" },
	};
	struct log_settings s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(parse(bad[i].driver, bad[i].option, &s), -EINVAL);
	assert_int_equal(parse(NULL, "max-size=20k", &s), 0);
	assert_int_equal(s.max_size, 20480);
	assert_int_equal(s.max_files, LOG_FILES);
	assert_int_equal(parse("json-file", "max-size=1Mb", &s), 0);
	assert_int_equal(s.max_size, 1 << 20);
	assert_int_equal(parse("json-file", "max-size=-1", &s), 0);
	assert_int_equal(s.max_size, 0);
	assert_int_equal(parse("journald", "tag={{.Name}}/{{.ID}}-{{.ImageName}}", &s), 0);
	assert_string_equal(s.tag, "web/0123456789ab-img:1");
	log_settings_release(&s);
	assert_int_equal(parse(NULL, "labels=tier,nosuch", &s), 0);
	assert_int_equal(s.attrs.n, 1);
	assert_string_equal(s.attrs.v[0], "tier=front");
	log_settings_release(&s);
	assert_int_equal(parse(NULL, "env=A", &s), 0);
	assert_string_equal(s.attrs.v[0], "A=1");
	log_settings_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tail),
		cmocka_unit_test(test_large_tail),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_unreadable_drivers),
		cmocka_unit_test(test_journal),
		cmocka_unit_test(test_journal_writers),
		cmocka_unit_test(test_options),
	};

	return cmocka_run_group_tests_name("engine_logs", tests, NULL, NULL);
}
