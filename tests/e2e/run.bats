#!/usr/bin/env bats
# redock run: every option, exit codes, and what a container is given.
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

@test "run: prints what the command prints, on the stream it used" {
	run --separate-stderr redock run --rm bb sh -c 'echo out; echo err >&2'
	expect_status 0
	is out
	[ "$stderr" = err ]
}

@test "run: ends with the command's status, all of them" {
	for code in 0 1 2 7 42 124 125 126 127 128 137 255; do
		run redock run --rm --network none bb sh -c "exit $code"
		expect_status "$code"
	done
}

@test "run: 127 not found, 126 not executable, 125 our own failure" {
	run redock run --rm bb nosuchprogram
	expect_status 127
	contains "'nosuchprogram'"
	run redock run --rm bb /bin/nosuchprogram
	expect_status 127
	run redock run --rm bb /data/plain
	expect_status 126
	run redock run --rm bb /data
	expect_status 126
	run redock run --rm nosuch true
	expect_status 125
}

@test "run: 128+n when a signal ends it" {
	for signal in 1 2 9 15; do
		run redock run --rm --network none bb sh -c "kill -$signal \$\$"
		expect_status $((128 + signal))
	done
}

@test "run: a signal to redock run reaches the command" {
	mkfifo "$BATS_TEST_TMPDIR/out"
	"$REDOCK" run --rm bb sh -c 'trap "exit 9" TERM; echo up; while :; do read -r x </in; done' \
		>"$BATS_TEST_TMPDIR/out" 3>&- &
	local client=$! status=0
	read -r _ <"$BATS_TEST_TMPDIR/out"
	kill -TERM "$client"
	wait "$client" || status=$?
	[ "$status" -eq 9 ]
}

@test "run: large output arrives whole and in order" {
	run -0 bash -c 'redock() { "$REDOCK" "$@"; }; redock run --rm bb seq 1 200000 | sha256sum'
	local found=$output
	run bash -c 'seq 1 200000 | sha256sum'
	is "$found"
}

@test "run: a reader that goes away does not hang it" {
	run timeout 60 bash -c '"$REDOCK" run --rm bb yes | head -n 1'
	expect_status 0
	is y
}

@test "run -i: stdin reaches the command, its end too" {
	run bash -c 'seq 1 100000 | "$REDOCK" run --rm -i bb cat | sha256sum; seq 1 100000 | sha256sum'
	expect_status 0
	[ "${lines[0]}" = "${lines[1]}" ]
	run bash -c 'echo data | "$REDOCK" run --rm -i bb wc -c'
	[ "$(tr -d ' ' <<<"$output")" = 5 ]
}

@test "run: without -i the command's stdin is empty" {
	run bash -c 'echo data | "$REDOCK" run --rm bb wc -c'
	expect_status 0
	[ "$(tr -d ' ' <<<"$output")" = 0 ]
}

@test "run -t: the command has a terminal of the container's own" {
	run with_tty "$REDOCK" run --rm -t bb sh -c 'tty; test -t 0 && test -t 1 && test -t 2 && echo all'
	expect_status 0
	contains /dev/pts/
	contains all
	run redock run --rm bb sh -c 'test -t 1'
	expect_status 1
}

@test "run -it: what is typed reaches it, and the size of the window is known inside" {
	run with_tty bash -c 'stty rows 33 cols 99; "$REDOCK" run --rm -it bb sh -c "stty size; exit 5"'
	expect_status 5
	contains "33 99"
}

@test "run -d: prints the id, and ps, rm -f know it" {
	run redock run -d --name bg bb sleep 1000
	expect_status 0
	[[ $output =~ ^[0-9a-f]{64}$ ]]
	local id=$output
	run redock ps
	contains bg
	contains "${id:0:12}"
	run redock rm bg
	expect_status 1
	contains "try: "
	run redock rm -f "${id:0:6}"
	expect_status 0
	run redock ps -a
	lacks bg
}

@test "run: a container that ended stays until rm, with its status" {
	run redock run --name ended bb sh -c 'exit 3'
	expect_status 3
	run redock ps
	lacks ended
	run redock ps -a
	contains ended
	contains 3
	run redock ps -a --json
	[ "$(json 'len(d)' <<<"$output")" = 1 ]
	run redock rm ended
	expect_status 0
	run redock ps -a
	lacks ended
}

@test "run --rm: nothing stays, whether it ends well or not" {
	run redock run --rm --name gone bb true
	expect_status 0
	run redock run --rm --name gone bb false
	expect_status 1
	run redock run --rm --name gone bb nosuchprogram
	expect_status 127
	run redock ps -a
	lacks gone
}

@test "run --name: a name in use, and a bad name, are refused" {
	redock run -d --name taken bb sleep 1000
	run redock run --rm --name taken bb true
	refused 125 "'taken'"
	for name in 'a b' '../x' '-x' '' 'a/b' 'a:b' "$(printf 'a\nb')"; do
		run redock run --rm --name "$name" bb true
		expect_status 125
	done
}

@test "run -h/--hostname: the host name inside" {
	run redock run --rm -h some-host bb hostname
	is some-host
	run redock run --rm --hostname other.example bb hostname
	is other.example
	run redock run --rm -h some-host bb grep -c some-host /etc/hosts
	expect_status 0
	run redock run --rm -h "$(printf 'a\nb')" bb hostname
	expect_status 125
}

@test "run: without -h the host name is the short id" {
	run redock run --rm bb hostname
	[[ $output =~ ^[0-9a-f]{12}$ ]]
}

@test "run -e: variables, one of the caller's, and nothing else of the caller's" {
	export E2E_FROM_OUTSIDE="a value" E2E_SECRET=secret
	run redock run --rm -e A=1 -e B='x y' --env C= -e E2E_FROM_OUTSIDE bb env
	contains A=1
	contains 'B=x y'
	contains C=
	contains 'E2E_FROM_OUTSIDE=a value'
	lacks E2E_SECRET
	contains PATH=
	contains HOME=/root
}

@test "run -w: the working directory, made when missing, absolute or refused" {
	run redock run --rm -w /tmp bb pwd
	is /tmp
	run redock run --rm --workdir /new/deep bb pwd
	is /new/deep
	run redock run --rm -w relative bb pwd
	refused 125
	run redock run --rm bb pwd
	is /
}

@test "run -u: by name, by number, with a group, and nobody else" {
	run redock run --rm -u user bb id
	contains 'uid=1000'
	contains 'gid=1000'
	contains 2000
	run redock run --rm -u 1234 bb id -u
	is 1234
	run redock run --rm -u 1234:4321 bb sh -c 'id -u; id -g'
	is "$(printf '1234\n4321')"
	run redock run --rm --user user:extra bb id -g
	is 2000
	run redock run --rm -u user bb sh -c 'echo $HOME'
	is /home/user
	for who in nosuch 4294967296 -1 '1000 ' :5x 1e3; do
		run redock run --rm -u "$who" bb true
		expect_status 125
	done
}

# The value of a limit in the cgroup of process PID, by v1's or v2's name.
limit_of() {
	local pid=$1 controller=$2 v1=$3 v2=$4 line path
	while IFS=: read -r _ line path; do
		case ,$line, in
		*,"$controller",*) cat "/sys/fs/cgroup/$controller$path/$v1" && return ;;
		,,) [ ! -e "/sys/fs/cgroup$path/$v2" ] || { cat "/sys/fs/cgroup$path/$v2" && return; } ;;
		esac
	done <"/proc/$pid/cgroup"
	return 1
}

@test "run -m, --cpus, --pids-limit: the limits are in the cgroup" {
	redock run -d --name lim -m 64m --cpus 0.5 --pids-limit 50 bb sleep 1001
	local pid
	pid=$(pid_inside 'sleep 1001')
	run limit_of "$pid" memory memory.limit_in_bytes memory.max
	is 67108864
	run limit_of "$pid" pids pids.max pids.max
	is 50
	run limit_of "$pid" cpu cpu.cfs_quota_us cpu.max
	[[ $output == 50000 || $output == "50000 100000" ]]
}

@test "run -m: sizes in Docker's units, and what is not a size" {
	local pid size bytes
	for pair in 8388608:8388608 16384k:16777216 32m:33554432 1g:1073741824 9MB:9437184; do
		size=${pair%:*} bytes=${pair#*:}
		redock -q run -d --name lim -m "$size" bb sleep 1002
		pid=$(pid_inside 'sleep 1002')
		run limit_of "$pid" memory memory.limit_in_bytes memory.max
		is "$bytes"
		redock -q rm -f lim
	done
	for size in -1 1x 12q '' 1e3 99999999999999999999g; do
		run redock run --rm -m "$size" bb true
		expect_status 125
	done
}

@test "run -m: who takes more is killed, and it is said" {
	run redock run --name oom -m 16m bb sh -c 'x=0123456789abcdef; while :; do x=$x$x; done'
	expect_status 137
	run redock ps -a --json
	contains '"oom'
	redock rm oom
}

@test "run --pids-limit: a fork bomb ends at the limit" {
	run redock run --rm --pids-limit 20 bb sh -c 'i=0; while [ $i -lt 40 ]; do sleep 60 & i=$((i+1)); done; echo all'
	lacks all
	[ "$status" -ne 0 ]
	for limit in x 1.5 ''; do
		run redock run --rm --pids-limit "$limit" bb true
		expect_status 125
	done
}

@test "run: the default limit of processes is 2048, -1 lifts it" {
	local pid
	redock -q run -d --name lim bb sleep 1003
	pid=$(pid_inside 'sleep 1003')
	run limit_of "$pid" pids pids.max pids.max
	is 2048
	redock -q rm -f lim
	redock -q run -d --name lim --pids-limit -1 bb sleep 1003
	pid=$(pid_inside 'sleep 1003')
	run limit_of "$pid" pids pids.max pids.max
	is max
}

@test "run --cpus: what is no number of CPUs" {
	for cpus in x -1 '' 1e9 0.0001; do
		run redock run --rm --cpus "$cpus" bb true
		expect_status 125
	done
	run redock run --rm --cpus 1.5 bb true
	expect_status 0
}

@test "run --network bridge: an address, a route, and the host answers" {
	run redock run --rm bb sh -c 'ip -4 addr show eth0; ip route'
	expect_status 0
	contains 'inet '
	contains 'default via'
	run redock run --rm bb sh -c "$reaches" sh "$(sed -n 's/default via \([0-9.]*\).*/\1/p' <<<"$output")"
	expect_status 0
	run redock run --rm --network bridge bb ip link show lo
	contains UP
}

@test "run --network none: loopback alone, and up" {
	run redock run --rm --network none bb ls /sys/class/net
	is lo
	run redock run --rm --network none bb sh -c "$reaches" sh 127.0.0.1
	expect_status 0
}

@test "run --network host: the host's links" {
	run redock run --rm --network host bb cat /proc/net/dev
	expect_status 0
	# /sys may be mounted for another network namespace than this one
	for link in $(ip -json link | json '" ".join(l["ifname"] for l in d)'); do
		contains "$link:"
	done
	run redock run --rm --network nosuch bb true
	refused 125 nosuch
}

@test "run: two containers on the bridge reach each other" {
	redock -q run -d --name one bb sh -c "$echo_loop"
	local address
	address=$(redock ps --json | json 'd[0]["Address"]')
	run redock run --rm bb sh -c "$reaches" sh "$address"
	expect_status 0
}

@test "run: /etc/hosts, hostname and resolv.conf are there, whatever the image has" {
	run redock run --rm -h box bb sh -c 'cat /etc/hosts /etc/hostname /etc/resolv.conf'
	expect_status 0
	contains localhost
	contains box
}

@test "run: orphans are reaped" {
	# Reaping takes its moment; what is never reaped is seen a thousand times.
	run redock run --rm bb sh -c 'i=0; while [ $i -lt 200 ]; do (true &); i=$((i + 1)); done
		i=0; while [ $i -lt 1000 ] && ps -o stat | grep -q ^Z; do i=$((i + 1)); done
		ps -o stat | grep -c ^Z'
	is 0
}

@test "run: options may follow each other, and end at the image" {
	run redock run --rm -i -e A=b --name opts bb echo --rm -d --name x
	expect_status 0
	is "--rm -d --name x"
	run redock run --rm -- bb echo ok
	is ok
	run redock run --rm -ie X=1 bb sh -c 'echo $X' </dev/null
	is 1
}

@test "run: the same in a clean environment and with odd stdio" {
	run env -i "REDOCK_ROOT=$REDOCK_ROOT" "REDOCK_RUN_ROOT=$REDOCK_RUN_ROOT" "$REDOCK" run --rm bb echo hello
	expect_status 0
	is hello
	run bash -c '"$REDOCK" run --rm bb true <&- >&- 2>&-'
	expect_status 0
}

@test "ps --json: what it says about a container" {
	redock -q run -d --name j -h jay bb sleep 1004
	run --separate-stderr redock ps --json
	expect_status 0
	[ "$(json 'len(d)' <<<"$output")" = 1 ]
	contains '"j"'
	contains running
}

@test "ps: an empty list is only its heading, and --json an empty array" {
	run redock ps
	expect_status 0
	[ "${#lines[@]}" -le 1 ]
	run --separate-stderr redock ps --json
	[ "$(json 'd' <<<"$output")" = "[]" ]
}

@test "rm: several, one of which is missing" {
	redock run --name a bb true
	redock run --name b bb true
	run redock rm a nosuch b
	expect_status 1
	contains "'nosuch'"
	run redock ps -a
	[ "${#lines[@]}" -le 1 ]
}

@test "run: many at once" {
	local i pids=()
	for i in {1..12}; do
		redock run --rm bb sh -c "exit $i" 3>&- &
		pids[i]=$!
	done
	for i in {1..12}; do
		local status=0
		wait "${pids[i]}" || status=$?
		[ "$status" -eq "$i" ]
	done
}
