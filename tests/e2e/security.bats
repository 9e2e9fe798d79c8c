#!/usr/bin/env bats
# What a container must not see or do; the ids are those of the attacks that were the lesson.
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

@test "isolation: T01 no file descriptor of the host is inherited" {
	run bash -c 'for n in {10..30}; do eval "exec $n</etc/hostname"; done
		"$REDOCK" run --rm bb ls /proc/self/fd'
	expect_status 0
	# The last is the one by which ls reads the directory.
	is "$(printf '0\n1\n2\n3')"
}

@test "isolation: T01 a working directory that is a descriptor of ours fails or lands inside" {
	for n in {3..20}; do
		run redock run --rm --network none -w "/proc/self/fd/$n" bb sh -c 'cat /data/file; ls ../../etc/hostname-of-host'
		lacks "hostname-of-host: No"$'\n'"from the image" || true
		if [ "$status" -eq 0 ]; then
			contains "from the image"
		fi
	done
}

@test "isolation: T02 nothing inside can open our binaries for writing" {
	local before
	before=$(sha256sum "$REDOCK" "$REDOCK"-{monitor,net,store})
	run redock run --rm bb sh -c 'for p in /proc/[0-9]*; do ( : >>$p/exe ) 2>/dev/null && echo "wrote $p"; done; echo end'
	contains end
	# The shell's own busybox is the image's, writable or busy; only PID 1 may be ours.
	lacks "wrote /proc/1"$'\n'
	[ "$before" = "$(sha256sum "$REDOCK" "$REDOCK"-{monitor,net,store})" ]
}

@test "isolation: T22 capabilities: the golden bounding set, nothing inheritable or ambient" {
	run redock run --rm bb grep Cap /proc/self/status
	expect_status 0
	local bounding
	bounding=$(awk '/CapBnd/ { print $2 }' <<<"$output")
	grep -q "^CapInh:.0000000000000000$" <<<"$output"
	grep -q "^CapAmb:.0000000000000000$" <<<"$output"
	grep -q "^CapEff:.$bounding$" <<<"$output"
	grep -q "^CapPrm:.$bounding$" <<<"$output"
	# chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service sys_chroot setfcap
	[ "$bounding" = 00000000800405fb ]
	run redock run --rm -u user bb grep CapEff /proc/self/status
	contains 0000000000000000
}

@test "isolation: T23 cgroups are read-only inside" {
	run redock run --rm bb sh -c 'find /sys/fs/cgroup -name release_agent -o -name cgroup.procs | head -n 3 | while read -r f; do echo 1 >$f && echo "wrote $f"; done; mkdir /sys/fs/cgroup/x && echo made'
	lacks wrote
	lacks made
}

@test "isolation: mounting, new user namespaces, and kernel keys are refused" {
	run redock run --rm bb mount -t tmpfs none /data
	[ "$status" -ne 0 ]
	run redock run --rm bb unshare -U true
	[ "$status" -ne 0 ]
	run redock run --rm bb sh -c 'mknod /data/sda b 8 0 && head -c 1 /data/sda'
	[ "$status" -ne 0 ]
	run redock run --rm bb sh -c 'echo 1 >/proc/sys/kernel/panic'
	[ "$status" -ne 0 ]
	run redock run --rm bb sh -c 'echo b >/proc/sysrq-trigger'
	[ "$status" -ne 0 ]
}

@test "isolation: masked and read-only paths of /proc and /sys" {
	run redock run --rm bb sh -c 'cat /proc/kcore /proc/keys /proc/timer_list /proc/kallsyms 2>/dev/null | wc -c; ls /sys/firmware /proc/acpi /proc/scsi 2>/dev/null | grep -v : | grep -c .'
	[ "${lines[0]//[!0-9]/}" = 0 ]
	[ "${lines[1]}" = 0 ]
	run redock run --rm bb sh -c 'for f in /proc/sys/kernel/hostname /proc/irq /proc/bus /proc/fs; do touch $f/x 2>/dev/null && echo "wrote $f"; done; echo end'
	is end
}

@test "isolation: /dev is small, and what is in it works" {
	run redock run --rm bb ls /dev
	for device in null zero full random urandom tty ptmx pts shm fd stdin stdout stderr; do
		contains "$device"
	done
	lacks vda
	lacks mem
	lacks kmsg
	run redock run --rm bb sh -c 'echo x >/dev/null; head -c 4 /dev/zero | wc -c; echo x >/dev/full'
	[ "$status" -ne 0 ]
	run redock run --rm bb sh -c 'echo x >/dev/shm/y && cat /dev/shm/y'
	is x
}

@test "isolation: seccomp filters" {
	run redock run --rm bb sh -c 'grep Seccomp: /proc/self/status'
	contains 2
}

@test "isolation: an image with links for /proc, /sys, /dev or /etc changes nothing outside" {
	local canary="$BATS_TEST_TMPDIR/canary" image="$BATS_TEST_TMPDIR/image" before link
	mkdir -p "$canary/sub"
	echo canary >"$canary/hosts"
	before=$(find "$canary" -printf '%p %T@ %i %m\n' -exec cat {} + 2>/dev/null | sha256sum)
	for link in proc sys dev etc tmp; do
		rm -rf "$image"
		cp -a "$E2E_DIR/image" "$image"
		rm -rf "${image:?}/$link"
		ln -s "$canary" "$image/$link"
		tar -C "$image" -cf "$BATS_TEST_TMPDIR/t.tar" .
		redock -q import "$BATS_TEST_TMPDIR/t.tar" hostile
		# It fails, or what the container gets is the real thing.
		run redock run --rm -w /tmp/new hostile sh -c 'test -e /proc/self/status && test -e /sys/kernel && test -c /dev/null && pwd'
		[ "$status" -ne 0 ] || is /tmp/new
		redock -q rmi hostile
	done
	[ "$before" = "$(find "$canary" -printf '%p %T@ %i %m\n' -exec cat {} + 2>/dev/null | sha256sum)" ]
}

@test "isolation: T19 T20 an image's passwd that is a link, a fifo, a device or huge" {
	local image="$BATS_TEST_TMPDIR/image" kind
	for kind in link fifo device huge; do
		rm -rf "$image"
		cp -a "$E2E_DIR/image" "$image"
		rm "$image/etc/passwd"
		case $kind in
		link) ln -s /proc/self/fd/0 "$image/etc/passwd" ;;
		fifo) mkfifo "$image/etc/passwd" ;;
		device) mknod "$image/etc/passwd" c 1 5 ;;
		huge) truncate -s 1G "$image/etc/passwd" ;;
		esac
		tar -C "$image" -Scf "$BATS_TEST_TMPDIR/t.tar" .
		redock -q import "$BATS_TEST_TMPDIR/t.tar" odd || continue
		run timeout 20 "$REDOCK" run --rm -u user odd true
		expect_status 125
		run timeout 20 "$REDOCK" run --rm odd true
		[ "$status" -ne 124 ]
		redock -q rmi odd
	done
}

@test "isolation: a device node that an image brings cannot be opened, whatever the cgroups allow" {
	local image="$BATS_TEST_TMPDIR/image"
	cp -a "$E2E_DIR/image" "$image"
	mknod -m 666 "$image/node" c 1 3
	tar -C "$image" -cf "$BATS_TEST_TMPDIR/t.tar" .
	redock -q import "$BATS_TEST_TMPDIR/t.tar" nodes
	run redock run --rm nodes sh -c 'test -c /node && { : </node; } 2>/dev/null'
	[ "$status" -ne 0 ]
	run redock run --rm nodes sh -c 'test -c /node && : </dev/null && echo fine'
	is fine
	redock -q rmi nodes
}

@test "commit: a sparse file larger than the disk is refused at once" {
	redock run --name sparse bb truncate -s 15000G /huge
	run timeout 20 "$REDOCK" commit sparse sparse-image
	expect_status 1
	contains "more than the disk has left"
	redock rm sparse
}

@test "recovery: a container whose config.json is damaged spoils nothing else, and rm -f removes it" {
	local id
	redock run -d --name fine bb sleep 1000 >/dev/null
	id=$(redock run -d --name damaged bb sleep 1000)
	: >"$REDOCK_ROOT/containers/$id/config.json"
	run redock ps -a
	expect_status 0
	contains fine
	contains "redock rm -f ${id:0:12}"
	run redock rm -f damaged
	expect_status 0
	[ ! -e "$REDOCK_ROOT/containers/$id" ]
	[ ! -e "$REDOCK_RUN_ROOT/containers/$id" ]
	redock rm -f fine
}

@test "recovery: two rm -f of one container at once both succeed" {
	local pid
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		redock run -d --name twice bb sleep 1000 >/dev/null
		redock rm -f twice >/dev/null 2>&1 &
		pid=$!
		redock rm -f twice
		wait "$pid"
	done
}

@test "isolation: a seccomp profile of the person's own holds in run and in exec" {
	local profile="$BATS_TEST_TMPDIR/profile.json"
	echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":38}]}' >"$profile"
	run redock run --rm --security-opt "seccomp=$profile" bb mkdir /x
	expect_status 1
	contains "not implemented"
	redock run -d --name profiled --security-opt "seccomp=$profile" bb sleep 1000 >/dev/null
	run redock exec profiled mkdir /x
	expect_status 1
	contains "not implemented"
	run redock exec profiled touch /x
	expect_status 0
	redock rm -f profiled
	echo '{"defaultAction":"SCMP_ACT_WISH"}' >"$profile"
	run redock run --rm --security-opt "seccomp=$profile" bb true
	expect_status 125
	contains SCMP_ACT_WISH
}

@test "isolation: a capability brings the system calls that are of use with it, and no others" {
	run redock run --rm --cap-add SYS_ADMIN bb sh -c 'mount -t tmpfs none /data && echo mounted'
	is mounted
	run redock run --rm --cap-add NET_ADMIN bb mount -t tmpfs none /data
	[ "$status" -ne 0 ]
}

@test "isolation: T26 sysctls of the host are refused, in every spelling" {
	local key before
	before=$(cat /proc/sys/kernel/core_pattern /proc/sys/kernel/panic /proc/sys/vm/swappiness)
	for key in kernel.core_pattern=x kernel/core_pattern=x vm.swappiness=1 kernel.hostname=x \
		kernel.shm_rmid_forced=1+kernel.core_pattern=x net.ipv4/../../kernel/core_pattern=x \
		net/../kernel/panic=1 $'net.ipv4.ip_forward=1\nkernel.panic=1' net.ipv4.ip_forward fs.file-max=9; do
		run redock run --rm --network none --sysctl "$key" bb true
		[ "$status" -ne 0 ] || fail "accepted: $key"
	done
	run redock run --rm --network host --sysctl net.ipv4.ip_forward=1 bb true
	[ "$status" -ne 0 ]
	[ "$before" = "$(cat /proc/sys/kernel/core_pattern /proc/sys/kernel/panic /proc/sys/vm/swappiness)" ]
	run redock run --rm --sysctl net.ipv4.ip_default_ttl=42 --sysctl kernel.msgmax=4242 bb \
		cat /proc/sys/net/ipv4/ip_default_ttl /proc/sys/kernel/msgmax
	is $'42\n4242'
}

@test "isolation: T01 T22 T40 a process in a running container has what the container has" {
	redock run -d --name entered bb sleep 1000 >/dev/null
	run redock exec entered sh -c 'grep Cap /proc/self/status; id -G; for f in /proc/self/fd/*; do echo "${f##*/}"; done'
	expect_status 0
	is "$(redock run --rm bb sh -c 'grep Cap /proc/self/status; id -G; for f in /proc/self/fd/*; do echo "${f##*/}"; done')"
	contains "CapBnd:	00000000800405fb"
	run redock exec -u user entered sh -c 'grep CapEff /proc/self/status; id -G'
	contains 0000000000000000
	contains "1000 2000"
	redock rm -f entered
}
