#!/usr/bin/env bats
# T38: who reaches whom, before, while and after somebody has flushed the rules.  In two network
# namespaces, a host's and its neighbour's, and those of containers; the host's own rules are never
# touched.
#
#   near 192.0.2.2 --- 192.0.2.1 host --- default: d
#                                     --- front: web (-p 8080:80), app
#                                     --- back: db (-p 127.0.0.1:8081:80)
#                                     --- inner (--internal): in
load helper

# A program for a container: answers each request to port 80 with its name and who asks.
# shellcheck disable=SC2016 # for the container's shell
server='mkdir -p /w/cgi-bin; printf "#!/bin/sh\necho; echo $0 from \$REMOTE_ADDR\n" >/w/cgi-bin/who
chmod 755 /w/cgi-bin/who; exec httpd -f -p 80 -h /w'

setup_file() {
	small_instance
	state >"$BATS_FILE_TMPDIR/before"
	ip netns add rd-lab
	ip netns add rd-near
	ip -n rd-lab link add uplink type veth peer name world netns rd-near
	ip -n rd-lab link set lo up
	ip -n rd-lab link set uplink up
	ip -n rd-lab addr add 192.0.2.1/24 dev uplink
	# the kernel drops what comes for 127.0.0.1 by itself: here our rules have to
	at lab sysctl -qw net.ipv4.conf.uplink.route_localnet=1
	ip -n rd-near link set lo up
	ip -n rd-near link set world up
	ip -n rd-near addr add 192.0.2.2/24 dev world
	at near sysctl -qw net.ipv4.conf.all.route_localnet=1
	ip -n rd-near addr del 127.0.0.1/8 dev lo
	ip -n rd-near route add 127.0.0.1 via 192.0.2.1

	at lab redock -q network create front >/dev/null
	at lab redock -q network create back >/dev/null
	at lab redock -q network create --internal inner >/dev/null
	container web front -p 8080:80
	container app front
	container db back -p 127.0.0.1:8081:80
	container in inner
	container d bridge
	export FRONT BACK INNER
	FRONT=$(gateway front) BACK=$(gateway back) INNER=$(gateway inner)
	# who routes what it should not
	for address in "$web" "$app" "$db" "$in" "$d" "$FRONT" "$BACK"; do
		ip -n rd-near route add "$address" via 192.0.2.1
	done
	# who is root over its own namespace: a way out of the internal network, and one to the host's loopback
	at in ip route add default via "$INNER"
	at app sysctl -qw net.ipv4.conf.all.route_localnet=1
	at app ip addr del 127.0.0.1/8 dev lo
	at app ip route add 127.0.0.1 via "$FRONT"

	export SERVERS=""
	service lab host 127.0.0.1:9000 0.0.0.0:9001
	service near near 192.0.2.2:9002
}

teardown_file() {
	# shellcheck disable=SC2086 # several words
	kill $SERVERS
	at lab redock -q rm -f web app db in d
	at lab redock -q network rm front back inner
	at lab redock -q run --network none --name sweep bb true
	at lab redock -q rm sweep >/dev/null
	run at lab nft list ruleset
	ip netns del rd-lab
	ip netns del rd-near
	[ -z "$output" ] && state --compare "$BATS_FILE_TMPDIR/before"
}

setup() {
	instance attacks-net
}

# at PLACE COMMAND…: in the network namespace of "lab", "near" or a container.
at() {
	local place=/run/netns/rd-$1
	[ -e "$place" ] || place=/proc/$(init_of "$1")/ns/net
	if [ "$2" = redock ]; then
		set -- "$1" "$REDOCK" "${@:3}"
	fi
	nsenter --net="$place" "${@:2}"
}

# container NAME NETWORK OPTION…: a server; its address is in the variable NAME.
container() {
	local name=$1 network=$2
	shift 2
	at lab redock -q run -d --name "$name" --network "$network" "$@" bb sh -c "$server" "$name" >/dev/null
	timeout 20 nsenter --net="/proc/$(init_of "$name")/ns/net" \
		sh -c 'until ss -ltnH sport = :80 | grep -q .; do :; done'
	export "$name=$(at lab redock inspect "$name" | json "d[0]['NetworkSettings']['Networks']['$network']['IPAddress']")"
}

gateway() {
	at lab redock network inspect "$1" | json 'd[0]["IPAM"]["Config"][0]["Gateway"]'
}

# service PLACE NAME ADDRESS:PORT…: a server that is no container's.
service() {
	local place=$1 ready
	shift
	exec {ready}< <(exec nsenter --net="/run/netns/rd-$place" \
		/usr/bin/python3 "$TOP/tests/e2e/net-probe.py" serve "$@" 3>&-)
	SERVERS+=" $!"
	timeout 20 head -n 1 <&"$ready" | grep -q ready
	exec {ready}<&-
}

# expect: lines "PLACE TARGET ANSWER" on stdin ("-": none) are what is found, all at once.
expect() {
	local place dir="$BATS_TEST_TMPDIR/found" asking=()
	rm -rf "$dir"
	mkdir "$dir"
	grep -vE '^(#|$)' | sort >"$dir.wanted"
	for place in $(cut -d' ' -f1 "$dir.wanted" | uniq); do
		# shellcheck disable=SC2046 # a word each
		at "$place" /usr/bin/python3 "$TOP/tests/e2e/net-probe.py" probe \
			$(awk -v p="$place" '$1 == p { print ($3 == "-" ? "" : "+") $2 }' "$dir.wanted") |
			sed "s/^/$place /" >"$dir/$place" 3>&- &
		asking+=($!)
	done
	wait "${asking[@]}" # not for bats' own
	sort "$dir"/* | diff -u --label promised --label found "$dir.wanted" -
}

# What SECURITY.md says, under "Networks and what can be reached".
matrix() {
	expect <<-EOT
		# another host: published ports alone, on the addresses for which they are published
		near 192.0.2.1:8080 web from 192.0.2.2
		near $FRONT:8080 web from 192.0.2.2
		near 192.0.2.1:8081 -
		near $BACK:8081 -
		near 127.0.0.1:8081 -
		near 127.0.0.1:8080 -
		near $web:80 -
		near $app:80 -
		near $db:80 -
		near $in:80 -
		near $d:80 -
		near 192.0.2.1:9001 host from 192.0.2.2
		# this host: everything; what is published on 127.0.0.1, there alone
		lab 127.0.0.1:8080 web from $FRONT
		lab 127.0.0.1:8081 db from $BACK
		lab 192.0.2.1:8081 -
		lab $web:80 web from $FRONT
		lab $app:80 app from $FRONT
		lab $db:80 db from $BACK
		lab $in:80 in from $INNER
		# a container: its own network, what is published to all, the world with the host's address
		app $web:80 web from $app
		app 192.0.2.1:8080 web from $FRONT
		app 192.0.2.1:8081 -
		app $FRONT:8081 -
		app $db:80 -
		app $in:80 -
		app $d:80 -
		app 192.0.2.2:9002 near from 192.0.2.1
		app $FRONT:9001 host from $app
		# not what listens on 127.0.0.1, even with a route to it
		app 127.0.0.1:9000 -
		app 127.0.0.1:8081 -
		db $web:80 -
		db $app:80 -
		db $in:80 -
		db $d:80 -
		db 192.0.2.1:8080 web from $FRONT
		db 192.0.2.2:9002 near from 192.0.2.1
		d $web:80 -
		d $db:80 -
		d $in:80 -
		d 192.0.2.1:8080 web from $FRONT
		d 192.0.2.1:8081 -
		d 192.0.2.2:9002 near from 192.0.2.1
		# an internal network: the host at the gateway, even with a route out
		in $INNER:9001 host from $in
		in 192.0.2.1:9001 -
		in 192.0.2.1:8080 -
		in $INNER:8080 -
		in 192.0.2.2:9002 -
		in $web:80 -
		in $db:80 -
		in $d:80 -
	EOT
}

@test "attack: T38 who reaches whom, by any route, is what SECURITY.md says" {
	matrix
}

@test "attack: T38 rules that are flushed or removed come back with network reload, the same" {
	at lab nft flush ruleset
	# What that opens, until the next command that looks at them: who routes to a container reaches it,
	# networks reach each other, an internal one the neighbours. This also shows that the rules are
	# what closes them. (Published ports, and the way out by the host's address, are gone.)
	expect <<-EOT
		near $app:80 app from 192.0.2.2
		near $db:80 db from 192.0.2.2
		near $in:80 in from 192.0.2.2
		near 192.0.2.1:8080 -
		near 192.0.2.1:8081 -
		near 127.0.0.1:8081 -
		db $app:80 app from $db
		in 192.0.2.2:9002 near from $in
		app 127.0.0.1:9000 host from $app
	EOT
	at lab redock -q network reload
	matrix
}

@test "attack: T38 each part of a table that is gone or changed comes back" {
	local tables table
	tables=$(at lab nft list tables | awk '{ print $3 }')
	[ "$(wc -w <<<"$tables")" -eq 4 ]
	for table in $tables; do
		at lab nft flush chain inet "$table" entering
		at lab nft flush chain inet "$table" guard
		at lab nft insert rule inet "$table" leaving accept
	done
	at lab redock -q network reload
	matrix
	for table in $tables; do
		at lab nft flush map inet "$table" published
		at lab nft flush map inet "$table" published_at
	done
	at lab redock -q network reload
	matrix
	for table in $tables; do
		at lab nft delete table inet "$table"
		at lab redock -q network reload
	done
	matrix
}

@test "attack: T38 the next container of a network brings its rules back, the same" {
	local network
	at lab nft flush ruleset
	for network in front back inner bridge; do
		at lab redock -q run --rm --network "$network" bb true
	done
	matrix
}

@test "attack: T38 nothing private is open for a moment while rules are made again and containers come and go" {
	local to pid
	exec {to}> >(exec nsenter --net=/run/netns/rd-near /usr/bin/python3 "$TOP/tests/e2e/net-probe.py" \
		hammer 192.0.2.1:8081 127.0.0.1:8081 "$web:80" "$app:80" "$db:80" "$in:80" "$d:80" \
		>"$BATS_TEST_TMPDIR/hammered" 3>&-)
	pid=$!
	for network in front back inner bridge; do
		at lab redock -q run --rm -p 80 --network "$network" bb true || [ "$network" = inner ]
		# somebody else's change makes the next command look at all
		at lab nft add table inet other
		at lab redock -q network reload
		at lab nft delete table inet other
		at lab redock -q network reload
	done
	exec {to}>&-
	wait_gone 60 "$pid"
	run cat "$BATS_TEST_TMPDIR/hammered"
	[[ $output =~ ^rounds\ [0-9]+$ ]]
	[ "${output#rounds }" -ge 10 ]
}
