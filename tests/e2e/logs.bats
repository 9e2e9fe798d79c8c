#!/usr/bin/env bats
# redock logs: what a container printed, from any end of it.
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

@test "logs: both streams apart, in order, the last lines, with times" {
	local i go
	redock run -d --name a --network none bb sh -c 'for i in 1 2 3; do echo out$i; read -r _ </in; echo err$i >&2; read -r _ </in; done'
	# held open, so that no read of its sees an end
	exec {go}<>"/proc/$(init_of a)/root/in"
	for i in out1 err1 out2 err2 out3 err3; do
		appears "$(kept a)/log" "$i"
		echo go >&"$go"
	done
	exec {go}>&-
	redock wait a
	run --separate-stderr redock logs a
	is $'out1\nout2\nout3'
	[ "$stderr" = $'err1\nerr2\nerr3' ]
	run redock logs -n 2 a
	is $'out3\nerr3'
	run redock logs -t -n 1 a
	[[ $output =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z\ err3$ ]] || fail "$output"
	run redock logs --tail 0 a
	is ""
}

@test "logs: -f goes on until the container has ended, and shows all of it" {
	redock run -d --name a --network none bb sh -c 'i=0; while [ $i -lt 300 ]; do echo $i; i=$((i+1)); done; read -r x </in; echo last'
	timeout 30 "$REDOCK" logs -f a >"$BATS_TEST_TMPDIR/out" 3>&- &
	echo go >"/proc/$(pid_inside 'sh -c i=0')/root/in"
	wait $!
	[ "$(wc -l <"$BATS_TEST_TMPDIR/out")" -eq 301 ]
	[ "$(tail -n 1 "$BATS_TEST_TMPDIR/out")" = last ]
}

@test "logs: rotation keeps the newest, and -f passes over it without a loss" {
	redock run -d --name a --network none --log-opt max-size=20k --log-opt max-file=4 bb \
		sh -c 'i=0; while [ $i -lt 1500 ]; do [ $((i % 100)) != 0 ] || read -r x </in; echo line $i; i=$((i+1)); done'
	"$REDOCK" logs -f a >"$BATS_TEST_TMPDIR/out" 3>&- &
	local follower=$! i go
	exec {go}<>"/proc/$(init_of a)/root/in"
	# the next hundred when it has these: four files hold more
	for i in {0..14}; do
		[ "$i" -eq 0 ] || appears "$BATS_TEST_TMPDIR/out" "^line $((100 * i - 1))\$"
		echo go >&"$go"
	done
	exec {go}>&-
	wait "$follower"
	seq -f 'line %g' 0 1499 | cmp - "$BATS_TEST_TMPDIR/out"
	run ls "$(kept a)"
	contains log.3
	lacks log.4
	[ "$(redock logs -n 1 a)" = "line 1499" ]
}

@test "logs: the log outlives its monitor (F05)" {
	redock run -d --name a --network none bb sh -c 'echo one; read -r x </in; echo two'
	kill -KILL "$(monitor_of a)"
	timeout 30 "$REDOCK" logs -f a >"$BATS_TEST_TMPDIR/out" 3>&- &
	echo go >"/proc/$(pid_inside 'sh -c echo one')/root/in"
	wait $!
	[ "$(cat "$BATS_TEST_TMPDIR/out")" = $'one\ntwo' ]
}

@test "logs: drivers none and journald keep no file, and say where to look" {
	redock run --name a --network none --log-driver none bb echo gone
	run redock logs a
	expect_status 1
	contains "'none'"
	[ ! -e "$(kept a)/log" ]
	redock rm a
	redock run --name j --network none --log-driver journald bb echo gone
	run redock logs j
	refused 1 "journalctl CONTAINER_NAME=j"
}

@test "logs: journald gets each line with Docker's fields" {
	mkdir -p /run/systemd/journal
	[ ! -e /run/systemd/journal/socket ] || mount -t tmpfs tmpfs /run/systemd/journal
	/usr/bin/python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("/run/systemd/journal/socket")
print("bound", flush=True)
for _ in range(2):
    sys.stdout.buffer.write(s.recv(65536))
    sys.stdout.buffer.flush()
' >"$BATS_TEST_TMPDIR/journal" 3>&- &
	local journal=$!
	appears "$BATS_TEST_TMPDIR/journal" bound
	redock run --name j --network none --log-driver journald --log-opt 'tag=t-{{.Name}}' bb sh -c 'echo hello; echo oops >&2'
	wait "$journal"
	umount /run/systemd/journal 2>/dev/null || rm -f /run/systemd/journal/socket
	run cat "$BATS_TEST_TMPDIR/journal"
	contains "MESSAGE=hello"
	contains "PRIORITY=6"
	contains "MESSAGE=oops"
	contains "PRIORITY=3"
	contains "CONTAINER_NAME=j"
	contains "CONTAINER_TAG=t-j"
	contains "CONTAINER_ID_FULL=$(readlink "$REDOCK_ROOT/names/j")"
}

@test "logs: labels, variables and tag become attributes" {
	redock run --name a --network none -l tier=front -e A=1 --log-opt labels=tier --log-opt env=A --log-opt 'tag={{.Name}}' bb echo x
	run redock logs --details a
	contains "tier=front"
	contains "A=1"
	contains "tag=a"
}

@test "logs: an option that cannot be is refused before anything is made" {
	run redock run --log-opt max-size=10x bb true
	refused 125 "max-size"
	run redock run --log-driver nosuch bb true
	refused 125 "nosuch"
	run redock ps -aq
	is ""
}

# logs_to_pipe OPTION…: a container `a` whose log is a pipe that nobody reads: a disk that hangs. It
# prints more than a pipe holds, then says so on /out.
logs_to_pipe() {
	redock create --name a --network none "$@" bb sh -c 'seq 1 100000; echo printed >/out' >/dev/null
	mkfifo "$(kept a)/log"
	redock start a
}

@test "logs: a log that hangs holds a blocking container up, and loses nothing (F23)" {
	logs_to_pipe
	run timeout 3 head -n 1 "/proc/$(init_of a)/root/out"
	is ""
	timeout 60 cat "$(kept a)/log" >"$BATS_TEST_TMPDIR/log" 3>&- &
	run timeout 60 head -n 1 "/proc/$(init_of a)/root/out"
	is printed
	redock wait a
	wait $!
	[ "$(grep -c '"stream":"stdout"' "$BATS_TEST_TMPDIR/log")" -eq 100000 ]
}

@test "logs: a log that hangs never holds a non-blocking container up: what is lost is counted (F23)" {
	local lost kept_lines
	logs_to_pipe --log-opt mode=non-blocking --log-opt max-buffer-size=64k
	run timeout 20 head -n 1 "/proc/$(init_of a)/root/out"
	is printed
	redock wait a
	run redock inspect -f '{{.State.Status}} {{.State.ExitCode}}' a
	is "exited 0"
	timeout 60 cat "$(kept a)/log" >"$BATS_TEST_TMPDIR/log" 3>&-
	kept_lines=$(grep -c '"stream":"stdout"' "$BATS_TEST_TMPDIR/log")
	lost=$(sed -n 's/.*redock: \([0-9]*\) lines before this one could not.*/\1/p' "$BATS_TEST_TMPDIR/log" | awk '{ n += $1 } END { print n + 0 }')
	[ "$kept_lines" -gt 100 ] && [ "$lost" -gt 1000 ] || fail "$kept_lines kept, $lost lost" "$(tail -n 3 "$BATS_TEST_TMPDIR/log")"
	[ $((kept_lines + lost)) -eq 100000 ] || fail "$kept_lines kept, $lost lost"
	rm "$(kept a)/log"
}

@test "logs: non-blocking with a disk that keeps up loses nothing, and all of it is there at the end" {
	redock run --name a --network none --log-opt mode=non-blocking --log-opt max-buffer-size=64m \
		bb sh -c 'seq 1 20000; echo oops >&2; printf end' >/dev/null 2>&1
	redock logs a 2>"$BATS_TEST_TMPDIR/err" | cmp - <(seq 1 20000; printf end)
	[ "$(cat "$BATS_TEST_TMPDIR/err")" = oops ]
}
