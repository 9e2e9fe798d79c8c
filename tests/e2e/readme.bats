#!/usr/bin/env bats
# What the README shows is what happens.
load helper

setup_file() {
	machine_instance
}

setup() {
	instance machines
	# As a person types it.
	PATH="${REDOCK%/*}:$PATH"
	baseline
}

teardown() {
	sweep
	inv
}

@test "readme: the sessions that it shows" {
	run /usr/bin/python3 "$TOP/tests/e2e/transcript.py" "$TOP/README.md"
	expect_status 0
	run redock list --json
	is "[]"
}
