#!/usr/bin/env bats
# Listings of many things, some of them changed behind the program's back, damaged or gone.
export BATS_TEST_TIMEOUT=300
load helper

setup_file() {
	small_instance
}

setup() {
	instance listing
	baseline
}

teardown() {
	sweep
	inv
}

teardown_file() {
	instance listing
	drop_instance
}

# One line a container: name, image, state.
listed() {
	redock ps -a --format '{{.Names}} {{.Image}} {{.State}}' 2>"$BATS_TEST_TMPDIR/said"
}

# Lists until the last listing has remembered container NAME's configuration as it is now.
remembered() {
	local id
	id=$(readlink "$REDOCK_ROOT/names/$1")
	until grep -qs "$id" "$REDOCK_RUN_ROOT/seen"; do
		[ "$SECONDS" -lt 120 ] || fail "it is never remembered"
		redock ps -aq >/dev/null
	done
}

@test "listing: of many containers, what the last listing remembered is only used as long as it is true" {
	local i monitor init
	redock -q run -d --network none --name runs bb sleep 1000 >/dev/null
	for i in {1..34}; do
		redock -q create --name "c$i" bb true >/dev/null
	done
	remembered c1
	listed >"$BATS_TEST_TMPDIR/first"
	[ "$(grep -c ' bb created$' "$BATS_TEST_TMPDIR/first")" -eq 34 ]
	grep -qx 'runs bb running' "$BATS_TEST_TMPDIR/first"

	# by hand: as long as before, in the same file, with the old time
	python3 - "$(kept c1)/config.json" <<-'END'
		import os, sys
		st = os.stat(sys.argv[1])
		with open(sys.argv[1], "r+b") as f:
		    text = f.read().replace(b'"Image":"bb"', b'"Image":"xy"')
		    f.seek(0)
		    f.write(text)
		os.utime(sys.argv[1], ns=(st.st_atime_ns, st.st_mtime_ns))
	END
	: >"$(kept c2)/config.json"
	mv "$REDOCK_ROOT/names/c3" "$REDOCK_ROOT/names/moved"
	redock -q rm c4 >/dev/null
	monitor=$(monitor_of runs)
	kill -9 "$monitor"
	wait_gone 10 "$monitor"
	listed >"$BATS_TEST_TMPDIR/second"
	grep -qx 'c1 xy created' "$BATS_TEST_TMPDIR/second"
	grep -qx 'moved bb created' "$BATS_TEST_TMPDIR/second"
	grep -qx 'runs bb running' "$BATS_TEST_TMPDIR/second"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/second")" -eq 33 ]
	! grep -qE '^c[234] ' "$BATS_TEST_TMPDIR/second" || fail "there is one that cannot be"
	grep -q "redock rm -f $(readlink "$REDOCK_ROOT/names/c2" | cut -c1-12)$" "$BATS_TEST_TMPDIR/said"

	# what runs is asked of the kernel each time: paused, ended, ended without a monitor
	redock -q pause runs >/dev/null
	listed | grep -qx 'runs bb paused'
	redock -q unpause runs >/dev/null
	listed | grep -qx 'runs bb running'
	init=$(init_of runs)
	kill -9 "$init"
	wait_gone 10 "$init"
	listed | grep -qx 'runs bb exited'

	# and what is remembered may be anything
	listed >"$BATS_TEST_TMPDIR/first"
	head -c 20000 /dev/urandom >"$REDOCK_RUN_ROOT/seen"
	listed | cmp - "$BATS_TEST_TMPDIR/first"
	: >"$REDOCK_RUN_ROOT/seen"
	listed | cmp - "$BATS_TEST_TMPDIR/first"
	rm -f "$REDOCK_RUN_ROOT/seen"
	listed | cmp - "$BATS_TEST_TMPDIR/first"
	redock -q rm -f "$(readlink "$REDOCK_ROOT/names/c2")" >/dev/null
	redock ps -aq | xargs "$REDOCK" -q rm -f >/dev/null
}

@test "listing: damaged containers, networks and volumes are named, with what removes them" {
	local id
	redock -q network create torn >/dev/null
	redock -q network create whole >/dev/null
	redock -q volume create torn >/dev/null
	redock -q volume create whole >/dev/null
	redock -q create --name torn bb true >/dev/null
	id=$(readlink "$REDOCK_ROOT/names/torn" | cut -c1-12)
	: >"$REDOCK_ROOT/networks/torn.json"
	: >"$REDOCK_ROOT/volumes/torn/volume.json"
	: >"$(kept torn)/config.json"

	run -0 --separate-stderr redock network ls
	[[ $output == *whole* && $output != *torn* ]]
	[[ $stderr == *"network 'torn' is damaged"*"redock network rm torn"* ]]
	run -0 --separate-stderr redock volume ls
	[[ $output == *whole* && $output != *torn* ]]
	[[ $stderr == *"volume 'torn'"*"redock volume rm torn"* ]]
	run -0 --separate-stderr redock ps -a
	[[ $stderr == *"redock rm -f $id"* ]]

	# a status line would be wiped out: on a terminal they stand as well
	run -0 with_tty "$REDOCK" network ls
	[[ $output == *"redock network rm torn"$'\n'* ]]

	redock -q network rm torn whole >/dev/null
	redock -q volume rm torn whole >/dev/null
	redock -q rm -f "$id" >/dev/null
	run -0 --separate-stderr redock network ls
	[ -z "$stderr" ]
}
