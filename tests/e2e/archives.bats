#!/usr/bin/env bats
# save and load: beside Docker, Podman, Skopeo and umoci; tag, history, and images by their digests.
load helper

setup_file() {
	export DIR="$BATS_FILE_TMPDIR"
	small_instance
	# an image of two layers, one of which it shares
	redock -q run --name two bb sh -c 'echo more >/data/more; rm /data/file'
	redock -q commit two two:v1 >/dev/null
	redock -q rm two
	redock tag two:v1 two:v2
	start_docker
}

teardown_file() {
	local pid
	if [ -s "$BATS_FILE_TMPDIR/docker/started" ]; then
		pid=$(cat "$BATS_FILE_TMPDIR/docker/started")
		kill -TERM "$pid"
		wait_gone 30 "$pid" || kill -9 "$pid"
	fi
	drop_instance
	instance archives-other
	drop_instance
	rm -rf "$E2E_DIR/pm"
}

setup() {
	baseline
}

teardown() {
	instance archives-other
	sweep
	drop_instance
	instance archives
	sweep
	inv
}

# The id of an image of this instance.
id_of() {
	redock image inspect -f '{{.Id}}' "$1"
}

# What has to be so after a load of bb and two:v1 into an empty instance. With an argument: another
# program has written their configs anew.
both_are_there() {
	instance archives
	local bb two
	bb=$(id_of bb)
	two=$(id_of two:v1)
	instance archives-other
	if [ $# -eq 0 ]; then
		[ "$(id_of bb)" = "$bb" ]
		[ "$(id_of two:v1)" = "$two" ]
	fi
	run redock run --rm two:v1 cat /data/more
	is "more"
	run redock run --rm two:v1 ls /data/file
	expect_status 1
	run redock system df --json
	expect_status 0
	redock -q rmi bb two:v1
	instance archives
}

pm() {
	podman --root "$E2E_DIR/pm/root" --runroot "$E2E_DIR/pm/run" --storage-driver vfs "$@"
}

dk() {
	docker -H "unix://$DIR/docker/socket" "$@"
}

# A dockerd of the file's own, without networks of its own.
start_docker() {
	command -v dockerd >/dev/null || return 0
	mkdir -p "$DIR/docker"
	/usr/bin/python3 "$TOP/tests/e2e/notify-wait.py" 60 dockerd --data-root "$DIR/docker/data" \
		--exec-root "$DIR/docker/exec" --pidfile "$DIR/docker/pid" -H "unix://$DIR/docker/socket" \
		--storage-driver vfs --bridge none --iptables=false --ip6tables=false \
		>"$DIR/docker/started" 2>"$DIR/docker/log" 3>&-
}

@test "save and load: both kinds come back as they were, through files and pipes" {
	local kind
	for kind in docker oci; do
		redock save --format "$kind" -o "$DIR/$kind.tar" bb two:v1
		instance archives-other
		run redock load -i "$DIR/$kind.tar"
		expect_status 0
		contains "Loaded image: bb:latest"
		contains "Loaded image: two:v1"
		both_are_there
		redock save --format "$kind" bb two:v1 >"$DIR/again.tar"
		cmp "$DIR/$kind.tar" "$DIR/again.tar"
		run bash -c '"$REDOCK" save --format '"$kind"' bb two:v1 |
			REDOCK_ROOT=$E2E_DIR/r/archives-other/lib REDOCK_RUN_ROOT=$E2E_DIR/r/archives-other/run \
			"$REDOCK" load -q'
		expect_status 0
		lacks "unpack"
		both_are_there
	done
}

@test "save: an image that was loaded gives the archive that it came from" {
	local kind
	for kind in docker oci; do
		redock save --format "$kind" -o "$DIR/first.tar" bb two:v1
		instance archives-other
		redock -q load -q -i "$DIR/first.tar"
		redock save --format "$kind" -o "$DIR/second.tar" bb two:v1
		cmp "$DIR/first.tar" "$DIR/second.tar"
		redock -q rmi bb two:v1
		instance archives
	done
}

@test "save: a repository is all of its tags, an id has no name; each layer once" {
	redock save -o "$DIR/tags.tar" two
	run tar -xOf "$DIR/tags.tar" manifest.json
	[ "$(json 'd[0]["RepoTags"]' <<<"$output")" = "['two:v1', 'two:v2']" ]
	[ "$(json 'len(d)' <<<"$output")" = 1 ]
	redock save -o "$DIR/id.tar" "$(id_of two:v1)"
	run tar -xOf "$DIR/id.tar" manifest.json
	[ "$(json 'd[0]["RepoTags"]' <<<"$output")" = None ]
	redock save -o "$DIR/both.tar" bb two:v1
	# bb's layer has a second name below the other image, and is there once
	[ "$(tar -tvf "$DIR/both.tar" | grep -c '^-.*layer.tar$')" -eq 2 ]
	[ "$(stat -c %a "$DIR/both.tar")" = 600 ]
}

@test "load: in every usual compression, from a file and from a pipe" {
	redock save -o "$DIR/plain" bb two:v1
	local name
	for name in gzip xz zstd bzip2; do
		"$name" -c <"$DIR/plain" >"$DIR/packed"
		instance archives-other
		redock -q load -q -i "$DIR/packed"
		both_are_there
		instance archives-other
		# shellcheck disable=SC2002 # a pipe is the point
		cat "$DIR/packed" | redock -q load -q
		both_are_there
	done
}

@test "save, load: no archive to or from a terminal, no half of a file" {
	run with_tty env NO_COLOR=1 "$REDOCK" save bb
	contains "a terminal is no place for an archive"
	contains "try: redock save -o"
	run with_tty env NO_COLOR=1 "$REDOCK" load
	contains "standard input, which is a terminal"
	run redock save -o "$DIR/none.tar" bb nosuch
	expect_status 1
	contains "nosuch"
	[ ! -e "$DIR/none.tar" ]
	run bash -c 'ls "$DIR"/none.tar*'
	expect_status 2
	run redock save --format zip bb
	refused 2 "'zip'"
	run redock load -i "$DIR/nosuch.tar"
	expect_status 1
	contains "cannot open"
	# what was there stays when nothing better comes
	echo old >"$DIR/kept.tar"
	run redock save -o "$DIR/kept.tar" nosuch
	expect_status 1
	[ "$(cat "$DIR/kept.tar")" = old ]
	run bash -c '"$REDOCK" save bb | head -c 1000 >/dev/null; exit "${PIPESTATUS[0]}"'
	[ "$status" -ne 0 ]
}

@test "load: what skopeo writes, and skopeo reads what we write" {
	redock save -o "$DIR/d.tar" bb two:v1
	redock save --format oci -o "$DIR/o.tar" bb two:v1
	rm -rf "$DIR"/sk*
	skopeo copy -q "docker-archive:$DIR/d.tar:two:v1" "oci:$DIR/sk-layout:two:v1"
	skopeo copy -q "oci-archive:$DIR/o.tar:bb:latest" "oci:$DIR/sk-layout:bb:latest"
	skopeo copy -q "oci-archive:$DIR/o.tar:two:v1" "oci-archive:$DIR/sk-oci.tar:two:v1"
	skopeo copy -q "docker-archive:$DIR/d.tar:two:v1" "docker-archive:$DIR/sk-docker.tar:two:v1"
	instance archives-other
	run redock load -i "$DIR/sk-layout"
	expect_status 0
	contains "Loaded image: two:v1"
	both_are_there anew
	instance archives-other
	local from
	for from in sk-oci sk-docker; do
		run redock load -i "$DIR/$from.tar"
		expect_status 0
		run redock run --rm two:v1 cat /data/more
		is more
		redock -q rmi two:v1
	done
}

@test "the store's folder is an OCI layout that skopeo reads in place" {
	run skopeo inspect "oci:$REDOCK_ROOT:two:v1"
	expect_status 0
	[ "$(json 'len(d["Layers"])' <<<"$output")" = 2 ]
	rm -rf "$DIR/copy"
	skopeo copy -q "oci:$REDOCK_ROOT:two:v1" "dir:$DIR/copy"
	[ -s "$DIR/copy/manifest.json" ]
	# an image that came compressed, under Docker's media types, too
	skopeo copy -q --format v2s2 "oci:$REDOCK_ROOT:two:v1" "dir:$DIR/v2"
	skopeo copy -q "dir:$DIR/v2" "docker-archive:$DIR/v2.tar:v2:1"
}

@test "load: what umoci writes, and umoci unpacks what we write" {
	command -v umoci >/dev/null || skip "no umoci on this host"
	redock save --format oci -o "$DIR/u.tar" two:v1
	rm -rf "$DIR/u" "$DIR/bundle" && mkdir "$DIR/u"
	tar -C "$DIR/u" -xf "$DIR/u.tar"
	# its images have tags without a repository
	skopeo copy -q "oci:$DIR/u:two:v1" "oci:$DIR/u2:v1"
	umoci unpack --image "$DIR/u2:v1" "$DIR/bundle"
	[ "$(cat "$DIR/bundle/rootfs/data/more")" = more ]
	echo changed >"$DIR/bundle/rootfs/data/more"
	umoci repack --image "$DIR/u2:v2" "$DIR/bundle"
	instance archives-other
	run redock load -q -i "$DIR/u2"
	expect_status 0
	local id
	id=$(sed -n 's/^Loaded image ID: //p' <<<"$output" | tail -n 1)
	redock tag "$id" from:umoci
	run redock run --rm from:umoci cat /data/more
	is changed
}

@test "load: what podman saves, and podman loads what we save" {
	local kind
	redock save -o "$DIR/d.tar" bb two:v1
	redock save --format oci -o "$DIR/o.tar" two:v1
	run pm load -i "$DIR/d.tar"
	expect_status 0
	contains "two:v1"
	run pm load -i "$DIR/o.tar"
	expect_status 0
	for kind in docker-archive oci-archive; do
		rm -f "$DIR/p.tar"
		pm save -q --format "$kind" -o "$DIR/p.tar" two:v1
		instance archives-other
		run redock load -i "$DIR/p.tar"
		expect_status 0
		contains "two:v1"
		run redock run --rm "$(sed -n 's/^Loaded image: //p' <<<"$output")" cat /data/more
		is more
		drop_instance
		instance archives
	done
	pm rmi -af >/dev/null
}

@test "load: what docker saves, and docker loads what we save" {
	[ -s "$DIR/docker/started" ] || skip "no dockerd on this host"
	redock save -o "$DIR/d.tar" bb two:v1
	run dk load -i "$DIR/d.tar"
	expect_status 0
	contains "Loaded image: two:v1"
	[ "$(dk image inspect -f '{{.Id}}' two:v1)" = "$(id_of two:v1)" ]
	# a third image on the same layers: docker writes them once, and links to them
	dk tag two:v1 three:v1
	dk save -o "$DIR/docker.tar" bb:latest two:v1 three:v1
	instance archives-other
	run redock load -i "$DIR/docker.tar"
	expect_status 0
	contains "Loaded image: three:v1"
	both_are_there
	instance archives-other
	dk save two:v1 | redock -q load -q
	run redock run --rm two:v1 cat /data/more
	is more
}

@test "T13 to T17, F02: hostile archives of images are refused, and nothing of them stays" {
	local out="$DIR/evil" canary="$DIR/canary" before name n=0
	mkdir -p "$canary"
	echo precious >"$canary/victim"
	before=$(cd "$canary" && find . -printf '%p %i %m %s %T@ %C@\n'; cat "$canary/victim")
	/usr/bin/python3 "$TOP/tests/fixtures/evil_images.py" "$out" "$canary"
	instance archives-other
	redock -q images >/dev/null
	for name in "$out"/*; do
		case ${name##*/} in
		good-*)
			redock -q load -q -i "$name" >/dev/null || fail "$name was refused"
			redock -q rmi evil:1
			;;
		*)
			run timeout 20 "$REDOCK" load -i "$name"
			[ "$status" -eq 1 ] || fail "${name##*/}: status $status" "$output"
			[[ $output == *"redock: cannot load"* ]] || fail "${name##*/}:" "$output"
			n=$((n + 1))
			;;
		esac
		[ -z "$(find "$REDOCK_ROOT"/blobs/sha256 "$REDOCK_ROOT"/layers "$REDOCK_ROOT"/images \
			"$REDOCK_ROOT"/tmp "$REDOCK_ROOT"/partial -mindepth 1 2>/dev/null)" ] ||
			fail "${name##*/} left something behind"
	done
	[ "$n" -ge 75 ]
	[ "$before" = "$(cd "$canary" && find . -printf '%p %i %m %s %T@ %C@\n'; cat "$canary/victim")" ]
}

@test "T13: a directory's links and pipes lead nowhere" {
	rm -rf "$DIR/layout" && mkdir "$DIR/layout"
	redock save --format oci bb | tar -C "$DIR/layout" -x
	instance archives-other
	local blob
	blob=$(find "$DIR/layout/blobs/sha256" -size +100k)
	mv "$blob" "$DIR/outside"
	ln -s "$DIR/outside" "$blob"
	run redock load -i "$DIR/layout"
	expect_status 1
	rm "$blob"
	mkfifo "$blob"
	run timeout 10 "$REDOCK" load -i "$DIR/layout"
	expect_status 1
	rm "$blob"
	mv "$DIR/outside" "$blob"
	run redock load -i "$DIR/layout"
	expect_status 0
	redock -q rmi bb
}

@test "tag: one more name, moved names, ids; nothing for a wrong one" {
	redock tag bb mine:v1
	[ "$(id_of mine:v1)" = "$(id_of bb)" ]
	redock tag two:v1 mine:v1
	[ "$(id_of mine:v1)" = "$(id_of two:v1)" ]
	local id
	id=$(id_of bb)
	redock tag "${id:7:12}" registry.example:5000/team/bb
	[ "$(id_of registry.example:5000/team/bb:latest)" = "$id" ]
	run redock image inspect -f '{{.RepoTags}}' bb
	contains "registry.example:5000/team/bb:latest"
	run redock tag nosuch x
	expect_status 1
	contains "cannot tag 'nosuch'"
	run redock tag bb UPPER
	expect_status 1
	contains "is not an image name"
	redock -q rmi mine:v1 registry.example:5000/team/bb
}

@test "history: steps with their layers, the newest first" {
	run redock history two:v1
	expect_status 0
	[ "${#lines[@]}" -eq 3 ]
	contains "redock commit"
	contains "<missing>"
	run redock history -q --no-trunc two:v1
	[ "${lines[0]}" = "$(id_of two:v1)" ]
	run redock history --json two:v1
	[ "$(json 'd[0]["Tags"], d[1]["CreatedBy"], d[0]["EmptyLayer"]' <<<"$output")" = \
		"(['two:v1', 'two:v2'], 'redock import', False)" ]
	run redock history --human=false --format '{{.Size}}' two:v1
	[ "${lines[0]}" = 5 ]
	run redock history nosuch
	expect_status 1
}

@test "rmi: by digest; images --tree shows what is shared" {
	run redock images --tree
	expect_status 0
	contains "└─ "
	contains "two:v1, two:v2"
	run redock images --tree --json
	[ "$(json 'd[0]["Images"], d[0]["Children"][0]["Images"]' <<<"$output")" = \
		"(['bb:latest'], ['two:v1', 'two:v2'])" ]
	local digest
	redock save --format oci -o "$DIR/digest.tar" two:v1
	instance archives-other
	redock -q load -q -i "$DIR/digest.tar"
	digest=$(redock images --digests --format '{{.Digest}}')
	run redock image inspect -f '{{index .RepoDigests 0}}' two:v1
	is "two@$digest"
	run redock inspect --type image "two@$digest"
	expect_status 0
	run redock rmi "two@sha256:$(printf '%064d' 0)"
	expect_status 1
	run redock rmi "two@$digest"
	expect_status 0
	run redock images -q
	is ""
}

@test "image: the noun has what the verbs have" {
	run redock image ls -q
	expect_status 0
	redock image tag bb noun:1
	run redock image rm noun:1
	expect_status 0
	contains "Untagged: noun:1"
	run redock image inspect -f '{{.Os}}' bb
	is linux
	run redock image prune -f
	expect_status 0
	run redock help image
	expect_status 0
	run redock image nosuch
	expect_status 2
}

@test "df: of images what du says, compressed layers and all" {
	local du df
	rm -rf "$DIR/z-oci"
	redock save -o "$DIR/z.tar" bb two:v1
	# it compresses layers on their way into a layout
	skopeo copy -q "docker-archive:$DIR/z.tar:two:v1" "oci:$DIR/z-oci:two:v1"
	instance archives-other
	redock -q load -q -i "$DIR/z-oci"
	du=$(du -s -B1 --total "$REDOCK_ROOT/blobs/sha256" "$REDOCK_ROOT/layers" | tail -n 1 | cut -f 1)
	df=$(redock df --json | json '[x["Size"] for x in d if x["Type"] == "Images"][0]')
	# but for the two directories themselves
	[ "$df" -le "$du" ] && [ "$((du - df))" -le 16384 ] || fail "df says $df, du says $du"
}
