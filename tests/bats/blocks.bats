# SPDX-License-Identifier: GPL-2.0-only
# Demand, allocation and release of blocks, node defaults, pools by configuration: pinpool-ipam(7).
load ../lib/ipam

setup_file() {
	bare_node
}

teardown() {
	local n
	for n in 1 2 3; do [ ! -d "/sys/fs/bpf/node$n" ] || node "$n" down --all; done
	audited_clean
}

teardown_file() {
	node_down
}

# NUMBER COMMAND…: one of several nodes on this kernel, each a root and a network namespace
node() {
	local n=$1
	shift
	[ -e "/run/netns/node$n" ] || ip netns add "node$n"
	pinpool --netns "node$n" --root "/sys/fs/bpf/node$n" --state "$BATS_FILE_TMPDIR/node$n.yaml" "$@"
}

# --- 4: requested

@test "needed with p=16: 0, 1, 15, 16, 17 in use are 16, 32, 32, 32, 48" {
	config ipam-multi-pool-pre-allocation=default=16 | apply
	pool default "$(v4 10.10.0.0/16 24)" | apply
	equal "16 0" "$(needed default)"
	allocs 1 1; equal "32 0" "$(needed default)"
	allocs 2 15; equal "32 0" "$(needed default)"
	allocs 16 16; equal "32 0" "$(needed default)"
	allocs 17 17; equal "48 0" "$(needed default)"
}

@test "needed with the default p=8: 0, 1, 8, 31 in use are 8, 16, 16, 40" {
	pool default "$(v4 10.10.0.0/16 24)" | apply
	equal "8 0" "$(needed default)"
	allocs 1 1; equal "16 0" "$(needed default)"
	allocs 2 8; equal "16 0" "$(needed default)"
	allocs 9 31; equal "40 0" "$(needed default)"
}

@test "the map's p applies to missing pools, and to each enabled family" {
	config ipam-multi-pool-pre-allocation=mars=4 enable-ipv6=true | apply
	equal "4 4" "$(needed mars)"
	equal "0 0" "$(needed default)"
	config ipam-multi-pool-pre-allocation=mars=4 | apply
	equal "4 0" "$(needed mars)"
}

@test "p changes at run time: more blocks, fewer blocks" {
	pool default "$(v4 10.10.0.0/16 29)" | apply
	equal $'10.10.0.0/29 active 0\n10.10.0.8/29 active 0' "$(blocks default)"
	config ipam-multi-pool-pre-allocation=default=18 | apply
	equal 3 "$(blocks default | wc -l)"
	config ipam-multi-pool-pre-allocation=default=1 | apply
	equal "10.10.0.0/29 active 0" "$(blocks default)"
	fails 1 pinpool apply -f <(config ipam-multi-pool-pre-allocation=default=x)
	has 'invalid value for pool "default"'
}

@test "pending: one per pool, family and owner; gone with the owner's release" {
	fails 1 pinpool alloc --owner a --pool mars
	fails 1 pinpool alloc --owner a --pool mars
	equal "1 0" "$(needed mars)"
	fails 1 pinpool alloc --owner b --pool mars
	equal "2 0" "$(needed mars)"
	fails 1 pinpool alloc --owner b --pool venus
	equal "1 0" "$(needed mars)"
	pinpool release --owner a
	equal "0 0" "$(needed mars)"
	pinpool release --owner b
	equal "[]" "$(pinpool get nodes n1 -o json | jq -c '[.spec.ipam.pools.requested[] | select(.pool != "default")]')"
}

# --- 5: blocks given

@test "blocks: CIDRs in list order, next-fit inside, a released block is reused last" {
	config ipam-multi-pool-pre-allocation=mars=1 | apply
	pool mars '{ipv4: {cidrs: [10.20.9.0/28, 10.20.0.0/28], maskSize: 30}}' | apply
	equal "10.20.9.0/30 active 0" "$(blocks mars)"
	allocs 1 4 --pool mars
	equal $'10.20.9.0/30 active 2\n10.20.9.4/30 active 2\n10.20.9.8/30 active 0' "$(blocks mars)"
	releases 1 4
	# 10.20.9.8/30 went with o1, 10.20.9.0/30 with o3
	equal "10.20.9.4/30 active 0" "$(blocks mars)"
	allocs 1 2 --pool mars
	equal $'10.20.9.4/30 active 2\n10.20.9.12/30 active 0' "$(blocks mars)"
	allocs 3 4 --pool mars
	equal $'10.20.9.0/30 active 0\n10.20.9.4/30 active 2\n10.20.9.12/30 active 2' "$(blocks mars)"
}

@test "an exhausted pool keeps its blocks; other pools work, and nothing fails" {
	run --separate-stderr pinpool apply -f <(config ipam-multi-pool-pre-allocation=a=40,b=8
		echo ---; pool a "$(v4 10.20.0.0/28 29)"; pool b "$(v4 10.21.0.0/28 29)")
	[ "$status" = 0 ]
	[[ $stderr == *'pinpool: failed to allocate ipv4 address for node "n1" from pool "a": pool empty'* ]]
	equal 2 "$(blocks a | wc -l)"
	equal 2 "$(blocks b | wc -l)"
	allocs 1 12 --pool a
	fails 1 pinpool alloc --owner x --pool a
	has "all CIDR ranges are exhausted"
	releases 1 12
	equal "0 freed" "$(pinpool gc)"
	pool a '{ipv4: {cidrs: [10.20.0.0/28, 10.20.1.0/24], maskSize: 29}}' | apply
	[ "$(blocks a | wc -l)" -gt 2 ]
}

@test "present errors: demand of a missing pool" {
	fails 1 pinpool alloc --owner a --pool mars
	run pinpool describe node
	has 'failed to allocate ipv4 address for node "n1" from pool "mars": cannot allocate from non-existing pool: mars'
}

@test "allocated: by pool name, IPv4 first, numerically" {
	config enable-ipv6=true ipam-multi-pool-pre-allocation=b=14,a=3 | apply
	{ pool b '{ipv4: {cidrs: [10.20.9.0/28, 10.20.10.0/28], maskSize: 29}, ipv6: {cidrs: ["fd00::/112"], maskSize: 124}}'
	  pool a "$(v4 10.21.0.0/24 29)"; } | apply
	equal '[{"cidrs":["10.21.0.0/29"],"pool":"a"},{"cidrs":["10.20.9.0/29","10.20.9.8/29","10.20.10.0/29","fd00::/124"],"pool":"b"}]' \
		"$(pinpool get nodes n1 -o json | jq -cS .spec.ipam.pools.allocated)"
}

# --- 6: blocks given back

@test "two /28, nothing used, p=8: one is released" {
	config ipam-multi-pool-pre-allocation=default=16 | apply
	pool default "$(v4 10.10.0.0/16 28)" | apply
	equal 2 "$(blocks default | wc -l)"
	config ipam-multi-pool-pre-allocation=default=8 | apply
	equal "10.10.0.0/28 active 0" "$(blocks default)"
}

@test "two /28, two used in the first, p=8: both kept" {
	config ipam-multi-pool-pre-allocation=default=16 | apply
	pool default "$(v4 10.10.0.0/16 28)" | apply
	allocs 1 2
	config ipam-multi-pool-pre-allocation=default=8 | apply
	equal $'10.10.0.0/28 active 2\n10.10.0.16/28 active 0' "$(blocks default)"
}

@test "three /27, 20 used in the first, p=8: one empty one released" {
	config ipam-multi-pool-pre-allocation=default=64 | apply
	pool default "$(v4 10.10.0.0/16 27)" | apply
	allocs 1 20
	config ipam-multi-pool-pre-allocation=default=8 | apply
	equal $'10.10.0.0/27 active 20\n10.10.0.32/27 active 0' "$(blocks default)"
}

@test "blocks with one address in use each are never released" {
	pool default "$(v4 10.10.0.0/16 30)" | apply
	allocs 1 5
	pinpool release --owner o2
	pinpool release --owner o4
	config ipam-multi-pool-pre-allocation=mars=1 | apply
	equal $'10.10.0.0/30 active 1\n10.10.0.4/30 active 1\n10.10.0.8/30 active 1' "$(blocks default)"
}

@test "30 pods on a draining /27, p=8: needed 8, one new /27, no churn" {
	pool default "$(v4 10.10.0.0/24 27)" | apply
	allocs 1 30
	pool default "$(v4 10.11.0.0/24 27)" | apply
	equal "8 0" "$(needed default)"
	before=$(blocks default)
	equal $'10.10.0.0/27 draining 30\n10.11.0.0/27 active 0' "$before"
	pinpool gc
	pinpool apply -f <(pool default "$(v4 10.11.0.0/24 27)")
	equal "$before" "$(blocks default)"
}

# --- 5 and 8: nodes

# NAME ADDRESS BLOCKS-AS-JSON
cilium_node() {
	printf 'apiVersion: cilium.io/v2\nkind: CiliumNode\nmetadata: {name: %s}\nspec: {addresses: [{type: InternalIP, ip: %s}], ipam: {pools: {allocated: %s}}}\n' "$@"
}

three_nodes() {
	local n dir=$BATS_TEST_TMPDIR/nodes
	mkdir -p "$dir"
	{ config node-cidr-allocator=static; echo ---; pool default "$(v4 10.10.0.0/16 27)"; } >"$dir/pools.yaml"
	for n in 1 2 3; do cilium_node "node$n" "192.168.0.$n" "[{pool: default, cidrs: [10.10.$n.0/27]}]" >"$dir/node$n.yaml"; done
	for n in 1 2 3; do node "$n" up -f "$dir" --node "node$n" >/dev/null 2>&1; done
}

@test "static: three nodes from one directory, each uses its own blocks" {
	three_nodes
	for n in 1 2 3; do equal "10.10.$n.1" "$(node $n alloc --owner a)"; done
	fails 1 node 1 alloc --owner b --ip 10.10.2.5
	has "IP 10.10.2.5 not in range of any CIDR"
	# a block that the node does not list any more drains, and the others may take it
	cilium_node node1 192.168.0.1 '[{pool: default, cidrs: [10.10.11.0/27]}]' >"$BATS_TEST_TMPDIR/nodes/node1.yaml"
	node 1 apply -f "$BATS_TEST_TMPDIR/nodes"
	equal $'10.10.1.0/27 draining 1\n10.10.11.0/27 active 0' \
		"$(node 1 get blocks -o json | jq -r '.items[] | select(.node == "node1") | "\(.cidr) \(.state) \(.used)"')"
	node 1 release --owner a
	equal "10.10.11.1" "$(node 1 alloc --owner a)"
	for n in 1 2 3; do node $n check; done
}

@test "static: an error on a node without blocks of a pool" {
	three_nodes
	pool mars "$(v4 10.20.0.0/16 27)" >"$BATS_TEST_TMPDIR/nodes/mars.yaml"
	node 1 apply -f "$BATS_TEST_TMPDIR/nodes"
	fails 1 node 1 alloc --owner a --pool mars
	has 'pool not (yet) available; CiliumNode "node1" lists no block of it'
}

@test "occupy: outside of the pool: skipped with a warning, and status reports it" {
	three_nodes
	local f=$BATS_TEST_TMPDIR/f
	cilium_node node1 192.168.0.1 '[{pool: default, cidrs: [10.10.1.0/27, 10.99.0.0/27, 10.10.7.0/27]}]' >"$f"
	for again in 1 2; do
		run node 1 apply -f "$f"
		[ "$status" = 0 ]
		[ $again = 2 ] || has "unable to reuse from pool default: cidr 10.99.0.0/27 is not part of the requested pool: not taken"
	done
	equal '["10.10.1.0/27","10.10.7.0/27"]' "$(node 1 get nodes node1 -o json | jq -c '.spec.ipam.pools.allocated[0].cidrs')"
	run node 1 status
	has '1 listed by the CiliumNode but not held (10.99.0.0/27: not part of pool "default")'
	# the pool grows: taken
	{ pool default '{ipv4: {cidrs: [10.10.0.0/16, 10.99.0.0/24], maskSize: 27}}'; } >"$BATS_TEST_TMPDIR/grown"
	node 1 apply -f "$BATS_TEST_TMPDIR/grown"
	equal '["10.10.1.0/27","10.10.7.0/27","10.99.0.0/27"]' "$(node 1 get nodes node1 -o json | jq -c '.spec.ipam.pools.allocated[0].cidrs')"
	run node 1 status
	has_not "listed by"
	# what the node publishes of itself it takes back, with draining blocks too
	node 1 alloc --owner a
	pool default "$(v4 10.99.0.0/24 27)" >"$BATS_TEST_TMPDIR/moved"
	node 1 apply -f "$BATS_TEST_TMPDIR/moved"
	node 1 get nodes node1 -o json >"$BATS_TEST_TMPDIR/own.json"
	node 1 apply -f "$BATS_TEST_TMPDIR/own.json" -f "$BATS_TEST_TMPDIR/moved"
	equal $'10.10.1.0/27 draining 1\n10.99.0.0/27 active 0' \
		"$(node 1 get blocks -o json | jq -r '.items[] | select(.node == "node1") | "\(.cidr) \(.state) \(.used)"')"
	# so too of a pool that is gone but for its pods
	node 1 delete pool default
	node 1 get nodes node1 -o json >"$BATS_TEST_TMPDIR/own.json"
	node 1 apply -f "$BATS_TEST_TMPDIR/own.json"
	node 1 release --owner a
	run node 1 apply -f "$BATS_TEST_TMPDIR/grown"
	[ "$status" = 0 ]
}

@test "diff in static mode: blocks to drain, stop draining, drop and take, then no change" {
	three_nodes
	local f=$BATS_TEST_TMPDIR/f
	node 1 alloc --owner a
	cilium_node node1 192.168.0.1 '[{pool: default, cidrs: [10.10.7.0/27]}]' >"$f"
	fails 1 node 1 diff -f "$f"
	has "block 10.10.1.0/27 of pool default would start draining"
	has "owner a 10.10.1.1 stays"
	has "block 10.10.7.0/27 of pool default would be taken"
	node 1 apply -f "$f"
	# the pool covers the draining block, and only the list would make it active
	fails 0 node 1 diff -f "$f"
	equal "" "$output"
	cilium_node node1 192.168.0.1 '[{pool: default, cidrs: [10.10.1.0/27]}]' >"$f"
	fails 1 node 1 diff -f "$f"
	has "block 10.10.1.0/27 of pool default would stop draining"
	has "block 10.10.7.0/27 of pool default would be dropped"
	node 1 apply -f "$f"
	fails 0 node 1 diff -f "$f"
	# from static to local: nothing drains any more
	cilium_node node1 192.168.0.1 '[]' >"$f"
	node 1 apply -f "$f"
	fails 1 node 1 diff -f <(config node-cidr-allocator=local)
	has "block 10.10.1.0/27 of pool default would stop draining"
	node 1 release --owner a
}

@test "diff: another node's claim on an empty block of ours" {
	pool default "$(v4 10.10.0.0/16 27)" | apply
	cilium_node n2 192.168.0.2 '[{pool: default, cidrs: [10.10.0.0/27]}]' >"$BATS_TEST_TMPDIR/n2"
	fails 1 pinpool diff -f "$BATS_TEST_TMPDIR/n2"
	has "block 10.10.0.0/27 of pool default would be dropped"
}

@test "occupy: missing pool, two nodes: refused with the names" {
	three_nodes
	local f=$BATS_TEST_TMPDIR/f
	cilium_node node1 192.168.0.1 '[{pool: io, cidrs: [10.10.0.0/27]}]' >"$f"
	fails 1 node 1 apply -f "$f"
	has "cannot reuse from non-existing pool: io"
	cilium_node node3 192.168.0.3 '[{pool: default, cidrs: [10.10.2.0/28]}]' >"$f"
	fails 1 node 1 apply -f "$f"
	has node2
	has node3
	has 10.10.2.0/28
	equal '["10.10.3.0/27"]' "$(node 1 get nodes node3 -o json | jq -c '.spec.ipam.pools.allocated[0].cidrs')"
}

@test "another node's claim: refused while addresses of the block are in use, else the block is released" {
	pool default "$(v4 10.10.0.0/16 27)" | apply
	pinpool alloc --owner a
	cilium_node n2 192.168.0.2 '[{pool: default, cidrs: [10.10.0.0/27]}]' >"$BATS_TEST_TMPDIR/n2"
	refused pinpool apply -f "$BATS_TEST_TMPDIR/n2"
	has '"n1"'
	has '"n2"'
	pinpool release --owner a
	pinpool apply -f "$BATS_TEST_TMPDIR/n2"
	equal 10.10.0.33 "$(pinpool alloc --owner a)"
}

@test "local: this node's own list is used once, and does not block later changes" {
	pool default "$(v4 10.10.0.0/24 27)" | apply
	cilium_node n1 192.168.0.1 '[{pool: default, cidrs: [10.10.0.96/27]}]' >"$BATS_TEST_TMPDIR/n1"
	pinpool apply -f "$BATS_TEST_TMPDIR/n1"
	pool default "$(v4 10.10.0.0/24 28)" | apply
	allocs 1 120
	blocks default | grep 10.10.0.96/28
	cilium_node n2 192.168.0.2 '[{pool: default, cidrs: [10.99.0.0/27]}]' | apply
	cilium_node n1 192.168.0.1 '[{pool: default, cidrs: [10.10.0.64/27]}]' >"$BATS_TEST_TMPDIR/n1"
	refused pinpool apply -f "$BATS_TEST_TMPDIR/n1"
	has 'overlaps 10.10.0.64/27 of CiliumNode "n1"'
}

@test "from local to static and back: unlisted blocks drain or go, listed ones come" {
	pool default "$(v4 10.10.0.0/24 28)" | apply
	equal "10.10.0.0/28 active 0" "$(blocks default)"
	{ config node-cidr-allocator=static; echo ---
	  cilium_node n1 192.168.0.1 '[{pool: default, cidrs: [10.10.0.0/27, 10.10.0.64/28]}]'; } | apply
	equal $'10.10.0.0/27 active 0\n10.10.0.64/28 active 0' "$(blocks default)"
	allocs 1 31
	config node-cidr-allocator=local | apply
	releases 31 31
	equal $'10.10.0.0/27 active 30\n10.10.0.64/28 active 0' "$(blocks default)"
	allocs 31 50
	{ config node-cidr-allocator=static; echo ---
	  cilium_node n1 192.168.0.1 '[{pool: default, cidrs: [10.10.0.0/27]}]'; } | apply
	equal $'10.10.0.0/27 active 30\n10.10.0.32/28 draining 6\n10.10.0.64/28 draining 14' "$(blocks default)"
	fails 1 pinpool alloc --owner x
	releases 31 50
	equal "10.10.0.0/27 active 30" "$(blocks default)"
}

@test "dc1 and dc2 of the example: one set of manifests, another default pool on each node" {
	local n dir=$BATS_TEST_TMPDIR/dc
	mkdir "$dir"
	cp "$BATS_TEST_DIRNAME/../fuzz/corpus/manifest/seed-zones.yaml" "$dir/zones.yaml"
	for n in 1 2; do
		printf 'apiVersion: v1\nkind: Node\nmetadata: {name: node%s, labels: {topology.kubernetes.io/zone: dc%s}}\n' $n $n >"$dir/node$n.yaml"
	done
	for n in 1 2; do node $n up -f "$dir" --node "node$n" >/dev/null 2>&1; done
	equal 10.1.0.1 "$(node 1 alloc --owner a)"
	equal 10.2.0.1 "$(node 2 alloc --owner a)"
	node 2 config view | grep -E '^ipam-default-ip-pool +dc2-pool$'
	sed -i s/dc1/dc2/ "$dir/node1.yaml"
	node 1 apply -f "$dir"
	equal 10.2.0.1 "$(node 1 alloc --owner b)"
	equal 10.1.0.1 "$(node 1 alloc --owner a)"
	sed -i 's/ipam-default-ip-pool: dc2-pool/ipam-default-ip-pool: dc1-pool/' "$dir/zones.yaml"
	node 1 apply -f "$dir"
	equal 10.1.0.2 "$(node 1 alloc --owner c)"
	for n in 1 2; do node $n check; done
}

# --- 9: pools created by configuration

@test "auto-create: a pool from configuration, all keys, spaces dropped" {
	config 'auto-create-cilium-pod-ip-pools={"mars": "ipv4-cidrs: 10.20.0.0/24, 10.21.0.0/24; ipv4-mask-size: 30; allow-first-ip: true; allow-last-ip:true"}' | apply
	equal '{"ipv4":{"cidrs":["10.20.0.0/24","10.21.0.0/24"],"maskSize":30},"allowFirstIP":true,"allowLastIP":true}' \
		"$(pinpool get pool mars -o json | jq -c '.spec | {ipv4, allowFirstIP, allowLastIP}')"
	equal 10.20.0.0 "$(pinpool alloc --owner a --pool mars)"
}

@test "auto-create: an existing pool is never changed; a deleted one is created again" {
	pool mars "$(v4 10.20.0.0/24 29)" | apply
	config 'auto-create-cilium-pod-ip-pools=mars=ipv4-cidrs:10.30.0.0/24;ipv4-mask-size:28' | apply
	equal 29 "$(pinpool get pool mars -o json | jq .spec.ipv4.maskSize)"
	pinpool alloc --owner a --pool mars
	pinpool delete pool mars
	equal 28 "$(pinpool get pool mars -o json | jq .spec.ipv4.maskSize)"
	equal "10.20.0.0/29 draining 1" "$(blocks mars)"
	equal 10.30.0.1 "$(pinpool alloc --owner b --pool mars)"
}

@test "auto-create: refused values" {
	refuse() {
		config "auto-create-cilium-pod-ip-pools=$1" >"$BATS_TEST_TMPDIR/f"
		refused pinpool apply -f "$BATS_TEST_TMPDIR/f" && has "$2"
	}
	refuse 'mars=ipv4-cidrs' "invalid number of key delimiters in pool spec"
	refuse 'mars=ipv4-cidrs:nonsense;ipv4-mask-size:28' 'invalid value for key "ipv4-cidrs"'
	refuse 'mars=ipv4-cidrs:10.20.0.0/24;ipv4-mask-size:99' 'invalid value for key "ipv4-mask-size"'
	refuse 'mars=ipv4-cidrs:10.20.0.0/24;ipv4-mask-size:28;colour:red' 'colour'
	pool venus "$(v4 10.20.0.0/16 27)" | apply
	refuse 'mars=ipv4-cidrs:10.20.0.0/24;ipv4-mask-size:28' 'overlaps'
}
