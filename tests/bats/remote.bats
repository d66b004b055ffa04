#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Other nodes' blocks as rows (pp_remote): work that does not grow with the cluster, and the rows repaired.
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

# FROM TO: CiliumNodes with four blocks each
nodes() {
	seq "$1" "$2" | awk '{ printf "apiVersion: cilium.io/v2\nkind: CiliumNode\nmetadata: {name: other%d}\nspec:\n" \
		"  addresses: [{type: InternalIP, ip: 172.20.%d.%d}, {type: CiliumInternalIP, ip: 10.%d.%d.1}]\n" \
		"  ipam: {pools: {allocated: [{pool: default, cidrs: [10.%d.%d.0/26, 10.%d.%d.64/26, 10.%d.%d.128/26, 10.%d.%d.192/26]}]}}\n---\n",
		$1, $1 / 256, $1 % 256, a = 16 + $1 / 256, b = $1 % 256, a, b, a, b, a, b, a, b }'
}

# COMMAND…: how many bpf() calls it makes
bpf_calls() {
	strace -qq -f -c -e trace=bpf -o "$BATS_TEST_TMPDIR/calls" pinpool "$@" >/dev/null
	awk '$NF == "bpf" { print $4 }' "$BATS_TEST_TMPDIR/calls"
}

# BLOCKS held of two addresses with one free: the calls of an alloc, which takes another block, of the
# release, which gives it back, and of applying one CiliumNode
calls() {
	local alloc release apply
	alloc=$(bpf_calls alloc --owner counted)
	[ "$(blocks default | wc -l)" -gt "$1" ]
	release=$(bpf_calls release --owner counted)
	[ "$(blocks default | wc -l)" = "$1" ]
	nodes 2000 2000 >"$BATS_TEST_TMPDIR/one.yaml"
	apply=$(bpf_calls apply -f "$BATS_TEST_TMPDIR/one.yaml")
	pinpool delete node other2000 >/dev/null
	echo "$alloc $release $apply"
}

@test "a new block, a block given back and a CiliumNode need as many bpf() calls with 1,000 other nodes as with none" {
	config ipam-multi-pool-pre-allocation=default=1 | apply
	pool default "$(v4 10.0.0.0/8 30)" | apply
	allocs 1 1
	held=$(blocks default | wc -l)
	read -r -a before < <(calls "$held")
	nodes 1 1000 | apply >/dev/null
	read -r -a after < <(calls "$held")
	echo "alloc, release, apply: ${before[*]} with none, ${after[*]} with 1,000"
	for i in 0 1 2; do [ $((after[i] - before[i])) -le 8 ]; done
	[ "${before[0]}" -gt 10 ]
	releases 1 1
}

@test "a CiliumNode that comes, changes and goes: its rows alone change, and all that is derived is right" {
	pool default "$(v4 10.0.0.0/8 26)" | apply
	nodes 1 40 | apply >/dev/null
	nodes 7 7 | sed 's/10.16.7.64/10.99.7.64/; s/172.20.0.7/172.21.0.7/' | apply | grep configured
	pinpool check
	[ "$(cidr_kind 10.99.7.64/26)" = CIDR_REMOTE ]
	[ "$(cidr_kind 10.16.7.64/26)" = none ]
	[ "$(cidr_kind 10.16.8.64/26)" = CIDR_REMOTE ]
	pinpool delete node other7
	pinpool check
	[ "$(cidr_kind 10.99.7.64/26)" = none ]
	nodes 7 7 | apply
	pinpool check
	[ "$(cidr_kind 10.16.7.64/26)" = CIDR_REMOTE ]
	# one of another node's is refused, whoever has it
	nodes 50 50 | sed 's/10.16.50.64/10.16.9.64/' >"$BATS_TEST_TMPDIR/clash.yaml"
	refused pinpool apply -f "$BATS_TEST_TMPDIR/clash.yaml"
	[[ $output == *other50*other9* || $output == *other9*other50* ]]
}

# PREFIX: what pp_cidrs has for exactly it
cidr_kind() {
	/usr/bin/python3 - "$1" <<-END
	import sys
	sys.path.append("$BATS_TEST_DIRNAME/../model")
	from maps import Maps
	import ipaddress
	want = ipaddress.ip_network(sys.argv[1])
	for key, value in Maps("${root%/v2}").items("pp_cidrs"):
	    ip = ipaddress.ip_address(bytes(key["addr"]["byte"])) if isinstance(key["addr"], dict) else ipaddress.ip_address(key["addr"])
	    ip = getattr(ip, "ipv4_mapped", None) or ip
	    if ip == want.network_address and key["length"] - 96 == want.prefixlen:
	        print(value["kind"])
	        break
	else:
	    print("none")
	END
}

# the row N of pp_remote gets the bytes of row M
copy_row() {
	# shellcheck disable=SC2046 # bytes
	bpftool map update pinned $root/pp_remote key "$1" 0 0 0 value hex \
		$(bpftool -j map lookup pinned $root/pp_remote key "$2" 0 0 0 | jq -r '.value | map(ltrimstr("0x")) | join(" ")')
}

@test "check finds rows of pp_remote that are wrong or missing, and --fix mends them" {
	pool default "$(v4 10.0.0.0/8 26)" | apply
	nodes 1 3 | apply >/dev/null
	pinpool check
	copy_row 2 1
	run pinpool check
	[ "$status" = 1 ]
	grep -q 'pp_remote: missing row 10.16.1.64/26 of CiliumNode "other1"' <<<"$output"
	grep -q 'pp_remote: unexpected row 10.16.1.0/26 of CiliumNode "other1"' <<<"$output"
	pinpool check --fix
	pinpool check
	# its pin lost: read from the objects, and pinned again by whoever has the lock
	rm $root/pp_remote
	pinpool check
	[ ! -e $root/pp_remote ]
	pinpool gc
	[ -e $root/pp_remote ]
	pinpool check
	# damaged beyond reading
	bpftool map update pinned $root/pp_remote key 0 0 0 0 value hex $(printf 'ff %.0s' {1..56})
	pinpool check
	pinpool gc
	[ "$(bpftool -j map lookup pinned $root/pp_remote key 0 0 0 0 | jq -r '.value[0]')" = 0x01 ]
	pinpool check
}

@test "a block of another node is never chosen, whatever way its CiliumNode came" {
	config ipam-multi-pool-pre-allocation=default=1 | apply
	pool default "$(v4 10.16.0.0/22 26)" | apply
	# 10.16.0.0/26, the first, is this node's; 10.16.1.0 to 10.16.2.255 are theirs
	nodes 1 2 | apply >/dev/null
	allocs 1 350
	pinpool get blocks -o json | jq -r '.items[].cidr' | grep -v '^10\.16\.[03]\.' && return 1
	run pinpool alloc --owner more
	releases 1 350
}
