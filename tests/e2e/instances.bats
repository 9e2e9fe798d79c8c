#!/usr/bin/env bats
# The tests' own eyes: what an instance makes is seen, else "nothing is left" would prove nothing.
load helper

setup_file() {
	small_instance
}

teardown_file() {
	drop_instance
}

setup() {
	baseline
}

teardown() {
	sweep
	inv
}

@test "instances: what a running container needs is seen, and is gone with it" {
	redock -q run -d --name c bb sleep 1040
	run added
	for what in "link rd" "link rv" "address rd" "table inet rd" "cgroup " "process " "container "; do
		contains "$what"
	done
	run inv
	expect_status 1
	contains "left behind"
	redock -q rm -f c
	inv
}

@test "instances: two side by side have their own bridges, rules, cgroups and images" {
	redock -q run -d --name same bb sleep 1041
	(
		instance other
		redock -q import "$E2E_DIR/image.tar" bb
		redock -q run -d --name same bb sleep 1042
		run redock ps
		[ "${#lines[@]}" -eq 2 ]
		redock -q rm -f same
		drop_instance
	)
	run redock ps
	contains same
	run redock run --rm bb sh -c "$reaches" sh "$(redock ps --json | json 'd[0]["Address"]')"
	expect_status 0
}
