#!/usr/bin/env bats
# redock-runtime by itself, as an OCI runtime's callers use it, and under Docker and Podman. What is
# asked of it here is what the public conformance suites ask (docs/conformance.md).
load helper

setup_file() {
	export RUNTIME="${REDOCK%/*}/redock-runtime" BUNDLES="$E2E_DIR/bundles"
	mkdir -p "$BUNDLES"
}

setup() {
	baseline
	ROOT="$BATS_TEST_TMPDIR/root"
	BUNDLE="$BATS_TEST_TMPDIR/bundle"
	mkdir -p "$BUNDLE"
	cp -a "$E2E_DIR/image" "$BUNDLE/rootfs"
	mkdir -p "$BUNDLE/rootfs"/{proc,dev,sys}
	(cd "$BUNDLE" && "$RUNTIME" spec)
	edit 'd["process"]["terminal"] = False'
	DOCKERD=
}

teardown() {
	local id
	stop_dockerd
	for id in $(rt list -q); do
		rt delete --force "$id"
	done
	inv
}

# The one that this test has started; also when the test has failed.
stop_dockerd() {
	[ -n "$DOCKERD" ] || return 0
	kill -TERM "$DOCKERD" 2>/dev/null || true
	wait_gone 30 "$DOCKERD"
	DOCKERD=
	find /sys/fs/cgroup -depth -type d -path "*/redock-${E2E_DIR##*/}-docker*" -exec rmdir {} + 2>/dev/null || true
}

# The runtime on this test's own root.
rt() {
	timeout 60 "$RUNTIME" --root "$ROOT" "$@"
}

# edit PYTHON: changes the bundle's configuration `d`.
edit() {
	/usr/bin/python3 - "$BUNDLE/config.json" "$1" <<'PY'
import json, sys
d = json.load(open(sys.argv[1]))
exec(sys.argv[2])
json.dump(d, open(sys.argv[1], "w"))
PY
}

# program TEXT: what the container runs.
program() {
	edit "d['process']['args'] = ['sh', '-c', '''$1''']"
}

status_of() {
	rt state "$1" | json 'd["status"]'
}

# Waits for the end of a container's process.
ended() {
	wait_gone 20 "$1"
}

@test "run gives the program's output and exit status, and leaves nothing" {
	program 'echo from inside; exit 7'
	run rt run -b "$BUNDLE" one
	expect_status 7
	is "from inside"
	run rt list -q
	is ""
}

@test "create, start, state, kill, delete: the life of a container" {
	program 'exec sleep 1000'
	rt create -b "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" life </dev/null >/dev/null
	[ "$(status_of life)" = created ]
	[ "$(rt state life | json 'd["pid"]')" = "$(cat "$BATS_TEST_TMPDIR/pid")" ]
	[ "$(rt state life | json 'd["bundle"]')" = "$BUNDLE" ]
	[ "$(rt state life | json 'd["ociVersion"]')" = "1.2.0" ]
	rt start life
	[ "$(status_of life)" = running ]
	run rt delete life
	expect_status 1
	contains "is running: it cannot be deleted"
	rt kill life KILL
	ended "$(cat "$BATS_TEST_TMPDIR/pid")"
	[ "$(status_of life)" = stopped ]
	run rt kill life TERM
	expect_status 1
	rt delete life
	run rt state life
	expect_status 1
	contains "does not exist"
}

@test "the program runs once, with start, and not with create" {
	mkdir "$BUNDLE/rootfs/mark"
	program 'echo x >>/mark/log; exec sleep 1000'
	edit 'd["root"]["readonly"] = False'
	rt create -b "$BUNDLE" once </dev/null >/dev/null
	[ ! -e "$BUNDLE/rootfs/mark/log" ]
	rt start once
	run rt start once
	expect_status 1
	contains "cannot be started"
}

@test "an id is taken once, and must be a name" {
	program 'exec sleep 1000'
	rt create -b "$BUNDLE" same </dev/null >/dev/null
	run rt create -b "$BUNDLE" same
	expect_status 1
	contains "exists already"
	for id in ../up . .. a/b '' "$(printf 'x%.0s' {1..300})"; do
		run rt create -b "$BUNDLE" -- "$id"
		expect_status 1
	done
}

@test "a change of the configuration after create comes too late" {
	program 'echo first'
	rt create -b "$BUNDLE" late </dev/null >"$BATS_TEST_TMPDIR/out"
	local pid
	pid=$(rt state late | json 'd["pid"]')
	program 'echo second'
	rt start late
	ended "$pid"
	[ "$(cat "$BATS_TEST_TMPDIR/out")" = first ]
}

@test "what the specification calls an error is one, and makes nothing" {
	local change
	for change in 'd["process"]["rlimits"] = [{"type": "RLIMIT_TEST", "soft": 1, "hard": 1}]' \
		'd["process"]["cwd"] = "relative"' 'd["process"]["args"] = []' 'del d["root"]' \
		'd["ociVersion"] = "2.0.0"' 'del d["ociVersion"]' 'd["process"]["user"]["uid"] = "0"' \
		'd["linux"]["namespaces"].append({"type": "nosuch"})' \
		'd["linux"]["namespaces"].append({"type": "pid"})' \
		'd["linux"]["namespaces"][0]["path"] = "/proc/1/ns/net"' \
		'd["root"]["path"] = "nosuch"' 'd["linux"]["sysctl"] = {"kernel.shm_rmid_forced": "1\nx"}' \
		'd["linux"]["rootfsPropagation"] = "sideways"' 'd["mounts"] = [{"destination": "/x"}]' \
		'd["hooks"] = {"prestart": [{"path": "relative"}]}' \
		'd["linux"]["resources"]["network"] = {"classID": 5}'; do
		cp "$BUNDLE/config.json" "$BUNDLE/keep"
		edit "$change"
		run rt create -b "$BUNDLE" bad
		[ "$status" -eq 1 ] || fail "accepted: $change"
		mv "$BUNDLE/keep" "$BUNDLE/config.json"
		run rt list -q
		is ""
	done
}

@test "a capability that the kernel does not know is a warning" {
	program 'echo fine'
	edit 'd["process"]["capabilities"]["bounding"].append("CAP_TEST")'
	run rt run -b "$BUNDLE" capability
	expect_status 0
	contains "warning: there is no capability 'CAP_TEST'"
	contains fine
}

@test "a limit that no kernel has any more is a warning, not silence" {
	program true
	edit 'd["linux"]["resources"]["memory"] = {"kernel": 1 << 26, "limit": 1 << 27}'
	run rt run --bundle "$BUNDLE" one
	expect_status 0
	contains "warning: "
	contains "linux.resources.memory.kernel"
}

@test "what nobody knows in a configuration is no error" {
	program 'echo fine'
	edit 'd["unknown"] = {"x": 1}; d["linux"]["unknown"] = 5'
	run rt run -b "$BUNDLE" unknown
	expect_status 0
	is fine
}

@test "each hook runs at its time, with the state on stdin" {
	local log="$BATS_TEST_TMPDIR/log" dir="$BATS_TEST_TMPDIR"
	program 'exec sleep 1000'
	edit "
def hook(name, where):
    return [{'path': '/bin/sh', 'args': ['sh', '-c', 'echo ' + name + ' >>' + where + '; cat >' + where + '.' + name]}]
d['hooks'] = {n: hook(n, '$log') for n in ('prestart', 'createRuntime', 'createContainer', 'poststart', 'poststop')}"
	rt create -b "$BUNDLE" hooked </dev/null >/dev/null
	[ "$(tr '\n' ' ' <"$log")" = "prestart createRuntime createContainer " ]
	[ "$(json 'd["status"], d["id"], d["pid"] > 0' <"$log.createRuntime")" = "('creating', 'hooked', True)" ]
	rt start hooked
	[ "$(json 'd["status"]' <"$log.poststart")" = running ]
	rt delete --force hooked
	[ "$(json 'd["status"]' <"$log.poststop")" = stopped ]
	[ "$(tail -n 1 "$log")" = poststop ]
	[ -d "$dir" ]
}

@test "a hook that fails or takes too long stops the container" {
	local name
	program 'exec sleep 1000'
	for name in prestart createRuntime createContainer; do
		edit "d['hooks'] = {'$name': [{'path': '/bin/false'}]}"
		run rt create -b "$BUNDLE" failing
		expect_status 1
		contains "$name hook failed with exit code 1"
	done
	edit "d['hooks'] = {'createRuntime': [{'path': '/bin/sleep', 'args': ['sleep', '1000'], 'timeout': 1}]}"
	run rt create -b "$BUNDLE" failing
	expect_status 1
	contains "was not done after 1 s"
	edit "d['hooks'] = {'poststop': [{'path': '/bin/false'}]}"
	program 'exit 0'
	run rt run -b "$BUNDLE" failing
	expect_status 0
	contains "warning: poststop hook failed"
	run rt list -q
	is ""
}

@test "the process is who and what the configuration says" {
	edit 'd["process"]["user"] = {"uid": 1000, "gid": 2000, "additionalGids": [5, 6], "umask": 63}
d["process"]["capabilities"] = {k: ["CAP_KILL"] for k in ("bounding", "effective", "permitted")}
d["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}]
d["process"]["oomScoreAdj"] = 500
d["process"]["cwd"] = "/made/for/it"
d["hostname"] = "named"'
	program 'id -u; id -G; umask; ulimit -n; pwd; hostname; cat /proc/self/oom_score_adj
grep -E "^(CapBnd|CapPrm|NoNewPrivs)" /proc/self/status | tr -d "\\t"'
	run rt run -b "$BUNDLE" who
	expect_status 0
	is "1000
2000 5 6
0077
100
/made/for/it
named
500
CapPrm:0000000000000000
CapBnd:0000000000000020
NoNewPrivs:1"
}

@test "mounts, devices, masked and read-only paths are there" {
	edit 'd["mounts"].append({"destination": "/new/dir", "type": "tmpfs", "options": ["size=64k", "noexec", "ro"]})
d["mounts"].append({"destination": "/bound", "source": "'"$BUNDLE"'", "options": ["bind", "ro"]})
d["linux"]["devices"] = [{"path": "/dev/extra", "type": "c", "major": 1, "minor": 3, "fileMode": 0o640, "uid": 3, "gid": 4}]
d["linux"]["maskedPaths"] = ["/etc/passwd", "/home"]
d["linux"]["readonlyPaths"] = ["/tmp"]
d["root"]["readonly"] = False'
	program 'grep -c " /new/dir tmpfs ro.*noexec" /proc/mounts; ls /bound; touch /bound/x /tmp/x 2>&1 | grep -c Read-only
stat -c "%t:%T %a %u %g" /dev/extra; wc -c </etc/passwd; ls /home | wc -l; ls /dev | sort | tr "\\n" " "'
	run rt run -b "$BUNDLE" mounts
	expect_status 0
	is "1
config.json
rootfs
2
1:3 640 3 4
0
0
extra fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero "
}

@test "a device that the list of devices does not allow cannot be opened" {
	[ -c /dev/kmsg ] || skip "no /dev/kmsg"
	edit 'd["linux"]["devices"] = [{"type": "c", "path": "/dev/kmsg", "major": 1, "minor": 11}]'
	edit 'd["linux"].setdefault("resources", {})["devices"] = [{"allow": False, "access": "rwm"}]'
	program ': >/dev/kmsg'
	run rt run -b "$BUNDLE" closed
	[ "$status" -ne 0 ]
	contains "not permitted"
	edit 'd["linux"]["resources"]["devices"].append({"allow": True, "type": "c", "major": 1, "minor": 11, "access": "w"})'
	run rt run -b "$BUNDLE" open
	expect_status 0
}

@test "systemd's control groups are refused where systemd does not rule them" {
	[ ! -d /run/systemd/system ] || [ "$(stat -fc %T /sys/fs/cgroup)" != cgroup2fs ] ||
		skip "systemd rules them"
	run rt --systemd-cgroup run -b "$BUNDLE" scope
	expect_status 1
	contains "control groups are not systemd's here"
	run rt list -q
	is ""
}

@test "the agent of a filter that notifies gets its descriptor and the process's state" {
	local agent="$BATS_TEST_TMPDIR/agent"
	edit "d['linux']['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW', 'listenerPath': '$agent',
		'listenerMetadata': 'to whom it may concern',
		'syscalls': [{'names': ['mkdir', 'mkdirat'], 'action': 'SCMP_ACT_NOTIFY'}]}"
	program 'mkdir /tmp/new; echo $?; exec cat'
	/usr/bin/python3 - "$agent" >"$BATS_TEST_TMPDIR/heard" <<'PY' &
import array, json, os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(1)
s.settimeout(60)
c = s.accept()[0]
text, control, _, _ = c.recvmsg(65536, socket.CMSG_SPACE(4))
fds = array.array("i", control[0][2])
j = json.loads(text)
print(j["fds"], j["metadata"], j["state"]["id"], j["state"]["status"], j["pid"] == j["state"]["pid"],
      os.readlink(f"/proc/self/fd/{fds[0]}"), flush=True)
PY
	agent_pid=$!
	timeout 20 bash -c 'until [ -S "$1" ]; do :; done' - "$agent"
	rt run -d -b "$BUNDLE" told </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1
	wait "$agent_pid"
	run cat "$BATS_TEST_TMPDIR/heard"
	is "['seccompFd'] to whom it may concern told created True anon_inode:seccomp notify"
	rt delete --force told
	# nobody would answer
	edit "del d['linux']['seccomp']['listenerPath'], d['linux']['seccomp']['listenerMetadata']"
	run rt run -b "$BUNDLE" told
	expect_status 1
	contains "SCMP_ACT_NOTIFY needs a listenerPath"
}

@test "startContainer hooks may do no more than the container's process" {
	mkdir "$BUNDLE/rootfs/mark"
	edit 'd["root"]["readonly"] = False
d["process"]["noNewPrivileges"] = True
d["process"]["capabilities"] = {k: ["CAP_KILL"] for k in ("bounding", "effective", "permitted")}
d["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c",
	"grep -E \"NoNewPrivs|CapBnd|CapEff\" /proc/self/status >/mark/hook"]}]}'
	program 'cat /mark/hook'
	run rt run -b "$BUNDLE" hooked
	expect_status 0
	contains "$(printf 'CapEff:\t0000000000000020')"
	contains "$(printf 'CapBnd:\t0000000000000020')"
	contains "$(printf 'NoNewPrivs:\t1')"
}

@test "scheduler, I/O priority and CPUs are the process's" {
	edit 'd["process"]["scheduler"] = {"policy": "SCHED_BATCH", "nice": 7}
d["process"]["ioPriority"] = {"class": "IOPRIO_CLASS_BE", "priority": 6}
d["process"]["execCPUAffinity"] = {"initial": "0", "final": "0"}'
	program 'exec sleep 1000'
	rt run -d -b "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" late </dev/null >/dev/null
	local pid
	pid=$(cat "$BATS_TEST_TMPDIR/pid")
	run chrt -p "$pid"
	contains SCHED_BATCH
	run ionice -p "$pid"
	is "best-effort: prio 6"
	[ "$(ps -o ni= -p "$pid" | tr -d ' ')" = 7 ]
	# those of execCPUAffinity are for processes of exec alone
	[ "$(sed -n 's/^Cpus_allowed_list:\t//p' "/proc/$pid/status")" = \
		"$(sed -n 's/^Cpus_allowed_list:\t//p' /proc/self/status)" ]
	run rt exec late grep Cpus_allowed_list: /proc/self/status
	is "$(printf 'Cpus_allowed_list:\t0')"
	edit 'd["process"]["scheduler"] = {"policy": "SCHED_BATCH", "priority": 7}'
	run rt run -b "$BUNDLE" wrong
	expect_status 1
	contains "has a priority, which its policy has not"
}

@test "what is asked for and cannot be had is an error" {
	local member
	for member in 'linux"]["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "0"}' \
		'linux"]["netDevices"] = {"eth7": {}}' \
		'linux"]["intelRdt"] = {"closID": "x"}' \
		'linux"]["resources"]["rdma"] = {"mlx5_1": {"hcaHandles": 3}}' \
		'linux"]["resources"]["network"] = {"classID": 7}'; do
		cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/good.json"
		edit "d[\"$member"
		run rt run -b "$BUNDLE" refused
		expect_status 1
		contains "not supported"
		mv "$BATS_TEST_TMPDIR/good.json" "$BUNDLE/config.json"
	done
}

@test "exec runs one more process: its status, user, variables, directory" {
	program 'exec sleep 1000'
	rt run -d -b "$BUNDLE" more </dev/null >/dev/null
	run rt exec -e A=b --user 1000:2000 --cwd /tmp more sh -c 'echo $A; id -u; id -g; pwd; exit 3'
	expect_status 3
	is "b
1000
2000
/tmp"
	run -127 rt exec more nosuch
	contains "executable file not found"
	run rt exec --cap CAP_TEST more true
	expect_status 255
	run rt exec --cwd /nosuch more true
	expect_status 255
	echo '{"args": ["sh", "-c", "echo by file"], "cwd": "/", "env": ["PATH=/bin"]}' >"$BATS_TEST_TMPDIR/process"
	run rt exec --process "$BATS_TEST_TMPDIR/process" more
	expect_status 0
	is "by file"
}

@test "pause, resume, ps, update, events" {
	[ -d /sys/fs/cgroup/freezer ] || [ -e /sys/fs/cgroup/cgroup.controllers ] || skip "no control groups"
	program 'exec sleep 1000'
	rt run -d -b "$BUNDLE" group </dev/null >/dev/null
	rt pause group
	[ "$(status_of group)" = paused ]
	run rt exec group true
	expect_status 255
	contains "is paused"
	rt resume group
	[ "$(status_of group)" = running ]
	[ "$(rt ps -f json group)" = "[$(rt state group | json 'd["pid"]')]" ]
	rt update --pids-limit 77 group
	[ "$(rt events --stats group | json 'd["data"]["pids"]["limit"]')" = 77 ]
	echo '{"pids": {"limit": 66}}' | rt update -r - group
	[ "$(rt events --stats group | json 'd["data"]["pids"]["limit"]')" = 66 ]
	rt pause group
	rt delete --force group
}

@test "namespaces by path are entered, and their type is checked" {
	program 'exec sleep 1000'
	rt run -d -b "$BUNDLE" first </dev/null >/dev/null
	local pid
	pid=$(rt state first | json 'd["pid"]')
	program 'readlink /proc/self/ns/ipc; readlink /proc/self/ns/net; ps | grep -c "sleep 1000"'
	edit "
for n in d['linux']['namespaces']:
    kind = {'ipc': 'ipc', 'network': 'net', 'pid': 'pid'}.get(n['type'])
    if kind: n['path'] = '/proc/$pid/ns/' + kind"
	run rt run -b "$BUNDLE" second
	expect_status 0
	contains "$(readlink "/proc/$pid/ns/ipc")"
	contains "$(readlink "/proc/$pid/ns/net")"
}

@test "a user namespace has its maps, and a root of its own" {
	edit 'd["linux"]["namespaces"].append({"type": "user"})
d["linux"]["uidMappings"] = d["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
d["linux"]["resources"] = {}'
	program 'id -u; tr -s " " </proc/self/uid_map; echo >/dev/null && echo null works'
	chmod 755 "$BATS_TEST_TMPDIR" "$BUNDLE"
	run rt run -b "$BUNDLE" mapped
	expect_status 0
	is "0
 0 100000 65536
null works"
}

@test "a terminal's master goes to the console socket" {
	edit 'd["process"]["terminal"] = True'
	program 'tty; stty size'
	edit 'd["process"]["consoleSize"] = {"height": 33, "width": 77}'
	run rt create -b "$BUNDLE" tty
	expect_status 1
	contains "nobody gets its master"
	/usr/bin/python3 - "$RUNTIME" "$ROOT" "$BUNDLE" "$BATS_TEST_TMPDIR/console" >"$BATS_TEST_TMPDIR/out" <<'PY'
import os, socket, subprocess, sys
runtime, root, bundle, path = sys.argv[1:]
s = socket.socket(socket.AF_UNIX)
s.bind(path)
s.listen(1)
subprocess.check_call([runtime, "--root", root, "create", "-b", bundle, "--console-socket", path, "tty"])
conn, _ = s.accept()
_, fds, _, _ = socket.recv_fds(conn, 100, 1)
subprocess.check_call([runtime, "--root", root, "start", "tty"])
text = b""
try:
    while True:
        block = os.read(fds[0], 1000)
        if not block:
            break
        text += block
except OSError:
    pass
sys.stdout.write(text.decode())
PY
	run tr -d '\r' <"$BATS_TEST_TMPDIR/out"
	is "/dev/pts/0
33 77"
}

@test "only the descriptors that are given on arrive" {
	program 'ls /proc/self/fd | tr "\\n" " "; cat <&3'
	echo third >"$BATS_TEST_TMPDIR/three"
	run rt run -b "$BUNDLE" --preserve-fds 1 fds 3<"$BATS_TEST_TMPDIR/three" 7</etc/passwd </dev/null
	expect_status 0
	is "0 1 2 3 4 third"
}

@test "a filter of the configuration's own is in force" {
	edit 'd["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
    {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}
d["root"]["readonly"] = False'
	program 'mkdir /tmp/x; grep ^Seccomp: /proc/self/status'
	run rt run -b "$BUNDLE" filtered
	contains "No space left"
	contains "Seccomp:	2"
}

@test "T02: nobody in a container can open the runtime's file for writing" {
	local before pid
	before=$(sha256sum <"$RUNTIME")
	program 'exec sleep 1000'
	rt create -b "$BUNDLE" waits </dev/null >/dev/null
	pid=$(rt state waits | json 'd["pid"]')
	# What a container would reach of us is a file that no one can write to.
	[ "$(readlink "/proc/$pid/exe")" != /bin/busybox ]
	/usr/bin/python3 -c 'import os, sys
sys.exit(not os.statvfs(sys.argv[1]).f_flag & os.ST_RDONLY)' "/proc/$pid/exe"
	program 'for p in /proc/[0-9]*; do (: >>$p/exe) 2>/dev/null && echo written; done; true'
	run rt run -b "$BUNDLE" writer
	lacks written
	[ "$(sha256sum <"$RUNTIME")" = "$before" ]
}

@test "errors go to the log in its format, and to stderr" {
	run rt --log "$BATS_TEST_TMPDIR/log" --log-format json state nosuch
	expect_status 1
	[ "$(json 'd["level"], d["msg"]' <"$BATS_TEST_TMPDIR/log")" = "('error', \"container 'nosuch' does not exist\")" ]
	contains "does not exist"
}

@test "features and spec are what a caller can rely on" {
	[ "$(rt features | json 'd["ociVersionMax"], "createRuntime" in d["hooks"], "rbind" in d["mountOptions"]')" = "('1.2.0', True, True)" ]
	mkdir "$BATS_TEST_TMPDIR/rootless"
	rt spec --rootless -b "$BATS_TEST_TMPDIR/rootless"
	json '{"type": "user"} in d["linux"]["namespaces"]' <"$BATS_TEST_TMPDIR/rootless/config.json" | grep -q True
	run rt spec --bundle "$BUNDLE"
	expect_status 1
	contains "is there already"
}

@test "docker run --runtime redock: run, exec, stop and a limit of memory" {
	command -v dockerd >/dev/null || skip "no dockerd on this host"
	local dir="$BATS_TEST_TMPDIR/docker" group=redock-${E2E_DIR##*/}-docker
	mkdir "$dir"
	DOCKERD=$(/usr/bin/python3 "$TOP/tests/e2e/notify-wait.py" 60 dockerd --data-root "$dir/data" \
		--exec-root "$dir/exec" --pidfile "$dir/pid" -H "unix://$dir/socket" --bridge none \
		--iptables=false --ip6tables=false --storage-driver vfs --cgroup-parent "/$group" \
		--add-runtime "redock=$RUNTIME" 2>"$dir/log" 3>&-)
	engine() {
		timeout 60 docker -H "unix://$dir/socket" "$@"
	}
	engine import - bb <"$E2E_DIR/image.tar" >/dev/null
	run engine run --rm --runtime redock --network none bb sh -c 'echo by docker; exit 4'
	expect_status 4
	is "by docker"
	run -127 engine run --rm --runtime redock --network none bb nosuch
	engine run -d --name held --runtime redock --network none -m 64m bb sh -c 'trap "exit 3" TERM; read -r x </in' >/dev/null
	run engine exec held cat /sys/fs/cgroup/memory/memory.limit_in_bytes
	[ ! -d /sys/fs/cgroup/memory ] || is 67108864
	engine stop -t 10 held >/dev/null
	[ "$(engine inspect -f '{{.State.Status}}' held)" = exited ]
	engine restart -t 0 held >/dev/null
	run engine exec -u 1000 -w /tmp -e X=y held sh -c 'id -u; pwd; echo $X'
	is $'1000\n/tmp\ny'
	engine pause held >/dev/null
	[ "$(engine inspect -f '{{.State.Status}}' held)" = paused ]
	engine unpause held >/dev/null
	engine rm -f held >/dev/null
	mkdir "$BATS_TEST_TMPDIR/bound"
	run engine run --name told --runtime redock --network none --cpus 0.5 --pids-limit 50 \
		-v "$BATS_TEST_TMPDIR/bound:/bound" bb sh -c 'echo told >/bound/word; echo said; cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null; true'
	contains 50
	run engine logs told
	contains said
	[ "$(cat "$BATS_TEST_TMPDIR/bound/word")" = told ]
	engine rm told >/dev/null
	run with_tty timeout 60 docker -H "unix://$dir/socket" run --rm -it --runtime redock --network none bb tty
	contains /dev/pts/0
	engine run -d --name checked --runtime redock --network none --health-cmd 'true' --health-interval 1s bb sleep 1000 >/dev/null
	timeout 30 docker -H "unix://$dir/socket" events --since 0 --filter event=health_status --format '{{.Status}}' 3>&- | grep -m 1 -q healthy
	engine rm -f checked >/dev/null
	stop_dockerd
}

@test "podman --runtime redock-runtime: run and exec" {
	command -v podman >/dev/null || skip "no podman on this host"
	local dir="$E2E_DIR/p" # a runroot has at most 50 characters
	engine() {
		timeout 60 podman --root "$dir/root" --runroot "$dir/run" --tmpdir "$dir/tmp" --storage-driver vfs \
			--cgroup-manager cgroupfs --events-backend file --runtime "$RUNTIME" "$@" 3>&-
	}
	engine import - bb <"$E2E_DIR/image.tar" >/dev/null
	run engine run --rm --network none bb sh -c 'echo by podman; exit 4'
	expect_status 4
	is "by podman"
	engine run -d --name held --network none bb sleep 1000 >/dev/null
	run engine exec held sh -c 'exit 5'
	expect_status 5
	engine pause held >/dev/null
	[ "$(engine inspect -f '{{.State.Status}}' held)" = paused ]
	engine unpause held >/dev/null
	engine restart -t 0 held >/dev/null
	run engine exec held echo again
	is again
	engine rm -f -t 0 held >/dev/null
	run engine run --name told --network none -m 64m --cpus 0.5 bb sh -c 'echo said; cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; true'
	contains 67108864
	run engine logs told
	contains said
	engine rm told >/dev/null
}
