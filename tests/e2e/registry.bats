#!/usr/bin/env bats
# Registries: Debian's docker-registry, plain, with passwords and with TLS, and one of our own that lies.
# All of it on loopback.
load helper

setup_file() {
	command -v docker-registry >/dev/null || skip "no docker-registry on this host"
	export REG="$E2E_DIR/registry" NO_PROXY=127.0.0.1,localhost
	mkdir -p "$REG" /etc/redock
	# Nobody waits half a minute for a server that says nothing.
	echo "registry_timeout = 1" >/etc/redock/redock.conf
	serve plain
	lie other
	lie liar "127.0.0.1:$(port other)"
	instance registry
}

# serve NAME [LINE]...: docker-registry NAME on a free port; the lines go below "http:" and "auth:".
serve() {
	local name=$1
	shift
	mkdir -p "$REG/$name"
	{
		echo "version: 0.1"
		echo "log: {level: info, accesslog: {disabled: false}}"
		echo "storage: {filesystem: {rootdirectory: $REG/$name/data}, delete: {enabled: true}}"
		echo "http:"
		echo "  addr: 127.0.0.1:0"
		printf '%s\n' "$@"
	} >"$REG/$name/config.yml"
	${IN_NET-} docker-registry serve "$REG/$name/config.yml" >"$REG/$name/log" 2>&1 3>&- &
	echo $! >"$REG/$name/pid"
	appears "$REG/$name/log" 'listening on 127'
}

# lie NAME [OTHER]: a registry that lies, which knows where the other one is.
lie() {
	mkdir -p "$REG/$1"
	/usr/bin/python3 "$TOP/tests/e2e/lying-registry.py" "$REG/$1/log" "${@:2}" >"$REG/$1/errors" 2>&1 3>&- &
	echo $! >"$REG/$1/pid"
	appears "$REG/$1/log" 'listening on'
}

port() {
	sed -n 's/.*listening on \(127.0.0.1:\)\{0,1\}\([0-9][0-9]*\).*/\2/p' "$REG/$1/log" | head -n 1
}

teardown_file() {
	local pid
	for pid in "$REG"/*/pid; do
		[ ! -f "$pid" ] || kill "$(cat "$pid")" || true
	done
	rm -f /etc/redock/redock.conf
	instance registry
	drop_instance
}

setup() {
	instance registry
	at="127.0.0.1:$(port plain)"
	liar="127.0.0.1:$(port liar)"
	export HOME="$BATS_TEST_TMPDIR/home"
	mkdir -p "$HOME"
	unset REGISTRY_AUTH_FILE DOCKER_CONFIG XDG_CONFIG_HOME
	[ -e "$REDOCK_ROOT/images/bb:latest" ] || redock -q import "$E2E_DIR/image.tar" bb
}

# as NAME: gives image bb that name, too.
as() {
	redock -q run --name name-it --network none bb true
	redock -q commit name-it "$1" >/dev/null
	redock -q rm name-it >/dev/null
}

# The store's content apart from what an interrupted pull keeps on purpose.
contents() {
	(cd "$REDOCK_ROOT" && find blobs layers/* images tmp -maxdepth 2 | sort)
}

# What a pull must not do: succeed, leave anything in the store, take long.
is_refused() {
	contents >"$BATS_TEST_TMPDIR/contents"
	run timeout 60 "$REDOCK" pull "$liar/$1"
	expect_status 1
	contains "redock: cannot pull"
	[ $# -lt 2 ] || contains "$2"
	contents | diff "$BATS_TEST_TMPDIR/contents" -
}

# How often the lying registry was asked for something that matches.
asked() {
	grep -cE "$1" "$REG/${2-liar}/log" || true
}

# has_bytes FILE N: waits, at most half a minute, until a growing file has so many.
has_bytes() (
	exec {grown}< <(exec timeout 30 tail -c +1 -F "$1" 2>/dev/null 3>&-)
	reader=$!
	got=$(head -c "$2" <&"$grown" | wc -c)
	kill "$reader"
	[ "$got" -eq "$2" ]
)

# ---- the real one ----

@test "registry: what is pushed is pulled and runs" {
	as "$at/team/app:v1"
	run --separate-stderr redock push "$at/team/app:v1"
	expect_status 0
	is "$at/team/app:v1"
	[[ $stderr == *"v1: digest: sha256:"* ]]
	instance registry-pull
	run --separate-stderr redock pull "$at/team/app:v1"
	expect_status 0
	is "$at/team/app:v1"
	[[ $stderr == *"Status: Downloaded newer image"* ]]
	run redock run --rm --network none "$at/team/app:v1" cat /data/file
	expect_status 0
	is "from the image"
	run redock pull "$at/team/app:v1"
	expect_status 0
	contains "Image is up to date"
	drop_instance
}

@test "registry: a second push sends no layer and compresses none" {
	as "$at/team/twice:v1"
	redock -q push "$at/team/twice:v1"
	run redock push "$at/team/twice:v1"
	expect_status 0
	contains "Layer already exists"
	lacks Preparing
	lacks Pushing
}

@test "registry: a layer that another repository has is mounted from there" {
	as "$at/team/source:v1"
	redock -q push "$at/team/source:v1"
	as "$at/team/target:v1"
	run redock push "$at/team/target:v1"
	expect_status 0
	contains "Mounted"
	lacks Pushing
}

@test "registry: a large layer whose content is here already, from elsewhere, is not unpacked again" {
	mkdir -p "$BATS_TEST_TMPDIR/large"
	head -c 20000000 /dev/urandom >"$BATS_TEST_TMPDIR/large/file"
	tar -C "$BATS_TEST_TMPDIR/large" -cf "$BATS_TEST_TMPDIR/large.tar" .
	redock -q import "$BATS_TEST_TMPDIR/large.tar" large
	redock tag large "$at/team/large"
	redock -q push "$at/team/large"
	redock rmi "$at/team/large"
	run redock pull "$at/team/large"
	expect_status 0
	redock rmi large "$at/team/large"
	run redock pull "$at/team/large"
	expect_status 0
	redock rmi "$at/team/large"
}

@test "registry: a digest survives a pull and a push, and names an image" {
	as "$at/team/digest:v1"
	digest=$(redock push "$at/team/digest:v1" 2>&1 | sed -n 's/.*digest: \(sha256:[0-9a-f]*\).*/\1/p')
	instance registry-digest
	redock -q pull "$at/team/digest@$digest"
	run redock run --rm --network none "$at/team/digest@$digest" echo it runs
	is "it runs"
	run redock images
	contains "<none>"
	redock -q pull "$at/team/digest:v1"
	run redock push "$at/team/digest:v1"
	contains "$digest"
	run redock push "$at/team/digest@$digest"
	refused 1 "under a tag"
	redock rmi "$at/team/digest@$digest" "$at/team/digest:v1"
	[ -z "$(ls "$REDOCK_ROOT/blobs/sha256")" ]
	drop_instance
}

@test "registry: all tags go and come" {
	for tag in one two three; do
		as "$at/team/tags:$tag"
	done
	run --separate-stderr redock push -a "$at/team/tags"
	expect_status 0
	[ "${#lines[@]}" -eq 3 ]
	instance registry-tags
	run --separate-stderr redock pull -q -a "$at/team/tags"
	expect_status 0
	[ "${#lines[@]}" -eq 3 ]
	[ -z "$stderr" ]
	[ "$(redock images -q "$at/team/tags" | wc -l)" -eq 3 ]
	run redock pull -a "$at/team/tags:one"
	refused 2 "--all-tags"
	drop_instance
}

@test "registry: run and create pull what is missing, as --pull says" {
	as "$at/team/missing:v1"
	redock -q push "$at/team/missing:v1"
	instance registry-missing
	run redock run --pull never --rm --network none "$at/team/missing:v1" true
	expect_status 125
	contains "no image named"
	run --separate-stderr redock run --rm --network none "$at/team/missing:v1" echo here
	expect_status 0
	is here
	[[ $stderr == *"Pull complete"* ]]
	run redock run --rm --network none "$at/team/missing:v1" echo here
	is here
	run --separate-stderr redock create --pull always --name kept --network none "$at/team/missing:v1" true
	expect_status 0
	[[ $stderr == *"up to date"* ]]
	redock -q rm kept
	run redock run --rm --network none "$at/team/nosuch" true
	refused 125 "has no"
	drop_instance
}

@test "registry: progress is JSON with --json, and bars on a terminal" {
	as "$at/team/json:v1"
	run --separate-stderr redock push --json "$at/team/json:v1"
	expect_status 0
	for line in "${lines[@]}"; do
		json 'd["status"]' <<<"$line"
	done
	[ "$(json 'd["reference"]' <<<"${lines[-1]}")" = "$at/team/json:v1" ]
	instance registry-json
	run with_tty env TERM=xterm "$REDOCK" pull "$at/team/json:v1"
	expect_status 0
	contains "Pull complete"
	contains $'\033[K'
	drop_instance
}

@test "registry: passwords: login is needed, kept for its owner alone, and forgotten" {
	htpasswd -Bbn me secret >"$REG/htpasswd"
	[ -e "$REG/locked" ] || serve locked "auth: {htpasswd: {realm: here, path: $REG/htpasswd}}"
	locked="127.0.0.1:$(port locked)"
	as "$locked/app:v1"
	run redock push "$locked/app:v1"
	refused 1 "redock login $locked"
	run redock login -u me --password-stdin "$locked" <<<"wrong"
	expect_status 1
	contains "does not accept"
	[ ! -e "$HOME/.config/redock/auth.json" ]
	run redock login -u me --password-stdin "$locked" <<<"secret"
	expect_status 0
	contains "Login Succeeded"
	[ "$(stat -c %a "$HOME/.config/redock/auth.json")" = 600 ]
	redock -q push "$locked/app:v1"
	instance registry-locked
	redock -q pull "$locked/app:v1"
	drop_instance
	run redock logout "$locked"
	contains "Removing login credentials"
	run grep -c auth\" "$HOME/.config/redock/auth.json"
	is 0
	run redock pull "$locked/app:v1"
	refused 1 "redock login $locked"
	run redock logout "$locked"
	expect_status 0
	contains "Not logged in"
	# on a terminal it asks, and shows no password
	run with_tty /usr/bin/python3 "$TOP/tests/e2e/type-password.py" "$REDOCK" login "$locked"
	contains "Login Succeeded"
	lacks secret
}

@test "registry: Docker's files and helpers are read, and never written" {
	htpasswd -Bbn me secret >"$REG/htpasswd"
	[ -e "$REG/locked" ] || serve locked "auth: {htpasswd: {realm: here, path: $REG/htpasswd}}"
	locked="127.0.0.1:$(port locked)"
	as "$locked/files:v1"
	mkdir -p "$HOME/.docker" "$BATS_TEST_TMPDIR/bin"
	auth=$(printf me:secret | base64)
	wrong=$(printf me:wrong | base64)
	echo "{\"auths\": {\"$locked\": {\"auth\": \"$auth\"}}}" >"$HOME/.docker/config.json"
	before=$(stat -c %Y%i "$HOME/.docker/config.json")
	redock -q push "$locked/files:v1"
	run redock logout "$locked"
	contains "docker logout"
	[ "$(stat -c %Y%i "$HOME/.docker/config.json")" = "$before" ]
	# the file that is named goes first
	echo "{\"auths\": {\"$locked\": {\"auth\": \"$wrong\"}}}" >"$BATS_TEST_TMPDIR/auth.json"
	REGISTRY_AUTH_FILE="$BATS_TEST_TMPDIR/auth.json" run redock pull "$locked/files:v1"
	expect_status 1
	contains "does not accept"
	# of a longer path before that of the host
	echo "{\"auths\": {\"$locked\": {\"auth\": \"$wrong\"}, \"$locked/files\": {\"auth\": \"$auth\"}}}" \
		>"$BATS_TEST_TMPDIR/auth.json"
	REGISTRY_AUTH_FILE="$BATS_TEST_TMPDIR/auth.json" redock -q pull "$locked/files:v1"
	# a helper gets the host on its standard input, and nothing in its arguments
	cat >"$BATS_TEST_TMPDIR/bin/docker-credential-test" <<-HELPER
		#!/bin/sh
		{ echo "\$#:\$1"; cat; } >"$BATS_TEST_TMPDIR/asked"
		echo '{"ServerURL": "x", "Username": "me", "Secret": "secret"}'
	HELPER
	chmod +x "$BATS_TEST_TMPDIR/bin/docker-credential-test"
	echo "{\"credHelpers\": {\"$locked\": \"test\"}}" >"$HOME/.docker/config.json"
	PATH="$BATS_TEST_TMPDIR/bin:$PATH" redock -q pull "$locked/files:v1"
	[ "$(cat "$BATS_TEST_TMPDIR/asked")" = "1:get
$locked" ]
	echo "{\"credsStore\": \"../../evil\"}" >"$HOME/.docker/config.json"
	run redock pull "$locked/files:v1"
	expect_status 1
	contains "no name of a credential helper"
}

@test "registry: TLS: a certificate that nobody vouches for is refused; an authority's folder helps" {
	(
		cd "$REG"
		[ -e ca.crt ] || {
			openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=test-ca
			openssl req -newkey rsa:2048 -nodes -keyout tls.key -out tls.csr -subj /CN=127.0.0.1
			openssl x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out tls.crt \
				-extfile <(echo subjectAltName=IP:127.0.0.1)
		}
	) 2>/dev/null
	[ -e "$REG/tls" ] || serve tls "  tls: {certificate: $REG/tls.crt, key: $REG/tls.key}"
	tls="127.0.0.1:$(port tls)"
	as "$tls/app:v1"
	run redock push "$tls/app:v1"
	refused 1 "certs.d/$tls"
	mkdir -p "/etc/redock/certs.d/$tls"
	cp "$REG/ca.crt" "/etc/redock/certs.d/$tls/"
	redock -q push "$tls/app:v1"
	redock -q pull "$tls/app:v1"
	rm -r /etc/redock/certs.d
	# the other place to say it
	mkdir -p "$BATS_TEST_TMPDIR/certs/$tls" "$HOME/.config/redock"
	cp "$REG/ca.crt" "$BATS_TEST_TMPDIR/certs/$tls/"
	echo "registry_certificates = $BATS_TEST_TMPDIR/certs" >"$HOME/.config/redock/redock.conf"
	redock -q pull "$tls/app:v1"
	echo "insecure_registries = $tls" >"$HOME/.config/redock/redock.conf"
	redock -q pull "$tls/app:v1"
}

@test "registry: a mirror goes first, and the registry stands in for what it has not" {
	as "$at/team/mirrored:v1"
	redock -q push "$at/team/mirrored:v1"
	mkdir -p "$HOME/.config/redock"
	echo "registry_mirrors.$at = http://$liar http://127.0.0.1:1" >"$HOME/.config/redock/redock.conf"
	before=$(asked "/v2/honest/manifests/latest")
	redock -q pull "$at/honest"
	[ "$(asked "/v2/honest/manifests/latest")" -gt "$before" ]
	run redock run --rm --network none "$at/honest" busybox cat /who
	is honest
	redock rmi "$at/honest"
	# its blob is no good, and the registry has no such thing either
	contents >"$BATS_TEST_TMPDIR/contents"
	run redock pull "$at/wrong-byte"
	expect_status 1
	contents | diff "$BATS_TEST_TMPDIR/contents" -
	# without a mirror that answers
	echo "registry_mirrors.$at = http://127.0.0.1:1" >"$HOME/.config/redock/redock.conf"
	redock -q pull "$at/team/mirrored:v1"
}

@test "registry: names that belong to no registry, and hosts that are not there" {
	run redock push redock:base
	expect_status 1
	run redock pull redock:base
	refused 1 "belongs to this host alone"
	run redock pull "127.0.0.1:1/x"
	expect_status 1
	contains "nobody answers"
	run redock pull "Not/A/Name"
	expect_status 1
	run redock push nosuch
	expect_status 1
	contains "no image named 'nosuch:latest'"
	# without TLS only where it is said
	run redock pull "192.0.2.1.invalid/x"
	expect_status 1
}

@test "registry: what docker pushes redock pulls and runs, and the other way round; podman too" {
	command -v dockerd >/dev/null || skip "no dockerd on this host"
	local dir="$E2E_DIR/reg-docker"
	mkdir -p "$dir"
	ip netns add rd-reg
	ip -n rd-reg link set lo up
	IN_NET="nsenter --net=/run/netns/rd-reg" serve inside
	inside="127.0.0.1:$(port inside)"
	net() { nsenter --net=/run/netns/rd-reg "$@"; }
	dk() { docker -H "unix://$dir/socket" "$@"; }
	net /usr/bin/python3 "$TOP/tests/e2e/notify-wait.py" 60 dockerd --data-root "$dir/data" \
		--exec-root "$dir/exec" --pidfile "$dir/pid" -H "unix://$dir/socket" --storage-driver vfs \
		--iptables=false --bridge=none >"$dir/started" 2>"$dir/log" 3>&-
	as "$inside/ours:v1"
	net "$REDOCK" -q push "$inside/ours:v1"
	run dk pull -q "$inside/ours:v1"
	expect_status 0
	run dk run --rm --network none "$inside/ours:v1" cat /data/file
	is "from the image"
	dk tag "$inside/ours:v1" "$inside/theirs:v1"
	printf 'FROM %s\nRUN echo by docker >/made\n' "$inside/ours:v1" | DOCKER_BUILDKIT=0 dk build -q --network none -t "$inside/theirs:v1" -
	dk push -q "$inside/theirs:v1"
	net "$REDOCK" -q pull "$inside/theirs:v1"
	run redock run --rm --network none "$inside/theirs:v1" cat /made
	is "by docker"
	if command -v podman >/dev/null; then
		pm() { net podman --root "$dir/podman" --runroot "$dir/podman-run" --storage-driver vfs "$@"; }
		pm pull -q --tls-verify=false "$inside/ours:v1"
		pm push -q --tls-verify=false "$inside/ours:v1" "$inside/podman:v1"
		net "$REDOCK" -q pull "$inside/podman:v1"
		run redock run --rm --network none "$inside/podman:v1" cat /data/file
		is "from the image"
	fi
	kill -TERM "$(cat "$dir/started")"
	wait_gone 30 "$(cat "$dir/started")"
	kill "$(cat "$REG/inside/pid")"
	rm "$REG/inside/pid"
	ip netns del rd-reg
	rm -rf --one-file-system "$dir"
}

# ---- the lying one (T15-T18, F22) ----

@test "lies: the truth is taken, of an index this host's part" {
	redock -q pull "$liar/honest"
	run redock run --rm --network none "$liar/honest" busybox cat /who
	is honest
	redock -q pull --platform linux/amd64 "$liar/index"
	run redock run --rm --network none "$liar/index" busybox cat /who
	is index
	run redock pull --platform linux/mips64 "$liar/index"
	expect_status 1
	contains "linux/arm64"
	redock rmi "$liar/honest" "$liar/index"
}

@test "T16: a wrong byte, a short and a long blob, another diff-id, another config" {
	is_refused wrong-byte
	is_refused short
	is_refused long
	is_refused bad-diff-id
	is_refused config-wrong-byte
	is_refused size
	is_refused size-less
	is_refused size-negative
}

@test "T16: digests that are none, and a digest that is not the manifest's" {
	is_refused digest-header
	is_refused digest-grammar
	is_refused digest-path
	is_refused digest-upper
	is_refused digest-other
	run redock pull "$liar/honest@sha256:0000000000000000000000000000000000000000000000000000000000000000"
	expect_status 1
}

@test "T17: documents that two readers could read differently" {
	is_refused both
	is_refused twice
	is_refused kind
	is_refused index-size
	is_refused index-kind
	is_refused index-nothing
}

@test "T15: documents, headers and lists without end" {
	is_refused huge
	is_refused headers
	run timeout 60 "$REDOCK" pull -a "$liar/tags-endless"
	expect_status 1
	contains "no end"
}

@test "T15: ten gigabytes of zeros in ten megabytes" {
	begun=$(date +%s)
	is_refused bomb
	[ $(($(date +%s) - begun)) -lt 30 ]
}

@test "T18: credentials go to nobody but the registry that they are for" {
	auth=$(printf me:secret | base64)
	echo "{\"auths\": {\"$liar\": {\"auth\": \"$auth\"}}}" >"$BATS_TEST_TMPDIR/auth.json"
	export REGISTRY_AUTH_FILE="$BATS_TEST_TMPDIR/auth.json"
	# a blob that the other one gives
	redock -q pull "$liar/auth-redirect"
	[ "$(asked 'given-auth-redirect/blobs/[^ ]* - ' other)" -ge 1 ]
	[ "$(asked '/v2/auth-redirect/manifests/latest Basic ' liar)" -ge 1 ]
	redock rmi "$liar/auth-redirect"
	# who wants tokens to be made elsewhere
	is_refused auth-realm "registry_realms.$liar = 127.0.0.1:$(port other)"
	is_refused auth-realm-https "registry_realms"
	is_refused auth-realm-file
	is_refused auth-scheme
	is_refused auth-garbage
	[ "$(asked '(Basic|Bearer)' other)" -eq 0 ]
	[ "$(asked '/token' other)" -eq 0 ]
	# a person may allow it
	mkdir -p "$HOME/.config/redock"
	echo "registry_realms.$liar = 127.0.0.1:$(port other)" >"$HOME/.config/redock/redock.conf"
	redock -q pull "$liar/auth-realm"
	[ "$(asked '/token.* Basic' other)" -eq 1 ]
	[ "$(asked '/v2/auth-realm/blobs/[^ ]* Bearer stolen' liar)" -ge 1 ]
	redock rmi "$liar/auth-realm"
}

@test "T18: addresses in a manifest are not followed" {
	is_refused foreign
	redock -q pull "$liar/urls" || true
	[ "$(asked '/evil' other)" -eq 0 ]
	[ "$(asked '/v2/honest/' other)" -eq 0 ]
	redock rmi "$liar/urls" || true
	is_refused loop "redirects more than"
	is_refused to-plain-file
}

@test "T18: plain HTTP is for listed hosts alone" {
	mkdir -p "$HOME/.config/redock"
	# this host by a name that is not loopback's
	echo "127.0.0.1 registry.test" >>/etc/hosts
	name="registry.test:$(port liar)"
	run redock pull "$name/honest"
	expect_status 1
	lacks Downloading
	before=$(asked "/v2/honest/manifests")
	[ "$before" -eq "$(asked "/v2/honest/manifests")" ]
	echo "insecure_registries = $name" >"$HOME/.config/redock/redock.conf"
	redock -q pull "$name/honest"
	redock rmi "$name/honest"
}

@test "F22: a connection that breaks is gone on with where it broke" {
	redock -q pull "$liar/reset"
	[ "$(asked '/v2/reset/blobs/.* bytes=2[0-9]*-')" -eq 1 ]
	run redock run --rm --network none "$liar/reset" busybox cat /who
	is reset
	# without ranges from its first byte
	redock -q pull "$liar/reset-no-range"
	run redock run --rm --network none "$liar/reset-no-range" busybox cat /who
	is reset_no_range
	redock rmi "$liar/reset" "$liar/reset-no-range"
	# attempts are bounded, another range than was asked for is none
	is_refused reset-always
	is_refused wrong-range "another range"
	[ "$(asked '/v2/reset-always/blobs/.* bytes=')" -le 5 ]
}

@test "F22: an upload that breaks is gone on with where it broke; a busy registry is asked again" {
	dd if=/dev/urandom of="$BATS_TEST_TMPDIR/noise" bs=1M count=6 status=none
	tar -C "$BATS_TEST_TMPDIR" -cf "$BATS_TEST_TMPDIR/noise.tar" noise
	redock -q import "$BATS_TEST_TMPDIR/noise.tar" "$liar/upload-reset"
	run redock push "$liar/upload-reset"
	expect_status 0
	contains Retrying
	[ "$(asked '^PATCH /v2/upload-reset/')" -eq 3 ] # the config, and the layer in two parts
	redock -q import "$BATS_TEST_TMPDIR/noise.tar" "$liar/upload-busy"
	redock -q push "$liar/upload-busy"
	redock -q import "$BATS_TEST_TMPDIR/noise.tar" "$liar/upload-lie"
	run redock push "$liar/upload-lie"
	expect_status 1
	contains "another manifest than was sent"
	redock rmi "$liar/upload-reset" "$liar/upload-busy" "$liar/upload-lie"
}

@test "T18: credentials do not go where an upload is sent to" {
	auth=$(printf me:secret | base64)
	echo "{\"auths\": {\"$liar\": {\"auth\": \"$auth\"}}}" >"$BATS_TEST_TMPDIR/auth.json"
	redock -q import "$E2E_DIR/image.tar" "$liar/upload-elsewhere"
	REGISTRY_AUTH_FILE="$BATS_TEST_TMPDIR/auth.json" redock -q push "$liar/upload-elsewhere"
	[ "$(asked '^POST /v2/upload-elsewhere/.* Basic ')" -ge 2 ]
	[ "$(asked '^PUT /v2/upload-elsewhere/.* - ' other)" -eq 2 ]
	[ "$(asked '^(PATCH|PUT) /v2/upload-elsewhere/.*(Basic|Bearer)' other)" -eq 0 ]
	redock rmi "$liar/upload-elsewhere"
}

@test "F22: a server that says nothing, or next to nothing, is asked again" {
	redock -q pull "$liar/stall"
	redock -q pull "$liar/slow"
	[ "$(asked '/v2/(stall|slow)/blobs/.* bytes=2[0-9]*-')" -eq 2 ]
	redock rmi "$liar/stall" "$liar/slow"
}

@test "F22: a busy server is asked again when it says, and not for ever" {
	redock -q pull "$liar/busy"
	[ "$(asked '/v2/busy/manifests/')" -eq 3 ]
	redock -q pull "$liar/busy-blob"
	redock rmi "$liar/busy" "$liar/busy-blob"
	is_refused busy-long "come back in 100000 seconds"
	is_refused busy-always
	[ "$(asked '/v2/busy-always/manifests/')" -eq 5 ]
}

@test "F22: truncated gzip, no gzip, a layer that is gone" {
	is_refused truncated-gzip
	is_refused no-gzip
	is_refused gone "has no such layer"
	# what a server says steers no terminal
	lacks $'\033'
}

@test "F22: a pull that is killed goes on where it was" {
	mkdir -p "$HOME/.config/redock"
	echo "registry_timeout = 60" >"$HOME/.config/redock/redock.conf"
	"$REDOCK" -q pull "$liar/waits" &
	pid=$!
	appears "$REG/liar/log" "half of sha256:"
	blob=$(sed -n 's/^half of sha256:\([0-9a-f]*\) .*/\1/p' "$REG/liar/log")
	# what has come is on its way to the disk: until most of it is there
	has_bytes "$REDOCK_ROOT/partial/$blob" 1500000
	kill -9 "$pid"
	wait "$pid" || true
	# what it has started ends by itself, and lets go of the file then
	timeout 30 flock "$REDOCK_ROOT/partial/$blob" true
	redock -q pull "$liar/waits"
	[ "$(asked "/v2/waits/blobs/sha256:$blob .* bytes=[1-9][0-9]*-")" -eq 1 ]
	run redock run --rm --network none "$liar/waits" busybox cat /who
	is waits
	redock rmi "$liar/waits"
}
