#!/usr/bin/env bats
# import, images, rmi, commit of a container: what is on disk, and what bad input and bad luck do.
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

@test "import: from a file and from stdin, in every usual compression" {
	local tar="$E2E_DIR/image.tar" name
	for name in gzip xz zstd bzip2; do
		"$name" -c <"$tar" >"$BATS_TEST_TMPDIR/$name"
		run redock import "$BATS_TEST_TMPDIR/$name" "packed-$name"
		expect_status 0
		run redock run --rm "packed-$name" cat /data/file
		is "from the image"
		redock -q rmi "packed-$name"
	done
	run bash -c '"$REDOCK" import - piped:v1 <"$E2E_DIR/image.tar"'
	expect_status 0
	run redock run --rm piped:v1 cat /data/file
	is "from the image"
	redock -q rmi piped:v1
}

@test "import -c: says what to run; what is no such instruction is refused, and nothing is made" {
	redock import -c 'CMD ["sh", "-c", "echo $WHO; pwd"]' -c 'ENV WHO="a b"' -c 'WORKDIR /data' \
		"$E2E_DIR/image.tar" says
	run redock run --rm says
	is $'a b\n/data'
	run redock import -c 'RUN true' "$E2E_DIR/image.tar" says2
	expect_status 1
	contains RUN
	run redock images --format '{{.Repository}}'
	lacks says2
	redock -q rmi says
}

@test "import: prints the image's id; the same content gives the same layer" {
	run --separate-stderr redock import "$E2E_DIR/image.tar" again
	expect_status 0
	[[ ${lines[-1]} =~ ^sha256:[0-9a-f]{64}$ ]]
	local layers
	layers=$(find "$REDOCK_ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)
	redock -q import "$E2E_DIR/image.tar" again2
	[ "$(find "$REDOCK_ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)" -eq "$layers" ]
	redock -q rmi again again2
}

@test "images: the table and --json; rmi several" {
	redock -q import "$E2E_DIR/image.tar" one:v1
	redock -q import "$E2E_DIR/image.tar" two
	run redock images
	expect_status 0
	contains one
	contains v1
	contains two
	contains latest
	run --separate-stderr redock images --json
	[ "$(json 'len(d)' <<<"$output")" = 3 ]
	run redock rmi one:v1 two
	expect_status 0
	run redock images
	lacks one
	lacks two
	contains bb
}

@test "images: the store is an OCI image layout whose digests are true" {
	[ "$(json 'd["imageLayoutVersion"]' <"$REDOCK_ROOT/oci-layout")" = 1.0.0 ]
	[ "$(json 'd["schemaVersion"]' <"$REDOCK_ROOT/index.json")" = 2 ]
	local blob
	for blob in "$REDOCK_ROOT"/blobs/sha256/*; do
		[ "$(sha256sum <"$blob" | cut -d' ' -f1)" = "${blob##*/}" ]
	done
	local manifest
	manifest=$(json 'd["manifests"][0]["digest"].split(":")[1]' <"$REDOCK_ROOT/index.json")
	json 'd["config"]["digest"], [l["digest"] for l in d["layers"]]' <"$REDOCK_ROOT/blobs/sha256/$manifest"
}

@test "rmi: what a container was made from is refused, -f goes on, the container stays usable" {
	redock -q import "$E2E_DIR/image.tar" used
	redock -q run -d --name user bb true
	redock -q rm -f user
	redock -q run -d --name user used sh -c "$echo_loop"
	run redock rmi used
	refused 1 user
	run redock rmi -f used
	expect_status 0
	run redock images
	lacks used
	answers
	redock rm -f user
}

@test "rmi: one name of several goes though a container was made from the image; the last one stays" {
	redock -q run -d --name user bb sh -c "$echo_loop"
	redock tag bb other:name
	run redock rmi other:name
	expect_status 0
	contains "other:name"
	run redock rmi bb
	refused 1 user
	answers
	redock -q rm -f user
}

@test "rmi: an image's blobs and layers go with its last name" {
	mkdir "$BATS_TEST_TMPDIR/t"
	head -c 100000 /dev/urandom >"$BATS_TEST_TMPDIR/t/unique"
	tar -C "$BATS_TEST_TMPDIR/t" -cf "$BATS_TEST_TMPDIR/t.tar" .
	local before
	# What earlier tests could not drop yet goes with the next change.
	redock -q import "$BATS_TEST_TMPDIR/t.tar" unique
	redock -q rmi unique
	before=$(cd "$REDOCK_ROOT" && find blobs layers | sort)
	redock -q import "$BATS_TEST_TMPDIR/t.tar" unique
	[ "$before" != "$(cd "$REDOCK_ROOT" && find blobs layers | sort)" ]
	redock -q rmi unique
	[ "$before" = "$(cd "$REDOCK_ROOT" && find blobs layers | sort)" ]
}

@test "import: what is not an archive, is cut off, or is not there leaves nothing" {
	local before
	before=$(find "$REDOCK_ROOT" | grep -v '/tmp$' | sort)
	head -c 100000 /dev/urandom >"$BATS_TEST_TMPDIR/noise"
	run redock import "$BATS_TEST_TMPDIR/noise" bad
	refused 1
	head -c 700000 "$E2E_DIR/image.tar" >"$BATS_TEST_TMPDIR/cut"
	run redock import "$BATS_TEST_TMPDIR/cut" bad
	expect_status 1
	gzip -c "$E2E_DIR/image.tar" | head -c 300000 >"$BATS_TEST_TMPDIR/cut.gz"
	run redock import "$BATS_TEST_TMPDIR/cut.gz" bad
	expect_status 1
	run redock import "$BATS_TEST_TMPDIR/none" bad
	expect_status 1
	contains "$BATS_TEST_TMPDIR/none"
	run redock import /data bad
	expect_status 1
	run redock images
	lacks bad
	[ "$before" = "$(find "$REDOCK_ROOT" | grep -v '/tmp$' | sort)" ]
}

@test "import: T12 T13 T14 hostile archives do nothing outside" {
	local canary="$BATS_TEST_TMPDIR/canary" before archive
	mkdir -p "$canary/sub"
	echo victim >"$canary/victim"
	echo deep >"$canary/sub/victim"
	chmod 600 "$canary/victim"
	before=$(cd "$canary" && find . -printf '%p %T@ %i %m %n %U\n' | sort; cat "$canary/victim" "$canary/sub/victim")
	/usr/bin/python3 "$TOP/tests/e2e/hostile.py" "$BATS_TEST_TMPDIR/archives" "$canary"
	local n=0
	for archive in "$BATS_TEST_TMPDIR"/archives/*.tar; do
		n=$((n + 1))
		run timeout 60 "$REDOCK" import "$archive" hostile
		if [ "$status" -eq 0 ]; then
			# It landed inside: a container sees it there and nothing else happens.
			redock run --rm --network none hostile /bin/true >/dev/null 2>&1 || true
			redock -q rmi hostile
		else
			[ "$status" -eq 1 ] || fail "$archive: exit status $status" "$output"
		fi
		[ "$before" = "$(cd "$canary" && find . -printf '%p %T@ %i %m %n %U\n' | sort; cat "$canary/victim" "$canary/sub/victim")" ] ||
			fail "$archive reached the canary"
		[ -z "$(find "$REDOCK_ROOT" -name 'escaped*' -not -path '*/layers/*')" ] || fail "$archive escaped its layer"
	done
	[ "$n" -ge 30 ]
	run find /escaped* /tmp/escaped* "$E2E_DIR"/escaped* -maxdepth 0
	[ "$status" -ne 0 ]
}

@test "import: T15 bombs end quickly and leave nothing" {
	/usr/bin/python3 "$TOP/tests/e2e/hostile.py" --bombs "$BATS_TEST_TMPDIR/archives"
	local archive
	for archive in "$BATS_TEST_TMPDIR"/archives/*; do
		run timeout 60 prlimit --fsize=2147483648 "$REDOCK" import "$archive" bomb
		[ "$status" -eq 1 ] || fail "$archive: exit status $status" "$output"
	done
	run redock images
	lacks bomb
}

@test "import: devices, owners, modes, times, links, long names and attributes are kept" {
	local t="$BATS_TEST_TMPDIR/t" long
	long=$(printf 'n%.0s' {1..200})
	cp -a "$E2E_DIR/image" "$t"
	echo x >"$t/data/setuid"
	chown 1000:2000 "$t/data/setuid"
	chmod 4755 "$t/data/setuid"
	touch -d '2001-02-03 04:05:06 UTC' "$t/data/setuid"
	ln "$t/data/setuid" "$t/data/hard"
	ln -s /data/setuid "$t/data/soft"
	mkdir -p "$t/data/$long/$long"
	echo deep >"$t/data/$long/$long/f"
	echo umlaut >"$t/data/ü"
	tar -C "$t" --numeric-owner -cf "$BATS_TEST_TMPDIR/t.tar" .
	redock -q import "$BATS_TEST_TMPDIR/t.tar" meta
	run redock run --rm meta stat -c '%a %u %g %h %Y' /data/setuid
	is "4755 1000 2000 2 981173106"
	run redock run --rm meta cat /data/soft
	is x
	run redock run --rm meta cat "/data/$long/$long/f"
	is deep
	run redock run --rm meta cat /data/ü
	is umlaut
	redock -q rmi meta
}

@test "commit: a container's changes become an image, deletions too" {
	redock -q run --name c bb sh -c 'echo new >/data/new; rm /data/plain; rm -r /home/user; mkdir /home/user; echo in >/home/user/f; chmod 700 /data'
	run redock commit -m 'a message' -a 'An Author' c changed:v2
	expect_status 0
	redock -q rm c
	run redock run --rm changed:v2 sh -c 'cat /data/new /home/user/f; ls /data/plain; stat -c %a /data'
	contains new
	contains in
	contains 'No such file'
	contains 700
	run redock images --json
	contains 'a message'
	contains 'An Author'
	run redock run --rm bb ls /data/plain
	expect_status 0
	redock -q rmi changed:v2
}

@test "commit: a running container is frozen while it is read, and runs on" {
	redock -q run -d --name c bb sh -c "$echo_loop"
	answers
	run redock commit c live
	expect_status 0
	answers
	run redock run --rm live cat /kept
	is kept
	redock -q rm -f c
	redock -q rmi live
}

@test "commit: a chain of a hundred layers is readable, and so is its last image" {
	redock -q import "$E2E_DIR/image.tar" chain
	local i
	for i in {1..100}; do
		redock -q run --network none --name link chain sh -c "echo $i >>/data/list; echo $i >/data/f$i; rm -f /data/f$((i - 2))"
		redock -q commit link chain
		redock -q rm link
	done
	run redock run --rm chain sh -c 'tail -n 1 /data/list; wc -l </data/list; ls /data'
	[ "${lines[0]}" = 100 ]
	[ "$(tr -d ' ' <<<"${lines[1]}")" = 100 ]
	contains f100
	contains f99
	lacks f98
	redock -q rmi chain
	# The flattened and the moved-on layers went with it.
	[ "$(find "$REDOCK_ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ]
}

@test "commit: what a container mounts is not in the image" {
	redock -q run -d --name c bb sleep 1010
	redock -q commit c clean
	local manifest layer
	manifest=$(json '[m["digest"].split(":")[1] for m in d["manifests"] if "clean" in str(m)][0]' <"$REDOCK_ROOT/index.json")
	layer=$(json 'd["layers"][-1]["digest"].split(":")[1]' <"$REDOCK_ROOT/blobs/sha256/$manifest")
	run tar -tf "$REDOCK_ROOT/blobs/sha256/$layer"
	lacks proc/
	lacks sys/
	lacks resolv.conf
	redock -q rm -f c
	redock -q rmi clean
}

# ---- bad luck ----

@test "import: F disk full: the old state is whole, and it works again with room" {
	truncate -s 24M "$BATS_TEST_TMPDIR/disk"
	mkfs.ext4 -q -O ^has_journal "$BATS_TEST_TMPDIR/disk"
	mkdir "$BATS_TEST_TMPDIR/mnt"
	mount -o loop "$BATS_TEST_TMPDIR/disk" "$BATS_TEST_TMPDIR/mnt"
	(
		trap 'umount "$BATS_TEST_TMPDIR/mnt"' EXIT
		export REDOCK_ROOT="$BATS_TEST_TMPDIR/mnt/lib" REDOCK_RUN_ROOT="$E2E_DIR/r/images/full"
		redock -q import "$E2E_DIR/image.tar" small
		mkdir "$BATS_TEST_TMPDIR/big"
		head -c 30000000 /dev/urandom >"$BATS_TEST_TMPDIR/big/file"
		tar -C "$BATS_TEST_TMPDIR/big" -cf "$BATS_TEST_TMPDIR/big.tar" .
		run redock import "$BATS_TEST_TMPDIR/big.tar" big
		expect_status 1
		contains "No space left"
		run redock images
		lacks big
		contains small
		run redock run --rm small cat /data/file
		is "from the image"
		run redock run --name filler small sh -c 'head -c 30000000 /dev/urandom >/data/x'
		[ "$status" -ne 0 ]
		run redock commit filler committed
		expect_status 1
		contains "No space left"
		run redock images
		lacks committed
		redock -q rm filler
		run redock run --rm small cat /data/file
		is "from the image"
		redock -q system reset --force
	)
}

# kill_during PATTERN COMMAND…: starts the command and kills everything of it with SIGKILL as soon
# as a file whose path matches PATTERN appears below $REDOCK_ROOT (inotify, not a poll).
kill_during() {
	/usr/bin/python3 "$TOP/tests/e2e/kill-during.py" "$REDOCK_ROOT" "$@"
}

@test "import: F SIGKILL at many points: nothing half-made is seen, and the next works" {
	head -c 8000000 /dev/urandom >"$BATS_TEST_TMPDIR/noise"
	cp -a "$E2E_DIR/image" "$BATS_TEST_TMPDIR/t"
	cp "$BATS_TEST_TMPDIR/noise" "$BATS_TEST_TMPDIR/t/data/"
	tar -C "$BATS_TEST_TMPDIR/t" -cf "$BATS_TEST_TMPDIR/t.tar" .
	local i
	for i in {1..20}; do
		kill_during "$i" "$REDOCK" -q import "$BATS_TEST_TMPDIR/t.tar" torn
		run redock images
		expect_status 0
		if [[ $output == *torn* ]]; then
			run redock run --rm torn sha256sum /data/noise
			[[ $output == "$(sha256sum <"$BATS_TEST_TMPDIR/noise" | cut -d' ' -f1)"* ]]
			redock -q rmi torn
		fi
	done
	redock -q import "$BATS_TEST_TMPDIR/t.tar" torn
	redock -q rmi torn
	[ "$(find "$REDOCK_ROOT/tmp" -mindepth 1 | wc -l)" -eq 0 ]
	[ "$(find "$REDOCK_ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ]
}

@test "commit: F SIGKILL at many points: the container runs on and the old image is whole" {
	redock -q import "$E2E_DIR/image.tar" old
	redock -q run -d --name c old sh -c "head -c 8000000 /dev/zero >/data/big; $echo_loop"
	local i pid
	for i in {1..20}; do
		kill_during "$i" "$REDOCK" -q commit c old
		run redock ps
		expect_status 0
		contains ' c'
		pid=$(pid_inside "sh -c head")
		timeout 20 sh -c 'echo ping >"$1/in" && read -r x <"$1/out"' sh "/proc/$pid/root"
		run redock run --rm old cat /data/file
		is "from the image"
	done
	redock -q commit c old
	redock -q rm -f c
	run redock run --rm old cat /kept
	is kept
	redock -q rmi old
	[ "$(find "$REDOCK_ROOT/tmp" -mindepth 1 | wc -l)" -eq 0 ]
}

@test "run: F SIGKILL of redock run at many points: nothing stays, the next works" {
	local i
	for i in {1..25}; do
		kill_during "$i" "$REDOCK" run --rm --name torn bb true
		run redock ps
		expect_status 0
		run redock run --rm bb echo next
		expect_status 0
		is next
	done
	sweep
	run redock ps -a
	[ "${#lines[@]}" -le 1 ]
}
