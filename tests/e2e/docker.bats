#!/usr/bin/env bats
# Beside a running dockerd, whose firewall drops what is forwarded. All of it happens in a network
# namespace of its own with a made-up outside, so that the host's rules are never touched.
load helper

setup_file() {
	command -v dockerd >/dev/null || skip "no dockerd on this host"
	machine_instance
	# here --- out: the uplink of a host and one host of the world.
	ip netns add rd-here
	ip netns add rd-out
	ip -n rd-here link add uplink type veth peer name world netns rd-out
	ip -n rd-here link set lo up
	ip -n rd-here link set uplink up
	ip -n rd-here addr add 192.0.2.1/24 dev uplink
	ip -n rd-here route add default via 192.0.2.2
	# dockerd drops what is forwarded when it is the one that switches forwarding on.
	here sysctl -qw net.ipv4.ip_forward=0
	ip -n rd-out link set lo up
	ip -n rd-out link set world up
	ip -n rd-out addr add 192.0.2.2/24 dev world
	start_docker
	instance docker
	redock -q import "$E2E_DIR/image.tar" bb
}

dk() {
	docker -H "unix://$E2E_DIR/docker/socket" "$@"
}

start_docker() {
	local dir="$E2E_DIR/docker"
	mkdir -p "$dir"
	here /usr/bin/python3 "$TOP/tests/e2e/notify-wait.py" 60 \
		dockerd --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/pid" \
		-H "unix://$dir/socket" --storage-driver vfs >"$dir/started" 2>"$dir/log" 3>&-
}

stop_docker() {
	local dir="$E2E_DIR/docker" pid
	[ -s "$dir/started" ] || return 0
	pid=$(cat "$dir/started")
	kill -TERM "$pid"
	wait_gone 30 "$pid" || kill -9 "$pid"
	rm -f "$dir/started"
}

teardown_file() {
	stop_docker
	ip netns del rd-here
	ip netns del rd-out
	rm -rf "$E2E_DIR/docker"
}

setup() {
	instance machines
	baseline
}

teardown() {
	local id
	for id in $(here redock ps -a | awk 'NR > 1 { print $1 }'); do
		here redock -q rm -f "$id"
	done
	# one chain: of a teardown only the last command counts
	inv && run here nft list ruleset && contains docker0 && lacks redock &&
		[[ ! $output =~ rd[0-9a-f]{8} ]] && run here ip -o link &&
		[ "$(grep -cvE ' (lo|uplink|docker0)[@:]' <<<"$output")" -eq 0 ]
}

# A command in the namespace. (ip netns exec would hide the cgroups with its own /sys.)
here() {
	if [ "$1" = redock ]; then
		set -- "$REDOCK" "${@:2}"
	fi
	nsenter --net=/run/netns/rd-here "$@"
}

life() {
	run here redock start demo other
	expect_status 0
	contains "ssh demo-container"
	run here ssh demo-container hostname
	expect_status 0
	is demo
	local address
	address=$(here redock list --json | json '[m["Address"] for m in d if m["Alias"] == "other-container"][0]')
	run here ssh demo-container ping -c 1 -W 5 "$address"
	expect_status 0
	run here ssh demo-container ping -c 1 -W 5 192.0.2.2
	expect_status 0
	here ssh demo-container 'echo kept >/root/f'
	run here redock commit demo
	expect_status 0
	run here redock kill demo
	expect_status 0
	here redock -q start demo
	run here ssh demo-container cat /root/f
	is kept
	run here redock kill demo other
	expect_status 0
	run here redock delete demo
	expect_status 0
}

@test "docker: the whole life beside a running dockerd" {
	run here iptables -S FORWARD
	contains "-P FORWARD DROP"
	life
}

@test "docker: its rules stay when it goes; the life beside them" {
	stop_docker
	run here iptables -S FORWARD
	contains "-P FORWARD DROP"
	life
	start_docker
}

@test "docker: dockerd that starts while a machine runs does not cut it off" {
	stop_docker
	here redock -q start demo
	start_docker
	run here ssh demo-container hostname
	is demo
	here redock -q start demo
	run here ssh demo-container ping -c 1 -W 5 192.0.2.2
	expect_status 0
	here redock -q kill demo
}

# A server in a container of ours, and who asks it from outside.
serve() {
	local pid
	here redock -q run -d --name web -p 8080:80 bb httpd -f -p 80 >/dev/null
	pid=$(here redock inspect --format '{{.State.Pid}}' web)
	timeout 10 sh -c 'until nsenter -t "$1" -n ss -ltnH sport = :80 | grep -q .; do :; done' sh "$pid"
}

served() {
	printf 'GET / HTTP/1.0\r\n\r\n' |
		nsenter --net=/run/netns/rd-out timeout 5 socat -t 3 - TCP4:192.0.2.1:8080
}

@test "docker: published ports are reached while dockerd runs, after it, and when it starts again" {
	instance docker
	serve
	run served
	contains "HTTP/1"
	stop_docker
	run served
	contains "HTTP/1"
	here redock -q rm -f web
	serve
	run served
	contains "HTTP/1"
	start_docker
	here redock -q network reload
	run served
	contains "HTTP/1"
	here redock -q rm -f web
}

@test "docker: its containers are reached at published ports alone, as by everybody, and ours, too" {
	local id pid address ours
	instance docker
	dk import "$E2E_DIR/image.tar" bb >/dev/null
	id=$(dk run -d -p 8088:80 bb sh -c 'httpd -p 81; exec httpd -f -p 80')
	pid=$(dk inspect --format '{{.State.Pid}}' "$id")
	address=$(dk inspect --format '{{.NetworkSettings.IPAddress}}' "$id")
	timeout 10 sh -c 'until nsenter -t "$1" -n ss -ltnH sport = :80 | grep -q .; do :; done' sh "$pid"
	serve
	ours=$(here redock inspect --format '{{.NetworkSettings.IPAddress}}' web)
	run here redock exec web sh -c "nc -w 3 192.0.2.1 8088 </dev/null"
	expect_status 0
	run here redock exec web sh -c "nc -w 3 $address 80 </dev/null"
	expect_status 0
	run here redock exec web sh -c "nc -w 3 $address 81 </dev/null"
	expect_status 1
	# from there to ours
	run nsenter -t "$pid" -n timeout 5 socat /dev/null TCP4:192.0.2.1:8080
	expect_status 0
	run nsenter -t "$pid" -n timeout 3 socat /dev/null "TCP4:$ours:80"
	[ "$status" -ne 0 ]
	# the way out stays
	run here redock exec web sh -c "$reaches" sh 192.0.2.2
	expect_status 0
	here redock -q rm -f web
	dk rm -f "$id" >/dev/null
}
