# shellcheck shell=bash
# Once for all files: the small image's archive.

setup_suite() {
	local image="$E2E_DIR/image"
	mkdir -p "$image"/{bin,etc,tmp,root,home/user,var,usr/bin,data}
	chmod 1777 "$image/tmp"
	cp "$(command -v busybox)" "$image/bin/busybox"
	"$image/bin/busybox" --list | (cd "$image/bin" && xargs -I{} sh -c '[ -e "$1" ] || ln -s busybox "$1"' sh {})
	# What hostile containers run: tests/attack.
	cp "$(dirname "$REDOCK")/../tests/attack"/attack-{probe,racer} "$image/bin/"
	printf 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/sh\n' >"$image/etc/passwd"
	printf 'root:x:0:\nuser:x:1000:\nextra:x:2000:user\n' >"$image/etc/group"
	printf 'not a program\n' >"$image/data/plain"
	printf 'from the image\n' >"$image/data/file"
	chown -R 1000:1000 "$image/home/user"
	# By these a test speaks with a container and waits for it.
	mkfifo "$image/in" "$image/out"
	tar -C "$image" --numeric-owner -cf "$E2E_DIR/image.tar" .
}

teardown_suite() {
	local root
	# What failed tests may have left; the invariants have named it by now.
	for root in "$E2E_DIR"/r/*; do
		[ ! -d "$root/lib" ] || "$REDOCK" --root "$root/lib" --run-root "$root/run" -q system reset --force || true
	done
}
