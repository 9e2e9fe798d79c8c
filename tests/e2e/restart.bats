#!/usr/bin/env bats
# redock restart policies: who starts a container again, when, and who does not.
load helper

setup_file() {
	small_instance
}

teardown_file() {
	drop_instance
}

setup() {
	rm -f "$REDOCK_RUN_ROOT/events"
	baseline
}

teardown() {
	sweep
	inv
}

@test "restart: always starts it again, at the same address, until a person stops it" {
	redock run -d --name a --restart always bb sh -c 'ip -o -4 a show eth0 | grep -o "inet [0-9.]*"; exit 3'
	happened '"Action":"start".*"name=a"'
	# more of them, and the next attempt is seconds away
	for _ in 1 2 3 4 5; do redock wait a; done
	redock stop a
	run redock ps -a
	contains "Exited (3)"
	run redock logs a
	[ "${#lines[@]}" -ge 3 ]
	[ "$(printf '%s\n' "${lines[@]}" | sort -u | wc -l)" -eq 1 ] || fail "several addresses:" "$output"
	run cat "$(volatile a)/state"
	expect_status 1
}

@test "restart: while it waits it shows as restarting, and rm wants -f" {
	redock run -d --name a --restart always --network none bb false
	for _ in 1 2 3 4 5; do redock wait a; done
	run redock ps
	contains "Restarting (1)"
	run redock rm a
	refused 1 "restarting"
	redock rm -f a
	run redock ps -aq
	is ""
}

@test "restart: on-failure:2 tries twice, and a success is no failure" {
	redock run -d --name a --restart on-failure:2 --network none bb sh -c 'echo life; exit 7'
	run redock logs -f a
	[ "${#lines[@]}" -eq 3 ] || fail "$output"
	run redock wait a
	is 7
	redock run -d --name b --restart on-failure --network none bb true
	run redock logs -f b
	run redock wait b
	is 0
	[ "$(grep -c '"Action":"start".*"name=b"' "$REDOCK_RUN_ROOT/events")" -eq 1 ]
}

@test "restart: kill with the stop signal or SIGKILL ends the policy, another signal does not" {
	redock run -d --name a --restart always --network none bb sh -c 'trap "exit 5" USR1; echo up; while :; do sleep 1; done'
	# the log goes on over the restart: its second line is the second life's
	local log
	exec {log}< <("$REDOCK" logs -f a 3>&-)
	read -r -t 20 -u "$log" _
	redock kill -s USR1 a
	happened '"Action":"die".*"exitCode=5"'
	read -r -t 20 -u "$log" _
	redock kill -s KILL a
	run redock wait a
	is 137
	exec {log}<&-
}

@test "restart: a monitor that is killed leaves the policy in force (F05)" {
	redock run -d --name a --restart always --network none bb sh -c 'read -r x </in; exit 4'
	local monitor
	monitor=$(monitor_of a)
	kill -KILL "$monitor"
	wait_gone 10 "$monitor"
	run redock ps # takes it over
	contains "Up"
	echo go >"/proc/$(pid_inside 'sh -c read')/root/in"
	happened '"Action":"die".*exitCode=4'
	run redock ps
	[[ $output == *Up* || $output == *Restarting* ]] || fail "$output"
	redock stop -t 0 a
}

@test "restart: resume starts after a boot what its policy wants (F10)" {
	local name pids=()
	for name in always unless no; do
		redock run -d --name $name --restart ${name/unless/unless-stopped} --network none bb sleep 1000
	done
	redock run -d --name stopped --restart unless-stopped --network none bb sleep 1000
	redock stop -t 0 stopped
	redock run -d --name failed --restart on-failure --network none bb sleep 1000
	# the host goes down: everything dies at once, /run is empty
	for name in always unless no failed; do
		pids+=("$(monitor_of $name)" "$(init_of $name)")
	done
	kill -KILL "${pids[@]}"
	wait_gone 10 "${pids[@]}"
	rm -rf "${REDOCK_RUN_ROOT:?}"/*
	redock resume
	run redock ps
	contains always
	contains unless
	contains failed
	lacks stopped
	[ "$(redock ps -q | wc -l)" -eq 3 ]
}

@test "restart: a policy with --rm is refused" {
	run redock run --rm --restart always bb true
	expect_status 125
}

@test "restart: an adopted container whose init is killed has the exit code that the kernel knows (F05)" {
	redock run -d --name a --network none bb sleep 1000
	local monitor code=137
	monitor=$(monitor_of a)
	kill -KILL "$monitor"
	wait_gone 10 "$monitor"
	redock -q ps
	kill -KILL "$(init_of a)"
	# PIDFD_GET_INFO has it since Linux 6.15; before, nobody knows
	printf '6.15\n%s\n' "$(uname -r)" | sort -VC || code=-1
	run redock wait a
	is "$code"
}

# The monitor that waits with container NAME for its next attempt: there is no init that it is the parent of.
waiting_monitor() {
	local file
	for file in /proc/[0-9]*/cmdline; do
		if [ "$(tr '\0' ' ' 2>/dev/null <"$file")" = "redock-monitor start $1 " ]; then
			basename "$(dirname "$file")"
		fi
	done
}

@test "restart: a monitor that is killed while it waits: the next command makes the attempt (F05)" {
	redock run -d --name a --restart on-failure:7 bb sh -c 'read -r x </in; exit 3'
	local attempt monitor
	# five ends, each at our word: the sixth life begins 1.6 seconds after the fifth
	for attempt in 1 2 3 4 5; do
		happened '"Action":"start".*"name=a"' $attempt
		echo go >"/proc/$(pid_inside 'sh -c read')/root/in"
		happened '"Action":"die".*"name=a"' $attempt
	done
	monitor=$(waiting_monitor a)
	kill -KILL "$monitor"
	wait_gone 10 "$monitor"
	grep -q '^restarting=1' "$(volatile a)/state"
	run redock ps
	contains "Up"
	run redock inspect -f '{{.RestartCount}} {{.State.Status}}' a
	is "5 running"
	run redock exec a ip -o -4 addr show eth0
	contains "inet "
	# it goes on from there: the seventh attempt is the last
	for attempt in 6 7 8; do
		happened '"Action":"start".*"name=a"' $attempt
		echo go >"/proc/$(pid_inside 'sh -c read')/root/in"
		happened '"Action":"die".*"name=a"' $attempt
	done
	run redock wait a
	is 3
	run redock inspect -f '{{.RestartCount}} {{.State.Status}}' a
	is "7 exited"
}

@test "restart: one whose monitor is killed while it waits can be stopped and removed" {
	local name monitor
	for name in stopped removed; do
		redock run -d --name $name --restart always bb false
		happened "\"Action\":\"die\".*\"name=$name\"" 5
		monitor=$(waiting_monitor $name)
		kill -KILL "$monitor"
		wait_gone 10 "$monitor"
	done
	redock stop stopped
	run redock inspect -f '{{.State.Status}}' stopped
	is exited
	redock rm -f removed
	redock rm stopped
	run redock ps -aq
	is ""
}

@test "restart: the run root is emptied while containers run: they are found, and can be used and removed" {
	local old
	redock run -d --name a bb sh -c "$echo_loop"
	redock run -d --rm --name b --network none bb sleep 1000
	redock run --name c --network none bb true
	answers
	old=$(monitor_of a)
	rm -rf "${REDOCK_RUN_ROOT:?}"/*
	run redock ps
	contains " a"
	contains " b"
	lacks " c"
	wait_gone 10 "$old"
	answers
	run redock exec a ip -o -4 addr show eth0
	contains "inet "
	run redock logs a
	expect_status 0
	# its address is its own still
	run redock run --rm bb ip -o -4 addr show eth0
	lacks "$(redock inspect -f '{{.NetworkSettings.IPAddress}}' a)/"
	# again, with a monitor that is not init's parent
	rm -rf "${REDOCK_RUN_ROOT:?}"/*
	redock kill a
	run redock wait a
	[ "$output" = 137 ] || [ "$output" = -1 ] || fail "$output"
	redock start a
	redock rm -f a
	redock stop -t 0 b
	redock rm c
	run redock ps -aq
	is ""
	run pgrep -x redock-monitor
	is ""
}

@test "restart: run root emptied and monitor killed: found all the same, with its end" {
	redock run -d --name a bb sleep 1000
	local old
	old=$(monitor_of a)
	kill -KILL "$old"
	wait_gone 10 "$old"
	rm -rf "${REDOCK_RUN_ROOT:?}"/*
	run redock ps
	contains " a"
	redock rm -f a
}
