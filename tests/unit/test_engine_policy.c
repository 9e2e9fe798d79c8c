/* What follows a container's end, and what a health check says, as tables: no clocks, no processes.
 */
#include "engine/local/monitor/health.h"
#include "engine/local/monitor/policy.h"
#include "base/json.h"
#include "test_base.h"

#define MS     INT64_C(1000000)
#define SECOND (1000 * MS)

static struct life life(enum policy_kind policy, int64_t max)
{
	return (struct life){ .state = LIFE_RUNNING, .policy = policy, .max = max };
}

static void test_every_policy(void **state)
{
	static const struct {
		enum policy_kind policy;
		int exit_code;
		bool stopped;
		enum life_state after;
		bool after_boot;
	} cases[] = {
		{ POLICY_NO, 0, false, LIFE_ENDED, false },
		{ POLICY_NO, 1, false, LIFE_ENDED, false },
		{ POLICY_ON_FAILURE, 0, false, LIFE_ENDED, false },
		{ POLICY_ON_FAILURE, 1, false, LIFE_WAITING, true },
		{ POLICY_ON_FAILURE, -1, false, LIFE_WAITING, true }, /* missed: no success */
		{ POLICY_ON_FAILURE, 1, true, LIFE_ENDED, false },
		{ POLICY_ALWAYS, 0, false, LIFE_WAITING, true },
		{ POLICY_ALWAYS, 1, true, LIFE_ENDED, true },
		{ POLICY_UNLESS_STOPPED, 0, false, LIFE_WAITING, true },
		{ POLICY_UNLESS_STOPPED, 137, true, LIFE_ENDED, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct life l = life(cases[i].policy, 0);
		if (cases[i].stopped)
			assert_int_equal(life_step(&l, LIFE_STOPPED, 0, 0), LIFE_RUNNING);
		assert_int_equal(life_step(&l, LIFE_EXITED, cases[i].exit_code, 0), cases[i].after);
		assert_int_equal(policy_wants_after_boot(
					 cases[i].policy, cases[i].stopped, cases[i].exit_code),
			cases[i].after_boot);
	}
}

/* One whole turn: it ends, is waited for, and runs again. */
static void again(struct life *l, int64_t ran, int64_t expected_delay)
{
	assert_int_equal(life_step(l, LIFE_EXITED, 1, ran), LIFE_WAITING);
	assert_int_equal(l->delay, expected_delay);
	assert_int_equal(life_step(l, LIFE_DUE, 0, 0), LIFE_STARTING);
	assert_int_equal(life_step(l, LIFE_STARTED, 0, 0), LIFE_RUNNING);
}

static void test_delay(void **state)
{
	struct life l = life(POLICY_ALWAYS, 0);

	(void)state;
	for (int64_t delay = 100 * MS; delay <= 51200 * MS; delay *= 2)
		again(&l, SECOND, delay);
	again(&l, SECOND, 60 * SECOND);
	again(&l, SECOND, 60 * SECOND);
	again(&l, 10 * SECOND, 100 * MS); /* it ran long enough */
	again(&l, 10 * SECOND - 1, 200 * MS);
	assert_int_equal(l.restarts, 14);
}

static void test_maximum(void **state)
{
	struct life l = life(POLICY_ON_FAILURE, 2);

	(void)state;
	again(&l, 0, 100 * MS);
	again(&l, 0, 200 * MS);
	assert_int_equal(life_step(&l, LIFE_EXITED, 1, 0), LIFE_ENDED);
	assert_int_equal(l.restarts, 2);
}

static void test_stop_while_waiting(void **state)
{
	struct life l = life(POLICY_ALWAYS, 0);

	(void)state;
	assert_int_equal(life_step(&l, LIFE_EXITED, 0, 0), LIFE_WAITING);
	assert_int_equal(life_step(&l, LIFE_STOPPED, 0, 0), LIFE_ENDED);
	/* while it is being started: it runs, and that was its last life */
	l = life(POLICY_ALWAYS, 0);
	life_step(&l, LIFE_EXITED, 0, 0);
	life_step(&l, LIFE_DUE, 0, 0);
	assert_int_equal(life_step(&l, LIFE_STOPPED, 0, 0), LIFE_STARTING);
	assert_int_equal(life_step(&l, LIFE_STARTED, 0, 0), LIFE_RUNNING);
	assert_int_equal(life_step(&l, LIFE_EXITED, 0, 0), LIFE_ENDED);
	/* one that cannot be started again is not tried for ever */
	l = life(POLICY_ALWAYS, 0);
	life_step(&l, LIFE_EXITED, 0, 0);
	life_step(&l, LIFE_DUE, 0, 0);
	assert_int_equal(life_step(&l, LIFE_FAILED, 0, 0), LIFE_ENDED);
}

/* Any event in any state: one that it does not know changes nothing. */
static void test_whole_table(void **state)
{
	static const bool known[LIFE_STATES][LIFE_EVENTS] = {
		[LIFE_RUNNING] = { [LIFE_EXITED] = true, [LIFE_STOPPED] = true },
		[LIFE_WAITING] = { [LIFE_DUE] = true, [LIFE_STOPPED] = true },
		[LIFE_STARTING] = { [LIFE_STARTED] = true,
			[LIFE_FAILED] = true,
			[LIFE_STOPPED] = true },
	};

	(void)state;
	for (int s = 0; s < LIFE_STATES; s++)
		for (int e = 0; e < LIFE_EVENTS; e++) {
			struct life l = life(POLICY_ALWAYS, 0), before;
			l.state = (enum life_state)s;
			before = l;
			assert_in_range(
				life_step(&l, (enum life_event)e, 0, 0), 0, LIFE_STATES - 1);
			if (!known[s][e])
				assert_memory_equal(&l, &before, sizeof l);
			else
				assert_memory_not_equal(&l, &before, sizeof l);
		}
}

static void test_verdict(void **state)
{
	const struct health_settings s = { .retries = 2 };
	struct health h = { 0 };

	(void)state;
	health_begin(&h, &s, SECOND);
	assert_int_equal(h.verdict, VERDICT_STARTING);
	assert_int_equal(h.next, 31 * SECOND); /* after the default interval, not at once */
	assert_false(health_result(&h, 1, 31 * SECOND));
	assert_int_equal(h.next, 61 * SECOND);
	assert_true(health_result(&h, 1, 61 * SECOND));
	assert_int_equal(h.verdict, VERDICT_UNHEALTHY);
	assert_false(health_result(&h, 1, 91 * SECOND));
	assert_int_equal(h.streak, 3);
	assert_true(health_result(&h, 0, 121 * SECOND));
	assert_int_equal(h.verdict, VERDICT_HEALTHY);
	assert_int_equal(h.streak, 0);
	assert_false(health_result(&h, 1, 151 * SECOND)); /* one failure is not two */
	assert_int_equal(h.verdict, VERDICT_HEALTHY);
}

static void test_start_period(void **state)
{
	const struct health_settings s = {
		.interval = 60 * SECOND, .start_period = 20 * SECOND, .retries = 1
	};
	struct health h = { 0 };

	(void)state;
	health_begin(&h, &s, 0);
	assert_int_equal(h.next, 5 * SECOND);
	assert_false(health_result(&h, 1, 5 * SECOND)); /* not counted */
	assert_int_equal(h.streak, 0);
	assert_int_equal(h.next, 10 * SECOND);
	assert_true(health_result(&h, 0, 10 * SECOND)); /* the first success ends it */
	assert_int_equal(h.next, 70 * SECOND);
	assert_true(health_result(&h, 1, 15 * SECOND));
	assert_int_equal(h.verdict, VERDICT_UNHEALTHY);
	health_begin(&h, &s, 0);
	assert_true(health_result(&h, 1, 20 * SECOND)); /* it is over */
}

static void test_probes(void **state)
{
	auto_str text = STR_INIT(1 << 20);
	struct health h = { 0 };
	const struct health_settings s = { 0 };
	auto_free char *much = xmalloc(10000);
	auto_json *j = NULL;
	const json_t *probes;
	struct err e;

	(void)state;
	memset(much, '\xff', 10000); /* the longest that it can become */
	health_begin(&h, &s, 0);
	for (int i = 0; i < 7; i++)
		health_note(&h, i, i + 1, i, much, 10000);
	health_to_json(&h, &text);
	assert_int_equal(json_parse(text.data, text.len, "health", &j, &e), 0);
	assert_string_equal(json_str(j, "Status", ""), "starting");
	probes = json_object_get(j, "Log");
	assert_int_equal(json_array_size(probes), HEALTH_PROBES_MAX);
	assert_int_equal(json_int(json_array_get(probes, 0), "ExitCode", -1), 2);
	assert_int_equal(json_int(json_array_get(probes, 4), "ExitCode", -1), 6);
	assert_int_equal(strlen(json_str(json_array_get(probes, 0), "Output", "")),
		HEALTH_OUTPUT_MAX * 3); /* of U+FFFD in UTF-8 */
	strv_release(&h.log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_policy),
		cmocka_unit_test(test_delay),
		cmocka_unit_test(test_maximum),
		cmocka_unit_test(test_stop_while_waiting),
		cmocka_unit_test(test_whole_table),
		cmocka_unit_test(test_verdict),
		cmocka_unit_test(test_start_period),
		cmocka_unit_test(test_probes),
	};

	return cmocka_run_group_tests_name("engine_policy", tests, NULL, NULL);
}
