#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The XDP guard and another XDP program (xdp-filter's, which drops what comes from 192.168.10.66) on one
# device. The guard alone is in masq.bats.

# shellcheck disable=SC2154 # v4: of lab.bash
bats_require_minimum_version 1.5.0
load ../lib/lab

setup() {
	lab up --nodes 1
	{ pools && echo --- && config; } >"$BATS_TEST_TMPDIR/first.yaml"
	guard disabled
	pod node1 a
	on router ip addr add 192.168.10.66/24 dev eth0
	on router ip route add 10.0.0.0/8 via 192.168.10.101
}
teardown() {
	lab down
}

# native or disabled
guard() {
	pp node1 up -f "$BATS_TEST_TMPDIR/first.yaml" --node node1 --set "xdp-guard=$1" >/dev/null
}
shared() {
	pp node1 version | grep -q '^  XDP dispatcher  *yes' ||
		skip "no freplace in this kernel: libxdp's dispatcher cannot take a second program"
}
filter_on() {
	on node1 xdp-filter load eth0 --mode native
	on node1 xdp-filter ip 192.168.10.66 --mode src
}
# ADDRESS: of the router, from which the pod is asked
asked_from() {
	on router ping -qnc 1 -W "$PINPOOL_SLOW" -I "$1" "${v4[a]}" >/dev/null
}
filters() {
	asked_from 192.168.10.1
	run ! on router ping -qnc 1 -W 0.5 -I 192.168.10.66 "${v4[a]}"
}
filters_not() {
	asked_from 192.168.10.1
	asked_from 192.168.10.66
}
guard_passes() {
	pp node1 metrics | sed -n 's/^pinpool_packets_total{.*="guard_pass"} //p'
}
guards() {
	local before
	before=$(guard_passes)
	asked_from 192.168.10.1
	[ "$(guard_passes)" -gt "$before" ]
	pp node1 status | grep -q "^xdp .*native by libxdp's dispatcher"
}
guards_not() {
	local before
	before=$(guard_passes)
	asked_from 192.168.10.1
	[ "$(guard_passes)" = "$before" ]
}

@test "the guard shares the device with an earlier program and leaves it" {
	shared
	filter_on
	filters
	guard native
	guards
	filters
	on node1 xdp-loader status eth0
	guard disabled
	guards_not
	filters
	on node1 xdp-filter unload eth0
}

@test "another program shares the device with the guard and leaves it" {
	shared
	guard native
	filter_on
	guards
	filters
	on node1 xdp-filter unload eth0
	guards
	filters_not
	guard native # an upgrade in place
	guards
	guard disabled
	guards_not
	[ -z "$(on node1 ip link show eth0 | grep xdp)" ]
}

@test "down detaches only the guard" {
	shared
	guard native
	filter_on
	unpod node1 a
	pp node1 down --all
	run on node1 xdp-loader status eth0
	echo "$output"
	[[ $output == *xdpfilt* ]]
	[[ $output != *pp_guard* ]]
	on node1 xdp-filter unload eth0
}

@test "a program that does not share its device: up reports it, and the tc program makes the same checks" {
	on node1 ip link set dev eth0 xdpdrv object "$repo/build/chain.bpf.o" program pp_chain
	run guard native
	echo "$output"
	[ "$status" = 1 ]
	[[ $output == *"uplink eth0: another XDP program is attached that does not share"* ]]
	on node1 ip link set dev eth0 xdpdrv off
}
