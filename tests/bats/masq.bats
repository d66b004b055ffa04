#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Pods and the world: masquerade, its limits and its exceptions. In every test a capture at the world's
# side sees no packet with a pod's address, but where the test says that it may.

# shellcheck disable=SC2154 # v4, v6, mars: of lab.bash
load ../lib/lab

world=(203.0.113.10 2001:db8:113::10)
node4=192.168.10.101 node6=fd00:10::101

setup() {
	may_leak=''
	export probe=$BATS_TEST_DIRNAME/../lib/probe.py
}

# [LAB-OPTION…] -- [UP-OPTION…]: a node with pods a of default, b of mars, and servers in the world
start() {
	local options=()
	while [ "${1---}" != -- ]; do options+=("$1") && shift; done
	shift || true
	lab up --nodes 1 --ipv6 "${options[@]}"
	capture world leak eth0 src net 10.0.0.0/8 or src net fd00:100::/32 or src net fd00:200::/32
	{ pools && echo --- && config; } >"$BATS_TEST_TMPDIR/first.yaml"
	pp node1 up -f "$BATS_TEST_TMPDIR/first.yaml" --node node1 "$@" >/dev/null
	pod node1 a
	pod node1 b "${mars[@]}"
	serve world
}

teardown() {
	leaked=$(captured leak)
	lab down
	if [ -z "$may_leak" ] && [ -n "$leaked" ]; then
		echo "pods' addresses in the world: $leaked"
		return 1
	fi
}

# REASON or VERDICT: how many packets
counter() {
	pp node1 metrics | sed -n "s/^pinpool_\(drops\|packets\)_total{.*=\"$1\"} //p"
}
# POD: what the world sees of it is the node
masqueraded() {
	[ "$(seen_as "$1" "${world[0]}")" = $node4 ]
	[ "$(seen_as "$1" "${world[1]}")" = $node6 ]
}
# The way back to pods that come with their own address.
route_pods() {
	on router ip route add 10.0.0.0/8 via $node4
	on router ip route add fd00::/16 via $node6
	on world ip route add 10.0.0.0/8 via 203.0.113.1
	on world ip route add fd00:100::/32 via 2001:db8:113::1
	on world ip route add fd00:200::/32 via 2001:db8:113::1
}

# Everything that a pod can do, with the checksums of pods made by them or by the uplink.
try_all() {
	local csum to
	for csum in on off; do
		on a ethtool -K eth0 tx $csum >/dev/null
		masqueraded a
		for to in "${world[@]}"; do
			on a ping -qc 2 -i 0.05 -W "$PINPOOL_SLOW" "$to"
			on a ping -qc 2 -i 0.05 -W "$PINPOOL_SLOW" -s 4000 "$to"
			on a "$probe" udp "$to" 1 1400 4000 20000
			on a "$probe" bulk "$to" 4000000
		done
		traffic a "${world[@]}"
		sleep 0.3
		quiet a
	done
}

@test "MTU 1500, the uplink computes checksums" {
	start
	try_all
}

@test "MTU 1500, checksums are computed before the uplink" {
	start --tx-csum off
	try_all
}

@test "MTU 9000, the uplink computes checksums" {
	start --mtu 9000
	try_all
}

@test "MTU 9000, checksums are computed before the uplink" {
	start --mtu 9000 --tx-csum off
	try_all
	pp node1 status
}

@test "the same source port from two pods to one server: two ports, both streams complete" {
	start
	for to in "${world[@]}"; do
		on a "$probe" bulk "$to" 20000000 50123 3>&- &
		one=$!
		on b "$probe" bulk "$to" 20000000 50123
		wait $one
	done
	pp node1 get flows -o json | jq -e '[.items[] | select(.proto == "tcp" and .sourcePort == 50123)] |
		length == 4 and ([.[] | [.masqAddress, .masqPort]] | unique | length) == 4'
}

@test "connections from outside get answers from the pod's address" {
	start
	may_leak=1
	route_pods
	serve a b
	for p in a b; do
		[ "$(seen_as world "${v4[$p]}")" = "${world[0]}" ]
		[ "$(seen_as world "${v6[$p]}")" = "${world[1]}" ]
		reach world "${v4[$p]}" "${v6[$p]}"
	done
	traffic world "${v4[a]}" "${v6[b]}"
	# and its own are masqueraded meanwhile
	masqueraded a
	sleep 0.3
	quiet world
	# the capture of all tests does see such packets
	captured leak | grep -q "${v4[a]}.*${world[0]}"
	captured leak | grep -q "${v6[b]}.*${world[1]}"
}

@test "ICMP errors: time exceeded, port unreachable, packet too big" {
	start --tx-csum off
	# hops: the node, the router; then the port is closed
	[ "$(on a "$probe" hops "${world[0]}")" = "$node4 192.168.10.1 ${world[0]}" ]
	[ "$(on a "$probe" hops "${world[1]}")" = "$node6 fd00:10::1 ${world[1]}" ]
	on a ping -c 1 -t 2 -W "$PINPOOL_SLOW" "${world[0]}" | grep -q 'From 192.168.10.1 .*Time to live exceeded'
	on a ping -c 1 -t 2 -W "$PINPOOL_SLOW" "${world[1]}" | grep -qi 'From fd00:10::1 .*Hop limit'
	for to in "${world[@]}"; do on a "$probe" refused "$to"; done
	# the router's way to the world gets narrow; not its interface, for veth refuses to take in more
	on router ip route replace 203.0.113.0/24 dev eth1 mtu lock 1300
	on router ip -6 route add 2001:db8:113::/64 dev eth1 metric 1 mtu lock 1300
	for to in "${world[@]}"; do
		on a "$probe" bulk "$to" 4000000
		on a "$probe" too_big "$to" 1400 1300
	done
	on a ip route get "${world[0]}" | grep -q 'mtu 1300'
	on a ip -6 route get "${world[1]}" | grep -q 'mtu 1300'
	# and the node's own way even more so
	on node1 ip route replace default via 192.168.10.1 mtu lock 1280
	on node1 ip -6 route replace default via fd00:10::1 mtu lock 1280
	for to in "${world[@]}"; do
		on b "$probe" too_big "$to" 1400 1280
		on b "$probe" bulk "$to" 4000000
	done
}

@test "no-masquerade CIDRs, toggled live: only new flows change" {
	start
	may_leak=1
	route_pods
	traffic a --long "${world[@]}"
	on b "$probe" hold "${world[0]}" 3 >"$BATS_TEST_TMPDIR/held" 3>&- &
	eventually grep -q 1 "$BATS_TEST_TMPDIR/held"
	config 'ipv4-native-routing-cidr: 10.0.0.0/8,203.0.113.0/24' 'ipv6-native-routing-cidr: fd00::/16,2001:db8:113::/64' |
		sed '/10.0.0.0\/8$/d; /fd00::\/16$/d' >"$BATS_TEST_TMPDIR/native.yaml"
	pp node1 apply -f "$BATS_TEST_TMPDIR/native.yaml"
	[ "$(seen_as a "${world[0]}")" = "${v4[a]}" ]
	[ "$(seen_as a "${world[1]}")" = "${v6[a]}" ]
	pp node1 apply -f "$BATS_TEST_TMPDIR/first.yaml"
	masqueraded a
	wait $!
	# the same address from first to last
	[ "$(sort -u "$BATS_TEST_TMPDIR/held")" = "1" ]
	quiet a
}

@test "ip-masq-agent: its CIDRs, its default list, and off again" {
	start
	may_leak=1
	route_pods
	on world ip addr add 198.200.0.1/32 dev lo
	on router ip route add 198.200.0.1 via "${world[0]}"
	{ config 'enable-ip-masq-agent: true'; masq_agent 'nonMasqueradeCIDRs: [198.200.0.0/16]\nmasqLinkLocal: false'; } |
		pp node1 apply -f -
	[ "$(seen_as a "${world[0]}")" = $node4 ]
	[ "$(seen_as a 198.200.0.1)" = "${v4[a]}" ]
	# the default list has 203.0.113.0/24
	masq_agent '' | pp node1 apply -f -
	[ "$(seen_as a "${world[0]}")" = "${v4[a]}" ]
	[ "$(seen_as a 198.200.0.1)" = $node4 ]
	config | pp node1 apply -f -
	[ "$(seen_as a "${world[0]}")" = $node4 ]
}

# Whether the world sees a and b as themselves (1) or as the node (0): "1 0" …
as_themselves() {
	[ "$(seen_as a "${world[0]}") $(seen_as b "${world[0]}")" = "$1" ]
	[ "$(seen_as a "${world[1]}") $(seen_as b "${world[1]}")" = "$2" ]
}

@test "a pool that skips masquerade, only-masquerade-default-pool, family switches; each toggled live" {
	start
	may_leak=1
	route_pods
	mars_pool='apiVersion: cilium.io/v2alpha1
kind: CiliumPodIPPool
metadata: {name: mars, annotations: {ipam.cilium.io/skip-masquerade: "VALUE"}}
spec: {ipv4: {cidrs: [10.20.0.0/16], maskSize: 27}, ipv6: {cidrs: ["fd00:200::/80"], maskSize: 96}}'
	traffic a --long "${world[@]}"
	as_themselves "$node4 $node4" "$node6 $node6"
	pp node1 apply -f - <<<"${mars_pool/VALUE/true}"
	as_themselves "$node4 ${v4[b]}" "$node6 ${v6[b]}"
	pp node1 apply -f - <<<"${mars_pool/VALUE/false}"
	as_themselves "$node4 $node4" "$node6 $node6"
	config 'only-masquerade-default-pool: true' | pp node1 apply -f -
	as_themselves "$node4 ${v4[b]}" "$node6 ${v6[b]}"
	config 'enable-ipv4-masquerade: false' | pp node1 apply -f -
	as_themselves "${v4[a]} ${v4[b]}" "$node6 $node6"
	config 'enable-ipv6-masquerade: false' | pp node1 apply -f -
	as_themselves "$node4 $node4" "${v6[a]} ${v6[b]}"
	config 'enable-bpf-masquerade: false' | pp node1 apply -f -
	as_themselves "${v4[a]} ${v4[b]}" "${v6[a]} ${v6[b]}"
	config | pp node1 apply -f -
	as_themselves "$node4 $node4" "$node6 $node6"
	quiet a
}

@test "a full flow table: answered exchanges are evicted for new flows, connections continue" {
	start -- --set bpf-nat-max=64
	on a "$probe" table "${world[0]}" 64 20
	[ "$(counter table_full)" = 0 ]
	[ "$(pp node1 get flows -o json | jq '.items | length')" = 64 ]
}

@test "a range of 16 ports: a closed connection's is reused first, and the 17th takes one of the pod's own" {
	start -- --set snat-port-range=50000-50015
	on a "$probe" ports "${world[0]}" 16
	on a "$probe" ports "${world[1]}" 16
	[ "$(counter no_port)" = 0 ]
	[ -z "$(captured leak)" ]
}

@test "ports of the host's own sockets are not used, and the host's traffic is not changed" {
	start -- --set snat-port-range=50000-50015
	# four sockets of the host in the range; a server of its own too
	serve node1
	on node1 "$probe" own "${world[0]}" 50000 50003 50007 50011 3>&- >"$BATS_TEST_TMPDIR/own" &
	eventually grep -q ready "$BATS_TEST_TMPDIR/own"
	# twelve are left, and answered exchanges give theirs to new ones
	[ "$(on a "$probe" count_udp "${world[0]}" 16)" = 16 ]
	[ "$(pp node1 get flows -o json | jq ".items | length")" = 12 ]
	[ "$(seen_as world $node4)" = "${world[0]}" ]
	on world "$probe" udp $node4 100
	pp node1 get flows -o json | jq -e '[.items[].masqPort] | all(. != 50000 and . != 50003 and . != 50007 and . != 50011)'
	wait $!
	grep -qx 'ready 4 4' <<<"$(tr '\n' ' ' <"$BATS_TEST_TMPDIR/own" | sed 's/ $//')"
}

@test "a new pod with an old pod's address gets no packet of its flows" {
	start
	address=${v4[a]}
	# the world goes on answering every request ten times, for seconds
	on world "$probe" chatter 7100 3>&- &
	on a "$probe" ask "${world[0]}" 7100 41000
	unpod node1 a
	pod node1 c --ip "$address"
	[ "${v4[c]}" = "$address" ]
	capture c late eth0 udp or icmp
	# the new one from the same port: its own answers alone
	sleep 0.5
	[ "$(captured late | wc -l)" = 0 ]
	masqueraded c
	on c "$probe" udp "${world[0]}" 100
}

@test "outside hosts reach a pod's masquerade port only if it has sent to them" {
	start
	on a "$probe" udp "${world[0]}" 100 3>&-
	port=$(pp node1 get flows -o json | jq '.items[] | select(.proto == "udp") | .masqPort' | head -n 1)
	capture a in eth0 udp
	on world "$probe" send 203.0.113.11 7000 $node4 "$port"
	on world "$probe" send 203.0.113.10 7009 $node4 "$port"
	on world "$probe" scan $node4
	[ "$(captured in | wc -l)" = 0 ]
	# nor does the node use a port by refusing it
	on world "$probe" knock $node4 50000 50100
	pp node1 status
	# while the one that it asked does
	capture a right eth0 udp
	on world "$probe" send 203.0.113.10 7000 $node4 "$port"
	[ "$(captured right | wc -l)" = 1 ]
}

@test "two pods use the same ports to one server concurrently: no port has two owners" {
	start
	for to in "${world[@]}"; do
		on a "$probe" flood "$to" 52000 300 3>&- &
		on b "$probe" flood "$to" 52000 300
		wait $!
	done
	pp node1 get flows -o json | jq -e '[.items[] | select(.proto == "udp") | [.masqAddress, .masqPort, .destination]] |
		length == 1200 and (unique | length) == 1200'
}

@test "an unanswered sender is one flow with one port" {
	start
	# an address that the router has no neighbour for: swallowed, and said after a second
	capture node1 out eth0 udp and dst port 4000
	on a "$probe" one_way 203.0.113.77 20
	[ "$(captured out | awk '{print $3}' | sort -u | wc -l)" = 1 ]
	captured out | grep -q "$node4"
	[ "$(pp node1 get flows -o json | jq '[.items[] | select(.destinationPort == 4000)] | length')" = 1 ]
}

@test "several uplinks and source addresses: each flow has the address of its route" {
	lab up --nodes 1 --routers 2 --ipv6
	capture world leak eth0 src net 10.0.0.0/8 or src net fd00:100::/32 or src net fd00:200::/32
	ip link add eth1 netns t-node1 type veth peer name second netns t-net
	on net ip link set second master lan2 up
	on node1 ip link set eth1 up
	on node1 ip addr add 192.168.20.101/24 dev eth1
	on node1 ip addr add fd00:20::101/64 dev eth1 nodad
	on world ip addr add 203.0.113.20/24 dev eth0
	on world ip addr add 2001:db8:113::20/64 dev eth0 nodad
	on node1 ip route add 203.0.113.20 via 192.168.20.1
	on node1 ip -6 route add 2001:db8:113::20 via fd00:20::1
	{ pools && echo --- && config 'devices: eth0,eth1'; } >"$BATS_TEST_TMPDIR/two.yaml"
	pp node1 up -f "$BATS_TEST_TMPDIR/two.yaml" --node node1
	pod node1 a
	serve world
	[ "$(seen_as a 203.0.113.10) $(seen_as a 2001:db8:113::10)" = "$node4 $node6" ]
	[ "$(seen_as a 203.0.113.20) $(seen_as a 2001:db8:113::20)" = "192.168.20.101 fd00:20::101" ]
	# the route flips under a flow
	on a "$probe" hold 203.0.113.10 2 >"$BATS_TEST_TMPDIR/held" 3>&- &
	eventually grep -q 1 "$BATS_TEST_TMPDIR/held"
	on node1 ip route add 203.0.113.10 via 192.168.20.1
	[ "$(seen_as a 203.0.113.10)" = 192.168.20.101 ]
	wait $!
	tail -n 1 "$BATS_TEST_TMPDIR/held" | grep -q 1
	# the route's own idea of the source: a second address, one of lo
	on node1 ip addr add 192.168.20.201/24 dev eth1
	on node1 ip route replace 203.0.113.20 via 192.168.20.1 src 192.168.20.201
	[ "$(seen_as a 203.0.113.20)" = 192.168.20.201 ]
	on node1 ip addr add 192.168.20.77/32 dev lo
	on node1 ip route replace 203.0.113.20 via 192.168.20.1 src 192.168.20.77
	[ "$(seen_as a 203.0.113.20)" = 192.168.20.77 ]
}

@test "an uplink with only a link-local address: IPv6 is dropped and counted, not leaked" {
	start
	masqueraded a
	router=$(on router ip -6 -o addr show dev eth0 scope link | awk '{sub("/.*", "", $4); print $4}')
	on node1 ip addr del $node6/64 dev eth0
	on node1 ip -6 route replace default via "$router" dev eth0
	pp node1 apply -f "$BATS_TEST_TMPDIR/first.yaml"
	capture router six eth0 'ip6 and (net fd00:100::/32 or net fd00:200::/32 or (src net fe80::/10 and dst net 2001:db8::/32))'
	run on a ping -qc 3 -i 0.1 -W 0.5 "${world[1]}"
	[ "$status" = 1 ]
	[ "$(captured six | wc -l)" = 0 ]
	[ "$(counter no_address)" -gt 0 ]
	# neighbour discovery goes on
	on node1 ip -6 neigh flush dev eth0
	reach node1 "$router%eth0"
	[ "$(seen_as a "${world[0]}")" = $node4 ]
}

# The world's two more addresses
second=203.0.113.11
third=203.0.113.12
more_world() {
	on world ip addr add $second/24 dev eth0
	on world ip addr add $third/24 dev eth0
}
# NAME HOST FUNCTION ARG…: a function of probe.py that goes on, once it is ready
background() {
	on "$2" "$probe" "${@:3}" >"$BATS_TEST_TMPDIR/$1" 3>&- &
	job[$1]=$!
	eventually grep -q ready "$BATS_TEST_TMPDIR/$1"
}
portless=(47 4 41 50 115 132)

@test "portless protocols belong to the node: a pod's are dropped by name, the node's tunnels keep their peers" {
	start
	more_world
	background tunnels world peer $second "${portless[@]}"
	for to in "${world[@]}" $second; do on a "$probe" raw "$to" "${portless[@]}" || true; done
	[ "$(counter portless)" -ge 24 ]
	[ "$(pp node1 get flows -o json | jq '[.items[] | select(.proto != "tcp" and .proto != "udp")] | length')" = 0 ]
	on node1 "$probe" tunnel $second $node4 "${portless[@]}"
	# a tunnel that only receives, while a pod sends to its peer
	on world "$probe" sender $node4 $third 47 3>&- &
	background received node1 receive $third $node4 47
	for _ in {1..5}; do on a "$probe" raw $third 47 || true; done
	wait "${job[received]}"
	pp node1 status
}

@test "masquerade-portless-protocols: pods' tunnels work, and the node's own have precedence" {
	start -- --set masquerade-portless-protocols=true
	more_world
	background tunnels world peer $second "${portless[@]}"
	on a "$probe" tunnel $second "${v4[a]}" "${portless[@]}"
	# the pod was first: the node's packet takes the peer back, and the pod gets it no more
	on node1 "$probe" tunnel $second $node4 "${portless[@]}"
	before=$(counter taken)
	on a "$probe" raw $second "${portless[@]}" || true
	[ "$(counter taken)" -gt "$before" ]
	on node1 "$probe" tunnel $second $node4 "${portless[@]}"
	# another peer is no business of the node's
	background others world peer $third "${portless[@]}"
	on a "$probe" tunnel $third "${v4[a]}" "${portless[@]}"
	# off again: the flows end, and no new ones begin
	pp node1 up -f "$BATS_TEST_TMPDIR/first.yaml" --node node1 --set masquerade-portless-protocols=false >/dev/null
	[ "$(pp node1 get flows -o json | jq '[.items[] | select(.state == "other")] | length')" = 0 ]
	run on a "$probe" tunnel $third "${v4[a]}" 47
	[ "$status" = 1 ]
	on node1 "$probe" tunnel $third $node4 "${portless[@]}"
}

@test "masquerade-portless-protocols: a pod cannot use a peer that only sends to the node" {
	start -- --set masquerade-portless-protocols=true
	more_world
	on node1 "$probe" receive $third $node4 47 >"$BATS_TEST_TMPDIR/received" 3>&- &
	job[received]=$!
	eventually grep -q bound "$BATS_TEST_TMPDIR/received"
	on world "$probe" sender $node4 $third 47 3>&- &
	eventually grep -q ready "$BATS_TEST_TMPDIR/received"
	for _ in {1..5}; do on a "$probe" raw $third 47; done
	[ "$(counter taken)" -ge 10 ]
	wait "${job[received]}"
}

@test "the node's ping is answered while a pod pings with the same identifier" {
	start
	for to in "${world[@]}"; do
		on a ping -e 777 -qn -i 0.02 "$to" >/dev/null 3>&- &
		pinger=$!
		eventually bash -c "[ \"\$('$repo/scripts/lab' pinpool t node1 get flows -o json | jq '[.items[] | select(.sourcePort == 777)] | length')\" -ge 1 ]"
		on node1 ping -e 777 -qn -c 5 -i 0.2 -W $((2 * PINPOOL_SLOW)) "$to" | grep ' 5 received'
		# and the pod goes on with another one
		kill $pinger
		wait $pinger || true
		on a ping -e 777 -qn -c 3 -i 0.05 -W $((2 * PINPOOL_SLOW)) "$to" | grep ' 3 received'
	done
}

@test "a port of the range that the node binds later: its answers are its own, new peers reach it" {
	start
	more_world
	for to in "${world[@]}"; do
		on a "$probe" flood "$to" 51820 1
		pp node1 get flows -o json | jq -e --arg to "$to" '[.items[] | select(.destination == $to and .masqPort == 51820)] | length == 1'
		on node1 "$probe" flood "$to" 51820 1
		on a "$probe" flood "$to" 51820 1
		pp node1 get flows -o json | jq -e --arg to "$to" '[.items[] | select(.destination == $to and .masqPort == 51820)] | length == 0'
	done
	# a server there, beside a pod's flow of the same port to another peer
	on a "$probe" say $second 7000 51820
	capture node1 asked eth0 udp and dst port 51820 and src port 7009
	capture a strange eth0 udp and src port 7009
	on world "$probe" send $third 7009 $node4 51820
	on world "$probe" send $second 7009 $node4 51820
	[ "$(captured asked | wc -l)" = 2 ]
	[ "$(captured strange | wc -l)" = 0 ]
	[ "$(counter out_host_port)" -gt 0 ]
	run pp node1 status
	[ "$status" = 1 ]
	grep "^ports  *not OK .*the node itself uses udp 51820 of snat-port-range" <<<"$output"
	pp node1 up -f "$BATS_TEST_TMPDIR/first.yaml" --node node1 --set snat-port-range=52000-65535 >/dev/null
	pp node1 status
}

@test "another NAT of the node chooses a pod's port: its container gets the answer" {
	start
	ip netns add t-box
	ip link add box netns t-node1 type veth peer name eth0 netns t-box
	on node1 ip addr add 172.18.0.1/24 dev box
	on node1 ip link set box up
	on box ip addr add 172.18.0.2/24 dev eth0
	on box ip link set eth0 up
	on box ip route add default via 172.18.0.1
	on node1 nft 'add table ip box; add chain ip box post { type nat hook postrouting priority 100; }; add rule ip box post ip saddr 172.18.0.0/24 masquerade'
	on a "$probe" flood "${world[0]}" 55000 1
	pp node1 get flows -o json | jq -e '[.items[] | select(.masqPort == 55000)] | length == 1'
	on box "$probe" flood "${world[0]}" 55000 1
	on a "$probe" flood "${world[0]}" 55000 1
	on box "$probe" flood "${world[0]}" 55000 1
	ip netns del t-box
	# that is not the node's own port
	pp node1 status
}

@test "an uplink above another: a masqueraded packet on both does not count as the node's" {
	lab up --nodes 1
	capture world leak eth0 src net 10.0.0.0/8
	on node1 ip link add br0 type bridge
	on node1 ip addr flush dev eth0
	on node1 ip link set eth0 master br0
	on node1 ip link set br0 up
	on node1 ip addr add $node4/24 dev br0
	on node1 ip route add default via 192.168.10.1
	eventually reach node1 192.168.10.1
	{ pools && echo --- && config 'devices: br0,eth0' | sed 's/enable-ipv6: "true"/enable-ipv6: "false"/'; } >"$BATS_TEST_TMPDIR/two.yaml"
	pp node1 up -f "$BATS_TEST_TMPDIR/two.yaml" --node node1
	pod node1 a
	serve world
	[ "$(seen_as a "${world[0]}")" = $node4 ]
	on a "$probe" flood "${world[0]}" 52000 5
	on a "$probe" bulk "${world[0]}" 400000 52100
	[ "$(pp node1 get flows -o json | jq '[.items[] | select(.sourcePort >= 52000 and .sourcePort < 52005)] | length')" = 5 ]
	[ "$(pp node1 metrics | sed -n 's/^pinpool_flow_changes_total{.*="yielded"} //p')" = 0 ]
	pp node1 status
}

@test "the node loses the address of running flows: gc ends them, check counts them, senders continue" {
	start
	on node1 sysctl -qw net.ipv4.conf.eth0.promote_secondaries=1
	on node1 ip addr add 192.168.10.201/24 dev eth0
	on a "$probe" flood "${world[0]}" 41000 1
	on a "$probe" bulk "${world[0]}" 100000 41001
	pp node1 get flows -o json | jq -e --arg a $node4 '[.items[] | select(.masqAddress == $a)] | length == 2'
	on node1 ip addr del $node4/24 dev eth0
	on node1 ip route replace default via 192.168.10.1
	run pp node1 check
	[ "$status" = 1 ]
	grep "flows: 2 masqueraded as $node4, which the node does not have" <<<"$output"
	pp node1 gc
	pp node1 get flows -o json | jq -e --arg a $node4 '[.items[] | select(.masqAddress == $a)] | length == 0'
	run pp node1 check
	! grep '^flows: ' <<<"$output" || false
	on a "$probe" flood "${world[0]}" 41000 1
	[ "$(seen_as a "${world[0]}")" = 192.168.10.201 ]
	# `up` and `check --fix` do the same
	port=41002
	for repair in "up -f $BATS_TEST_TMPDIR/first.yaml --node node1" "check --fix"; do
		on node1 ip addr add 192.168.10.202/24 dev eth0
		on node1 ip route replace "${world[0]}" via 192.168.10.1 src 192.168.10.202
		on a "$probe" flood "${world[0]}" $((++port)) 1
		pp node1 get flows -o json | jq -e '[.items[] | select(.masqAddress == "192.168.10.202")] | length == 1'
		on node1 ip addr del 192.168.10.202/24 dev eth0
		# shellcheck disable=SC2086
		pp node1 $repair || true
		pp node1 get flows -o json | jq -e '[.items[] | select(.masqAddress == "192.168.10.202")] | length == 0'
		on a "$probe" flood "${world[0]}" $port 1
	done
}

@test "SCTP, GRE, multicast and all others never leave with a pod's address" {
	start
	for p in a b; do
		for to in "${world[@]}" 224.0.0.251 255.255.255.255 ff02::fb ff0e::1; do
			on "$p" "$probe" raw "$to" 132 47 50 4 41 103 253 || true
		done
	done
	# on no link of the router either, but to the node's own networks
	capture router mcast eth0 'dst net 224.0.0.0/4 and src net 10.0.0.0/8'
	on a "$probe" raw 224.0.0.251 17 || true
	[ "$(captured mcast | wc -l)" = 0 ]
	# translated or refused, and counted
	[ $(($(counter taken) + $(counter protocol) + $(counter portless) + $(counter out_masqueraded))) -gt 0 ]
}

@test "the XDP guard, native on the uplink: spoofed and unallocated are dropped, all others pass" {
	start -- --set xdp-guard=native
	pp node1 status | grep '^xdp.*native'
	on router ip route add 10.0.0.0/8 via $node4
	before=$(counter outside_spoofed)
	on router "$probe" spoof "${v4[b]}" "${v4[a]}"
	[ "$(counter outside_spoofed)" -gt "$before" ]
	before=$(counter unallocated)
	run on router ping -c 1 -W 0.2 10.10.0.9
	[ "$(counter unallocated)" -gt "$before" ]
	traffic a "${world[@]}"
	reach router "${v4[a]}"
	for to in "${world[@]}"; do
		on a ping -qc 1 -W "$PINPOOL_SLOW" -s 4000 "$to"
		on a "$probe" udp "$to" 4000
	done
	[ "$(counter guard_pass)" -gt 0 ]
	# off and on again under load
	pp node1 up -f "$BATS_TEST_TMPDIR/first.yaml" --node node1 --set xdp-guard=disabled >/dev/null
	[ -z "$(on node1 ip link show eth0 | grep xdp || true)" ]
	pp node1 up -f "$BATS_TEST_TMPDIR/first.yaml" --node node1 --set xdp-guard=native >/dev/null
	on node1 ip link show eth0 | grep -q 'xdp'
	quiet a
}

@test "the XDP guard on an uplink of jumbo frames: complete ones pass, spoofed ones do not" {
	start --mtu 9000 -- --set xdp-guard=native
	pp node1 status | grep '^xdp.*native'
	on router ip route add 10.0.0.0/8 via $node4
	for to in "${world[@]}"; do
		on a ping -qc 2 -i 0.05 -W "$PINPOOL_SLOW" -M 'do' -s 8900 "$to"
		on a "$probe" udp "$to" 8900
		on a "$probe" bulk "$to" 4000000
	done
	before=$(counter outside_spoofed)
	on router "$probe" spoof "${v4[b]}" "${v4[a]}"
	[ "$(counter outside_spoofed)" -gt "$before" ]
}
