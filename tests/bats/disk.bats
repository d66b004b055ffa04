#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# A block list that cannot be written: full, read-only or missing disk. What is recorded goes on.
load ../lib/ipam

disk=/run/disk
pinpool() { command pinpool --state "$disk/list.yaml" "$@"; }

setup() {
	mkdir -p "$disk"
	mount -t tmpfs -o size=16k tmpfs "$disk"
	pinpool up --node n1 >/dev/null 2>&1
	pool default "$(v4 10.10.0.0/24 28)" | pinpool apply -f - # 14 addresses a block; 8 kept ready
	equal "10.10.0.0/28 active 0" "$(blocks default)"
}

teardown() {
	local netns
	for netns in $(ip netns list | cut -d' ' -f1); do ip netns del "$netns"; done
	while mountpoint -q "$disk"; do umount "$disk"; done
	[ ! -d "$root" ] || pinpool down --all >/dev/null
}

fill() {
	! head -c 100000 /dev/zero >"$disk/filler" 2>/dev/null
}
read_only() {
	mount -o remount,ro "$disk"
}
read_write() {
	mount -o remount,rw "$disk"
}

# REASON: an ADD by the plugin fails with code 106, and STATUS says that one would
plugin_says() {
	local conf='{"cniVersion":"1.1.0","name":"pods","type":"pinpool-cni"}'
	[ -e /run/netns/c ] || ip netns add c
	run env CNI_COMMAND=ADD CNI_CONTAINERID=c CNI_NETNS=/run/netns/c CNI_IFNAME=eth0 CNI_PATH=/x pinpool-cni <<<"$conf"
	[ "$(jq .code <<<"$output")" = 106 ]
	has "$1"
	run env CNI_COMMAND=STATUS CNI_PATH=/x pinpool-cni <<<"$conf"
	[ "$(jq .code <<<"$output")" = 50 ]
	has "$1"
}

# REASON: recorded blocks are used up, then each error names the disk; nothing leaks
recorded_blocks_only() {
	local i
	allocs 1 14
	for i in 1 2; do
		run pinpool alloc --owner more
		[ "$status" = 1 ]
		has "cannot be recorded: $disk/list.yaml: cannot write the block list: $1"
		has_not exhausted
	done
	plugin_says "$1"
	equal "10.10.0.0/28 active 14" "$(blocks default)"
	equal 14 "$(pinpool get pods -o json | jq '.items | length')"
	! ip -br link | grep '^pp' || return 1
	[ -z "$(ip route show 10.10.0.16/28)" ]
	fails 1 pinpool status
	has "list       not OK  $disk/list.yaml: cannot write the block list: $1"
	fails 1 pinpool check
	has "1 violation"
	equal 1 "$(grep -c 10.10.0 "$disk/list.yaml")"
	equal list.yaml "$(ls -A "$disk" | grep -v filler)"
}

# it can be written again: gc makes room, and all is well
well_again() {
	pinpool gc
	equal $'10.10.0.0/28 active 14\n10.10.0.16/28 active 0' "$(blocks default)"
	equal 10.10.0.17 "$(pinpool alloc --owner more)"
	pinpool status
	pinpool check
	equal 2 "$(grep -c 10.10.0 "$disk/list.yaml")"
}

@test "full disk: recorded blocks are used, a new one is a disk error" {
	fill
	recorded_blocks_only "No space left on device"
	rm "$disk/filler"
	well_again
}

@test "read-only file system: the same" {
	read_only
	recorded_blocks_only "Read-only file system"
	read_write
	well_again
}

@test "the directory is gone, and its parent too: the same; the plugin's retry succeeds once it exists" {
	umount "$disk"
	rmdir "$disk"
	touch "$disk" # a file in its place
	allocs 1 14
	run pinpool alloc --owner more
	[ "$status" = 1 ]
	has "cannot write the block list: Not a directory"
	plugin_says "Not a directory"
	fails 1 pinpool status
	has "list       not OK"
	rm "$disk"
	equal 10.10.0.17 "$(pinpool alloc --owner more)" # the directory is made
	pinpool status
	pinpool check
}

@test "blocks released without a writable disk are reported, and recorded later" {
	allocs 1 15
	equal 2 "$(blocks default | wc -l)"
	pool default '{ipv4: {cidrs: [10.10.0.0/28, 10.11.0.0/24], maskSize: 28}}' | pinpool apply -f -
	read_only
	releases 15 15
	equal "10.10.0.0/28 active 14" "$(blocks default | head -n 1)"
	pinpool release --owner o1
	read_write
	pool default "$(v4 10.10.0.0/24 28)" | pinpool apply -f -
	pinpool status
	pinpool check
	# a list that somebody changed is not ours
	sed -i 's/10.10.0.0/10.10.0.64/' "$disk/list.yaml"
	fails 1 pinpool status
	has "list       not OK  $disk/list.yaml does not list the blocks that this node holds; run 'pinpool gc'"
	fails 1 pinpool check
	has "does not list the blocks that this node holds"
	read_only
	fails 1 pinpool gc
	has "cannot write the block list: Read-only file system"
	read_write
	pinpool gc
	pinpool status
	pinpool check
}

@test "a reboot with a read-only disk: the recorded blocks are used" {
	allocs 1 15
	equal 2 "$(blocks default | wc -l)"
	pool default "$(v4 10.10.0.0/24 28)" >"$BATS_TEST_TMPDIR/pool.yaml"
	read_only
	rm -rf "${root%/v2}"
	ip route flush proto 112
	succeeds pinpool up --node n1 -f "$BATS_TEST_TMPDIR/pool.yaml"
	equal $'10.10.0.0/28 active 0\n10.10.0.16/28 active 0' "$(blocks default)"
	allocs 1 28
	run pinpool alloc --owner more
	[ "$status" = 1 ]
	has "cannot write the block list: Read-only file system"
	# and an apply on such a node says so, and does what it can
	pool mars "$(v4 10.20.0.0/24 28)" >"$BATS_TEST_TMPDIR/mars.yaml"
	succeeds pinpool apply -f "$BATS_TEST_TMPDIR/mars.yaml"
	has "ciliumpodippool/mars created"
	has "cannot write the block list: Read-only file system"
}
