#!/usr/bin/env bats
# The benchmark runs, once each, so that it cannot rot. Its figures are nobody's test.
load helper
export BATS_TEST_TIMEOUT=600

setup_file() {
	machine_instance
}

setup() {
	baseline
}

teardown() {
	inv
}

@test "bench: a count of one gives a table" {
	run env -u REDOCK_ROOT -u REDOCK_RUN_ROOT BASE_ROOT="$REDOCK_ROOT" BASE_RUN="$REDOCK_RUN_ROOT" \
		COUNT=1 "$TOP/bench/run"
	expect_status 0
	contains "run --rm"
}
