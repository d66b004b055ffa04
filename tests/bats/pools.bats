# SPDX-License-Identifier: GPL-2.0-only
# Pools changed while in use: a test for each rule of pinpool-ipam(7), CHANGING POOLS, and each refusal.
load ../lib/ipam

setup_file() {
	bare_node
}

teardown() {
	audited_clean
}

teardown_file() {
	node_down
}

@test "a new pool and a new CIDR are usable at once; waiting pods succeed on retry" {
	run pinpool alloc --owner a --pool mars
	[ "$status" = 1 ]
	has 'unable to allocate from pool "mars" (family ipv4): pool not (yet) available'
	equal "1 0" "$(needed mars)"
	pool mars "$(v4 10.20.0.0/30 30)" | apply
	equal "10.20.0.0/30 active 0" "$(blocks mars)"
	equal 10.20.0.1 "$(pinpool alloc --owner a --pool mars)"
	pinpool alloc --owner b --pool mars
	run pinpool alloc --owner c --pool mars
	[ "$status" = 1 ]
	has 'all CIDR ranges are exhausted'
	pool mars '{ipv4: {cidrs: [10.20.0.0/30, 10.21.0.0/30], maskSize: 30}}' | apply
	equal 10.21.0.1 "$(pinpool alloc --owner c --pool mars)"
}

@test "a CIDR without blocks in use is removed" {
	pool mars '{ipv4: {cidrs: [10.20.0.0/24, 10.21.0.0/24], maskSize: 28}}' | apply
	pinpool alloc --owner a --pool mars
	pinpool release --owner a
	pool mars "$(v4 10.21.0.0/24 28)" | apply
	equal "" "$(blocks mars)"
	equal 10.21.0.1 "$(pinpool alloc --owner a --pool mars)"
}

@test "a CIDR with blocks in use drains: addresses stay, no new one, each block goes with its last pod" {
	pool mars "$(v4 10.20.0.0/24 29)" | apply
	allocs 1 8 --pool mars
	pool mars "$(v4 10.21.0.0/24 29)" | apply
	equal $'10.20.0.0/29 draining 6\n10.20.0.8/29 draining 2' "$(blocks mars)"
	equal 10.20.0.1 "$(pinpool alloc --owner o1 --pool mars)"
	equal 10.21.0.1 "$(pinpool alloc --owner new --pool mars)"
	refused pinpool alloc --owner x --pool mars --ip 10.20.0.14
	has "is draining and allocates no addresses"
	pool venus "$(v4 10.20.0.0/16 27)" >"$BATS_TEST_TMPDIR/venus"
	refused pinpool apply -f "$BATS_TEST_TMPDIR/venus"
	has 'pool "venus": CIDR 10.20.0.0/16 overlaps block 10.20.0.'
	has 'of pool "mars", which is draining'
	releases 7 8
	equal $'10.20.0.0/29 draining 6\n10.21.0.0/29 active 1' "$(blocks mars)"
	releases 1 6
	equal "10.21.0.0/29 active 1" "$(blocks mars)"
	pinpool apply -f "$BATS_TEST_TMPDIR/venus"
}

@test "the CIDR is restored: draining blocks are active again" {
	pool mars "$(v4 10.20.0.0/24 29)" | apply
	allocs 1 2 --pool mars
	pool mars "$(v4 10.21.0.0/24 29)" | apply
	equal "10.20.0.0/29 draining 2" "$(blocks mars)"
	pool mars "$(v4 10.20.0.0/24 29)" | apply
	equal "10.20.0.0/29 active 2" "$(blocks mars)"
	equal 10.20.0.3 "$(pinpool alloc --owner o3 --pool mars)"
}

@test "maskSize: allocated blocks stay, new ones have the new size" {
	pool mars "$(v4 10.20.0.0/24 29)" | apply
	allocs 1 6 --pool mars
	pool mars "$(v4 10.20.0.0/24 28)" | apply
	equal "10.20.0.0/29 active 6" "$(blocks mars)"
	equal 10.20.0.17 "$(pinpool alloc --owner o7 --pool mars)"
	equal $'10.20.0.0/29 active 6\n10.20.0.16/28 active 1' "$(blocks mars)"
	pool mars "$(v4 10.20.0.0/24 30)" | apply
	allocs 8 21 --pool mars
	equal $'10.20.0.0/29 active 6\n10.20.0.16/28 active 14\n10.20.0.32/30 active 1' "$(blocks mars)"
	releases 1 21
}

@test "a new family is usable at once; a removed one drains" {
	config enable-ipv6=true | apply
	pool mars "$(v4 10.20.0.0/24 29)" | apply
	pinpool alloc --owner a --pool mars
	pool mars '{ipv4: {cidrs: [10.20.0.0/24], maskSize: 29}, ipv6: {cidrs: ["fd00::/112"], maskSize: 120}}' | apply
	equal $'10.20.0.2\nfd00::1' "$(pinpool alloc --owner b --pool mars)"
	pool mars '{ipv6: {cidrs: ["fd00::/112"], maskSize: 120}}' | apply
	equal $'10.20.0.0/29 draining 2\nfd00::/120 active 1' "$(blocks mars)"
	run --separate-stderr pinpool alloc --owner c --pool mars
	equal fd00::2 "$output"
	[[ $stderr == *'pool "mars" has no IPv4 CIDRs: no IPv4 address'* ]]
	pinpool release --owner a
	pinpool release --owner b
	equal "fd00::/120 active 1" "$(blocks mars)"
}

@test "allowFirstIP and allowLastIP apply to new blocks" {
	pool mars "$(v4 10.20.0.0/24 30)" | apply
	allocs 1 2 --pool mars
	pool mars '{ipv4: {cidrs: [10.20.0.0/24], maskSize: 30}, allowFirstIP: true, allowLastIP: true}' | apply
	pinpool release --owner o1
	equal 10.20.0.1 "$(pinpool alloc --owner o1 --pool mars)"
	for a in 4 5 6 7; do equal "10.20.0.$a" "$(pinpool alloc --owner "b$a" --pool mars)"; done
	pool mars "$(v4 10.20.0.0/24 30)" | apply
	pinpool release --owner b4
	equal 10.20.0.4 "$(pinpool alloc --owner again --pool mars)"
	equal 10.20.0.9 "$(pinpool alloc --owner c --pool mars)"
}

@test "a pool deleted in use terminates: no new demand, removed with its last block" {
	pool mars "$(v4 10.20.0.0/24 29)" | apply
	allocs 1 2 --pool mars
	equal "ciliumpodippool/mars terminating" "$(pinpool delete pool mars)"
	equal terminating "$(pinpool get pool mars -o json | jq -r .status.state)"
	equal "10.20.0.0/29 draining 2" "$(blocks mars)"
	fails 1 pinpool alloc --owner x --pool mars
	has 'unable to allocate from pool "mars" (family ipv4): pool not (yet) available'
	equal "ciliumpodippool/mars terminating" "$(pinpool delete pool mars)"
	pinpool release --owner o1
	equal "10.20.0.0/29 draining 1" "$(blocks mars)"
	pinpool release --owner o2
	fails 1 pinpool get pool mars
	equal "" "$(blocks mars)"
}

@test "a terminating pool created again: its blocks are active" {
	pool mars "$(v4 10.20.0.0/24 29)" | apply
	allocs 1 2 --pool mars
	pinpool delete pool mars
	pool mars "$(v4 10.20.0.0/24 29)" | apply
	equal "10.20.0.0/29 active 2" "$(blocks mars)"
	equal 10.20.0.3 "$(pinpool alloc --owner o3 --pool mars)"
}

@test "an unused pool is deleted at once" {
	pool mars "$(v4 10.20.0.0/24 29)" | apply
	pinpool delete ciliumpodippool mars
	fails 1 pinpool get pool mars
	refused pinpool delete pool mars
}

@test "the default pool replaced: two commands in all" {
	pool old "$(v4 10.20.0.0/24 29)" | apply
	config ipam-default-ip-pool=old | apply
	pinpool alloc --owner a
	{ pool new "$(v4 10.21.0.0/24 29)"; config ipam-default-ip-pool=new; } | apply
	pinpool delete pool old
	equal 10.21.0.1 "$(pinpool alloc --owner b)"
	equal "10.20.0.0/29 draining 1" "$(blocks old)"
	pinpool release --owner a
	fails 1 pinpool get pool old
}

@test "pools swap their CIDRs in one apply unless they are in use" {
	{ pool a "$(v4 10.20.0.0/24 29)"; pool b "$(v4 10.21.0.0/24 29)"; } | apply
	{ pool a "$(v4 10.21.0.0/24 29)"; pool b "$(v4 10.20.0.0/24 29)"; } >"$BATS_TEST_TMPDIR/swap"
	pinpool alloc --owner o1 --pool a
	refused pinpool apply -f "$BATS_TEST_TMPDIR/swap"
	has 'pool "b": CIDR 10.20.0.0/24 overlaps block 10.20.0.0/29 of pool "a", which is draining'
	pinpool release --owner o1
	pinpool apply -f "$BATS_TEST_TMPDIR/swap"
	equal 10.21.0.1 "$(pinpool alloc --owner o1 --pool a)"
	equal 10.20.0.1 "$(pinpool alloc --owner o2 --pool b)"
}

@test "reserved ranges: no new block there, an allocated one stays" {
	pool mars "$(v4 10.20.0.0/26 28)" | apply
	pinpool alloc --owner o0 --pool mars
	pool mars '{ipv4: {cidrs: [10.20.0.0/26], maskSize: 28, pool: [{cidr: 10.20.0.0/26, reservedRanges: [
		{start: 10.20.0.3, end: 10.20.0.3}, {start: 10.20.0.31, end: 10.20.0.32}]}]}}' | apply
	equal "10.20.0.0/28 active 1" "$(blocks mars)"
	allocs 1 14 --pool mars
	equal $'10.20.0.0/28 active 14\n10.20.0.48/28 active 1' "$(blocks mars)"
}

@test "refused, naming both sides, and nothing changes" {
	local dir=$BATS_TEST_TMPDIR
	pool mars "$(v4 10.20.0.0/16 27)" | apply
	pinpool alloc --owner a --pool mars
	pool venus "$(v4 10.20.4.0/24 27)" >"$dir/f"
	refused pinpool apply -f "$dir/f"
	has 'pool "venus": CIDR 10.20.4.0/24 overlaps CIDR 10.20.0.0/16 of pool "mars"'
	pool venus '{ipv4: {cidrs: [10.30.0.0/24, 10.30.0.128/25], maskSize: 27}}' >"$dir/f"
	refused pinpool apply -f "$dir/f"
	has "10.30.0.0/24 and 10.30.0.128/25 overlap"
	pool venus "$(v4 10.30.0.0/24 23)" >"$dir/f"
	refused pinpool apply -f "$dir/f"
	has "23 is shorter than the prefix of 10.30.0.0/24"
	pool venus '{ipv6: {cidrs: ["fd00::/96"], maskSize: 113}}' >"$dir/f"
	refused pinpool apply -f "$dir/f"
	has "113 is more than 16 bits longer than fd00::/96"
	pool venus "$(v4 '"fd00::/96"' 27)" >"$dir/f"
	refused pinpool apply -f "$dir/f"
	has "fd00::/96 is not an IPv4 CIDR"
	pool venus '{ipv4: {cidrs: [10.30.0.0/24], maskSize: 27, pool: [{cidr: 10.30.0.0/24, reservedRanges: [{start: 10.30.1.0, end: 10.30.1.1}]}]}}' >"$dir/f"
	refused pinpool apply -f "$dir/f"
	has "10.30.1.0-10.30.1.1 is outside of its CIDR 10.30.0.0/24"
	pool venus '{ipv4: {cidrs: [10.30.0.0/24], maskSize: 27, pool: [{cidr: 10.30.0.0/24, reservedRanges: [{start: 10.30.0.9, end: 10.30.0.1}]}]}}' >"$dir/f"
	refused pinpool apply -f "$dir/f"
	has "10.30.0.9-10.30.0.1 starts after its end"
}

@test "host bits are masked off with a warning" {
	run --separate-stderr pinpool apply -f <(pool mars "$(v4 10.20.0.77/24 29)")
	[ "$status" = 0 ]
	[[ $stderr == *"10.20.0.77/24"*"10.20.0.0/24"* ]]
	equal 10.20.0.0/24 "$(pinpool get pool mars -o json | jq -r '.spec.ipv4.cidrs[0]')"
}

@test "a file is applied completely or not at all" {
	{ pool a "$(v4 10.20.0.0/24 29)"; pool b "$(v4 10.20.0.0/24 29)"; pool c "$(v4 10.22.0.0/24 29)"; } >"$BATS_TEST_TMPDIR/f"
	refused pinpool apply -f "$BATS_TEST_TMPDIR/f"
	equal 0 "$(pinpool get pools -o json | jq '.items | length')"
}

@test "diff reports blocks to drain and their pods; nothing changes" {
	pool mars "$(v4 10.20.0.0/24 29)" | apply
	pod web --annotation ipam.cilium.io/ip-pool=mars
	pinpool alloc --owner a --pool mars
	pool mars "$(v4 10.20.0.0/24 29)" | pinpool diff -f -
	before=$(snapshot)
	run pinpool diff -f <(pool mars "$(v4 10.21.0.0/24 29)")
	[ "$status" = 1 ]
	has "ciliumpodippool/mars would be configured"
	has "block 10.20.0.0/29 of pool mars would start draining"
	has "pod default/web 10.20.0.1 stays"
	has "owner a 10.20.0.2 stays"
	run pinpool diff -f <(pool venus "$(v4 10.20.0.0/24 29)")
	[ "$status" = 2 ]
	equal "$before" "$(snapshot)"
}

@test "apply --prune deletes objects that the directory lacks" {
	mkdir "$BATS_TEST_TMPDIR/d"
	pool a "$(v4 10.20.0.0/24 29)" >"$BATS_TEST_TMPDIR/d/a.yaml"
	{ pool a "$(v4 10.20.0.0/24 29)"; pool b "$(v4 10.21.0.0/24 29)"; pool c "$(v4 10.22.0.0/24 29)"; } | apply
	pinpool alloc --owner o --pool b
	run pinpool apply --prune -f "$BATS_TEST_TMPDIR/d"
	[ "$status" = 0 ]
	has "ciliumpodippool/a unchanged"
	has "ciliumpodippool/b terminating"
	has "ciliumpodippool/c deleted"
	equal terminating "$(pinpool get pool b -o json | jq -r .status.state)"
	fails 1 pinpool get pool c
}
