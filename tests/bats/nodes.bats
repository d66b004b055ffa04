#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Several nodes from one directory of manifests: routes, damage, growth, reboot.

# shellcheck disable=SC2154 # v4, v6, mars: of lab.bash
load ../lib/lab

setup() {
	dir=$BATS_TEST_TMPDIR/manifests
	mkdir "$dir"
}

teardown() {
	lab down
}

# NODES: all in static mode, from one directory; pods aN of default and bN of mars
static_nodes() {
	local n
	lab up --nodes "$1" --ipv6
	pools >"$dir/pools.yaml"
	config 'node-cidr-allocator: static' 'auto-direct-node-routes: true' >"$dir/config.yaml"
	for ((n = 1; n <= $1; n++)); do cilium_node $n >"$dir/node$n.yaml"; done
	for ((n = 1; n <= $1; n++)); do
		pp "node$n" up -f "$dir" --node "node$n" >/dev/null
		pod "node$n" "a$n"
		pod "node$n" "b$n" "${mars[@]}"
	done
}

# NODE: every route is as it should be
routes_ok() {
	pp "$1" get routes -o json | jq -e '.items | length > 0 and all(.state == "ok")' >/dev/null
}

@test "three static nodes from one directory: pods of two pools reach each other, unmasqueraded" {
	static_nodes 3
	[ "${v4[a2]}" = 10.10.2.1 ]
	[ "${v4[b3]}" = 10.20.3.1 ]
	serve b2 a3
	for p in a1 b1 a2 b3; do
		reach "$p" "${v4[@]}" "${v6[@]}"
		[ "$(seen_as "$p" "${v4[b2]}")" = "${v4[$p]}" ]
		[ "$(seen_as "$p" "${v6[a3]}")" = "${v6[$p]}" ]
	done
	# one hop here, one there
	on a1 ping -nc 1 "${v4[b2]}" | grep -q ttl=62
	on a1 ping -nc 1 "${v6[b2]}" | grep -q ttl=62
	for n in 1 2 3; do
		routes_ok "node$n"
		reach "node$n" "${v4[@]}" "${v6[@]}"
		reach "b$n" 192.168.10.101 192.168.10.103 fd00:10::102
		pp "node$n" connectivity test --world 203.0.113.10
	done
	traffic a1 "${v4[b2]}" "${v6[a3]}"
	sleep 0.5
	quiet a1
}

# In the background, its process itself; has its pods when this returns.
connectivity_test() {
	"${PINPOOL:-$repo/build/pinpool}" --root /sys/fs/bpf/t-node1 --netns t-node1 connectivity test \
		>/dev/null 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	eventually eval 'pp node1 get pods | grep -q pinpool-test'
}

@test "connectivity test names failures, and leaves nothing behind however it ends" {
	static_nodes 2
	before=$(pp node1 get pods -o json | jq -c '[.items[].owner] | sort')
	# a pool without blocks here is no failure, nor is one without IPv6
	pool_of() { printf 'apiVersion: cilium.io/v2alpha1\nkind: CiliumPodIPPool\nmetadata: {name: %s}\nspec: {ipv4: {cidrs: [%s], maskSize: 28}}\n---\n' "$@"; }
	pool_of venus 10.30.0.0/16 | pp node1 apply -f -
	# node2 is unplugged
	on node2 ip link set eth0 down
	run pp node1 connectivity test --world 203.0.113.99
	[ "$status" = 1 ]
	grep -q 'pod of default *node node2 *IPv4 *failed (icmp: ' <<<"$output"
	grep -q 'pod of mars *world 203.0.113.99 *IPv4 *failed (icmp: ' <<<"$output"
	grep -q 'pod of default *pod of mars *IPv6 *ok' <<<"$output"
	grep -q 'pod of venus *anything *IPv4 *skipped (.*lists no block of it' <<<"$output"
	pp node1 delete pool venus
	[ "$(pp node1 get pods -o json | jq -c '[.items[].owner] | sort')" = "$before" ]
	for signal in INT TERM; do
		connectivity_test
		kill -$signal $!
		wait $! || true
		grep -q 'the test.s pods are removed' "$BATS_TEST_TMPDIR/err"
		[ "$(pp node1 get pods -o json | jq -c '[.items[].owner] | sort')" = "$before" ]
	done
	connectivity_test
	kill -KILL $!
	wait $! || true
	# its namespaces die a little later, and the interfaces with them
	# shellcheck disable=SC2016 # eval expands it
	eventually eval '[ "$(on node1 ip -o link show type veth | grep -c ": pp")" = 2 ]'
	pp node1 gc
	[ "$(pp node1 get pods -o json | jq -c '[.items[].owner] | sort')" = "$before" ]
}

@test "packets to an unallocated address end at its node without a loop" {
	static_nodes 2
	on router ip route add 10.10.1.0/27 via 192.168.10.101
	on router ip route add fd00:100::1:0:0/96 via fd00:10::101
	for nobody in 10.10.1.9 fd00:100::1:0:9; do
		for from in b1 a2 router; do
			capture node1 "$from" eth0 dst "$nobody"
			run on "$from" ping -nc 3 -i 0.2 -W 0.3 "$nobody"
			echo "$from: $output"
			[ "$status" = 1 ]
			# pods of the node hear of it; strangers, who may be scanning, do not
			if [ "$from" = b1 ]; then
				grep -qi unreachable <<<"$output"
				[ "$(captured "$from" | wc -l)" = 0 ]
			else
				[ "$(captured "$from" | wc -l)" = 3 ]
			fi
		done
	done
	# of a pool, but of no node's blocks
	capture world leak eth0 net 10.0.0.0/8
	run on b1 ping -nc 2 -i 0.2 -W 0.3 10.10.200.1
	[ "$status" = 1 ]
	[ "$(captured leak | wc -l)" = 0 ]
}

@test "endpoint routes: one for each pod; without them pods still reach each other" {
	static_nodes 2
	on node1 ip route get "${v4[b1]}" | grep -q "dev pp.* src 192.168.10.101"
	on node1 ip -6 route get "${v6[b1]}" | grep -q "dev pp.* src fd00:10::101"
	[ "$(on node1 ip route show proto 112 | grep -c ' dev pp')" = 2 ]
	config 'node-cidr-allocator: static' 'auto-direct-node-routes: true' 'enable-endpoint-routes: false' >"$dir/config.yaml"
	for n in 1 2; do pp "node$n" apply -f "$dir" >/dev/null; done
	[ "$(on node1 ip route show proto 112 | grep -c ' dev pp')" = 0 ]
	reach a1 "${v4[b1]}" "${v4[b2]}" "${v6[b2]}"
	config 'node-cidr-allocator: static' 'auto-direct-node-routes: true' >"$dir/config.yaml"
	pp node1 apply -f "$dir" >/dev/null
	[ "$(on node1 ip route show proto 112 | grep -c ' dev pp')" = 2 ]
	reach node1 "${v4[b1]}" "${v6[b1]}"
}

# Programs ask the routing table once a tick of the clock for a flow (bpf/flow_cache.bpf.h).
@test "a busy flow follows the routing table at once, in both directions" {
	local moment=$((4 * PINPOOL_SLOW))e-1 to since until
	static_nodes 2
	for to in "${v4[a2]}" "${v6[a2]}"; do
		on a1 ping -nD -i 0.002 -c $((700 * PINPOOL_SLOW)) "$to" >"$BATS_TEST_TMPDIR/ping" 2>&1 &
		sleep "$moment"
		on node1 ip route add prohibit "$to"
		since=$(date +%s.%N)
		sleep "$moment"
		until=$(date +%s.%N)
		on node1 ip route del prohibit "$to"
		wait $! || true
		tail -n 3 "$BATS_TEST_TMPDIR/ping"
		# answers: before the change, while it was in force (but for what was under way), after it
		awk -F '[][]' -v since="$since" -v until="$until" -v slow="$PINPOOL_SLOW" '
			/bytes from/ { $2 < since ? before++ : $2 > until ? later++ : $2 > since + 0.2 * slow ? late++ : 0 }
			/filtered|prohibited/ { told++ }
			END { print before + 0, late + 0, later + 0, told + 0; exit !(before && !late && later && told) }' \
			"$BATS_TEST_TMPDIR/ping"
	done
}

# By hand: routes go, change, and come that nobody wants.
damage() {
	on node1 ip route del unreachable 10.10.1.0/27 metric 1048576
	on node1 ip route del 10.10.2.0/27
	on node1 ip route replace 10.20.2.0/27 via 192.168.10.1 proto 112
	on node1 ip -6 route del fd00:100::2:0:0/96
	on node1 ip route del "${v4[b1]}"
	on node1 ip route add unreachable 10.99.0.0/24 proto 112 metric 1048576
	on node1 ip route add 10.98.0.0/24 via 192.168.10.1
}

@test "damaged routes are repaired by apply and by check --fix; others stay" {
	static_nodes 2
	for repair in "apply -f $dir" "up -f $dir" "check --fix"; do
		damage
		run routes_ok node1
		[ "$status" != 0 ]
		# shellcheck disable=SC2086 # words
		pp node1 $repair
		routes_ok node1
		reach a1 "${v4[@]}" "${v6[@]}"
		reach node1 "${v4[b1]}"
		on node1 ip route show 10.98.0.0/24 | grep -q 192.168.10.1
		[ -z "$(on node1 ip route show 10.99.0.0/24)" ]
		on node1 ip route del 10.98.0.0/24
	done
}

@test "a node is added and removed with its file" {
	static_nodes 3
	rm "$dir/node3.yaml"
	for n in 1 2; do
		run pp "node$n" apply --prune -f "$dir"
		grep -q 'ciliumnode/node3 deleted' <<<"$output"
		[ -z "$(on "node$n" ip route show 10.10.3.0/27)$(on "node$n" ip -6 route show fd00:200::3:0:0/96)" ]
	done
	reach a1 "${v4[b2]}"
	run reach a1 "${v4[b3]}"
	[ "$status" = 1 ]
	cilium_node 3 >"$dir/node3.yaml"
	for n in 1 2; do pp "node$n" apply -f "$dir" | grep -q 'ciliumnode/node3 created'; done
	reach a1 "${v4[b3]}" "${v6[b3]}"
	reach b3 "${v4[a2]}" "${v6[a1]}"
	pp node1 delete node node3
	[ -z "$(on node1 ip route show 10.10.3.0/27)" ]
}

@test "nodes that claim the same block are refused, with both names" {
	static_nodes 2
	cilium_node 3 | sed 's/10.20.3.0/10.20.2.0/' >"$dir/node3.yaml"
	before=$(pp node1 get nodes -o json)
	run pp node1 apply -f "$dir"
	[ "$status" = 1 ]
	grep -q node2 <<<"$output"
	grep -q node3 <<<"$output"
	[ "$(pp node1 get nodes -o json)" = "$before" ]
	reach a1 "${v4[b2]}"
}

@test "a next hop that is not on-link: a warning, or skipped by option" {
	lab up --nodes 2 --routers 2 --ipv6
	pools >"$dir/pools.yaml"
	config 'node-cidr-allocator: static' 'auto-direct-node-routes: true' >"$dir/config.yaml"
	cilium_node 1 >"$dir/node1.yaml"
	cilium_node 2 | sed 's/192.168.10/192.168.20/; s/fd00:10:/fd00:20:/' >"$dir/node2.yaml"
	run pp node1 up -f "$dir" --node node1
	[ "$status" = 0 ]
	grep -q 'node2.*192.168.20.102.*direct-routing-skip-unreachable' <<<"$output"
	# again and again, and whatever is applied: accepted, told, and not OK until there is a way
	for again in 1 2; do
		run pp node1 apply -f "$dir"
		[ "$status" = 0 ]
		grep -q 'node2.*192.168.20.102 is not on a common link' <<<"$output"
	done
	run pp node1 status
	[ "$status" = 1 ]
	grep -q '^routes .*impossible (node node2' <<<"$output"
	pp node1 check
	pod node1 early
	on node1 ip addr add 192.168.20.1/24 dev eth0
	on node1 ip addr add fd00:20::1/64 dev eth0 nodad
	pp node1 apply -f "$dir"
	on node1 ip route show 10.10.2.0/27 | grep 'via 192.168.20.102'
	run pp node1 status
	! grep -q impossible <<<"$output" || return 1
	on node1 ip addr del 192.168.20.1/24 dev eth0
	on node1 ip addr del fd00:20::1/64 dev eth0
	config 'node-cidr-allocator: static' 'auto-direct-node-routes: true' \
		'direct-routing-skip-unreachable: true' >"$dir/config.yaml"
	for n in 1 2; do
		pp "node$n" up -f "$dir" --node "node$n"
		pod "node$n" "a$n"
	done
	[ -z "$(on node1 ip route show 10.10.2.0/27)" ]
	run pp node1 status
	grep -q node2 <<<"$output"
	# somebody else's routes, as BGP would bring them, are enough
	for way in "-4 10.10.N.0/27 192.168.10.101 192.168.20.102 203.0.113." \
		"-6 fd00:100::N:0:0/96 fd00:10::101 fd00:20::102 2001:db8:113::"; do
		read -r f cidr one two wan <<<"$way"
		on router ip "$f" route add "${cidr/N/1}" via "$one"
		on router ip "$f" route add "${cidr/N/2}" via "${wan}2"
		on router2 ip "$f" route add "${cidr/N/2}" via "$two"
		on router2 ip "$f" route add "${cidr/N/1}" via "${wan}1"
	done
	reach a1 "${v4[a2]}" "${v6[a2]}"
	reach a2 "${v4[a1]}" "${v6[a1]}"
}

@test "local mode: the output of get nodes on one node is input of another" {
	lab up --nodes 3 --ipv6
	pools >"$dir/pools.yaml"
	config 'auto-direct-node-routes: true' >"$dir/config.yaml"
	for n in 1 2 3; do
		pp "node$n" up -f "$dir" --node "node$n" >/dev/null
		pod "node$n" "a$n"
		pod "node$n" "b$n" "${mars[@]}"
		pp "node$n" get nodes "node$n" -o yaml >"$dir/node$n.yaml"
		# the next ones carve no block that is taken
	done
	[ "$(pp node1 get blocks -o json | jq -r '.items[].cidr' | sort)" != "$(pp node3 get blocks -o json | jq -r '.items[].cidr' | sort)" ]
	for n in 1 2; do pp "node$n" apply -f "$dir" >/dev/null; done
	for p in a1 b2 b3; do reach "$p" "${v4[@]}" "${v6[@]}"; done
	# its own object as well, and nothing changes a second time
	for n in 1 2 3; do
		run pp "node$n" apply -f "$dir"
		[ "$status" = 0 ]
		[ "$(pp "node$n" get nodes "node$n" -o json | jq -cS .spec.ipam.pools.allocated)" = \
			"$(pp node1 get nodes "node$n" -o json | jq -cS .spec.ipam.pools.allocated)" ]
	done
	# node2 grows by a block, and node1 hears of it
	for i in {1..27}; do pp node2 alloc --owner "x$i" >/dev/null; done
	pp node2 get nodes node2 -o yaml >"$dir/node2.yaml"
	pp node1 apply -f "$dir" | grep -q 'ciliumnode/node2 configured'
	pod node2 c
	reach a1 "${v4[c]}" "${v6[c]}"
	[ "$(on node1 ip route show proto 112 via 192.168.10.102 | wc -l)" = 3 ]
	# and shrinks again
	unpod node2 c
	for i in {1..27}; do pp node2 release --owner "x$i" >/dev/null; done
	pp node2 get nodes node2 -o yaml >"$dir/node2.yaml"
	pp node1 apply -f "$dir" | grep -q 'ciliumnode/node2 configured'
	[ "$(on node1 ip route show proto 112 via 192.168.10.102 | wc -l)" = 2 ]
}

# What the kernel forgets: maps, programs, pods, routes.
reboot_node1() {
	ip netns del t-a1
	ip netns del t-b1
	on node1 ip route flush proto 112
	on node1 ip -6 route flush proto 112
	on node1 tc qdisc del dev eth0 clsact 2>/dev/null || true
	rm -rf /sys/fs/bpf/t-node1
}

@test "after a reboot the node has the blocks that other nodes know" {
	lab up --nodes 2 --ipv6
	pools >"$dir/pools.yaml"
	config 'auto-direct-node-routes: true' >"$dir/config.yaml"
	pp node1 up -f "$dir" --node node1 >/dev/null
	# not the first blocks of the pools, so that they are not got by chance
	pp node1 alloc --owner x >/dev/null
	pod node1 a1
	pod node1 b1 "${mars[@]}"
	pp node1 get nodes node1 -o yaml | sed 's/node1/old/; s/\.101/.109/; s/::101/::109/' >"$dir/old.yaml"
	pp node1 down --all
	reboot_node1
	rm -f /run/pinpool-t/node1.yaml
	pp node1 up -f "$dir" --node node1 >/dev/null
	pod node1 a1
	pod node1 b1 "${mars[@]}"
	rm "$dir/old.yaml"
	blocks=$(pp node1 get blocks -o json | jq -c '[.items[] | [.pool, .cidr]]')
	grep -q 10.10.0.32/27 <<<"$blocks"
	reboot_node1
	pp node1 up -f "$dir" --node node1 >/dev/null
	[ "$(pp node1 get blocks -o json | jq -c '[.items[] | [.pool, .cidr]]')" = "$blocks" ]
	pod node1 a1
	[ "${v4[a1]}" = 10.10.0.33 ]
	pod node1 b1 "${mars[@]}"
	reach a1 "${v4[b1]}"

	# a file that is not whole is put aside and said, never half read
	head -c 200 /run/pinpool-t/node1.yaml >"$BATS_TEST_TMPDIR/half"
	reboot_node1
	cp "$BATS_TEST_TMPDIR/half" /run/pinpool-t/node1.yaml
	run pp node1 up -f "$dir" --node node1
	[ "$status" = 0 ]
	grep -q 'node1.yaml.*kept as .*corrupt' <<<"$output"
	cmp "$BATS_TEST_TMPDIR/half" /run/pinpool-t/node1.yaml.corrupt
	pod node1 a1
	reach a1 192.168.10.102
}

@test "ECMP: flows of a pod spread over both next hops" {
	static_nodes 3
	on node1 sysctl -qw net.ipv4.fib_multipath_hash_policy=1 net.ipv6.fib_multipath_hash_policy=1
	for n in 2 3; do
		on "node$n" ip addr add 10.50.0.1/32 dev lo
		on "node$n" ip addr add fd00:50::1/128 dev lo
	done
	on node1 ip route add 10.50.0.1 nexthop via 192.168.10.102 nexthop via 192.168.10.103
	on node1 ip -6 route add fd00:50::1 nexthop via fd00:10::102 nexthop via fd00:10::103
	for to in 10.50.0.1 fd00:50::1; do
		for n in 2 3; do capture "node$n" "hop$n" eth0 udp and dst "$to"; done
		on a1 python3 -c '
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
for i in range(64):
    s = socket.socket(family, socket.SOCK_DGRAM)
    for k in range(2):
        s.sendto(b"x", (sys.argv[1], 9))
' "$to"
		sleep 0.2
		two=$(captured hop2 | wc -l) three=$(captured hop3 | wc -l)
		echo "$to: $two $three"
		[ $((two + three)) = 128 ]
		[ "$two" -gt 20 ]
		[ "$three" -gt 20 ]
		# a flow stays on its path
		[ $((two % 2)) = 0 ]
	done
}

@test "policy routing: a rule by source sends pods of one pool another way" {
	static_nodes 3
	on node1 ip route add 10.50.0.0/24 via 192.168.10.102
	on node1 ip route add 10.50.0.0/24 via 192.168.10.103 table 100
	on node1 ip rule add from 10.20.0.0/16 lookup 100
	on node1 ip -6 route add fd00:50::/64 via fd00:10::102
	on node1 ip -6 route add fd00:50::/64 via fd00:10::103 table 100
	on node1 ip -6 rule add from fd00:200::/80 lookup 100
	for n in 2 3; do
		on "node$n" ip addr add 10.50.0.1/32 dev lo
		on "node$n" ip addr add fd00:50::1/128 dev lo
		capture "node$n" "hop$n" eth0 "icmp[icmptype] == icmp-echo or (icmp6 and ip6[40] == 128)"
	done
	for p in a1 b1; do reach "$p" 10.50.0.1 fd00:50::1; done
	[ "$(captured hop2 | grep -c "${v4[a1]} > \|${v6[a1]} > ")" = 2 ]
	[ "$(captured hop3 | grep -c "${v4[b1]} > \|${v6[b1]} > ")" = 2 ]
	[ "$(captured hop2 | wc -l)" = 2 ]
}
