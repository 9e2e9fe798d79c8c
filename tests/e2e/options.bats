#!/usr/bin/env bats
# What each option of run and create does inside the container.
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

inside() {
	run redock run --rm "$@"
	expect_status 0
}

@test "options: capabilities are added, dropped and all of either" {
	inside --cap-drop ALL --cap-add NET_RAW bb grep CapBnd /proc/self/status
	contains 0000000000002000
	inside --cap-drop CHOWN bb grep CapBnd /proc/self/status
	lacks 00000000800405fb
	inside --cap-add ALL --cap-drop NET_RAW bb sh -c 'grep CapInh /proc/self/status'
	contains 0000000000000000
}

@test "options: seccomp profile, unconfined, no-new-privileges" {
	echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO"}]}' \
		>"$BATS_TEST_TMPDIR/profile.json"
	run redock run --rm --security-opt "seccomp=$BATS_TEST_TMPDIR/profile.json" bb mkdir /x
	expect_status 1
	contains "not permitted"
	inside --security-opt seccomp=unconfined --security-opt no-new-privileges bb \
		grep -E '^(Seccomp|NoNewPrivs):' /proc/self/status
	is $'NoNewPrivs:\t1\nSeccomp:\t0'
}

@test "options: a capability brings its system calls" {
	run redock run --rm bb mount -t tmpfs x /tmp
	expect_status 1
	inside --cap-add SYS_ADMIN bb sh -c 'mount -t tmpfs x /tmp && echo mounted'
	is mounted
}

@test "options: --privileged has devices and nothing read-only" {
	inside --privileged bb sh -c 'mount -t tmpfs x /tmp && test -c /dev/kmsg -o -b /dev/vda && grep "^sysfs /sys sysfs rw" /proc/mounts'
}

@test "options: limits of processes and of control groups" {
	inside --ulimit nofile=100:200 --oom-score-adj 500 bb sh -c 'ulimit -n; ulimit -Hn; cat /proc/self/oom_score_adj'
	is $'100\n200\n500'
	redock run -d --name limited -m 64m --pids-limit 77 bb sleep 1000
	run redock update -m 80m --pids-limit 66 limited
	expect_status 0
	run redock run --rm --pid container:limited bb ps
	contains "sleep 1000"
	redock rm -f limited
}

@test "options: sysctl, groups, names, shared memory, working directory, user" {
	inside --sysctl net.ipv4.ip_forward=1 --group-add 2000 -h first --domainname second \
		--shm-size 1m -w /made/here -u 1000 bb \
		sh -c 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/domainname; hostname; pwd; id -G; grep -o "/dev/shm.*size=1024k" /proc/mounts'
	contains $'1\nsecond\nfirst\n/made/here'
	contains 2000
	contains size=1024k
}

@test "options: --read-only, --tmpfs with its options" {
	run redock run --rm --read-only bb touch /x
	expect_status 1
	contains "Read-only"
	inside --read-only --tmpfs /t:size=1m,exec bb sh -c 'touch /t/x && grep " /t " /proc/mounts'
	contains size=1024k
	lacks noexec
	inside --tmpfs /t bb grep " /t " /proc/mounts
	contains noexec
}

@test "options: namespaces of the host and of another container" {
	inside --uts host bb hostname
	is "$(hostname)"
	inside --ipc host bb readlink /proc/self/ns/ipc
	is "$(readlink /proc/self/ns/ipc)"
	redock run -d --name giver --ipc shareable bb sleep 1001
	redock run --rm --ipc container:giver bb sh -c 'echo told >/dev/shm/word'
	run redock run --rm --ipc container:giver bb cat /dev/shm/word
	is told
	redock rm -f giver
	redock run -d --name miser bb sleep 1002
	run redock run --rm --ipc container:miser bb true
	refused 125 "does not share"
	redock rm -f miser
}

@test "options: what contradicts itself is refused, and nothing is made" {
	run redock run --rm --sysctl kernel.core_pattern=x bb true
	refused 125 "not a container's own"
	run redock run --rm --device /dev/nosuch bb true
	expect_status 125
	contains "/dev/nosuch"
	run redock run --rm --cpuset-cpus 4000 bb true
	refused 125 "not all on this host"
	run redock run --rm --privileged --cap-drop CHOWN bb true
	refused 125 "privileged"
	run redock run --rm --mount type=bind,src=/nosuch,dst=/x bb true
	refused 125 "/nosuch"
	run redock run --rm -l redock.machine=a:b bb true
	refused 125 "redock's own"
	run redock ps -aq
	is ""
}

@test "options: rename moves the name, and a taken one stays" {
	redock create --name one bb true
	redock create --name two bb true
	run redock rename one two
	expect_status 1
	contains "taken"
	redock rename one three
	run redock rm three two
	expect_status 0
	run redock rm one
	expect_status 1
}

@test "options: a seccomp profile that asks a listener is refused: nobody would answer" {
	echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_NOTIFY"}]}' \
		>"$BATS_TEST_TMPDIR/profile.json"
	run redock create --name asks --security-opt "seccomp=$BATS_TEST_TMPDIR/profile.json" bb mkdir /x
	refused 125 "SCMP_ACT_NOTIFY"
	run redock ps -aq
	is ""
}

@test "options: inspect shows the limit of processes that is in force, the default too" {
	redock run -d --name limited --network none bb sleep 1000
	run redock inspect -f '{{.HostConfig.PidsLimit}}' limited
	is 2048
	redock update --pids-limit 99 limited
	run redock inspect -f '{{.HostConfig.PidsLimit}}' limited
	is 99
	redock rm -f limited
	redock create --name free --pids-limit -1 bb true
	run redock inspect -f '{{.HostConfig.PidsLimit}}' free
	is -1
	redock rm free
}

# Without CAP_SYS_RESOURCE a hard limit can only sink.
without_resource() {
	setpriv --bounding-set -sys_resource "$REDOCK" "$@"
}

@test "options: a limit that cannot be raised is a warning: run, run -d, start, exec and -q" {
	local more=$(($(ulimit -Hn) * 2)) first
	local limit=nofile=$more:$more
	[ "$more" -gt 0 ] || limit=nofile=unlimited # already without a limit: nothing to warn of
	run --separate-stderr without_resource run --rm --network none --ulimit "$limit" bb echo fine
	is fine
	[[ $stderr == "redock: warning: "*"'nofile'" ]] || fail "stderr: $stderr"
	first=$stderr
	run --separate-stderr without_resource -q run -d --name limited --network none --ulimit "$limit" bb sleep 1000
	expect_status 0
	[ "$stderr" = "$first" ] || fail "stderr: $stderr"
	run --separate-stderr without_resource exec limited echo inside
	is inside
	[ "$stderr" = "$first" ] || fail "stderr: $stderr"
	redock kill limited
	run --separate-stderr without_resource start limited
	expect_status 0
	[ "$stderr" = "$first" ] || fail "stderr: $stderr"
	# one that fails all the same says both
	run -127 without_resource run --rm --network none --ulimit "$limit" bb /nosuch
	contains "redock: warning: "
	redock rm -f limited
}
