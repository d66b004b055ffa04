#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# A pool does not swallow the node: addresses of the node, its networks, next hops and other nodes are
# refused as pools, and never given to a pod whenever they became so.
load ../lib/ipam

setup_file() {
	ip link add lan0 type veth peer name lan1
	ip link set lan0 up
	ip link set lan1 up
	ip addr add 192.168.10.100/24 dev lan0
	ip addr add fd10::100/64 dev lan0 nodad
	ip route add default via 192.168.10.1
	ip route add 172.20.0.0/16 via 10.66.0.1 dev lan0 onlink
	bare_node
}

teardown() {
	local dev
	ip route flush table 77 2>/dev/null || true
	for dev in docker0 vip0; do ip link del "$dev" 2>/dev/null || true; done
	ip route flush proto static 2>/dev/null || true
	pinpool gc
	audited_clean
}

teardown_file() {
	node_down
	ip link del lan0
}

# NAME: a device with ADDRESS…, as others make them beside us
device() {
	local address nodad
	ip link add "$1" type veth peer name "$1p"
	ip link set "$1p" up
	ip link set "$1" up
	for address in "${@:2}"; do
		# a tentative IPv6 address has no local route yet
		[[ $address == *:* ]] && nodad=nodad || nodad=
		ip addr add "$address" dev "$1" $nodad
	done
}

# CIDR MASK OTHER-SIDE: the pool is refused by apply, diff and nothing changes
no_pool() {
	local spec family=ipv4
	[[ $1 != *:* ]] || family=ipv6
	spec="{$family: {cidrs: ['$1'], maskSize: $2}}"
	pool over "$spec" >"$BATS_TEST_TMPDIR/over"
	refused pinpool apply -f "$BATS_TEST_TMPDIR/over"
	has "pool \"over\": CIDR $1 overlaps $3; use a range that is free"
	run --separate-stderr pinpool diff -f "$BATS_TEST_TMPDIR/over"
	[ "$status" = 2 ]
	[[ $stderr == *"pool \"over\": CIDR $1 overlaps $3;"* ]]
}

# BLOCK: has the route that keeps packets to its free addresses here
blocked() {
	ip route show | grep -q "^unreachable $1 "
}

# POOL FREE…: the addresses that it gives until it is empty are exactly these
gives() {
	local pool=$1 address found=() i=0
	shift
	while address=$(pinpool alloc --owner "give$i" --pool "$pool" 2>/dev/null); do
		found+=("$address")
		i=$((i + 1))
	done
	equal "$*" "${found[*]}"
}

releases_given() {
	local owner
	for owner in $(pinpool get pods -o json | jq -r '.items[].owner'); do pinpool release --owner "$owner"; done
}

# ciliumnode NAME ADDRESS [BLOCK]
ciliumnode() {
	printf 'apiVersion: cilium.io/v2\nkind: CiliumNode\nmetadata: {name: %s}\nspec:\n' "$1"
	printf '  addresses: [{type: InternalIP, ip: %s}, {type: CiliumInternalIP, ip: 10.50.0.9}]\n' "$2"
	[ -z "${3-}" ] || printf '  ipam: {pools: {allocated: [{pool: other, cidrs: [%s]}]}}\n' "$3"
	echo ---
}

@test "refused: over a connected subnet, part of it, the node's address, a next hop; both sides are named" {
	device docker0 172.17.0.1/16
	device vip0 10.77.0.5/32 fd77::5/128
	ip route add local 10.78.0.0/24 dev lo proto static
	no_pool 192.168.10.0/24 27 "connected subnet 192.168.10.0/24 of lan0"
	no_pool 192.168.0.0/16 24 "connected subnet 192.168.10.0/24 of lan0"
	no_pool 192.168.10.64/26 28 "connected subnet 192.168.10.0/24 of lan0"
	no_pool 172.16.0.0/12 24 "connected subnet 172.17.0.0/16 of docker0"
	no_pool 10.77.0.0/24 27 "the node's own address 10.77.0.5 of vip0"
	no_pool 10.78.0.0/16 24 "the node's own address 10.78.0.0/24 of lo"
	no_pool 10.66.0.0/24 27 "next hop 10.66.0.1 of lan0"
	no_pool fd10::/80 96 "connected subnet fd10::/64 of lan0"
	no_pool fd77::/112 120 "the node's own address fd77::5 of vip0"
	# next hops of any table, of several gateways, of the other family
	ip route add 10.9.0.0/16 table 77 nexthop via 10.67.0.1 dev lan0 onlink nexthop via 10.68.0.1 dev lan0 onlink
	no_pool 10.68.0.0/24 27 "next hop 10.68.0.1 of lan0"
	ip route add 10.9.0.0/16 via inet6 fd69::1 dev lan0 onlink proto static
	no_pool fd69::/112 120 "next hop fd69::1 of lan0"
}

@test "refused: over a known node's address, applied before or along with it; another node's block over ours" {
	ciliumnode n7 10.50.1.7 >"$BATS_TEST_TMPDIR/n7"
	pool over "$(v4 10.50.0.0/16 27)" >"$BATS_TEST_TMPDIR/over"
	cat "$BATS_TEST_TMPDIR"/{n7,over} >"$BATS_TEST_TMPDIR/both"
	refused pinpool apply -f "$BATS_TEST_TMPDIR/both"
	has 'pool "over": CIDR 10.50.0.0/16 overlaps address 10.50.1.7 of CiliumNode "n7"'
	apply <"$BATS_TEST_TMPDIR/n7"
	no_pool 10.50.0.0/16 27 'address 10.50.1.7 of CiliumNode "n7"'
	# its CiliumInternalIP is out of a pod block
	pool over "$(v4 10.50.0.0/24 27)" | apply
	ciliumnode n8 10.60.0.8 192.168.10.32/27 >"$BATS_TEST_TMPDIR/n8"
	refused pinpool apply -f "$BATS_TEST_TMPDIR/n8"
	has 'CiliumNode "n8": block 192.168.10.32/27 overlaps connected subnet 192.168.10.0/24 of lan0'
}

@test "accepted: with the part reserved, beside it, and over pods and routes of ours" {
	device docker0 10.31.5.1/24
	pool a '{ipv4: {cidrs: [10.31.0.0/16], maskSize: 24, pool: [{cidr: 10.31.0.0/16,
		reservedRanges: [{start: 10.31.5.0, end: 10.31.5.255}]}]}}' | apply
	pool b "$(v4 10.32.0.0/24 27)" | apply
	pinpool status
	ip netns add p
	pinpool attach p --pod d/p --annotation ipam.cilium.io/ip-pool=b
	# a pod that is a router is no next hop that would lock its pool
	ip route add 10.99.0.0/16 via "$(pinpool get pods -o json | jq -r '.items[0].ips[0].address')"
	pool b '{ipv4: {cidrs: [10.32.0.0/24, 10.33.0.0/24], maskSize: 27}}' | apply
	pool c "$(v4 10.34.0.0/24 27)" | apply
	pinpool status
	pinpool check
}

@test "an address of a block that the node gets later is not allocated any more; check and status report it" {
	pool mars "$(v4 10.20.0.0/28 28)" | apply
	pinpool alloc --owner a --pool mars
	device vip0 10.20.0.3/32 # nobody tells us: the ADD itself must see it
	gives mars 10.20.0.2 10.20.0.{4..14}
	for owner in a give{0..11}; do pinpool release --owner "$owner"; done
	fails 1 pinpool status
	has 'overlaps   not OK  pool "mars": CIDR 10.20.0.0/28 overlaps the node'\''s own address 10.20.0.3 of vip0;'
	fails 1 pinpool check
	has 'pool "mars": CIDR 10.20.0.0/28 overlaps the node'\''s own address 10.20.0.3 of vip0'
	has "1 violation"
	refused pinpool alloc --owner x --pool mars --ip 10.20.0.3
	has "IP 10.20.0.3: provided IP is not available: conflicts with the node's own address 10.20.0.3 of vip0"
	equal "13" "$(pinpool get blocks -o json | jq '.items[] | select(.pool == "mars") | .usable')"
	# an apply and an up go on
	pool mars "$(v4 10.20.0.0/28 28)" >"$BATS_TEST_TMPDIR/mars"
	succeeds pinpool apply -f "$BATS_TEST_TMPDIR/mars"
	succeeds pinpool up --node n1
	ip link del vip0
	pinpool gc
	equal 10.20.0.3 "$(pinpool alloc --owner x --pool mars --ip 10.20.0.3)"
	pinpool status
	pinpool check
}

@test "a requested address that becomes the node's at that moment: refused, nothing is left" {
	pool mars "$(v4 10.20.0.0/28 28)" | apply
	pinpool alloc --owner a --pool mars
	device vip0 10.20.0.7/32
	run --separate-stderr pinpool alloc --owner x --pool mars --ip 10.20.0.7
	[ "$status" = 1 ]
	[[ $stderr == *"IP 10.20.0.7: provided IP is not available: conflicts with the node's own address 10.20.0.7 of vip0"* ]]
	equal "a" "$(pinpool get pods -o json | jq -r '.items[].owner')"
}

@test "a pod whose address becomes the node's keeps it until it ends; then it is not allocated" {
	pool mars "$(v4 10.20.0.0/29 29)" | apply
	allocs 1 2 --pool mars
	device vip0 10.20.0.2/32
	pinpool gc
	fails 1 pinpool check
	has "owner o2: its address 10.20.0.2 overlaps the node's own address 10.20.0.2 of vip0; remove the pod"
	equal 10.20.0.2 "$(pinpool alloc --owner o2 --pool mars)"
	releases 2 2
	gives mars 10.20.0.{3..6}
}

@test "next hops and nodes that come later: not allocated after gc or apply, and not covered by our routes" {
	pool mars "$(v4 10.20.0.0/28 28)" | apply
	allocs 1 1 --pool mars
	blocked 10.20.0.0/28
	ip route add 10.9.0.0/16 via 10.20.0.4 dev lan0 onlink proto static
	pinpool gc
	ciliumnode n7 10.20.0.6 >"$BATS_TEST_TMPDIR/n7"
	succeeds pinpool apply -f "$BATS_TEST_TMPDIR/n7"
	gives mars 10.20.0.2 10.20.0.3 10.20.0.5 10.20.0.{7..14}
	! blocked 10.20.0.0/28 || return 1
	ip route get 10.20.0.6 | grep -q "via 192.168.10.1 "
	fails 1 pinpool check
	has 'CIDR 10.20.0.0/28 overlaps next hop 10.20.0.4 of lan0'
	has 'CIDR 10.20.0.0/28 overlaps address 10.20.0.6 of CiliumNode "n7"'
	pinpool delete node n7
	ip route flush proto static
	pinpool gc
	blocked 10.20.0.0/28
	pinpool check
}

@test "a subnet over allocated blocks: not allocated, other blocks are taken, neighbours are reached" {
	local i
	pool mars "$(v4 10.20.0.0/26 28)" | apply
	allocs 1 15 --pool mars
	device docker0 10.20.0.1/27
	pinpool gc
	! blocked 10.20.0.0/28 && ! blocked 10.20.0.16/28 || return 1
	ip route get 10.20.0.30 | grep -q "dev docker0"
	# the two blocks beside the subnet
	gives mars 10.20.0.{33..46} 10.20.0.{49..62}
	fails 1 pinpool status
	has 'pool "mars": CIDR 10.20.0.0/26 overlaps connected subnet 10.20.0.0/27 of docker0'
	# the dataplane of those that were there before is whole
	equal 15 "$(pinpool get pods -o json | jq '[.items[] | select(.owner | startswith("o"))] | length')"
}

@test "pools of single addresses: such a block is not allocated" {
	device vip0 10.20.0.1/32
	ip route add 10.9.0.0/16 via 10.20.0.2 dev lan0 onlink proto static
	# reserved, or it would be refused; then no more
	pool mars '{ipv4: {cidrs: [10.20.0.0/30], maskSize: 32, pool: [{cidr: 10.20.0.0/30,
		reservedRanges: [{start: 10.20.0.1, end: 10.20.0.2}]}]}}' | apply
	pool mars "$(v4 10.20.0.0/30 32)" >"$BATS_TEST_TMPDIR/mars"
	succeeds pinpool apply -f "$BATS_TEST_TMPDIR/mars"
	has 'CIDR 10.20.0.0/30 overlaps the node'\''s own address 10.20.0.1 of vip0: no pod gets an address of it'
	gives mars 10.20.0.0 10.20.0.3
	[ -z "$(ip route show 10.20.0.2)" ]
}

@test "a block of many chunks: bits, sums and both audits agree" {
	pool mars "$(v4 10.20.0.0/16 16)" | apply
	pinpool alloc --owner a --pool mars
	device docker0 10.20.2.1/22
	device vip0 10.20.200.7/32
	pinpool gc
	equal $((65534 - 1023 - 1)) "$(pinpool get blocks -o json | jq '.items[] | select(.pool == "mars") | .usable')"
	equal 10.20.4.0 "$(pinpool alloc --owner b --pool mars)"
	python3 "$BATS_TEST_DIRNAME/../model/audit.py"
	# the subnet, two addresses, and the pod that is in the subnet
	fails 1 pinpool check
	has "4 violations"
	fails 1 pinpool check --fix
	equal "4 violations" "$(tail -n 1 <<<"$output")"
}

@test "a node with such a pool starts after a reboot with a warning" {
	pool mars "$(v4 10.20.0.0/28 28)" >"$BATS_TEST_TMPDIR/mars"
	config ipam-multi-pool-pre-allocation=mars=4 >>"$BATS_TEST_TMPDIR/mars"
	succeeds pinpool apply -f "$BATS_TEST_TMPDIR/mars"
	device vip0 10.20.0.3/32
	rm -rf "${root%/v2}"
	ip route flush proto 112
	succeeds pinpool --state "$BATS_FILE_TMPDIR/node.yaml" up --node n1 -f "$BATS_TEST_TMPDIR/mars"
	has 'pool "mars": CIDR 10.20.0.0/28 overlaps the node'\''s own address 10.20.0.3 of vip0'
	gives mars 10.20.0.1 10.20.0.2 10.20.0.{4..14}
	# nor one that has no block of such a pool
	pinpool down --all >/dev/null
	config ipam-multi-pool-pre-allocation= >"$BATS_TEST_TMPDIR/none"
	succeeds pinpool --state "$BATS_FILE_TMPDIR/node.yaml" up --node n1 -f "$BATS_TEST_TMPDIR/none"
	rm -rf "${root%/v2}"
	pool mars "$(v4 10.20.0.0/28 28)" >"$BATS_TEST_TMPDIR/mars"
	succeeds pinpool --state "$BATS_FILE_TMPDIR/node.yaml" up --node n1 -f "$BATS_TEST_TMPDIR/mars"
	equal "" "$(blocks mars)"
	gives mars 10.20.0.1 10.20.0.2 10.20.0.{4..14}
	# one that never was up is refused
	refused pinpool --root /sys/fs/bpf/second --state "$BATS_TEST_TMPDIR/second.yaml" up --node n2 -f "$BATS_TEST_TMPDIR/mars"
	has 'pool "mars": CIDR 10.20.0.0/28 overlaps the node'\''s own address 10.20.0.3 of vip0; use'
	rm -rf /sys/fs/bpf/second
}

@test "static blocks: demand for their excluded addresses is requested elsewhere" {
	{
		pool venus "$(v4 10.20.0.0/24 29)"
		printf '%s\n' 'apiVersion: cilium.io/v2' 'kind: CiliumNode' 'metadata: {name: n1}' \
			'spec: {ipam: {pools: {allocated: [{pool: venus, cidrs: [10.20.0.0/29]}]}}}' ---
		config node-cidr-allocator=static
	} | apply
	equal "0 0" "$(needed venus)"
	device vip0 10.20.0.3/32
	pinpool gc
	equal "0 0" "$(needed venus)"
	gives venus 10.20.0.1 10.20.0.2 10.20.0.{4..6}
	# five in use, one that waits, and one that the other side takes for usable: more than the block's six
	equal "7 0" "$(needed venus)"
	releases_given
	pinpool delete node n1
	pool venus "$(v4 10.20.0.0/24 29)" | pinpool apply --prune -f -
}
