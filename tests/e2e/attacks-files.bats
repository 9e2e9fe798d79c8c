#!/usr/bin/env bats
# Attacks by what an image, a volume or a name contains; the ids are SECURITY.md's.  Each test has a
# twin, in it or beside it: the same thing meant well works.
# Functions that 'rounds' and 'image' are given.
# shellcheck disable=SC2317
load helper

setup_file() {
	small_instance
}

teardown_file() {
	drop_instance
}

setup() {
	baseline
	CANARY="$BATS_TEST_TMPDIR/canary" IMAGE="$BATS_TEST_TMPDIR/image"
	mkdir -p "$CANARY/sub"
	echo untouched >"$CANARY/file"
	CANARY_BEFORE=$(canary)
}

teardown() {
	sweep
	inv
}

# All that can be seen of the directory which attacks must not reach.
canary() {
	find "$CANARY" -printf '%P %T@ %C@ %i %m %U %G\n' | sort
	find "$CANARY" -type f -exec cat {} +
}

canary_unchanged() {
	[ "$(canary)" = "$CANARY_BEFORE" ] || fail "the canary has changed:" "$(canary)"
}

# image NAME COMMAND…: the small image, with what the command does in its directory.
image() {
	local name=$1
	shift
	rm -rf "$IMAGE"
	cp -a "$E2E_DIR/image" "$IMAGE"
	(cd "$IMAGE" && "$@")
	tar -C "$IMAGE" -cf "$BATS_TEST_TMPDIR/t.tar" .
	redock -q import "$BATS_TEST_TMPDIR/t.tar" "$name"
}

# All files of the instance, the journal of events aside.
tree() {
	find "$REDOCK_ROOT" "$REDOCK_RUN_ROOT" ! -name 'events*' -printf '%p %i\n' | sort
}

replace_by_link() {
	rm -rf "./$1"
	ln -s "$2" "./$1"
}

replace_by_file() {
	rm -rf "./$1"
	echo file >"./$1"
}

# The image `hostile` does not start, or starts with the kernel's own file systems in their places.
real_or_refused() {
	run redock run --rm hostile sh -c 'grep -E "^(proc /proc proc|sysfs /sys sysfs) " /proc/mounts | wc -l
		test ! -L /proc && test ! -L /sys && test -d /sys/kernel && echo real'
	[ "$status" -eq 125 ] || is $'2\nreal'
}

@test "attack: T06 T07 an image whose /proc or /sys is a link or a file gets the real ones or no start" {
	local place
	for place in proc sys; do
		for target in "$CANARY" /tmp ../tmp; do
			image hostile replace_by_link "$place" "$target"
			real_or_refused
			redock -q rmi hostile
		done
		image hostile replace_by_file "$place"
		real_or_refused
		redock -q rmi hostile
	done
	canary_unchanged
	# /var/run -> /run is how images are made
	mkdir_run() {
		mkdir run
		ln -s /run var/run
	}
	image good mkdir_run
	run redock run --rm -v "$CANARY:/var/run/x:ro" good cat /run/x/file
	is untouched
	redock -q rmi good
}

@test "attack: T06 what is written to /proc goes to the kernel's, whatever is mounted there" {
	local value
	mkdir -p "$BATS_TEST_TMPDIR/fake/self/attr" "$BATS_TEST_TMPDIR/fake/sys/net/ipv4"
	echo fake >"$BATS_TEST_TMPDIR/fake/self/oom_score_adj"
	echo fake >"$BATS_TEST_TMPDIR/fake/sys/net/ipv4/ip_default_ttl"
	run redock run --rm -v "$BATS_TEST_TMPDIR/fake:/proc" bb true
	[ "$status" -ne 0 ] || [ "$(cat "$BATS_TEST_TMPDIR/fake/self/oom_score_adj")" = fake ]
	# by a link the option's own check does not see it
	image hostile ln -s /proc p
	redock run -d --name behind --oom-score-adj 321 --sysctl net.ipv4.ip_default_ttl=42 \
		-v "$BATS_TEST_TMPDIR/fake:/p" hostile sleep 1000 >/dev/null
	value=$(pid_inside "sleep 1000")
	[ "$(cat "/proc/$value/oom_score_adj")" = 321 ]
	[ "$(nsenter -n -t "$value" cat /proc/sys/net/ipv4/ip_default_ttl)" = 42 ]
	run redock exec behind true
	expect_status 0
	[ "$(cat "$BATS_TEST_TMPDIR/fake/self/oom_score_adj" "$BATS_TEST_TMPDIR/fake/sys/net/ipv4/ip_default_ttl")" = $'fake\nfake' ]
	redock -q rm -f behind
	redock -q rmi hostile
}

@test "attack: T08 an image whose /dev leads outside gets a /dev inside, and nothing is made there" {
	for target in "$CANARY" "../../../..$CANARY" /proc/self/root/tmp; do
		image hostile replace_by_link dev "$target"
		run redock run --rm hostile sh -c 'test -c /dev/null && echo x >/dev/null && echo fine'
		[ "$status" -ne 0 ] || is fine
		run redock run --rm -t --device /dev/null:/dev/mine hostile true
		redock -q rmi hostile
	done
	canary_unchanged
	run redock run --rm bb sh -c 'echo x >/dev/null && readlink /dev/ptmx'
	is pts/ptmx
}

@test "attack: T04 a /dev/null that is a link covers nothing, and leads nowhere" {
	local before
	before=$(cat /proc/sys/kernel/core_pattern)
	null_link() {
		mkdir -p dev
		ln -s /proc/sys/kernel/core_pattern dev/null
	}
	image hostile null_link
	run redock run --rm hostile sh -c 'cat /proc/keys /proc/kallsyms /proc/timer_list | wc -c; echo x >/dev/null'
	is 0
	# a /dev of the person's own, in which it is one
	mkdir "$BATS_TEST_TMPDIR/dev"
	ln -s /proc/sys/kernel/core_pattern "$BATS_TEST_TMPDIR/dev/null"
	mkdir "$BATS_TEST_TMPDIR/dev/pts" "$BATS_TEST_TMPDIR/dev/shm" "$BATS_TEST_TMPDIR/dev/mqueue"
	run redock run --rm -v "$BATS_TEST_TMPDIR/dev:/dev" bb sh -c 'echo "|/x" >/dev/null'
	[ "$status" -ne 0 ]
	[ "$(cat /proc/sys/kernel/core_pattern)" = "$before" ]
	redock -q rmi hostile
}

@test "attack: T33 an empty volume is filled with files of the image alone, not with the kernel's" {
	local target
	for target in /proc /sys /dev / /dev/shm; do
		image hostile ln -s "$target" x
		run timeout 60 "$REDOCK" run --rm -v filled:/x hostile true
		[ "$status" -ne 124 ]
		# nor is half of it left for the next container
		run redock run --rm --mount type=volume,source=filled,target=/v,volume-nocopy bb \
			find /v -name kcore -o -name kallsyms -o -name cgroup.procs -o -name null -o -name kernel -o -name .redock-copy-up
		is ""
		redock volume rm filled
		redock -q rmi hostile
	done
	canary_unchanged
	run redock run --rm -v filled:/data bb cat /data/file
	is "from the image"
	redock volume rm filled
}

@test "attack: T33 links that a container plants in volumes lead nowhere at the next start" {
	redock run --rm -v planted:/v bb sh -c 'ln -s '"$CANARY"' /v/d; ln -s '"$CANARY/file"' /v/f; ln -s /proc/1/root /v/r'
	for _ in 1 2; do
		redock run --rm -v planted:/v -v "planted2:/v/d/new" --tmpfs /v/r/tmp/x bb \
			sh -c 'echo x >/v/f; mkdir -p /v/d/made' || true
		redock run --rm -v planted:/v -w /v/d/wd bb pwd || true
		redock create --name target -v planted:/v bb true >/dev/null
		echo planted >"$BATS_TEST_TMPDIR/f"
		redock cp "$BATS_TEST_TMPDIR/f" target:/v/f || true
		redock cp "$BATS_TEST_TMPDIR/f" target:/v/d/copied || true
		redock -q rm target
	done
	canary_unchanged
	redock volume rm planted planted2
	[ ! -e "$REDOCK_ROOT/volumes/planted" ]
	canary_unchanged
	# a link that stays inside is followed, as ever
	run redock run --rm -v planted:/v bb sh -c 'mkdir /v/real && ln -s real /v/d'
	run redock run --rm -v planted:/v -w /v/d/wd bb pwd
	is /v/real/wd
	redock volume rm planted
}

@test "attack: T33 files of ours that a container can write to are never followed or trusted" {
	local id dir
	id=$(redock run -d --name etc bb sleep 1000)
	dir="$REDOCK_ROOT/containers/$id"
	# mount points cannot be replaced from inside
	run redock exec etc sh -c 'rm -f /etc/hosts; ln -sf '"$CANARY/file"' /etc/hosts; mv /etc/resolv.conf /x'
	[ -f "$dir/hosts" ]
	[ ! -L "$dir/hosts" ]
	redock exec etc sh -c 'echo "6.6.6.6 bank" >>/etc/hosts'
	redock restart -t 0 etc
	run redock exec etc cat /etc/hosts
	lacks bank
	contains localhost
	canary_unchanged
	# the log is not in there
	run redock exec etc sh -c 'find / -xdev -name "*json.log*" 2>/dev/null'
	is ""
	redock -q rm -f etc
}

@test "attack: T34 a name is a name: 40 that are none change nothing" {
	local name before
	local names=(.. . a/b /a ../../x -rf --help a/../b ' a' 'a ' 'a b' $'a\nb' $'a\tb' $'a\rb' $'a\x01'
		$'\x1b[31m' "a'b" 'a"b' 'a`id`' 'a$(id)' 'a;b' 'a|b' 'a&b' 'a>b' 'a*' 'a?' '[a]' 'a\b' '~' '~root'
		'a,b' 'a=b' 'a#b' '%s%n' $'\xff\xfe' 'ä' '名' '_a' '.a' "$(printf 'x%.0s' {1..129})"
		"$(printf 'x%.0s' {1..5120})")
	[ "${#names[@]}" -ge 40 ]
	before=$(tree)
	for name in "${names[@]}"; do
		run redock create --name="$name" bb true
		expect_status 125
		run redock volume create -- "$name"
		[ "$status" -ne 0 ] || fail "a volume: $name"
		run redock network create -- "$name"
		[ "$status" -ne 0 ] || fail "a network: $name"
		run redock rm -f -- "$name"
		run redock volume rm -- "$name"
		[ "$status" -ne 0 ] || fail "a volume is removed: $name"
		run redock network rm -- "$name"
		[ "$status" -ne 0 ] || fail "a network is removed: $name"
	done
	[ "$(tree)" = "$before" ]
	name=$(printf 'x%.0s' {1..128})
	redock create --name "$name" bb true >/dev/null
	run redock volume create a.b_c-1
	expect_status 0
	redock volume rm a.b_c-1
	redock -q rm "$name"
}

@test "attack: T21 bytes that end a line get into no file of lines" {
	local byte option
	local -A plain=([--add-host]=x:1.2.3.4 [--hostname]=host [--domainname]=domain [--dns-search]=search
		[--dns-option]=ndots:2 [--dns]=9.9.9.9)
	for byte in $'\n' $'\r' $'\x01' $'\x7f' $'\x1b'; do
		for option in "${!plain[@]}"; do
			run redock run --rm "$option" "${plain[$option]}${byte}nameserver 6.6.6.6" bb cat /etc/hosts /etc/resolv.conf /etc/hostname
			[ "$status" -ne 0 ] || lacks $'\n'"nameserver 6.6.6.6"
			[ "$status" -eq 125 ] || fail "$option takes $(printf %q "$byte")"
			run redock run --rm "$option" "${plain[$option]}${byte}" bb true
			expect_status 125
		done
	done
	for option in '--add-host=x y:1.2.3.4' '--add-host=x#:1.2.3.4' '--add-host=x:1.2.3.4 bank' '--add-host=:1.2.3.4' '--dns=6.6.6.6 x' '--hostname=a b'; do
		run redock run --rm "$option" bb true
		[ "$status" -eq 125 ] || fail "accepted: $option"
	done
	run redock run --rm --add-host x:1.2.3.4 --dns-search search --dns 9.9.9.9 --hostname host bb \
		sh -c 'grep -c "^1.2.3.4.x$" /etc/hosts; grep -c "^search search$" /etc/resolv.conf; cat /etc/hostname'
	is $'1\n1\nhost'
	# HOME and other variables of an image are for no file at all
	redock create --name home -e HOME=$'/x\nroot2::0:0::/:/bin/sh' bb true >/dev/null
	redock commit home homed >/dev/null
	run redock run --rm homed cat /etc/passwd
	is "$(cat "$E2E_DIR/image/etc/passwd")"
	redock -q rm home
	redock -q rmi homed
}

@test "attack: T21 an alias on a network is a name and no line of its name server's" {
	local alias
	redock network create attacked >/dev/null
	for alias in $'a\n6.6.6.6 bank' 'a b' 'a#b' $'a\tb' 'a/b' '#' '' '*' $'a\x01'; do
		run redock run --rm --network attacked --network-alias "$alias" bb true
		[ "$status" -eq 125 ] || fail "accepted: $(printf %q "$alias")"
	done
	redock run -d --name named --network attacked --network-alias good bb sleep 1000 >/dev/null
	run bash -c 'cat "$REDOCK_RUN_ROOT"/*/*/hosts/* "$REDOCK_RUN_ROOT"/*/hosts/* 2>/dev/null'
	contains good
	lacks bank
	lacks 6.6.6.6
	lacks "#"
	run redock run --rm --network attacked bb nslookup good
	expect_status 0
	redock -q rm -f named
	redock network rm attacked
}

@test "attack: T35 nobody but root reads what is ours, and no socket is abstract" {
	redock run -d --name open -p 127.0.0.1::80 bb sleep 1000 >/dev/null
	run setpriv --reuid 65534 --regid 65534 --clear-groups find "$REDOCK_ROOT" "$REDOCK_RUN_ROOT" -mindepth 1
	lacks containers
	contains "Permission denied"
	[ "$(stat -c %a "$REDOCK_ROOT" "$REDOCK_RUN_ROOT")" = $'700\n700' ]
	run redock run --rm --network host bb cat /proc/net/unix
	expect_status 0
	[ "$(grep -ci '@.*redock' <<<"$output")" -eq 0 ]
	# a directory where others can write is nobody's state
	mkdir -m 777 "$BATS_TEST_TMPDIR/loose"
	run redock --root "$BATS_TEST_TMPDIR/loose" ps
	[ "$status" -ne 0 ]
	redock -q rm -f open
}

@test "attack: T24 nothing below /sys can be written to, by root, a user, with the host's namespaces, with NET_ADMIN" {
	local options
	# (a redirection of ":" that fails would end the shell; the file in /tmp shows that it looks)
	for options in "" "-u user" "--network host" "--ipc host" "--cap-add NET_ADMIN"; do
		# shellcheck disable=SC2086 # several words
		run redock run --rm $options bb sh -c \
			'mkdir /tmp/w; : >/tmp/w/f; find /sys /tmp/w -type f -exec sh -c "for f do true 2>/dev/null <>\$f && echo \$f; done" sh {} + 2>/dev/null | head -n 3; mkdir /sys/x 2>/dev/null && echo made; echo end'
		is $'/tmp/w/f\nend'
	done
}

@test "attack: T39 what tells of the host's hardware and kernel is empty or missing, for root too" {
	local path
	for path in /proc/interrupts /proc/kcore /proc/keys /proc/timer_list /proc/latency_stats /proc/sched_debug \
		/proc/kallsyms /proc/acpi /proc/scsi /proc/asound /sys/firmware /sys/devices/virtual/powercap \
		/sys/devices/system/cpu/cpu0/thermal_throttle; do
		run redock run --rm bb sh -c 'test -e $0 || exit 0; if [ -d $0 ]; then ls -A $0; else head -c 16 $0; fi' "$path"
		is ""
		run redock run --rm bb sh -c 'test -d $0 && touch $0/x 2>/dev/null && echo made' "$path"
		is ""
	done
	run redock run --rm bb sh -c 'head -c 4 /proc/meminfo; test -r /proc/cpuinfo && echo fine'
	is MemTfine || is $'MemT\nfine' || contains fine
}

@test "attack: T40 top looks from outside, and runs nothing of the container's" {
	tools() {
		local tool
		for tool in ps nsenter redock-monitor top; do
			rm -f "bin/$tool"
			printf '#!/bin/sh\necho ran >/ran\n' >"bin/$tool"
			chmod 755 "bin/$tool"
		done
	}
	image hostile tools
	redock run -d --name topped hostile sh -c 'read -r x </in' $'a\x1b[31m\nb' >/dev/null
	run redock top topped
	expect_status 0
	lacks $'\x1b'
	contains "read -r x"
	[ "${#lines[@]}" -le 3 ]
	run redock exec topped test -e /ran
	expect_status 1
	redock -q rm -f topped
	redock -q rmi hostile
}

@test "attack: names and texts of containers reach a terminal and the journal harmlessly" {
	local evil=$'\x1b]0;owned\x07"\\\n{"Type":"container"}\xff'
	redock create --name harmless --label "k=$evil" -e "E=$evil" bb sh -c "$evil" >/dev/null
	redock start harmless
	redock wait harmless >/dev/null
	for command in "ps -a --no-trunc" "ps -a --format {{.Labels}}{{.Command}}" "inspect -f {{.Config.Labels}} harmless" \
		"events --since 1h --until 0s" "events --since 1h --until 0s --format {{.Actor.Attributes}}" "inspect harmless"; do
		# shellcheck disable=SC2086 # several words
		run with_tty "$REDOCK" $command
		lacks $'\x1b]0'
		lacks $'\x07'
	done
	run redock events --since 1h --until 0s --format '{{json .}}'
	expect_status 0
	json '0' </dev/null 2>/dev/null || true
	/usr/bin/python3 -c 'import json, sys
lines = [json.loads(l) for l in sys.stdin.buffer.read().decode("utf-8", "replace").splitlines()]
assert any(l["Actor"]["Attributes"].get("name") == "harmless" for l in lines)
assert all("timeNano" in l for l in lines)' <<<"$output"
	run with_tty "$REDOCK" run --rm bb "$evil"
	lacks $'\x1b]0'
	redock -q rm harmless
}
