#!/usr/bin/env bats
# The life of machines, as root: start, ssh, commit, kill, delete, list.
load helper

setup_file() {
	machine_instance
}

teardown_file() {
	local image
	for image in $(redock images | awk 'NR > 1 && $1 != "redock" { print $1 ":" $2 }'); do
		redock -q rmi -f "$image"
	done
}

setup() {
	instance machines
	baseline
}

teardown() {
	sweep
	inv
}

@test "machine: start makes one and prints how to reach it; ssh works by the alias" {
	run redock start demo
	expect_status 0
	contains "ssh demo-container"
	run ssh demo-container hostname
	expect_status 0
	is demo
	run ssh demo-container 'id -un; pwd; locale charmap'
	is "$(printf 'root\n/root\nUTF-8')"
	run redock start demo
	expect_status 0
	contains "ssh demo-container"
	run redock kill demo
	expect_status 0
	run ssh -o BatchMode=yes demo-container true
	expect_status 255
}

@test "machine: commit, kill, start: what was committed is there, what was not is gone" {
	redock -q start demo
	ssh demo-container 'echo kept >/root/f'
	run redock commit demo -m first -a 'An Author'
	expect_status 0
	ssh demo-container 'echo lost >/root/g'
	run redock kill demo
	expect_status 0
	contains 1
	redock -q start demo
	run ssh demo-container 'cat /root/f; test ! -e /root/g'
	expect_status 0
	is kept
	redock -q kill demo
	run redock delete demo
	expect_status 0
	run --separate-stderr redock list
	lacks demo
	run redock images
	lacks demo
}

@test "machine: list and list --json" {
	run --separate-stderr redock list
	expect_status 0
	is ""
	run --separate-stderr redock list --json
	[ "$(json d <<<"$output")" = "[]" ]
	redock -q start demo
	run redock list
	contains root:demo
	contains running
	contains demo-container
	contains redock:base
	run --separate-stderr redock list --json
	[ "$(json 'len(d), d[0]["Alias"], d[0]["State"]' <<<"$output")" = "(1, 'demo-container', 'running')" ]
	local address
	address=$(json 'd[0]["Address"]' <<<"$output")
	run ping -c 1 -W 5 "$address"
	expect_status 0
	run redock list
	contains "$address"
}

@test "machine: ssh NAME gives a session or one command, with its status" {
	redock -q start demo
	run redock ssh demo echo hello
	expect_status 0
	is hello
	run redock ssh demo 'exit 5'
	expect_status 5
	run bash -c 'printf "echo typed\nexit 7\n" | "$REDOCK" ssh demo'
	expect_status 7
	contains typed
	run redock ssh demo 'kill -9 $$'
	[ "$status" -ne 0 ]
}

@test "machine: start on a terminal opens a session and ends with its status" {
	run bash -c 'printf "hostname; tty\nexit 7\n" | script -qec "\"$REDOCK\" start demo" /dev/null'
	expect_status 7
	contains demo
	contains /dev/pts/
}

@test "machine: two start at once: one creates, the other finds it" {
	redock start demo >"$BATS_TEST_TMPDIR/1" 2>&1 3>&- &
	local first=$!
	redock start demo >"$BATS_TEST_TMPDIR/2" 2>&1 3>&- &
	local second=$!
	wait "$first"
	wait "$second"
	run cat "$BATS_TEST_TMPDIR/1" "$BATS_TEST_TMPDIR/2"
	[ "$(grep -c created <<<"$output")" -eq 1 ]
	run redock list
	[ "$(grep -c demo <<<"$output")" -eq 1 ]
	run ssh demo-container true
	expect_status 0
}

@test "machine: several at once by name: start, commit, kill, delete" {
	run redock start one two
	expect_status 0
	contains one-container
	contains two-container
	ssh one-container 'echo 1 >/root/f'
	ssh two-container 'echo 2 >/root/f'
	run redock commit one two
	expect_status 0
	run redock kill one two
	expect_status 0
	run redock start one two
	expect_status 0
	run ssh two-container cat /root/f
	is 2
	redock -q kill one two
	run redock delete one two
	expect_status 0
	run redock start one two -n x
	expect_status 2
	run --separate-stderr redock list
	lacks one
}

@test "machine: two side by side ping each other by address" {
	redock -q start one two
	local one two
	one=$(redock list --json | json '[m["Address"] for m in d if m["Alias"] == "one-container"][0]')
	two=$(redock list --json | json '[m["Address"] for m in d if m["Alias"] == "two-container"][0]')
	[ "$one" != "$two" ]
	run ssh one-container ping -c 1 -W 5 "$two"
	expect_status 0
	run ssh two-container ping -c 1 -W 5 "$one"
	expect_status 0
}

@test "machine: names: repository:tag, and the alias is the slug of the host name" {
	run redock start team:web
	expect_status 0
	contains web-container
	run redock list
	contains team:web
	run ssh web-container hostname
	is web
	run redock start other -n 'Some Random Text!'
	expect_status 0
	contains some-random-text-container
	run ssh some-random-text-container hostname
	is some-random-text
	run redock start third --hostname '!!!'
	expect_status 1
	contains "'!!!'"
	run redock start third --hostname "$(printf 'x%.0s' {1..64})"
	expect_status 1
}

@test "machine: two machines with one alias: the second is refused and the first named" {
	redock -q start a:same
	run redock start b:same
	refused 1 a:same
	run --separate-stderr redock list
	lacks b:same
	run ssh same-container true
	expect_status 0
}

@test "machine: a container's name and a machine's do not get mixed up" {
	redock -q start demo
	run redock run --rm --name demo redock:base true
	[ "$status" -eq 0 ] || refused 125 demo
	run redock rm -f root:demo
	expect_status 0
	run --separate-stderr redock list
	lacks demo
	run ssh -o BatchMode=yes demo-container true
	expect_status 255
}

@test "machine: --from makes it from another image; NAME's own image goes first" {
	redock -q start origin
	ssh origin-container 'echo origin >/root/f'
	redock -q commit origin
	redock -q kill origin
	run redock start copy --from root:origin
	expect_status 0
	run ssh copy-container cat /root/f
	is origin
	ssh copy-container 'echo copy >/root/f'
	redock -q commit copy
	redock -q kill copy
	redock -q start copy --from root:origin
	run ssh copy-container cat /root/f
	is copy
	redock -q kill copy
	redock -q delete copy origin
}

@test "machine: --from an image without an SSH server is refused with something to try" {
	redock -q import "$E2E_DIR/image.tar" bare
	run redock start demo --from bare
	refused 1 bare
	run --separate-stderr redock list
	lacks demo
	redock -q rmi bare
}

@test "machine: delete is refused while a machine was made from the image, -f goes on" {
	redock -q start demo
	redock -q commit demo
	redock -q kill demo
	redock -q start demo
	run redock delete demo
	refused 1 demo
	run ssh demo-container true
	expect_status 0
	run redock delete -f demo
	expect_status 0
	run redock images
	lacks demo
	run ssh demo-container true
	expect_status 0
	redock -q kill demo
	run redock delete demo
	expect_status 1
	run redock delete redock:base
	refused 1 redock:base
}

@test "machine: killing what is not there says so and succeeds" {
	run redock kill nosuch
	expect_status 0
	contains nosuch
}

@test "machine: kill counts what is lost" {
	redock -q start demo
	ssh demo-container 'mkdir /root/d; for i in 1 2 3; do echo >/root/d/$i; done'
	run redock kill demo
	expect_status 0
	[[ $output =~ [0-9]+ ]]
}

@test "machine: start --timeout runs out: the last lines it said, and how to look further" {
	redock -q start slow
	ssh slow-container 'printf "#!/bin/sh\necho the server says hello\nexec sleep 10000\n" >/root/sshd &&
		chmod 755 /root/sshd && mv /root/sshd /usr/sbin/sshd'
	redock -q commit slow
	redock -q kill slow
	run redock start slow --timeout 2
	refused 1 slow
	contains "the server says hello"
	redock -q kill slow
	redock -q delete slow
	run redock start slow --timeout x
	expect_status 2
}

@test "machine: the host key is pinned, and checking is on" {
	redock -q start demo
	run ssh -G demo-container
	expect_status 0
	grep -qiE '^stricthostkeychecking (true|yes)$' <<<"$output"
	contains 'user root'
	local file key
	file=$(sed -n 's/^userknownhostsfile //p' <<<"$output")
	[ "$(stat -c %a "$file")" -le 644 ]
	key=$(sed -n 's/^identityfile //p' <<<"$output" | head -n 1)
	[ "$(stat -c %a "${key/#\~/$HOME}")" = 600 ]
	# Somebody else's key under the same name is not accepted.
	sed 's/ AAAA[^ ]*/ AAAAC3NzaC1lZDI1NTE5AAAAIBwsqSjl8Vw4eRrtPdCNXxGyuTKxSFVyYXq0D6Yi0GWn/' "$file" >"$BATS_TEST_TMPDIR/other"
	run ssh -o BatchMode=yes -o "UserKnownHostsFile=$BATS_TEST_TMPDIR/other" demo-container true
	expect_status 255
}

@test "machine: no key of ours is in a committed image" {
	redock -q start demo
	redock -q commit demo
	redock -q kill demo
	local blob
	for blob in "$REDOCK_ROOT"/blobs/sha256/*; do
		if tar -tf "$blob" >"$BATS_TEST_TMPDIR/list" 2>/dev/null; then
			run grep -E 'etc/ssh/ssh_host_|/authorized_keys2?$|/known_hosts$' "$BATS_TEST_TMPDIR/list"
			expect_status 1
			run grep -a -c 'OPENSSH PRIVATE KEY-----$' "$blob"
			[ "$output" -eq 0 ] || ! grep -a -A1 'BEGIN OPENSSH PRIVATE KEY' "$blob" | grep -aq b3BlbnNzaC1rZXktdjE
		fi
	done
	redock -q delete demo
}

@test "machine: password login is off, and other people's keys do not open it" {
	redock -q start demo
	local address
	address=$(redock list --json | json 'd[0]["Address"]')
	ssh-keygen -q -t ed25519 -N '' -f "$BATS_TEST_TMPDIR/key"
	run ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
		-o IdentitiesOnly=yes -i "$BATS_TEST_TMPDIR/key" "root@$address" true
	expect_status 255
	run sshpass -p '' ssh -F none -o PreferredAuthentications=password -o PubkeyAuthentication=no \
		-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "root@$address" true
	[ "$status" -ne 0 ]
}

@test "machine: sudo, su, users and services work inside" {
	redock -q start demo
	run ssh demo-container 'useradd -m someone && su - someone -c "id -un" && sudo -u someone id -un'
	expect_status 0
	is "$(printf 'someone\nsomeone')"
	run ssh demo-container 'ps -e -o comm= | sort -u'
	contains sshd
	run ssh demo-container 'ls -d /usr/bin/rsync /usr/bin/python3 /usr/bin/sudo /usr/bin/less /usr/bin/nano /usr/bin/ping /sbin/ip'
	expect_status 0
	run ssh demo-container 'ls /var/cache/apt/archives/*.deb /var/lib/apt/lists/*Packages* 2>/dev/null'
	is ""
}

@test "machine: apt installs a package, and the machine keeps it" {
	redock -q start demo
	run ssh demo-container 'apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y install hello >/dev/null && hello'
	expect_status 0
	contains 'Hello, world'
	run ssh demo-container 'DEBIAN_FRONTEND=noninteractive apt-get -qq -y dist-upgrade'
	expect_status 0
	redock -q commit demo
	redock -q kill demo
	redock -q start demo
	run ssh demo-container hello
	contains 'Hello, world'
	redock -q kill demo
	redock -q delete demo
}
