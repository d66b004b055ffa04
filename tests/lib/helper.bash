# SPDX-License-Identifier: GPL-2.0-only
# For *.bats: one node in the test's own namespaces, which tests/run makes. `load helper`.
bats_require_minimum_version 1.5.0
PATH=$BATS_TEST_DIRNAME/../../${BUILD:-build}:$PATH # BUILD=build/san: under the sanitizers
root=/sys/fs/bpf/pinpool/v2

# The node of the seed: an uplink up0, default pool 10.10.0.0/16 by configuration, pool mars; its
# options may be added as NAME=VALUE.
node_up() {
	local set=() o
	for o; do set+=(--set "$o"); done
	ip link add up0 type veth peer name far0
	ip link set up0 up
	ip link set far0 up
	ip addr add 192.168.10.100/24 dev up0
	ip route add default via 192.168.10.1
	seed_manifests >"$BATS_TEST_TMPDIR/seed.yaml"
	pinpool --state "$BATS_TEST_TMPDIR/node.yaml" up -f "$BATS_TEST_TMPDIR/seed.yaml" --node k8s-w1 "${set[@]}"
}

seed_manifests() {
	cat <<-'Y'
	apiVersion: v1
	kind: ConfigMap
	metadata: {name: cilium-config, namespace: kube-system}
	data:
	  auto-create-cilium-pod-ip-pools: "default=ipv4-cidrs:10.10.0.0/16;ipv4-mask-size:27"
	  ipv4-native-routing-cidr: 10.0.0.0/8
	  auto-direct-node-routes: "true"
	---
	apiVersion: cilium.io/v2alpha1
	kind: CiliumPodIPPool
	metadata: {name: mars}
	spec:
	  ipv4: {cidrs: [10.20.0.0/16], maskSize: 27}
	Y
}

# NAME CIDR MASKSIZE [IPV6-CIDR MASKSIZE]: a pool's manifest
pool_manifest() {
	printf 'apiVersion: cilium.io/v2alpha1\nkind: CiliumPodIPPool\nmetadata: {name: %s}\nspec:\n' "$1"
	printf '  ipv4: {cidrs: [%s], maskSize: %s}\n' "$2" "$3"
	[ -z "${4-}" ] || printf '  ipv6: {cidrs: ["%s"], maskSize: %s}\n' "$4" "$5"
}

# NAME [ATTACH-OPTION…]: a pod default/NAME in a namespace of that name; prints its addresses
pod() {
	local name=$1
	shift
	ip netns add "$name"
	pinpool attach "$name" --pod "default/$name" "$@"
}

# POD CMD…: `ip netns exec` would hide our bpffs
in_pod() {
	local name=$1
	shift
	nsenter --net="/run/netns/$name" -- "$@"
}

# OWNER KEY: a member of the pod's item
pod_get() {
	pinpool get pods -o json | jq -r --arg o "$1" ".items[] | select(.owner == \$o) | .$2"
}

# Everything that node_up and pod made; a node that is not clean fails the test that left it so.
node_down() {
	local netns
	for netns in $(ip netns list | cut -d' ' -f1); do ip netns del "$netns"; done
	[ ! -d "$root" ] || pinpool down --all >/dev/null
	ip link del up0 2>/dev/null || true
}

# COMMAND…: what the last `run` printed does not matter, but it must have succeeded
succeeds() {
	run "$@"
	echo "$output"
	[ "$status" = 0 ]
}

# STATUS COMMAND…
fails() {
	local wanted=$1
	shift
	run "$@"
	echo "status $status, wanted $wanted: $output"
	[ "$status" = "$wanted" ]
}

# TEXT: in the output of the last run
has() {
	[[ $output == *"$1"* ]] || { printf 'lacks: %s\noutput: %s\n' "$1" "$output"; return 1; }
}

has_not() {
	[[ $output != *"$1"* ]] || { printf 'has: %s\noutput: %s\n' "$1" "$output"; return 1; }
}
