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
	redock -q run -d --name c bb sh -c 'trap "exit 7" TERM; echo one; read -r x </in; echo two; while :; do sleep 1 & wait $!; done'
	local pid
	appears "$(kept c)/log" one
	pid=$(monitor_of c)
	kill -9 "$pid"
	wait_gone 10 "$pid"
	# printed while nobody is there to hear it
	echo go >"/proc/$(init_of c)/root/in"
	run redock exec c echo inside
	is inside
	appears "$(kept c)/log" two
	run redock logs c
	is $'one\ntwo'
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

# The host's pids of all that runs in container NAME, its init among them.
processes_of() {
	local group
	group=$(sed -n 's|^[0-9]*:\(.*,\)*pids\(,.*\)*:|/sys/fs/cgroup/pids|p' "/proc/$(init_of "$1")/cgroup")
	[ -n "$group" ] || group=/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(init_of "$1")/cgroup")
	cat "$group/cgroup.procs"
}

@test "F06: with its whole control group killed it ends with 137, and its address and port are free" {
	local pids address
	redock -q run -d --name c -p 127.0.0.1::80 bb sh -c 'sleep 1000 & sleep 1000 & echo up >/out; wait'
	timeout 20 cat "/proc/$(init_of c)/root/out"
	pids=$(processes_of c)
	[ "$(wc -w <<<"$pids")" -eq 4 ]
	address=$(member c Address)
	[ -e "$REDOCK_RUN_ROOT/net/addresses/$address" ]
	# shellcheck disable=SC2086 # pids
	kill -9 $pids
	run redock wait c
	is 137
	[ "$(member c ExitCode)" = 137 ]
	[ ! -e "$REDOCK_RUN_ROOT/net/addresses/$address" ]
	[ -z "$(ls "$REDOCK_RUN_ROOT/net/ports")" ]
	run added
	lacks "link rv"
	lacks "process"
	redock -q rm c
}

@test "F07: a monitor that is stopped keeps no command waiting for ever" {
	redock -q run -d --name c bb sleep 1000
	local pid
	pid=$(monitors)
	kill -STOP "$pid"
	run timeout 20 "$REDOCK" ps
	expect_status 0
	contains ' c'
	run timeout 60 "$REDOCK" exec c touch /late
	refused 125 "process $pid, does not answer"
	kill -CONT "$pid"
	run timeout 20 "$REDOCK" exec c ls /late
	expect_status 1
	kill -STOP "$pid"
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

@test "F07: a commit that is stopped half-way is named by the next command, and nothing waits for ever" {
	local commit
	redock -q run -d --name c bb sh -c 'head -c 3000000 /dev/zero >/big; echo up >/out; sleep 1000'
	timeout 20 cat "/proc/$(init_of c)/root/out"
	commit=$(AXE=stop /usr/bin/python3 "$TOP/tests/e2e/kill-during.py" "$REDOCK_ROOT" 1 "$REDOCK" -q commit c half)
	[ "$(awk '$1 == "State:" { print $2 }' "/proc/$commit/status")" = T ]
	run timeout 20 "$REDOCK" ps
	expect_status 0
	REDOCK_LOCK_TIMEOUT=1 run timeout 20 "$REDOCK" rm -f c
	expect_status 1
	contains "is held by process $commit"
	contains "try: "
	kill -9 "$commit"
	wait_gone 10 "$commit"
	run timeout 20 "$REDOCK" exec c echo thawed
	is thawed
	redock -q rm -f c
	redock -q rmi -f half
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

@test "F13: memory that runs out kills in the container alone: its monitor is elsewhere and goes on" {
	local monitor
	redock -q run -d --name c -m 16m --memory-swap 16m bb sleep 1000
	monitor=$(monitor_of c)
	run grep -c "$(member c ID)" "/proc/$monitor/cgroup"
	is 0
	run redock exec c sh -c 'head -c 64m /dev/zero | tail'
	[ "$status" -ne 0 ]
	happened '"Action":"oom".*"name=c"'
	[ "$(monitor_of c)" = "$monitor" ]
	[ "$(member c State)" = running ]
	run redock exec c echo fine
	is fine
	redock -q rm -f c
}

@test "F16: without descriptors, processes or the right to more, a clear word and nothing left" {
	run bash -c 'ulimit -n 9; exec "$REDOCK" run --rm bb true'
	expect_status 125
	contains "redock: "
	run redock run --rm bb true
	expect_status 0
	local group=/sys/fs/cgroup/pids/redock-${E2E_DIR##*/}
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

# STORM="200 20": so many at once, so many times; torture's long form.
@test "F19: many start and stop at once, beside a fork bomb: each has an address and a port of its own, and all go" {
	local count=${STORM% *} rounds=${STORM#* } at_once=8
	[ -n "${STORM-}" ] && at_once=$count || { count=40 && rounds=1; }
	redock -q run -d --name bomb --network none --pids-limit 50 bb sh -c 'bomb() { bomb | bomb & }; bomb; sleep 1000' >/dev/null
	while [ "$rounds" -gt 0 ]; do
		rounds=$((rounds - 1))
		seq "$count" | xargs -P "$at_once" -I{} "$REDOCK" -q run -d --name "many{}" -p 80 bb sleep 1000 >/dev/null
		redock ps --json --filter name=many >"$BATS_TEST_TMPDIR/many"
		[ "$(json "len({d['Address'] for d in d})" <"$BATS_TEST_TMPDIR/many")" -eq "$count" ]
		[ "$(json "len({p['PublicPort'] for d in d for p in d['Ports']})" <"$BATS_TEST_TMPDIR/many")" -eq "$count" ]
		seq "$count" | xargs -P "$at_once" -I{} "$REDOCK" -q stop -t 0 "many{}" >/dev/null
		run find "$REDOCK_RUN_ROOT/net/addresses" "$REDOCK_RUN_ROOT/net/ports" -type f -name '[0-9a-f]*'
		is ""
		seq "$count" | xargs -P "$at_once" -I{} "$REDOCK" -q rm "many{}" >/dev/null
	done
	timeout 60 "$REDOCK" -q rm -f bomb
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

@test "F20: import and rmi of one name at once: the name stands for a whole image, or for none" {
	local first second
	for _ in 1 2 3 4 5; do
		redock -q import "$E2E_DIR/image.tar" both
		first=0 second=0
		redock -q import "$E2E_DIR/image.tar" both >/dev/null 3>&- &
		redock -q rmi -f both >/dev/null 3>&- || second=$?
		wait $! || first=$?
		[ "$((first + second))" -eq 0 ]
		if redock images | grep -q '^both '; then
			run redock run --rm --network none both cat /data/file
			is "from the image"
		fi
		redock -q rmi -f both
		# the other image has the same layer
		run redock run --rm --network none bb cat /data/file
		is "from the image"
	done
}

@test "F21: a pid that belongs to somebody else by now is not taken for the container" {
	local pid monitor stranger
	redock -q run -d --name c bb sleep 1000
	pid=$(init_of c) monitor=$(monitor_of c)
	sleep 1000 3>&- &
	stranger=$!
	# while the monitor cannot put it right
	kill -STOP "$monitor"
	sed -i "s/^pid=.*/pid=$stranger/" "$(volatile c)/state"
	run redock stop -t 0 c
	run redock kill c
	kill -0 "$stranger"
	kill -9 "$monitor" "$pid"
	wait_gone 10 "$monitor" "$pid"
	[ "$(member c State)" = exited ]
	run redock exec c true
	expect_status 125
	run redock rm -f c
	expect_status 0
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
	redock -q run -d --name c bb sh -c 'trap "exit 3" TERM; echo up >/out; while :; do sleep 1 & wait $!; done'
	timeout 20 cat "/proc/$(init_of c)/root/out"
	redock -q pause c
	[ "$(member c State)" = paused ]
	run timeout 30 "$REDOCK" stop -t 10 c
	expect_status 0
	[ "$(member c ExitCode)" = 3 ]
	redock -q start c
	redock -q pause c
	run timeout 30 "$REDOCK" kill c
	expect_status 0
	run timeout 30 "$REDOCK" wait c
	is 137
	redock -q start c
	redock -q pause c
	run timeout 30 "$REDOCK" rm -f c
	expect_status 0
	redock -q run -d --name c bb sleep 1000
	redock -q pause c
	# by nobody of ours: it is found dead, and no task stays frozen
	kill -9 "$(init_of c)"
	run timeout 30 "$REDOCK" rm -f c
	expect_status 0
}
