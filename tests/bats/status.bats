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
	for part in node maps programs memory pools blocks leases shares uplinks xdp routes sysctls; do
		[[ $output =~ (^|$'\n')$part\ +OK ]] || { echo "no $part"; false; }
	done
	has_not "not OK"
	has "1 pods, 0 held"
}

@test "the sum of memory is what the kernel counts, and under 64 MB" {
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

@test "pins removed by hand are missed by name, and up brings them back" {
	rm "$root/pp_pending" "$root/prog/pp_bind"
	fails 1 pinpool status
	has "pp_pending is missing; run 'pinpool up'"
	has "pp_bind is missing; run 'pinpool up'"
	succeeds pinpool up
	succeeds pinpool status
}

# what programs jump to goes with the pin of its map, or is another program's
@test "jumps that lead nowhere are told, and up brings them back" {
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

@test "no configuration map: the rest is still told" {
	rm "$root/pp_config"
	fails 1 pinpool status
	has "pp_config is missing"
	[[ $output =~ $'\n'programs\ +OK ]]
}

@test "uplink without program, route gone, sysctl off" {
	rm -rf "$root/link"/*
	tc qdisc del dev up0 clsact 2>/dev/null || true
	ip route del unreachable 10.10.0.0/27
	sysctl -qw net.ipv4.ip_forward=0
	fails 1 pinpool status
	has "up0 has no program at ingress, up0 has no program at egress; run 'pinpool up'"
	has '1 missing; '
	has 'net.ipv4.ip_forward is "0" and must be "1"; run '
	succeeds pinpool up
	succeeds pinpool status
}

@test "the uplink's address changed" {
	ip addr del 192.168.10.100/24 dev up0
	ip addr add 192.168.10.77/24 dev up0
	ip route replace default via 192.168.10.1
	fails 1 pinpool status
	has "up0 has the ipv4 address 192.168.10.77 and pinpool knows 192.168.10.100"
	pinpool up
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

@test "--wait returns when all is well, JSON has the same parts" {
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

@test "what a pod sends with a VLAN tag, which the kernel takes out of the frame, is dropped by name" {
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
