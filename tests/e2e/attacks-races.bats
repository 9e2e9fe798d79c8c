#!/usr/bin/env bats
# Attacks that change a path, or look into a process, in the moment between two steps of ours; the ids
# are SECURITY.md's.  Each race lasts $ATTACK_SECONDS (6 if unset); CONTRIBUTING.md says how to see
# them find something.
# Functions that 'rounds' and 'image' are given.
# shellcheck disable=SC2317
load helper

setup_file() {
	small_instance
	export RUNTIME="${REDOCK%/*}/redock-runtime" RACER="${REDOCK%/*}/../tests/attack/attack-racer"
}

teardown_file() {
	drop_instance
}

setup() {
	baseline
	CANARY="$BATS_TEST_TMPDIR/canary" BUNDLE="$BATS_TEST_TMPDIR/bundle"
	mkdir -p "$CANARY/sub"
	echo untouched >"$CANARY/file"
	CANARY_BEFORE=$(canary)
	RACERS=()
}

teardown() {
	local racer id
	for racer in "${RACERS[@]}"; do
		kill "$racer"
	done
	for id in $("$RUNTIME" --root "$BATS_TEST_TMPDIR/rt" list -q); do
		"$RUNTIME" --root "$BATS_TEST_TMPDIR/rt" delete --force "$id"
	done
	sweep
	inv
}

canary() {
	find "$CANARY" -printf '%P %T@ %C@ %i %m %U %G\n' | sort
	find "$CANARY" -type f -exec cat {} +
}

canary_unchanged() {
	[ "$(canary)" = "$CANARY_BEFORE" ] || fail "the canary has changed:" "$(canary)"
}

# race A B: exchanges the two until the test ends; what a container does with a volume that it shares.
race() {
	local begun
	coproc "$RACER" "$1" "$2"
	# shellcheck disable=SC2153 # bash's
	RACERS+=("$COPROC_PID")
	read -r -t 10 begun <&"${COPROC[0]}"
	[ "$begun" = racing ]
}

# rounds COMMAND…: again and again until the time is over; COMMAND may fail. At least ten times.
rounds() {
	local end=$((SECONDS + ${ATTACK_SECONDS:-6}))
	ROUNDS=0
	while [ "$ROUNDS" -lt 10 ] || [ "$SECONDS" -lt "$end" ]; do
		"$@"
		ROUNDS=$((ROUNDS + 1))
	done
}

# A bundle of the small image, changed by PYTHON, which sees its configuration as `d`.
bundle() {
	mkdir -p "$BUNDLE"
	cp -a "$E2E_DIR/image" "$BUNDLE/rootfs"
	mkdir -p "$BUNDLE/rootfs"/{proc,dev,sys,v}
	(cd "$BUNDLE" && "$RUNTIME" spec)
	/usr/bin/python3 - "$BUNDLE/config.json" "$1" <<'PY'
import json, sys
d = json.load(open(sys.argv[1]))
d["process"]["terminal"] = False
d["root"]["readonly"] = False
exec(sys.argv[2])
json.dump(d, open(sys.argv[1], "w"))
PY
}

rt() {
	timeout 60 "$RUNTIME" --root "$BATS_TEST_TMPDIR/rt" "$@"
}

@test "attack: T03 nothing that enters a container can be attached to" {
	redock run -d --name tracer bb attack-probe attach >/dev/null
	one() {
		redock exec tracer true
	}
	rounds one
	redock stop -t 10 tracer
	run redock logs tracer
	contains attaching
	lacks attached
	lacks directory
	# it can attach, to what it may
	[[ $output =~ traced\ [1-9] ]]
	redock -q rm tracer
}

# tracer OPTION…: what a container that may trace finds in what enters it, in $output. CHANGED may be
# an option of exec.
tracer() {
	redock run -d --name tracer --cap-add SYS_PTRACE "$@" bb attack-probe attach >/dev/null
	one() {
		# shellcheck disable=SC2086 # one option or none
		timeout 20 "$REDOCK" exec ${CHANGED-} tracer true
	}
	rounds one
	redock stop -t 10 tracer
	run redock logs tracer
	redock -q rm tracer
	contains attaching
	lacks directory
	lacks stole
	# it has met some of them before they executed anything: that is what this is about
	[[ $output =~ caught\ [1-9] ]]
}

@test "attack: T03 not even CAP_SYS_PTRACE finds a directory of the host's, or a capability, in what enters" {
	tracer
}

@test "attack: T03 nor with no_new_privs, another user, or fewer capabilities" {
	tracer --security-opt no-new-privileges --cap-drop CHOWN
	CHANGED='-u 1000' tracer --cap-drop SETUID
}

@test "attack: T03 nor in what has a terminal" {
	redock run -d --name tracer --cap-add SYS_PTRACE bb attack-probe attach >/dev/null
	one() {
		with_tty timeout 20 "$REDOCK" exec -it tracer tty
	}
	rounds one
	redock stop -t 10 tracer
	run redock logs tracer
	redock -q rm tracer
	contains attaching
	lacks directory
	lacks stole
}

@test "attack: T04 a null device that becomes a link while paths are masked" {
	local before
	before=$(cat /proc/sys/kernel/core_pattern)
	bundle 'd["mounts"] = [m for m in d["mounts"] if not m["destination"].startswith("/dev")]
d["linux"]["maskedPaths"] = ["/proc/keys", "/proc/kallsyms", "/proc/timer_list"]
d["process"]["args"] = ["sh", "-c", "cat /proc/keys /proc/kallsyms /proc/timer_list; for f in keys kallsyms timer_list; do echo masked-by-a-link >/proc/$f; done"]'
	mknod -m 666 "$BUNDLE/rootfs/dev/null" c 1 3
	ln -s /proc/sys/kernel/core_pattern "$BUNDLE/rootfs/dev/link"
	run rt run -b "$BUNDLE" still
	expect_status 0
	is ""
	race "$BUNDLE/rootfs/dev/null" "$BUNDLE/rootfs/dev/link"
	STARTED=0
	one() {
		run rt run -b "$BUNDLE" race
		[ "$(cat /proc/sys/kernel/core_pattern)" = "$before" ]
		[ "$status" -ne 0 ] || is ""
		[ "$status" -ne 0 ] || STARTED=$((STARTED + 1))
	}
	rounds one
	[ "$STARTED" -gt 0 ]
}

@test "attack: T05 a /dev/pts that becomes a link while a terminal is made" {
	local dev="$BATS_TEST_TMPDIR/dev" node
	mkdir -p "$dev/pts" "$dev/shm" "$dev/mqueue"
	for node in "null 3" "zero 5"; do
		# shellcheck disable=SC2086 # two words
		mknod -m 666 "$dev/${node% *}" c 1 ${node#* }
	done
	bundle 'keep = ("/proc", "/sys", "/dev/pts")
d["mounts"] = [{"destination": "/dev", "type": "bind", "source": "'"$dev"'", "options": ["rbind", "rw"]}] + [m for m in d["mounts"] if m["destination"] in keep]
d["process"]["terminal"] = True
d["process"]["args"] = ["stat", "-c", "%t", "/dev/console"]'
	run with_tty timeout 20 "$RUNTIME" --root "$BATS_TEST_TMPDIR/rt" run -b "$BUNDLE" still
	contains 88
	mkdir -p "$CANARY/pts"
	: >"$CANARY/ptmx"
	CANARY_BEFORE=$(canary)
	ln -s "$CANARY" "$dev/link"
	race "$dev/pts" "$dev/link"
	one() {
		run with_tty timeout 20 "$RUNTIME" --root "$BATS_TEST_TMPDIR/rt" run -b "$BUNDLE" race
		[ "$status" -ne 124 ]
		[ "$status" -ne 0 ] || contains 88
	}
	rounds one
	canary_unchanged
}

@test "attack: T09 a place to mount on that becomes a link while the runtime makes it" {
	mkdir -p "$BATS_TEST_TMPDIR/v/d"
	ln -s "$CANARY" "$BATS_TEST_TMPDIR/v/l"
	bundle 'd["mounts"] += [
  {"destination": "/v", "type": "bind", "source": "'"$BATS_TEST_TMPDIR"'/v", "options": ["rbind", "rw"]},
  {"destination": "/v/d/sub/deep", "type": "tmpfs", "source": "tmpfs", "options": ["rw"]},
  {"destination": "/v/d/file", "type": "bind", "source": "/etc/hostname", "options": ["bind", "ro"]}]
d["process"]["cwd"] = "/v/d/work/dir"
d["process"]["args"] = ["pwd"]'
	run rt run -b "$BUNDLE" still
	expect_status 0
	is /v/d/work/dir
	rm -rf "${BATS_TEST_TMPDIR:?}/v/d"
	mkdir "$BATS_TEST_TMPDIR/v/d"
	race "$BATS_TEST_TMPDIR/v/d" "$BATS_TEST_TMPDIR/v/l"
	one() {
		rt run -b "$BUNDLE" race >/dev/null 2>&1 || true
		canary_unchanged
	}
	rounds one
}

@test "attack: T09 a place to mount on, and a working directory, that become links while the engine makes them" {
	mkdir -p "$BATS_TEST_TMPDIR/v/d"
	ln -s "$CANARY" "$BATS_TEST_TMPDIR/v/l"
	run redock run --rm -v "$BATS_TEST_TMPDIR/v:/v" -w /v/d/work/dir bb pwd
	is /v/d/work/dir
	redock run -d --name racer -v "$BATS_TEST_TMPDIR/v:/v" bb attack-racer /v/d /v/l >/dev/null
	one() {
		redock run --rm --network none -v "$BATS_TEST_TMPDIR/v:/v" --tmpfs "/v/d/$ROUNDS/t" -v "deep:/v/d/$ROUNDS/v" \
			-w "/v/d/$ROUNDS/wd" bb true >/dev/null 2>&1 || true
		canary_unchanged
	}
	rounds one
	redock -q rm -f racer
	redock volume rm deep
}

@test "attack: T10 a path of a volume that changes while cp works on a container that does not run" {
	local v="$BATS_TEST_TMPDIR/v"
	mkdir -p "$v/d/sub"
	echo inside >"$v/d/file"
	ln -s "$CANARY" "$v/l"
	redock create --name still -v "$v:/v" -v "deep:/v/d/sub" bb true >/dev/null
	echo planted >"$BATS_TEST_TMPDIR/planted"
	redock cp "$BATS_TEST_TMPDIR/planted" still:/v/d/file2
	[ "$(cat "$v/d/file2")" = planted ]
	race "$v/d" "$v/l"
	one() {
		rm -f "$BATS_TEST_TMPDIR/got"
		redock cp still:/v/d/file "$BATS_TEST_TMPDIR/got" 2>/dev/null || true
		[ ! -e "$BATS_TEST_TMPDIR/got" ] || [ "$(cat "$BATS_TEST_TMPDIR/got")" = inside ]
		redock cp "$BATS_TEST_TMPDIR/planted" still:/v/d/file3 2>/dev/null || true
		redock cp still:/v/d - 2>/dev/null | tar -xO 2>/dev/null >"$BATS_TEST_TMPDIR/all" || true
		[ "$(grep -c untouched "$BATS_TEST_TMPDIR/all")" -eq 0 ]
		canary_unchanged
	}
	rounds one
	redock -q rm still
	redock volume rm deep
}
