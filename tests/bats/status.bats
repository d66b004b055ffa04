#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# status, metrics and monitor: what a person or a collector sees of a node, whole or damaged.
load ../lib/helper

setup() {
	node_up
}

teardown() {
	[ -z "${monitor-}" ] || kill "$monitor" 2>/dev/null || true
	node_down
}

@test "a node that is up is OK, part by part" {
	pod a
	succeeds pinpool status
	has "pinpool: OK"
	for part in node maps programs memory pools blocks leases shares uplinks xdp routes sysctls flows ports firewall; do
		[[ $output =~ (^|$'\n')$part\ +OK ]] || { echo "no $part"; false; }
	done
	has_not "not OK"
	has "1 pods, 0 held"
}

@test "the sum of memory equals the kernel's, and is below 64 MB" {
	run bash -c "pinpool status -o json | jq .memory.mapBytes"
	told=$output
	counted=$(bpftool -j map show | jq '[.[] | select(.pinned // [] | length > 0) | .bytes_memlock] | add')
	[ "$told" -gt 1000000 ]
	if pinpool version | grep -q '^  memory of maps  *yes'; then
		[ "$told" -lt 64000000 ]
	else # it counts maps as if they were full
		pinpool status | grep '^memory .*maps at most '
	fi
	# where bpftool sees the pins it must agree
	[ "$counted" = null ] || [ "$counted" -ge "$told" ]
}

@test "pins removed by hand are reported by name, and up restores them" {
	rm "$root/pp_pending" "$root/prog/pp_bind"
	fails 1 pinpool status
	has "pp_pending is missing; run 'pinpool up'"
	has "pp_bind is missing; run 'pinpool up'"
	succeeds pinpool up
	succeeds pinpool status
}

# what programs jump to goes with the pin of its map, or is another program's
@test "jumps without a target are reported, and up restores them" {
	rm "$root/pp_calls"
	fails 1 pinpool status
	has "pp_calls is missing; run 'pinpool up'"
	succeeds pinpool up
	succeeds pinpool status
	bpftool map delete pinned "$root/pp_calls" key 1 0 0 0
	fails 1 pinpool status
	has "new connections to outside have no program: their slot in pp_calls is empty; run 'pinpool up'"
	bpftool map update pinned "$root/pp_calls" key 2 0 0 0 value pinned "$root/prog/pp_masquerade"
	fails 1 pinpool status
	has "fragments and errors from outside run another program than pp_from_net_slow; run 'pinpool up'"
	succeeds pinpool up
	succeeds pinpool status
}

@test "no configuration map: the other parts are still reported" {
	rm "$root/pp_config"
	fails 1 pinpool status
	has "pp_config is missing"
	[[ $output =~ $'\n'programs\ +OK ]]
}

@test "an uplink without program, a missing route, a sysctl off" {
	rm -rf "$root/link"/*
	tc qdisc del dev up0 clsact 2>/dev/null || true
	ip route del unreachable 10.10.0.0/27
	sysctl -qw net.ipv4.ip_forward=0
	fails 1 pinpool status
	has "up0 has no program at ingress, up0 has no program at egress; run 'pinpool gc'"
	has '1 missing; '
	has 'net.ipv4.ip_forward is "0" and must be "1"; run '
	succeeds pinpool gc
	succeeds pinpool status
}

@test "the uplink's address changed" {
	ip addr del 192.168.10.100/24 dev up0
	ip addr add 192.168.10.77/24 dev up0
	ip route replace default via 192.168.10.1
	fails 1 pinpool status
	has "up0 has the ipv4 address 192.168.10.77 and pinpool knows 192.168.10.100"
	pinpool gc
	succeeds pinpool status
}

@test "pods that wait for an address" {
	fails 1 pinpool alloc --owner x --pool nope
	fails 1 pinpool status
	has 'waiting for an ipv4 address of pool "nope": 1, cannot allocate from non-existing pool'
	pool_manifest nope 10.60.0.0/16 27 | pinpool apply -f -
	pinpool alloc --owner x --pool nope
	succeeds pinpool status
}

@test "--wait returns once all parts are OK, JSON has the same parts" {
	rm "$root/prog/pp_bind"
	(sleep 1; pinpool up >/dev/null) 3>&- &
	succeeds pinpool status --wait
	wait $! # it may be well before up has done all
	run bash -c "pinpool status -o json | jq -c '[.ok, .node, .abi, (.parts | all(.ok) and length > 10)]'"
	[ "$output" = '[true,"k8s-w1",2,true]' ]
}

@test "no node, another namespace" {
	fails 1 pinpool --root /sys/fs/bpf/none status
	has "node not up; run 'pinpool up'"
	ip netns add elsewhere
	fails 1 pinpool --netns elsewhere status
	has "give that one with --netns"
	fails 2 pinpool status what
	fails 2 pinpool status -o yaml
}

# POD FIRST COUNT [ADDRESS]: a datagram from each of these ports to the world, which nobody answers
datagrams() {
	ip neigh replace 192.168.10.1 lladdr 02:00:00:00:00:01 dev up0
	in_pod "$1" python3 - "${@:2}" <<-'P'
	import socket, sys
	first, count, address = int(sys.argv[1]), int(sys.argv[2]), (sys.argv[3:] or ["203.0.113.1"])[0]
	for port in range(first, first + count):
	    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	    s.bind(("", port))
	    s.sendto(b"x", (address, 9))
	P
}
# REASON…: those drops are as old as the machine
age_drops() {
	local reason number
	for reason; do
		number=$(sed 's/^\tX(\([A-Z_]*\), .*/\1/;t;d' "$BATS_TEST_DIRNAME/../../maps/stats.h" | grep -nx "$reason" | cut -d: -f1)
		bpftool map update pinned "$root/pp_drop_times" key $((number - 1)) 0 0 0 value 1 0 0 0
	done
}

# FROM TO: the last drop for reason TO is that for FROM
copy_drop() {
	local number value
	number=$(sed 's/^\tX(\([A-Z_]*\), .*/\1/;t;d' "$BATS_TEST_DIRNAME/../../maps/stats.h" | grep -nx "$1" | cut -d: -f1)
	value=$(bpftool -j map lookup pinned "$root/pp_drop_times" key $((number - 1)) 0 0 0 | jq -r '[.values[].value] | max | join(" ")')
	number=$(sed 's/^\tX(\([A-Z_]*\), .*/\1/;t;d' "$BATS_TEST_DIRNAME/../../maps/stats.h" | grep -nx "$2" | cut -d: -f1)
	# shellcheck disable=SC2086
	bpftool map update pinned "$root/pp_drop_times" key $((number - 1)) 0 0 0 value $value
}

@test "a full flow table is reported, refused flows for ten minutes, and a new one is empty" {
	pinpool up --set bpf-nat-max=64
	pod a
	datagrams a 50000 57
	succeeds pinpool status
	has "57 of 64 in use"
	datagrams a 50057 1
	fails 1 pinpool status
	has "58 of 64 in use; 'pinpool get flows' shows by whom, 'pinpool up --set bpf-nat-max=N' makes room"
	has_not "were refused"
	# a pod alone gives up its own flows first; a refusal takes more pods than the table has flows
	datagrams a 50058 20
	in_pod a python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("240.0.0.1", 9))'
	copy_drop MARTIAN TABLE_FULL
	fails 1 pinpool status
	[[ $output =~ flows\ +not\ OK\ .*64\ of\ 64\ in\ use ]]
	[[ $output =~ "new flows were refused, the table was full "[0-9]+" s ago" ]]
	# the counts of the old table end with it, what was refused is still told
	succeeds pinpool up --set bpf-nat-max=128
	fails 1 pinpool status
	has_not "in use;"
	has "the table was full"
	age_drops TABLE_FULL
	succeeds pinpool status
	has "0 of 128 in use"
	datagrams a 50000 10
	succeeds pinpool status
	has "10 of 128 in use"
}

@test "exhausted ports are reported for ten minutes" {
	pinpool up --set snat-port-range=50000-50003
	for name in a b c d e; do pod $name; done
	for name in a b c d; do datagrams $name 40000 1; done
	datagrams a 40000 4 203.0.113.2
	succeeds pinpool status
	# each of four pods has its share, one port
	datagrams e 40000 1
	fails 1 pinpool status
	has "new flows were refused, all ports to their destination were in use"
	has "'pinpool up --set snat-port-range=LOW-HIGH' gives more"
	age_drops NO_PORT
	succeeds pinpool status
}

@test "the node's own ports in snat-port-range are reported, others are not" {
	ip neigh replace 192.168.10.1 lladdr 02:00:00:00:00:01 dev up0
	python3 - <<-'P'
	import socket
	for port in (40000, 49151):
	    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	    s.bind(("", port))
	    s.sendto(b"x", ("203.0.113.1", 9))
	P
	succeeds pinpool status
	has "49152-65535 are pods' alone"
	python3 - <<-'P'
	import socket
	for port in (51820, 49152, 65535, 50001, 50002):
	    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	    s.bind(("", port))
	    s.sendto(b"x", ("203.0.113.1", 9))
	s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
	s.bind(("", 50001))
	s.setblocking(False)
	s.connect_ex(("203.0.113.1", 9))
	P
	fails 1 pinpool status
	has "the node itself uses tcp 50001, udp 49152, udp 50001, udp 50002 and 2 more of snat-port-range; move it, or leave it out with 'pinpool up --set snat-port-range=LOW-HIGH'"
	pinpool up --set snat-port-range=52000-65534
	succeeds pinpool status
}

@test "a firewall with a dropping policy is reported, a rule for pinpool's pods ends that" {
	for tool in nft iptables-nft iptables-legacy; do command -v $tool >/dev/null || skip "$tool is not installed"; done
	local advice='are lost: accept them in a rule with the comment "pinpool", see FIREWALL in pinpool(8)'
	iptables-nft -P FORWARD DROP
	fails 1 pinpool status
	has "chain FORWARD of nft table ip filter drops; by its policy fragments, packets with options and hostPorts of pods $advice"
	iptables-nft -A FORWARD -i 'pp+' -j ACCEPT
	fails 1 pinpool status
	iptables-nft -A FORWARD -o 'pp+' -m comment --comment pinpool -j ACCEPT
	succeeds pinpool status
	iptables-nft -F FORWARD
	fails 1 pinpool status
	iptables-nft -P FORWARD ACCEPT
	succeeds pinpool status
	nft 'add table inet wall; add chain inet wall through { type filter hook forward priority 0; policy drop; }'
	fails 1 pinpool status
	has "chain through of nft table inet wall drops"
	# in the same table, as packets may jump there
	nft 'add chain inet wall pods; add rule inet wall pods iifname "pp*" accept comment "for pinpool"'
	succeeds pinpool status
	# each must let them through
	ip6tables-nft -P FORWARD DROP # of a family that pods have not
	succeeds pinpool status
	iptables-nft -P FORWARD DROP
	fails 1 pinpool status
	has_not "inet wall"
	iptables-nft -P FORWARD ACCEPT
	# other hooks are no matter of pods'
	iptables-nft -P INPUT DROP
	succeeds pinpool status
	if iptables-legacy -P FORWARD DROP; then
		fails 1 pinpool status
		has "chain FORWARD of iptables-legacy drops"
		iptables-legacy -A FORWARD -m comment --comment "pinpool" -j ACCEPT
		succeeds pinpool status
		iptables-legacy -F FORWARD
		iptables-legacy -P FORWARD ACCEPT
		succeeds pinpool status
		has "no policy drops what is forwarded"
	fi
}

@test "metrics are OpenMetrics: each sample has a family, the end is marked" {
	pod a
	pinpool alloc --owner x
	pinpool metrics >"$BATS_TEST_TMPDIR/m"
	[ "$(tail -n 1 "$BATS_TEST_TMPDIR/m")" = "# EOF" ]
	grep -q '^pinpool_leases{state="bound"} 1$' "$BATS_TEST_TMPDIR/m"
	grep -q '^pinpool_pool_used{pool="default",family="ipv4"} 2$' "$BATS_TEST_TMPDIR/m"
	grep -q '^pinpool_drops_total{reason="spoofed"} [0-9]*$' "$BATS_TEST_TMPDIR/m"
	python3 - "$BATS_TEST_TMPDIR/m" <<-'P'
	import re, sys
	types, last = {}, None
	for line in open(sys.argv[1]).read().splitlines()[:-1]:
	    if line.startswith("# TYPE "):
	        last, kind = line.split()[2:]
	        assert last not in types, "family twice: " + last
	        types[last] = kind
	    elif line.startswith("# "):
	        assert line.split()[2] == last, line
	        assert line.split()[1] != "UNIT" or last.endswith("_" + line.split()[3]), line
	    else:
	        name = re.fullmatch(r'([a-z_]+)(?:\{(?:[a-z_]+="[^"\\]*",?)+\})? [0-9]+', line).group(1)
	        suffix = {"counter": "_total", "info": "_info", "gauge": ""}[types[last]]
	        assert name == last + suffix, line
	P
}

@test "monitor prints drops as they happen, and ends by a signal" {
	pod a
	pinpool monitor --drops >"$BATS_TEST_TMPDIR/log" 3>&- &
	monitor=$!
	sleep 0.5
	in_pod a ip addr add 10.66.0.1/32 dev lo
	in_pod a ping -qnc 1 -W 1 -I 10.66.0.1 10.10.0.99 || true
	sleep 0.5
	kill -INT "$monitor"
	wait "$monitor"
	cat "$BATS_TEST_TMPDIR/log"
	grep -Eq "^20[0-9-]+T[0-9:.]+ drop spoofed $(pod_get a hostInterface) icmp 10.66.0.1(:[0-9]+)? > 10.10.0.99 [0-9]+ bytes: source address" "$BATS_TEST_TMPDIR/log"
	run bash -c "pinpool metrics | grep 'drops_total{reason=\"spoofed\"}'"
	[ "${output##* }" -ge 1 ]
	fails 2 pinpool monitor x
}

@test "a pod's packets with a VLAN tag, which the kernel removes from the frame, are dropped by name" {
	pod a
	pod b
	in_pod a /usr/bin/python3 - 10.10.0.1 10.10.0.2 <<-'P'
	import sys
	from scapy.all import IP, UDP, Dot1Q, Ether, conf, get_if_hwaddr
	packet = Dot1Q(vlan=5) / IP(src=sys.argv[1], dst=sys.argv[2]) / UDP(sport=1, dport=2) / b"data"
	conf.L2socket(iface="eth0").send(Ether(src=get_if_hwaddr("eth0"), dst="02:70:70:ff:ff:fe") / packet)
	P
	run pinpool metrics
	has 'pinpool_drops_total{reason="vlan"} 1'
}
