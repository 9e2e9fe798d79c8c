#!/usr/bin/env bats
# Volumes: named, anonymous, of other containers, and of a driver.
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

@test "volumes: a named one gets what the image has there, once, and keeps what is written" {
	run redock run --rm -v kept:/data bb sh -c 'cat /data/file; echo more >/data/new; rm /data/file'
	is "from the image"
	run redock run --rm -v kept:/data bb ls /data
	contains new
	lacks file
	redock volume rm kept
}

@test "volumes: nocopy stays empty, read-only is that" {
	run redock run --rm --mount type=volume,src=empty,dst=/data,volume-nocopy bb ls /data
	expect_status 0
	is ""
	run redock run --rm -v empty:/data:ro bb touch /data/x
	expect_status 1
	contains "Read-only"
	redock volume rm empty
}

@test "volumes: anonymous ones go with --rm and with rm -v, and stay with rm" {
	redock run --rm -v /anonymous bb true
	run redock volume ls -q
	is ""
	redock create --name holder -v /anonymous bb true
	redock rm -v holder
	run redock volume ls -q
	is ""
	redock create --name holder -v /anonymous bb true
	redock rm holder
	run redock volume ls -q
	[ "${#output}" -eq 64 ]
	redock volume rm "$output"
}

@test "volumes: --volumes-from, also read-only; what is in use is not removed" {
	redock create --name holder -v shared:/s bb true
	redock run --rm --volumes-from holder bb sh -c 'echo x >/s/x'
	run redock run --rm --volumes-from holder:ro bb sh -c 'cat /s/x; touch /s/y'
	contains x
	contains "Read-only"
	run redock volume rm shared
	refused 1 holder
	redock rm holder
	redock volume rm shared
}

@test "volumes: an anonymous one that another container uses outlives --rm" {
	redock create --rm --name first -v /a bb true
	redock create --name second --volumes-from first bb cat /a/word
	redock rm -v first
	run redock volume ls -q
	[ "${#output}" -eq 64 ]
	redock rm -v second
	run redock volume ls -q
	is ""
}

@test "volumes: driver local mounts at first use and unmounts when nobody runs" {
	redock volume create --opt type=tmpfs --opt device=tmpfs --opt o=size=1m,uid=1000 inmemory
	run redock run --rm -v inmemory:/m bb grep " /m " /proc/mounts
	contains size=1024k
	run redock volume create --opt type=tmpfs --opt device=tmpfs inmemory
	refused 1 "other options"
	redock create --name sweeper bb true
	redock rm sweeper
	run grep "$REDOCK_ROOT" /proc/mounts
	is ""
	redock volume rm inmemory
}

@test "volumes: names are no paths" {
	for name in .. ../x a/b -x .hidden "a b" ''; do
		run redock volume create -- "$name"
		[ "$status" -ne 0 ] || [ -z "$name" ] || fail "accepted '$name'"
	done
	redock volume ls -q | xargs -r "$REDOCK" volume rm
}

@test "volumes: a missing bind source is made for -v and refused for --mount" {
	redock run --rm -v "$BATS_TEST_TMPDIR/made/here:/x" bb touch /x/y
	[ -e "$BATS_TEST_TMPDIR/made/here/y" ]
	run redock run --rm --mount "type=bind,src=$BATS_TEST_TMPDIR/not,dst=/x" bb true
	refused 125
	[ ! -e "$BATS_TEST_TMPDIR/not" ]
}
