#!/usr/bin/env bats
# The program as such: verbs, options, exit codes, messages.
load helper

setup() {
	instance cli
	baseline
}

teardown() {
	inv
}

verbs="start ssh commit kill delete list run create stop restart pause unpause wait rm rename update
exec attach top cp diff export port ps logs stats events inspect images import rmi network volume
info version df prune resume doctor system help"

@test "cli: --version prints one line" {
	run -0 redock --version
	[[ $output =~ ^redock\ [0-9]+\.[0-9]+\.[0-9]+ ]]
	[ "${#lines[@]}" -eq 1 ]
}

@test "cli: no arguments and help name every verb" {
	run redock help
	expect_status 0
	for verb in $verbs; do
		contains "$verb"
	done
	run redock --help
	expect_status 0
	contains start
	run redock
	contains start
}

@test "cli: help VERB, VERB --help and VERB -h say the same" {
	for verb in $verbs; do
		run redock help "$verb"
		expect_status 0
		contains "$verb"
		local text=$output
		run redock "$verb" --help
		expect_status 0
		is "$text"
		# In run and create, -h is the host name.
		if [ "$verb" != run ] && [ "$verb" != create ]; then
			run redock "$verb" -h
			expect_status 0
			is "$text"
		fi
	done
}

@test "cli: every option that a verb's help names has a long or short form that is known" {
	run redock help run
	for option in --rm --detach --interactive --tty --name --hostname --env --workdir --user \
		--memory --cpus --pids-limit --network; do
		contains "$option"
	done
}

@test "cli: a wrong verb exits 2 and suggests the nearest" {
	run redock strat
	refused 2 "'strat'"
	contains start
	run redock zzzzzzzz
	refused 2
	run redock container ls
	refused 2 "'container'"
	contains "redock ps"
}

@test "cli: a filter by a state that there is none of is an error; options behind the image are named" {
	small_instance
	run redock ps --filter status=runing
	refused 2 "'runing'"
	run redock ps -a --filter status=exited --filter health=none
	expect_status 0
	run redock run --rm --network none bb -it sh
	refused 127 "options go before IMAGE"
	drop_instance
}

@test "cli: a wrong option exits 2 and suggests the nearest, 125 in run" {
	run redock list --jsno
	refused 2 "--json"
	run redock run --detahc x true
	refused 125 "--detach"
	run redock kill -Z x
	expect_status 2
	run redock start --timeout
	expect_status 2
}

@test "cli: too few operands is a usage error" {
	for verb in start commit kill delete rm rmi import; do
		run redock "$verb"
		expect_status 2
		contains "redock: "
	done
	run redock run
	expect_status 125
	run redock ssh
	expect_status 125
}

@test "cli: stdout is for data, stderr for messages" {
	run --separate-stderr redock nosuchverb
	expect_status 2
	[ -z "$output" ]
	[ -n "$stderr" ]
}

@test "cli: who is not root is told what is missing and what to try" {
	run as_user env "REDOCK_ROOT=$REDOCK_ROOT" "REDOCK_RUN_ROOT=$REDOCK_RUN_ROOT" "$REDOCK" ps
	refused 1 root
	contains sudo
	run as_user "$REDOCK" run nosuch true
	refused 125 root
	run as_user "$REDOCK" --version
	expect_status 0
	run as_user "$REDOCK" help
	expect_status 0
}

@test "cli: what does not exist is an error with something to try" {
	run redock run nosuch true
	refused 125 "nosuch:latest'"
	run redock rmi nosuch
	expect_status 1
	contains nosuch
	run redock rm nosuch
	expect_status 1
	contains "'nosuch'"
	run redock commit nosuch
	refused 1 nosuch
	run redock delete nosuch
	refused 1 nosuch
	run redock ssh nosuch
	refused 125 nosuch
	run redock start nosuch --from nosuch-image
	refused 1 nosuch-image
}

@test "cli: what is not a name is an error that shows the form" {
	for name in 'a b' 'a:b:c' ':' 'a:' ':b' 'ü' "$(printf 'a\nb')" '../x' 'a/../b' '-' \
		"$(printf 'x%.0s' {1..300})"; do
		run redock start -- "$name"
		refused 1
		contains :
		run redock kill -- "$name"
		refused 1
	done
	run redock run -- 'UPPER' true
	refused 125
	run redock import /dev/null 'a b'
	refused 1
}

@test "cli: -q silences notes and -v adds some, before the verb" {
	run redock -q rm -f nosuch
	expect_status 0
	is ""
	run redock rm -f nosuch
	expect_status 0
	contains "nosuch"
	run redock -vv ps
	expect_status 0
}

@test "cli: --root and --run-root choose the instance, by option as by environment" {
	run redock --root "$E2E_DIR/r/cli/other" --run-root "$E2E_DIR/r/cli/other-run" images
	expect_status 0
	[ -d "$E2E_DIR/r/cli/other" ]
	redock --root "$E2E_DIR/r/cli/other" --run-root "$E2E_DIR/r/cli/other-run" system reset --force
}

@test "cli: an instance below a long path works like any other" {
	local long
	long="$E2E_DIR/r/cli/$(printf 'long-name-%.0s' {1..20})/$(printf 'x%.0s' {1..200})"
	mkdir -p "$long"
	export REDOCK_ROOT="$long/lib" REDOCK_RUN_ROOT="$long/run"
	redock -q import "$E2E_DIR/image.tar" bb
	run redock run --rm bb echo hello
	expect_status 0
	is hello
	redock -q system reset --force
}

@test "cli: a full stdout is an error, not a silence" {
	run bash -c '"$REDOCK" help >/dev/full'
	[ "$status" -ne 0 ]
}

@test "cli: help is one screen, help --all has a line for each verb" {
	run redock help
	[ "${#lines[@]}" -le 24 ]
	for line in "${lines[@]}"; do
		[ "${#line}" -le 80 ] || fail "too long: $line"
	done
	run redock help --all
	contains "Copy files out of or into a container"
	run redock help network create
	contains "--subnet CIDR"
	run redock network craete x
	refused 2 "redock network create"
}

@test "cli: options that exclude each other are refused before anything is made" {
	small_instance
	local options
	for options in "--rm --restart always" "--network host -p 80" "--network none -p 80" \
		"--network container:x -h y" "-v /tmp:/x --tmpfs /x" "--memory-swap 1g" \
		"--cpus 1 --cpu-quota 5000" "--no-healthcheck --health-cmd true" "-d -a stdout" \
		"--ip 10.1.1.1"; do
		# shellcheck disable=SC2086 # several words
		run redock run $options bb true
		expect_status 125
		contains "redock: "
		contains "try: "
	done
	run redock ps -aq
	is ""
	drop_instance
}

@test "cli: create, start -a and start -ai: output, input and exit status" {
	small_instance
	run redock create --name job -i bb sh -c 'cat; exit 5'
	expect_status 0
	run redock ps -a --format '{{.Names}} {{.State}}'
	is "job created"
	run bash -c 'echo data | "$REDOCK" start -ai job'
	expect_status 5
	is data
	run redock start -a nosuch
	refused 125 nosuch
	run redock list
	lacks nosuch
	run redock wait job
	is 5
	drop_instance
}

@test "cli: ps --filter, --format, -n, --no-trunc and -q" {
	small_instance
	redock run --name one -l tier=front bb true
	redock run -d --name two -l tier=back bb sleep 1000
	run redock ps -a --format '{{.Names}}:{{.Label "tier"}}:{{.Image}}'
	is $'two:back:bb\none:front:bb'
	run redock ps -a --format 'table {{.Names}}\t{{.State}}'
	is $'NAMES   STATE\ntwo     running\none     exited'
	run redock ps -q --no-trunc --filter name=two
	[ "${#output}" -eq 64 ]
	run redock ps --filter status=exited --filter label=tier=front --format '{{.Names}}'
	is one
	run redock ps -l --format '{{.Names}}'
	is two
	run redock ps --format '{{.Nmaes}}'
	refused 1 "{{.Names}}"
	run redock ps --filter nmae=x
	refused 2 "--filter name=VALUE"
	run redock inspect -f '{{.State.Status}} {{index .Config.Labels "tier"}}' two
	is "running back"
	run redock inspect --type image -f '{{.Os}}' bb
	is linux
	run redock inspect tow
	expect_status 1
	contains "redock inspect two"
	drop_instance
}

@test "cli: logs keep the two streams apart, with times, the end alone, and a part in time" {
	small_instance
	redock run --name job bb sh -c 'echo out; echo err >&2; echo last'
	run --separate-stderr redock logs job
	is $'out\nlast'
	[ "$stderr" = err ]
	run redock logs -n 1 job
	[ "${#lines[@]}" -eq 1 ]
	run --separate-stderr redock logs -t job
	[[ ${lines[0]} =~ ^20[0-9-]+T[0-9:.]+Z\ out$ ]]
	run redock logs --until 2020-01-01 job
	is ""
	run redock logs --since 10m --tail all job
	contains last
	run redock logs --since never job
	refused 2 10m
	drop_instance
}

@test "cli: exec has the command's status; one whose reader is gone leaves the container alone" {
	small_instance
	redock run -d --name web bb sleep 1000
	run redock exec -e A=b -w /tmp web sh -c 'echo $A $PWD; exit 7'
	expect_status 7
	is "b /tmp"
	run -127 redock exec web nosuch
	run redock exec web /data/plain
	expect_status 126
	run redock exec nosuch true
	expect_status 125
	run bash -c 'echo in | "$REDOCK" exec -i web cat'
	is in
	run bash -c '"$REDOCK" exec web yes | head -n 1'
	is y
	run redock ps --format '{{.Names}}'
	is web
	drop_instance
}

@test "cli: on a terminal, exec -it has one; ctrl-p ctrl-q leaves an attached container running" {
	small_instance
	redock run -dit --name web bb sh
	run with_tty "$REDOCK" exec -it web tty
	contains /dev/pts/
	# The prompt tells that the terminal is raw by now.
	run timeout 20 python3 - "$REDOCK" <<'EOF'
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], "attach", "web"])
os.write(fd, b"\n")
seen = b""
for wanted, keys in ((b"# ", b"\x10\x11"), (b"goes on running", b"")):
    while wanted not in seen:
        seen += os.read(fd, 1000)
    os.write(fd, keys)
print(seen.decode())
EOF
	contains "which goes on running"
	run redock ps --format '{{.Names}}'
	is web
	drop_instance
}

@test "cli: prune lists and asks; nobody to ask is an error; machines are left alone" {
	small_instance
	redock run --name one bb true
	run redock prune containers </dev/null
	refused 1 "redock prune --force"
	run redock ps -aq
	[ -n "$output" ]
	run redock prune containers --force
	expect_status 0
	contains "Total reclaimed space: "
	run redock ps -aq
	is ""
	drop_instance
}

@test "cli: --cidfile, --env-file and --label-file" {
	small_instance
	local dir
	dir=$(mktemp -d "$E2E_DIR/tmp/cli.XXXXXX")
	printf '# comment\nA=1\nB=two words\n' >"$dir/env"
	printf 'x=1\n' >"$dir/label"
	run redock run --name job --cidfile "$dir/cid" --env-file "$dir/env" -e A=2 \
		--label-file "$dir/label" bb sh -c 'echo $A $B'
	is "2 two words"
	run redock inspect -f '{{.Id}}' job
	is "$(cat "$dir/cid")"
	run redock run --cidfile "$dir/cid" bb true
	refused 125 "$dir/cid"
	run redock run --env-file <(echo C=3) --rm bb sh -c 'echo $C'
	is 3
	run redock inspect -f '{{json .Config.Labels}}' job
	is '{"x":"1"}'
	drop_instance
}
