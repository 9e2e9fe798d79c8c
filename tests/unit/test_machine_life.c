/*
 * The life of machines on an engine that only pretends, with two people whose homes are real: in a
 * mount namespace of its own, with its own passwd file, so that nobody's files are touched.
 */
#include "test_machine_fake.c"

#include "machine/machine.h"
#include "machine/person.h"

#include <sched.h>
#include <setjmp.h>
#include <stdint.h>
#include <sys/mount.h>
#include <cmocka.h>

#define ANN 64991
#define BOB 64992

static char top[] = "/tmp/redock-test-XXXXXX";

struct world {
	struct engine *en;
	struct machine_name demo;
};

static int make_home(const char *name, uid_t uid)
{
	auto_free char *path = xasprintf("%s/%s", top, name);

	return mkdir(path, 0700) < 0 || chown(path, uid, uid) < 0 ? -1 : 0;
}

static int set_up_people(void **state)
{
	auto_free char *passwd = NULL, *text = NULL;
	struct err e = { 0 };

	(void)state;
	if (!mkdtemp(top) || chmod(top, 0755) < 0 || make_home("ann", ANN) < 0 ||
		make_home("bob", BOB) < 0)
		return -1;
	passwd = xasprintf("%s/passwd", top);
	text = xasprintf("root:x:0:0::%s/root:/bin/sh\nann:x:%d:%d::%s/ann:/bin/sh\n"
			 "bob:x:%d:%d::%s/bob:/bin/sh\n",
		top, ANN, ANN, top, BOB, BOB, top);
	if (fs_write_file(AT_FDCWD, passwd, text, strlen(text), 0644, FS_VOLATILE, &e) < 0 ||
		unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	return mount(passwd, "/etc/passwd", NULL, MS_BIND, NULL);
}

static int tear_down_people(void **state)
{
	struct err e = { 0 };

	(void)state;
	umount2("/etc/passwd", MNT_DETACH);
	return fs_remove_tree(AT_FDCWD, top, &e);
}

static void become(const char *name, uid_t uid)
{
	auto_free char *text = xasprintf("%u", (unsigned)uid);

	setenv("SUDO_USER", name, 1);
	setenv("SUDO_UID", text, 1);
	setenv("XDG_DATA_HOME", "/nonexistent", 1); /* half of another environment: not honoured */
}

static int set_up(void **state)
{
	struct world *w = xcalloc(1, sizeof *w);
	auto_free char *path = xasprintf("%s/state", top);
	struct err e = { 0 };

	w->en = fake_new(path);
	fake_add_image(w->en, "redock:base");
	become("ann", ANN);
	*state = w;
	return machine_name_parse("demo", &w->demo, &e);
}

static int tear_down(void **state)
{
	struct world *w = *state;
	struct err e = { 0 };

	machine_forget_all(w->en, &e);
	fake_free(w->en);
	free(w);
	fs_remove_tree(
		AT_FDCWD, top, &e); /* fails at nothing that matters: the next test refills */
	mkdir(top, 0755);
	chmod(top, 0755);
	return make_home("ann", ANN) < 0 || make_home("bob", BOB) < 0 ? -1 : 0;
}

static char *slurp(const char *format, ...) __attribute__((format(printf, 1, 2)));
static char *slurp(const char *format, ...)
{
	char path[512], *text = NULL;
	struct err e = { 0 };
	va_list ap;
	int n = snprintf(path, sizeof path, "%s/", top);

	va_start(ap, format);
	vsnprintf(path + n, sizeof path - (size_t)n, format, ap);
	va_end(ap);
	return fs_read_file(AT_FDCWD, path, 65536, &text, NULL, &e) < 0 ? NULL : text;
}

static void assert_text(char *text, const char *part)
{
	if (!text || !strstr(text, part))
		fail_msg("'%s' is not in:\n%s", part, text ? text : "(nothing)");
	free(text);
}

static void assert_none(char *text)
{
	if (text)
		fail_msg("there is still: %s", text);
}

#define SSH ".local/share/redock/ssh"

static int start(struct world *w, struct machine_started *ret, struct err *e)
{
	struct machine_start options = { .timeout_ms = 1000 };

	return machine_start(w->en, &w->demo, &options, ret, e);
}

static void test_start_and_kill(void **state)
{
	struct world *w = *state;
	struct machine_started s;
	struct err e = { 0 };
	struct stat st;
	uint64_t lost;
	bool absent;
	auto_free char *conf = xasprintf("%s/ann/" SSH "/machines/demo-container.conf", top);
	auto_free char *key = NULL, *later = NULL;

	if (start(w, &s, &e) < 0)
		fail_msg("%s", e.text);
	assert_true(s.created);
	assert_false(s.restarted);
	assert_string_equal(s.alias, "demo-container");
	assert_text(slurp("ann/" SSH "/machines/demo-container.conf"), "Host demo-container\n");
	assert_text(slurp("ann/.ssh/config"), "machines/*.conf\n\n");
	assert_text(slurp("state/machines/ann+demo/ssh/authorized_keys"), "ssh-ed25519 AAAA");
	assert_int_equal(stat(conf, &st), 0);
	assert_int_equal(st.st_uid, ANN);
	assert_int_equal(st.st_gid, ANN);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true(str_ends(w->en->source, "/machines/ann+demo/ssh"));
	key = slurp("ann/" SSH "/machines/demo-container.known_hosts");
	assert_true(str_starts(key, "demo-container ssh-ed25519 AAAA"));
	/* again: it runs */
	assert_int_equal(start(w, &s, &e), 0);
	assert_false(s.created || s.restarted);
	w->en->changes = 3;
	assert_int_equal(machine_kill(w->en, &w->demo, &absent, &lost, &e), 0);
	assert_false(absent);
	assert_int_equal(lost, 3);
	assert_none(slurp("ann/" SSH "/machines/demo-container.conf"));
	assert_none(slurp("ann/" SSH "/machines/demo-container.known_hosts"));
	assert_none(slurp("state/machines/ann+demo/homes.json"));
	assert_text(slurp("ann/.ssh/config"), "machines/*.conf\n\n");
	assert_int_equal(machine_kill(w->en, &w->demo, &absent, &lost, &e), 0);
	assert_true(absent);
	/* another life, another host key */
	assert_int_equal(start(w, &s, &e), 0);
	later = slurp("ann/" SSH "/machines/demo-container.known_hosts");
	assert_string_not_equal(key, later);
}

static void test_restart_renews_every_home(void **state)
{
	struct world *w = *state;
	struct machine_started s;
	struct err e = { 0 };
	uint64_t lost;
	bool absent;
	auto_free char *keys = NULL;

	assert_int_equal(start(w, &s, &e), 0);
	become("bob", BOB);
	assert_int_equal(start(w, &s, &e), 0);
	keys = slurp("state/machines/ann+demo/ssh/authorized_keys");
	assert_non_null(strstr(strchr(keys, '\n') + 1, "ssh-ed25519"));
	w->en->c[0].state = CONTAINER_EXITED;
	w->en->c[0].ready = false;
	assert_int_equal(start(w, &s, &e), 0);
	assert_true(s.restarted);
	assert_text(slurp("ann/" SSH "/machines/demo-container.conf"), w->en->c[0].address);
	assert_text(slurp("bob/" SSH "/machines/demo-container.conf"), w->en->c[0].address);
	/* bob kills, and ann's entry goes too */
	assert_int_equal(machine_kill(w->en, &w->demo, &absent, &lost, &e), 0);
	assert_none(slurp("ann/" SSH "/machines/demo-container.conf"));
	assert_none(slurp("bob/" SSH "/machines/demo-container.conf"));
}

static void test_alias_is_taken(void **state)
{
	struct world *w = *state;
	struct machine_start options = { .timeout_ms = 1000, .hostname = "Demo!" };
	struct machine_name other;
	struct machine_started s;
	struct err e = { 0 };
	uint64_t lost;
	bool absent;

	assert_int_equal(machine_name_parse("team:web", &other, &e), 0);
	assert_int_equal(start(w, &s, &e), 0);
	assert_int_equal(machine_start(w->en, &other, &options, &s, &e), -EEXIST);
	assert_non_null(strstr(e.text, "'ann:demo'"));
	assert_non_null(strstr(e.hint, "--hostname"));
	assert_none(slurp("state/machines/team+web/homes.json"));
	assert_text(slurp("ann/" SSH "/machines/demo-container.conf"), "machine ann:demo\n");
	/* in another person's configuration it is free */
	become("bob", BOB);
	assert_int_equal(machine_start(w->en, &other, &options, &s, &e), 0);
	assert_text(slurp("bob/" SSH "/machines/demo-container.conf"), "machine team:web\n");
	become("ann", ANN);
	assert_int_equal(machine_kill(w->en, &w->demo, &absent, &lost, &e), 0);
	assert_text(slurp("bob/" SSH "/machines/demo-container.conf"), "machine team:web\n");
}

static void test_alias_of_another_engine(void **state)
{
	struct world *w = *state, second = { .demo = w->demo };
	auto_free char *path = xasprintf("%s/state2", top);
	struct machine_started s;
	struct err e = { 0 };
	uint64_t lost;
	bool absent;

	second.en = fake_new(path);
	fake_add_image(second.en, "redock:base");
	assert_int_equal(start(w, &s, &e), 0);
	assert_int_equal(start(&second, &s, &e), -EEXIST);
	assert_non_null(strstr(e.text, w->en->path));
	/* what an engine that is gone left behind is in nobody's way */
	assert_int_equal(fs_remove_tree(w->en->fd, "machines", &e), 0);
	assert_int_equal(start(&second, &s, &e), 0);
	assert_text(slurp("ann/" SSH "/machines/demo-container.conf"), "/state2\n");
	/* and the first one's kill leaves the second one's entry alone */
	assert_int_equal(machine_kill(w->en, &w->demo, &absent, &lost, &e), 0);
	assert_text(slurp("ann/" SSH "/machines/demo-container.conf"), "/state2\n");
	fake_free(second.en);
}

static void test_commit_and_delete(void **state)
{
	struct world *w = *state;
	struct commit_options none = { 0 };
	struct machine_started s;
	struct err e = { 0 };
	uint64_t lost;
	bool absent;

	assert_int_equal(machine_commit(w->en, &w->demo, &none, &e), -ENOENT);
	assert_int_equal(start(w, &s, &e), 0);
	w->en->changes = 5;
	assert_int_equal(machine_commit(w->en, &w->demo, &none, &e), 0);
	w->en->changes = 5; /* one of the old ones again, and nothing new: not by number */
	w->en->changes_since = 2;
	assert_int_equal(machine_kill(w->en, &w->demo, &absent, &lost, &e), 0);
	assert_int_equal(lost, 2);
	assert_int_equal(start(w, &s, &e), 0);
	assert_string_equal(w->en->c[0].image, "ann:demo");
	assert_int_equal(machine_delete(w->en, &w->demo, false, &e), -EBUSY);
	assert_non_null(strstr(e.text, "ann:demo"));
	assert_int_equal(machine_delete(w->en, &w->demo, true, &e), 0);
	assert_int_equal(machine_delete(w->en, &w->demo, false, &e), -ENOENT);
	assert_int_equal(machine_name_parse("redock:base", &w->demo, &e), 0);
	assert_int_equal(machine_delete(w->en, &w->demo, false, &e), -EBUSY);
	assert_non_null(strstr(e.hint, "delete -f"));
}

static void test_failures_leave_nothing(void **state)
{
	struct world *w = *state;
	struct machine_start options = { .from = "plain:1" };
	struct machine_started s;
	struct err e = { 0 };

	w->en->fail_create = true;
	assert_int_equal(start(w, &s, &e), -ENOSPC);
	assert_none(slurp("state/machines/ann+demo/homes.json"));
	assert_none(slurp("ann/" SSH "/machines/demo-container.conf"));
	w->en->fail_create = false;
	w->en->fail_start = true;
	assert_int_equal(start(w, &s, &e), -ENOENT);
	assert_int_equal(fake_index(w->en, "ann:demo"), -1);
	w->en->fail_start = false;
	/* --from */
	assert_int_equal(machine_start(w->en, &w->demo, &options, &s, &e), -ENOENT);
	fake_add_image(w->en, "plain:1");
	w->en->boot_missing = w->en->sshd_missing = true;
	assert_int_equal(machine_start(w->en, &w->demo, &options, &s, &e), -EINVAL);
	assert_non_null(strstr(e.text, "no SSH server"));
	assert_int_equal(fake_index(w->en, "ann:demo"), -1);
	w->en->boot_missing = w->en->sshd_missing = false;
	assert_int_equal(machine_start(w->en, &w->demo, &options, &s, &e), 0);
	assert_string_equal(w->en->c[0].image, "plain:1");
}

static void test_not_ready(void **state)
{
	struct world *w = *state;
	struct machine_started s;
	struct err e = { 0 };

	w->en->ready_result = -ETIMEDOUT;
	assert_int_equal(start(w, &s, &e), -ETIMEDOUT);
	assert_non_null(strstr(e.text, "within 1 s"));
	assert_non_null(strstr(e.text, "first\nlast"));
	assert_null(strchr(e.text, '\033'));
	assert_non_null(strstr(e.hint, "redock kill ann:demo"));
	assert_true(fake_index(w->en, "ann:demo") >= 0);
	w->en->ready_result = 0;
	assert_int_equal(start(w, &s, &e), 0);
	assert_false(s.created);
}

static void test_names_that_cannot_be(void **state)
{
	struct world *w = *state;
	struct machine_start options = { .hostname = "!!" };
	struct machine_started s;
	struct err e = { 0 };

	assert_int_equal(machine_start(w->en, &w->demo, &options, &s, &e), -EINVAL);
	assert_int_equal(start(w, &s, &e), 0);
	options.hostname = "other";
	assert_int_equal(machine_start(w->en, &w->demo, &options, &s, &e), -EEXIST);
	options.hostname = "Demo";
	assert_int_equal(machine_start(w->en, &w->demo, &options, &s, &e), 0);
	assert_int_equal(machine_name_parse("redock:base", &w->demo, &e), 0);
	assert_int_equal(start(w, &s, &e), -EINVAL);
}

/* T44: what the person's home leads to is reached with the person's rights. */
static void test_home_that_is_a_trap(void **state)
{
	struct world *w = *state;
	auto_free char *canary = xasprintf("%s/canary", top), *link = xasprintf("%s/ann/.ssh", top);
	auto_free char *local = xasprintf("%s/ann/.local", top);
	struct machine_started s;
	struct err e = { 0 };
	struct stat before, after;

	mkdir(canary, 0755);
	stat(canary, &before);
	assert_int_equal(symlink(canary, link), 0);
	assert_int_equal(start(w, &s, &e), -EPERM);
	assert_int_equal(fake_index(w->en, "ann:demo"), -1);
	unlink(link);
	fs_remove_tree(AT_FDCWD, local, &e);
	assert_int_equal(symlink(canary, local), 0);
	assert_int_equal(start(w, &s, &e), -EACCES);
	stat(canary, &after);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	assert_int_equal(before.st_uid, after.st_uid);
}

static void test_list(void **state)
{
	struct world *w = *state;
	auto_machine_list list = { 0 };
	struct machine_started s;
	struct err e = { 0 };

	assert_int_equal(start(w, &s, &e), 0);
	assert_int_equal(machine_list(w->en, &list, &e), 0);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.v[0].name, "ann:demo");
	assert_string_equal(list.v[0].alias, "demo-container");
	assert_string_equal(list.v[0].image, "redock:base");
	assert_int_equal(list.v[0].state, CONTAINER_RUNNING);
}

static void test_ssh_needs_a_machine(void **state)
{
	struct world *w = *state;
	struct machine_started s;
	struct err e = { 0 };

	assert_int_equal(machine_ssh(w->en, &w->demo, NULL, &e), -ENOENT);
	assert_string_equal(e.hint, "redock start ann:demo");
	assert_int_equal(start(w, &s, &e), 0);
	w->en->c[0].state = CONTAINER_EXITED;
	assert_int_equal(machine_ssh(w->en, &w->demo, NULL, &e), -ENOTCONN);
	assert_string_equal(e.hint, "redock start ann:demo");
}

#define IN_WORLD(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(test_start_and_kill),
		IN_WORLD(test_restart_renews_every_home),
		IN_WORLD(test_alias_is_taken),
		IN_WORLD(test_alias_of_another_engine),
		IN_WORLD(test_commit_and_delete),
		IN_WORLD(test_failures_leave_nothing),
		IN_WORLD(test_not_ready),
		IN_WORLD(test_names_that_cannot_be),
		IN_WORLD(test_home_that_is_a_trap),
		IN_WORLD(test_list),
		IN_WORLD(test_ssh_needs_a_machine),
	};

	if (geteuid() != 0)
		return 77; /* it becomes other people, and makes a mount namespace */
	return cmocka_run_group_tests(tests, set_up_people, tear_down_people);
}
