#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "engine/instruction.h"

#include <string.h>

struct image_to_test {
	struct container_config c;
	struct instruction_state s;
};

static int set_up(void **state)
{
	struct image_to_test *t = xcalloc(1, sizeof *t);

	t->s.settings = &t->c;
	strv_push(&t->c.env, "HOME=/root");
	strv_push(&t->c.cmd, "old");
	*state = t;
	return 0;
}

static int tear_down(void **state)
{
	struct image_to_test *t = *state;

	container_config_release(&t->c);
	strv_release(&t->s.shell);
	free(t);
	return 0;
}

static void apply(struct image_to_test *t, const char *line)
{
	struct err e = { 0 };

	if (instruction_apply(line, &t->s, &e) < 0)
		fail_msg("%s: %s", line, e.text);
}

static void check(const struct strv *v, const char *joined)
{
	auto_str s = STR_INIT(4096);

	for (size_t i = 0; i < v->n; i++)
		str_addf(&s, "%s|", v->v[i]);
	assert_string_equal(str_text(&s), joined);
}

static void commands(void **state)
{
	struct image_to_test *t = *state;

	apply(t, "CMD [\"a\", \"b c\"]");
	check(&t->c.cmd, "a|b c|");
	apply(t, "cmd  echo \"$HOME\" 'x' ");
	check(&t->c.cmd, "/bin/sh|-c|echo \"$HOME\" 'x'|"); /* the shell's business */
	apply(t, "SHELL [\"/bin/ash\", \"-ec\"]");
	apply(t, "CMD [not json");
	check(&t->c.cmd, "/bin/ash|-ec|[not json|");
	apply(t, "ENTRYPOINT [\"e\"]");
	check(&t->c.entrypoint, "e|");
	check(&t->c.cmd, "/bin/ash|-ec|[not json|"); /* given beside it */
	apply(t, "CMD []");
	check(&t->c.cmd, "");
}

/* A new entrypoint drops the command that belonged to the old one. */
static void entrypoint_drops_the_command(void **state)
{
	struct image_to_test *t = *state;

	apply(t, "ENTRYPOINT [\"e\"]");
	check(&t->c.cmd, "");
}

static void environment(void **state)
{
	struct image_to_test *t = *state;

	apply(t, "ENV A=1 B=\"two words\" C='$HOME' D=$HOME/x E=a\\ b F=\"q\\\"${A}\"");
	check(&t->c.env, "HOME=/root|A=1|B=two words|C=$HOME|D=/root/x|E=a b|F=q\"|");
	apply(t, "ENV A 2 and the rest of ${B}");
	assert_string_equal(strv_get_env(&t->c.env, "A"), "2 and the rest of two words");
	apply(t, "ENV G=${NONE:-$no}${HOME:+yes}${NONE:+no}$ H=${NONE}");
	assert_string_equal(strv_get_env(&t->c.env, "G"), "yes$");
	assert_string_equal(strv_get_env(&t->c.env, "H"), "");
	apply(t, "LABEL a.b=\"c d\" e=");
	check(&t->c.labels, "a.b=c d|e=|");
}

static void the_rest(void **state)
{
	struct image_to_test *t = *state;

	apply(t, "EXPOSE 80 53/udp 8000-8001");
	apply(t, "EXPOSE 80/tcp");
	check(&t->c.exposed, "80/tcp|53/udp|8000/tcp|8001/tcp|");
	apply(t, "VOLUME /a /b");
	apply(t, "VOLUME [\"/c d\", \"/a\"]");
	assert_int_equal(t->c.n_mounts, 3);
	assert_string_equal(t->c.mounts[2].target, "/c d");
	assert_int_equal(t->c.mounts[2].type, MOUNT_VOLUME);
	apply(t, "USER 1000:www");
	assert_string_equal(t->c.user, "1000:www");
	apply(t, "WORKDIR $HOME");
	apply(t, "WORKDIR sub");
	assert_string_equal(t->c.workdir, "/root/sub");
	apply(t, "STOPSIGNAL sigrtmin+3");
	assert_string_equal(t->c.stop_signal, "SIGRTMIN+3");
	apply(t, "HEALTHCHECK --interval=1m30s --timeout=500ms --retries=2 CMD [\"ok\", \"now\"]");
	check(&t->c.health.test, "CMD|ok|now|");
	assert_int_equal(t->c.health.interval, 90000000000);
	assert_int_equal(t->c.health.timeout, 500000000);
	assert_int_equal(t->c.health.retries, 2);
	apply(t, "HEALTHCHECK CMD test -f /x || exit 1");
	check(&t->c.health.test, "CMD-SHELL|test -f /x || exit 1|");
	assert_int_equal(t->c.health.interval, 0);
	apply(t, "HEALTHCHECK NONE");
	check(&t->c.health.test, "NONE|");
}

static void refused(void **state)
{
	static const char *const lines[] = { "", "CMD", "RUN true", "ONBUILD CMD x", "FROM x",
		"COPY a b", "ENV", "ENV A", "ENV =x", "ENV A=\"x", "ENV A=${HOME", "ENV A=${}",
		"ENV A=1 B", "LABEL redock.machine=a:b", "LABEL a", "EXPOSE 0", "EXPOSE 65536",
		"EXPOSE 9-8", "EXPOSE 80/icmp", "EXPOSE 1-65535", "VOLUME x", "VOLUME /",
		"VOLUME /a/../b", "USER a b", "USER \"\"", "WORKDIR", "STOPSIGNAL 0",
		"STOPSIGNAL 65", "STOPSIGNAL TERM;x", "SHELL /bin/sh", "SHELL []",
		"HEALTHCHECK CMD", "HEALTHCHECK true", "HEALTHCHECK --interval=5 CMD x",
		"HEALTHCHECK --x=1 CMD x", "HEALTHCHECK --retries=-1 CMD x", "HEALTHCHECK CMD []" };
	struct image_to_test *t = *state;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct err e = { 0 };
		if (instruction_apply(lines[i], &t->s, &e) >= 0)
			fail_msg("accepted: %s", lines[i]);
		assert_true(*e.text);
	}
	/* and nothing of them has stayed */
	check(&t->c.env, "HOME=/root|");
	check(&t->c.cmd, "old|");
	assert_int_equal(t->c.labels.n + t->c.exposed.n + t->c.n_mounts + t->c.health.test.n, 0);
}

static void durations(void **state)
{
	int64_t ns;

	assert_int_equal(instruction_duration("1h2m3s4ms5us6ns", &ns), 0);
	assert_int_equal(ns, 3723004005006);
	assert_int_equal(instruction_duration("0", &ns), 0);
	assert_int_equal(ns, 0);
	assert_int_equal(instruction_duration("", &ns), -EINVAL);
	assert_int_equal(instruction_duration("5", &ns), -EINVAL);
	assert_int_equal(instruction_duration("s", &ns), -EINVAL);
	assert_int_equal(instruction_duration("9999999999999h", &ns), -EINVAL);
	assert_int_equal(instruction_duration("-5s", &ns), -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(commands),
		TEST(entrypoint_drops_the_command),
		TEST(environment),
		TEST(the_rest),
		TEST(refused),
		cmocka_unit_test(durations),
	};

	return cmocka_run_group_tests_name("engine_instruction", tests, NULL, NULL);
}
