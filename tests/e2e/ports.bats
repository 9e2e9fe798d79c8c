#!/usr/bin/env bats
# Published ports. All of it happens in a network namespace with a made-up neighbour, so that the
# host's rules and ports are never touched.
load helper

setup_file() {
	small_instance
	# here (192.0.2.1) --- near (192.0.2.2)
	ip netns add rd-ports
	ip netns add rd-near
	ip -n rd-ports link add uplink type veth peer name world netns rd-near
	ip -n rd-ports link set lo up
	ip -n rd-ports link set uplink up
	ip -n rd-ports addr add 192.0.2.1/24 dev uplink
	ip -n rd-near link set lo up
	ip -n rd-near link set world up
	ip -n rd-near addr add 192.0.2.2/24 dev world
}

teardown_file() {
	ip netns del rd-ports
	ip netns del rd-near
}

setup() {
	small_instance
	baseline
}

teardown() {
	local id
	rm -f "$XDG_CONFIG_HOME/redock/redock.conf"
	for id in $(here redock ps -aq); do
		here redock -q rm -f "$id"
	done
	here redock -q run --network none --name sweep bb true
	here redock -q rm sweep >/dev/null
	run here nft list ruleset
	# one chain: of a teardown only the last command counts
	inv && is ""
}

here() {
	if [ "$1" = redock ]; then
		set -- "$REDOCK" "${@:2}"
	fi
	nsenter --net=/run/netns/rd-ports "$@"
}

near() {
	nsenter --net=/run/netns/rd-near "$@"
}

# A program for a container: answers each request to port 80 with the address it comes from.
# shellcheck disable=SC2016 # for the container's shell
server='mkdir -p /w/cgi-bin; printf "#!/bin/sh\necho; echo from \$REMOTE_ADDR\n" >/w/cgi-bin/who
chmod 755 /w/cgi-bin/who; exec httpd -f -p 80 -h /w'
request='GET /cgi-bin/who HTTP/1.0\r\n\r\n'

# ask WHERE ADDRESS PORT: what the server there says to "here" or "near".
ask() {
	# shellcheck disable=SC2059 # it is a format
	printf "$request" | "$1" timeout 5 socat -t 3 - "TCP4:$2:$3"
}

# A container is up before its server is: it is when somebody listens in its namespace.
start_server() {
	local id pid
	id=$(here redock -q run -d "$@" bb sh -c "$server")
	pid=$(here redock inspect --format '{{.State.Pid}}' "$id")
	timeout 10 sh -c 'until nsenter -t "$1" -n ss -ltnH sport = :80 | grep -q .; do :; done' sh "$pid"
}

@test "ports: a published port is reached from outside, with the client's own address" {
	start_server -p 8080:80
	run ask near 192.0.2.1 8080
	contains "192.0.2.2]"
}

@test "ports: the host, other containers and the container itself reach it, too" {
	start_server --name web -p 8080:80
	run ask here 127.0.0.1 8080
	contains "from "
	run ask here 192.0.2.1 8080
	contains "from "
	run here redock run --rm bb sh -c "printf '$request' | nc -w 3 192.0.2.1 8080"
	contains "from "
	run here redock exec web sh -c "printf '$request' | nc -w 3 192.0.2.1 8080"
	contains "from "
}

@test "T38 ports: a port of 127.0.0.1 is reached from this host alone" {
	local address
	start_server --name web -p 127.0.0.1:8080:80
	run ask here 127.0.0.1 8080
	contains "from "
	run ask near 192.0.2.1 8080
	expect_status 1
	# Addressed to the loopback or to the container, and given to this host all the same.
	address=$(here redock inspect --format '{{.NetworkSettings.IPAddress}}' web)
	near sysctl -qw net.ipv4.conf.all.route_localnet=1
	near ip addr del 127.0.0.1/8 dev lo
	near ip route add 127.0.0.1 via 192.0.2.1
	near ip route add "$address" via 192.0.2.1
	run ask near 127.0.0.1 8080
	[ "$status" -ne 0 ]
	lacks "from"
	run ask near "$address" 80
	[ "$status" -ne 0 ]
	lacks "from"
	near ip route del "$address"
	near ip route del 127.0.0.1
	near ip addr add 127.0.0.1/8 dev lo
}

@test "ports: publish_address of the configuration is the default, an address goes over it" {
	mkdir -p "$HOME/.config/redock"
	echo 'publish_address = 127.0.0.1' >"$HOME/.config/redock/redock.conf"
	start_server --name one -p 8080:80
	start_server --name two -p 192.0.2.1:8081:80
	run here redock port one
	contains "127.0.0.1:8080"
	run ask near 192.0.2.1 8080
	expect_status 1
	run ask near 192.0.2.1 8081
	contains "192.0.2.2]"
	echo 'publish_address = nonsense' >"$HOME/.config/redock/redock.conf"
	run here redock run -p 8082:80 bb true
	refused 125 nonsense
	rm "$HOME/.config/redock/redock.conf"
}

@test "ports: udp, a range, a random port, and all that are exposed" {
	local port pid
	here redock -q run -d --name u -p 5353:53/udp bb sleep 100 >/dev/null
	pid=$(here redock inspect --format '{{.State.Pid}}' u)
	nsenter -t "$pid" -n timeout 20 socat -u UDP4-RECVFROM:53 - >"$BATS_TEST_TMPDIR/got" 3>&- &
	timeout 10 sh -c 'until nsenter -t "$1" -n ss -lunH sport = :53 | grep -q .; do :; done' sh "$pid"
	echo asked | near socat -u - UDP4:192.0.2.1:5353
	wait $!
	run cat "$BATS_TEST_TMPDIR/got"
	is asked
	here redock -q run -d --name r -p 7000-7003:80-83 bb sleep 100 >/dev/null
	run here redock port r
	contains "80/tcp -> 0.0.0.0:7000"
	contains "83/tcp -> 0.0.0.0:7003"
	start_server --name any -p 80
	port=$(here redock port any 80 | head -n 1)
	run ask near 192.0.2.1 "${port##*:}"
	contains "192.0.2.2]"
	start_server --name all -P --expose 80
	port=$(here redock port all 80/tcp | head -n 1)
	run ask near 192.0.2.1 "${port##*:}"
	contains "192.0.2.2]"
}

@test "ports: one that is in use is refused before anything is made, with who has it" {
	start_server --name web -p 8080:80
	run here redock run -d --name second -p 8080:80 bb true
	refused 125 "in use by container 'web'"
	nsenter --net=/run/netns/rd-ports socat TCP4-LISTEN:8090,reuseaddr /dev/null 3>&- &
	wait_listening 8090
	run here redock run -d --name third -p 127.0.0.1:8090:80 bb true
	refused 125 "in use by process $! (socat)"
	kill $!
	run here redock ps -aq
	[ "$(wc -l <<<"$output")" -eq 1 ]
	run here redock run -d --name fourth -p 198.51.100.9:80:80 bb true
	refused 125 "198.51.100.9"
}

# Until somebody listens on port $1 here.
wait_listening() {
	here timeout 10 sh -c 'until ss -ltnH sport = ":$1" | grep -q .; do :; done' sh "$1"
}

@test "ports: ss shows who has it; it is free when the container has ended" {
	start_server --name web -p 8080:80
	run here ss -ltnpH sport = :8080
	contains redock-monitor
	here redock -q kill web
	here redock wait web
	run here ss -ltnH sport = :8080
	is ""
	run here nft list ruleset
	lacks "8080"
	start_server --name next -p 8080:80
	run ask near 192.0.2.1 8080
	contains "192.0.2.2]"
}

@test "ports: a start that fails gives them back" {
	run -127 here redock run -d --name web -p 8080:80 bb /no/such/program
	run here ss -ltnH sport = :8080
	is ""
	here redock -q rm web
	start_server -p 8080:80
}

@test "F24 ports: what somebody has flushed, network reload restores" {
	start_server --name web -p 8080:80
	here nft flush ruleset
	run ask near 192.0.2.1 8080
	lacks "from"
	here redock -q network reload
	run ask near 192.0.2.1 8080
	contains "192.0.2.2]"
	run ask here 127.0.0.1 8080
	contains "from "
	here nft flush ruleset
	here redock -q rm -f web
}

@test "F05 ports: a monitor that is killed keeps its container's ports" {
	local pid
	start_server --name web -p 8080:80
	pid=$(here ss -ltnpH sport = :8080 | sed -n 's/.*pid=\([0-9]*\),.*/\1/p')
	kill -9 "$pid"
	wait_gone 5 "$pid"
	run ask near 192.0.2.1 8080
	contains "192.0.2.2]"
	here redock ps >/dev/null # adopts it
	run here ss -ltnpH sport = :8080
	contains redock-monitor
	here redock -q rm -f web
	run here nft list ruleset
	lacks "8080"
}
