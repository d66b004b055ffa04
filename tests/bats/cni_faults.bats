# SPDX-License-Identifier: GPL-2.0-only
# The CNI plugin when something goes wrong around it, and what it may not do to the node.
load ../lib/cni

setup_file() { node_up; }
teardown() {
	cni_cleanup
	is_clean
}

# COMMAND…: as somebody without rights; the plugin is where everybody can run it
as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all "$@"; }

@test "a node that is not up is error 103, and DEL there is success" {
	ip netns add a
	fails_with 103 "node not up.*pinpool up" call "$(conf '.root = "/sys/fs/bpf/nothing"')" ADD a /run/netns/a
	fails_with 103 "node not up" call "$(conf '.root = "/sys/fs/bpf/nothing" | .prevResult = {}')" CHECK a /run/netns/a
	conf '.root = "/sys/fs/bpf/nothing"' | cni DEL a /run/netns/a
	# brought up in another network namespace
	ip netns add elsewhere
	fails_with 103 "another network namespace" nsenter --net=/run/netns/elsewhere bash -c \
		"CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_NETNS=/run/netns/a CNI_IFNAME=eth0 $PLUGIN <<<'$(conf)'"
}

@test "state of another ABI is error 104, and stays unchanged" {
	ip netns add a
	mkdir -p /sys/fs/bpf/future/v99
	fails_with 104 "ABI 99" call "$(conf '.root = "/sys/fs/bpf/future"')" ADD a /run/netns/a
	fails_with 104 "ABI 99" call "$(conf '.root = "/sys/fs/bpf/future"')" DEL a /run/netns/a
	fails_with 50 "ABI 99" call "$(conf '.cniVersion = "1.1.0" | .root = "/sys/fs/bpf/future"')" STATUS ""
	[ "$(find /sys/fs/bpf/future -mindepth 1)" = /sys/fs/bpf/future/v99 ]
	rmdir /sys/fs/bpf/future/v99 /sys/fs/bpf/future
}

@test "a namespace deleted without DEL: gc frees the pod, DEL too" {
	add a
	add b
	ip netns del a
	ip netns del b
	conf | cni DEL a /run/netns/a
	for ((try = 0; try < 50 * PINPOOL_SLOW; try++)); do # the kernel takes the interfaces down when it finds time
		ip -br link | grep -q '^pp' || break
		sleep 0.1
	done
	pinpool gc
	is_clean
	conf | cni DEL b ""
}

@test "a veth deleted by an administrator: CHECK reports it, ADD recreates it, DEL succeeds" {
	a=$(add a)
	ip link del "$(jq -r '.interfaces[0].name' <<<"$a")"
	fails_with 105 "gone" call "$(conf ".prevResult = $a")" CHECK a /run/netns/a
	again=$(add a)
	[ "$(address "$again")" = "$(address "$a")" ]
	check a "$again"
	ping -qnc 1 -W "$PINPOOL_SLOW" "$(address "$a")"
	ip link del "$(jq -r '.interfaces[0].name' <<<"$again")"
	del a
}

@test "a renamed host's end is still found" {
	a=$(add a)
	host=$(jq -r '.interfaces[0].name' <<<"$a")
	ip link set "$host" down
	ip link set "$host" name renamed
	ip link set renamed up
	del a
	! ip link show renamed
}

@test "a container that was restarted with the same id in another namespace" {
	a=$(add a)
	ip netns add second
	b=$(conf | cni ADD a /run/netns/second)
	[ "$(address "$a")" = "$(address "$b")" ]
	ip -n second addr show eth0 | grep -qF "$(address "$a")"
	ping -qnc 1 -W "$PINPOOL_SLOW" "$(address "$a")"
	conf | cni DEL a /run/netns/second
}

@test "pins removed by hand: ADD is refused, DEL removes the interface, up and gc repair" {
	for pin in prog/pp_lease prog/pp_bind prog/pp_dying prog/pp_release prog/pp_pod_entry pp_leases pp_ipam pp_config; do
		echo "# $pin"
		a=$(add a)
		host=$(jq -r '.interfaces[0].name' <<<"$a")
		rm "/sys/fs/bpf/pinpool/v2/$pin"
		case $pin in
		prog/pp_dying | prog/pp_release) ;;
		*)
			ip netns add b
			fails_with 103 "missing|not up|pinpool up" call "$(conf)" ADD b /run/netns/b
			! ip -n b link show eth0
			ip netns del b
			;;
		esac
		del a
		! ip link show "$host"
		pinpool up
		pinpool gc
		is_clean
		ip netns del a
	done
}

@test "the plugin replaced while ADDs run" {
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	cp "$PLUGIN" "$BATS_TEST_TMPDIR/bin/pinpool-cni"
	PLUGIN=$BATS_TEST_TMPDIR/bin/pinpool-cni
	for w in 1 2 3 4; do
		ip netns add "w$w"
		for i in 1 2 3 4 5 6; do
			conf | cni ADD "w$w" "/run/netns/w$w" >/dev/null && conf | cni DEL "w$w" "/run/netns/w$w" || exit 1
		done & pids[w]=$!
	done
	for i in {1..40}; do
		cp "$BUILD/pinpool-cni" "$BATS_TEST_TMPDIR/bin/new"
		mv "$BATS_TEST_TMPDIR/bin/new" "$PLUGIN"
	done
	for w in 1 2 3 4; do wait "${pids[w]}"; done
}

@test "an unprivileged user gets a clear error object" {
	cp "$PLUGIN" /run/pinpool-cni
	chmod 755 /run/pinpool-cni
	ip netns add a
	for command in ADD DEL; do
		fails_with 999 "permission denied; run as root" as_nobody env CNI_COMMAND=$command CNI_CONTAINERID=a \
			CNI_NETNS=/run/netns/a CNI_IFNAME=eth0 /run/pinpool-cni <<<"$(conf)"
	done
	as_nobody env CNI_COMMAND=VERSION /run/pinpool-cni </dev/null | jq -e .supportedVersions
	[ "$(stat -c %a /sys/fs/bpf/pinpool)" = 700 ]
	[ -z "$(find /sys/fs/bpf/pinpool -type f ! -perm 600)" ]
}

@test "logFile: one line per call, private; no link, pipe or foreign file is followed" {
	log=$BATS_TEST_TMPDIR/cni.log
	CNI_ARGS=$'K8S_POD_NAME=x' add a ".logFile = \"$log\"" >/dev/null
	del a ".logFile = \"$log\""
	run cni ADD $'b' /run/netns/nothing < <(conf ".logFile = \"$log\"")
	cat "$log"
	[ "$(stat -c %a "$log")" = 600 ]
	[ "$(wc -l <"$log")" = 3 ]
	grep -qE '^[0-9T:.-]+Z [0-9]+ ADD pods a eth0: done$' "$log"
	grep -qE ' DEL pods a eth0: done$' "$log"
	grep -qE ' ADD pods b eth0: error 4: CNI_NETNS: network namespace /run/netns/nothing: No such file' "$log"

	echo secret >"$BATS_TEST_TMPDIR/victim"
	ln -s victim "$BATS_TEST_TMPDIR/symlink"
	ln "$BATS_TEST_TMPDIR/victim" "$BATS_TEST_TMPDIR/hardlink"
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	echo foreign >"$BATS_TEST_TMPDIR/foreign"
	chown nobody "$BATS_TEST_TMPDIR/foreign"
	for path in symlink hardlink fifo foreign . nothing/there; do
		# the pod comes all the same, and the log's trouble is told on standard error
		run --separate-stderr add a ".logFile = \"$BATS_TEST_TMPDIR/$path\""
		[ "$status" = 0 ]
		jq -e .ips <<<"$output"
		[[ $stderr = "pinpool-cni: $BATS_TEST_TMPDIR/"* ]]
	done
	[ "$(cat "$BATS_TEST_TMPDIR/victim")" = secret ]
	[ "$(cat "$BATS_TEST_TMPDIR/foreign")" = foreign ]
}

@test "standard streams closed or full: no success without a result, no damaged map" {
	ip netns add a
	! conf | cni ADD a /run/netns/a >&-
	! conf | cni ADD a /run/netns/a >/dev/full
	! cni ADD a /run/netns/a <&- >"$BATS_TEST_TMPDIR/out"
	jq -e '.code == 6 or .code == 5' "$BATS_TEST_TMPDIR/out"
	! cni ADD a /run/netns/a < /run >"$BATS_TEST_TMPDIR/out"
	jq -e '.code == 5' "$BATS_TEST_TMPDIR/out"
	a=$(add a)
	check a "$a"
}

@test "no other program is run, no sleep, and only CNI's own variables count" {
	ip netns add a
	for command in ADD DEL; do
		conf | strace -f -o "$BATS_TEST_TMPDIR/trace" -E PATH=. -E PINPOOL_ROOT=/nowhere -E TMPDIR=/nowhere \
			-E CNI_COMMAND=$command -E CNI_CONTAINERID=a -E CNI_NETNS=/run/netns/a -E CNI_IFNAME=eth0 "$PLUGIN"
		[ "$(grep -cE 'execve|clone|fork' "$BATS_TEST_TMPDIR/trace")" = 1 ]
		! grep -E 'nanosleep|poll\(|select\(' "$BATS_TEST_TMPDIR/trace"
		# once, and every descriptor closes on exec
		[ "$(grep -c '"/run/netns/a"' "$BATS_TEST_TMPDIR/trace")" -le 1 ]
		! grep -E 'openat?\(.*O_(RDONLY|RDWR|WRONLY)' "$BATS_TEST_TMPDIR/trace" | grep -v O_CLOEXEC | grep -v urandom
	done
}

@test "bpffs unmounted: ADD is refused, DEL removes the interface, up starts afresh" {
	a=$(add a)
	host=$(jq -r '.interfaces[0].name' <<<"$a")
	add b
	# others of this machine may have it mounted, too: what is pinned in this one is gone
	umount /sys/fs/bpf
	ip netns add c
	fails_with 103 "not up" call "$(conf)" ADD c /run/netns/c
	fails_with 50 "not up" call "$(conf '.cniVersion = "1.1.0"')" STATUS ""
	del a
	! ip link show "$host"
	mount -t bpf bpf /sys/fs/bpf
	pinpool up -f /run/pools.yaml --node n1
	pinpool gc
	# a pod of before: the new node does not know it
	del b
	c=$(add c)
	check c "$c"
	ping -qnc 1 -W "$PINPOOL_SLOW" "$(address "$c")"
}
