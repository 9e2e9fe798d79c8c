# shellcheck shell=sh disable=SC2034
# Sourced by try, check and .ci/run: which Debian packages are needed, and how to get them.

build_packages="make gcc libc6-dev meson ninja-build pkg-config libjansson-dev libmnl-dev
	libarchive-dev libisal-dev libssl-dev libcurl4-openssl-dev libnftables-dev libseccomp-dev libsystemd-dev
	libcmocka-dev scdoc"
# What the installed program calls: ssh and ssh-keygen, mmdebstrap for the base image, git for builds from repositories.
run_packages="openssh-client mmdebstrap ca-certificates dnsmasq-base git"
lint_packages="clang-format shellcheck python3-minimal git"
# libubsan and libasan come with gcc; clang and its runtime are for the fuzz targets.
test_packages="python3 bats socat rsync tmux sudo nftables iproute2 iputils-ping procps
	openssh-server sshpass ansible-core busybox-static xz-utils zstd bzip2 e2fsprogs mount
	util-linux uuid-runtime kmod cpio qemu-system-x86 docker.io podman skopeo umoci iptables
	netcat-openbsd netcat-traditional docker-registry apache2-utils clang libclang-rt-14-dev"

say() {
	printf '%s\n' "$*" >&2
}

die() {
	say "$1"
	[ -z "${2-}" ] || say "  try: $2"
	exit 1
}

# Runs a command as root, through sudo when we are somebody else.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "${0##*/}: this needs root, and there is no sudo" "su -c ${0}"
	fi
}

# Runs a command as whoever owns the checkout behind sudo, so that what is built is theirs.
as_person() {
	if [ "$(id -u)" -eq 0 ] && [ -n "${SUDO_USER-}" ] && [ "${SUDO_UID-}" = "$(stat -c %u .)" ]; then
		runuser -u "$SUDO_USER" -- "$@"
	else
		"$@"
	fi
}

# Installs those of the named packages that are missing; asks nothing.
need_packages() {
	command -v apt-get >/dev/null ||
		die "${0##*/}: no apt-get here; install these with your own tools, then run make: $*"
	missing=
	for package; do
		dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
			missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	say "installing with apt:$missing"
	log=$(mktemp)
	# shellcheck disable=SC2086 # a list of names
	as_root env DEBIAN_FRONTEND=noninteractive sh -c '
		apt-get update -qq && exec apt-get install -qq -y --no-install-recommends \
			-o Dpkg::Use-Pty=0 "$@"' sh $missing </dev/null >"$log" 2>&1 || {
		tail -n 30 "$log" >&2
		rm -f "$log"
		die "${0##*/}: apt could not install$missing" \
			"see what apt says above: is there a network, and is /etc/apt/sources.list complete?"
	}
	rm -f "$log"
}
