#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Pods are strangers to each other: one that takes all flows or ports, as raw sockets can, leaves the
# others theirs; and what outside forges ends no connection.

# shellcheck disable=SC2154 # v4: of lab.bash
load ../lib/lab

world=203.0.113.10 node4=192.168.10.101

setup() {
	export flood=$BATS_TEST_DIRNAME/../lib/flood.py probe=$BATS_TEST_DIRNAME/../lib/probe.py
	lab up --nodes 1
	{ pools && echo --- && config 'enable-ipv6: false'; } | sed '/^  enable-ipv6: "true"$/d; s/, ipv6: {.*}}/}/' \
		>"$BATS_TEST_TMPDIR/first.yaml"
	pp node1 up -f "$BATS_TEST_TMPDIR/first.yaml" --node node1 >/dev/null
	pod node1 a
	pod node1 b
	serve world
	attack=
}

teardown() {
	[ -z "$attack" ] || kill "$attack" 2>/dev/null || true
	lab down
}

counter() {
	pp node1 metrics | sed -n "s/^pinpool_\(drops\|flow_changes\)_total{.*=\"$1\"} //p"
}
flows_of() {
	pp node1 metrics | sed -n "s/^pinpool_pod_flows{pod=\"[^\"]*$1\"} //p"
}
# WHAT DESTINATION PORT…: a's flood, once whole and then on and on
flood_from_a() {
	on a "$flood" "$1" "${v4[a]}" "${@:2}"
	nsenter --net=/run/netns/t-a -- "$flood" again "$1" "${v4[a]}" "${@:2}" >/dev/null 2>&1 3>&- &
	attack=$!
}
none_refused() {
	[ "$(counter table_full)" = 0 ]
	[ "$(counter no_port)" = 0 ]
}

@test "65,536 unanswered SYNs of a pod: another pod opens all its connections" {
	# an address that the router has no neighbour for
	flood_from_a syns 203.0.113.77 1000 1001 1002 1003
	[ "$(flows_of a)" -gt 60000 ]
	on b "$flood" connect $world 50
	none_refused
	[ "$(counter displaced)" -gt 0 ]
}

@test "65,536 datagrams of a pod: another pod opens all its connections" {
	flood_from_a datagrams 203.0.113.77 1000 1001 1002 1003
	[ "$(flows_of a)" -gt 60000 ]
	on b "$flood" connect $world 50
	none_refused
	[ "$(counter displaced)" -gt 0 ]
}

# also all ports to where the other one wants to
@test "65,536 answered SYNs of a pod: another pod opens all its connections" {
	on world sysctl -qw net.ipv4.tcp_syncookies=2
	on world "$flood" listen 7100 7101 7102 >"$BATS_TEST_TMPDIR/listen" 3>&- &
	eventually grep -q ready "$BATS_TEST_TMPDIR/listen"
	on a iptables -A OUTPUT -p tcp --tcp-flags RST RST -j DROP
	on a "$flood" syns "${v4[a]}" $world 7000 7100 7101 7102
	[ "$(pp node1 get flows -o json | jq '[.items[] | select(.state == "established")] | length')" -gt 50000 ]
	on b "$flood" connect $world 100
	none_refused
	# and its own are not taken by more of the same
	on a "$flood" syns "${v4[a]}" $world 7000 7100 3>&- &
	on b "$flood" connect $world 50
	wait $!
	none_refused
}

@test "16,384 ports of a pod to one server: another pod connects, status and metrics name the first" {
	on a "$flood" datagrams "${v4[a]}" $world 7000
	[ "$(flows_of a)" -gt 16000 ]
	on b "$flood" connect $world 20
	none_refused
	[ "$(counter displaced)" -gt 0 ]
	[ "$(flows_of b)" -ge 20 ]
	run pp node1 status
	grep -E "^shares +not OK .*pod [^ ]*a has [0-9]+ of 16384 ports to udp $world port 7000, above its fair share of 8192" <<<"$output"
}

@test "a full table: status names the pod above its share; a table of another size is empty" {
	on b "$flood" connect $world 1
	on a "$flood" syns "${v4[a]}" 203.0.113.77 1000 1001 1002 1003
	run pp node1 status
	grep -E "^shares +not OK .*pod [^ ]*a has [0-9]+ of 65536 flows, above its fair share of 32768; " <<<"$output"
	pp node1 up -f "$BATS_TEST_TMPDIR/first.yaml" --node node1 --set bpf-nat-max=64 >/dev/null
	[ "$(pp node1 metrics | grep -c '^pinpool_pod_flows{')" = 0 ]
	on b "$flood" connect $world 20
	pp node1 status | grep '^shares  *OK .*of 64'
}

@test "a resolver: 20,000 questions to one server in a row, each answered" {
	on b "$probe" hold $world 3600 >"$BATS_TEST_TMPDIR/held" 3>&- &
	attack=$!
	on a "$flood" ask $world 10000 20000
	none_refused
	kill $attack
	attack=
	# the other pod's stream was answered all the time
	[ "$(sort -u "$BATS_TEST_TMPDIR/held")" = 1 ]
}

@test "16,384 forged RSTs end none of the pods' idle connections" {
	go=$BATS_TEST_TMPDIR/go
	nsenter --net=/run/netns/t-a -- "$flood" idle $world 5 "$go" >"$BATS_TEST_TMPDIR/idle" 2>&1 3>&- &
	attack=$!
	eventually grep -q ready "$BATS_TEST_TMPDIR/idle"
	on world "$flood" resets $world $node4
	on world "$flood" resets $world $node4
	pp node1 get flows -o json | jq -e '[.items[] | select(.proto == "tcp") | .state == "established" and .expiresIn > 200] |
		length == 5 and all'
	sleep 12
	touch "$go"
	eventually grep -q alive "$BATS_TEST_TMPDIR/idle"
	pp node1 get flows -o json | jq -e '[.items[] | select(.proto == "tcp") | .expiresIn > 7000] | length == 5 and all'
}
