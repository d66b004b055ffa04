#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Uplinks that come, go and change: no packet leaves with a pod's address by any device, and what was
# lost on the host comes back by itself. In every test a capture at all switches sees no such packet.

bats_require_minimum_version 1.5.0

# shellcheck disable=SC2154 # v4, v6: of lab.bash
load ../lib/lab

world=(203.0.113.10 2001:db8:113::10)
pods_only='src net 10.10.0.0/16 or src net fd00:100::/32'

teardown() {
	leaked=$(captured leak)
	lab down
	if [ -n "$leaked" ]; then
		echo "pods' addresses outside the node: $leaked"
		return 1
	fi
}

# [UP-OPTION…]: a node with the pod a; both switches are watched
start() {
	lab up --nodes 1 --routers 2 --ipv6
	watch_leaks
	bring_up "$@"
	pod node1 a
}
watch_leaks() {
	capture net leak any "not arp and ($pods_only)"
}
bring_up() {
	pools >"$BATS_TEST_TMPDIR/pools.yaml"
	pp node1 up -f "$BATS_TEST_TMPDIR/pools.yaml" --node node1 --set enable-ipv6=true "$@"
}

# NAME SWITCH NUMBER: a second interface of node1 with addresses of that network
plug() {
	ip link add "$1" netns t-node1 type veth peer name "$1" netns t-net
	on net ip link set "$1" master "$2" up
	on node1 ip link set "$1" up
	on node1 ip addr add "192.168.$3.101/24" dev "$1"
	on node1 ip addr add "fd00:$3::101/64" dev "$1" nodad
}
# DEVICE NUMBER: the default routes are by it
defaults() {
	on node1 ip route replace default via "192.168.$2.1" dev "$1"
	on node1 ip -6 route replace default via "fd00:$2::1" dev "$1"
}
# The uplink is deleted and made again under its name, as ifupdown, bonds and VLANs do
replug() {
	on node1 ip link del eth0
	ip link add eth0 netns t-node1 type veth peer name node1 netns t-net
	on net ip link set node1 master lan1 up
	on node1 ip link set eth0 up
	on node1 ip addr add 192.168.10.101/24 dev eth0
	on node1 ip addr add fd00:10::101/64 dev eth0 nodad
	defaults eth0 10
}
# What a pod tries when there is no way out: TCP, UDP, ping, long packets and fragments, both families
knock() {
	local to
	for to in "${@:-${world[@]}}"; do
		on a ping -qnc 1 -W 0.2 "$to" >/dev/null || true
		on a ping -qnc 1 -W 0.2 -s 3000 "$to" >/dev/null || true
		on a timeout 0.2 bash -c "exec 3<>/dev/tcp/$to/80" 2>/dev/null || true
		on a bash -c "echo x >/dev/udp/$to/53" 2>/dev/null || true
	done
}
# REASON: how many packets were dropped for it
drops() {
	pp node1 metrics | sed -n "s/^pinpool_drops_total{.*reason=\"$1\".*} //p"
}
shut() {
	knock "$@"
	[ "$(drops no_uplink)" -gt 0 ]
}

@test "an uplink deleted and recreated: nothing leaks, gc attaches it" {
	start
	eventually reach a "${world[@]}"
	replug
	shut
	run ! pp node1 status
	[[ $output == *"eth0 is gone"*"eth0 has a default route and is not attached"*"run 'pinpool gc'"* ]]
	run ! pp node1 check
	[[ $output == *"uplinks: eth0 is gone"* ]]
	run -0 pp node1 gc
	[[ $output == *repaired* ]]
	eventually reach a "${world[@]}"
	pp node1 status
	pp node1 check
	run -0 pp node1 gc
	[ "$output" = "0 freed" ] # nothing is left to do
}

@test "check --fix attaches it too, and so do two concurrent gc" {
	start
	replug
	pp node1 check --fix
	pp node1 check
	eventually reach a "${world[@]}"
	replug
	for n in 1 2 3 4; do pp node1 gc >"$BATS_TEST_TMPDIR/gc$n" 2>&1 3>&- & gc[n]=$!; done
	for n in 1 2 3 4; do wait "${gc[n]}" || { cat "$BATS_TEST_TMPDIR/gc$n"; false; }; done
	eventually reach a "${world[@]}"
	pp node1 status
}

@test "up without a route: fails only for systemd, pods work locally, gc attaches later" {
	lab up --nodes 1 --routers 2 --ipv6
	watch_leaks
	on node1 ip route del default
	on node1 ip -6 route del default
	run ! bring_up --require-uplink
	[[ $output == *"node node1 is up"* && $output == *"no uplink: there is no default route"* ]]
	run -0 bring_up
	[[ $output == *"no uplink"* ]]
	pod node1 a
	pod node1 b
	reach a "${v4[b]}" "${v6[b]}" 192.168.10.101
	defaults eth0 10
	shut
	run ! pp node1 status
	[[ $output == *"eth0 has a default route and is not attached"* ]]
	pp node1 gc
	eventually reach a "${world[@]}"
	pp node1 status
	bring_up --require-uplink
}

@test "the default route moves to a new interface" {
	start
	plug eth1 lan2 20
	defaults eth1 20
	shut
	run ! pp node1 status
	[[ $output == *"eth1 has a default route and is not attached"* ]]
	pp node1 gc
	eventually reach a "${world[@]}"
	pp node1 status
	# a route that is away for a moment, as while a lease is renewed, takes no uplink with it
	on node1 ip route del default
	pp node1 gc
	defaults eth1 20
	eventually reach a "${world[@]}"
}

@test "an uplink is renamed" {
	start
	on node1 ip link set eth0 down
	on node1 ip link set eth0 name lan0
	on node1 ip link set lan0 up
	on node1 ip addr replace fd00:10::101/64 dev lan0 nodad
	defaults lan0 10
	knock
	pp node1 gc
	eventually reach a "${world[@]}"
	pp node1 status
}

@test "down: nothing leaks, and neither gc nor apply attach again" {
	start
	pod node1 b
	eventually reach a "${world[@]}"
	pp node1 down
	shut
	reach a "${v4[b]}" "${v6[b]}"
	reach node1 "${v4[a]}" "${v6[a]}"
	run ! pp node1 status
	[[ $output == *"detached by 'pinpool down'; run 'pinpool up'"* ]]
	pp node1 gc
	pp node1 apply -f "$BATS_TEST_TMPDIR/pools.yaml"
	run ! reach a "${world[0]}"
	bring_up
	eventually reach a "${world[@]}"
	pp node1 status
}

@test "a route by a device that is not an uplink: dropped, and status names it; native packets leave" {
	start
	plug vpn lan2 20
	on node1 ip route add 203.0.113.0/24 via 192.168.20.1
	on node1 ip -6 route add 2001:db8:113::/64 via fd00:20::1
	shut
	run -0 pp node1 status
	[[ $output == *"203.0.113.0/24 by vpn is dropped (no_uplink)"* ]]
	# OpenVPN's halves of the default route take everything
	on node1 ip route add 0.0.0.0/1 via 192.168.20.1
	on node1 ip route add 128.0.0.0/1 via 192.168.20.1
	knock 192.0.2.1
	run ! pp node1 status
	[[ $output == *"vpn has the route 0.0.0.0/1 and is not an uplink"* ]]
	bring_up --set devices=eth0,vpn
	eventually reach a "${world[@]}"
	pp node1 status
}

@test "a device without Ethernet is never an uplink" {
	start
	on node1 ip tuntap add tun0 mode tun
	on node1 ip link set tun0 up
	on node1 ip route replace default dev tun0
	pp node1 gc
	run ! pp node1 status
	[[ $output == *"tun0 has the route 0.0.0.0/0 and cannot be one (no Ethernet)"* ]]
	shut
	run ! pp node1 up --set devices=tun0
	[[ $output == *"tun0 is not an Ethernet interface"* ]]
}

@test "fragments: packets forwarded by the stack do not leak either" {
	start
	plug eth1 lan2 20
	on node1 ip route add 203.0.113.0/24 via 192.168.20.1
	on a ping -qnc 2 -i 0.1 -W 0.2 -s 4000 203.0.113.10 || true
	[ "$(drops no_uplink)" -gt 1 ]
}

@test "the program of a listed uplink detached, and its link" {
	start
	rm "/sys/fs/bpf/t-node1/v2/link/eth0_out" 2>/dev/null || on node1 tc qdisc del dev eth0 clsact
	run ! pp node1 status
	[[ $output == *"eth0 has no program at egress"* ]]
	pp node1 gc
	eventually reach a "${world[@]}"
	pp node1 status
}

# What a command that is refused must not change
state() {
	pp node1 config view
	pp node1 get pools -o json
	find /sys/fs/bpf/t-node1 | sort
	bpftool map dump pinned /sys/fs/bpf/t-node1/v2/pp_uplinks
	bpftool map dump pinned /sys/fs/bpf/t-node1/v2/pp_config
}

@test "an interface missing from devices is refused before anything is changed" {
	start
	eventually reach a "${world[@]}"
	before=$(state)
	for command in "up --set devices=nope7" "up --set devices=eth0,nope7"; do
		# shellcheck disable=SC2086
		run ! pp node1 $command
		[[ $output == *"devices: there is no interface nope7; correct the option or create the interface" ]]
	done
	config 'devices: nope7' >"$BATS_TEST_TMPDIR/devices.yaml"
	run ! pp node1 apply -f "$BATS_TEST_TMPDIR/devices.yaml"
	[[ $output == *"there is no interface nope7"* ]]
	[ "$before" = "$(state)" ]
	eventually reach a "${world[@]}"
	pp node1 status
	pp node1 check
}

@test "one of devices goes and comes: the others stay attached, the rest is repaired" {
	lab up --nodes 1 --routers 2 --ipv6
	watch_leaks
	plug eth1 lan2 20
	bring_up --set devices=eth0,eth1
	pod node1 a
	on node1 ip link del eth1
	on node1 sysctl -qw net.ipv4.ip_forward=0
	run ! pp node1 gc
	[[ $output == *"devices: there is no interface eth1"* ]]
	[ "$(on node1 sysctl -n net.ipv4.ip_forward)" = 1 ]
	eventually reach a "${world[@]}"
	run ! pp node1 status
	[[ $output == *"there is no interface eth1"* ]]
	run ! pp node1 up --require-uplink
	eventually reach a "${world[@]}"
	plug eth1 lan2 20
	pp node1 gc
	pp node1 status
}

@test "the node's address moves: pods' routes stay, and flows get the new one within a gc" {
	start
	serve world
	on node1 sysctl -qw net.ipv4.conf.eth0.promote_secondaries=1
	on node1 ip addr add 192.168.10.201/24 dev eth0
	on node1 ip addr del 192.168.10.101/24 dev eth0
	on node1 ip addr add fd00:10::201/64 dev eth0 nodad
	on node1 ip addr del fd00:10::101/64 dev eth0
	defaults eth0 10
	reach node1 "${v4[a]}" "${v6[a]}"
	# from the node's address, both families
	on node1 ip route get "${v4[a]}" | grep -q "dev pp.* src 192.168.10.201"
	on node1 ip -6 route get "${v6[a]}" | grep -q "dev pp.* src fd00:10::201"
	pp node1 gc
	pp node1 check
	pp node1 status
	[ "$(seen_as a "${world[0]}") $(seen_as a "${world[1]}")" = "192.168.10.201 fd00:10::201" ]
	reach node1 "${v4[a]}" "${v6[a]}"
}

@test "a missing route of a pod, and one with a source address: one advice everywhere, gc repairs both" {
	start
	pod node1 b
	on node1 ip route del "${v4[a]}"
	on node1 ip route replace "${v4[b]}" dev "$(pp node1 get pods -o json |
		jq -r '.items[] | select(.owner == "t-b") | .hostInterface')" src 192.168.10.101 proto 112
	for command in status check; do
		run ! pp node1 $command
		[[ $output == *"run 'pinpool gc'"* ]]
		[[ $output != *"remove the pod"* ]]
	done
	pp node1 gc
	reach node1 "${v4[a]}" "${v4[b]}"
	[ -z "$(on node1 ip -o route show "${v4[b]}" src 192.168.10.101)" ]
	pp node1 status
	pp node1 check
}

@test "routes of protocol 112 and sysctls removed by another tool: check counts them, gc restores them" {
	start
	on node1 ip route flush proto 112
	on node1 ip -6 route flush proto 112
	on node1 sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
	run ! pp node1 check
	[[ $output == *'sysctl net.ipv4.ip_forward: is "0", must be "1"'* ]]
	[[ $output == *'sysctl net.ipv6.conf.all.forwarding: is "0", must be "1"'* ]]
	[[ $output == *"route 10.10.0.0/27 is missing"* ]]
	pp node1 gc
	pp node1 check
	eventually reach a "${world[@]}"
	reach node1 "${v4[a]}" "${v6[a]}"
}

@test "gc removes no route of pods that come and go" {
	start
	(while [ ! -e "$BATS_TEST_TMPDIR/stop" ]; do pp node1 gc; done) >"$BATS_TEST_TMPDIR/gc" 2>&1 3>&- &
	loop=$!
	for round in 1 2 3 4 5 6; do
		pod node1 "c$round"
		reach node1 "${v4[c$round]}" "${v6[c$round]}" || { cat "$BATS_TEST_TMPDIR/gc"; on node1 ip route; pp node1 get pods; false; }
		unpod node1 "c$round"
	done
	touch "$BATS_TEST_TMPDIR/stop"
	wait "$loop"
	run ! grep -v freed "$BATS_TEST_TMPDIR/gc"
	pp node1 check
}
