#!/usr/bin/env bats
# The examples of Docker's first README, of 2013, with redock for docker; -d where it was the default.
# The image "base" has a shell called bash and Busybox's nc.
load helper

setup_file() {
	local image="$BATS_FILE_TMPDIR/base"
	small_instance
	cp -a "$E2E_DIR/image" "$image"
	printf '#!/bin/sh\nexec sh "$@"\n' >"$image/bin/bash"
	chmod 755 "$image/bin/bash"
	tar -C "$image" --numeric-owner -c . | redock -q import - base
}

teardown_file() {
	drop_instance
}

setup() {
	# As a person types it.
	PATH="${REDOCK%/*}:$PATH"
	baseline
}

teardown() {
	sweep
	inv
}

@test "readme of 2013: run -a -i -t base /bin/bash" {
	run bash -c 'printf "echo \$((40+2)) inside\nexit 3\n" | script -qec "redock run -a -i -t base /bin/bash" /dev/null'
	expect_status 3
	contains "42 inside"
}

@test "readme of 2013: a job, its logs, its end" {
	JOB=$(redock run -d base /bin/sh -c "while true; do echo Hello world!; sleep 1; done")
	appears "$REDOCK_ROOT/containers/$JOB/log" 'Hello world!' 2
	run redock logs "$JOB"
	contains $'Hello world!\nHello world!'
	run redock ps
	contains "${JOB:0:12}"
	redock kill "$JOB"
	run redock ps
	lacks "${JOB:0:12}"
	redock rm "$JOB"
}

# What the shell does with the lines of the README, with netcat $1.
netcat_says_hello() {
	local pid
	command -v "$1" >/dev/null || skip "no $1 on this host"
	# as a host's name is known to itself; this /etc is the tests' own
	getent hosts "$(hostname)" >/dev/null || echo "127.0.1.1 $(hostname)" >>/etc/hosts
	JOB=$(redock run -d -p 4444 base /bin/nc -l -p 4444)
	PORT=$(redock port "$JOB" 4444)
	pid=$(redock inspect -f '{{.State.Pid}}' "$JOB")
	timeout 20 sh -c 'until nsenter -t "$1" -n ss -ltnH sport = :4444 | grep -q .; do :; done' sh "$pid"
	echo hello world | timeout 20 "$1" "$(hostname)" "$PORT"
	redock wait "$JOB" >/dev/null
	run redock logs "$JOB"
	contains "hello world"
	redock rm "$JOB"
}

@test "readme of 2013: hello world through a published port, by netcat-traditional" {
	netcat_says_hello nc.traditional
}

@test "readme of 2013: hello world through a published port, by netcat-openbsd" {
	netcat_says_hello nc.openbsd
}
