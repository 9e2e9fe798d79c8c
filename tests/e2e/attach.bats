#!/usr/bin/env bats
# redock attach: to a running container, and away again.
load helper

setup_file() {
	small_instance
}

teardown_file() {
	drop_instance
}

setup() {
	rm -f "$REDOCK_RUN_ROOT/events"
	baseline
}

teardown() {
	sweep
	inv
}

@test "attach: output from now on, several at once, and the exit status" {
	redock run -d --name a --network none bb sh -c 'echo before; read -r x </in; echo after; exit 6'
	"$REDOCK" logs -f a >"$BATS_TEST_TMPDIR/log" 3>&- &
	log=$!
	appears "$BATS_TEST_TMPDIR/log" before
	"$REDOCK" attach --no-stdin a >"$BATS_TEST_TMPDIR/one" 3>&- &
	one=$!
	"$REDOCK" attach --no-stdin a >"$BATS_TEST_TMPDIR/two" 3>&- &
	two=$!
	happened '"Action":"attach"'
	happened '"Action":"attach"' 2
	echo go >"/proc/$(pid_inside 'sh -c echo before')/root/in"
	run wait $one
	wait $one || [ $? -eq 6 ]
	wait $two || [ $? -eq 6 ]
	wait $log
	[ "$(cat "$BATS_TEST_TMPDIR/one")" = after ]
	[ "$(cat "$BATS_TEST_TMPDIR/two")" = after ]
}

@test "attach: input reaches one that was started detached, and its end does not close it" {
	redock run -d -i --name a --network none bb sh -c 'read -r x; echo got $x; read -r y; echo and $y'
	printf 'first\n' | timeout 20 "$REDOCK" attach a >/dev/null 3>&- &
	first=$!
	"$REDOCK" logs -f a >"$BATS_TEST_TMPDIR/log" 3>&- &
	appears "$BATS_TEST_TMPDIR/log" "got first"
	printf 'second\n' | timeout 20 "$REDOCK" attach a >"$BATS_TEST_TMPDIR/out" 3>&- || true
	wait $first || true
	run redock logs a
	is $'got first\nand second'
}

@test "attach: a command that is killed never hurts the container" {
	redock run -d --name a --network none bb sh -c 'read -r x </in; echo went on; exit 3'
	"$REDOCK" attach --no-stdin a >/dev/null 3>&- &
	happened '"Action":"attach"'
	kill -KILL $!
	wait $! || true
	echo go >"/proc/$(pid_inside 'sh -c read')/root/in"
	run redock wait a
	is 3
	run redock logs a
	is "went on"
}

@test "attach: refused to one that does not run, or is paused" {
	redock create --name a --network none bb sleep 1000
	run redock attach a
	refused 125
	redock start a
	redock pause a
	run redock attach a
	refused 125 "redock unpause a"
	redock unpause a
}
