#!/usr/bin/env bats
# Through sudo as a person, and what happens to that person's own files.
load helper

setup_file() {
	machine_instance
}

setup() {
	instance machines
	home="$E2E_DIR/home/redock-test"
	rm -rf "$home/.ssh" "$home/.config" "$home/.local"
	baseline
}

teardown() {
	sweep
	for image in $(redock images | awk 'NR > 1 && $1 != "redock" { print $1 ":" $2 }'); do
		redock -q rmi -f "$image"
	done
	inv
}

# The person's config without our first line and the blank line after it.
without_ours() {
	tail -n +3 "$1"
}

foreign_config() {
	mkdir -m 700 "$home/.ssh"
	printf '%s' '# my hosts, by hand
Compression yes
Include conf.d/*

Host github.com gitlab.com
	User git
    IdentityFile   ~/.ssh/id_github

Match host *.example.org exec "true"
	ForwardAgent no
Host *
  ServerAliveInterval 30' >"$home/.ssh/config"
	chmod 640 "$home/.ssh/config"
	chown -R redock-test:redock-test "$home/.ssh"
	cp -p "$home/.ssh/config" "$BATS_TEST_TMPDIR/original"
}

@test "user: the whole life through sudo" {
	run user_redock start demo
	expect_status 0
	contains "ssh demo-container"
	run as_user ssh demo-container hostname
	expect_status 0
	is demo
	run user_redock list
	contains redock-test:demo
	as_user ssh demo-container 'echo kept >/root/f'
	run user_redock commit demo -m first
	expect_status 0
	as_user ssh demo-container 'echo lost >/root/g'
	run user_redock kill demo
	expect_status 0
	run user_redock start demo
	expect_status 0
	run as_user ssh demo-container 'cat /root/f; test ! -e /root/g'
	expect_status 0
	is kept
	# sudo may have something to say about a host that cannot resolve its own name
	run --separate-stderr user_redock ssh demo hostname
	is demo
	run user_redock kill demo
	expect_status 0
	run user_redock delete demo
	expect_status 0
	run --separate-stderr user_redock list
	is ""
}

@test "user: everything that was written in the home is the person's, and private" {
	user_redock -q start demo
	run find "$home" -not -user redock-test
	is ""
	[ "$(stat -c %a "$home/.ssh")" = 700 ]
	[ "$(stat -c %a "$home/.ssh/config")" = 600 ]
	run find "$home" -name 'id_*' -not -name '*.pub' -perm /077
	is ""
}

@test "user: a config with other people's hosts is the same byte for byte outside our line" {
	foreign_config
	user_redock -q start demo
	[[ $(head -n 1 "$home/.ssh/config") == Include\ * ]]
	[ -z "$(sed -n 2p "$home/.ssh/config")" ]
	without_ours "$home/.ssh/config" | cmp - "$BATS_TEST_TMPDIR/original"
	[ "$(stat -c '%a %U' "$home/.ssh/config")" = "640 redock-test" ]
	# A back-up is there.
	run find "$home" -type f -name 'config*' -newermt 2000-01-01 -not -path "$home/.ssh/config"
	local backup found=
	for backup in $output; do
		! cmp -s "$backup" "$BATS_TEST_TMPDIR/original" || found=1
	done
	[ -n "$found" ]
	run as_user ssh -G github.com
	contains 'user git'
	contains 'serveraliveinterval 30'
	run as_user ssh demo-container true
	expect_status 0
	user_redock -q start demo second
	user_redock -q kill demo second
	without_ours "$home/.ssh/config" | cmp - "$BATS_TEST_TMPDIR/original"
	[ "$(grep -c redock "$home/.ssh/config")" -eq 1 ]
	run as_user ssh -G github.com
	contains 'user git'
}

@test "user: a config that is a symbolic link stays one" {
	foreign_config
	mkdir "$home/dotfiles"
	mv "$home/.ssh/config" "$home/dotfiles/ssh-config"
	ln -s ../dotfiles/ssh-config "$home/.ssh/config"
	chown -hR redock-test:redock-test "$home/dotfiles" "$home/.ssh"
	run user_redock start demo
	[ -L "$home/.ssh/config" ]
	if [ "$status" -eq 0 ]; then
		without_ours "$home/dotfiles/ssh-config" | cmp - "$BATS_TEST_TMPDIR/original"
		run as_user ssh demo-container true
		expect_status 0
	else
		refused 1 .ssh/config
		cmp "$home/dotfiles/ssh-config" "$BATS_TEST_TMPDIR/original"
	fi
	rm -rf "$home/dotfiles"
}

@test "user: a config that must not be written is followed or refused, never broken" {
	foreign_config
	chmod 400 "$home/.ssh/config"
	run user_redock start demo
	if [ "$status" -eq 0 ]; then
		without_ours "$home/.ssh/config" | cmp - "$BATS_TEST_TMPDIR/original"
		[ "$(stat -c %a "$home/.ssh/config")" = 400 ]
	else
		refused 1 .ssh/config
		cmp "$home/.ssh/config" "$BATS_TEST_TMPDIR/original"
	fi
	chown root:root "$home/.ssh" "$home/.ssh/config"
	chmod 755 "$home/.ssh"
	chmod 644 "$home/.ssh/config"
	rm -f "$home/.ssh/config"
	cp "$BATS_TEST_TMPDIR/original" "$home/.ssh/config"
	run user_redock start other
	expect_status 1
	contains .ssh
	cmp "$home/.ssh/config" "$BATS_TEST_TMPDIR/original"
	[ "$(stat -c %U "$home/.ssh/config")" = root ]
}

@test "user: root follows nobody's symbolic links" {
	local canary="$BATS_TEST_TMPDIR/canary"
	mkdir -p "$canary" "$home/.ssh"
	echo canary >"$canary/config"
	chmod 755 "$BATS_TEST_TMPDIR" "$canary"
	ln -s "$canary/config" "$home/.ssh/config"
	chown -hR redock-test:redock-test "$home/.ssh"
	chmod 700 "$home/.ssh"
	run user_redock start demo
	[ "$(cat "$canary/config")" = canary ]
	[ "$(ls "$canary")" = config ]
	[ "$(stat -c '%U %a' "$canary/config")" = "root 644" ]
	sweep
	rm -rf "$home/.ssh" "$home/.config"
	ln -s "$canary" "$home/.ssh"
	chown -h redock-test:redock-test "$home/.ssh"
	run user_redock start demo
	[ "$(ls -A "$canary")" = config ]
	[ "$(cat "$canary/config")" = canary ]
	rm -f "$home/.ssh"
}

@test "user: every caller of start gets access; kill cleans all of them" {
	user_redock -q start demo
	run redock start redock-test:demo
	expect_status 0
	run ssh demo-container hostname
	expect_status 0
	run as_user ssh demo-container hostname
	expect_status 0
	redock -q kill redock-test:demo
	run find "$home" "$E2E_DIR/home/root" -name '*demo*'
	is ""
	run as_user ssh -o BatchMode=yes demo-container true
	expect_status 255
}

@test "user: a damaged or foreign entry of ours is made anew" {
	user_redock -q start demo
	local file
	file=$(grep -rl 'demo-container' "$home/.ssh" "$home/.config" "$home/.local" 2>/dev/null | head -n 1)
	[ -n "$file" ]
	echo garbage >"$file"
	user_redock -q start demo
	run as_user ssh demo-container hostname
	expect_status 0
	is demo
}

@test "user: the key pair is made once a person" {
	user_redock -q start demo
	local before
	before=$(find "$home" -name '*.pub' -exec cat {} +)
	user_redock -q kill demo
	user_redock -q start other
	[ "$before" = "$(find "$home" -name '*.pub' -exec cat {} +)" ]
	[ "$(grep -c . <<<"$before")" -eq 1 ]
	[[ $before == ssh-ed25519\ * ]]
}
