#!/usr/bin/env bats
# Networks, names, links. In a network namespace of its own, whose resolver is made up.
load helper

setup_file() {
	small_instance
	ip netns add rd-net
	ip netns add rd-far
	ip -n rd-net link add uplink type veth peer name world netns rd-far
	ip -n rd-net link set lo up
	ip -n rd-net link set uplink up
	ip -n rd-net addr add 192.0.2.1/24 dev uplink
	ip -n rd-net route add default via 192.0.2.2
	ip -n rd-far link set lo up
	ip -n rd-far link set world up
	ip -n rd-far addr add 192.0.2.2/24 dev world
	# The host's resolver: a stub on its loopback, as systemd-resolved has.
	cp /etc/resolv.conf "$E2E_DIR/resolv.conf.before"
	echo 'nameserver 127.0.0.53' >/etc/resolv.conf
	nsenter --net=/run/netns/rd-net dnsmasq --conf-file=/dev/null --no-hosts --no-resolv \
		--listen-address=127.0.0.53 --bind-interfaces --pid-file="$E2E_DIR/stub.pid" \
		--address=/inside.example/198.51.100.7
}

teardown_file() {
	kill "$(cat "$E2E_DIR/stub.pid")"
	cat "$E2E_DIR/resolv.conf.before" >/etc/resolv.conf
	ip netns del rd-net
	ip netns del rd-far
}

setup() {
	small_instance
	baseline
}

teardown() {
	local id
	for id in $(here redock ps -aq); do
		here redock -q rm -f "$id"
	done
	for id in $(here redock network ls -q --filter type=custom); do
		here redock -q network rm "$id"
	done
	here redock -q run --network none --name sweep bb true
	here redock -q rm sweep >/dev/null
	# one chain: of a teardown only the last command counts
	inv && run here nft list ruleset && is "" && run here ip -o link &&
		[[ ! $output =~ rd[0-9a-f]{8} ]] &&
		run pgrep -f "dnsmasq.*$REDOCK_RUN_ROOT" && expect_status 1
}

here() {
	if [ "$1" = redock ]; then
		set -- "$REDOCK" "${@:2}"
	fi
	nsenter --net=/run/netns/rd-net "$@"
}

# Kills processes, and returns when they are dead.
slay() {
	kill -9 "$@"
	wait_gone 10 "$@"
}

sleeper() {
	here redock -q run -d "$@" bb sleep 1000 >/dev/null
}

address_of() { # CONTAINER NETWORK
	here redock inspect "$1" | json "d[0]['NetworkSettings']['Networks']['$2']['IPAddress']"
}

# resolves CONTAINER NAME: its addresses
resolves() {
	here redock exec "$1" nslookup "$2" | sed -n '/^Name:/,$s/^Address[ 0-9]*: //p'
}

@test "network: create, ls, inspect, rm" {
	run here redock network create --subnet 10.99.7.0/24 --label color=red back
	expect_status 0
	[[ $output =~ ^[0-9a-f]{64}$ ]]
	run here redock network ls --format '{{.Name}}'
	contains back
	contains bridge
	run here redock network inspect back
	[ "$(json 'd[0]["IPAM"]["Config"][0]["Subnet"]' <<<"$output")" = 10.99.7.0/24 ]
	[ "$(json 'd[0]["Labels"]["color"]' <<<"$output")" = red ]
	run here redock network create back
	[ "$status" -ne 0 ]
	contains "try: "
	run here redock network create --subnet 10.99.0.0/16 other
	[ "$status" -ne 0 ]
	contains "network 'back'"
	run here redock network create --subnet 192.0.2.0/25 other
	[ "$status" -ne 0 ]
	contains route
	sleeper --name a --network back
	run here redock network rm back
	[ "$status" -ne 0 ]
	contains "'a'"
	here redock -q rm -f a
	run here redock network rm back
	expect_status 0
	run here redock network rm bridge
	[ "$status" -ne 0 ]
	run here redock run --network nosuch bb true
	refused 125 nosuch
}

@test "network: names, ids and aliases resolve between containers of a user network" {
	local id
	here redock -q network create back >/dev/null
	sleeper --name one --network back
	sleeper --name two --network back --network-alias db --network-alias store
	id=$(here redock ps -q --filter name=two)
	for name in two "${id:0:12}" db store two.back; do
		run resolves one "$name"
		is "$(address_of two back)"
	done
	run resolves two one
	is "$(address_of one back)"
	run here redock exec one sh -c "$reaches" sh two
	expect_status 0
	here redock -q rm -f two
	run here redock exec one nslookup two
	[ "$status" -ne 0 ]
}

@test "network: what only the host's own resolver knows resolves, too" {
	here redock -q network create back >/dev/null
	run here redock run --rm --network back bb nslookup host.inside.example
	contains 198.51.100.7
}

@test "network: names are answered on the bridge alone, and for its containers" {
	local gateway
	here redock -q network create back >/dev/null
	sleeper --name one --network back
	gateway=$(here redock network inspect back | json 'd[0]["IPAM"]["Config"][0]["Gateway"]')
	run here ss -lunH sport = :53
	contains "$gateway:53"
	lacks "192.0.2.1:53"
	lacks "0.0.0.0:53"
	run nsenter --net=/run/netns/rd-far sh -c "ip route add $gateway via 192.0.2.1; nslookup -timeout=1 -retry=0 one $gateway; ip route del $gateway"
	lacks "Name:"
	run here redock run --rm bb sh -c "timeout 3 nslookup one $gateway"
	lacks "Name:"
	# not root
	run ps -o user= -p "$(cat "$REDOCK_RUN_ROOT"/net/*/dns.pid)"
	lacks root
}

@test "network: a name server that was killed comes back" {
	here redock -q network create back >/dev/null
	sleeper --name one --network back
	slay "$(cat "$REDOCK_RUN_ROOT"/net/*/dns.pid)"
	here redock -q network reload
	run resolves one one
	is "$(address_of one back)"
	slay "$(cat "$REDOCK_RUN_ROOT"/net/*/dns.pid)"
	sleeper --name two --network back
	run resolves one two
	is "$(address_of two back)"
}

@test "network: the name server does not get the host's null device" {
	local owner
	here redock -q network create back >/dev/null
	mknod -m 666 "$BATS_TEST_TMPDIR/null" c 1 3
	mount --bind "$BATS_TEST_TMPDIR/null" /dev/null
	sleeper --name one --network back
	owner=$(stat -c '%u %a' /dev/null)
	umount -l /dev/null # open in what runs
	[ "$owner" = "0 666" ]
	[ "$(resolves one one)" = "$(address_of one back)" ]
}

@test "network: containers of different networks do not reach each other" {
	here redock -q network create front >/dev/null
	here redock -q network create back >/dev/null
	sleeper --name f --network front
	sleeper --name b --network back
	sleeper --name d
	run here redock exec f sh -c "$reaches" sh "$(address_of b back)"
	expect_status 1
	run here redock exec b sh -c "$reaches" sh "$(address_of f front)"
	expect_status 1
	run here redock exec d sh -c "$reaches" sh "$(address_of f front)"
	expect_status 1
	run here redock exec f nslookup b
	[ "$status" -ne 0 ]
}

@test "network: an internal one has no way out" {
	here redock -q network create --internal inner >/dev/null
	sleeper --name a --network inner
	sleeper --name b --network inner
	run here redock exec a sh -c "$reaches" sh b
	expect_status 0
	run here redock exec a sh -c "$reaches" sh 192.0.2.2
	expect_status 1
	run here redock run --rm bb sh -c "$reaches" sh 192.0.2.2
	expect_status 0
}

@test "network: connect and disconnect while it runs, and at the next start" {
	here redock -q network create front >/dev/null
	here redock -q network create back >/dev/null
	sleeper --name one --network front
	sleeper --name two --network back
	run here redock network connect --alias first --ip "$(address_of two back | sed 's/[0-9]*$/77/')" back one
	expect_status 0
	[[ $(address_of one back) == *.77 ]]
	run resolves two first
	is "$(address_of one back)"
	run here redock exec one sh -c "$reaches" sh "$(address_of two back)"
	expect_status 0
	run here redock network connect back one
	[ "$status" -ne 0 ]
	here redock -q stop -t 0 one
	here redock -q start one
	[[ $(address_of one back) == *.77 ]]
	here redock -q network disconnect back one
	run here redock exec one sh -c "$reaches" sh "$(address_of two back)"
	expect_status 1
	run here redock exec two nslookup first
	[ "$status" -ne 0 ]
	# the last one
	here redock -q network disconnect front one
	run here redock exec one ip -o link
	lacks eth
	here redock -q network connect back one
	run resolves one two
	is "$(address_of two back)"
}

@test "network: --ip that is taken names who has it" {
	here redock -q network create --subnet 10.99.8.0/24 back >/dev/null
	sleeper --name one --network back --ip 10.99.8.9
	[ "$(address_of one back)" = 10.99.8.9 ]
	run here redock run -d --name two --network back --ip 10.99.8.9 bb true
	refused 125 10.99.8.9
	run here redock run -d --name three --network back --ip 10.98.8.9 bb true
	expect_status 125
}

@test "network: none, host, and another container's" {
	run here redock run --rm --network none bb ip -o link
	lacks eth
	run here redock run --rm --network host bb ip -o link
	contains uplink
	sleeper --name one
	run here redock run --rm --network container:one bb ip -4 -o addr
	contains "$(address_of one bridge)"
	run here redock run --rm --network container:one bb cat /etc/hosts
	contains "$(address_of one bridge)"
	here redock -q stop -t 0 one
	run here redock run --rm --network container:one bb true
	refused 125 "does not run"
}

@test "network: links on the default network: names and variables" {
	sleeper --name db --expose 5432 -e COLOR=red
	run here redock run --rm --link db:store bb sh -c 'grep store /etc/hosts; env | sort'
	contains "$(address_of db bridge)"
	contains "STORE_PORT=tcp://$(address_of db bridge):5432"
	contains "STORE_PORT_5432_TCP_ADDR=$(address_of db bridge)"
	contains "STORE_ENV_COLOR=red"
	run here redock run --rm --link nosuch:x bb true
	expect_status 125
}

@test "network: who is linked learns the address that the other has after its restart" {
	local old
	here redock -q network create --subnet 10.97.3.0/24 back
	sleeper --name db --network back
	sleeper --name app --network back --link db:store
	here redock exec app sh -c 'echo 198.51.100.7 mine >>/etc/hosts'
	old=$(address_of db back)
	here redock -q stop -t 0 db
	sleeper --name other --network back --ip "$old"
	here redock -q start db
	run here redock exec app cat /etc/hosts
	contains "$(address_of db back)	store db"
	contains "198.51.100.7 mine"
	[ "$(grep -c store <<<"$output")" -eq 1 ]
	lacks "$old	store"
}

@test "network: hosts, resolv.conf and host names as they were asked for" {
	run here redock run --rm --add-host x.example:198.51.100.1 --add-host gate:host-gateway \
		--hostname web --domainname example.org bb cat /etc/hosts
	contains "198.51.100.1	x.example"
	[[ $output =~ [0-9]+.[0-9]+.[0-9]+.1[[:space:]]gate ]]
	contains "web.example.org web"
	run here redock run --rm --dns 198.51.100.53 --dns-search example.org --dns-opt ndots:2 bb \
		cat /etc/resolv.conf
	contains "nameserver 198.51.100.53"
	lacks "nameserver 127"
	contains "search example.org"
	contains "options ndots:2"
}

@test "F24 network: bridge, rules and link gone: reload restores; stop and rm work without" {
	local bridge
	here redock -q network create back >/dev/null
	sleeper --name one --network back
	sleeper --name two --network back
	bridge=$(here ip -o link | sed -n 's/^[0-9]*: \(rd[0-9a-f]*-[0-9a-f]*\):.*/\1/p')
	here ip link del "$bridge"
	here nft flush ruleset
	here redock -q network reload
	run here redock exec one sh -c "$reaches" sh two
	expect_status 0
	here ip link del "$(here ip -o link show master "$bridge" | sed -n '1s/^[0-9]*: \(rv[0-9a-f]*\)@.*/\1/p')"
	here redock -q network reload
	run here redock exec one sh -c "$reaches" sh two
	expect_status 0
	run here redock exec two sh -c "$reaches" sh one
	expect_status 0
	here ip link del "$bridge"
	here nft flush ruleset
	run here timeout 20 "$REDOCK" stop -t 0 one
	expect_status 0
	run here timeout 20 "$REDOCK" rm -f one two
	expect_status 0
}

@test "F05 network: a monitor and a container that were killed leave no name and no address" {
	here redock -q network create back >/dev/null
	sleeper --name one --network back
	sleeper --name two --network back
	local init monitor
	init=$(here redock inspect --format '{{.State.Pid}}' two)
	monitor=$(ps -o ppid= -p "$init" | tr -d ' ')
	slay "$monitor" "$init"
	here redock ps -a >/dev/null
	run here redock exec one nslookup two
	[ "$status" -ne 0 ]
	[ "$(find "$REDOCK_RUN_ROOT"/net/*/addresses -name '[0-9]*' | wc -l)" -eq 1 ]
}

@test "network: a container on several networks resolves the names of all of them, its neighbours do not" {
	local pid
	here redock -q network create front >/dev/null
	here redock -q network create back >/dev/null
	sleeper --name f --network front
	sleeper --name b --network back --network-alias db
	sleeper --name both --network front --network back
	run resolves both f
	is "$(address_of f front)"
	run resolves both db
	is "$(address_of b back)"
	run here redock exec both nslookup host.inside.example
	contains 198.51.100.7
	# who comes later
	sleeper --name late --network back
	run resolves both late
	is "$(address_of late back)"
	run here redock exec f nslookup b
	[ "$status" -ne 0 ]
	# it is asked from inside alone, and leaves port 53 free
	pid=$(here redock inspect --format '{{.State.Pid}}' both)
	run nsenter -t "$pid" -n ss -lunH sport = :53
	is ""
	run here redock exec f sh -c "timeout 3 nslookup -port=$(nsenter -t "$pid" -n ss -lunH src 127.0.0.11 | sed 's/.*127.0.0.11:\([0-9]*\) .*/\1/') db $(address_of both front)"
	lacks "Name:"
	# networks come and go
	here redock -q network disconnect back both
	run here redock exec both nslookup db
	[ "$status" -ne 0 ]
	run resolves both f
	is "$(address_of f front)"
	run nsenter -t "$pid" -n ss -lunH
	is ""
	here redock -q network connect back both
	run resolves both db
	is "$(address_of b back)"
	run resolves both f
	is "$(address_of f front)"
	slay "$(cat "$REDOCK_RUN_ROOT"/net/views/*.pid)"
	here redock -q network reload
	run resolves both db
	is "$(address_of b back)"
	here redock -q kill both
	here redock wait both
	run find "$REDOCK_RUN_ROOT/net/views" -name '*.pid'
	is ""
}

@test "network: rename of a running container changes its names at once" {
	here redock -q network create back >/dev/null
	sleeper --name one --network back
	sleeper --name two --network back --network-alias db
	run resolves one two
	is "$(address_of two back)"
	here redock -q rename two three
	for name in three three.back db; do
		run resolves one "$name"
		is "$(address_of three back)"
	done
	run here redock exec one nslookup two
	[ "$status" -ne 0 ]
	sleeper --name d1
	sleeper --name d2 --link d1:store
	here redock -q rename d1 d3
	here redock -q restart -t 0 d2
	run here redock exec d2 cat /etc/hosts
	contains "store d3"
}

@test "network: who has another container's network keeps none of its address when that one ends" {
	local before
	sleeper --name one
	before=$(address_of one bridge)
	sleeper --name two --network container:one
	run here redock exec two ip -4 -o addr
	contains "$before"
	here redock -q stop -t 0 one
	run here redock exec two ip -o link
	lacks eth
	here redock -q start one
	sleeper --name three
	run here redock exec three sh -c "$reaches" sh "$(address_of one bridge)"
	expect_status 0
	# it joins the new one when it is started anew
	here redock -q restart -t 0 two
	run here redock exec two ip -4 -o addr
	contains "$(address_of one bridge)"
}

@test "network: a container that its policy restarts keeps its names and its address" {
	local address pid
	here redock -q network create back >/dev/null
	sleeper --name one --network back
	here redock -q run -d --restart always --name two --network back bb sleep 1000 >/dev/null
	address=$(address_of two back)
	pid=$(here redock inspect --format '{{.State.Pid}}' two)
	slay "$pid"
	happened "\"Action\":\"start\".*$(readlink "$REDOCK_ROOT/names/two")" 2
	[ "$(here redock inspect --format '{{.State.Running}} {{.RestartCount}}' two)" = "true 1" ]
	run resolves one two
	is "$address"
	[ "$(address_of two back)" = "$address" ]
	run here redock exec one sh -c "$reaches" sh two
	expect_status 0
}

@test "network: a damaged record is named, harms no other network, and can be removed" {
	here redock -q network create back >/dev/null
	here redock -q network create front >/dev/null
	for damage in '{' '' '{"version": 1}' "$(printf '\377')"; do
		here redock -q network create odd >/dev/null
		printf '%s' "$damage" >"$REDOCK_ROOT/networks/odd.json"
		run here redock run --network odd bb true
		refused 125 "network 'odd'"
		contains "try: redock network rm odd"
		run here redock run --rm --network back bb true
		expect_status 0
		run here redock network ls --format '{{.Name}}'
		contains front
		run here redock network rm odd
		expect_status 0
	done
	run here redock network rm odd
	[ "$status" -ne 0 ]
	here redock -q network create odd >/dev/null
	run here redock run --rm --network odd bb true
	expect_status 0
}

@test "network: a firewall of the old iptables that drops is seen, each time it changes" {
	command -v iptables-legacy >/dev/null || skip "no iptables-legacy on this host"
	here iptables-legacy -P FORWARD DROP
	sleeper --name one
	run here redock exec one sh -c "$reaches" sh 192.0.2.2
	expect_status 0
	here iptables-legacy -F FORWARD
	run here redock exec one sh -c "$reaches" sh 192.0.2.2
	expect_status 1
	sleeper --name two
	run here redock exec one sh -c "$reaches" sh 192.0.2.2
	expect_status 0
	here redock -q rm -f one two
	run here iptables-legacy -S
	lacks redock
	here iptables-legacy -P FORWARD ACCEPT
}

@test "network: connect and disconnect keep /etc/hosts true, and what was written there" {
	here redock network create one >/dev/null
	here redock network create two >/dev/null
	here redock run -d --name source --network one bb sleep 1000
	here redock run -d --name linked --network one --link source:alias --add-host fixed:192.0.2.1 bb sleep 1000
	here redock exec linked sh -c 'echo "192.0.2.9 mine" >>/etc/hosts'
	here redock network connect two linked
	here redock network connect two source
	run here redock exec linked cat /etc/hosts
	[ "$(grep -c "$(here redock inspect -f '{{.Config.Hostname}}' linked)" <<<"$output")" -eq 2 ]
	here redock network disconnect one linked
	run here redock exec linked cat /etc/hosts
	contains "$(here redock inspect -f '{{.NetworkSettings.Networks.two.IPAddress}}' source)"$'\talias source'
	lacks "$(here redock inspect -f '{{.NetworkSettings.Networks.one.IPAddress}}' source)"
	contains "192.0.2.9 mine"
	contains $'192.0.2.1\tfixed'
	[ "$(grep -c alias <<<"$output")" -eq 1 ]
	here redock rm -f source linked
	here redock network rm one two
}

@test "network: --dns on a network with names: both answer" {
	local pid
	here redock network create named >/dev/null
	here redock run -d --name known --network named --network-alias other bb sleep 1000
	# dnsmasq gives the file that it logs to to its user, unless it cannot
	pid=$(cat "$REDOCK_RUN_ROOT"/net/*/dns.pid)
	grep -q ' /dev/null ro' "/proc/$pid/mountinfo"
	# a name server of the person's, out there
	nsenter --net=/run/netns/rd-far dnsmasq --conf-file=/dev/null --no-hosts --no-resolv --bind-interfaces \
		--listen-address=192.0.2.2 --user=root --address=/asked.test/192.0.2.77 --pid-file="$BATS_TEST_TMPDIR/pid" 3>&-
	pid=$(cat "$BATS_TEST_TMPDIR/pid")
	run here redock run --rm --network named --dns 192.0.2.2 bb cat /etc/resolv.conf
	is "nameserver 127.0.0.11"
	run here redock run --rm --network named --dns 192.0.2.2 bb sh -c 'nslookup asked.test; nslookup other; nslookup known.named'
	contains 192.0.2.77
	[ "$(grep -c "$(here redock inspect -f '{{.NetworkSettings.Networks.named.IPAddress}}' known)" <<<"$output")" -eq 2 ]
	run here redock run --rm --network named bb nslookup asked.test
	lacks 192.0.2.77
	# connecting keeps it so
	here redock run -d --name late --dns 192.0.2.2 bb sleep 1000
	run here redock exec late cat /etc/resolv.conf
	is "nameserver 192.0.2.2"
	here redock network connect named late
	run here redock exec late sh -c 'nslookup asked.test; nslookup other'
	contains 192.0.2.77
	contains "$(here redock inspect -f '{{.NetworkSettings.Networks.named.IPAddress}}' known)"
	here redock network disconnect named late
	run here redock exec late cat /etc/resolv.conf
	is "nameserver 192.0.2.2"
	kill "$pid"
	wait_gone 10 "$pid"
	here redock rm -f known late
	here redock network rm named
}
