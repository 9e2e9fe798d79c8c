# shellcheck shell=sh
# The others that redock is measured beside: a bare sshd, and the engines that are installed.
# Read by bench/run, whose variables it uses. What it starts, others_stop ends, by pid.
# shellcheck disable=SC2154 # set by bench/run

pids=
docker_pid=
holder_pid=
parent=/rdbench-$$

# told_by WORD PROGRAM…: starts it in the background and waits until a line on its standard error has
# the word. Sets told_pid; fails when it ends before.
told_by() {
	told_word=$1
	shift
	told_fifo=$dir/fifo.$#.$told_word
	mkfifo "$told_fifo"
	"$@" >>"$log" 2>"$told_fifo" &
	told_pid=$!
	pids="$pids $told_pid"
	exec 9<"$told_fifo"
	rm "$told_fifo"
	while read -r line <&9; do
		echo "$line" >>"$log"
		case $line in
		*"$told_word"*)
			# whatever else it says has a reader until it ends
			cat <&9 >>"$log" &
			exec 9<&-
			return 0
			;;
		esac
	done
	exec 9<&-
	return 1
}

# ---- ssh without a container ----

# The same client options and kind of key as a machine's, and Debian's defaults in the server.
bare_ssh_start() {
	machines=$home/.local/share/redock/ssh/machines
	bare_address=127.113.$(($$ / 250 % 250)).$(($$ % 250 + 1))
	mkdir -p /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f "$dir/host_key"
	cp "$(sed -n 's/^[ \t]*IdentityFile[ =]*//p' "$machines/bench-container.conf" | tr -d '"').pub" \
		"$home/.ssh/authorized_keys"
	cat >"$dir/sshd_config" <<-END
		ListenAddress $bare_address:22022
		HostKey $dir/host_key
		PidFile none
		KbdInteractiveAuthentication no
		UsePAM yes
		X11Forwarding yes
		PrintMotd no
		AcceptEnv LANG LC_*
		Subsystem sftp /usr/lib/openssh/sftp-server
	END
	sed -e "s|bench-container|bench-bare|g" \
		-e "s|^\\([ \t]*HostName[ =]*\\).*|\\1$bare_address|" \
		-e "s|^\\([ \t]*Port[ =]*\\).*|\\1 22022|" "$machines/bench-container.conf" >"$machines/bench-bare.conf"
	grep -qi '^[ \t]*Port' "$machines/bench-bare.conf" || echo 'Port 22022' >>"$machines/bench-bare.conf"
	for name in bench-bare "$bare_address" "[$bare_address]:22022"; do
		echo "$name $(cut -d' ' -f1,2 "$dir/host_key.pub")"
	done >"$machines/bench-bare.known_hosts"

	told_by listening /usr/sbin/sshd -D -e -f "$dir/sshd_config"
	bare_pid=$told_pid
}

bare_ssh_stop() {
	rm -f "$machines"/bench-bare.*
	kill "$bare_pid" 2>/dev/null || true
}

# ---- engines ----

# runc and crun read the same bundle. Raising a limit fails where root may not: none is set.
make_bundle() {
	mkdir "$dir/bundle"
	ln -s "$rootfs" "$dir/bundle/rootfs"
	(cd "$dir/bundle" && "$1" spec)
	sed -i -e 's/"terminal": true/"terminal": false/' -e 's/^\([ \t]*\)"sh"$/\1"true"/' \
		-e '/"rlimits": \[/,/^[ \t]*\],$/d' -e "s|\"path\": \"rootfs\"|\"path\": \"$rootfs\"|" \
		"$dir/bundle/config.json"
}

# In a network namespace of its own, so that its bridge and rules do not come near the host's.
docker_start() {
	told_by "API listen on" nsenter "--net=/proc/$holder_pid/ns/net" dockerd --host "unix://$dir/docker.sock" --data-root "$dir/docker/data" \
		--exec-root "$dir/docker/exec" --pidfile "$dir/docker/pid" \
		--cgroup-parent "$parent" || return 1
	docker_pid=$told_pid
	timeout 60 docker -H "unix://$dir/docker.sock" import "$dir/image.tar" bench >>"$log" 2>&1
}

# podman_words WORD…: the command, a word a line. Its default limits are above what some hosts allow
# root, and crun refuses hybrid cgroups.
podman_words() {
	printf '%s\n' nsenter "--net=/proc/$holder_pid/ns/net" podman --root "$dir/podman/root" \
		--runroot "$dir/podman/run" --tmpdir "$dir/podman/tmp" --cgroup-manager cgroupfs \
		--events-backend none
	[ ! -d /sys/fs/cgroup/unified ] || printf '%s\n' --runtime runc
	printf '%s\n' "$@"
}

# What its `run` needs on such hosts, a word a line.
podman_limits() {
	printf '%s\n' --cgroup-parent "$parent" --ulimit nofile=1024:1024 --ulimit nproc=1024:1024
}

podman_rows() {
	for network in bridge none; do
		part peer "podman run --rm --network $network" "floor, $network"
		# shellcheck disable=SC2046 # words without blanks
		part run $(podman_words run --rm) $(podman_limits) --network "$network" bench true
	done
}

have() {
	command -v "$1" >/dev/null && return 0
	absent="$absent $1"
	return 1
}

# A network namespace for what must not come near the host's.
apart_start() {
	told_by apart unshare --net sh -c 'ip link set lo up; echo apart >&2; exec sleep 100000'
	holder_pid=$told_pid
}

others_start() {
	absent=
	apart_start
	bundle_tools=
	for tool in runc crun; do
		have "$tool" || continue
		if [ $tool = crun ] && [ -d /sys/fs/cgroup/unified ]; then
			echo "left out: crun, which does not work with hybrid cgroups"
			continue
		fi
		[ -d "$dir/bundle" ] || make_bundle "$tool"
		bundle_tools="$bundle_tools $tool"
	done
	have bwrap || :
	have systemd-nspawn || :
	if have dockerd && have docker; then
		docker_start || {
			say "dockerd does not start: $(tail -n 3 "$log")"
			docker_stop
		}
	fi
	if have podman; then
		# shellcheck disable=SC2046 # words without blanks
		timeout 60 $(podman_words import "$dir/image.tar" bench) >>"$log" 2>&1 || :
	fi
	[ -z "$absent" ] || echo "not installed:$absent (bench/peers installs them)"
}

others_rows() {
	for tool in $bundle_tools; do
		part peer "$tool run" "floor, none"
		part run "$tool" --root "$dir/$tool" run --bundle "$dir/bundle" "bench-$$"
		part after "$tool" --root "$dir/$tool" delete -f "bench-$$"
	done
	if command -v bwrap >/dev/null; then
		part peer "bwrap --unshare-all" "floor, none"
		part run bwrap --unshare-all --bind "$rootfs" / --proc /proc --dev /dev true
	fi
	if command -v systemd-nspawn >/dev/null; then
		part peer "systemd-nspawn" "floor, none"
		part run systemd-nspawn --quiet --register=no --keep-unit --private-network \
			-D "$rootfs" true
	fi
	if [ -n "$docker_pid" ]; then
		for network in bridge none; do
			part peer "docker run --rm --network $network" "floor, $network"
			part run docker -H "unix://$dir/docker.sock" run --rm --network "$network" bench true
		done
	fi
	if command -v podman >/dev/null; then
		podman_rows
	fi
}

docker_stop() {
	[ -n "$docker_pid" ] || return 0
	kill "$docker_pid" 2>/dev/null || true
	wait "$docker_pid" 2>/dev/null || true
	docker_pid=
}

others_stop() {
	docker_stop
	for pid in $pids; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	pids=
	find /sys/fs/cgroup -depth -type d -path "*$parent*" -exec rmdir {} + 2>/dev/null || true
	# what engines leave mounted would keep the directory from going
	awk -v dir="$dir/" '{
		if (index($5, dir "docker/") == 1 || index($5, dir "podman/") == 1)
			print $5
	}' /proc/self/mountinfo | sort -r | while read -r target; do
		umount -l "$target" || true
	done
}
