#!/usr/bin/env bats
# The program as such: verbs, options, exit codes, messages.
load helper

setup() {
	instance cli
	baseline
}

teardown() {
	inv
}

verbs="start ssh commit kill delete list run ps rm images import rmi help"

@test "cli: --version prints one line" {
	run -0 redock --version
	[[ $output =~ ^redock\ [0-9]+\.[0-9]+\.[0-9]+ ]]
	[ "${#lines[@]}" -eq 1 ]
}

@test "cli: no arguments and help name every verb" {
	run redock help
	expect_status 0
	for verb in $verbs; do
		contains "$verb"
	done
	run redock --help
	expect_status 0
	contains start
	run redock
	contains start
}

@test "cli: help VERB, VERB --help and VERB -h say the same" {
	for verb in $verbs; do
		run redock help "$verb"
		expect_status 0
		contains "$verb"
		local text=$output
		run redock "$verb" --help
		expect_status 0
		is "$text"
		# In run, -h is the host name.
		if [ "$verb" != run ]; then
			run redock "$verb" -h
			expect_status 0
			is "$text"
		fi
	done
}

@test "cli: every option that a verb's help names has a long or short form that is known" {
	run redock help run
	for option in --rm --detach --interactive --tty --name --hostname --env --workdir --user \
		--memory --cpus --pids-limit --network; do
		contains "$option"
	done
}

@test "cli: a wrong verb exits 2 and suggests the nearest" {
	run redock strat
	refused 2 "'strat'"
	contains start
	run redock zzzzzzzz
	refused 2
}

@test "cli: a wrong option exits 2 and suggests the nearest, 125 in run" {
	run redock list --jsno
	refused 2 "--json"
	run redock run --detahc x true
	refused 125 "--detach"
	run redock kill -Z x
	expect_status 2
	run redock start --timeout
	expect_status 2
}

@test "cli: too few operands is a usage error" {
	for verb in start commit kill delete rm rmi import; do
		run redock "$verb"
		expect_status 2
		contains "redock: "
	done
	run redock run
	expect_status 125
	run redock ssh
	expect_status 125
}

@test "cli: stdout is for data, stderr for messages" {
	run --separate-stderr redock nosuchverb
	expect_status 2
	[ -z "$output" ]
	[ -n "$stderr" ]
}

@test "cli: who is not root is told what is missing and what to try" {
	run as_user env "REDOCK_ROOT=$REDOCK_ROOT" "REDOCK_RUN_ROOT=$REDOCK_RUN_ROOT" "$REDOCK" ps
	refused 1 root
	contains sudo
	run as_user "$REDOCK" run nosuch true
	refused 125 root
	run as_user "$REDOCK" --version
	expect_status 0
	run as_user "$REDOCK" help
	expect_status 0
}

@test "cli: what does not exist is an error with something to try" {
	run redock run nosuch true
	refused 125 "'nosuch:latest'"
	run redock rmi nosuch
	expect_status 1
	contains nosuch
	run redock rm nosuch
	expect_status 1
	contains "'nosuch'"
	run redock commit nosuch
	refused 1 nosuch
	run redock delete nosuch
	refused 1 nosuch
	run redock ssh nosuch
	refused 125 nosuch
	run redock start nosuch --from nosuch-image
	refused 1 nosuch-image
}

@test "cli: what is not a name is an error that shows the form" {
	for name in 'a b' 'a:b:c' ':' 'a:' ':b' 'ü' "$(printf 'a\nb')" '../x' 'a/../b' '-' \
		"$(printf 'x%.0s' {1..300})"; do
		run redock start -- "$name"
		refused 1
		contains :
		run redock kill -- "$name"
		refused 1
	done
	run redock run -- 'UPPER' true
	refused 125
	run redock import /dev/null 'a b'
	refused 1
}

@test "cli: -q silences notes and -v adds some, before the verb" {
	run redock -q kill nosuch
	expect_status 0
	is ""
	run redock kill nosuch
	expect_status 0
	contains "nosuch"
	run redock -vv ps
	expect_status 0
}

@test "cli: --root and --run-root choose the instance, by option as by environment" {
	run redock --root "$E2E_DIR/r/cli/other" --run-root "$E2E_DIR/r/cli/other-run" images
	expect_status 0
	[ -d "$E2E_DIR/r/cli/other" ]
	redock --root "$E2E_DIR/r/cli/other" --run-root "$E2E_DIR/r/cli/other-run" system reset --force
}

@test "cli: an instance below a long path works like any other" {
	local long
	long="$E2E_DIR/r/cli/$(printf 'long-name-%.0s' {1..20})/$(printf 'x%.0s' {1..200})"
	mkdir -p "$long"
	export REDOCK_ROOT="$long/lib" REDOCK_RUN_ROOT="$long/run"
	redock -q import "$E2E_DIR/image.tar" bb
	run redock run --rm bb echo hello
	expect_status 0
	is hello
	redock -q system reset --force
}

@test "cli: a full stdout is an error, not a silence" {
	run bash -c '"$REDOCK" help >/dev/full'
	[ "$status" -ne 0 ]
}
