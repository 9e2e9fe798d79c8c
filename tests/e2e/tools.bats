#!/usr/bin/env bats
# The programs that people use over SSH work with a machine's alias.
load helper

setup_file() {
	machine_instance
	redock -q start tools
}

teardown_file() {
	redock -q kill tools
}

setup() {
	instance machines
	baseline
}

teardown() {
	local socket
	for socket in "$BATS_TEST_TMPDIR"/cp/*; do
		[ ! -S "$socket" ] || ssh -S "$socket" -O exit tools-container 2>/dev/null || true
	done
	inv
}

tree() {
	mkdir -p "$1/deep/er"
	seq 1 1000 >"$1/numbers"
	head -c 300000 /dev/urandom >"$1/deep/noise"
	ln -s ../numbers "$1/deep/link"
	chmod 750 "$1/deep/er"
	echo 'with blanks' >"$1/a file"
}

@test "tools: rsync both ways" {
	tree "$BATS_TEST_TMPDIR/here"
	run rsync -a --delete "$BATS_TEST_TMPDIR/here/" tools-container:/root/there/
	expect_status 0
	run rsync -a tools-container:/root/there/ "$BATS_TEST_TMPDIR/back/"
	expect_status 0
	run diff -r --no-dereference "$BATS_TEST_TMPDIR/here" "$BATS_TEST_TMPDIR/back"
	expect_status 0
	run rsync -ain --delete "$BATS_TEST_TMPDIR/here/" tools-container:/root/there/
	is ""
}

@test "tools: scp both ways" {
	tree "$BATS_TEST_TMPDIR/here"
	run scp -q -r "$BATS_TEST_TMPDIR/here" tools-container:/root/scp
	expect_status 0
	run scp -q "tools-container:/root/scp/a file" "$BATS_TEST_TMPDIR/back"
	expect_status 0
	run cat "$BATS_TEST_TMPDIR/back"
	is "with blanks"
}

@test "tools: sftp" {
	seq 1 100 >"$BATS_TEST_TMPDIR/up"
	printf 'put %s /root/sftp\nget /root/sftp %s\n' "$BATS_TEST_TMPDIR/up" "$BATS_TEST_TMPDIR/down" >"$BATS_TEST_TMPDIR/batch"
	run sftp -q -b "$BATS_TEST_TMPDIR/batch" tools-container
	expect_status 0
	run cmp "$BATS_TEST_TMPDIR/up" "$BATS_TEST_TMPDIR/down"
	expect_status 0
}

@test "tools: ssh -L forwards a port" {
	local control="$BATS_TEST_TMPDIR/c" port
	port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	# -f returns when the forwarding is up.
	ssh -f -N -M -S "$control" -o ExitOnForwardFailure=yes -L "127.0.0.1:$port:127.0.0.1:22" tools-container 3>&- 2>/dev/null
	run socat -T 5 -u "TCP:127.0.0.1:$port,readbytes=8" -
	ssh -S "$control" -O exit tools-container 2>/dev/null
	[[ $output == SSH-2.0-* ]]
}

@test "tools: an Ansible playbook, twice; the second changes nothing" {
	cat >"$BATS_TEST_TMPDIR/play.yaml" <<-'Y'
		- hosts: all
		  tasks:
		    - ping:
		    - copy:
		        content: "from ansible\n"
		        dest: /root/ansible
		        mode: "0640"
		    - file:
		        path: /root/dir
		        state: directory
		    - lineinfile:
		        path: /root/ansible
		        line: another
		    - command: hostname
		      register: name
		      changed_when: false
		    - assert:
		        that: name.stdout == "tools" and ansible_distribution == "Debian"
	Y
	# Ansible leaves a connection open for a minute; this way the test can end it.
	mkdir "$BATS_TEST_TMPDIR/cp"
	export ANSIBLE_SSH_CONTROL_PATH_DIR="$BATS_TEST_TMPDIR/cp"
	export ANSIBLE_LOCAL_TEMP="$BATS_TEST_TMPDIR/ansible" ANSIBLE_NOCOLOR=1
	run ansible-playbook -i tools-container, "$BATS_TEST_TMPDIR/play.yaml"
	expect_status 0
	contains "failed=0"
	sed -i /lineinfile/,+2d "$BATS_TEST_TMPDIR/play.yaml"
	ssh tools-container 'printf "from ansible\n" >/root/ansible'
	run ansible-playbook -i tools-container, "$BATS_TEST_TMPDIR/play.yaml"
	expect_status 0
	contains "changed=0"
	run ssh tools-container 'stat -c %a /root/ansible'
	is 640
}

@test "tools: an agent's worth of sessions at once" {
	local i pids=()
	for i in {1..8}; do
		# shellcheck disable=SC2029 # now is when it is meant to expand
		ssh tools-container "exit $i" 3>&- &
		pids[i]=$!
	done
	for i in {1..8}; do
		local status=0
		wait "${pids[i]}" || status=$?
		[ "$status" -eq "$i" ]
	done
}

