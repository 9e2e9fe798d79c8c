#!/usr/bin/env bats
# Hostile bundles for redock-runtime: each ends with an error in time, or in a container that has
# reached nothing outside.  The ids are SECURITY.md's.
load helper

setup_file() {
	export RUNTIME="${REDOCK%/*}/redock-runtime"
}

setup() {
	baseline
	BUNDLE="$BATS_TEST_TMPDIR/bundle" CANARY="$BATS_TEST_TMPDIR/canary"
	mkdir -p "$BUNDLE" "$CANARY/sub"
	echo untouched >"$CANARY/file"
	CANARY_BEFORE=$(canary)
	cp -a "$E2E_DIR/image" "$BUNDLE/rootfs"
	mkdir -p "$BUNDLE/rootfs"/{proc,dev,sys,v}
	(cd "$BUNDLE" && "$RUNTIME" spec)
	sed 's/"terminal": true/"terminal": false/' "$BUNDLE/config.json" >"$BUNDLE/plain.json"
}

teardown() {
	local id
	for id in $("$RUNTIME" --root "$BATS_TEST_TMPDIR/rt" list -q); do
		"$RUNTIME" --root "$BATS_TEST_TMPDIR/rt" delete --force "$id"
	done
	inv
}

canary() {
	find "$CANARY" -printf '%P %T@ %C@ %i %m %U %G\n' | sort
	find "$CANARY" -type f -exec cat {} +
}

canary_unchanged() {
	[ "$(canary)" = "$CANARY_BEFORE" ] || fail "the canary has changed:" "$(canary)"
}

# bundle PYTHON…: runs the bundle with each statement done to its configuration `d`.
bundle() {
	/usr/bin/python3 - "$BUNDLE" "$@" <<'PY'
import json, sys
d = json.load(open(sys.argv[1] + "/plain.json"))
d["process"]["args"] = ["sh", "-c", "echo ran"]
d["root"]["readonly"] = False
def mount(destination, source=None, options=("rbind",)):
    kind = {"type": "bind", "source": source, "options": list(options)} if source else {"type": "tmpfs", "source": "tmpfs"}
    d["mounts"].append({"destination": destination, **kind})
def namespace(kind, path):
    d["linux"]["namespaces"] = [n for n in d["linux"]["namespaces"] if n["type"] != kind] + [{"type": kind, "path": path}]
def device(path="/dev/q", type="c", major=1, minor=3):
    d["linux"].setdefault("devices", []).append({"path": path, "type": type, "major": major, "minor": minor})
def hook(**h):
    d["hooks"] = {"createRuntime": [{"path": "/bin/true", **h}]}
for code in sys.argv[2:]:
    exec(code)
json.dump(d, open(sys.argv[1] + "/config.json", "w"))
PY
	again
}

# The bundle as it is.
again() {
	run timeout -k 5 30 "$RUNTIME" --root "$BATS_TEST_TMPDIR/rt" run -b "$BUNDLE" hostile
	[[ $status != 124 && $status != 137 ]] || fail "it hangs"
	[ "$status" -lt 128 ] || fail "it died: $output"
}

runs() {
	bundle "$@"
	[ "$status" -eq 0 ] || fail "refused: $*" "$output"
}

# An error of ours, and no trace of a container.
refuses() {
	bundle "$@"
	[ "$status" -eq 1 ] || fail "accepted: $*" "$output"
	[[ $output =~ "redock-runtime: cannot "(create|start)" container 'hostile': " ]] || fail "$output"
	lacks $'\x1b'
	[ -z "$("$RUNTIME" --root "$BATS_TEST_TMPDIR/rt" list -q)" ]
}

@test "attack: T06 what is mounted on a file of /proc does not get what is meant for that file" {
	local pattern ttl='d["linux"]["sysctl"] = {"net.ipv4.ip_default_ttl": "42"}
d["process"]["args"] = ["cat", "/proc/sys/net/ipv4/ip_default_ttl"]'
	pattern=$(cat /proc/sys/kernel/core_pattern)
	refuses "$ttl" 'mount("/proc/sys/net/ipv4/ip_default_ttl", "/proc/sys/kernel/core_pattern", ["bind"])'
	[ "$(cat /proc/sys/kernel/core_pattern)" = "$pattern" ]
	mkdir -p "$BATS_TEST_TMPDIR/fake/net/ipv4" "$BATS_TEST_TMPDIR/fake/attr"
	echo fake >"$BATS_TEST_TMPDIR/fake/net/ipv4/ip_default_ttl"
	echo fake >"$BATS_TEST_TMPDIR/fake/oom_score_adj"
	refuses "$ttl" "mount('/proc/sys', '$BATS_TEST_TMPDIR/fake')"
	refuses 'd["process"]["oomScoreAdj"] = 500' "mount('/proc/self', '$BATS_TEST_TMPDIR/fake')"
	refuses 'd["process"]["apparmorProfile"] = "x"' 'mount("/proc/self/attr")'
	refuses 'd["process"]["selinuxLabel"] = "x"' 'mount("/proc/self/attr")'
	[ "$(cat "$BATS_TEST_TMPDIR/fake/oom_score_adj" "$BATS_TEST_TMPDIR/fake/net/ipv4/ip_default_ttl")" = $'fake\nfake' ]
	runs "$ttl"
	is 42
	runs 'd["process"]["oomScoreAdj"] = 500' 'd["process"]["args"] = ["cat", "/proc/self/oom_score_adj"]'
	is 500
	# a file with the host's figures, as LXCFS brings them, is a mount like any other
	runs "mount('/proc/uptime', '$BATS_TEST_TMPDIR/fake/oom_score_adj', ['bind'])" 'd["process"]["args"] = ["cat", "/proc/uptime"]'
	is fake
}

@test "attack: T09 mounts onto and through /proc, '..' and links of the image stay inside" {
	local place
	ln -s "$CANARY" "$BUNDLE/rootfs/out1"
	ln -s ../../../../../../../../../../"$CANARY" "$BUNDLE/rootfs/out2"
	ln -s /proc/self/root "$BUNDLE/rootfs/out3"
	ln -s /v "$BUNDLE/rootfs/good"
	for place in /proc/self/root/tmp/x /proc/1/root/tmp/x /proc/self/cwd/x /proc/self/fd/3 /proc/self/exe /proc/1/ns/mnt \
		/../../x /v/../../x /out3/tmp/x; do
		bundle "mount('$place')"
		bundle "mount('$place', '/etc')"
	done
	for place in /out1 /out2 /out1/sub /out2/made /out1/sub/../made /proc/self /proc/1/fd /proc/sys . / //; do
		bundle "mount('$place')"
		bundle "mount('$place', '$E2E_DIR/image/data')" "device(path='$place/q')"
		canary_unchanged
	done
	[ ! -e /tmp/x ] && [ ! -e /x ]
	runs 'mount("/good/data", "'"$E2E_DIR"'/image/data")' 'd["process"]["args"] = ["cat", "/v/data/file"]'
	is "from the image"
	canary_unchanged
}

@test "attack: T04 masked and read-only paths through links and '..' cover what is inside" {
	ln -s "$CANARY/file" "$BUNDLE/rootfs/link"
	ln -s /data "$BUNDLE/rootfs/good"
	for kind in maskedPaths readonlyPaths; do
		bundle "d['linux']['$kind'] = ['/link', '/../../../etc', '/proc/self/root/etc', '/proc/self/exe']"
		bundle "d['linux']['$kind'] = ['/link', '/link/x', '/../../..$CANARY']"
		refuses "d['linux']['$kind'] = ['etc']"
		refuses "d['linux']['$kind'] = ['/x'] * 100000"
		canary_unchanged
	done
	[ "$(cat "$CANARY/file")" = untouched ]
	runs 'd["linux"]["maskedPaths"] = ["/good"]' 'd["process"]["args"] = ["ls", "/data"]'
	is ""
}

@test "attack: a root that is a link, a file, the host's or none" {
	local path
	ln -s "$BUNDLE/rootfs" "$BUNDLE/link"
	runs 'd["root"]["path"] = "link"'
	is ran
	runs 'd["root"]["path"] = "link/../rootfs"'
	for path in /nonexistent /etc/passwd rootfs/bin/busybox ../../../../../../nonexistent $'rootfs\n' "$(printf 'a%.0s' {1..5000})"; do
		refuses "d['root']['path'] = '''$path'''"
	done
	# what is given is what is taken, without anything of the host's changed by it
	bundle "d['root']['path'] = '$CANARY'"
	[ "$status" -ne 0 ]
	[ "$(cat "$CANARY/file")" = untouched ]
	refuses 'd["root"] = {}'
	refuses 'd["root"]["path"] = 5'
}

@test "attack: hooks, namespaces and control groups by paths that are none" {
	local path
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	for path in sh ./true ../../bin/true "" /nonexistent /tmp; do
		refuses "hook(path='$path')"
	done
	refuses 'hook(timeout=0)'
	refuses 'hook(timeout=-1)'
	refuses 'hook(timeout=1 << 40)'
	refuses 'hook(args="x")'
	runs 'hook(args=["true"], env=["A=b"], timeout=20)'
	for path in /etc/passwd /dev/zero /tmp "$BATS_TEST_TMPDIR/fifo" /proc/self/root /nonexistent relative /proc/self/ns/uts; do
		refuses "namespace('network', '$path')"
		refuses "namespace('mount', '$path')"
		refuses "namespace('pid', '$path')"
		refuses "namespace('user', '$path')"
	done
	runs 'namespace("network", "/proc/self/ns/net")'
	refuses 'd["linux"]["namespaces"].append({"type": "pid"})'
	refuses 'd["linux"]["namespaces"].append({"type": "nosuch"})'
	refuses 'd["linux"]["namespaces"] = []'
	for path in ../../x /../../x a/../../../../x / .. /x/../.. // '/x\ny' '\x1b'; do
		refuses "d['linux']['cgroupsPath'] = '$path'"
	done
	refuses 'd["linux"]["cgroupsPath"] = "a" * 5000'
	runs 'd["linux"]["cgroupsPath"] = "/redock-e2e-attack"'
}

@test "attack: devices of odd types, numbers and places" {
	local odd
	for odd in type='"x"' type='""' type='"cc"' type=5 type=None major=-1 major='1 << 40' minor='1 << 40' major=1.5 \
		major='"1"' 'major=10 ** 30' path='"q"' path='"../q"' path='"/"' path=5; do
		refuses "device($odd)"
	done
	refuses 'for i in range(100000): device("/dev/q%d" % i)'
	ln -s "$CANARY" "$BUNDLE/rootfs/away"
	for odd in /away/q /../../q /dev/../../q /proc/self/root/q /dev/pts/../../q; do
		bundle "device('$odd')"
		canary_unchanged
	done
	[ ! -e /q ]
	runs 'device()' 'd["process"]["args"] = ["stat", "-c", "%F %t %T", "/dev/q"]'
	is "character special file 1 3"
}

@test "attack: T21 names with line breaks, numbers that overflow, documents that are none" {
	local number
	refuses 'd["hostname"] = "a\nb"'
	refuses 'd["hostname"] = "\x1b[31m"'
	refuses 'd["domainname"] = "a\rb"'
	refuses 'd["hostname"] = "a" * 65'
	refuses 'd["hostname"] = "a\0b"'
	runs 'd["hostname"] = "fine"' 'd["process"]["args"] = ["hostname"]'
	is fine
	for number in -1 '1 << 32' '1 << 63' '1 << 70' '-(1 << 70)' 0.5 '"0"' None '[]'; do
		bundle "d['process']['user']['uid'] = $number"
		[ "$status" -eq 1 ] || [ "$number" = None ] || fail "uid $number"
		bundle "d['process']['rlimits'] = [{'type': 'RLIMIT_NOFILE', 'soft': $number, 'hard': $number}]"
		bundle "d['linux']['resources'] = {'memory': {'limit': $number}, 'pids': {'limit': $number}, 'cpu': {'quota': $number, 'period': $number}}"
		bundle "d['process']['oomScoreAdj'] = $number"
		bundle "mount('/v'); d['mounts'][-1]['options'] = ['size=' + str($number)]"
	done
	refuses 'd["process"]["user"]["additionalGids"] = list(range(100000))'
	refuses 'd["process"]["args"] = ["x"] * 1000000'
	refuses 'd["process"]["cwd"] = "relative"'
	refuses 'd["process"]["args"] = ["\x1b]0;owned\x07"]'
	documents
}

documents() {
	/usr/bin/python3 - "$BUNDLE" <<'PY'
import json, sys
d = open(sys.argv[1] + "/plain.json").read()
make = {
    "twice": d.replace('"ociVersion"', '"root":{"path":"/"},"ociVersion"', 1),
    "deep": d.rstrip()[:-1] + ',"x":' + "[" * 200000 + "]" * 200000 + "}",
    "deep2": d.rstrip()[:-1] + ',"x":' + '{"a":' * 200000 + "1" + "}" * 200000 + "}",
    "huge": d.rstrip()[:-1] + ',"x":"' + "y" * (64 << 20) + '"}',
    "empty": "", "null": "null", "list": "[]", "cut": d[:len(d) // 2], "more": d + "{}",
}
for name, text in make.items():
    open(f"{sys.argv[1]}/{name}.json", "w").write(text)
PY
	local name
	for name in twice deep deep2 huge empty null list cut more; do
		mv "$BUNDLE/$name.json" "$BUNDLE/config.json"
		again
		[ "$status" -eq 1 ] || fail "accepted: $name"
		contains "cannot create container"
	done
	rm "$BUNDLE/config.json"
	mkfifo "$BUNDLE/config.json"
	again
	expect_status 1
	rm "$BUNDLE/config.json"
	ln -s /dev/zero "$BUNDLE/config.json"
	again
	expect_status 1
	rm "$BUNDLE/config.json"
	ln -s plain.json "$BUNDLE/config.json"
	again
	expect_status 0
}
