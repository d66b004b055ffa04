#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# A node whose objects come from an API server: what its commands refuse, what its agent keeps in the
# maps. build/tests/agent plays the agent.
load ../lib/helper

agent() {
	"$BATS_TEST_DIRNAME/../../build/tests/agent" /sys/fs/bpf/pinpool "$@"
}

# node k8s-w1, managed, of the seed's objects and a CiliumNode that lists a block of each pool
managed_up() {
	ip link add up0 type veth peer name far0
	ip link set up0 up
	ip link set far0 up
	ip addr add 192.168.10.100/24 dev up0
	ip route add default via 192.168.10.1
	export PINPOOL_STATE=$BATS_TEST_TMPDIR/node.yaml
	{ seed_manifests; echo ---; pool_manifest default 10.10.0.0/16 27; blocks 10.10.0.0/27 10.20.0.0/27; } >"$BATS_TEST_TMPDIR/seed.yaml"
	agent up k8s-w1 "$BATS_TEST_TMPDIR/seed.yaml"
}

# [BLOCK-OF-DEFAULT [BLOCK-OF-MARS]]: the node's own CiliumNode with these
blocks() {
	printf -- '---\napiVersion: cilium.io/v2\nkind: CiliumNode\nmetadata: {name: k8s-w1}\nspec:\n'
	printf '  addresses: [{type: InternalIP, ip: 192.168.10.100}]\n  ipam: {pools: {allocated: ['
	[ -z "${1-}" ] || printf '{pool: default, cidrs: [%s]}' "$1"
	[ -z "${2-}" ] || printf ', {pool: mars, cidrs: [%s]}' "$2"
	printf ']}}\n'
}

setup() {
	managed_up
}
teardown() {
	pinpool check
	node_down
}

# WORD: `run` failed with "managed by the API server" about WORD
refused() {
	echo "$output"
	[ "$status" = 1 ]
	[[ $output == "pinpool: $1: node k8s-w1 is managed by the API server; "*kubectl* ]]
}

@test "commands do not change the objects of a managed node" {
	pinpool get pools -o json >"$BATS_TEST_TMPDIR/before"
	pool_manifest venus 10.30.0.0/16 27 >"$BATS_TEST_TMPDIR/venus.yaml"
	run pinpool apply -f "$BATS_TEST_TMPDIR/venus.yaml"
	refused ciliumpodippool/venus
	run pinpool delete pool mars
	refused ciliumpodippool/mars
	mkdir "$BATS_TEST_TMPDIR/empty"
	run pinpool apply --prune -f "$BATS_TEST_TMPDIR/empty"
	refused objects
	run pinpool up -f "$BATS_TEST_TMPDIR/venus.yaml"
	refused "$BATS_TEST_TMPDIR/venus.yaml"
	run pinpool up --set mtu=1400
	refused --set
	pinpool get pools -o json | diff "$BATS_TEST_TMPDIR/before" -
	# what would change can be seen
	run pinpool diff -f "$BATS_TEST_TMPDIR/venus.yaml"
	[ "$status" = 1 ]
	[ "$output" = "ciliumpodippool/venus would be created" ]
	# the agent changes them
	agent apply "$BATS_TEST_TMPDIR/venus.yaml"
	pinpool get pool venus
}

@test "up keeps the mode and leaves /etc/pinpool alone; down --all ends it" {
	mkdir -p "$BATS_TEST_TMPDIR/etc"
	pool_manifest venus 10.30.0.0/16 27 >"$BATS_TEST_TMPDIR/etc/venus.yaml"
	with_etc() {
		unshare -m sh -ec 'mkdir -p /etc/pinpool; mount --bind "$0" /etc/pinpool; "$@"' "$BATS_TEST_TMPDIR/etc" "$@"
	}
	with_etc pinpool up
	pinpool down
	with_etc pinpool up
	run ! pinpool get pool venus
	run pinpool delete pool mars
	refused ciliumpodippool/mars
	pinpool down --all
	with_etc pinpool up --node k8s-w1
	pinpool get pool venus
	pinpool delete pool venus
}

@test "an agent takes over a node that was brought up from files" {
	pinpool down --all
	pinpool up --node k8s-w1 -f <(seed_manifests)
	[ "$(pinpool config view | awk '$1 == "node-cidr-allocator" { print $2 }')" = local ]
	pod a
	blocks 10.10.0.0/27 10.20.0.64/27 >"$BATS_TEST_TMPDIR/own.yaml"
	agent up k8s-w1 "$BATS_TEST_TMPDIR/own.yaml"
	[ "$(pinpool config view | awk '$1 == "node-cidr-allocator" { print $2 }')" = static ]
	[ "$(pinpool get blocks -o json | jq -r '[.items[].cidr] | join(" ")')" = "10.10.0.0/27 10.20.0.64/27" ]
}

@test "the allocator of a managed node is static, whatever cilium-config says" {
	printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cilium-config}\ndata: {node-cidr-allocator: local}\n' >"$BATS_TEST_TMPDIR/config.yaml"
	agent apply "$BATS_TEST_TMPDIR/config.yaml"
	[ "$(pinpool config view | awk '$1 == "node-cidr-allocator" { print $2 }')" = static ]
	pinpool status | grep -q '^node .*static allocator'
	# no demand takes a block
	[ "$(pinpool get blocks -o json | jq '.items | length')" = 2 ]
	for i in $(seq 30); do pinpool alloc --owner "o$i"; done
	run ! pinpool alloc --owner o31
	[ "$(pinpool get blocks -o json | jq '.items | length')" = 2 ]
}

@test "pods' metadata is the agent's: outside plans, never pruned, without what pinpool does not read" {
	agent pod default web '{"metadata": {"uid": "u1", "name": "web", "labels": {"app": "web"}, "annotations":
		{"ipam.cilium.io/ip-pool": "mars", "example.com/x": "'"$(printf '%5000s' '')"'"}}}'
	agent pod demo web '{"metadata": {"uid": "u2"}}'
	agent pod demo web '{"metadata": {"uid": "u3"}}'
	expected='default/web {"uid":"u1","labels":{"app":"web"},"annotations":{"ipam.cilium.io/ip-pool":"mars"}}
demo/web {"uid":"u3","annotations":{}}'
	[ "$(agent pods)" = "$expected" ]
	agent prune "$BATS_TEST_TMPDIR/seed.yaml"
	[ "$(agent pods)" = "$expected" ]
	pinpool up
	[ "$(agent pods)" = "$expected" ]
	pinpool check
	agent gone default web
	agent gone default web
	[ "$(agent pods)" = 'demo/web {"uid":"u3","annotations":{}}' ]
}

@test "namespaces are read where they are named, and all where a prune needs them" {
	for i in a b c; do
		printf -- '---\napiVersion: v1\nkind: Namespace\nmetadata: {name: %s, annotations: {ipam.cilium.io/ip-pool: mars}}\n' $i
	done >"$BATS_TEST_TMPDIR/namespaces.yaml"
	agent apply "$BATS_TEST_TMPDIR/namespaces.yaml"
	[ "$(pinpool get namespaces -o json | jq -r '[.items[].metadata.name] | join(" ")')" = "a b c" ]
	pinpool get namespace b -o json | jq -e '.items? == null and .metadata.annotations["ipam.cilium.io/ip-pool"] == "mars"'
	pinpool diff -f "$BATS_TEST_TMPDIR/namespaces.yaml"
	agent prune "$BATS_TEST_TMPDIR/seed.yaml"
	[ "$(pinpool get namespaces -o json | jq '.items | length')" = 0 ]
}

@test "status and metrics say how the agent fares" {
	run pinpool status
	[[ $output == *"agent      not OK  not seen since this node is up; "* ]]
	agent status '{"synced": '"$(date +%s)"', "pid": 17, "operator": {}, "rejected": []}'
	run pinpool status
	[[ $output =~ agent\ +OK\ +last\ sync\ [0-2]\ s\ ago,\ pid\ 17,\ operator\ OK ]]
	agent status '{"synced": '"$(($(date +%s) - 75))"', "pid": 17, "operator": null, "rejected": []}'
	run pinpool status
	[[ $output =~ agent\ +not\ OK\ +last\ sync\ 7[5-7]\ s\ ago\;\ .*pinpool-agent ]]
	agent status '{"synced": '"$(date +%s)"', "pid": 17, "operator": null, "rejected":
		[{"kind": "ciliumnode", "name": "w2", "reason": "block 10.10.0.0/27 belongs to w1"}]}'
	run pinpool status -o json
	echo "$output" | jq -e '.ok == false and (.parts[] | select(.name == "agent") |
		.message == "ciliumnode/w2 not accepted: block 10.10.0.0/27 belongs to w1; correct the objects with kubectl")'
	run pinpool metrics
	[[ $output == *'pinpool_agent_rejected{kind="ciliumnode",name="w2"} 1'* ]]
	[[ $output =~ pinpool_agent_synced_timestamp_seconds\ [0-9]{10} ]]
}
