#!/usr/bin/env bats
# Attacks that have worked on container engines, each tried on ours from inside a container; the ids
# are SECURITY.md's. A test that a refusal everywhere would pass has a twin that must work.
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

@test "attack: T42 forbidden calls are refused by each of the processor's ABIs" {
	run redock run --rm bb attack-probe calls
	expect_status 0
	# 37 calls by 3 ABIs, and no answer but these two
	[ "$(grep -cE '^(native|i386) [a-z_0-9]+ E(PERM|NOSYS)$' <<<"$output")" -eq 74 ] || fail "$output"
	[ "$(grep -cE '^x32 [a-z_0-9]+ E(PERM|NOSYS)$' <<<"$output")" -eq 37 ] || fail "$output"
	[ "$(wc -l <<<"$output")" -eq 111 ]
}

@test "attack: T40 socket families that reach the host's kernel are refused, the network's work" {
	run redock run --rm bb attack-probe sockets
	contains "AF_ALG EAFNOSUPPORT"
	contains "AF_VSOCK EAFNOSUPPORT"
	contains "AF_PACKET EPERM"
	run redock run --rm bb nc -w 5 127.0.0.1 9
	contains refused
}

@test "attack: T25 no byte can be pushed into a terminal, neither the caller's nor the container's own" {
	run with_tty "$REDOCK" run --rm -it bb sh -c 'attack-probe terminal; echo end'
	contains end
	lacks " ok"
	[ "$(grep -c EPERM <<<"$output")" -ge 12 ]
	run redock run --rm bb attack-probe terminal
	lacks " ok"
	# by exec, into a container with a terminal and into one without
	redock -q run -d -t --name with bb sleep 1000 >/dev/null
	redock -q run -d --name without bb sleep 1000 >/dev/null
	for name in with without; do
		run with_tty "$REDOCK" exec -it "$name" sh -c 'attack-probe terminal; echo end'
		contains end
		lacks " ok"
		[ "$(grep -c EPERM <<<"$output")" -ge 12 ]
		run redock exec "$name" attack-probe terminal
		lacks " ok"
	done
}

@test "attack: T41 keys of other containers and of the host are out of reach" {
	run redock run --rm bb attack-probe keys redock-test-key
	is "$(printf 'add_key EPERM\nrequest_key EPERM')"
	run redock run --rm bb cat /proc/keys
	is ""
	# where a profile lets the calls through, the keyring is each container's own, and exec's
	redock -q run -d --name keeper --security-opt seccomp=unconfined bb \
		sh -c 'attack-probe keys redock-test-key >/out; exec sleep 1000' >/dev/null
	run timeout 20 cat "/proc/$(init_of keeper)/root/out"
	is "$(printf 'add_key ok\nrequest_key ok')"
	run redock run --rm --security-opt seccomp=unconfined bb attack-probe keys - redock-test-key
	is "request_key ENOKEY"
	run redock exec keeper attack-probe keys - redock-test-key
	is "request_key ENOKEY"
	run "$(dirname "$REDOCK")/../tests/attack/attack-probe" keys - redock-test-key
	is "request_key ENOKEY"
}

@test "attack: T02 nothing that a container executes beside the image can be written to" {
	run redock run --rm bb attack-probe exe
	expect_status 0
	lacks "1 /"
	[ "$(grep -c ' ok$' <<<"$output")" -eq 0 ]
}

@test "attack: T01 no descriptor but the three" {
	run redock run --rm bb attack-probe links
	is end
}
