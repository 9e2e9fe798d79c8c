#!/usr/bin/env bats
# redock exec: one more program in a running container.
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

@test "exec: streams, status, environment, user and directory" {
	redock run -d --name a -e FROM=run bb sleep 1000
	run --separate-stderr redock exec a sh -c 'echo out; echo err >&2; exit 9'
	expect_status 9
	is out
	[ "$stderr" = err ]
	run redock exec -e MORE=exec -u user -w /tmp a sh -c 'echo $FROM $MORE $HOME; id -u; pwd'
	is $'run exec /home/user\n1000\n/tmp'
	run redock exec -u 1234:4321 a id
	contains "uid=1234 gid=4321"
}

@test "exec: 127 not found, 126 not executable, 128+n by a signal, 125 our own failure" {
	redock run -d --name a --network none bb sleep 1000
	run redock exec a nosuchprogram
	expect_status 127
	run redock exec a /data/plain
	expect_status 126
	run redock exec a sh -c 'kill -9 $$'
	expect_status 137
	run redock exec nosuch true
	expect_status 125
}

@test "exec: input goes in, and its end, too" {
	redock run -d --name a --network none bb sleep 1000
	run sh -c 'head -c 300000 /dev/zero | "$1" exec -i a wc -c' sh "$REDOCK"
	is 300000
	run sh -c 'echo lost | "$1" exec a wc -c' sh "$REDOCK"
	is 0
}

@test "exec: -t gives it a terminal of its own" {
	redock run -d --name a --network none bb sleep 1000
	run with_tty "$REDOCK" exec -it a sh -c 'tty; test -t 0 && test -t 1 && test -t 2 && echo all'
	contains /dev/pts/
	contains all
}

@test "exec: -d leaves it running" {
	redock run -d --name a --network none bb sleep 1000
	redock exec -d a sh -c 'echo here >/out; sleep 999; :'
	timeout 20 cat "/proc/$(pid_inside 'sleep 1000')/root/out" | grep -qx here
	run redock top a
	contains "sleep 999"
}

@test "exec: refused in a paused and in a stopped container, with a hint" {
	redock run -d --name a --network none bb sleep 1000
	redock pause a
	run redock exec a true
	refused 125 "redock unpause a"
	redock unpause a
	redock exec a true
	redock stop -t 0 a
	run redock exec a true
	refused 125 "redock start a"
}

@test "exec: a command that is killed leaves the program and the container alone" {
	redock run -d --name a --network none bb sleep 1000
	"$REDOCK" exec a sh -c 'echo up >/out; read -r x </in; echo went on >/out' 3>&- &
	local root
	root=/proc/$(pid_inside 'sleep 1000')/root
	[ "$(timeout 20 cat "$root/out")" = up ]
	kill -KILL $!
	wait $! || true
	echo go >"$root/in"
	[ "$(timeout 20 cat "$root/out")" = "went on" ]
	run redock ps
	contains Up
}

@test "exec: it has what the container has: capabilities, filter, limits, namespaces (T22)" {
	local look='grep -E "^(Cap|Seccomp:|NoNewPrivs)" /proc/self/status; ulimit -n; for n in /proc/self/ns/*; do readlink "$n"; done'
	redock run -d --name a bb sh -c "($look) >/look; echo done >/out; sleep 1000"
	timeout 20 cat "/proc/$(init_of a)/root/out"
	redock exec a cat /look >"$BATS_TEST_TMPDIR/own"
	redock exec a sh -c "$look" >"$BATS_TEST_TMPDIR/exec"
	diff "$BATS_TEST_TMPDIR/own" "$BATS_TEST_TMPDIR/exec"
	grep -q 'CapInh:.*0000000000000000' "$BATS_TEST_TMPDIR/exec"
	grep -q 'CapAmb:.*0000000000000000' "$BATS_TEST_TMPDIR/exec"
}

@test "exec: no descriptor of ours gets inside (T01)" {
	redock run -d --name a --network none bb sleep 1000
	run redock exec a sh -c 'ls /proc/self/fd | tr "\n" " "'
	is "0 1 2 3 " # 3 is the directory that ls reads
	run redock exec -w /proc/self/fd/5 a pwd
	[ "$status" -ne 0 ] || [[ $output == /* ]]
}

@test "exec: --privileged is all capabilities, under the filter that the container has" {
	redock run -d --name a --network none bb sleep 1000
	run redock exec --privileged a grep -E '^(CapEff|Seccomp|NoNewPrivs):' /proc/self/status
	contains "Seccomp:	2"
	[[ $output =~ CapEff:[[:space:]]*0*([0-9a-f]+) ]]
	[ $((16#${BASH_REMATCH[1]} & 1 << 21)) -ne 0 ] # CAP_SYS_ADMIN
	run redock exec --privileged a mount -t tmpfs x /tmp
	[ "$status" -ne 0 ]
	redock run -d --name b --network none --security-opt no-new-privileges --security-opt seccomp=unconfined bb sleep 1000
	run redock exec --privileged b sh -c 'grep -E "^(Seccomp|NoNewPrivs):" /proc/self/status; mount -t tmpfs x /tmp && echo mounted'
	contains "Seccomp:	0"
	contains "NoNewPrivs:	1"
	contains mounted
}

@test "exec: while the container does not take its input" {
	head -c 1000000 /dev/zero | "$REDOCK" run -i --name a --network none bb sh -c 'echo up >/out; sleep 1000' 3>&- &
	happened '"Action":"start"'
	timeout 20 cat "/proc/$(init_of a)/root/out"
	run timeout 20 "$REDOCK" exec a echo there
	is there
}

@test "exec: many at once, and none of them is left as a zombie" {
	local i monitor pids=()
	redock run -d --name a --network none bb sleep 1000
	for i in {1..40}; do
		timeout 60 "$REDOCK" exec a sh -c "exit $i" 3>&- &
		pids+=($!)
	done
	for i in {1..40}; do
		status=0
		wait "${pids[i - 1]}" || status=$?
		expect_status "$i"
	done
	happened '"Action":"exec_die"' 40
	redock exec a true
	monitor=$(monitor_of a)
	# init, and at most some that are just ending
	[ "$(wc -w <"/proc/$monitor/task/$monitor/children")" -lt 10 ]
}

@test "exec: goes on when the container's monitor dies, and works under the next one" {
	redock run -d --name a --network none bb sleep 1000
	mkfifo "$BATS_TEST_TMPDIR/in"
	"$REDOCK" exec -i a sh -c 'echo up; read -r x; echo "got $x"; exit 7' <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 3>&- &
	exec {feed}>"$BATS_TEST_TMPDIR/in"
	appears "$BATS_TEST_TMPDIR/out" up
	kill -KILL "$(monitor_of a)"
	run redock exec a echo next
	is next
	echo word >&"$feed"
	exec {feed}>&-
	status=0
	wait $! || status=$?
	expect_status 7
	grep -qx "got word" "$BATS_TEST_TMPDIR/out"
}
