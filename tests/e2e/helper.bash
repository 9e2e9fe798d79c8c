# shellcheck shell=bash
# Loaded by every file: private instances, the test user, and the invariants.
bats_require_minimum_version 1.5.0

# The program under test, on the instance that instance() chose.
redock() {
	"$REDOCK" "$@"
}

# instance NAME: what follows works on the private instance NAME, which is made when missing.
instance() {
	mkdir -p "$E2E_DIR/r/$1"
	export REDOCK_ROOT="$E2E_DIR/r/$1/lib" REDOCK_RUN_ROOT="$E2E_DIR/r/$1/run"
}

# An instance of the file's own with the small image `bb`.
small_instance() {
	instance "$(basename "$BATS_TEST_FILENAME" .bats)"
	redock -q import "$E2E_DIR/image.tar" bb
}

# The instance that all machine tests share, with a base image: making one takes 15 seconds.
machine_instance() {
	instance machines
	[ ! -e "$E2E_DIR/base.done" ] || return 0
	redock -q start base-maker
	redock -q kill base-maker
	: >"$E2E_DIR/base.done"
}

# Removes all containers and images of the instance.
drop_instance() {
	redock -q system reset --force
}

# A command as the test user, with what a login would set.
as_user() {
	runuser -u redock-test -- env -i HOME="$E2E_DIR/home/redock-test" USER=redock-test \
		LOGNAME=redock-test LC_ALL=C.UTF-8 TERM=dumb \
		PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin "$@"
}

# redock through sudo, as the test user.
user_redock() {
	as_user sudo -n env "REDOCK_ROOT=$REDOCK_ROOT" "REDOCK_RUN_ROOT=$REDOCK_RUN_ROOT" "$REDOCK" "$@"
}

# with_tty COMMAND…: runs it on a terminal of its own; prints what appears there. It leads the session
# whatever $SHELL is: timeout(1) below a shell would leave the foreground, and the first
# tcsetattr(3) would stop it.
with_tty() {
	local words
	printf -v words '%q ' exec "$@"
	script -qec "$words" /dev/null | tr -d '\r'
	return "${PIPESTATUS[0]}"
}

fail() {
	printf '%s\n' "$@" >&2
	return 1
}

# expect_status N, contains TEXT, lacks TEXT, is TEXT: look at what `run` caught.
expect_status() {
	[ "$status" -eq "$1" ] || fail "exit status $status, not $1" "$output"
}

contains() {
	[[ $output == *"$1"* ]] || fail "no '$1' in:" "$output"
}

lacks() {
	[[ $output != *"$1"* ]] || fail "'$1' in:" "$output"
}

is() {
	[ "$output" = "$1" ] || fail "expected: $1" "found: $output"
}

# The failure of a command that a person can mend: its status, a message from us, something to try.
refused() {
	expect_status "$1"
	contains "redock: "
	contains "try: "
	[ $# -lt 2 ] || contains "$2"
}

# One value of a JSON document on stdin, by a Python expression on `d`.
json() {
	/usr/bin/python3 -c 'import json, sys
d = json.load(sys.stdin)
print(eval(sys.argv[1]))' "$1"
}

# The host's pid of the only process whose command line, with blanks, begins with TEXT and which
# lives in another pid namespace.
pid_inside() {
	local process own
	own=$(readlink /proc/self/ns/pid)
	for process in /proc/[0-9]*; do
		[ "$(readlink "$process/ns/pid" 2>/dev/null)" != "$own" ] || continue
		if [[ "$(tr '\0' ' ' 2>/dev/null <"$process/cmdline")" == "$1"* ]]; then
			echo "${process#/proc/}"
			return
		fi
	done
	return 1
}

# The program that a test's background containers run: answers each line on /in with one on /out.
# shellcheck disable=SC2034 # for the tests
echo_loop='echo kept >/kept; while read -r x </in; do echo "$x" >/out; done'

# answers NAME: the container runs echo_loop, and does so now.
answers() {
	local pid
	pid=$(pid_inside "sh -c echo kept") || return 1
	timeout 20 sh -c 'echo ping >"$1/in" && read -r x <"$1/out" && [ "$x" = ping ]' sh "/proc/$pid/root"
}

# A program for a container, with an address: the other end's kernel refuses a port where nobody listens.
# (Busybox's ping knows only the kind that needs a capability.)
# shellcheck disable=SC2034 # for the tests
reaches='nc -w 5 "$1" 9 2>&1 | grep -q refused'

# Waits until the processes named by pid are gone, at most SECONDS.
wait_gone() {
	/usr/bin/python3 - "$@" <<'PY'
import os, select, sys, time
end = time.monotonic() + float(sys.argv[1])
for pid in map(int, sys.argv[2:]):
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        continue
    ready, _, _ = select.select([fd], [], [], max(0, end - time.monotonic()))
    if not ready:
        sys.exit(f"process {pid} is still there")
PY
}

# ---- the invariants: what the kernel and the persons' homes hold of redock ----

state() {
	/usr/bin/python3 "$TOP/tests/e2e/state.py" "$E2E_DIR" "$@"
}

# Call it when the test begins; inv compares.
baseline() {
	state >"$BATS_TEST_TMPDIR/before"
}

# What the test has added to the first state.
added() {
	comm -13 "$BATS_TEST_TMPDIR/before" <(state)
}

# Nothing is left.
inv() {
	state --compare "$BATS_TEST_TMPDIR/before"
}

# The pids of everything that runs a container, and of what runs in one.
our_processes() {
	state | awk '$1 == "process" { print $2 }'
}

# Removes the containers and machines that the test has left, by the program's own commands.
sweep() {
	local id
	for id in $(redock ps -a 2>/dev/null | awk 'NR > 1 { print $1 }'); do
		redock -q rm -f "$id" || true
	done
	# `run --rm` leaves the bridge, its rules and the cgroups' parent for the next container; the
	# next command that removes something takes them.
	if [ -e "$REDOCK_ROOT/images/bb:latest" ]; then
		redock -q run --network none --name sweep bb true
		redock -q rm sweep >/dev/null
	fi
}

# happened REGEXP: waits until the instance's journal has a line that matches.
happened() {
	appears "$REDOCK_RUN_ROOT/events" "$1" "${2-1}"
}

# appears FILE REGEXP [N]: waits, at most half a minute a line, until N lines of a growing file match.
# In a shell of its own, so that the test keeps its $!.
appears() (
	local line grown reader left=${3-1}
	exec {grown}< <(exec tail -n +1 -F "$1" 2>/dev/null 3>&-)
	reader=$!
	while [ "$left" -gt 0 ] && read -r -t 30 -u "$grown" line; do
		[[ ! $line =~ $2 ]] || left=$((left - 1))
	done
	# tail does not end by itself when nobody reads any more
	kill "$reader"
	exec {grown}<&-
	[ "$left" -eq 0 ]
)

# The directories of container NAME: what lasts, and what a reboot erases.
kept() {
	echo "$REDOCK_ROOT/containers/$(readlink "$REDOCK_ROOT/names/$1")"
}
volatile() {
	echo "$REDOCK_RUN_ROOT/containers/$(readlink "$REDOCK_ROOT/names/$1")"
}

# The pid of the init of container NAME, and of its monitor, which is init's parent.
init_of() {
	sed -n 's/^pid=//p' "$(volatile "$1")/state"
}

monitor_of() {
	awk '$1 == "PPid:" { print $2 }' "/proc/$(init_of "$1")/status"
}
