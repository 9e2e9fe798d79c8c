#!/usr/bin/env bats
# The same thing over and over: nothing grows, nothing wears out.
export BATS_TEST_TIMEOUT=1200
load helper

setup_file() {
	machine_instance
}

setup() {
	instance machines
	baseline
}

teardown() {
	sweep
	inv
}

@test "cycles: 600 times start, commit, kill: every change is there at the end" {
	local i
	for i in {1..600}; do
		redock -q start cycle
		redock -q ssh cycle "echo $i >>/root/list"
		redock -q commit cycle
		redock -q kill cycle
	done
	redock -q start cycle
	run ssh cycle-container 'wc -l </root/list; tail -n 1 /root/list'
	is "$(printf '600\n600')"
	redock -q kill cycle
	redock -q delete cycle
	# What 600 commits left behind went with the image: the base image's layer alone is there.
	[ "$(find "$REDOCK_ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ]
}
