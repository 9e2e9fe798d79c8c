/* The monitor's log: Docker's json-file format, split, rotated, and never in the way. */
#include "engine/local/monitor/log.h"
#include "base/json.h"
#include "base/proc.h"
#include "base/time.h"
#include "test_base.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

static void add(struct log *l, int stream, const char *text)
{
	log_add(l, stream, text, strlen(text));
}

/* Line `n` of a log file, parsed. */
static json_t *entry(const char *text, size_t n)
{
	struct err e = { 0 };
	json_t *j = NULL;

	while (n-- && (text = strchr(text, '\n')))
		text++;
	if (!text || !*text)
		return NULL;
	assert_int_equal(json_parse(text, strcspn(text, "\n"), "line", &j, &e), 0);
	return j;
}

static void check_entry(const char *text, size_t n, const char *log, const char *stream)
{
	auto_json *j = entry(text, n);
	int64_t when = 0;

	assert_non_null(j);
	assert_string_equal(json_str(j, "log", ""), log);
	assert_string_equal(json_str(j, "stream", ""), stream);
	assert_int_equal(time_parse(json_str(j, "time", ""), &when), 0);
	assert_true(when > 0 && when <= time_now());
}

static void test_lines(void **state)
{
	auto_free char *text = NULL;
	struct place p;
	struct log l;

	(void)state;
	place_make(&p);
	log_init(&l, p.fd);
	add(&l, 1, "one\ntwo\nthr");
	add(&l, 2, "error\n");
	add(&l, 1, "ee\n\n");
	add(&l, 2, "no end");
	add(&l, 1, "\"quotes\" \\ \t\x01\x7f\r\n");
	log_finish(&l);
	log_close(&l);
	text = get_text(p.fd, "log");
	check_entry(text, 0, "one\n", "stdout");
	check_entry(text, 1, "two\n", "stdout");
	check_entry(text, 2, "error\n", "stderr");
	check_entry(text, 3, "three\n", "stdout");
	check_entry(text, 4, "\n", "stdout");
	check_entry(text, 5, "\"quotes\" \\ \t\x01\x7f\r\n", "stdout");
	check_entry(text, 6, "no end", "stderr");
	assert_null(entry(text, 7));
	place_remove(&p);
}

static void test_invalid_utf8(void **state)
{
	static const struct {
		const char *raw, *logged;
	} cases[] = {
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\n",
			"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\n" },
		{ "\xff\n", "\xef\xbf\xbd\n" },
		{ "a\xc3\n", "a\xef\xbf\xbd\n" },               /* cut off */
		{ "\xc0\xaf\n", "\xef\xbf\xbd\xef\xbf\xbd\n" }, /* overlong */
		{ "\xe0\x80\x80\n", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\n" },
		{ "\xed\xa0\x80\n", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\n" }, /* surrogate */
		{ "\xf4\x90\x80\x80\n", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\n" },
		{ "\x80x\n", "\xef\xbf\xbdx\n" },
	};
	auto_free char *text = NULL;
	struct place p;
	struct log l;

	(void)state;
	place_make(&p);
	log_init(&l, p.fd);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		add(&l, 1, cases[i].raw);
	log_add(&l, 1, "a\0b\n", 4);
	log_finish(&l);
	log_close(&l);
	text = get_text(p.fd, "log");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_entry(text, i, cases[i].logged, "stdout");
	assert_non_null(strstr(text, "a\\u0000b\\n"));
	place_remove(&p);
}

/* Every way to cut long lines gives the same parts, and all of their bytes. */
static void test_splitting(void **state)
{
	static const size_t lengths[] = { 1, LOG_LINE_MAX - 1, LOG_LINE_MAX, LOG_LINE_MAX + 1,
		2 * LOG_LINE_MAX, 2 * LOG_LINE_MAX + 5 };
	static const size_t steps[] = { 1, 7, 4096, LOG_LINE_MAX, 100000 };
	auto_free char *data = xmalloc(200000);
	struct place p;
	struct log l;

	(void)state;
	place_make(&p);
	for (size_t i = 0; i < ARRAY_SIZE(lengths) * ARRAY_SIZE(steps); i++) {
		auto_free char *text = NULL;
		size_t len = lengths[i / ARRAY_SIZE(steps)], step = steps[i % ARRAY_SIZE(steps)];
		size_t total = 0, n = 0;
		unlinkat(p.fd, "log", 0);
		for (size_t k = 0; k < len; k++)
			data[k] = (char)('a' + k % 26);
		memcpy(data + len, "\nend\n", 5);
		log_init(&l, p.fd);
		for (size_t at = 0; at < len + 5; at += step)
			log_add(&l, 1, data + at, at + step < len + 5 ? step : len + 5 - at);
		log_finish(&l);
		log_close(&l);
		text = get_text(p.fd, "log");
		for (json_t *j; (j = entry(text, n)); n++) {
			const char *part = json_str(j, "log", "");
			size_t size = strlen(part);
			assert_true(size <= LOG_LINE_MAX);
			assert_memory_equal(part, data + total, size);
			total += size;
			json_decref(j);
		}
		assert_int_equal(total, len + 5);
		assert_int_equal(n, len / LOG_LINE_MAX + 2);
	}
	place_remove(&p);
}

static off_t size_of(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, 0) == 0 ? st.st_size : -1;
}

static void test_rotation(void **state)
{
	const size_t block = 1000, lines = 45000; /* more than three files hold */
	auto_free char *line = xmalloc(block);
	auto_free char *newest = NULL, *old = NULL;
	struct place p;
	struct log l;

	(void)state;
	place_make(&p);
	log_init(&l, p.fd);
	for (size_t i = 0; i < lines; i++) {
		memset(line, 'x', block);
		line[snprintf(line, block, "%08zu", i)] = ' ';
		line[block - 1] = '\n';
		log_add(&l, 1, line, block);
		assert_true(l.size <= LOG_FILE_SIZE);
	}
	log_finish(&l);
	assert_int_equal(l.lost, 0);
	log_close(&l);
	assert_in_range(size_of(p.fd, "log.1"), LOG_FILE_SIZE - 2 * block, LOG_FILE_SIZE);
	assert_in_range(size_of(p.fd, "log.2"), LOG_FILE_SIZE - 2 * block, LOG_FILE_SIZE);
	assert_int_equal(size_of(p.fd, "log.3"), -1);
	/* nothing is missing between one file and the next, and none is cut */
	newest = get_text(p.fd, "log");
	old = get_text(p.fd, "log.1");
	size_t end = strlen(old), from = end - 1;
	assert_int_equal(old[from], '\n');
	while (from > 0 && old[from - 1] != '\n')
		from--;
	assert_memory_equal(old + from, "{\"log\":\"", 8);
	assert_memory_equal(newest, "{\"log\":\"", 8);
	assert_int_equal(strtol(newest + 8, NULL, 10), strtol(old + from + 8, NULL, 10) + 1);
	/* the next start goes on where it was */
	off_t before = size_of(p.fd, "log");
	log_init(&l, p.fd);
	add(&l, 1, "again\n");
	log_finish(&l);
	log_close(&l);
	assert_true(size_of(p.fd, "log") > before);
	place_remove(&p);
}

/* Half a line of a monitor that was killed stays alone. */
static void test_half_line(void **state)
{
	auto_free char *text = NULL;
	struct place p;
	struct log l;

	(void)state;
	place_make(&p);
	put_text(p.fd, "log", "{\"log\":\"ha");
	log_init(&l, p.fd);
	add(&l, 1, "whole\n");
	log_finish(&l);
	log_close(&l);
	text = get_text(p.fd, "log");
	check_entry(text, 1, "whole\n", "stdout");
	place_remove(&p);
}

/* The log is no way out of its directory. */
static void test_planted_link(void **state)
{
	auto_free char *victim = NULL;
	struct place p;
	struct log l;

	(void)state;
	place_make(&p);
	put_text(p.fd, "victim", "canary");
	assert_int_equal(symlinkat("victim", p.fd, "log"), 0);
	log_init(&l, p.fd);
	add(&l, 1, "text\n");
	assert_int_equal(l.lost, 1);
	log_finish(&l);
	log_close(&l);
	victim = get_text(p.fd, "victim");
	assert_string_equal(victim, "canary");
	place_remove(&p);
}

/* In a mount namespace of its own: a disk that is full, and then is not. */
static void fill_disk(const char *path)
{
	auto_close int dir = -1;
	struct log l;

	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount("tmpfs", path, "tmpfs", 0, "size=64k"), 0);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	log_init(&l, dir);
	auto_free char *line = xmalloc(1000);
	memset(line, 'x', 1000);
	line[999] = '\n';
	for (int i = 0; i < 100; i++)
		log_add(&l, 1, line, 1000);
	assert_in_range(l.lost, 30, 60);
	uint64_t lost = l.lost;
	auto_free char *full = get_text(dir, "log");
	assert_int_equal(full[strlen(full) - 1], '\n'); /* no half line */
	for (size_t i = 0; i + lost < 100; i++)
		json_decref(entry(full, i));
	/* room again: the loss is told, once */
	assert_int_equal(mount(NULL, path, NULL, MS_REMOUNT, "size=256k"), 0);
	add(&l, 1, "after\n");
	add(&l, 1, "more\n");
	assert_int_equal(l.lost, 0);
	log_finish(&l);
	log_close(&l);
	auto_free char *text = get_text(dir, "log");
	char note[80];
	snprintf(note, sizeof note, "[redock: %llu lines before this one could not be logged]\n",
		(unsigned long long)lost);
	check_entry(text, 100 - lost, note, "stderr");
	check_entry(text, 101 - lost, "after\n", "stdout");
	check_entry(text, 102 - lost, "more\n", "stdout");
	assert_null(entry(text, 103 - lost));
}

static void test_full_disk(void **state)
{
	struct place p;

	(void)state;
	place_make(&p);
	auto_close int own = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	fill_disk(p.path);
	assert_int_equal(setns(own, CLONE_NEWNS), 0);
	place_remove(&p);
}

/* The non-blocking mode: a file that hangs holds nobody up, and one that does not gets all. */
static void test_ring(void **state)
{
	struct log_settings settings = {
		.driver = LOG_JSON_FILE, .max_files = 1, .non_blocking = true, .buffer = 4096
	};
	auto_free char *text = NULL, *line = xmalloc(1000);
	auto_close int pipe_end = -1;
	struct place p;
	struct log l;

	(void)state;
	place_make(&p);
	memset(line, 'x', 1000);
	line[999] = '\n';
	assert_int_equal(mkfifoat(p.fd, "log", 0600), 0);
	log_open(&l, p.fd, &settings, "id", "name");
	assert_int_equal(log_wait_fd(&l), -1);
	alarm(60); /* what waits is killed */
	for (int i = 0; i < 1000; i++)
		log_add(&l, 1, line, 1000); /* a pipe holds 60 of them */
	assert_true(log_wait_fd(&l) >= 0);
	pipe_end = openat(p.fd, "log", O_RDONLY | O_CLOEXEC);
	unlinkat(p.fd, "log", 0);
	log_finish(&l); /* gives it up after a moment */
	alarm(0);
	log_close(&l);
	while (read(pipe_end, line, 1000) > 0) /* lets the writer go on, to its end */
		continue;
	/* one whose file can be written has all, in order, when log_finish() returns */
	settings = (struct log_settings){
		.driver = LOG_JSON_FILE, .max_files = 1, .non_blocking = true, .buffer = 64 << 20
	};
	log_open(&l, p.fd, &settings, "id", "name");
	for (int i = 0; i < 1000; i++) {
		char number[16];
		snprintf(number, sizeof number, "%d\n", i);
		add(&l, 1, number);
	}
	log_finish(&l);
	log_close(&l);
	text = get_text(p.fd, "log");
	check_entry(text, 0, "0\n", "stdout");
	check_entry(text, 999, "999\n", "stdout");
	assert_null(entry(text, 1000));
	place_remove(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_invalid_utf8),
		cmocka_unit_test(test_splitting),
		cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_half_line),
		cmocka_unit_test(test_planted_link),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_ring),
	};

	return cmocka_run_group_tests_name("engine_log", tests, NULL, NULL);
}
