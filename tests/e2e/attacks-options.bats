#!/usr/bin/env bats
# Attacks by what is said on a command line and by the files that it names; the ids are SECURITY.md's.
load helper

setup_file() {
	small_instance
}

teardown_file() {
	drop_instance
}

setup() {
	baseline
	cd "$BATS_TEST_TMPDIR" || return 1
}

teardown() {
	sweep
	inv
}

@test "attack: T20 a user that looks like a number is that number, or an error, in run, exec and an image" {
	local user image="$BATS_TEST_TMPDIR/image"
	cp -a "$E2E_DIR/image" "$image"
	# names that are numbers and lead to root
	printf '1001:x:0:0::/:/bin/sh\n4294967296:x:0:0::/:/bin/sh\n' >>"$image/etc/passwd"
	printf '1001:x:0:\n' >>"$image/etc/group"
	tar -C "$image" -cf t.tar .
	redock -q import t.tar numbers
	redock run -d --name numbered numbers sleep 1000 >/dev/null
	for user in 4294967296 4294967295 18446744073709551616 0000 00 007 1e3 -1 +1 '1000 ' ' 1000' 0x0 :5 : 1000: \
		1000:4294967296 1000:00 $'user\n' $'0\n'; do
		run redock run --rm -u "$user" numbers id -u
		[ "$status" -eq 125 ] || fail "run takes '$user'" "$output"
		run redock exec -u "$user" numbered id -u
		[ "$status" -ne 0 ] || fail "exec takes '$user'" "$output"
	done
	for user in 1001 1001:1001 4294967294; do
		run redock run --rm -u "$user" numbers id -u
		is "${user%%:*}"
		run redock exec -u "$user" numbered id -u
		is "${user%%:*}"
	done
	redock commit -c 'USER 1001' numbered looks
	run redock run --rm looks id -u
	is 1001
	redock -q rm -f numbered
	redock -q rmi looks numbers
}

@test "attack: T40 the groups are the user's and no others, in run and exec, for each form of USER" {
	local user want before
	redock run -d --name grouped --group-add 3000 bb sleep 1000 >/dev/null
	for before in "0=0" "root=0" "user=1000 2000" "1000=1000 2000" "user:user=1000" "user:0=0" "1000:2000=2000" "77=0" \
		"77:88=88" "user:extra=2000" "0:0=0" "root:extra=2000"; do
		user=${before%%=*} want=${before#*=}
		run redock run --rm -u "$user" bb id -G
		is "$want"
		run redock run --rm --group-add 3000 -u "$user" bb id -G
		is "$want 3000"
		run redock exec -u "$user" grouped id -G
		is "$want 3000"
	done
	redock -q rm -f grouped
}

@test "attack: T26 thirty sysctls that are the host's or no sysctls at all" {
	local key before keys=(kernel.core_pattern=x kernel/core_pattern=x kernel.panic=1 kernel.hostname=x kernel.modprobe=/x
		kernel.shm_rmid_forced=1+kernel.core_pattern=x net.ipv4/../../kernel/core_pattern=x net/../kernel/panic=1
		net../kernel/panic=1 /proc/sys/kernel/panic=1 ../kernel/panic=1 ./kernel/panic=1 vm.swappiness=1 vm.overcommit_memory=1
		fs.file-max=9 fs.suid_dumpable=2 fs.mqueue/../file-max=9 fs.mqueue=1 dev.cdrom.debug=1 user.max_user_namespaces=9
		kernel.msgmaxx=1 kernel.sem.x=1 net.ipv4.ip_forward net.=1 net=1 "=1" "" $'net.ipv4.ip_forward=1\nkernel.panic=1'
		$'net.ipv4.ip_forward\n=1' 'net.ipv4.ip_forward =1' 'kernel .panic=1' kernel..panic=1 abi.vsyscall32=0)
	[ "${#keys[@]}" -ge 30 ]
	before=$(sysctl -a 2>/dev/null | grep -E '^(kernel\.(core_pattern|panic|hostname|modprobe|msg|sem)|vm\.(swap|over)|fs\.(file-max|suid)|user\.|abi\.)')
	for key in "${keys[@]}"; do
		run redock run --rm --network none --sysctl "$key" bb true
		[ "$status" -eq 125 ] || fail "accepted: $key" "$output"
	done
	[ "$(sysctl -a 2>/dev/null | grep -E '^(kernel\.(core_pattern|panic|hostname|modprobe|msg|sem)|vm\.(swap|over)|fs\.(file-max|suid)|user\.|abi\.)')" = "$before" ]
	run redock run --rm --sysctl net/ipv4/ip_default_ttl=42 bb cat /proc/sys/net/ipv4/ip_default_ttl
	is 42
}

@test "attack: --env-file, --label-file and --cidfile that are no plain files, or hostile ones" {
	local file
	printf 'A=1\n=x\n' >nameless
	printf 'A\0=1\n' >nul
	head -c 2000000 /dev/zero | tr '\0' a >huge
	seq 1 60000 | sed 's/.*/A&=b/' >many
	printf '\033]0;x\007 b=1\n' >escape
	for file in nameless nul huge many escape "$BATS_TEST_TMPDIR" /dev/zero nosuch; do
		run timeout 20 "$REDOCK" run --rm --env-file "$file" bb true
		[ "$status" -eq 125 ] || fail "$file" "$output"
		lacks $'\033'
		run timeout 20 "$REDOCK" run --rm --label-file "$file" bb true
		[ "$status" -eq 125 ] || fail "$file" "$output"
	done
	printf 'redock.machine=a:b\n' >ours
	run redock run --rm --label-file ours bb true
	refused 125 "redock's own"
	printf '# good\nA=1 2\n' >good
	run redock run --rm --env-file good bb sh -c 'echo "$A"'
	is "1 2"
	echo kept >there
	ln -s there link
	ln -s nosuch dangling
	mkfifo fifo
	mkdir dir
	for file in there link dangling fifo dir dir/ /dev/null; do
		run timeout 20 "$REDOCK" create --cidfile "$file" bb true
		refused 125 "exists"
	done
	run redock create --cidfile nosuch/x bb true
	expect_status 125
	[ "$(cat there)" = kept ] && [ ! -e nosuch ]
	run redock ps -aq
	is ""
	redock create --cidfile cid bb true >/dev/null
	redock -q rm "$(cat cid)"
}

@test "attack: namespaces of a container that is paused, has ended, is removed, or has the host's" {
	redock run -d --name other --ipc shareable bb sh -c 'echo shared >/dev/shm/f; exec sleep 1000' >/dev/null
	redock pause other
	run timeout 20 "$REDOCK" run --rm --pid container:other --ipc container:other bb true
	expect_status 0
	redock unpause other
	run redock run --rm --ipc container:other bb cat /dev/shm/f
	is shared
	run redock run --rm --pid container:other bb sh -c 'ps | grep -c "[s]leep 1000"'
	is 1
	redock create --name later --pid container:other bb true >/dev/null
	redock -q stop -t 0 other
	run redock run --rm --pid container:other bb true
	refused 125 "does not run"
	run redock run --rm --ipc container:other bb true
	refused 125 "does not run"
	redock -q rm other
	run redock start later
	[ "$status" -ne 0 ]
	run redock create --name self --pid container:self bb true
	expect_status 125
	redock -q rm later
	redock run -d --name hosted --pid host --ipc host bb sleep 1000 >/dev/null
	run redock run --rm --pid container:hosted --ipc container:hosted bb readlink /proc/self/ns/ipc
	is "$(readlink /proc/self/ns/ipc)"
	redock -q rm -f hosted
}

@test "attack: T33 the /dev/shm of another container is no way to what it sees of the host" {
	mkdir -p dev/pts dev/mqueue
	mknod -m 666 dev/null c 1 3
	ln -s /proc/1/root/etc dev/shm
	redock run -d --name other --pid host --ipc shareable -v "$PWD/dev:/dev" bb sleep 1000 >/dev/null
	run redock run --rm --ipc container:other bb ls /dev/shm
	expect_status 125
	redock -q rm -f other
}

@test "attack: --volumes-from of itself, of nobody, with options, read-only, of what is removed" {
	local from
	redock run --name one -v named:/a -v other:/b:ro bb true
	for from in one:z one:foo one:rw,ro one: :ro one:ro:ro nosuch ../one ""; do
		run redock create --name two --volumes-from "$from" bb true
		[ "$status" -eq 125 ] || fail "accepted: $from"
	done
	run redock create --name two --volumes-from two bb true
	expect_status 125
	redock create --name two --volumes-from one:ro bb sh -c 'echo x >/a/f || echo x >/b/f || echo refused' >/dev/null
	redock -q rm one
	run redock start -a two
	contains refused
	redock -q rm two
	redock run --rm -v named:/a --name three bb sh -c 'echo kept >/a/f'
	redock volume rm named other
}

@test "attack: seccomp profiles that are hostile or no profiles" {
	local profile
	/usr/bin/python3 - <<'PY'
import json
base = lambda **k: {"defaultAction": "SCMP_ACT_ALLOW", **k}
rule = lambda **k: base(syscalls=[{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", **k}])
bad = {
    "action": {"defaultAction": "SCMP_ACT_WISH"}, "none": {}, "list": [], "text": "x",
    "index": rule(args=[{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}]),
    "negative": rule(args=[{"index": -1, "value": 0, "op": "SCMP_CMP_EQ"}]),
    "op": rule(args=[{"index": 0, "value": 0, "op": "SCMP_CMP_WISH"}]),
    "arch": base(architectures=["SCMP_ARCH_WISH"]),
    "types": base(syscalls=5), "names": base(syscalls=[{"names": [5], "action": "SCMP_ACT_ERRNO"}]),
    "errno": rule(errnoRet=-5), "big": rule(errnoRet=1 << 40),
}
for name, profile in bad.items():
    json.dump(profile, open(f"bad-{name}.json", "w"))
open("bad-cut.json", "w").write('{"defaultAction":')
open("bad-twice.json", "w").write('{"defaultAction":"SCMP_ACT_ALLOW","defaultAction":"SCMP_ACT_ERRNO"}')
open("bad-deep.json", "w").write('{"x":' + "[" * 100000 + "]" * 100000 + "}")
json.dump(base(syscalls=[{"names": ["x%d" % i for i in range(2000000)], "action": "SCMP_ACT_ERRNO"}]), open("bad-huge.json", "w"))
json.dump(base(syscalls=[{"names": ["mkdir", "no_such_call", "mkdirat", "mkdir"], "action": "SCMP_ACT_ERRNO"}]), open("good.json", "w"))
PY
	mkfifo bad-fifo.json
	for profile in bad-*.json "$BATS_TEST_TMPDIR" /dev/zero nosuch; do
		run timeout -k 5 30 "$REDOCK" run --rm --security-opt "seccomp=$profile" bb true
		[ "$status" -eq 125 ] || fail "$profile: $status" "$output"
	done
	run redock run --rm --security-opt seccomp=good.json bb mkdir /x
	expect_status 1
}

@test "attack: state files that are damaged are named, and harm no other container" {
	local damage id
	redock run -d --name fine bb sleep 1000 >/dev/null
	id=$(redock create --name damaged bb true)
	cp "$REDOCK_ROOT/containers/$id/config.json" kept
	/usr/bin/python3 -c 'open("deep", "w").write("{\"x\":" + "[" * 100000 + "]" * 100000 + "}")
open("binary", "wb").write(bytes(range(256)) * 64)
open("list", "w").write("[]")
open("types", "w").write("{\"Id\": 5, \"Name\": [], \"Config\": \"x\", \"HostConfig\": 7}")'
	: >empty
	for damage in deep binary list types empty fifo link; do
		rm "$REDOCK_ROOT/containers/$id/config.json"
		case $damage in
		fifo) mkfifo "$REDOCK_ROOT/containers/$id/config.json" ;;
		link) ln -s /dev/zero "$REDOCK_ROOT/containers/$id/config.json" ;;
		*) cp "$damage" "$REDOCK_ROOT/containers/$id/config.json" ;;
		esac
		run timeout 20 "$REDOCK" inspect damaged
		expect_status 1
		lacks $'\033'
		run timeout 20 "$REDOCK" ps -a
		expect_status 0
		contains fine
		run timeout 20 "$REDOCK" inspect fine
		expect_status 0
	done
	rm "$REDOCK_ROOT/containers/$id/config.json"
	cp kept "$REDOCK_ROOT/containers/$id/config.json"
	run redock inspect damaged
	expect_status 0
	redock -q rm -f damaged fine
}
