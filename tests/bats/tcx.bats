#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Pods begin with a clsact filter; gc moves them to tcx, where the kernel has it, and nothing is lost.

# shellcheck disable=SC2154 # root: of helper.bash
load ../lib/helper

setup() {
	pings=()
	node_up
	pod a
	pod b
	dev=$(pod_get a hostInterface)
}

teardown() {
	kill "${pings[@]}" 2>/dev/null || true
	node_down
}

# POD…: each has our filter on its host interface, and nothing else
filtered() {
	local name
	for name; do
		[ "$(tc filter show dev "$(pod_get "$name" hostInterface)" ingress | grep -c ' pp_pod_entry:\[\|pinpool direct-action')" = 1 ]
	done
}
# POD…: no filter, where the kernel has tcx; else the filter
moved() {
	local name
	pinpool version | grep -q 'tcx  *yes' || { filtered "$@"; return; }
	for name; do
		[ -z "$(tc filter show dev "$(pod_get "$name" hostInterface)" ingress)" ]
	done
}
# What pods have sent, as counted by the program
counted() {
	pinpool metrics | awk '/^pinpool_packets_total[{]verdict="pod_/ && !/pod_ignored/ { n += $2 } END { print n + 0 }'
}
# 10 requests and 10 answers pass the program, each once
passes_once() {
	local before
	before=$(counted)
	in_pod b ping -qnc 10 -i 0.01 -W $((2 * PINPOOL_SLOW)) 10.10.0.1 >/dev/null
	[ $(($(counted) - before)) = 20 ]
	fails 0 pinpool check
}
# Our filter beside the tcx program, as a gc leaves it that is killed between its steps
killed_between() {
	tc filter add dev "$dev" ingress protocol all pref 112 handle 112 bpf direct-action \
		object-pinned "$root/prog/pp_pod_entry"
}
program() {
	bpftool -j prog show pinned "$root/prog/pp_pod_entry" | jq .id
}
# ID: it is attached nowhere (any more)
freed() {
	for _ in $(seq $((50 * PINPOOL_SLOW))); do
		bpftool prog show id "$1" >/dev/null 2>&1 || return 0
		sleep 0.1
	done
	return 1
}

@test "gc moves pods from the filter to tcx; a packet passes one program" {
	filtered a b
	passes_once
	[ "$(pinpool gc --tcx-after 0)" = "0 freed" ]
	moved a b
	passes_once
	[ "$(pinpool gc --tcx-after 0)" = "0 freed" ]
	passes_once
}

@test "young pods stay; up replaces the program either way" {
	pinpool gc
	filtered a b
	pinpool gc --tcx-after 0
	moved a b
	first=$(program)
	pod c
	succeeds pinpool up
	moved a b
	filtered c
	freed "$first"
	passes_once
	for bad in 1h -1 '' 4294967296; do
		run pinpool gc --tcx-after "$bad"
		[ "$status" = 2 ]
		grep -q -- "--tcx-after \"$bad\": not a number of seconds" <<<"$output"
	done
}

@test "nothing is lost meanwhile, to pods and from the host" {
	for i in {1..8}; do
		pod "p$i" >/dev/null
		in_pod "p$i" ping -qnc 400 -i 0.005 -W $((2 * PINPOOL_SLOW)) 10.10.0.1 >"$BATS_TEST_TMPDIR/ping-$i" 3>&- &
		pings+=("$!")
		ping -qnc 400 -i 0.005 -W $((2 * PINPOOL_SLOW)) "$(pod_get "p$i" 'ips[0].address')" >"$BATS_TEST_TMPDIR/host-$i" 3>&- &
		pings+=("$!")
	done
	pinpool gc --tcx-after 0
	moved p{1..8} a
	pinpool up
	wait "${pings[@]}"
	[ "$(cat "$BATS_TEST_TMPDIR"/{ping,host}-* | grep -c '400 received, 0% packet loss')" = 16 ]
}

@test "killed between the steps: check finds nothing, and neither does the next gc" {
	pinpool gc --tcx-after 0
	moved a
	filtered a || killed_between
	filtered a
	passes_once
	succeeds pinpool up --node k8s-w1
	passes_once
	pinpool gc --tcx-after 0
	moved a b
	passes_once
}

@test "killed anywhere" {
	for i in {1..6}; do pod "p$i" >/dev/null; done
	for i in {1..12}; do
		timeout -s KILL "0.0$((i % 4))5" pinpool gc --tcx-after 0 || true
		passes_once
	done
	pinpool gc --tcx-after 0
	moved a b p{1..6}
	passes_once
}

@test "filters of others still run" {
	tc filter add dev "$dev" ingress protocol all pref 1 bpf direct-action object-pinned "$root/prog/pp_pod_entry"
	tc filter add dev "$(pod_get b hostInterface)" egress protocol all pref 1 bpf direct-action \
		object-pinned "$root/prog/pp_pod_entry"
	pinpool gc --tcx-after 0
	tc filter show dev "$dev" ingress | grep -q 'pref 1 '
	tc filter show dev "$dev" ingress | grep -q 'pref 112 '
	moved b
	tc filter show dev "$(pod_get b hostInterface)" egress | grep -q 'pref 1 '
	tc filter del dev "$dev" ingress pref 1
	pinpool gc --tcx-after 0
	moved a
	passes_once
}

@test "lost with the pins: up adopts the attached ones" {
	pinpool gc --tcx-after 0
	before=$(program)
	rm -rf /sys/fs/bpf/pinpool
	bpftool prog show id "$before" >/dev/null
	pinpool --state "$BATS_TEST_TMPDIR/node.yaml" up -f "$BATS_TEST_TMPDIR/seed.yaml" --node k8s-w1
	freed "$before"
	moved a b
	passes_once
}

@test "detach and down leave none" {
	pod c
	pinpool gc --tcx-after 0
	killed_between || true
	id=$(program)
	pinpool detach c
	pinpool down --all
	freed "$id"
	[ -z "$(tc filter show dev "$dev" ingress)" ]
	ip link show "$dev"
}

@test "a pod whose program was detached gets it again from gc" {
	dev=$(pod_get a hostInterface)
	tc qdisc del dev "$dev" clsact
	run pinpool check
	[[ $status = 1 && $output == *"program"* ]]
	[ "$(pinpool gc --tcx-after 99999)" = "0 freed" ]
	filtered a
	passes_once
}
