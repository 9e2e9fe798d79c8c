#!/usr/bin/env bats
# system check (F25): each kind of damage is found and named, --repair mends it or moves it aside, and all
# else works as before.
load helper

setup() {
	baseline
	instance "check-$BATS_TEST_NUMBER"
	redock -q import "$E2E_DIR/image.tar" bb
}

teardown() {
	sweep
	drop_instance
	rm -rf "$REDOCK_ROOT" "$REDOCK_RUN_ROOT"
	inv
}

# Another image, which no damage must reach.
bystander() {
	echo "$BATS_TEST_NUMBER" >"$BATS_TEST_TMPDIR/other"
	tar -C "$BATS_TEST_TMPDIR" -cf "$BATS_TEST_TMPDIR/other.tar" other
	redock -q import "$BATS_TEST_TMPDIR/other.tar" other
}

# part IMAGE WHAT: the digits of its manifest, config, or layer (the topmost).
part() {
	local manifest
	manifest=$(head -n 1 "$REDOCK_ROOT/images/$1:latest/manifest")
	manifest=${manifest#sha256:}
	case $2 in
	manifest) echo "$manifest" ;;
	config) json 'd["config"]["digest"][7:]' <"$(blob "$manifest")" ;;
	layer) json 'd["layers"][-1]["digest"][7:]' <"$(blob "$manifest")" ;;
	esac
}

blob() {
	echo "$REDOCK_ROOT/blobs/sha256/$1"
}

# tree IMAGE: the directory of its topmost layer.
tree() {
	local id
	id=$(json 'd["rootfs"]["diff_ids"][-1][7:39]' <"$(blob "$(part "$1" config)")")
	echo "$REDOCK_ROOT/layers/$id"
}

# Turns one bit of a file's middle around.
flip() {
	/usr/bin/python3 - "$1" <<'PY'
import os, sys
with open(sys.argv[1], "r+b") as file:
    middle = os.fstat(file.fileno()).st_size // 2
    file.seek(middle)
    byte = file.read(1)[0]
    file.seek(middle)
    file.write(bytes([byte ^ 1]))
PY
}

# A container of bb with a change, committed: its layer is what our own packer made.
committed() {
	redock run --name maker bb sh -c 'echo made >/made'
	redock -q commit maker "$1"
	redock -q rm maker
}

sound() {
	run --separate-stderr redock system check --full
	expect_status 0
	is "all is sound"
}

works() {
	run redock run --rm "$1" cat /data/file
	is "from the image"
}

# damaged TEXT…: the check fails and says each of these.
damaged() {
	local text
	run redock system check
	expect_status 1
	for text; do
		contains "$text"
	done
	contains "try: redock system check --repair"
}

# repaired TEXT…: so does --repair, which then leaves a sound store.
repaired() {
	local text
	run redock system check --repair
	expect_status 0
	for text; do
		contains "$text"
	done
	sound
}

# All that is there but the locks, in which their last owners stand.
everything() {
	find "$REDOCK_ROOT" ! -name lock ! -name .lock -printf '%p %s %C@\n' | sort
}

# What is in the quarantine, below its one directory.
quarantined() {
	compgen -G "$REDOCK_ROOT/quarantine/*/$1" >/dev/null || fail "no $1 in:" "$(find "$REDOCK_ROOT/quarantine")"
	grep -q "$1: " "$REDOCK_ROOT"/quarantine/*/what
}

@test "F25 system check: a sound store is sound, and nothing is changed" {
	local before
	redock run --name c bb true
	redock volume create v
	before=$(everything)
	run redock system check
	expect_status 0
	is "all is sound"
	[ "$(everything)" = "$before" ]
	run redock system check --json
	is "[]"
	sound
}

@test "F25 system check: one bit of a layer's archive; the image goes aside, the others work" {
	local hex
	bystander
	hex=$(part other layer)
	flip "$(blob "$hex")"
	damaged "X blob ${hex:0:12}: its " "another digest" "image 'other:latest': the archive of its layer 1 of 1 is damaged"
	works bb
	repaired "moved to the quarantine"
	quarantined "blobs/sha256/$hex"
	quarantined "images/other:latest"
	run redock images -q
	[ "${#lines[@]}" -eq 1 ]
	works bb
	redock -q import "$BATS_TEST_TMPDIR/other.tar" other
	sound
}

@test "F25 system check: the archive of a committed layer is made anew of the layer" {
	local hex
	committed mine
	hex=$(part mine layer)
	flip "$(blob "$hex")"
	damaged "blob ${hex:0:12}"
	repaired "made anew of the unpacked layer"
	run redock run --rm mine cat /made
	is made
	rm "$(blob "$hex")"
	damaged "image 'mine:latest': the archive of its layer 2 of 2 is missing"
	repaired "blob ${hex:0:12}: it is missing"
	redock save mine | tar -tf - >/dev/null
}

@test "F25 system check: a layer's tree that is changed, cut or gone is unpacked again" {
	local tree
	tree=$(tree bb)
	echo more >>"$tree/fs/data/file"
	damaged "layer $(basename "$tree" | head -c 12): its files are "
	repaired "unpacked again; the old one is in the quarantine"
	works bb
	printf 'FROM the image\n' >"$tree/fs/data/file"
	run redock system check
	expect_status 0
	run redock system check --full
	expect_status 1
	contains "its files are not those of its archive"
	run redock system check --full --repair
	expect_status 0
	works bb
	rm -rf "$tree"
	damaged "image 'bb:latest': its layer 1 of 1 is missing"
	repaired "it is missing" "unpacked again"
	works bb
	: >"$tree/diff-id"
	damaged "it says that it is another layer"
	repaired "unpacked again"
	works bb
}

@test "F25 system check: a manifest cut short, a config gone, a name that leads nowhere" {
	local manifest config
	bystander
	manifest=$(part other manifest)
	truncate -s 40 "$(blob "$manifest")"
	damaged "blob ${manifest:0:12}: its 40 bytes" "image 'other:latest': its manifest"
	repaired "moved to the quarantine, with what only it needed"
	quarantined "images/other:latest"
	works bb
	bystander
	config=$(part other config)
	rm "$(blob "$config")"
	damaged "image 'other:latest': "
	repaired "moved to the quarantine"
	bystander
	rm "$(blob "$(part other manifest)")"
	damaged "image 'other:latest': its manifest " " is missing"
	repaired "moved to the quarantine"
	bystander
	: >"$REDOCK_ROOT/images/other:latest/manifest"
	damaged "image 'other:latest'"
	repaired "moved to the quarantine"
	works bb
	[ "$(redock images -q | wc -l)" -eq 1 ]
}

@test "F25 system check: what nothing needs is named, and removed by --repair alone" {
	local hex key=00112233445566778899aabbccddeeff
	echo stray >"$BATS_TEST_TMPDIR/stray"
	hex=$(sha256sum <"$BATS_TEST_TMPDIR/stray")
	hex=${hex%% *}
	cp "$BATS_TEST_TMPDIR/stray" "$(blob "$hex")"
	mkdir -p "$REDOCK_ROOT/layers/$key/fs"
	echo "sha256:$key$key" >"$REDOCK_ROOT/layers/$key/diff-id"
	echo mine >"$REDOCK_ROOT/blobs/sha256/a-note"
	run redock system check
	expect_status 0
	contains "! blob ${hex:0:12}: no image and no container needs it"
	contains "! layer ${key:0:12}: no image and no container needs it"
	contains "! a-note: it lies among the blobs and is none"
	[ -e "$(blob "$hex")" ]
	run redock system check --repair
	expect_status 0
	[ ! -e "$(blob "$hex")" ]
	[ ! -e "$REDOCK_ROOT/layers/$key" ]
	# what redock did not make it does not touch
	[ "$(cat "$REDOCK_ROOT/blobs/sha256/a-note")" = mine ]
	rm "$REDOCK_ROOT/blobs/sha256/a-note"
	sound
}

@test "F25 system check: what dead commands left is named and removed" {
	local id=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
	mkdir "$REDOCK_ROOT/tmp/deadbeef" "$REDOCK_ROOT/containers/.new-$id" "$REDOCK_RUN_ROOT/containers/$id"
	: >"$REDOCK_ROOT/tmp/deadbeef/lock"
	ln -s "$id" "$REDOCK_ROOT/names/nobody"
	ln -s "sha256:$(part bb manifest)" "$REDOCK_ROOT/pins/${id/0123/3210}"
	: >"$REDOCK_ROOT/images/bb:latest/manifest.tmp-1"
	run redock system check
	expect_status 0
	contains "! deadbeef: it is half-made"
	contains "! directory '.new-0123456789abcdef012': a container that is half-made"
	contains "! name 'nobody': "
	contains "! pin of container '3210"
	contains "! run directory of container '0123"
	contains "! manifest.tmp-1: it is half-written"
	repaired "removed"
	[ ! -e "$REDOCK_ROOT/containers/.new-$id" ]
	[ ! -e "$REDOCK_ROOT/names/nobody" ]
	[ ! -e "$REDOCK_ROOT/quarantine" ]
	works bb
}

@test "F25 system check: a damaged container goes aside, with its files; one that runs stays" {
	local id
	redock run --name broken bb sh -c 'echo kept >/kept'
	redock run --name whole bb true
	id=$(redock inspect -f '{{.Id}}' broken)
	truncate -s 20 "$REDOCK_ROOT/containers/$id/config.json"
	damaged "X container '${id:0:12}'"
	repaired "moved to the quarantine, with its files"
	quarantined "containers/$id"
	[ "$(cat "$REDOCK_ROOT"/quarantine/*/containers/"$id"/upper/kept)" = kept ]
	run redock ps -a --format '{{.Names}}'
	is whole
	# its name is free again
	redock run --name broken bb true
	id=$(redock inspect -f '{{.Id}}' broken)
	rm -r "$REDOCK_ROOT/containers/$id/work" "$REDOCK_ROOT/pins/$id"
	echo nonsense >"$REDOCK_ROOT/containers/$id/last"
	damaged "its directory 'work' is missing" "its image is not kept for it"
	repaired "made anew" "kept again"
	redock start -a broken
}

@test "F25 system check: an image that a container was made from stays where it is" {
	local hex tree
	redock run --name c bb true
	hex=$(part bb config)
	cp "$(blob "$hex")" "$BATS_TEST_TMPDIR/config"
	flip "$(blob "$hex")"
	tree=$(tree bb || true)
	run redock system check --repair
	expect_status 1
	contains "blob ${hex:0:12}"
	contains "redock rm "
	contains "still wrong"
	[ -e "$(blob "$hex")" ]
	cp "$BATS_TEST_TMPDIR/config" "$(blob "$hex")"
	sound
	redock start -a c
	flip "$(blob "$hex")"
	redock -q rm c
	repaired "image 'bb:latest'"
	run redock images -q
	is ""
}

@test "F25 system check: damaged volumes and networks; index.json and oci-layout" {
	redock volume create v
	redock volume create used
	echo data >"$REDOCK_ROOT/volumes/v/_data/file"
	redock create --name c -v used:/v bb true
	: >"$REDOCK_ROOT/volumes/v/volume.json"
	: >"$REDOCK_ROOT/volumes/used/volume.json"
	redock network create n
	echo '{' >"$REDOCK_ROOT/networks/n.json"
	echo '[]' >"$REDOCK_ROOT/oci-layout"
	echo '{"manifests"' >"$REDOCK_ROOT/index.json"
	damaged "volume 'v'" "volume 'used'" "network 'n'" "file 'oci-layout'" "file 'index.json'"
	run redock system check --repair
	expect_status 1
	contains "redock rm c, which uses it"
	quarantined volumes/v
	[ "$(cat "$REDOCK_ROOT"/quarantine/*/volumes/v/_data/file)" = data ]
	[ -e "$REDOCK_ROOT/volumes/used/_data" ]
	redock -q rm c
	repaired "volume 'used'"
	skopeo inspect "oci:$REDOCK_ROOT:bb:latest" >/dev/null
}

@test "F25 system check: --json; -q; a container runs meanwhile on the layer that is replaced" {
	redock run -d --name c bb sh -c 'read -r x </in; cat /data/file'
	echo more >>"$(tree bb)/fs/etc/group"
	run --separate-stderr redock system check --json
	expect_status 1
	run json '[(f["Result"], f["Object"][:5], f["Done"]) for f in d]' <<<"$output"
	# the image by its name, and by the container
	is "[('bad', 'layer', None), ('bad', 'image', None), ('bad', 'image', None)]"
	run redock system check -q --repair
	expect_status 0
	contains "unpacked again"
	redock exec c sh -c 'echo go >/in'
	redock wait c
	run redock logs c
	is "from the image"
	redock -q rm c
	sound
}
