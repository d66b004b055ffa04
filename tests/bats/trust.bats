#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Strangers: pods and hosts of the uplink that send by raw sockets what no stack would. In every test the
# same frame with honest contents arrives, and each one that does not is counted under its reason.

# shellcheck disable=SC2154 # v4, v6: of lab.bash
bats_require_minimum_version 1.5.0
load ../lib/lab

world=(203.0.113.10 2001:db8:113::10)
node4=192.168.10.101 node6=fd00:10::101

# [UP-OPTION…]: a node with pods a and b, servers in the world, and a router that knows the way to pods
start() {
	lab up --nodes 1 --ipv6
	{ pools && echo --- && config; } >"$BATS_TEST_TMPDIR/first.yaml"
	pp node1 up -f "$BATS_TEST_TMPDIR/first.yaml" --node node1 "$@" >/dev/null
	pod node1 a
	pod node1 b
	on router ip route add 10.0.0.0/8 via $node4
	on router ip route add fd00::/16 via $node6
	serve world
}

teardown() {
	lab down
}

# REASON or VERDICT: how many packets
counter() {
	pp node1 metrics | sed -n "s/^pinpool_\(drops\|packets\)_total{.*=\"$1\"} //p"
}
# REASON N CMD…: the command makes N packets count under that reason, and no more
counts() {
	local before reason=$1 n=$2
	before=$(counter "$reason")
	"${@:3}"
	eventually counted_since "$reason" $((before + n)) || {
		echo "$reason: $before, then $(counter "$reason"), not $n more"
		return 1
	}
}
counted_since() {
	[ "$(counter "$1")" = "$2" ]
}
# HOST: the MAC of its eth0
mac() {
	on "$1" ip -j link show eth0 | jq -r '.[].address'
}
# POD PACKET…: the pod sends these by a raw socket
pod_sends() {
	local gateway
	gateway=$(on "$1" ip -j neigh show 169.254.1.1 | jq -r '.[].lladdr')
	on "$1" "$BATS_TEST_DIRNAME/../lib/frames.py" eth0 "$gateway" "${@:2}"
}
# PACKET…: so does the router to the node
router_sends() {
	on router "$BATS_TEST_DIRNAME/../lib/frames.py" eth0 "$(mac node1)" "$@"
}
# NAME N [TCPDUMP-ARG…]: what has been captured, that many packets
got() {
	local text
	text=$(captured "$1" "${@:3}")
	[ "$(grep -c . <<<"$text")" = "$2" ] || {
		echo "$1: not $2 packets but: $text"
		return 1
	}
}
# NODE ADDRESS PORT LOG: what comes there is a line of the log
listen() {
	on "$1" python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], int(sys.argv[2])))
print("ready", flush=True)
while True:
    print(s.recv(99).decode(), flush=True)' "$2" "$3" >"$BATS_TEST_TMPDIR/$4" 3>&- &
	eventually grep -q ready "$BATS_TEST_TMPDIR/$4"
}
# LOG WORD…: it has these and no others
heard() {
	if ! eventually grep -qx "${*: -1}" "$BATS_TEST_TMPDIR/$1" ||
		[ "$(tail -n +2 "$BATS_TEST_TMPDIR/$1" | tr '\n' ' ')" != "${*:2} " ]; then
		echo "$1 heard: $(cat "$BATS_TEST_TMPDIR/$1")"
		return 1
	fi
}

@test "no pod reaches the node's loopback, whatever the shape of its packets" {
	start
	for link in $(on node1 ip -j link | jq -r '.[].ifname') all; do
		on node1 sysctl -qw "net.ipv4.conf.$link.route_localnet=1"
	done
	listen node1 127.0.0.1 7077 loopback
	listen node1 0.0.0.0 7078 any
	for address in 127.0.0.1 127.8.9.10; do
		for field in 'ttl=1' 'ttl=0' 'ttl=64' 'ttl=64, options=[IPOption(b"\x01" * 4)]' 'ttl=1, options=[IPOption(b"\x01" * 4)]' \
			'ttl=1, flags="MF"'; do
			counts martian 2 pod_sends a "IP(src='${v4[a]}', dst='$address', $field) / UDP(sport=5, dport=7077) / b'loop'" \
				"IP(src='${v4[a]}', dst='$address', $field) / TCP(sport=5, dport=7077)"
		done
	done
	for address in 0.0.0.0 0.1.2.3 240.0.0.1; do
		counts martian 1 pod_sends a "IP(src='${v4[a]}', dst='$address', ttl=1) / UDP(sport=5, dport=7078) / b'zero'"
	done
	counts martian 2 pod_sends a "IPv6(src='${v6[a]}', dst='::1', hlim=1) / UDP(sport=5, dport=7078)" \
		"IPv6(src='${v6[a]}', dst='::', hlim=1) / UDP(sport=5, dport=7078)"
	counts malformed 1 pod_sends a "IPv6(src='${v6[a]}', dst='::ffff:127.0.0.1', hlim=1) / UDP(sport=5, dport=7077)"
	# to the node's address the same arrives
	pod_sends a "IP(src='${v4[a]}', dst='$node4', ttl=1) / UDP(sport=5, dport=7078) / b'node'"
	heard any node
	[ "$(wc -l <"$BATS_TEST_TMPDIR/loopback")" = 1 ]
}

@test "no pod reaches a broadcast or multicast address of the node" {
	start
	on node1 ip addr add 172.31.0.1/28 dev lo
	pp node1 apply -f "$BATS_TEST_TMPDIR/first.yaml"
	listen node1 0.0.0.0 7078 any
	listen node1 :: 7079 any6
	for address in 192.168.10.255 172.31.0.15 255.255.255.255 224.0.0.1; do
		for ttl in 64 1; do
			counts multicast 1 pod_sends a "IP(src='${v4[a]}', dst='$address', ttl=$ttl) / UDP(sport=5, dport=7078) / b'all'"
		done
	done
	for ttl in 64 1; do
		counts multicast 1 pod_sends a "IPv6(src='${v6[a]}', dst='ff02::1', hlim=$ttl) / UDP(sport=5, dport=7079) / b'all'"
	done
	# nor to an address of the uplink's link
	local=$(on node1 ip -6 -o addr show dev eth0 scope link | awk '{sub("/.*", "", $4); print $4}')
	for source in "${v6[a]}" fe80::70; do
		for hops in 64 1; do
			pod_sends a "IPv6(src='$source', dst='$local', hlim=$hops) / UDP(sport=5, dport=7079) / b'link'"
		done
	done
	pod_sends a "IP(src='${v4[a]}', dst='172.31.0.1', ttl=1) / UDP(sport=5, dport=7078) / b'one'"
	pod_sends a "IPv6(src='${v6[a]}', dst='$node6', hlim=1) / UDP(sport=5, dport=7079) / b'six'"
	heard any one
	heard any6 six
	# what an address of the node was is no broadcast address for ever
	on node1 ip addr del 172.31.0.1/28 dev lo
	run pp node1 check
	[[ $output != *pp_nomasq* && $output != *pp_ranges* ]]
	pp node1 apply -f "$BATS_TEST_TMPDIR/first.yaml"
	pod_sends a "IP(src='${v4[a]}', dst='172.31.0.15') / UDP(sport=5, dport=7078) / b'any'"
	counts multicast 0 sleep 0.2
}

# PROGRAM [PRIO]: what the router sends to the node's link has such tags
tags() {
	[ -e "$BATS_TEST_TMPDIR/tag.o" ] || clang -O2 -g -target bpf -I"/usr/include/$(uname -m)-linux-gnu" \
		-c "$BATS_TEST_DIRNAME/../lib/tag.bpf.c" -o "$BATS_TEST_TMPDIR/tag.o"
	on router tc qdisc replace dev eth0 clsact
	on router tc filter replace dev eth0 egress pref 1 handle 1 bpf direct-action \
		object-file "$BATS_TEST_TMPDIR/tag.o" section "tc/$1"
}
# What pods send and get, both ways
everything() {
	local to
	for to in "${world[@]}"; do
		on a ping -qc 2 -i 0.05 -W "$PINPOOL_SLOW" "$to"
		on a ping -qc 2 -i 0.05 -W "$PINPOOL_SLOW" -s 4000 "$to"
		on a "$BATS_TEST_DIRNAME/../lib/probe.py" udp "$to" 1 1400 4000
		on a "$BATS_TEST_DIRNAME/../lib/probe.py" bulk "$to" 1000000
		on a "$BATS_TEST_DIRNAME/../lib/probe.py" refused "$to"
	done
	[ "$(seen_as a "${world[0]}") $(seen_as a "${world[1]}")" = "$node4 $node6" ]
	reach router "${v4[a]}" "${v6[a]}" "${v4[b]}" "${v6[b]}"
}
# Spoofed sources and packets for nobody, both families, one and two of each
refused() {
	counts outside_spoofed 4 router_sends \
		"IP(src='${v4[b]}', dst='${v4[a]}') / UDP(sport=5, dport=6)" "IP(src='${v4[b]}', dst='$node4') / UDP(sport=5, dport=6)" \
		"IPv6(src='${v6[b]}', dst='${v6[a]}') / UDP(sport=5, dport=6)" "IPv6(src='${v6[b]}', dst='$node6') / UDP(sport=5, dport=6)"
	counts unallocated 1 router_sends "IP(src='192.168.10.1', dst='10.10.0.25') / UDP(sport=5, dport=6)"
	counts bogon 1 router_sends "IP(src='127.0.0.1', dst='$node4') / UDP(sport=5, dport=6)"
}

@test "frames with VLAN id 0 are the uplink's own: pods get them without a tag" {
	start
	for how in priority twice; do
		tags $how
		capture node1 wire eth0 vlan
		capture a inside eth0 vlan
		everything
		refused
		[ "$(captured wire | wc -l)" -gt 20 ]
		got inside 0
	done
	# a real VLAN is other's: there is no such interface, so nothing of it arrives
	tags vlan
	run ! on a ping -qc 1 -W 0.5 "${world[0]}"
	counts outside_spoofed 0 router_sends "IP(src='${v4[b]}', dst='${v4[a]}') / UDP(sport=5, dport=6)"
	on router tc qdisc del dev eth0 clsact
	everything
}

@test "the XDP guard checks frames with VLAN id 0 like others" {
	start --set xdp-guard=native
	for how in priority twice; do
		tags $how
		everything
		refused
	done
}

@test "a broadcast frame brings no packet to a pod, nor one with a pod's source to any host" {
	start
	listen node1 0.0.0.0 7078 any
	listen a 0.0.0.0 7078 inside
	for mac in ff:ff:ff:ff:ff:ff 01:00:5e:00:00:05; do
		counts link_broadcast 2 on router "$BATS_TEST_DIRNAME/../lib/frames.py" eth0 $mac \
			"IP(src='192.168.10.1', dst='${v4[a]}') / UDP(sport=5, dport=7078) / b'all'" \
			"Dot1Q(vlan=0) / IP(src='192.168.10.1', dst='${v4[a]}') / UDP(sport=5, dport=7078) / b'all'"
		counts outside_spoofed 3 on router "$BATS_TEST_DIRNAME/../lib/frames.py" eth0 $mac \
			"IP(src='${v4[b]}', dst='$node4') / UDP(sport=5, dport=7078) / b'spoof'" \
			"IPv6(src='${v6[b]}', dst='$node6') / UDP(sport=5, dport=7078)" \
			"IP(src='${v4[b]}', dst='192.168.10.255') / UDP(sport=5, dport=7078) / b'spoof'"
	done
	on router "$BATS_TEST_DIRNAME/../lib/frames.py" eth0 ff:ff:ff:ff:ff:ff \
		"IP(src='192.168.10.1', dst='192.168.10.255') / UDP(sport=5, dport=7078) / b'honest'"
	router_sends "IP(src='192.168.10.1', dst='${v4[a]}') / UDP(sport=5, dport=7078) / b'honest'"
	heard any honest
	heard inside honest
}

# The sources that no packet to a pod has: of IPv6 none at all is a bogon
martians() {
	local source
	for source in $node4 169.254.1.1 169.254.169.254; do
		counts martian_source 4 router_sends \
			"IP(src='$source', dst='${v4[a]}') / UDP(sport=5, dport=7078) / b'martian'" \
			"IP(src='$source', dst='${v4[a]}') / TCP(sport=5, dport=7078, flags='A')" \
			"IP(src='$source', dst='${v4[a]}', ttl=1) / UDP(sport=5, dport=7078) / b'martian'" \
			"Dot1Q(vlan=0) / IP(src='$source', dst='${v4[a]}', flags='MF') / UDP(sport=5, dport=7078) / b'martian'"
	done
	for source in $node6 fe80::1 fe80::77; do
		counts martian_source 3 router_sends \
			"IPv6(src='$source', dst='${v6[a]}') / UDP(sport=5, dport=7078) / b'martian'" \
			"IPv6(src='$source', dst='${v6[a]}') / TCP(sport=5, dport=7078, flags='A')" \
			"IPv6(src='$source', dst='${v6[a]}') / IPv6ExtHdrDestOpt() / UDP(sport=5, dport=7078) / b'martian'"
	done
	counts bogon 2 router_sends "IPv6(src='::', dst='${v6[a]}') / UDP(sport=5, dport=7078)" \
		"IPv6(src='::', dst='${v6[a]}') / IPv6ExtHdrDestOpt() / UDP(sport=5, dport=7078)"
}

@test "sources that are the node's own, link-local or unspecified reach no pod, by tc and by the XDP guard" {
	start
	capture a martian eth0 udp port 7078 or tcp port 7078
	martians
	pp node1 up -f "$BATS_TEST_TMPDIR/first.yaml" --node node1 --set xdp-guard=native >/dev/null
	martians
	router_sends "IP(src='192.168.10.1', dst='${v4[a]}') / UDP(sport=5, dport=7078)" \
		"IPv6(src='fd00:10::1', dst='${v6[a]}') / UDP(sport=5, dport=7078)"
	reach router "${v4[a]}" "${v6[a]}"
	got martian 2 'udp and src port 5'
	# duplicate address detection of others, and neighbours, go on
	counts bogon 0 on router ip addr add fd00:10::77/64 dev eth0
	on node1 ip -6 neigh flush dev eth0
	reach node1 fd00:10::1
}

@test "an address that moves between the node and another host is the new host's at once" {
	start
	on node1 ip addr add 192.168.10.200/24 dev eth0
	on node1 ip addr add fd00:10::200/64 dev eth0 nodad
	pp node1 gc
	pp node1 check
	pp node1 apply -f "$BATS_TEST_TMPDIR/first.yaml"
	counts martian_source 2 router_sends "IP(src='192.168.10.200', dst='${v4[a]}') / UDP(sport=5, dport=6)" \
		"IPv6(src='fd00:10::200', dst='${v6[a]}') / UDP(sport=5, dport=6)"
	# as VRRP does it; nobody tells pinpool
	on node1 ip addr del 192.168.10.200/24 dev eth0
	on node1 ip addr del fd00:10::200/64 dev eth0
	on router ip addr add 192.168.10.200/24 dev eth0
	on router ip addr add fd00:10::200/64 dev eth0 nodad
	run pp node1 check
	[[ $output != *pp_nomasq* && $output != *pp_ranges* ]]
	counts martian_source 0 on router ping -qnc 1 -W $((2 * PINPOOL_SLOW)) -I 192.168.10.200 "${v4[a]}"
	counts martian_source 0 on router ping -qnc 1 -W $((2 * PINPOOL_SLOW)) -I fd00:10::200 "${v6[a]}"
}

# OPTIONS-OF-IP-MASQ-AGENT: applied with everything else as it was
agent() {
	{ cat "$BATS_TEST_TMPDIR/first.yaml" && echo '  enable-ip-masq-agent: "true"' && masq_agent "$1"; } |
		pp node1 apply -f -
}

@test "a cloud's link-local services: masqueraded unless ip-masq-agent excludes them" {
	start
	on router ip addr add 169.254.169.254/32 dev eth0
	on node1 ip route add 169.254.169.254/32 dev eth0
	serve router
	reach a 169.254.169.254
	[ "$(seen_as a 169.254.169.254)" = $node4 ]
	on a ping -qc 2 -i 0.05 -W "$PINPOOL_SLOW" -s 4000 169.254.169.254
	on a "$BATS_TEST_DIRNAME/../lib/probe.py" bulk 169.254.169.254 1000000
	# by the default route as well
	on node1 ip route del 169.254.169.254/32
	[ "$(seen_as a 169.254.169.254)" = $node4 ]
	agent 'masqLinkLocal: true\nnonMasqueradeCIDRs: [198.200.0.0/16]'
	[ "$(seen_as a 169.254.169.254)" = $node4 ]
	# as its documentation has it: the pod's own address, to which the router happens to know the way
	agent 'nonMasqueradeCIDRs: [198.200.0.0/16]'
	[ "$(seen_as a 169.254.169.254)" = "${v4[a]}" ]
	config 'enable-ip-masq-agent: false' | pp node1 apply -f -
	[ "$(seen_as a 169.254.169.254)" = $node4 ]
	# whom that is too much for
	on node1 ip route add prohibit 169.254.169.254
	run ! on a ping -qc 1 -W 0.5 169.254.169.254
	on node1 ip route del prohibit 169.254.169.254
	reach a 169.254.169.254
	# pods alone, as pinpool(8) has it
	on node1 ip rule add pref 100 iif lo lookup main
	on node1 ip route add prohibit 169.254.169.254 table 112
	on node1 ip rule add pref 101 lookup 112
	run ! on a ping -qc 1 -W 0.5 169.254.169.254
	reach node1 169.254.169.254
	reach a "${world[0]}"
}

@test "the gateway of pods and fe80::/10 are never forwarded" {
	start
	capture router out eth0 dst host 169.254.1.1 or '(ip6 and dst net fe80::/10 and udp)'
	counts link_local 3 pod_sends a "IP(src='${v4[a]}', dst='169.254.1.1') / UDP(sport=5, dport=6)" \
		"IP(src='${v4[a]}', dst='169.254.1.1', ttl=1) / UDP(sport=5, dport=6)" \
		"IP(src='${v4[a]}', dst='169.254.1.1', flags='MF') / UDP(sport=5, dport=6)"
	pod_sends a "IPv6(src='${v6[a]}', dst='fe80::a9fe:a9fe') / UDP(sport=5, dport=6)"
	got out 0
	# but the node may have it
	on node1 ip addr add 169.254.1.1/32 dev lo
	pp node1 apply -f "$BATS_TEST_TMPDIR/first.yaml"
	reach a 169.254.1.1
}

# HOST: what router advertisements have made there
advertised() {
	on "$1" ip -6 route show proto ra
	on "$1" ip -6 addr show | grep 2001:db8:bad || true
}
# SENDER INTERFACE RECEIVER INTERFACE: sends a router advertisement there
advertise() {
	local mac
	mac=$(on "$3" ip -j link show "$4" | jq -r '.[].address')
	on "$1" "$BATS_TEST_DIRNAME/../lib/frames.py" "$2" "$mac" \
		"IPv6(src='fe80::66', dst='ff02::1', hlim=255) / ICMPv6ND_RA(routerlifetime=1800) / ICMPv6NDOptPrefixInfo(prefix='2001:db8:bad::', prefixlen=64)"
}
@test "router advertisements change nothing, not even past our program" {
	lab up --nodes 1 --ipv6
	# as where the uplink lives by them; the node forwards, and so 1 would do nothing
	on node1 sysctl -qw net.ipv6.conf.default.accept_ra=2
	{ pools && echo --- && config; } >"$BATS_TEST_TMPDIR/first.yaml"
	pp node1 up -f "$BATS_TEST_TMPDIR/first.yaml" --node node1 >/dev/null
	pod node1 a
	link=$(on node1 ip -6 -j route show "${v6[a]}" | jq -r '.[].dev')
	advertise a eth0 node1 "$link"
	on node1 tc filter del dev "$link" ingress
	advertise a eth0 node1 "$link"
	advertise node1 "$link" a eth0
	sleep 0.5
	run advertised node1
	[ "$output" = "" ]
	run advertised a
	[ "$output" = "" ]
	# the same frames, where they are accepted
	on node1 sysctl -qw "net.ipv6.conf.$link.accept_ra=2"
	on a sysctl -qw net.ipv6.conf.eth0.accept_ra=1
	advertise a eth0 node1 "$link"
	advertise node1 "$link" a eth0
	advertised_to() { [ "$(advertised "$1")" != "" ]; }
	eventually advertised_to node1
	eventually advertised_to a
}
