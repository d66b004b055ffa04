#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Blocks told by BGP: BIRD on two nodes as scripts/bird.conf has it, and on their router.

# shellcheck disable=SC2154 # v4, v6, mars: of lab.bash
load ../lib/lab

# HOST: starts BIRD there with the configuration on stdin
bird_up() {
	local conf=$BATS_TEST_TMPDIR/$1.conf
	cat >"$conf"
	on "$1" bird -p -c "$conf"
	nsenter --net="/run/netns/t-$1" -- bird -f -c "$conf" -s "$BATS_TEST_TMPDIR/$1.ctl" \
		>"$BATS_TEST_TMPDIR/$1.log" 2>&1 3>&- &
}

# The router reflects what one node tells to the other: they keep each other as next hops.
router_conf() {
	cat <<-END
	router id 192.168.10.1;
	protocol device { }
	protocol direct { ipv4; ipv6; }
	protocol kernel { ipv4 { export where source = RTS_BGP; }; }
	protocol kernel { ipv6 { export where source = RTS_BGP; }; }
	template bgp node {
		local as 64512;
		passive;
		rr client;
		ipv4 { import all; export where source = RTS_BGP; };
		ipv6 { import all; export where source = RTS_BGP; };
	}
	protocol bgp from node { neighbor 192.168.10.101 as 64512; }
	protocol bgp from node { neighbor 192.168.10.102 as 64512; }
	protocol bgp from node { neighbor fd00:10::101 as 64512; }
	protocol bgp from node { neighbor fd00:10::102 as 64512; }
	END
}

setup() {
	local n
	dir=$BATS_TEST_TMPDIR/manifests
	mkdir "$dir"
	lab up --nodes 2 --ipv6
	pools >"$dir/pools.yaml"
	config >"$dir/config.yaml"
	for n in 1 2; do
		pp "node$n" up -f "$dir" --node "node$n" >/dev/null
		pod "node$n" "a$n"
		pod "node$n" "b$n" "${mars[@]}"
		pp "node$n" get nodes "node$n" -o yaml >"$dir/node$n.yaml"
	done
	pp node1 apply -f "$dir" >/dev/null
	router_conf | bird_up router
}

# NUMBER: BIRD on that node
bird_node() {
	sed "s/^router id .*/router id 192.168.10.10$1;/; s/local as .*/&\n\tconnect delay time 1;/" \
		"$repo/scripts/bird.conf" | bird_up "node$1"
}

# NUMBER: FRR on that node; /run is the test's own
frr_node() {
	local daemon
	mkdir -p /run/frr
	sed "s/192.168.10.101$/192.168.10.10$1/" "$repo/scripts/frr.conf" >/run/frr/frr.conf
	printf '%s\n' 'ip prefix-list pools4 permit 10.30.0.0/28 le 32' \
		'ipv6 prefix-list pools6 permit fd00:300::/124 le 128' >>/run/frr/frr.conf
	chown -R frr:frr /run/frr
	for daemon in zebra bgpd; do
		nsenter --net="/run/netns/t-node$1" -- /usr/lib/frr/$daemon -A 127.0.0.1 -f /run/frr/frr.conf \
			>"$BATS_TEST_TMPDIR/$daemon.log" 2>&1 3>&- &
		eventually test -s "/run/frr/$daemon.pid"
	done
}

teardown() {
	lab down
}

# HOST ROUTE [VIA]: BIRD has given this route to the kernel there; without VIA: it has none
routed() {
	local family=-4
	[[ $2 != *:* ]] || family=-6
	if [ -n "${3-}" ]; then
		eventually eval "on $1 ip $family route show $2 proto bird | grep -q 'via $3 '"
	else
		eventually eval "[ -z \"\$(on $1 ip $family route show $2 proto bird)\" ]"
	fi
}

@test "BGP: blocks are learnt by the router and the other node; pods reach each other" {
	for n in 1 2; do bird_node $n; done
	for where in router node2; do
		routed "$where" 10.10.0.0/27 192.168.10.101
		routed "$where" 10.20.0.0/27 192.168.10.101
		routed "$where" fd00:100::/96 fd00:10::101
	done
	for where in router node1; do
		routed "$where" 10.10.0.32/27 192.168.10.102
		routed "$where" fd00:200::1:0:0/96 fd00:10::102
	done
	# no direct routes of pinpool's, and BIRD tells no pod's own route
	[ -z "$(on node1 ip route show proto 112 via 192.168.10.102)" ]
	[ -z "$(on router ip route show proto bird | grep -v /27 || true)" ]
	serve b2
	for p in a1 b1; do
		reach "$p" "${v4[@]}" "${v6[@]}"
		[ "$(seen_as "$p" "${v4[b2]}")" = "${v4[$p]}" ]
		[ "$(seen_as "$p" "${v6[b2]}")" = "${v6[$p]}" ]
	done
	reach router "${v4[@]}" "${v6[@]}"
	for n in 1 2; do pp "node$n" status; done
}

@test "BGP: a new block is announced, a dropped one withdrawn, while traffic runs" {
	for n in 1 2; do bird_node $n; done
	routed node2 10.10.0.0/27 192.168.10.101
	routed node1 10.10.0.32/27 192.168.10.102
	routed node2 fd00:100::/96 fd00:10::101
	routed node1 fd00:100::1:0:0/96 fd00:10::102
	serve a1
	traffic a2 "${v4[a1]}" "${v6[a1]}"
	for i in {1..28}; do pp node1 alloc --owner "x$i" >/dev/null; done
	for where in router node2; do routed "$where" 10.10.0.64/27 192.168.10.101; done
	pod node1 c
	for i in {1..28}; do pp node1 release --owner "x$i"; done
	reach a2 "${v4[c]}"
	unpod node1 c
	for where in router node2; do routed "$where" 10.10.0.64/27 ''; done
	quiet a2
	# and all of it where pinpool is taken down for good
	for p in a1 b1; do unpod node1 "$p"; done
	pp node1 down --all
	for where in router node2; do
		routed "$where" 10.10.0.0/27 ''
		routed "$where" fd00:200::/96 ''
	done
}

@test "BGP: FRR on one node, BIRD on the other" {
	[ -x /usr/lib/frr/bgpd ] || skip "FRR is not installed"
	frr_node 1
	bird_node 2
	for where in router node2; do
		routed "$where" 10.10.0.0/27 192.168.10.101
		routed "$where" 10.20.0.0/27 192.168.10.101
		# with FRR's link-local next hop, or its global one
		eventually eval "on $where ip -6 route show fd00:100::/96 proto bird | grep -q via"
	done
	eventually eval 'on node1 ip route show 10.10.0.32/27 | grep -q "via 192.168.10.102 .*proto bgp"'
	eventually eval 'on node1 ip -6 route show fd00:100::1:0:0/96 | grep -q "via fd00:10::102 .*proto bgp"'
	[ -z "$(on router ip route show proto bird | grep -v /27 || true)" ]
	reach a1 "${v4[b2]}" "${v6[a2]}"
	reach b2 "${v4[a1]}" "${v6[a1]}"
	for i in {1..28}; do pp node1 alloc --owner "x$i" >/dev/null; done
	routed node2 10.10.0.64/27 192.168.10.101
	for i in {1..28}; do pp node1 release --owner "x$i"; done
	routed node2 10.10.0.64/27 ''
}

# On node1: pods with fixed addresses, one per block; two blocks are kept ready without a pod.
fixed_pods() {
	cat >"$dir/fixed.yaml" <<-'END'
	apiVersion: cilium.io/v2alpha1
	kind: CiliumPodIPPool
	metadata: {name: fixed}
	spec: {ipv4: {cidrs: [10.30.0.0/28], maskSize: 32}, ipv6: {cidrs: ["fd00:300::/124"], maskSize: 128}}
	END
	config "ipam-multi-pool-pre-allocation: default=8,fixed=1" >"$dir/config.yaml"
	pp node1 apply -f "$dir" >/dev/null
	pod node1 f --annotation ipam.cilium.io/ip-pool=fixed
	[ "${v4[f]}" = 10.30.0.0 ] && [ "${v6[f]}" = fd00:300:: ]
}

# They are told to the router and to the other node; ends with the pod gone and its block withdrawn.
fixed_told() {
	for where in router node2; do
		for to in 10.30.0.0 10.30.0.1; do routed "$where" "$to" 192.168.10.101; done
		for to in fd00:300:: fd00:300::1; do
			eventually eval "on $where ip -6 route show $to proto bird | grep -q via"
		done
	done
	# other pods' own routes are still not told
	[ -z "$(on router ip route show "${v4[a1]}" proto bird)" ]
	reach router "${v4[f]}" "${v6[f]}"
	reach a2 "${v4[f]}" "${v6[f]}"
	pp node1 status
	pp node1 check
	# without its pod the block is told as any other, and withdrawn once it is given back
	unpod node1 f
	[ -z "$(on node1 ip route show 10.30.0.0 metric 1)" ]
	config "ipam-multi-pool-pre-allocation: default=8,fixed=0" >"$dir/config.yaml"
	pp node1 apply -f "$dir" >/dev/null
	for where in router node2; do
		routed "$where" 10.30.0.0 ''
		routed "$where" fd00:300:: ''
	done
}

@test "BGP: a block of one address is announced while its pod lives: BIRD" {
	for n in 1 2; do bird_node $n; done
	fixed_pods
	fixed_told
}

@test "BGP: a block of one address is announced while its pod lives: FRR" {
	[ -x /usr/lib/frr/bgpd ] || skip "FRR is not installed"
	frr_node 1
	bird_node 2
	fixed_pods
	fixed_told
}
