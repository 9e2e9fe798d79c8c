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
	redock run -d --name a --network none --health-cmd 'echo looked; test -e /tmp/ok' \
		--health-interval 200ms --health-retries 2 bb sleep 1000
	run redock ps
	contains "(health: starting)"
	happened 'health_status: unhealthy'
	run redock ps
	contains "(unhealthy)"
	redock exec a touch /tmp/ok
	happened 'health_status: healthy'
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
	redock exec a sleep 0.5
	run redock ps
	contains "(health: starting)"
	redock exec a touch /tmp/ok
	happened 'health_status: healthy'
}

@test "health: goes on under a new monitor (F05)" {
	redock run -d --name a --network none --health-cmd 'test -e /tmp/ok' --health-interval 200ms \
		--health-retries 1 bb sleep 1000
	happened 'health_status: unhealthy'
	kill -KILL "$(monitor_of a)"
	redock exec a touch /tmp/ok
	run redock ps
	contains "(unhealthy)"
	happened 'health_status: healthy'
}
