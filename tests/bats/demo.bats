#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The demo is the tutorial, end to end: what it prints, how it fails, and that it leaves nothing.
bats_require_minimum_version 1.5.0

setup_file() {
	cd "$BATS_TEST_DIRNAME/../.."
	export log=$BATS_FILE_TMPDIR/log
	export before=$BATS_FILE_TMPDIR/before
	traces >"$before"
	scripts/demo >"$log" 2>&1 || { cat "$log"; return 1; }
}

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
}

# what a lab could leave on a host
traces() {
	ip -o link show | cut -d : -f 2
	ls /run/netns /sys/fs/bpf /run
}

# the lines that command $1 printed, at its nth ($2) turn
printed() {
	awk -v command="$1" -v turn="${2-1}" '
		/^k8s-[a-z0-9]+\$ / { on = index($0, "$ " command) && ++seen == turn; next }
		/^# / { on = 0 }
		on' "$log"
}

@test "config view shows multi-pool" {
	printed 'pinpool config view' | grep -qxE 'ipam +multi-pool'
}

@test "the seed's options are all pinpool's own" {
	run ! grep -q ignored < <(printed 'pinpool up')
}

@test "the configuration creates the default pool" {
	printed 'pinpool get ciliumpodippool default' >"$BATS_TEST_TMPDIR/pool.yaml"
	run -0 python3 -c '
import sys, yaml
pool = yaml.safe_load(open(sys.argv[1]))
assert pool["kind"] == "CiliumPodIPPool" and pool["metadata"]["name"] == "default"
assert pool["spec"] == {"ipv4": {"cidrs": ["10.10.0.0/16"], "maskSize": 27}}, pool' "$BATS_TEST_TMPDIR/pool.yaml"
}

@test "each pod has an address of its pool" {
	printed 'pinpool get pods -o wide' | grep -qE 'nginx-default +10\.10\.0\.[0-9]+ +default '
	printed 'pinpool get pods -o wide' | grep -qE 'nginx-mars +10\.20\.0\.[0-9]+ +mars '
}

@test "pods of two pools reach each other, on one node and across nodes" {
	[ "$(printed 'ip netns exec nginx-default curl')" = 200 ]
	[ "$(printed 'ip netns exec client curl')" = 200 ]
}

@test "the node's requested and allocated addresses are those of the tutorial" {
	[ "$(printed 'pinpool describe ciliumnode' | head -n 16)" = "  Ipam:
    Pools:
      Allocated:
        Cidrs:
          10.10.0.0/27
        Pool:  default
        Cidrs:
          10.20.0.0/27
        Pool:  mars
      Requested:
        Needed:
          ipv4-addrs:  16
        Pool:          default
        Needed:
          ipv4-addrs:  1
        Pool:          mars" ]
}

@test "a namespace's annotation chooses the pool" {
	[ "$(printed 'pinpool get pods |' | grep -cE '^cilium-test .* 10\.20\.0\.[0-9]+ +mars ')" = 2 ]
}

@test "the connectivity test passes" {
	printed 'pinpool connectivity test' | grep -qE '^[0-9]+ ok, 0 failed'
}

@test "the bitmap has a bit for each pod" {
	printed 'bpftool map dump' | grep -q '"word": \[14,'
}

@test "a pool's range is replaced under traffic without loss" {
	printed 'pinpool diff' | grep -q '^block 10.10.0.0/27 of pool default would start draining'
	printed 'pinpool get blocks' | grep -qE '10\.10\.0\.0/27 .*draining'
	[ "$(awk '/ asked, / && $4 > 20 && $4 == $6' "$log" | wc -l)" = 6 ]
}

@test "an old block is removed with its last pod" {
	printed 'pinpool detach nginx-default' | grep -q '10\.30\.0\.'
	run ! grep -q '10\.10\.0\.' <(printed 'pinpool detach')
}

@test "it takes less than a minute and leaves nothing" {
	seconds=$(sed -n 's/^# Done in \([0-9]*\) s.*/\1/p' "$log")
	[ "$seconds" -lt $((60 * PINPOOL_SLOW)) ]
	run -0 diff "$before" <(traces)
}

@test "killed in the middle it leaves nothing either" {
	scripts/demo >/dev/null 2>&1 &
	demo=$!
	sleep 1.5
	init=$(pgrep -P $demo)
	inside=$(readlink "/proc/$init/ns/net")
	kill -KILL $demo
	wait $demo || true
	for _ in $(seq $((50 * PINPOOL_SLOW))); do
		readlink /proc/[0-9]*/ns/net 2>/dev/null | grep -qxF "$inside" || break
		sleep 0.1
	done
	run ! grep -xF "$inside" <(readlink /proc/[0-9]*/ns/net 2>/dev/null)
	run -0 diff "$before" <(traces)
}

@test "an unexpected result is reported with a status" {
	mkdir "$BATS_TEST_TMPDIR/build"
	printf '#!/bin/sh\necho broken\n' >"$BATS_TEST_TMPDIR/build/pinpool"
	chmod +x "$BATS_TEST_TMPDIR/build/pinpool"
	cp -r scripts "$BATS_TEST_TMPDIR/"
	run -1 "$BATS_TEST_TMPDIR/scripts/demo"
	[[ ${lines[-1]} = "demo: no line of that matches"* ]]
}
