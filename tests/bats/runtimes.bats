# SPDX-License-Identifier: GPL-2.0-only
# Real runtimes run pods on the plugin: containerd by ctr and by its CRI service, podman. The two pods
# of the tutorial, one of pool default and one of mars, fetch a page across.
load ../lib/cni

IMAGE=localhost/pinpool/busybox:1
PAGE='echo hello from $(hostname) >/tmp/index.html && exec httpd -f -h /tmp'

# what runtimes write below these is gone with this mount namespace
cover() {
	local dir
	for dir in etc opt var; do
		mkdir -p "$S/cover/$dir" "$S/cover/$dir.work"
		mount -t overlay -o "lowerdir=/$dir,upperdir=$S/cover/$dir,workdir=$S/cover/$dir.work" overlay "/$dir"
	done
	mkdir -p /etc/cni/net.d /opt/cni/bin
	cp "$PLUGIN" /opt/cni/bin/
	cp /usr/lib/cni/{loopback,portmap} /opt/cni/bin/
}

# NAME POOL: a network, as an administrator writes it
network() {
	jq -n --arg name "$1" --arg pool "$2" '{cniVersion: "1.0.0", name: $name, plugins: [
		{type: "pinpool-cni", capabilities: {ips: true, mac: true, portMappings: true,
			"io.kubernetes.cri.pod-annotations": true}}
		+ if $pool != "" then {pool: $pool} else {} end,
		{type: "portmap", capabilities: {portMappings: true}}]}'
}

start_containerd() {
	cat >"$S/containerd.toml" <<-TOML
	version = 2
	root = "$S/containerd/root"
	state = "$S/containerd/state"
	oom_score = 0
	disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
		"io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper"]
	[grpc]
	  address = "$S/containerd.sock"
	[plugins."io.containerd.internal.v1.opt"]
	  path = "$S/containerd/opt"
	[plugins."io.containerd.grpc.v1.cri"]
	  sandbox_image = "$IMAGE"
	  restrict_oom_score_adj = true
	  netns_mounts_under_state_dir = true
	  [plugins."io.containerd.grpc.v1.cri".cni]
	    bin_dir = "/opt/cni/bin"
	    conf_dir = "/etc/cni/net.d"
	TOML
	containerd -c "$S/containerd.toml" >"$S/containerd.log" 2>&1 3>&- & echo $! >"$S/containerd.pid"
	for ((try = 0; try < 100 * PINPOOL_SLOW; try++)); do
		! "${CTR[@]}" version >/dev/null 2>&1 || break
		sleep 0.1
	done
	"${CTR[@]}" version >/dev/null || {
		cat "$S/containerd.log"
		return 1
	}
	"${CTR[@]}" image import "$S/busybox.tar"
	"${CTR[@]}" -n k8s.io image import "$S/busybox.tar"
}

setup_file() {
	# a short path: sockets' names have at most 108 bytes
	S=$(mktemp -d /tmp/pinpool-rt.XXXX)
	# the upper folder of an overlay cannot be in an overlay, which /tmp may be
	mount -t tmpfs tmpfs "$S"
	export S PYTHONPATH=$S CONTAINERS_CONF=$S/containers.conf CGROUP=${S##*/}
	CTR=(ctr -a "$S/containerd.sock")
	cover
	node_up
	network pods "" >/etc/cni/net.d/10-pinpool.conflist
	"$BATS_TEST_DIRNAME/../lib/runtimes/image" "$S/busybox.tar" $IMAGE '["/bin/sleep", "1000000"]'
	protoc -I "$BATS_TEST_DIRNAME/../lib/runtimes" --python_out="$S" cri.proto
	start_containerd
	configure_podman
}

# COMMAND…: for the process id of each process of ours: in our cgroups, or with what only we have in
# its command line
each_process() {
	local proc
	for proc in /proc/[0-9]*; do
		if grep -qsF "/$CGROUP" "$proc/cgroup" || tr '\0' ' ' 2>/dev/null <"$proc/cmdline" | grep -qF "$S/"; then
			"$@" "${proc#/proc/}" 2>/dev/null || true
		fi
	done
}

teardown_file() {
	local try
	podman_ rm -fa -t 0 || true # one without CNI runs nothing
	kill "$(cat "$S/containerd.pid")"
	for ((try = 0; try < 20 * PINPOOL_SLOW; try++)); do
		[ -n "$(each_process echo)" ] || break
		sleep 0.1
	done
	each_process kill -KILL
	sleep 0.2
	grep -F " $S/" /proc/self/mounts | cut -d ' ' -f 2 | grep -v "^$S/cover" | sort -r | xargs -r umount -l
	umount -l /etc /opt /var "$S"
	rm -rf "$S"
	find /sys/fs/cgroup -depth -type d -path "*/$CGROUP*" -exec rmdir {} + || true
}

setup() { CTR=(ctr -a "$S/containerd.sock"); }
# what a failed test left to its runtime goes with the runtime; the next one begins on a clean node
teardown() {
	cni_cleanup
	is_clean
}

# COMMAND…: until it prints something
soon() {
	for ((try = 0; try < 50 * PINPOOL_SLOW; try++)); do
		out=$("$@" 2>/dev/null) && [ -n "$out" ] && break
		sleep 0.1
	done
	echo "$out"
}

# OWNER: its address, by what the node says
ip_of() {
	pinpool get pods -o json | jq -r --arg owner "$1" '.items[] | select(.owner == $owner) | .ips[0].address'
}

@test "ctr run --cni: two pods of two pools, a page fetched across, nothing left" {
	"${CTR[@]}" run --rm --cni --cgroup "/$CGROUP/web" $IMAGE web sh -c "$PAGE" 3>&- & server=$!
	web=$(soon ip_of default-web)
	[[ $web = 10.10.0.* ]]
	network pods mars >/etc/cni/net.d/10-pinpool.conflist
	fetch="ip -4 addr show eth0 | grep -o 'inet [0-9.]*'; for try in 1 2 3 4 5 6 7 8; do wget -qO- http://$web/ && break; sleep 1; done"
	run "${CTR[@]}" run --rm --cni --cgroup "/$CGROUP/client" $IMAGE client sh -c "$fetch"
	network pods "" >/etc/cni/net.d/10-pinpool.conflist
	echo "$output"
	[ "$status" = 0 ]
	grep -qE '^inet 10\.20\.0\.' <<<"$output"
	grep -q '^hello from' <<<"$output"
	"${CTR[@]}" task kill -s KILL web
	wait $server || true
	is_clean
}

cri() { "$BATS_TEST_DIRNAME/../lib/runtimes/cri" "$S/containerd.sock" "$@"; }

# NAME ANNOTATIONS-AS-JSON
pod_config() {
	jq -nc --arg name "$1" --argjson annotations "$2" --arg logs "$S/logs" '{
		metadata: {name: $name, uid: ("uid-" + $name), namespace: "demo"}, hostname: $name, log_directory: $logs,
		annotations: $annotations, linux: {cgroup_parent: ("/" + env.CGROUP)}}'
}

# NAME ANNOTATIONS-AS-JSON COMMAND…: a pod with one container; sets pod_NAME and container_NAME
cri_pod() {
	local config id container
	config=$(pod_config "$1" "$2")
	id=$(cri RunPodSandbox "{\"config\": $config}" | jq -r .pod_sandbox_id)
	container=$(jq -nc --arg id "$id" --argjson pod "$config" --arg image $IMAGE '{pod_sandbox_id: $id, sandbox_config: $pod,
		config: {metadata: {name: "main"}, image: {image: $image}, command: $ARGS.positional}}' --args -- "${@:3}")
	container=$(cri CreateContainer "$container" | jq -r .container_id)
	cri StartContainer "{\"container_id\": \"$container\"}" >/dev/null
	printf -v "pod_$1" %s "$id"
	printf -v "container_$1" %s "$container"
}

cri_address() { cri PodSandboxStatus "{\"pod_sandbox_id\": \"$1\"}" | jq -r .status.network.ip; }

cri_end() {
	cri StopPodSandbox "{\"pod_sandbox_id\": \"$1\"}"
	cri StopPodSandbox "{\"pod_sandbox_id\": \"$1\"}"
	cri RemovePodSandbox "{\"pod_sandbox_id\": \"$1\"}"
}

@test "containerd's CRI service: the pool by pod and by namespace annotation, a page fetched across" {
	cri_pod web '{}' sh -c "$PAGE"
	cri_pod mars '{"ipam.cilium.io/ip-pool": "mars"}' sleep 1000
	web=$(cri_address "$pod_web")
	[[ $web = 10.10.0.* ]]
	[[ $(cri_address "$pod_mars") = 10.20.0.* ]]
	pinpool get pods -o json | jq -e --arg owner "$pod_mars" '.items[] | select(.owner == $owner) |
		.namespace == "demo" and .name == "mars" and .ips[0].pool == "mars"'
	fetch="for try in 1 2 3 4 5 6 7 8; do wget -qO- http://$web/ && break; sleep 1; done"
	page=$(cri ExecSync "{\"container_id\": \"$container_mars\", \"cmd\": [\"sh\", \"-c\", \"$fetch\"], \"timeout\": $((20 * PINPOOL_SLOW))}")
	echo "$page"
	[ "$(jq -r .stdout <<<"$page" | base64 -d)" = "hello from web" ]
	cri_end "$pod_web"
	cri_end "$pod_mars"
	is_clean
	# a wish, and the namespace's annotation
	cri_pod wish '{"pinpool.io/ipv4-address": "10.10.0.217"}' sleep 1000
	[ "$(cri_address "$pod_wish")" = 10.10.0.217 ]
	cri_end "$pod_wish"
	pinpool apply -f - <<<'{apiVersion: v1, kind: Namespace, metadata: {name: demo, annotations: {ipam.cilium.io/ip-pool: mars}}}'
	cri_pod named '{}' sleep 1000
	pinpool delete namespace demo
	[[ $(cri_address "$pod_named") = 10.20.0.* ]]
	cri_end "$pod_named"
}

@test "containerd's CRI service: a missing pool fails the pod with our sentence" {
	config=$(pod_config venus '{"ipam.cilium.io/ip-pool": "venus"}')
	run cri RunPodSandbox "{\"config\": $config}"
	echo "$output"
	[ "$status" = 1 ]
	grep -qF 'unable to allocate from pool "venus" (family ipv4): pool not (yet) available; apply a CiliumPodIPPool of that name' <<<"${output//\\/}"
	is_clean
}

configure_podman() {
	mkdir -p "$S/networks"
	network podman "" >"$S/networks/10-podman.conflist"
	network mars mars >"$S/networks/20-mars.conflist"
	cat >"$S/containers.conf" <<-CONF
	[network]
	network_backend = "cni"
	cni_plugin_dirs = ["/opt/cni/bin"]
	network_config_dir = "$S/networks"
	default_network = "podman"
	[engine]
	cgroup_manager = "cgroupfs"
	events_logger = "file"
	runtime = "runc"
	tmp_dir = "$S/podman/tmp"
	volume_path = "$S/podman/volumes"
	[containers]
	default_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]
	CONF
}

podman_() {
	podman --root "$S/podman/root" --runroot "$S/podman/run" --storage-driver vfs "$@" 3>&-
}

@test "podman: two networks with two pools, a page fetched across, a requested address" {
	run podman_ load -qi "$S/busybox.tar"
	[[ $output != *"cni support is not enabled"* ]] || skip "podman is built without CNI here (Debian 13: netavark alone)"
	[ "$status" = 0 ]
	id=$(podman_ run --cgroup-parent "/$CGROUP" -d --hostname web --network podman $IMAGE sh -c "$PAGE")
	web=$(podman_ inspect "$id" | jq -r '.[0].NetworkSettings.Networks.podman.IPAddress')
	[[ $web = 10.10.0.* ]]
	[ "$(ip_of "$id")" = "$web" ]
	run podman_ run --cgroup-parent "/$CGROUP" --rm --network mars $IMAGE sh -c "ip -4 addr show eth0; for try in 1 2 3 4 5 6 7 8; do wget -qO- http://$web/ && break; sleep 1; done"
	echo "$output"
	grep -q 'inet 10\.20\.0\.' <<<"$output"
	grep -q 'hello from web' <<<"$output"
	run podman_ run --cgroup-parent "/$CGROUP" --rm --network podman --ip 10.10.0.221 --mac-address 02:aa:bb:cc:dd:01 $IMAGE ip addr show eth0
	grep -q 'inet 10\.10\.0\.221/32' <<<"$output"
	grep -q 'link/ether 02:aa:bb:cc:dd:01' <<<"$output"
	# a port of the node, for the world
	port=$(podman_ run --cgroup-parent "/$CGROUP" -d --hostname port -p 8081:80 $IMAGE sh -c "$PAGE")
	for ((try = 0; try < 20 * PINPOOL_SLOW; try++)); do
		page=$(ip netns exec world timeout $((2 * PINPOOL_SLOW)) busybox wget -qO- http://192.168.10.1:8081/) && break
		sleep 0.3
	done
	podman_ rm -f -t 0 "$port"
	[ "$page" = "hello from port" ]
	both=$(podman_ run --cgroup-parent "/$CGROUP" -d --network podman,mars $IMAGE)
	ips=$(podman_ exec "$both" ip -4 addr | grep -oE 'inet 10\.[12]0\..* eth[01]$' | sort)
	echo "$ips"
	[[ $ips = *10.10.0.*eth*10.20.0.*eth* ]]
	podman_ rm -f -t 0 "$both" "$id"
	is_clean
}
