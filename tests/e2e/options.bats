#!/usr/bin/env bats
# What each option of run and create does inside the container.
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

inside() {
	run redock run --rm "$@"
	expect_status 0
}

@test "options: capabilities are added, dropped and all of either" {
	inside --cap-drop ALL --cap-add NET_RAW bb grep CapBnd /proc/self/status
	contains 0000000000002000
	inside --cap-drop CHOWN bb grep CapBnd /proc/self/status
	lacks 00000000800405fb
	inside --cap-add ALL --cap-drop NET_RAW bb sh -c 'grep CapInh /proc/self/status'
	contains 0000000000000000
}

@test "options: seccomp profile, unconfined, no-new-privileges" {
	echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO"}]}' \
		>"$BATS_TEST_TMPDIR/profile.json"
	run redock run --rm --security-opt "seccomp=$BATS_TEST_TMPDIR/profile.json" bb mkdir /x
	expect_status 1
	contains "not permitted"
	inside --security-opt seccomp=unconfined --security-opt no-new-privileges bb \
		grep -E '^(Seccomp|NoNewPrivs):' /proc/self/status
	is $'NoNewPrivs:\t1\nSeccomp:\t0'
}

@test "options: a capability brings its system calls" {
	run redock run --rm bb mount -t tmpfs x /tmp
	expect_status 1
	inside --cap-add SYS_ADMIN bb sh -c 'mount -t tmpfs x /tmp && echo mounted'
	is mounted
}

@test "options: --privileged has devices and nothing read-only" {
	inside --privileged bb sh -c 'mount -t tmpfs x /tmp && test -c /dev/kmsg -o -b /dev/vda && grep "^sysfs /sys sysfs rw" /proc/mounts'
}

@test "options: sysctl, groups, names, shared memory, working directory, user" {
	inside --sysctl net.ipv4.ip_forward=1 --group-add 2000 -h first --domainname second \
		--shm-size 1m -w /made/here -u 1000 bb \
		sh -c 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/domainname; hostname; pwd; id -G; grep -o "/dev/shm.*size=1024k" /proc/mounts'
	contains $'1\nsecond\nfirst\n/made/here'
	contains 2000
	contains size=1024k
}

@test "options: --read-only, --tmpfs with its options" {
	run redock run --rm --read-only bb touch /x
	expect_status 1
	contains "Read-only"
	inside --read-only --tmpfs /t:size=1m,exec bb sh -c 'touch /t/x && grep " /t " /proc/mounts'
	contains size=1024k
	lacks noexec
	inside --tmpfs /t bb grep " /t " /proc/mounts
	contains noexec
}

@test "options: namespaces of the host and of another container" {
	inside --uts host bb hostname
	is "$(hostname)"
	inside --ipc host bb readlink /proc/self/ns/ipc
	is "$(readlink /proc/self/ns/ipc)"
	redock run -d --name giver --ipc shareable bb sleep 1001
	redock run --rm --ipc container:giver bb sh -c 'echo told >/dev/shm/word'
	run redock run --rm --ipc container:giver bb cat /dev/shm/word
	is told
	redock rm -f giver
	redock run -d --name miser bb sleep 1002
	run redock run --rm --ipc container:miser bb true
	refused 125 "does not share"
	redock rm -f miser
}

@test "options: what contradicts itself is refused, and nothing is made" {
	run redock run --rm --sysctl kernel.core_pattern=x bb true
	refused 125 "not a container's own"
	run redock run --rm --device /dev/nosuch bb true
	expect_status 125
	contains "/dev/nosuch"
	run redock run --rm --cpuset-cpus 4000 bb true
	refused 125 "not all on this host"
	run redock run --rm --privileged --cap-drop CHOWN bb true
	refused 125 "privileged"
	run redock run --rm --mount type=bind,src=/nosuch,dst=/x bb true
	refused 125 "/nosuch"
	run redock run --rm -l redock.machine=a:b bb true
	refused 125 "redock's own"
	run redock ps -aq
	is ""
}

@test "options: rename moves the name, and a taken one stays" {
	redock create --name one bb true
	redock create --name two bb true
	run redock rename one two
	expect_status 1
	contains "taken"
	redock rename one three
	run redock rm three two
	expect_status 0
	run redock rm one
	expect_status 1
}

@test "options: a seccomp profile that asks a listener is refused: nobody would answer" {
	echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_NOTIFY"}]}' \
		>"$BATS_TEST_TMPDIR/profile.json"
	run redock create --name asks --security-opt "seccomp=$BATS_TEST_TMPDIR/profile.json" bb mkdir /x
	refused 125 "SCMP_ACT_NOTIFY"
	run redock ps -aq
	is ""
}

@test "options: inspect shows the limit of processes that is in force, the default too" {
	redock run -d --name limited --network none bb sleep 1000
	run redock inspect -f '{{.HostConfig.PidsLimit}}' limited
	is 2048
	redock update --pids-limit 99 limited
	run redock inspect -f '{{.HostConfig.PidsLimit}}' limited
	is 99
	redock rm -f limited
	redock create --name free --pids-limit -1 bb true
	run redock inspect -f '{{.HostConfig.PidsLimit}}' free
	is -1
	redock rm free
}

# Without CAP_SYS_RESOURCE a hard limit can only sink.
without_resource() {
	setpriv --bounding-set -sys_resource "$REDOCK" "$@"
}

@test "options: a limit that cannot be raised is a warning: run, run -d, start, exec and -q" {
	local more=$(($(ulimit -Hn) * 2)) first
	local limit=nofile=$more:$more
	[ "$more" -gt 0 ] || limit=nofile=unlimited # already without a limit: nothing to warn of
	run --separate-stderr without_resource run --rm --network none --ulimit "$limit" bb echo fine
	is fine
	[[ $stderr == "redock: warning: "*"'nofile'" ]] || fail "stderr: $stderr"
	first=$stderr
	run --separate-stderr without_resource -q run -d --name limited --network none --ulimit "$limit" bb sleep 1000
	expect_status 0
	[ "$stderr" = "$first" ] || fail "stderr: $stderr"
	run --separate-stderr without_resource exec limited echo inside
	is inside
	[ "$stderr" = "$first" ] || fail "stderr: $stderr"
	redock kill limited
	run --separate-stderr without_resource start limited
	expect_status 0
	[ "$stderr" = "$first" ] || fail "stderr: $stderr"
	# one that fails all the same says both
	run -127 without_resource run --rm --network none --ulimit "$limit" bb /nosuch
	contains "redock: warning: "
	redock rm -f limited
}

@test "options: --stop-signal and --stop-timeout are what stop does" {
	local loop='while :; do read -r x </in && echo "$x" >/out; done'
	redock run -d --name asked --stop-signal INT bb sh -c "echo kept >/kept; trap 'exit 3' INT; $loop"
	answers asked
	redock stop asked
	run redock inspect -f '{{.State.ExitCode}} {{.Config.StopSignal}}' asked
	is "3 INT"
	redock run -d --name deaf --stop-timeout 1 bb sh -c "echo kept >/kept; trap '' TERM; $loop"
	answers deaf
	run timeout 8 "$REDOCK" stop deaf
	expect_status 0
	run redock inspect -f '{{.State.ExitCode}} {{.Config.StopTimeout}}' deaf
	is "137 1"
	redock rm asked deaf
}

@test "options: --log-driver none keeps nothing; --log-opt bounds what is kept" {
	redock run --name quiet --log-driver none bb echo nothing
	run redock logs quiet
	refused 1 "'none'"
	run find "$(kept quiet)" -name 'log*' -size +0
	is ""
	redock run --name loud --log-opt max-size=20k --log-opt max-file=2 bb sh -c 'i=0; while [ $i -lt 8000 ]; do echo "a line of output $i"; i=$((i+1)); done' >/dev/null
	run redock logs -n 1 loud
	is "a line of output 7999"
	run redock logs loud
	lacks $'output 0\n'
	[ "$(find "$(kept loud)" -name 'log*' -printf '%s\n' | awk '{ n += $1 } END { print n }')" -le 200000 ]
	run redock inspect -f '{{json .HostConfig.LogConfig}}' loud
	contains '"max-size":"20k"'
	run redock run --log-driver syslog bb true
	refused 125 "syslog"
	run redock run --log-opt nonsense=1 bb true
	refused 125 "nonsense"
	redock rm quiet loud
}

@test "options: --health-* and --no-healthcheck" {
	redock run -d --name checked --health-cmd 'test -e /well' --health-interval 100ms \
		--health-timeout 5s --health-retries 2 bb sleep 1000
	happened 'health_status: unhealthy'
	run redock ps --format '{{.Status}}'
	contains "(unhealthy)"
	redock exec checked touch /well
	happened 'health_status: healthy'
	run redock ps -q --filter health=healthy
	[ -n "$output" ]
	run redock inspect -f '{{.State.Health.Status}} {{.State.Health.FailingStreak}} {{.Config.Healthcheck.Retries}} {{(index .State.Health.Log 0).ExitCode}}' checked
	[[ $output =~ ^healthy\ 0\ 2\ [01]$ ]]
	redock rm -f checked
	redock create --name maker bb true
	redock commit -c 'HEALTHCHECK --interval=100ms CMD false' maker well
	redock run -d --name unchecked --no-healthcheck well sleep 1000
	run redock inspect -f '{{json .Config.Healthcheck}}' unchecked
	contains NONE
	run redock ps --format '{{.Status}}'
	lacks "health"
	redock rm -f unchecked maker
	redock rmi well
}

@test "options: --cgroupns, --pid, --userns, --uts of the host" {
	run redock run --rm bb cat /proc/self/cgroup
	lacks /redock
	run redock run --rm --cgroupns private bb cat /proc/self/cgroup
	lacks /redock
	run redock run --rm --cgroupns host bb cat /proc/self/cgroup
	contains /redock
	inside --pid host bb readlink /proc/self/ns/pid
	is "$(readlink /proc/self/ns/pid)"
	inside --userns host bb cat /proc/self/uid_map
	[[ $output =~ ^\ *0\ +0\ +4294967295$ ]]
	run redock run --rm --userns private bb true
	refused 125 userns
	run redock run --rm --uts host -h other bb true
	expect_status 125
	contains "exclude each other"
	run redock run --rm --pid nonsense bb true
	refused 125 pid
}

@test "options: --volumes-from gives the same volumes and binds, and read-only ones with :ro" {
	mkdir -p "$BATS_TEST_TMPDIR/bound"
	redock run -d --name giver -v /vol -v "$BATS_TEST_TMPDIR/bound:/bound:ro" --tmpfs /own bb sleep 1000
	inside --volumes-from giver bb sh -c 'echo told >/vol/word; touch /bound/x 2>&1; grep -c " /own " /proc/mounts; true'
	contains "Read-only"
	[[ $output == *0 ]]
	inside --volumes-from giver:ro bb sh -c 'cat /vol/word; touch /vol/y 2>&1; true'
	contains told
	contains "Read-only"
	run redock exec giver cat /vol/word
	is told
	run redock run --rm --volumes-from nosuch bb true
	expect_status 125
	contains nosuch
	redock rm -f -v giver
	run redock volume ls -q
	is ""
}

@test "options: --label-file, --env-file, --cidfile, --pull" {
	cd "$BATS_TEST_TMPDIR"
	printf '# a comment\nfrom=file\nalone\n over=file\n' >labels
	printf '# a comment\nFROM=file\nOVER=file\nHOME\n' >variables
	redock create --name noted --label-file labels -l over=line --env-file variables -e OVER=line --cidfile id bb env
	run redock inspect -f '{{json .Config.Labels}}' noted
	is '{"alone":"","from":"file","over":"line"}'
	[ "$(cat id)" = "$(redock inspect -f '{{.Id}}' noted)" ]
	run redock start -a noted
	contains FROM=file
	contains OVER=line
	contains "HOME=$HOME"
	run redock run --cidfile id bb true
	refused 125 "exists"
	redock rm noted
	inside --pull never bb echo here
	inside --pull missing bb echo here
	run redock run --rm --pull never nosuch true
	refused 125 nosuch
	run redock run --rm --pull always bb true
	refused 125 "cannot pull"
	run redock run --rm --pull sometimes bb true
	refused 125 sometimes
}

@test "options: --dns, --dns-search, --dns-option, --add-host are what /etc has" {
	inside --dns 192.0.2.53 --dns 192.0.2.54 --dns-search example.org --dns-search b.test --dns-option ndots:3 bb cat /etc/resolv.conf
	is $'nameserver 192.0.2.53\nnameserver 192.0.2.54\nsearch example.org b.test\noptions ndots:3'
	inside --dns-search . bb cat /etc/resolv.conf
	lacks search
	inside --add-host one:192.0.2.1 --add-host two=192.0.2.2 --add-host six:::1 --add-host gate:host-gateway bb cat /etc/hosts
	contains $'192.0.2.1\tone'
	contains $'192.0.2.2\ttwo'
	contains $'::1\tsix'
	inside --add-host gate:host-gateway bb sh -c 'grep gate /etc/hosts | cut -f1; ip route | sed -n "s/default via \([^ ]*\).*/\1/p"'
	[ "${lines[0]}" = "${lines[1]}" ]
	run redock run --rm --dns nonsense bb true
	expect_status 125
	run redock run --rm --add-host nonsense bb true
	refused 125 nonsense
}

@test "options: --link: a name in /etc/hosts, and Docker's variables" {
	redock run -d --name db --expose 5432 --expose 90/udp -e SECRET=x bb sleep 1000
	inside --link db:store bb sh -c 'grep store /etc/hosts; env'
	contains "store db"
	contains "STORE_PORT=tcp://"
	contains ":5432"
	contains "STORE_PORT_90_UDP_PROTO=udp"
	contains "STORE_ENV_SECRET=x"
	contains "STORE_NAME=/"
	redock stop -t 0 db
	run redock run --rm --link db bb true
	refused 125 "does not run"
	redock rm db
}

@test "options: --expose with -P, and port says where" {
	redock run -d --name open -P --expose 80 --expose 90-91/udp bb sleep 1000
	run redock port open
	[[ $output =~ 80/tcp\ -\>\ 0\.0\.0\.0:[0-9]+.*90/udp\ -\>.*91/udp\ -\> ]]
	run redock port open 80
	[[ $output =~ ^[0-9]+$ ]]
	run redock inspect -f '{{range $p, $b := .NetworkSettings.Ports}}{{$p}}={{(index $b 0).HostPort}} {{end}}' open
	[[ $output =~ ^80/tcp=[0-9]+\ 90/udp=[0-9]+\ 91/udp=[0-9]+ ]]
	redock rm -f open
}

@test "options: --mac-address" {
	redock run -d --name mac --mac-address 02:42:ac:11:00:99 bb sleep 1000
	run redock exec mac cat /sys/class/net/eth0/address
	is 02:42:ac:11:00:99
	run redock inspect -f '{{.NetworkSettings.MacAddress}} {{.Config.MacAddress}}' mac
	is "02:42:ac:11:00:99 02:42:ac:11:00:99"
	run redock network inspect -f '{{range .Containers}}{{.MacAddress}}{{end}}' bridge
	is 02:42:ac:11:00:99
	redock rm -f mac
	run redock run --rm --mac-address 02:42 bb true
	refused 125 "hardware address"
	run redock run --rm --mac-address 03:42:ac:11:00:99 bb true
	expect_status 125
	run redock run --rm --network host --mac-address 02:42:ac:11:00:99 bb true
	expect_status 125
	contains "exclude each other"
}

@test "options: every spelling of --mount" {
	local bound="$BATS_TEST_TMPDIR/bound" spelling
	mkdir "$bound"
	echo told >"$bound/word"
	for spelling in "type=bind,source=$bound,target=/x" "type=bind,src=$bound,dst=/x" \
		"type=bind,src=$bound,destination=/x,readonly=false" "TYPE=bind,SRC=$bound,DST=/x" \
		"\"type=bind\",\"src=$bound\",\"dst=/x\"" "type=bind,src=$bound,dst=/x,consistency=cached" \
		"type=bind,src=$bound,dst=/x,bind-propagation=rslave" "type=bind,src=$bound,dst=/x,bind-nonrecursive"; do
		inside --mount "$spelling" bb sh -c 'touch /x/y && cat /x/word'
		is told
	done
	for spelling in "type=bind,src=$bound,dst=/x,readonly" "type=bind,src=$bound,dst=/x,ro" \
		"type=bind,src=$bound,dst=/x,ro=true" "type=bind,src=$bound,dst=/x,readonly=1"; do
		run redock run --rm --mount "$spelling" bb touch /x/y
		expect_status 1
		contains "Read-only"
	done
	inside --mount type=volume,src=one,dst=/data bb cat /data/file
	is "from the image"
	inside --mount source=two,target=/data,volume-nocopy bb ls /data
	is ""
	inside --mount type=volume,dst=/data,volume-driver=local bb cat /data/file
	inside --mount type=volume,src=three,dst=/x,volume-label=a=b,volume-opt=type=tmpfs,volume-opt=device=tmpfs,volume-opt=o=size=1m bb grep ' /x ' /proc/mounts
	contains size=1024k
	run redock volume inspect -f '{{.Labels.a}} {{.Options.type}}' three
	is "b tmpfs"
	inside --mount type=tmpfs,dst=/x,tmpfs-size=1m,tmpfs-mode=1700 bb sh -c 'grep " /x " /proc/mounts; stat -c %a /x'
	contains size=1024k
	contains 1700
	for spelling in type=bind,dst=/x type=bind,src=/nosuch,dst=/x type=tmpfs,src=x,dst=/x type=npipe,dst=/x \
		type=volume,dst=x type=volume,dst=/x,nonsense=1 type=tmpfs,dst=/x,volume-nocopy; do
		run redock run --rm --mount "$spelling" bb true
		expect_status 125
	done
	redock volume rm one two three
}

@test "options: Docker's others are taken where they change nothing, and refused by name" {
	local option
	inside -q --isolation default --platform linux --volume-driver local --disable-content-trust --runtime redock bb echo ran
	is ran
	for option in --gpus=all --ip6=2001:db8::1 --link-local-ip=169.254.1.1 --storage-opt=size=1g --kernel-memory=64m \
		--cpu-rt-period=1000 --cpu-rt-runtime=1000 --platform=linux/s390x --runtime=runc --isolation=hyperv \
		--volume-driver=other; do
		run redock run --rm "$option" bb true
		refused 125 "${option%%=*}"
	done
	run redock run --rm --cgroup-parent /x bb true
	refused 125 cgroup-parent
	redock create --name noted --annotation a.b=c --annotation alone bb true
	run redock inspect -f '{{json .HostConfig.Annotations}}' noted
	is '{"a.b":"c","alone":""}'
	redock rm noted
}
