# SPDX-License-Identifier: GPL-2.0-only
# Demand is the pod's and not the container's: what failed attempts, and the DEL that every runtime
# sends after one, leave behind.
load ../lib/cni

setup() {
	rm -f /run/node.yaml # blocks of the test before
	node_up
}
teardown() {
	node_down
}

# CONTAINER POD [JQ-FILTER]: an attempt to make pod demo/POD
try() {
	[ -e "/run/netns/$1" ] || ip netns add "$1"
	conf "${3-}" | CNI_ARGS="K8S_POD_NAMESPACE=demo;K8S_POD_NAME=$2" cni ADD "$1" "/run/netns/$1"
}
# CODE CONTAINER POD [JQ-FILTER]: one that fails, and the runtime's DEL after it
try_in_vain() {
	local code=$1
	shift
	fails_with "$code" . try "$@"
	conf | cni DEL "$1" ""
}
# POOL: addresses of IPv4 and IPv6 that the node asks for
requested() {
	pinpool get nodes n1 -o json | jq -c --arg p "$1" '[.spec.ipam.pools.requested[] | select(.pool == $p) | .needed |
		(."ipv4-addrs" // 0), (."ipv6-addrs" // 0)]'
}
pool_later() {
	printf 'apiVersion: cilium.io/v2\nkind: CiliumPodIPPool\nmetadata: {name: later}\nspec: {ipv4: {cidrs: [10.50.0.0/16], maskSize: 27}}\n'
}

@test "the pod's demand outlives DEL, is one for all its containers, and ends with success" {
	try_in_vain 100 c1 web '.pool = "later"'
	[ "$(requested later)" = "[1,0]" ]
	try_in_vain 100 c2 web '.pool = "later"'
	try_in_vain 100 c3 web '.pool = "later"'
	[ "$(requested later)" = "[1,0]" ]
	try_in_vain 100 c4 db '.pool = "later"'
	CNI_IFNAME=eth1 try_in_vain 100 c5 db '.pool = "later"'
	[ "$(requested later)" = "[3,0]" ]
	# a retry that wants another pool takes it along
	try_in_vain 100 c6 db '.pool = "other"'
	[ "$(requested later)" = "[2,0]" ]
	[ "$(requested other)" = "[1,0]" ]
	pinpool apply -f <(pool_later)
	try c7 web '.pool = "later"'
	try c8 db '.pool = "later"'
	[ "$(requested other)" = "[]" ]
	[ "$(requested later)" = "[3,0]" ] # two pods, and the attempt on eth1
	conf | cni DEL c7 ""
	[ "$(requested later)" = "[2,0]" ]
}

@test "a plain container's demand is its own, and release ends it" {
	fails_with 100 . add c1 '.pool = "later"'
	fails_with 100 . add c2 '.pool = "later"'
	conf | cni DEL c1 ""
	[ "$(requested later)" = "[2,0]" ]
	pinpool detach --owner c1
	[ "$(requested later)" = "[1,0]" ]
	run pinpool attach c2 --pod demo/web --annotation ipam.cilium.io/ip-pool=later
	[ "$status" = 1 ]
	[ "$(requested later)" = "[2,0]" ]
	pinpool detach c2
	[ "$(requested later)" = "[]" ]
}

@test "static mode: the pool's first block is requested until it comes" {
	pinpool apply -f <(printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cilium-config}\ndata: {node-cidr-allocator: static}\n')
	try_in_vain 100 c1 web '.pool = "mars"'
	try_in_vain 100 c2 web '.pool = "mars"'
	[ "$(requested mars)" = "[1,0]" ]
	pinpool apply -f <(echo '{apiVersion: cilium.io/v2, kind: CiliumNode, metadata: {name: n1}, spec: {ipam: {pools: {allocated: [{pool: mars, cidrs: [10.20.4.0/27]}]}}}}')
	[ "$(requested mars)" = "[1,0]" ]
	[ "$(address "$(try c3 web '.pool = "mars"')")" = 10.20.4.1 ]
	[ "$(requested mars)" = "[1,0]" ]
	conf | cni DEL c3 ""
	[ "$(requested mars)" = "[]" ]
}

@test "failed attempts of later plugins do not walk through the pool" {
	for n in 1 2 3 4 5 6 7; do
		try c$n web '.pool = "mars"'
		conf | cni DEL c$n ""
	done
	[ "$(address "$(try c8 web '.pool = "mars"')")" = 10.20.0.1 ]
	# nor past what another pod took meanwhile
	for n in 1 2 3; do
		try c$n db '.pool = "tiny"'
		conf | cni DEL c$n ""
	done
	[ "$(address "$(try c9 other '.pool = "tiny"')")" = 10.30.0.1 ]
}

@test "failed attempts in one family keep the other's block until they succeed" {
	pinpool apply -f <(echo '{apiVersion: cilium.io/v2, kind: CiliumPodIPPool, metadata: {name: half}, spec: {ipv4: {cidrs: [10.50.0.0/16], maskSize: 28}, ipv6: {cidrs: ["fd50::1/128"], maskSize: 128}}}')
	pinpool up --set enable-ipv6=true
	pinpool alloc --owner first --pool half
	try_in_vain 101 c1 web '.pool = "half"'
	pinpool gc
	blocks=$(pinpool get blocks -o json | jq -c '[.items[] | select(.pool == "half") | .cidr]')
	for n in 2 3 4; do
		try_in_vain 101 c$n web '.pool = "half"'
		pinpool gc
	done
	[ "$(pinpool get blocks -o json | jq -c '[.items[] | select(.pool == "half") | .cidr]')" = "$blocks" ]
	pinpool release --owner first
}
