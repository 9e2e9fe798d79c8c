#!/usr/bin/env bats
# redock run --health-cmd: what is asked, how often, and what follows.
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

@test "health: starting, unhealthy after so many failures, healthy with the first success" {
	local go
	redock run -d --name a --network none --health-cmd 'echo looked; test -e /tmp/ok || read -r _ </in; test -e /tmp/ok' \
		--health-interval 100ms --health-timeout 100s --health-retries 2 bb sleep 1000
	exec {go}<>"/proc/$(init_of a)/root/in"
	echo go >&"$go"
	appears "$(volatile a)/health" '"FailingStreak":1'
	run redock ps
	contains "(health: starting)"
	echo go >&"$go"
	happened 'health_status: unhealthy'
	run redock ps
	contains "(unhealthy)"
	redock exec a touch /tmp/ok
	echo go >&"$go"
	happened 'health_status: healthy'
	exec {go}>&-
	run redock ps
	contains "(healthy)"
	run cat "$(volatile a)/health"
	contains '"Output":"looked\n"'
	redock kill a
	run redock inspect -f '{{.State.Health.Status}}' a
	is unhealthy
}

@test "health: a check that hangs is killed when its time is over" {
	redock run -d --name a --network none --health-cmd 'sleep 500' --health-interval 100ms \
		--health-timeout 200ms --health-retries 1 bb sleep 1000
	happened 'health_status: unhealthy'
	redock stop -t 0 a
}

@test "health: the start period forgives" {
	redock run -d --name a --network none --health-cmd 'test -e /tmp/ok' --health-interval 100ms \
		--health-start-period 100s --health-retries 1 bb sleep 1000
	appears "$(volatile a)/health" '("Start".*){3}'
	run redock ps
	contains "(health: starting)"
	redock exec a touch /tmp/ok
	happened 'health_status: healthy'
}

@test "health: goes on under a new monitor (F05)" {
	redock run -d --name a --network none --health-cmd 'test -e /tmp/ok' --health-interval 200ms \
		--health-retries 1 bb sleep 1000
	happened 'health_status: unhealthy'
	local monitor
	monitor=$(monitor_of a)
	kill -KILL "$monitor"
	wait_gone 10 "$monitor"
	run redock ps # takes it over
	contains "(unhealthy)"
	redock exec a touch /tmp/ok
	happened 'health_status: healthy'
}

# What the monitor reads to learn whether the container is frozen, once for each layout.
frozen_file() {
	find /sys/fs/cgroup -path "*redock*/$(basename "$(kept "$1")")/*" \
		\( -name freezer.state -o -name cgroup.freeze -o -name cgroup.events \) 2>/dev/null
}

@test "health: a container that is paused as a probe begins holds its monitor up for nothing" {
	local file
	redock run -d --name a --network none --health-cmd true --health-interval 100ms \
		--health-timeout 300ms --health-retries 1 bb sleep 1000
	happened 'health_status: healthy'
	redock pause a
	# the probe looks, finds it running, and begins: that is the moment
	for file in $(frozen_file a); do
		case $file in
		*/freezer.state) echo THAWED >"$BATS_TEST_TMPDIR/thawed" ;;
		*/cgroup.freeze) echo 0 >"$BATS_TEST_TMPDIR/thawed" ;;
		*) printf 'populated 1\nfrozen 0\n' >"$BATS_TEST_TMPDIR/thawed" ;;
		esac
		mount --bind "$BATS_TEST_TMPDIR/thawed" "$file"
	done
	# its time-out counts while it hangs
	happened 'health_status: unhealthy'
	for file in $(frozen_file a); do
		umount "$file"
	done
	run timeout 20 "$REDOCK" inspect -f '{{json .State.Health}}' a
	contains "took longer than 300 ms"
	redock unpause a
	happened 'health_status: healthy' 2
	redock pause a
	timeout 20 "$REDOCK" stop -t 0 a
	run redock inspect -f '{{.State.Status}}' a
	is exited
}

@test "health: one that is paused as a probe begins can be killed" {
	local file
	redock run -d --name a --network none --health-cmd true --health-interval 100ms \
		--health-timeout 300ms --health-retries 1 bb sleep 1000
	happened 'health_status: healthy'
	redock pause a
	echo THAWED >"$BATS_TEST_TMPDIR/thawed"
	for file in $(frozen_file a); do
		mount --bind "$BATS_TEST_TMPDIR/thawed" "$file"
	done
	happened 'health_status: unhealthy'
	for file in $(frozen_file a); do
		umount "$file"
	done
	timeout 20 "$REDOCK" kill a
	run timeout 20 "$REDOCK" wait a
	is 137
}
