#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Hostile pods with raw sockets: what they send harms neither other pods nor the node, and no trick
# with offloads makes a packet leave with another source. Peaceful pods move no counter of attacks.

# shellcheck disable=SC2154 # v4, v6: of lab.bash
bats_require_minimum_version 1.5.0
load ../lib/lab

world=(203.0.113.10 2001:db8:113::10)
node4=192.168.10.101 node6=fd00:10::101

setup() {
	export attack=$BATS_TEST_DIRNAME/../lib/attack.py
}
teardown() {
	lab down
}

# [LAB-OPTION…]: a node with pods a and b
start() {
	lab up --nodes 1 --ipv6 "$@"
	{ pools && echo --- && config; } >"$BATS_TEST_TMPDIR/first.yaml"
	pp node1 up -f "$BATS_TEST_TMPDIR/first.yaml" --node node1 >/dev/null
	pod node1 a
	pod node1 b
}

# REASON or VERDICT: how many packets
counter() {
	pp node1 metrics | sed -n "s/^pinpool_\(drops\|packets\)_total{.*=\"$1\"} //p"
}
# POD ARG…: the pod attacks
attack() {
	on "$1" "$attack" "${@:2}"
}
# every reason of drop that has counted, with its number
drops() {
	pp node1 metrics | sed -n 's/^pinpool_drops_total{reason="\(.*\)"} \([1-9].*\)/\1 \2/p'
}
# WANTED REASON: the counter gets there
counted() {
	[ "$(counter "$2")" = "$1" ]
}

# every start and offset from the IP header's beginning to the end of UDP's
@test "a checksum left to the device changes no address and no port" {
	start --tx-csum off
	capture node1 all eth0 udp dst port 9
	for start in 20 22 24 26 28 30 32 34; do
		for at in $(seq 20 2 40); do
			[ "$at" -lt "$start" ] || attack a vnet "${v4[a]}" "${world[0]}" "$start" $((at - start))
		done
	done
	for start in 20 22 30 38 46 52 54; do
		for at in $(seq 20 4 60); do
			[ "$at" -lt "$start" ] || attack a vnet "${v6[a]}" "${world[1]}" "$start" $((at - start))
		done
	done
	# far behind the packet, and negative
	for start in 34 65000 65535; do
		attack a vnet "${v4[a]}" "${world[0]}" "$start" 65528
		attack a vnet "${v6[a]}" "${world[1]}" "$start" 65528
	done
	[ "$(counter malformed)" -gt 100 ]
	# those that an honest stack leaves to the device, and such whose device need do nothing
	for try in 1 2 3; do
		attack a vnet "${v4[a]}" "${world[0]}" 34 6
		attack a vnet "${v6[a]}" "${world[1]}" 54 6
		attack a vnet "${v4[a]}" "${world[0]}" none 0
		attack a vnet "${v6[a]}" "${world[1]}" none 0
	done
	sleep 0.5
	seen=$(captured all -v)
	echo "$seen" | grep -c "$node4\.[0-9]* > ${world[0]}"
	echo "$seen" | grep -c "$node6\.[0-9]* > ${world[1]}"
	foreign=$(captured all | grep -vE "($node4|$node6)\.(49[2-9]|4915[2-9]|491[6-9]|[56])[0-9]* > (${world[0]}|${world[1]})\.9:" || true)
	[ -z "$foreign" ] || { echo "$foreign"; false; }
	[[ "$seen" != *'bad cksum'* ]]
}

@test "a packet with a wrong IPv4 header checksum is dropped" {
	start
	capture node1 all eth0 udp dst port 9
	before=$(counter malformed)
	attack a sum "${v4[a]}" "${world[0]}"
	attack a sum "${v4[a]}" "${v4[b]}"
	attack a sum "${v4[a]}" $node4
	[ "$(counter malformed)" = $((before + 3)) ]
	[ -z "$(captured all)" ]
}

@test "offloaded segments of all kinds leave with the node's address or are dropped" {
	start --tx-csum off
	capture node1 all eth0 'ip or ip6'
	for type in 1 3 4 5 0x81 255; do
		for size in 1 500 65535; do
			for length in 0 42 65535; do
				attack a vnet "${v4[a]}" "${world[0]}" 34 6 $((type)) $size $length
				attack a vnet "${v6[a]}" "${world[1]}" 54 6 $((type)) $size $length
				attack a vnet "${v4[a]}" "${world[0]}" none 0 $((type)) $size $length
			done
		done
	done >/dev/null
	sleep 0.5
	foreign=$(captured all 'src net 10.0.0.0/8 or src net fd00:100::/32')
	[ -z "$foreign" ] || { echo "$foreign"; false; }
}

@test "forged ICMP errors end no connection and plant no path MTU" {
	start
	for f in 0 1; do
		[ $f = 0 ] && own=${v4[a]} other=${v4[b]} node=$node4 || own=${v6[a]} other=${v6[b]} node=$node6
		for host in node1 b; do
			[ $host = b ] && at=$other || at=$node
			mkfifo "$BATS_TEST_TMPDIR/$host$f"
			nsenter --net="/run/netns/t-$host" -- "$attack" victim "${world[f]}" 7777 \
				<"$BATS_TEST_TMPDIR/$host$f" >"$BATS_TEST_TMPDIR/$host$f.out" 3>&- &
			exec {hold}>"$BATS_TEST_TMPDIR/$host$f"
			eventually test -s "$BATS_TEST_TMPDIR/$host$f.out"
			port=$(cat "$BATS_TEST_TMPDIR/$host$f.out")
			attack a error "$own" "$at" "$at" "${world[f]}" "$port" 7777
			attack a error "$own" "$at" "$at" "${world[f]}" "$port" 7777 1280
			exec {hold}>&-
			eventually grep -q Success "$BATS_TEST_TMPDIR/$host$f.out"
			on $host ip route get "${world[f]}" >"$BATS_TEST_TMPDIR/route"
			run ! grep -q mtu "$BATS_TEST_TMPDIR/route"
		done
	done
	[ "$(counter icmp_error)" = 8 ]
	# by its link-local address, to the host's end of its link
	link=$(on a ip -6 -o addr show dev eth0 scope link | sed 's/.*inet6 \(.*\)\/.*/\1/')
	attack a error "$link" fe80::1 $node6 "${world[1]}" 7 7777
	[ "$(counter icmp_error)" = 9 ]
}

@test "ICMP errors about what a pod received reach other pods, the node and the world" {
	start
	probe=$BATS_TEST_DIRNAME/../lib/probe.py
	for to in "${v4[a]}" "${v6[a]}"; do
		on b "$probe" refused "$to"
		on node1 "$probe" refused "$to"
	done
	[ "$(counter icmp_error)" = 0 ]
}

@test "two pods' fragments with one id to one destination stay apart" {
	start
	for f in 0 1; do
		[ $f = 0 ] && one=${v4[a]} two=${v4[b]} || one=${v6[a]} two=${v6[b]}
		nsenter --net="/run/netns/t-world" -- "$attack" receive 2 $((5 * PINPOOL_SLOW)) \
			>"$BATS_TEST_TMPDIR/got$f" 3>&- &
		receiver=$!
		eventually grep -q ready "$BATS_TEST_TMPDIR/got$f"
		attack a pieces "$one" "${world[f]}" 77 a first
		attack b pieces "$two" "${world[f]}" 77 b first last
		attack a pieces "$one" "${world[f]}" 77 a last
		wait $receiver
		[ "$(sort "$BATS_TEST_TMPDIR/got$f")" = $'1200 a\n1200 b\nready' ]
	done
}

@test "normal traffic of an IPv4-only pod, with and without IPv6 on its link, counts no drop" {
	lab up --nodes 1
	{ pools && echo --- && config; } >"$BATS_TEST_TMPDIR/first.yaml"
	pp node1 up -f "$BATS_TEST_TMPDIR/first.yaml" --node node1 --set enable-ipv6=false >/dev/null
	pod node1 a
	lab pod node1 b
	on b sysctl -qw net.ipv6.conf.{all,default}.disable_ipv6=1
	pp node1 attach t-b --ifname eth0 >/dev/null
	on a ping -qc 1 -W "$PINPOOL_SLOW" 203.0.113.10
	on b ping -qc 1 -W "$PINPOOL_SLOW" 203.0.113.10
	# reports of groups come up to a second after the link
	some() { [ "$(counter pod_ignored)" -gt 0 ]; }
	eventually some
	sleep 2
	[ -z "$(drops)" ] || { drops; false; }
}

@test "normal traffic of a dual-stack pod, new and running, counts no drop" {
	start
	pod node1 dual
	# what a kernel says by itself, and once more after its link was down
	on dual sysctl -qw net.ipv6.conf.eth0.{accept_dad=1,ndisc_notify=1} net.ipv4.conf.eth0.arp_notify=1
	for try in 1 2; do
		on dual ip link set eth0 down
		on dual ip link set eth0 up
	done
	link=$(on dual ip -6 -o addr show dev eth0 scope link | sed 's/.*inet6 \(.*\)\/.*/\1/' | head -n 1)
	ignored=$(counter pod_ignored)
	attack dual link "$link" ff02::16 mld
	attack dual link :: ff02::16 mld
	attack dual link :: ff02::fb mld1
	attack dual link "$link" ff02::2 rs
	attack dual link :: ff02::2 rs
	attack dual link :: ff02::1:ff00:7 dad fe80::7
	attack dual link "${v4[dual]}" 224.0.0.22 igmp
	attack dual link 0.0.0.0 224.0.0.22 igmp
	[ "$(counter pod_ignored)" -ge $((ignored + 8)) ]
	[ -z "$(drops)" ] || { drops; false; }
}

@test "the same messages with another pod's source are spoofed" {
	start
	attack a link "${v6[b]}" ff02::16 mld
	attack a link $node6 ff02::16 mld
	attack a link "${v4[b]}" 224.0.0.22 igmp
	[ "$(counter spoofed)" = 3 ]
	attack a link :: ff02::1:ff00:7 dad "${v6[b]}"
	[ "$(counter dad)" = 1 ]
}
