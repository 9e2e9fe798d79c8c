#!/usr/bin/env bats
# Things go wrong around redock: processes are killed or stopped, descriptors and memory run out,
# somebody else is faster. The ids are those of the faults that others' users have reported. What a
# kill at any step of ours leaves is tests/torture's business.
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

monitors() {
	our_processes | while read -r pid; do
		[[ "$(tr '\0' ' ' <"/proc/$pid/cmdline")" != redock-monitor* ]] || echo "$pid"
	done
}

# One member of a container, by a Python expression on `d`.
member() {
	redock ps -a --json | json "[d for d in d if d['Names'] == '$1'][0]['$2']"
}

@test "F03: rm -f and rmi -f of what is gone already succeed" {
	redock -q run -d --name c bb sleep 1000
	redock -q rm -f c
	run redock rm -f c
	expect_status 0
	redock -q commit "$(redock create --name d bb true)" gone:1
	redock -q rm d
	redock -q rmi gone:1
	run redock rmi -f gone:1
	expect_status 0
}

@test "F05: with its monitor killed a container is stopped, its log is read, and its exit code is known" {
	redock -q run -d --name c bb sh -c 'trap "exit 7" TERM; echo one; while :; do sleep 1 & wait $!; done'
	local pid
	for pid in $(monitors); do
		kill -9 "$pid"
		wait_gone 10 "$pid"
	done
	run redock exec c echo inside
	is inside
	run redock logs c
	contains one
	run redock stop -t 10 c
	expect_status 0
	[ "$(member c ExitCode)" = 7 ]
	redock -q rm c
}

@test "F06: an init that is killed ends its container with 137; its restart policy has it back once" {
	redock -q run -d --name c --restart on-failure:3 bb sleep 1000
	local pid
	pid=$(member c Pid)
	kill -9 "$pid"
	wait_gone 10 "$pid"
	appears "$REDOCK_RUN_ROOT/events" "\"Action\":\"start\".*$(member c ID)" 2
	[ "$(member c State)" = running ]
	[ "$(member c Pid)" != "$pid" ]
	redock -q rm -f c
}

@test "F07: a monitor that is stopped keeps no command waiting for ever" {
	redock -q run -d --name c bb sleep 1000
	local pid
	pid=$(monitors)
	kill -STOP "$pid"
	run timeout 20 "$REDOCK" ps
	expect_status 0
	contains ' c'
	run timeout 60 "$REDOCK" rm -f c
	expect_status 0
	kill -CONT "$pid" 2>/dev/null || true
	wait_gone 20 "$pid"
}

@test "F07: a command that is stopped with a lock makes the next one say who it is" {
	redock -q run -d --name c bb sleep 1000
	local lock held
	lock="$REDOCK_RUN_ROOT/containers/$(member c ID)/lock"
	exec {held}>"$lock"
	flock -x "$held"
	echo "$$" >"$lock"
	REDOCK_LOCK_TIMEOUT=1 run timeout 20 "$REDOCK" rm -f c
	expect_status 1
	contains "is held by process $$"
	exec {held}>&-
	redock -q rm -f c
}

@test "F13: a container that runs out of memory says so, with its limit" {
	run redock run --name c -m 16m --memory-swap 16m bb sh -c 'head -c 64m /dev/zero | tail'
	contains "killed at the limit of 16MiB"
	redock inspect c >"$BATS_TEST_TMPDIR/c.json"
	[ "$(json "d[0]['State']['OOMKilled']" <"$BATS_TEST_TMPDIR/c.json")" = True ]
	run redock ps -a
	contains "Exited (137)"
	contains "(out of memory: 16MiB)"
	redock -q rm c
}

@test "F16: without descriptors, processes or the right to more, a clear word and nothing left" {
	run bash -c 'ulimit -n 9; exec "$REDOCK" run --rm bb true'
	expect_status 125
	contains "redock: "
	run redock run --rm bb true
	expect_status 0
	local group=/sys/fs/cgroup/pids/redock-test-$$
	if mkdir "$group" 2>/dev/null; then
		echo 1 >"$group/pids.max"
		run sh -c 'echo $$ >"$1/cgroup.procs"; exec "$REDOCK" run --rm bb true' sh "$group"
		rmdir "$group"
		expect_status 125
		contains "redock: "
	fi
}

@test "F18: a process that holds the root file system does not keep rm from returning" {
	redock -q run -d --name c bb sleep 1000
	local held holder
	exec {held}< <(exec nsenter -t "$(member c Pid)" -m sh -c 'echo here; exec sleep 1000' 3>&-)
	holder=$!
	read -r -u "$held" _
	run timeout 20 "$REDOCK" rm -f c
	expect_status 0
	run redock ps -a
	lacks ' c'
	kill "$holder"
	exec {held}<&-
}

@test "F19: forty containers started at once, eight at a time, have forty addresses, and all go" {
	seq 40 | xargs -P 8 -I{} "$REDOCK" -q run -d --name "many{}" bb sleep 1000 >/dev/null
	run redock ps --json
	[ "$(json "len({d['Address'] for d in d})" <<<"$output")" -eq 40 ]
	seq 40 | xargs -P 8 -I{} "$REDOCK" -q rm -f "many{}" >/dev/null
	run redock ps -a -q
	is ""
}

@test "F20: rm and start of one container at once: one wins, and the other says so" {
	local first second id
	for _ in 1 2 3 4 5; do
		# by its id: start of a name that is gone would make a machine of that name
		id=$(redock -q create --name c bb sleep 1000)
		first=0 second=0
		redock -q start "$id" >"$BATS_TEST_TMPDIR/start" 2>&1 3>&- &
		redock -q rm c >"$BATS_TEST_TMPDIR/rm" 2>&1 3>&- || second=$?
		wait $! || first=$?
		if [ "$second" -eq 0 ]; then
			run redock ps -a
			lacks ' c'
		else
			[ "$first" -eq 0 ]
			[ "$(member c State)" = running ]
			redock -q rm -f c
		fi
	done
}

@test "F20: two renames to one name at once: one wins, and both containers have a name" {
	redock -q create --name a bb true
	redock -q create --name b bb true
	local first=0 second=0
	redock -q rename a both 3>&- &
	redock -q rename b both 2>/dev/null 3>&- || second=$?
	wait $! || first=$?
	[ $((first + second)) -eq 1 ]
	run redock ps -a --format '{{.Names}}'
	[ "${#lines[@]}" -eq 2 ]
	contains both
	redock -q rm both "$([ "$first" -eq 0 ] && echo b || echo a)"
}

@test "F21: a pid that belongs to somebody else by now is not taken for the container" {
	redock -q run -d --name c bb sleep 1000
	local pid id state
	pid=$(member c Pid)
	id=$(member c ID)
	sleep 1000 3>&- &
	local stranger=$!
	state="$REDOCK_RUN_ROOT/containers/$id/state"
	kill -STOP "$(monitors)"
	sed -i "s/^pid=.*/pid=$stranger/" "$state"
	run redock stop -t 0 c
	kill -0 "$stranger"
	kill -CONT "$(monitors)" 2>/dev/null || true
	kill -9 "$pid" 2>/dev/null || true
	run redock rm -f c
	kill -0 "$stranger"
	kill "$stranger"
	wait "$stranger" || true
}

@test "F23: a reader of the log that never reads holds nobody up, and a log that is deleted is no harm" {
	redock -q run -d --name c bb sh -c 'i=0; while [ $i -lt 20000 ]; do echo "line $i"; i=$((i+1)); done; echo >/in; sleep 1000'
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	"$REDOCK" logs -f c >"$BATS_TEST_TMPDIR/fifo" 3>&- &
	local reader=$! held
	exec {held}<"$BATS_TEST_TMPDIR/fifo"
	timeout 60 sh -c 'read -r _ <"/proc/$1/root/in"' sh "$(member c Pid)"
	rm "$REDOCK_ROOT/containers/$(member c ID)/log"
	run redock exec c true
	expect_status 0
	run redock logs c
	expect_status 0
	redock -q rm -f c
	exec {held}<&-
	wait "$reader" || true
}

@test "F29: a paused container is stopped, killed and removed" {
	local id
	redock -q run -d --name c bb sh -c 'trap "exit 3" TERM; while :; do sleep 1 & wait $!; done'
	redock -q pause c
	[ "$(member c State)" = paused ]
	run timeout 30 "$REDOCK" stop -t 10 c
	expect_status 0
	[ "$(member c ExitCode)" = 3 ]
	redock -q start c
	redock -q pause c
	run timeout 30 "$REDOCK" kill c
	expect_status 0
	redock -q start c || true
	redock -q pause c || true
	run timeout 30 "$REDOCK" rm -f c
	expect_status 0
}
