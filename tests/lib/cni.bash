# SPDX-License-Identifier: GPL-2.0-only
# For tests of the CNI plugin: a node in this namespace with a world beyond its uplink, and calls of
# the plugin as runtimes make them.
bats_require_minimum_version 1.5.0
BUILD=${BUILD:-$PWD/build}
PLUGIN=${PLUGIN:-$BUILD/pinpool-cni}
export PATH=$PATH:/usr/sbin:/sbin BUILD PLUGIN

pinpool() { "$BUILD/pinpool" --state /run/node.yaml "$@"; }

# two pools for IPv4 and one small one for both families
cni_pools() {
	cat <<-'POOLS'
	apiVersion: cilium.io/v2alpha1
	kind: CiliumPodIPPool
	metadata: {name: default}
	spec: {ipv4: {cidrs: [10.10.0.0/16], maskSize: 24}}
	---
	apiVersion: cilium.io/v2alpha1
	kind: CiliumPodIPPool
	metadata: {name: mars}
	spec: {ipv4: {cidrs: [10.20.0.0/16], maskSize: 27}}
	---
	apiVersion: cilium.io/v2alpha1
	kind: CiliumPodIPPool
	metadata: {name: tiny}
	spec: {ipv4: {cidrs: [10.30.0.0/30], maskSize: 30}}
	---
	apiVersion: cilium.io/v2alpha1
	kind: CiliumPodIPPool
	metadata: {name: dual}
	spec: {ipv4: {cidrs: [10.40.0.0/24], maskSize: 26}, ipv6: {cidrs: [fd40::/112], maskSize: 120}}
	POOLS
}

# eth0 192.168.10.1 here, 192.168.10.254 in the namespace "world", which knows no pod's address
node_wires() {
	ip netns add world
	ip link add eth0 type veth peer name eth0 netns world
	ip addr add 192.168.10.1/24 dev eth0
	ip link set eth0 up
	ip -n world addr add 192.168.10.254/24 dev eth0
	ip -n world link set eth0 up
	ip -n world link set lo up
	ip route add default via 192.168.10.254
}

node_up() {
	node_wires
	cni_pools >/run/pools.yaml
	pinpool up -f /run/pools.yaml --node n1 "$@"
}

# [JQ-FILTER]: the configuration that a runtime gives to the plugin
conf() {
	jq -nc "{cniVersion:\"1.0.0\", name:\"pods\", type:\"pinpool-cni\"} | ${1:-.}"
}

# COMMAND CONTAINER NETNS <CONFIGURATION; the caller may set CNI_ARGS and CNI_IFNAME
cni() {
	env -i PATH=/nowhere CNI_COMMAND="$1" CNI_CONTAINERID="$2" CNI_NETNS="${3-}" \
		CNI_IFNAME="${CNI_IFNAME-eth0}" CNI_ARGS="${CNI_ARGS-}" CNI_PATH=/nowhere "$PLUGIN"
}

# NAME [JQ-FILTER]: a pod NAME in a new namespace NAME; its result is printed
add() {
	[ -e "/run/netns/$1" ] || ip netns add "$1"
	conf "${2-}" | cni ADD "$1" "/run/netns/$1"
}
# NAME [JQ-FILTER]
del() {
	conf "${2-}" | cni DEL "$1" "/run/netns/$1"
}
# NAME RESULT [JQ-FILTER]
check() {
	conf "${3:-.} | .prevResult = $2" | cni CHECK "$1" "/run/netns/$1"
}
# RESULT: its first address
address() { jq -r '.ips[0].address | sub("/.*"; "")' <<<"$1"; }

# CODE PATTERN COMMAND…: fails with this code, an error object and nothing else on standard output
fails_with() {
	local code=$1 pattern=$2
	shift 2
	run --separate-stderr "$@"
	echo "status $status, stdout: $output, stderr: $stderr"
	[ "$status" = 1 ]
	[ -z "$stderr" ]
	jq -se --argjson code "$code" 'length == 1 and (.[0] | .code == $code and (.cniVersion | type == "string")
		and (.msg | length > 0))' <<<"$output"
	jq -r '.msg + "; " + (.details // "")' <<<"$output" | grep -qE -- "$pattern"
}
# the same through a pipe: CONFIGURATION, then as cni
call() {
	local config=$1
	shift
	cni "$@" <<<"$config"
}

# nothing of any pod is left on the node
is_clean() {
	[ "$(pinpool get pods -o json | jq '.items | length')" = 0 ] || { pinpool get pods; return 1; }
	! ip -br link | grep '^pp' || return 1
	! ip route show table all | grep -E '^10\.[1234]0\.[0-9.]+ ' || return 1
	! ip neigh | grep -E '^10\.[1234]0\.' || return 1
	pinpool check
}

# ends what a test left
cni_cleanup() {
	local owner netns
	for owner in $(pinpool get pods -o json | jq -r '.items[].owner'); do
		pinpool detach --owner "$owner"
	done
	for netns in /run/netns/*; do
		case ${netns##*/} in
		world) ;;
		*) ip netns del "${netns##*/}" ;;
		esac
	done
}

# ends the node of node_wires; its pods must be gone
node_down() {
	cni_cleanup
	is_clean
	pinpool down --all
	ip link del eth0
	ip netns del world
}
