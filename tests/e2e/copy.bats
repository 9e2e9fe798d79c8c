#!/usr/bin/env bats
# Files in and out of containers: cp, diff, export, commit of a container.

setup_file() {
	load helper
	small_instance
	redock run -d --name up bb sleep 1000
	redock create --name down bb sleep 1000
}

teardown_file() {
	load helper
	instance copy
	drop_instance
}

setup() {
	load helper
	instance copy
	cd "$BATS_TEST_TMPDIR" || return
}

@test "a file and a directory go in and come back, running or not" {
	mkdir -p d/sub
	echo text >d/sub/file
	ln d/sub/file d/same
	ln -s sub/file d/link
	truncate -s 64M d/sparse
	local name
	for name in up down; do
		redock cp d $name:/srv
		redock cp $name:/srv back-$name
		diff -r --no-dereference d back-$name
		[ "$(stat -c %h back-$name/same)" = 2 ]
		[ "$(stat -c %b back-$name/sparse)" -lt 1000 ]
		redock cp d/sub/file $name:/tmp/renamed
		redock cp $name:/tmp/renamed .
		cmp renamed d/sub/file
	done
	run redock exec up cat /srv/link
	is text
}

@test "cp follows cp(1)'s rules for its destination" {
	mkdir -p d there
	echo 1 >d/f
	redock cp d up:/tmp/new
	redock cp d up:/tmp/new
	redock cp d/. up:/tmp/new/d2
	run redock exec up sh -c 'cd /tmp/new && find . -type f | sort'
	is $'./d/f\n./d2/f\n./f'
	redock cp up:/tmp/new/. there
	[ -f there/f ] && [ -f there/d/f ]
	echo x >file
	run redock cp up:/tmp/new file
	refused 1 "not a directory"
	run redock cp d up:/etc/passwd
	refused 1 "not a directory"
	run redock cp file up:/nosuch/
	refused 1 "does not exist"
	run redock cp up:/etc/passwd nosuch/
	refused 1 "does not exist"
	run redock cp up:/nosuch .
	expect_status 1
	contains "no file or directory"
}

@test "an archive goes through stdin and stdout" {
	mkdir d
	echo streamed >d/f
	tar -c d | redock cp - up:/tmp
	run redock exec up cat /tmp/d/f
	is streamed
	tar -cz d | redock cp - down:/tmp
	redock cp down:/tmp/d - | tar -xO d/f >out
	[ "$(cat out)" = streamed ]
	# out of a container and into itself: it is not left frozen
	redock cp up:/bin/busybox - | timeout 20 "$REDOCK" exec -i up tar -x -C /tmp
	run redock exec up cmp /bin/busybox /tmp/busybox
	expect_status 0
}

@test "patterns are the container's" {
	redock exec up sh -c 'mkdir -p /p/a /p/b; echo 1 >/p/a/x.conf; echo 2 >/p/b/y.conf; echo 3 >/p/b/z'
	mkdir got
	redock cp 'up:/p/*/*.conf' got
	run ls got
	is $'x.conf\ny.conf'
	run redock cp 'up:/p/*/*.conf' nosuch
	refused 1 "does not exist"
	run redock cp 'up:/p/*/*.none' got
	expect_status 1
	contains "nothing in the container matches"
}

@test "volumes and memory are seen; what is read-only is refused" {
	mkdir vol
	echo host >vol/f
	redock run -d --name mounts --read-only -v "$PWD/vol:/v" -v "$PWD/vol:/ro:ro" --tmpfs /t bb sleep 1000
	redock exec mounts sh -c 'echo memory >/t/f'
	redock cp mounts:/v/f a
	redock cp mounts:/t/f b
	[ "$(cat a b)" = $'host\nmemory' ]
	redock cp a mounts:/v/new
	[ "$(cat vol/new)" = host ]
	run redock cp a mounts:/ro/new
	refused 1 "read-only"
	run redock cp a mounts:/new
	refused 1 "read-only"
	redock rm -f mounts
	redock create --name mounts -v "$PWD/vol:/v" bb true
	redock cp mounts:/v/f c
	redock cp a mounts:/v/stopped
	[ "$(cat c vol/stopped)" = $'host\nhost' ]
	redock rm mounts
}

@test "T12: owners and set-user-ID bits only with -a; /var/run is /run" {
	echo x >su
	chown 5:6 su
	chmod 4755 su
	redock cp su up:/tmp/plain
	redock cp -a su up:/tmp/kept
	run redock exec up stat -c '%u:%g %a' /tmp/plain /tmp/kept
	is $'0:0 755\n5:6 4755'
	redock cp up:/tmp/kept plain
	[ "$(stat -c '%u:%g %a' plain)" = "0:0 755" ]
	redock exec up sh -c 'mkdir -p /run/d; ln -sfn /run /var/run'
	redock cp su up:/var/run/d/f
	run redock exec up ls /run/d
	is f
	# a device node would be one of this host's
	/usr/bin/python3 -c 'import sys, tarfile
t = tarfile.open(fileobj=sys.stdout.buffer, mode="w|")
i = tarfile.TarInfo("null")
i.type, i.devmajor, i.devminor = tarfile.CHRTYPE, 1, 3
t.addfile(i)
t.close()' | redock cp - up:/tmp
	run redock cp up:/tmp/null .
	refused 1 "device"
}

@test "T12: an archive does not leave its destination" {
	/usr/bin/python3 - <<'PY'
import io, tarfile
def make(name, *entries):
    with tarfile.open(name, "w") as t:
        for n, kind, extra in entries:
            i = tarfile.TarInfo(n)
            i.type = kind
            if kind == tarfile.REGTYPE:
                i.size = len(extra)
                t.addfile(i, io.BytesIO(extra))
            else:
                i.linkname = extra
                t.addfile(i)
F, S, L = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
make("dots.tar", ("../../etc/planted", F, b"x"))
make("through.tar", ("l", S, "/etc"), ("l/planted", F, b"x"))
make("hard.tar", ("h", L, "../etc/passwd"))
make("absolute.tar", ("/etc/planted", F, b"x"))
make("prefix.tar", ("d/f", F, b"1"), ("d2", S, "/etc"), ("d2/planted", F, b"x"))
PY
	local archive
	for archive in dots through hard prefix; do
		run redock cp - up:/tmp <$archive.tar
		expect_status 1
	done
	# as tar(1): below the destination, or not at all
	run redock cp - up:/tmp <absolute.tar
	run redock exec up ls /etc
	lacks planted
}

@test "T12: what is copied out lands below its new name, whatever lies beside it" {
	mkdir -p host out
	echo untouched >host/f
	redock exec up sh -c 'mkdir -p /s/d/in /s/d2; echo 2 >/s/d2/f; echo 1 >/s/d/own; ln /s/d2/f /s/d/f
		ln -s '"$PWD/host"' /s/d/link; ln -s ../../../.. /s/d/in/up; ln -s '"$PWD/host"' /s/l; echo x >/s/-rf'
	redock cp up:/s/d out/renamed
	run bash -c 'cd out && find . | sort'
	is $'.\n./renamed\n./renamed/f\n./renamed/in\n./renamed/in/up\n./renamed/link\n./renamed/own'
	[ "$(cat out/renamed/f out/renamed/own)" = $'2\n1' ]
	# again, over what is there: through none of the links
	redock exec up sh -c 'rm /s/d/link; mkdir /s/d/link; echo planted >/s/d/link/f; echo planted >/s/d/link/g'
	run redock cp up:/s/d/. out/renamed
	[ "$(cat host/f)" = untouched ]
	[ "$(ls host)" = f ]
	# a pattern is the container's; a link in it is a link of the container's
	mkdir got
	run redock cp 'up:/s/*' got
	run redock cp up:/s/l/f got
	expect_status 1
	[ "$(ls host)" = f ]
	redock exec up rm -r /s
}

@test "T11: nothing of an image's is loaded or run for it" {
	local marker="$BATS_TEST_TMPDIR/marker" name
	redock create --name trap bb true
	for name in gzip xz unpigz bzip2 zstd; do
		printf '#!/bin/sh\n: >%s\n: >/marker\n' "$marker" >bad
		chmod 755 bad
		redock cp bad trap:/usr/bin/$name
	done
	mkdir d
	echo packed >$'d/caf\xc3\xa9-with-a-name-that-is-far-longer-than-the-hundred-bytes-that-a-header-of-an-archive-has-room-for-in-itself'
	for name in z J j; do
		tar -c$name d >x.tar
		redock cp - trap:/tmp <x.tar
	done
	tar -c --zstd d | strace -f -qq -e trace=openat,execve,chdir,pivot_root -o log \
		"$REDOCK" cp - trap:/tmp
	[ ! -e "$marker" ]
	redock export trap | tar -t >list
	run grep -x marker list
	expect_status 1
	# nothing is opened by an absolute name once the root is the container's
	sed -n '/pivot_root/,$p' log >after
	[ -s after ]
	run grep -E 'execve|openat\(AT_FDCWD, "/[^"]' after
	expect_status 1
	redock rm trap
}

@test "T10: a path that changes under cp leads nowhere else" {
	local canary="$BATS_TEST_TMPDIR/canary" i
	mkdir canary vol vol/d
	echo untouched >canary/file
	echo inside >vol/d/file
	ln -s "$canary" vol/l
	redock run -d --name race -v "$PWD/vol:/v" bb attack-racer /v/d /v/l
	echo planted >planted
	for ((i = 0; i < 60; i++)); do
		rm -f got
		redock cp race:/v/d/file got 2>/dev/null || true
		[ ! -e got ] || [ "$(cat got)" = inside ]
		redock cp planted race:/v/d/file2 2>/dev/null || true
	done
	redock rm -f race
	[ "$(ls canary)" = file ]
	[ "$(cat canary/file)" = untouched ]
	[ -e vol/d/file2 ] || [ -e vol/l/file2 ]
}

@test "F29: whatever becomes of a copy, the container goes on" {
	redock exec up sh -c 'dd if=/dev/urandom of=/big bs=1M count=20 2>/dev/null'
	mkfifo pipe
	"$REDOCK" cp up:/big - >pipe &
	local copy=$!
	exec 9<pipe
	# nobody reads: it thaws by itself, and the copy waits
	timeout 20 "$REDOCK" exec up true
	kill -KILL $copy
	exec 9<&-
	wait $copy || true
	timeout 20 "$REDOCK" exec up true
}

@test "diff and export tell what the container has" {
	redock create --name changed bb sh -c 'echo x >/new; rm /data/file; echo y >>/etc/passwd; mkdir /dir; echo z >/dir/f'
	redock start -a changed
	run redock diff changed
	is $'C /data\nD /data/file\nA /dir\nA /dir/f\nC /etc\nC /etc/passwd\nA /new'
	redock export changed >changed.tar
	run tar -tf changed.tar
	contains dir/f
	lacks data/file
	tar -xOf changed.tar new | grep -qx x
	redock rm changed
}

@test "commit takes the files and settings of a container along" {
	redock exec up sh -c 'echo marked >/mark'
	redock commit -m 'a note' up made:1
	run redock run --rm made:1 cat /mark
	is marked
	# an image's id is not a name that one could give
	run redock commit up "sha256:$(printf '%064d' 0)"
	expect_status 1
	redock rmi made:1
}

@test "commit: instructions, and an image without a name until it is pruned" {
	local id
	redock exec up sh -c 'echo marked >/mark'
	redock commit -c 'CMD ["cat", "/mark"]' -c 'ENV MARK="a b"' up made:2
	run redock run --rm made:2
	is marked
	run redock run --rm made:2 sh -c 'echo "$MARK"'
	is "a b"
	run redock commit -c 'RUN true' up made:3
	refused 1 "RUN"
	redock rmi made:2
	id=$(redock commit up)
	run redock images
	contains "<none>"
	run redock run --rm "${id:7:12}" cat /mark
	is marked
	redock rmi "${id:7:12}"
	run redock images
	lacks "<none>"
}
