#!/usr/bin/env bats
# Processes that are killed, and a host that is rebooted: the next command tells the truth.
export BATS_TEST_TIMEOUT=300
load helper

setup_file() {
	small_instance
	machine_instance
}

setup() {
	instance recover
	baseline
}

teardown() {
	umount /proc/sys/kernel/random/boot_id 2>/dev/null || true
	sweep
	inv
}

teardown_file() {
	instance recover
	drop_instance
}

monitors() {
	grep -lx redock-monitor /proc/[0-9]*/comm 2>/dev/null | cut -d/ -f3
}

# What a reboot does to an instance: its processes, links and rules are gone, the run directory is
# empty, and the boot id is another.
reboot() {
	local pids new kind name more
	pids=$(our_processes)
	# shellcheck disable=SC2086 # pids
	[ -z "$pids" ] || kill -9 $pids
	# shellcheck disable=SC2086
	[ -z "$pids" ] || wait_gone 10 $pids
	new=$(added | sort -r)
	while read -r kind name more; do
		case $kind in
		link) ip link del "$name" 2>/dev/null || true ;;
		table) nft delete table "$name" "$more" ;;
		cgroup) find "$name" -depth -type d -exec rmdir {} + ;;
		esac
	done <<<"$new"
	rm -rf "$REDOCK_RUN_ROOT"
	umount /proc/sys/kernel/random/boot_id 2>/dev/null || true
	uuidgen >"$BATS_TEST_TMPDIR/boot_id"
	mount --bind "$BATS_TEST_TMPDIR/boot_id" /proc/sys/kernel/random/boot_id
}

@test "recover: a monitor that is killed leaves its container running, and the next command adopts it" {
	redock -q run -d --name c bb sh -c "$echo_loop"
	local pid
	for pid in $(monitors); do
		kill -9 "$pid"
		wait_gone 10 "$pid"
	done
	answers
	run redock ps
	expect_status 0
	contains ' c'
	answers
	run redock rm -f c
	expect_status 0
	run redock ps -a
	[ "${#lines[@]}" -le 1 ]
}

@test "recover: monitor and init killed: ps says that it exited, status unknown or the signal's" {
	redock -q run -d --name c bb sh -c "$echo_loop"
	local pids
	pids=$(our_processes)
	# shellcheck disable=SC2086 # pids
	kill -9 $pids
	# shellcheck disable=SC2086
	wait_gone 10 $pids
	run redock ps
	expect_status 0
	lacks ' c'
	run redock ps -a
	contains ' c'
	run redock rm c
	expect_status 0
}

@test "recover: F26 from another time namespace a container is the same one, and its time-outs hold" {
	redock -q run -d --name c bb sh -c "$echo_loop"
	answers
	far() {
		unshare --time --fork --boottime 31536000 --monotonic 31536000 "$REDOCK" "$@"
	}
	run far ps
	contains "Up "
	run far exec c echo inside
	is inside
	answers
	# from there, seen from here
	far -q run -d --name d bb sleep 1000
	run redock ps
	contains " d"
	# one that does not listen is given its seconds, and no year
	run far stop -t 1 d
	expect_status 0
	redock -q stop -t 1 c
	run redock ps -q
	is ""
}

@test "recover: a container whose init is killed has exited with 137" {
	redock -q run -d --name c bb sh -c "$echo_loop"
	local pid monitor
	monitor=$(monitors)
	pid=$(pid_inside "sh -c echo kept")
	kill -9 "$pid"
	# shellcheck disable=SC2086 # pids
	wait_gone 10 $monitor
	run redock ps -a --json
	contains 137
	run redock ps
	lacks ' c'
	redock -q rm c
}

@test "recover: redock run whose monitor dies ends with 125 and a word, and does not hang" {
	mkfifo "$BATS_TEST_TMPDIR/stdout"
	"$REDOCK" run --rm --name c bb sh -c "echo up; $echo_loop" \
		>"$BATS_TEST_TMPDIR/stdout" 2>"$BATS_TEST_TMPDIR/out" 3>&- &
	local client=$! status=0
	exec {up}<"$BATS_TEST_TMPDIR/stdout"
	read -r -u "$up" _
	kill -9 "$(monitors)"
	wait "$client" || status=$?
	[ "$status" -eq 125 ]
	run cat "$BATS_TEST_TMPDIR/out"
	contains "redock: "
}

@test "recover: after a reboot containers are exited, a --rm one is gone, and all works again" {
	redock -q run -d --name stays bb sh -c "$echo_loop"
	answers
	redock -q run -d --rm --name goes bb sleep 1020
	reboot
	run redock ps
	expect_status 0
	lacks stays
	run redock ps -a
	contains stays
	lacks goes
	run redock run --rm bb echo works
	expect_status 0
	is works
	redock -q rm stays
}

@test "recover: after a reboot a machine is started again with its changes" {
	instance machines
	baseline
	redock -q start demo
	ssh demo-container 'echo here >/root/f; sync'
	reboot
	run redock list
	expect_status 0
	contains demo
	lacks running
	run redock start demo
	expect_status 0
	run ssh demo-container cat /root/f
	is here
	redock -q kill demo
}

@test "recover: a machine whose init is killed is stopped, and start brings it back" {
	instance machines
	baseline
	redock -q start demo
	ssh demo-container 'echo here >/root/f'
	local pids
	pids=$(our_processes)
	# shellcheck disable=SC2086 # pids
	kill -9 $pids
	# shellcheck disable=SC2086
	wait_gone 10 $pids
	run redock list
	expect_status 0
	contains demo
	lacks running
	run redock ssh demo true
	refused 125 demo
	run redock start demo
	expect_status 0
	run redock ssh demo cat /root/f
	is here
	redock -q commit demo
	redock -q kill demo
	redock -q delete demo
}

@test "recover: a machine that is stopped can be committed and killed" {
	instance machines
	baseline
	redock -q start demo
	ssh demo-container 'echo here >/root/f'
	local pids
	pids=$(our_processes)
	# shellcheck disable=SC2086 # pids
	kill -9 $pids
	# shellcheck disable=SC2086
	wait_gone 10 $pids
	run redock commit demo
	expect_status 0
	run redock kill demo
	expect_status 0
	redock -q start demo
	run ssh demo-container cat /root/f
	is here
	redock -q kill demo
	redock -q delete demo
}

@test "recover: a frozen container whose commit died is thawed by the next command" {
	redock -q run -d --name c bb sh -c "$echo_loop"
	answers
	local i
	for i in 1 3 5 8; do
		/usr/bin/python3 "$TOP/tests/e2e/kill-during.py" "$REDOCK_ROOT" "$i" "$REDOCK" -q commit c torn
	done
	redock -q ps >/dev/null
	answers
	# What the dead left half-made, the next that writes removes.
	redock -q commit c torn
	redock -q rm -f c
	redock -q rmi torn
}

@test "recover: the base image interrupted half-way leaves nothing and the next start begins again" {
	instance fresh
	local axe n
	for axe in interrupt:600 all:3 all:60 all:600 alone:600; do
		n=${axe#*:}
		AXE=${axe%:*} /usr/bin/python3 "$TOP/tests/e2e/kill-during.py" "$REDOCK_ROOT" "$n" "$REDOCK" -q start demo
		run redock images
		expect_status 0
		[[ $output != *base* ]] || fail "$axe" "$output"
		run --separate-stderr redock list
		is ""
		# After Ctrl-C there was time to clean up.
		[ "${axe%:*}" != interrupt ] || [ -z "$(find "$REDOCK_ROOT"/{base-build,tmp} -mindepth 1 2>/dev/null)" ]
	done
	run redock start demo
	expect_status 0
	run ssh demo-container hostname
	is demo
	redock -q kill demo
	[ -z "$(find "$REDOCK_ROOT"/{base-build,tmp} -mindepth 1 2>/dev/null)" ]
	drop_instance
	instance recover
}

@test "recover: system reset removes everything an instance made" {
	instance reset
	redock -q import "$E2E_DIR/image.tar" bb
	redock -q run -d --name c bb sleep 1030
	redock -q run --name d bb true
	run redock system reset --force
	expect_status 0
	[ -z "$(find "$REDOCK_ROOT" "$REDOCK_RUN_ROOT" -mindepth 1 2>/dev/null)" ]
	instance recover
}
