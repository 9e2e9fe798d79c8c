#!/usr/bin/env bats
# The journal of events: what happens is written down, by commands and by monitors.
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

# Actions of container NAME in order.
actions() {
	sed -n "s/.*\"Action\":\"\\([^\"]*\\)\".*\"name=$1\".*/\\1/p" "$REDOCK_RUN_ROOT/events" | tr '\n' ' '
}

@test "events: the whole life of a container, in order" {
	redock run -d --name life --network none bb sleep 1000
	redock pause life
	redock unpause life
	redock stop -t 0 life
	redock rm life
	run actions life
	contains "create start"
	contains "pause unpause kill"
	contains "die stop destroy"
}

@test "events: die has the exit code, kill the signal, and labels are attributes" {
	redock run --name code --network none -l tier=front bb sh -c 'exit 42' || true
	grep -q '"Action":"die".*"exitCode=42".*"tier=front"' "$REDOCK_RUN_ROOT/events"
	redock run -d --name sig --network none bb sleep 1000
	redock kill -s KILL sig
	redock wait sig || true
	grep -q '"Action":"kill".*"signal=9"' "$REDOCK_RUN_ROOT/events"
}

@test "events: exec is told with its own id and status" {
	redock run -d --name a --network none bb sleep 1000
	redock exec a sh -c 'exit 5' || true
	happened '"Action":"exec_die".*"exitCode=5"'
	grep -q '"Action":"exec_create: sh -c exit 5".*"execID=' "$REDOCK_RUN_ROOT/events"
}

@test "events: a limit of memory that update sets later is watched like one from the start (F13)" {
	redock run -d --name a --network none bb sleep 1000
	redock update --memory 12m a
	redock exec a sh -c 'tail /dev/zero' || true
	happened '"Action":"oom".*"name=a"'
	redock kill a
	grep -q '^oom=1' "$(kept a)/last"
	grep -q '^memory_limit=12582912' "$(kept a)/last"
}

@test "events: one that was killed for want of memory says so (F13)" {
	redock run --name a --network none -m 12m bb sh -c 'dd if=/dev/zero of=/dev/shm/x bs=1M count=60; tail /dev/zero' || true
	happened '"Action":"oom".*"name=a"'
	grep -q '^oom=1' "$(kept a)/last"
	grep -q '^memory_limit=12582912' "$(kept a)/last"
}

@test "events: SIGSTOP reaches the program, not its init" {
	redock run -d --name a --network none bb sleep 1000
	redock kill -s STOP a
	# it stops when it gets its turn
	timeout 20 sh -c 'until grep -q "^State:.T" "$1"; do :; done' sh "/proc/$(pid_inside 'sleep 1000')/status"
	run awk '$1 == "State:" { print $2 }' "/proc/$(init_of a)/status"
	is S
	redock kill -s CONT a
	redock stop -t 0 a
}
