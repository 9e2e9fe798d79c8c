#!/usr/bin/env bats
# Each limit of run and create, seen from inside: what the kernel says, and what it does. On either
# version of control groups.
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

v2() {
	[ -e /sys/fs/cgroup/cgroup.controllers ]
}

# group V1 V2 [OPTION…]: the content of the container's own file, by either version's name.
group() {
	local file=$1
	! v2 || file=$2
	run redock run --rm "${@:3}" bb cat "/sys/fs/cgroup/$file"
	expect_status 0
}

# here V1 V2: the value that the version of this host has.
here() {
	if v2; then is "$2"; else is "$1"; fi
}

@test "limits: -m, --memory-swap, --memory-reservation, --memory-swappiness" {
	group memory/memory.limit_in_bytes memory.max -m 64m
	is 67108864
	group memory/memory.soft_limit_in_bytes memory.low -m 64m --memory-reservation 32m
	is 33554432
	if [ -e /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes ] || v2; then
		group memory/memory.memsw.limit_in_bytes memory.swap.max -m 64m
		here 134217728 67108864
		group memory/memory.memsw.limit_in_bytes memory.swap.max -m 64m --memory-swap 96m
		here 100663296 33554432
		group memory/memory.memsw.limit_in_bytes memory.swap.max -m 64m --memory-swap -1
		here 9223372036854771712 max
	fi
	if v2; then
		run redock run --rm --memory-swappiness 10 bb true
		refused 125 swappiness
	else
		group memory/memory.swappiness - --memory-swappiness 10
		is 10
		group memory/memory.swappiness - --memory-swappiness 0
		is 0
	fi
	run redock run --rm -m 64m --memory-swap 32m bb true
	refused 125 memory-swap
	run redock run --rm -m 32m --memory-reservation 64m bb true
	refused 125 memory-reservation
	run redock run --rm -m 1m bb true
	expect_status 125
	contains "6 MB"
}

@test "limits: -m kills what takes more, and says so" {
	run redock run --rm -m 20m --memory-swap 20m bb dd if=/dev/zero of=/dev/shm/x bs=1M count=40
	expect_status 137
	contains "out of memory"
	contains 20MiB
	run redock run --rm -m 80m --shm-size 64m bb dd if=/dev/zero of=/dev/shm/x bs=1M count=40
	expect_status 0
}

@test "limits: --oom-kill-disable waits instead of killing, where the kernel has that" {
	if v2; then
		run redock run --rm --oom-kill-disable -m 20m bb true
		refused 125 OOM
		return
	fi
	group memory/memory.oom_control - -m 20m --oom-kill-disable
	contains "oom_kill_disable 1"
	group memory/memory.oom_control - -m 20m
	contains "oom_kill_disable 0"
}

@test "limits: --cpus, --cpu-period with --cpu-quota, --cpu-shares" {
	group cpu/cpu.cfs_quota_us cpu.max --cpus 0.5
	here 50000 "50000 100000"
	group cpu/cpu.cfs_quota_us cpu.max --cpu-period 20000 --cpu-quota 10000
	here 10000 "10000 20000"
	group cpu/cpu.cfs_period_us cpu.max --cpu-period 20000 --cpu-quota 10000
	here 20000 "10000 20000"
	group cpu/cpu.shares cpu.weight --cpu-shares 512
	here 512 59
	group cpu/cpu.shares cpu.weight -c 2048
	here 2048 174
	run redock run --rm --cpus 0.5 --cpu-quota 10000 bb true
	expect_status 125
	contains "exclude each other"
	run redock run --rm --cpus 10000 bb true
	expect_status 125
	contains "more than"
}

@test "limits: --cpus holds back who computes" {
	local file=cpu/cpu.stat
	! v2 || file=cpu.stat
	# a tenth of a CPU: after two tenths of a second of its own time it has been held back
	run redock run --rm --cpus 0.1 bb sh -c "
		while grep -q '^nr_throttled 0$' /sys/fs/cgroup/$file; do :; done
		grep nr_throttled /sys/fs/cgroup/$file"
	expect_status 0
	[[ $output =~ nr_throttled\ [1-9] ]]
}

@test "limits: --cpuset-cpus and --cpuset-mems" {
	run redock run --rm --cpuset-cpus 0 bb sh -c 'grep Cpus_allowed_list /proc/self/status; nproc'
	is $'Cpus_allowed_list:\t0\n1'
	run redock run --rm --cpuset-mems 0 bb grep Mems_allowed_list /proc/self/status
	is $'Mems_allowed_list:\t0'
	run redock run --rm --cpuset-cpus 4000 bb true
	refused 125 "not all on this host"
}

@test "limits: --pids-limit, its default, and none" {
	group pids/pids.max pids.max --pids-limit 7
	is 7
	group pids/pids.max pids.max
	is 2048
	group pids/pids.max pids.max --pids-limit -1
	is max
	run redock run --rm --pids-limit 5 bb sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 1000 & done'
	[ "$status" -ne 0 ]
	contains "can't fork"
}

@test "limits: --blkio-weight, and rates of a device" {
	local device numbers rates
	device=$(findmnt -no SOURCE -T "$E2E_DIR")
	[ -b "$device" ] || skip "the tests' directory is on no block device"
	numbers=$(lsblk -dno MAJ:MIN "$device" | tr -d ' ')
	if v2; then
		group - io.max --device-read-bps "$device:1mb" --device-write-iops "$device:200"
		is "$numbers rbps=1048576 wbps=max riops=max wiops=200"
	else
		rates=blkio/blkio.throttle
		group $rates.read_bps_device - --device-read-bps "$device:1mb"
		is "$numbers 1048576"
		group $rates.write_bps_device - --device-write-bps "$device:2mb"
		is "$numbers 2097152"
		group $rates.read_iops_device - --device-read-iops "$device:100"
		is "$numbers 100"
		group $rates.write_iops_device - --device-write-iops "$device:100" --device-write-iops "$device:200"
		is "$numbers 200"
	fi
	run redock run --rm --blkio-weight 300 bb sh -c 'cat /sys/fs/cgroup/blkio/blkio.*weight /sys/fs/cgroup/io.*weight 2>/dev/null'
	# without a scheduler that has weights it is an error, never silence
	if [ "$status" -eq 125 ]; then
		contains "block I/O weight"
	else
		[[ $output =~ (^|[[:space:]])(300|2930)($|[[:space:]]) ]]
	fi
	run redock run --rm --device-read-bps /dev/null:1mb bb true
	expect_status 125
	contains "no block device"
	run redock run --rm --device-read-bps "$device" bb true
	refused 125 "no limit of a device"
}

@test "limits: --device-write-bps slows down who writes" {
	local device begin
	device=$(findmnt -no SOURCE -T "$E2E_DIR")
	[ -b "$device" ] || skip "the tests' directory is on no block device"
	begin=$(date +%s%N)
	run redock run --rm --device-write-bps "$device:1mb" bb dd if=/dev/zero of=/x bs=256k count=8 oflag=direct
	[ "$status" -eq 0 ] || [[ $output == *"Invalid argument"* ]]
	[[ $output == *"Invalid argument"* ]] || [ $((($(date +%s%N) - begin) / 1000000)) -ge 1000 ]
}

@test "limits: --ulimit, --oom-score-adj" {
	run redock run --rm --ulimit nofile=100:200 --ulimit core=0 --oom-score-adj 500 bb \
		sh -c 'ulimit -n; ulimit -Hn; ulimit -c; cat /proc/self/oom_score_adj'
	is $'100\n200\n0\n500'
}

@test "limits: update changes them while it runs" {
	local memory=memory/memory.limit_in_bytes pids=pids/pids.max cpus=cpu/cpu.cfs_quota_us
	if v2; then
		memory=memory.max pids=pids.max cpus=cpu.max
	fi
	redock run -d --name limited -m 64m --pids-limit 77 --cpus 1 bb sleep 1000
	run redock update -m 80m --memory-swap 160m --pids-limit 66 --cpus 0.25 limited
	expect_status 0
	run redock exec limited sh -c "cd /sys/fs/cgroup && cat $memory $pids && cut -d' ' -f1 $cpus"
	is $'83886080\n66\n25000'
	run redock inspect -f '{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} {{.HostConfig.NanoCpus}}' limited
	is "83886080 66 250000000"
	redock rm -f limited
}

# A device that no container has by itself, and that root can open to read and to write.
some_device() {
	for device in /dev/fuse /dev/loop-control /dev/net/tun; do
		if (: <"$device" && : >>"$device") 2>/dev/null; then
			rule=$(stat -c 'c %Hr:%Lr' "$device")
			return
		fi
	done
	skip "no such device on this host"
}

@test "limits: --device, its name inside, and what may be done with it" {
	local device rule
	local try='(: <"$1") && echo read; (: >>"$1") && echo written'
	some_device
	run redock run --rm --device "$device:/dev/named" bb sh -c "$try" sh /dev/named
	is $'read\nwritten'
	run redock run --rm --device "$device" bb sh -c "$try" sh "$device"
	is $'read\nwritten'
	run redock run --rm --device "$device:/dev/named:r" bb sh -c "$try" sh /dev/named
	contains read
	contains "not permitted"
	lacks written
	run redock run --rm bb ls "$device"
	expect_status 1
	run redock run --rm --device "$BATS_TEST_TMPDIR" bb true
	expect_status 125
	contains "no device"
}

@test "limits: --device-cgroup-rule allows what --cap-add MKNOD makes" {
	local device rule
	local try='mknod /dev/n c $1 $2 && chmod 666 /dev/n && (: </dev/n) && echo read; (: >>/dev/n) && echo written'
	some_device
	set -- "${rule#c }"
	run redock run --rm --cap-add MKNOD bb sh -c "$try" sh "${1%:*}" "${1#*:}"
	contains "not permitted"
	lacks read
	run redock run --rm --cap-add MKNOD --device-cgroup-rule "$rule rm" bb sh -c "$try" sh "${1%:*}" "${1#*:}"
	contains read
	lacks written
	run redock run --rm --device-cgroup-rule nonsense bb true
	expect_status 125
}
