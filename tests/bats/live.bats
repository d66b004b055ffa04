#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Pools change while traffic runs (pinpool-ipam(7), CHANGING POOLS): one command each, no reset, no lost request.

# shellcheck disable=SC2154 # v4, v6, mars: of lab.bash
load ../lib/lab

# a of default answers; b of mars and the node ask it, and b asks the world
setup() {
	lab up --nodes 1 --ipv6
	{ pools && echo --- && config; } >"$BATS_TEST_TMPDIR/first.yaml"
	pp node1 up -f "$BATS_TEST_TMPDIR/first.yaml" --node node1 >/dev/null
	pod node1 a
	pod node1 b "${mars[@]}"
	serve a world
	traffic b "${v4[a]}" "${v6[a]}" 203.0.113.10 2001:db8:113::10
	traffic node1 "${v4[a]}" "${v6[a]}"
}

teardown() {
	lab down
}

# NAME SPEC: one pool applied
pool() {
	pp node1 apply -f - <<-END
	apiVersion: cilium.io/v2alpha1
	kind: CiliumPodIPPool
	metadata: {name: $1}
	spec: {$2}
	END
}
# POOL: "CIDR STATE USED" of each of its blocks
blocks() {
	pp node1 get blocks -o json | jq -r --arg pool "$1" '.items[] | select(.pool == $pool) | "\(.cidr) \(.state) \(.used)"'
}
# LINE…: exactly these, in any order
same() {
	diff <(sort) <(printf '%s\n' "$@" | sort)
}
gone() {
	run pp node1 get pools "$1"
	[ "$status" != 0 ]
}
six='ipv6: {cidrs: ["fd00:100::/80"], maskSize: 96}'

@test "a new pool and a new CIDR are usable at once; a pod that waits gets its address on retry" {
	run pod node1 c --annotation ipam.cilium.io/ip-pool=venus
	[ "$status" = 1 ]
	grep -q 'unable to allocate from pool "venus" (family ipv4): pool not (yet) available' <<<"$output"
	pool venus 'ipv4: {cidrs: [10.30.0.0/28], maskSize: 29}'
	# shellcheck disable=SC2119
	pp node1 attach t-c --pod default/c --annotation ipam.cilium.io/ip-pool=venus | grep -qx 10.30.0.1
	for i in {1..11}; do pp node1 alloc --pool venus --owner "x$i" >/dev/null; done
	run pp node1 alloc --pool venus --owner x12
	grep -q 'all CIDR ranges are exhausted' <<<"$output"
	pool venus 'ipv4: {cidrs: [10.30.0.0/28, 10.31.0.0/28], maskSize: 29}'
	pp node1 alloc --pool venus --owner x12 | grep -qx 10.31.0.1
	reach b 10.30.0.1
	quiet b node1
}

@test "a CIDR removed: gone if unused; in use its blocks drain and go with their last pod" {
	pool default "ipv4: {cidrs: [10.10.0.0/16, 10.40.0.0/16], maskSize: 27}, $six"
	pool default "ipv4: {cidrs: [10.10.0.0/16], maskSize: 27}, $six"
	blocks default | same '10.10.0.0/27 active 1' 'fd00:100::/96 active 1'
	# used: first asked, then done
	run pp node1 diff -f - < <(sed 's/10.10.0.0/10.40.0.0/' "$BATS_TEST_TMPDIR/first.yaml")
	[ "$status" = 1 ]
	grep -q 'block 10.10.0.0/27 of pool default would start draining' <<<"$output"
	grep -q 'pod default/a 10.10.0.1 stays' <<<"$output"
	blocks default | same '10.10.0.0/27 active 1' 'fd00:100::/96 active 1'
	pool default "ipv4: {cidrs: [10.40.0.0/16], maskSize: 27}, $six"
	blocks default | same '10.10.0.0/27 draining 1' '10.40.0.0/27 active 0' 'fd00:100::/96 active 1'
	pp node1 get pods -o wide | grep -q '10.10.0.1.*yes$'
	pp node1 describe pool default | grep -q 'default/a *10.10.0.1'
	pp node1 status | grep 'blocks .*1 draining'
	pod node1 c
	[ "${v4[c]}" = 10.40.0.1 ]
	reach c "${v4[a]}" "${v4[b]}"
	# nobody else gets a block that overlaps meanwhile
	run pool thief 'ipv4: {cidrs: [10.10.0.0/26], maskSize: 28}'
	[ "$status" = 1 ]
	grep -q 'thief.*default\|default.*thief' <<<"$output"
	quiet b node1
	unpod node1 a
	blocks default | same '10.40.0.0/27 active 1' 'fd00:100::/96 active 1'
	[ -z "$(on node1 ip route show 10.10.0.0/27)" ]
	pool thief 'ipv4: {cidrs: [10.10.0.0/26], maskSize: 28}'
	pp node1 alloc --pool thief --owner x | grep -qx 10.10.0.1
}

@test "a CIDR restored: its blocks are active again" {
	pool default "ipv4: {cidrs: [10.40.0.0/16], maskSize: 27}, $six"
	pool default "ipv4: {cidrs: [10.40.0.0/16, 10.10.0.0/16], maskSize: 27}, $six"
	blocks default | grep -qx '10.10.0.0/27 active 1'
	pod node1 c
	reach b "${v4[c]}" "${v4[a]}"
	quiet b node1
}

@test "maskSize changed: old and new blocks side by side, none overlaps" {
	pool default "ipv4: {cidrs: [10.10.0.0/16], maskSize: 28}, $six"
	blocks default | grep -qx '10.10.0.0/27 active 1'
	for i in {1..40}; do pp node1 alloc --pool default --owner "x$i" >/dev/null; done
	blocks default | same '10.10.0.0/27 active 30' '10.10.0.32/28 active 11' '10.10.0.48/28 active 0' \
		'fd00:100::/96 active 41'
	pool default "ipv4: {cidrs: [10.10.0.0/16], maskSize: 26}, $six"
	for i in {41..80}; do pp node1 alloc --pool default --owner "x$i" >/dev/null; done
	blocks default | grep -v : | same '10.10.0.0/27 active 30' '10.10.0.32/28 active 14' \
		'10.10.0.48/28 active 14' '10.10.0.64/26 active 23'
	pp node1 get pods -o json | jq -e '[.items[].ips[].address] | length == (unique | length)'
	pod node1 c
	reach b "${v4[c]}" "${v6[c]}"
	quiet b node1
}

@test "a family dropped and added" {
	pool default 'ipv4: {cidrs: [10.10.0.0/16], maskSize: 27}'
	blocks default | same '10.10.0.0/27 active 1' 'fd00:100::/96 draining 1'
	pod node1 c
	[ -z "${v6[c]}" ]
	pool default "ipv4: {cidrs: [10.10.0.0/16], maskSize: 27}, $six"
	blocks default | same '10.10.0.0/27 active 2' 'fd00:100::/96 active 1'
	pod node1 d
	reach b "${v4[d]}" "${v6[d]}" "${v4[c]}"
	pool default "$six"
	blocks default | grep -qx '10.10.0.0/27 draining 3'
	reach b "${v4[d]}"
	quiet b node1
}

@test "allowFirstIP and allowLastIP apply to new blocks" {
	pool default "ipv4: {cidrs: [10.10.0.0/16], maskSize: 27}, $six, allowFirstIP: true, allowLastIP: true"
	for i in {1..32}; do pp node1 alloc --owner "x$i" >/dev/null; done
	pp node1 get pods -o json | jq -r '.items[].ips[].address' >"$BATS_TEST_TMPDIR/all"
	for never in 10.10.0.0 10.10.0.31; do run grep -qxF "$never" "$BATS_TEST_TMPDIR/all"; [ "$status" = 1 ]; done
	grep -qxF 10.10.0.32 "$BATS_TEST_TMPDIR/all"
	pp node1 get blocks -o json | jq -e '.items[] | select(.cidr == "10.10.0.32/27") | .usable == 32'
	pp node1 alloc --pool default --ip 10.10.0.63 --owner last | grep -qx 10.10.0.63
	quiet b node1
}

@test "a pool deleted in use terminates with its last pod; created again it stays" {
	pp node1 delete pool mars
	pp node1 get pools | grep -q '^mars .* terminating '
	blocks mars | same '10.20.0.0/27 draining 1' 'fd00:200::/96 draining 1'
	run pod node1 c "${mars[@]}"
	[ "$status" = 1 ]
	grep -q 'pool not (yet) available' <<<"$output"
	pp node1 apply -f "$BATS_TEST_TMPDIR/first.yaml" >/dev/null
	blocks mars | same '10.20.0.0/27 active 1' 'fd00:200::/96 active 1'
	pp node1 attach t-c --pod default/c "${mars[@]}" | grep -qx 10.20.0.2
	unpod node1 c
	pp node1 delete pool mars
	quiet b node1
	reach b "${v4[a]}"
	unpod node1 b
	gone mars
	[ -z "$(blocks mars)" ]
}

@test "the default pool replaced in two commands; the old one is removed with its pods" {
	# one: the new range; two: new pods use it
	pool fresh 'ipv4: {cidrs: [10.60.0.0/16], maskSize: 26}, ipv6: {cidrs: ["fd00:600::/80"], maskSize: 96}'
	config 'ipam-default-ip-pool: fresh' | pp node1 apply -f -
	pod node1 c
	[ "${v4[c]}" = 10.60.0.1 ]
	reach c "${v4[a]}" "${v6[b]}" 203.0.113.10
	reach b "${v4[c]}"
	pp node1 delete pool default
	pp node1 get pools | grep -q '^default .* terminating '
	sleep 0.5
	quiet b node1
	unpod node1 a
	gone default
	reach c "${v4[b]}"
}

@test "the default pool's own range replaced in one command" {
	pool default 'ipv4: {cidrs: [10.70.0.0/16], maskSize: 27}, ipv6: {cidrs: ["fd00:700::/80"], maskSize: 96}'
	pod node1 c
	[ "${v4[c]}" = 10.70.0.1 ]
	reach c "${v4[a]}" "${v6[a]}"
	sleep 0.5
	quiet b node1
	unpod node1 a
	blocks default | same '10.70.0.0/27 active 1' 'fd00:700::/96 active 1'
}

@test "refused changes name both sides and change nothing" {
	before=$(pp node1 get pools -o yaml && pp node1 get blocks -o yaml)
	# SPEC of a pool, what the error must have
	while IFS='|' read -r spec error; do
		run pool other "$spec"
		echo "$spec: $output"
		[ "$status" = 1 ]
		grep -qE "$error" <<<"$output"
		[ "$(pp node1 get pools -o yaml && pp node1 get blocks -o yaml)" = "$before" ]
	done <<-'END'
	ipv4: {cidrs: [10.10.64.0/24], maskSize: 27}|other.*default|default.*other
	ipv4: {cidrs: [10.0.0.0/8], maskSize: 27}|10.[12]0.0.0/16.*10.0.0.0/8
	ipv4: {cidrs: [10.90.0.0/16, 10.90.1.0/24], maskSize: 27}|10.90.0.0/16.*10.90.1.0/24|10.90.1.0/24.*10.90.0.0/16
	ipv4: {cidrs: [10.90.0.0/24], maskSize: 23}|maskSize
	ipv6: {cidrs: ["fd00:900::/48"], maskSize: 96}|fd00:900::/48
	ipv4: {cidrs: ["fd00:900::/48"], maskSize: 64}|fd00:900::/48
	END
	quiet b node1
}

@test "per-node defaults change with an apply, and old pods live on" {
	pp node1 apply -f - <<-END
	apiVersion: v1
	kind: Node
	metadata: {name: node1, labels: {dc: one}}
	---
	apiVersion: cilium.io/v2
	kind: CiliumNodeConfig
	metadata: {name: one, namespace: kube-system}
	spec:
	  nodeSelector: {matchLabels: {dc: one}}
	  defaults: {ipam-default-ip-pool: mars}
	END
	pod node1 c
	[ "${v4[c]}" = 10.20.0.2 ]
	pp node1 apply -f - <<-END
	apiVersion: v1
	kind: Node
	metadata: {name: node1, labels: {dc: two}}
	END
	pod node1 d
	[ "${v4[d]}" = 10.10.0.2 ]
	reach c "${v4[d]}"
	quiet b node1
}

# UPGRADES=1000 tests/run tests/bats/live.bats: the full size
@test "upgrades in place under load: no loss, no reset" {
	for ((i = 0; i < ${UPGRADES:-50}; i++)); do
		pp node1 up -f "$BATS_TEST_TMPDIR/first.yaml" >/dev/null
	done
	quiet b node1
	pp node1 status
}
