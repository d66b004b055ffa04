#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# A node that a pinpool of ABI 1 brought up, taken over by `pinpool up`: under traffic, and killed anywhere.

# shellcheck disable=SC2154 # v4, v6, mars: of lab.bash
bats_require_minimum_version 1.5.0
load ../lib/lab

abi1=7a01df9                       # a commit whose maps are ABI 1
OLD=$repo/build/abi1/pinpool # and its program

setup_file() {
	[ ! -x "$OLD" ] || return 0
	git -C "$repo" -c safe.directory='*' cat-file -e "$abi1^{commit}" 2>/dev/null || return 0
	rm -rf "$repo/build/abi1"
	mkdir -p "$repo/build/abi1/source"
	git -C "$repo" -c safe.directory='*' archive "$abi1" | tar -xC "$repo/build/abi1/source"
	make -sC "$repo/build/abi1/source" VERSION=abi1 build/pinpool >&2
	mv "$repo/build/abi1/source/build/pinpool" "$OLD"
	rm -rf "$repo/build/abi1/source"
}

setup() {
	[ -x "$OLD" ] || skip "commit $abi1 is not in this history: no program of ABI 1"
	dir=$BATS_TEST_TMPDIR/manifests
	mkdir "$dir"
}

teardown() {
	[ ! -x "$OLD" ] || lab down
}

# CMD…: with the old program
old() {
	PINPOOL=$OLD "$@"
}

# The kinds that no test of another name needs
other_kinds() {
	cat <<-END
	apiVersion: cilium.io/v2
	kind: CiliumNodeConfig
	metadata: {name: rack, namespace: kube-system, labels: {note: "$(printf 'x%.0s' {1..60})"}}
	spec:
	  nodeSelector: {matchLabels: {kubernetes.io/hostname: nowhere}}
	  defaults: {ipam-default-ip-pool: mars}
	---
	apiVersion: v1
	kind: Namespace
	metadata: {name: red, annotations: {ipam.cilium.io/ip-pool: mars, note: "$(printf 'y%.0s' {1..4000})"}}
	---
	apiVersion: v1
	kind: Node
	metadata: {name: node1, labels: {kubernetes.io/hostname: node1}}
	---
	apiVersion: v1
	kind: ConfigMap
	metadata: {name: ip-masq-agent, namespace: kube-system}
	data: {config: "nonMasqueradeCIDRs: [198.51.100.0/24]"}
	END
}

# NODE: what a pinpool says of it, without what a version may add; blocks' ages are seconds
said() {
	local kind
	for kind in pools blocks nodes configmaps nodeconfigs namespaces; do
		pp "$1" get "$kind" -o json
	done | jq -S '.items[] | del(.. | .creationTimestamp?, .age?, .status?, .excluded?, .capacity?)'
	pp "$1" get pods -o json | jq -S '.items | sort_by(.owner)[] | del(.age)'
}
# NODE: as it was when FILE.NODE was written
same_as_before() {
	said "$1" >"$BATS_TEST_TMPDIR/now"
	diff -u "$BATS_TEST_TMPDIR/before.$1" "$BATS_TEST_TMPDIR/now"
}
remember() {
	local program
	old said "$1" >"$BATS_TEST_TMPDIR/before.$1"
	for program in "/sys/fs/bpf/t-$1"/v1/prog/*; do
		bpftool -j prog show pinned "$program" | jq .id
	done >"$BATS_TEST_TMPDIR/programs.$1"
}
# ID…: none of these programs is in the kernel any more
gone() {
	local id
	for id; do ! bpftool prog show id "$id" >/dev/null 2>&1 || return 1; done
}
# NODE: nothing of ABI 1 is left, and both audits are content
taken_over() {
	[ "$(ls "/sys/fs/bpf/t-$1")" = v2 ]
	# shellcheck disable=SC2046 # a list
	eventually gone $(cat "$BATS_TEST_TMPDIR/programs.$1")
	pp "$1" check
	pp "$1" status
}

# POD ADDRESS…: asks them again and again, each time by a new connection; not all are answered
knock() {
	# shellcheck disable=SC2016
	nsenter --net="/run/netns/t-$1" -- bash -c 'while :; do
		for a; do curl -gsS --max-time 1 "http://$a:7001/"; ping -nc 1 -W 1 "${a//[][]/}"; done
	done' bash "${@:2}" >/dev/null 2>&1 3>&- &
	job[$1-knock]=$!
}

@test "two static nodes are upgraded one after the other while all pods talk" {
	lab up --nodes 2 --ipv6
	pools >"$dir/pools.yaml"
	config 'node-cidr-allocator: static' 'auto-direct-node-routes: true' >"$dir/config.yaml"
	for n in 1 2; do cilium_node $n "rack: r$n" >"$dir/node$n.yaml"; done
	for n in 1 2; do
		old pp "node$n" up -f "$dir" --node "node$n" >/dev/null
		old pod "node$n" "a$n"
		old pod "node$n" "b$n" "${mars[@]}"
		remember "node$n"
	done
	on router ip route add 10.10.1.0/27 via 192.168.10.101
	serve a1 b1 b2 world
	capture world leak eth0 'src net 10.0.0.0/8 or src net fd00:100::/64 or src net fd00:200::/64'
	traffic a1 "${v4[b1]}" "${v6[b1]}" "${v4[b2]}" "${v6[b2]}"
	traffic a2 "${v4[b2]}" "${v6[b2]}" "${v4[a1]}" "${v6[a1]}"
	traffic node1 "${v4[b1]}" "${v6[b1]}" "${v4[b2]}"
	# from outside to a pod's own address, whose answers would otherwise be masqueraded
	traffic router --long "${v4[a1]}"
	knock b1 203.0.113.10 '[2001:db8:113::10]'
	knock b2 203.0.113.10 '[2001:db8:113::10]'
	for n in 1 2; do
		run ! pp "node$n" get pods
		[[ $output == *"holds state of ABI 1 and this pinpool has ABI 2; run 'pinpool up', which upgrades it" ]]
		pp "node$n" up -f "$dir" --node "node$n"
		taken_over "node$n"
		sleep 0.5
	done
	quiet a1 a2 node1 router
	kill "${job[b1-knock]}" "${job[b2-knock]}"
	[ -z "$(captured leak)" ]
	for n in 1 2; do same_as_before "node$n"; done
	for p in a1 b1 a2 b2; do reach "$p" "${v4[@]}" "${v6[@]}"; done
	[ "$(seen_as b1 203.0.113.10)" = 192.168.10.101 ]
	[ "$(seen_as b2 2001:db8:113::10)" = fd00:10::102 ]
	# what is new and what goes finds everything in its place
	pod node1 c1
	reach c1 "${v4[b1]}" "${v4[b2]}"
	for p in a1 b1 c1; do unpod node1 $p; done
	pp node1 check
	pp node1 down --all
	[ ! -e /sys/fs/bpf/t-node1 ]
}

# A node of the local allocator with everything that may be there
local_node() {
	lab up --nodes 1 --ipv6
	pools >"$dir/pools.yaml"
	config 'ipam-multi-pool-pre-allocation: default=40' >"$dir/config.yaml"
	other_kinds >"$dir/others.yaml"
	cilium_node 2 "rack: r2" >"$dir/node2.yaml"
	old pp node1 up -f "$dir" --node node1 --set devices=eth0 >/dev/null
	old pod node1 a
	old pod node1 b "${mars[@]}"
	old pp node1 alloc --owner held >/dev/null
	old pp node1 alloc --owner drains --pool mars >/dev/null
	sed -i 's/10.20.0.0/10.21.0.0/' "$dir/pools.yaml"
	old pp node1 apply -f "$dir" >/dev/null
	old pp node1 get blocks -o json | jq -e '[.items[].state] | contains(["draining"])' >/dev/null
	remember node1
}

@test "a node of the local allocator keeps objects, options, blocks, cursors and held addresses" {
	local_node
	before=$(old pp node1 config view)
	pp node1 up -f "$dir"
	taken_over node1
	same_as_before node1
	# an option that the old one did not know may come
	run ! grep '^<' <(diff <(echo "$before") <(pp node1 config view))
	reach a "${v4[b]}" "${v6[b]}" 203.0.113.10
	pp node1 release --owner held
	pp node1 release --owner drains
	unpod node1 b
	run ! grep 10.20.0 <(pp node1 get blocks)
	pp node1 check
}

@test "a node that never came up, or whose maps cannot be read, is left to who made it" {
	lab up --nodes 2
	{ pools && echo --- && config; } >"$dir/all.yaml"
	old pp node1 up -f "$dir" --node node1 >/dev/null
	old pod node1 a
	remember node1
	# another namespace, and options that are refused: nothing has happened
	ip netns add t-elsewhere
	run ! "$repo/build/pinpool" --root /sys/fs/bpf/t-node1 --netns t-elsewhere --state /run/x.yaml up -f "$dir"
	[[ $output == *"brought up in another network namespace"* ]]
	rm /sys/fs/bpf/t-node1/v1/pp_blocks
	run ! pp node1 up -f "$dir"
	[[ $output == *"v1/pp_blocks: cannot be read as ABI 1: "*"; it is left as it is, use the pinpool that made it" ]]
	[ "$(ls /sys/fs/bpf/t-node1)" = v1 ]
	old pp node1 up -f "$dir"
	old pp node1 check
	reach node1 "${v4[a]}"
	remember node1
	pp node1 up -f "$dir" --node node1
	taken_over node1
	# nothing in it: as if it were not there
	mkdir -p /sys/fs/bpf/t-node2/v1/link
	pp node2 up -f "$dir" --node node2
	[ "$(ls /sys/fs/bpf/t-node2)" = v2 ]
}

# SYSTEM-CALL NUMBER: `up` killed at that one; fails if it came to its end before
killed() {
	! strace -f -qq -o /dev/null -e "trace=$1" -e "inject=$1:signal=KILL:when=$2" \
		"$repo/build/pinpool" --root /sys/fs/bpf/t-node1 --netns t-node1 --state /run/pinpool-t/node1.yaml up -f "$dir" \
		>/dev/null 2>&1
}

@test "killed anywhere the next up finishes, and nothing is lost" {
	local at tried=0
	local_node
	serve a
	traffic b "${v4[a]}" "${v6[a]}"
	# while it copies and loads, attaches and detaches, and removes the old pins
	for at in 'bpf 100' 'bpf 300' 'bpf 500' 'bpf 700' 'bpf 800' 'bpf 860' 'sendto 12' 'sendto 15' 'sendto 18' \
		'unlink 24' 'unlink 40' 'rmdir 1' 'rmdir 2'; do
		# shellcheck disable=SC2086
		! killed $at || tried=$((tried + 1))
		[ -d /sys/fs/bpf/t-node1/v1 ] || break
		# neither the old nor the new one touches it meanwhile
		run ! pp node1 get pods
		run ! old pp node1 get pods
		reach a "${v4[b]}"
	done
	[ $tried -ge 8 ]
	pp node1 up -f "$dir"
	quiet b
	taken_over node1
	same_as_before node1
	reach a "${v4[b]}" 203.0.113.10
}
