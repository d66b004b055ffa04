#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# check: each invariant broken by hand is named and repaired, and the pods live on.
load ../lib/helper

setup() {
	node_up
	pod a
	pod b --annotation ipam.cilium.io/ip-pool=mars
	pinpool alloc --owner x
}

teardown() {
	[ -z "${ping-}" ] || kill "$ping" 2>/dev/null || true
	node_down
}

# MAP JQ-FILTER: the keys (bytes) of the entries that the filter chooses
keys() {
	bpftool -j map dump pinned "$root/$1" | jq -r ".[] | select(.formatted | $2) | .key | join(\" \")"
}

# MAP JQ-FILTER BYTE OFFSET: sets one byte of the values
poke() {
	local key value
	while read -r key; do
		read -ra value <<<"$(bpftool -j map lookup pinned "$root/$1" key $key | jq -r '.value | join(" ")')"
		value[$4]=$3
		bpftool map update pinned "$root/$1" key $key value "${value[@]}"
	done < <(keys "$1" "$2")
}

# MAP JQ-FILTER
forget() {
	local key
	while read -r key; do bpftool map delete pinned "$root/$1" key $key; done < <(keys "$1" "$2")
}

# TEXT…: check names each, --fix repairs, nothing is left, and the pods reach each other
named_and_repaired() {
	fails 1 pinpool check
	for text; do has "$text"; done
	fails 0 pinpool check --fix
	[ "${lines[-1]}" = "0 violations" ]
	fails 0 pinpool check
	[ "$output" = "0 violations" ]
	in_pod a ping -qnc 1 -W $((2 * PINPOOL_SLOW)) 10.20.0.1 >/dev/null
	[ "$(pod_get a 'ips[0].address')" = 10.10.0.1 ]
	[ "$(pod_get x 'ips[0].address')" = 10.10.0.2 ]
	pinpool status
}

@test "a correct node has no violation" {
	fails 0 pinpool check
	[ "$output" = "0 violations" ]
	fails 0 pinpool check --fix
	[ "$output" = "0 violations" ]
}

@test "check: stray and missing bits" {
	poke pp_ips '.key.block == 1' $((1 << 1 | 1 << 7)) 0
	named_and_repaired "block 10.10.0.0/27: 10.10.0.7 is marked as in use and no lease has it" \
		"block 10.10.0.0/27: 10.10.0.2 is leased and its bit is clear"
}

@test "check: a missing chunk of a bitmap, and one without a block" {
	forget pp_ips '.key.block == 2'
	bpftool map update pinned "$root/pp_ips" key 99 0 0 0 0 0 0 0 value $(printf '0 %.0s' {1..64})
	named_and_repaired "block 10.20.0.0/27: chunk 0 of its bitmap is missing" \
		"bitmap: chunk 0 of block 99 is unexpected"
}

@test "check: counters of a block, of a pool, of all" {
	poke pp_blocks '.value.used == 2' 9 12
	poke pp_pools '.value.name == "mars"' 7 $((256 + 8 + 5 * 4))
	poke pp_ipam true 77 32
	named_and_repaired "block 10.10.0.0/27: used is 9, expected 2" \
		"pool mars: ipv4 capacity is 7, expected 30" "pp_ipam: pools is 77, expected 2"
}

@test "check: a pool's name" {
	forget pp_pool_ids '.key.name == "mars"'
	named_and_repaired "pp_pool_ids: mars is missing"
}

@test "check: a missing block of a leased address" {
	forget pp_blocks '.value.used == 1'
	named_and_repaired "pod default/b (owner b, eth0): its address 10.20.0.1 lies in block 2, which does not exist"
}

@test "check: an endpoint and its index" {
	forget pp_pod_ips 'true'
	named_and_repaired "pp_pod_ips: 10.10.0.1 is missing" "pp_pod_ips: 10.20.0.1 is missing"
	poke pp_pods '.value.state == "POD_READY"' 1 0
	named_and_repaired "is bound and slot 0 is not published"
}

@test "all leases lost: rebuilt from the interfaces" {
	nsenter --net=/run/netns/a -- ping -qn -c 40 -i 0.05 -W "$PINPOOL_SLOW" 10.20.0.1 >"$BATS_TEST_TMPDIR/ping" 3>&- &
	ping=$!
	forget pp_leases '.value.state == "LEASE_BOUND"'
	fails 1 pinpool check
	has "no lease has it (owner a)"
	has "slot 0: is in use and no lease has it"
	named_and_repaired
	[ "$(pod_get b namespace)/$(pod_get b name)" = default/b ]
	wait "$ping"
	grep -q ' 0% packet loss' "$BATS_TEST_TMPDIR/ping"
	pinpool detach a
	fails 0 pinpool check
}

@test "leases, blocks and bitmap lost" {
	forget pp_leases '.value.state == "LEASE_BOUND"'
	forget pp_blocks true
	forget pp_ips true
	fails 1 pinpool check
	fails 0 pinpool check --fix
	[ "$(pod_get a 'ips[0].address')" = 10.10.0.1 ]
	[ "$(pod_get b 'ips[0].address')" = 10.20.0.1 ]
	[ "$(pod_get x 'ips[0].address')" = 10.10.0.2 ]
	in_pod a ping -qnc 1 -W $((2 * PINPOOL_SLOW)) 10.20.0.1 >/dev/null
}

@test "all pins removed: up finds the pods by their interfaces" {
	pinpool release --owner x
	rm -rf /sys/fs/bpf/pinpool
	succeeds pinpool --state "$BATS_TEST_TMPDIR/node.yaml" up -f "$BATS_TEST_TMPDIR/seed.yaml" --node k8s-w1
	has "the leases of 2 pods were lost and are made again from their interfaces"
	fails 0 pinpool check
	[ "$(pod_get a 'ips[0].address') $(pod_get b 'ips[0].address')" = "10.10.0.1 10.20.0.1" ]
	in_pod a ping -qnc 1 -W $((2 * PINPOOL_SLOW)) 10.20.0.1 >/dev/null
	pinpool gc
	[ "$(pod_get b name)" = b ]
	pod c
	[ "$(pod_get c 'ips[0].address')" = 10.10.0.2 ]
}

@test "check: a deleted interface, a deleted namespace" {
	ip link del "$(pod_get a hostInterface)"
	named_and_repaired "pod default/a (owner a, eth0): "
	ip netns del b
	sleep 0.3
	fails 1 pinpool check
	has "pod default/b (owner b, eth0): "
	fails 0 pinpool check --fix
	[ -z "$(pod_get b name)" ]
}

@test "check: address, route, neighbour, program of a pod" {
	in_pod a ip addr del 10.10.0.1/32 dev eth0
	named_and_repaired "the pod lacks its address"
	in_pod a ip route del default
	named_and_repaired "the pod lacks its default route"
	ip neigh del 10.10.0.1 dev "$(pod_get a hostInterface)"
	named_and_repaired "neighbour entry"
	tc qdisc del dev "$(pod_get a hostInterface)" clsact
	named_and_repaired "its program is detached"
}

@test "check: routes, derived maps" {
	ip route del 10.10.0.1/32
	ip route add unreachable 10.77.0.0/24 proto 112
	forget pp_nomasq '.value.reason == "NOMASQ_NATIVE"'
	forget pp_cidrs '.value.kind == "CIDR_LOCAL"'
	named_and_repaired "route 10.10.0.1/32 is missing" "route 10.77.0.0/24 is unexpected" \
		"pp_nomasq: 10.0.0.0/8 is missing" "pp_cidrs: 10.10.0.0/27 is missing"
}

@test "an additional address on the host is not a violation" {
	ip addr add 172.31.0.1/24 dev up0
	fails 0 pinpool check
	ip addr del 172.31.0.1/24 dev up0
	pinpool apply -f "$BATS_TEST_TMPDIR/seed.yaml"
	fails 0 pinpool check
}

@test "check: an orphaned interface, a partial one" {
	ip link add ppdeadbeef00 address 02:70:00:00:00:01 type veth peer name far1
	named_and_repaired "interface ppdeadbeef00: is incomplete and its process is gone"
	[ ! -e /sys/class/net/ppdeadbeef00 ]
}

@test "check: the transaction lock held by nobody" {
	poke pp_ipam true 1 0
	fails 1 pinpool check
	has "pp_ipam: transaction lock held for "
	fails 0 pinpool check --fix
	pinpool alloc --owner later
}

@test "check while pods come and go: no false alarm" {
	(for i in {1..15}; do pod "p$i" && pinpool detach "p$i"; done) >/dev/null 2>&1 3>&- &
	churn=$!
	while kill -0 "$churn" 2>/dev/null; do
		fails 0 pinpool check
	done
}

@test "check: usage" {
	fails 2 pinpool check x
	fails 2 pinpool check --what
	fails 1 pinpool --root /sys/fs/bpf/none check
}
