#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# ADD on a node whose objects come from an API server: it waits for its block and for what the agent knows
# of namespaces and pods. build/tests/agent plays the agent.
load ../lib/cni

agent() { "$BUILD/tests/agent" /sys/fs/bpf/pinpool "$@"; }

# POOL=BLOCK...: the node's own CiliumNode with these
own_node() {
	printf 'apiVersion: cilium.io/v2\nkind: CiliumNode\nmetadata: {name: n1}\nspec:\n'
	printf '  addresses: [{type: InternalIP, ip: 192.168.10.1}]\n  ipam: {pools: {allocated: ['
	local b
	for b; do printf '{pool: %s, cidrs: [%s]},' "${b%=*}" "${b#*=}"; done
	printf ']}}\n'
}
# NAME [ANNOTATION]
namespace() {
	printf 'apiVersion: v1\nkind: Namespace\nmetadata: {name: %s, annotations: {%s}}\n' "$1" "${2-}"
}
# FILE-TEXT on standard input, applied as from the API server
applied() {
	cat >"$BATS_TEST_TMPDIR/applied.yaml"
	agent apply "$BATS_TEST_TMPDIR/applied.yaml"
}

setup() {
	rm -f /run/node.yaml
	node_wires
	{ cni_pools; echo ---; own_node default=10.10.0.0/24; echo ---; namespace demo; } >/run/objects.yaml
	PINPOOL_STATE=/run/node.yaml agent up n1 /run/objects.yaml
}
teardown() {
	[ -z "${operator-}" ] || kill -- "-$operator" 2>/dev/null || true
	node_down
}

# CONTAINER POD [JQ-FILTER [ARGS]]: an ADD of pod demo/POD as containerd calls it, annotations and no labels
try() {
	local filter='.runtimeConfig["io.kubernetes.cri.pod-annotations"] = {"kubernetes.io/config.source": "api"}'
	[ -e "/run/netns/$1" ] || ip netns add "$1"
	conf "$filter | ${3-.}" | CNI_ARGS="K8S_POD_NAMESPACE=${namespace-demo};K8S_POD_NAME=$2;${4-}" cni ADD "$1" "/run/netns/$1"
}
annotated() { echo ".runtimeConfig[\"io.kubernetes.cri.pod-annotations\"] = {\"ipam.cilium.io/ip-pool\": \"$1\"}"; }

# In the background: gives the node a block of mars for the first demand, after SECONDS
operator() {
	set -m
	(
		own_node default=10.10.0.0/24 mars=10.20.0.32/27 >"$BATS_TEST_TMPDIR/more.yaml"
		agent demand | while read -r who family; do
			echo "$who $family" >>"$BATS_TEST_TMPDIR/demand"
			sleep "$1"
			[ -e "$BATS_TEST_TMPDIR/given" ] || agent apply "$BATS_TEST_TMPDIR/more.yaml"
			touch "$BATS_TEST_TMPDIR/given"
		done
	) >/dev/null 2>&1 3>&- &
	operator=$!
	set +m
	sleep 0.5
}
pendings() { bpftool -j map dump pinned /sys/fs/bpf/pinpool/v2/pp_pending | jq 'length'; }
ms() { echo $(($(date +%s%N) / 1000000)); }

# MIN MAX COMMAND...: it takes so many milliseconds
takes() {
	local min=$1 max=$2 began took
	shift 2
	began=$(ms)
	"$@"
	took=$(($(ms) - began))
	echo "# took $took ms"
	[ $took -ge "$min" ] && [ $took -le $((max * ${PINPOOL_SLOW:-1})) ]
}

@test "ADD waits for the block that its demand brings" {
	operator 0.3
	took() { result=$(try c1 web "$(annotated mars)"); }
	takes 300 4900 took
	[ "$(address "$result")" = 10.20.0.33 ]
	# one record of the attempt, and no demand is left
	[ "$(cat "$BATS_TEST_TMPDIR/demand")" = "demo/web ipv4" ]
	[ "$(pendings)" = 0 ]
}

@test "ADD waits for a pool that is not there yet" {
	pool_yaml() { printf 'apiVersion: cilium.io/v2\nkind: CiliumPodIPPool\nmetadata: {name: later}\nspec: {ipv4: {cidrs: [10.50.0.0/16], maskSize: 27}}\n'; }
	(sleep 0.5; { pool_yaml; echo ---; own_node default=10.10.0.0/24 later=10.50.0.0/27; } | applied) 3>&- &
	result=$(try c1 web "$(annotated later)")
	[ "$(address "$result")" = 10.50.0.1 ]
	wait
}

@test "without a block the error is that of today, after the wait, and the demand outlives it" {
	takes 1000 4900 fails_with 100 'pool "mars" .*not \(yet\) available; CiliumNode "n1" lists no block of it' \
		try c1 web "$(annotated mars) | .wait = 1"
	takes 0 4000 fails_with 100 . try c1 web "$(annotated mars) | .wait = 0"
	conf | cni DEL c1 ""
	conf | cni DEL c1 ""
	[ "$(pendings)" = 1 ]
	# the retry, in another sandbox, is the same demand
	fails_with 100 . try c2 web "$(annotated mars) | .wait = 0"
	[ "$(pendings)" = 1 ]
	# the pod's deletion ends it
	agent gone demo other
	[ "$(pendings)" = 1 ]
	agent gone demo web
	[ "$(pendings)" = 0 ]
	fails_with 100 . try c1 web "$(annotated nowhere) | .wait = 0"
	fails_with 7 wait try c1 web '.wait = 61'
	fails_with 7 wait try c1 web '.wait = "5"'
}

@test "an address that another pod gives back ends the wait" {
	own_node default=10.10.0.0/24 tiny=10.30.0.0/30 | applied
	try c1 a "$(annotated tiny)" && try c2 b "$(annotated tiny)"
	fails_with 101 'all CIDR ranges are exhausted' try c3 c "$(annotated tiny) | .wait = 0"
	(sleep 0.3; conf | cni DEL c1 "") 3>&- &
	takes 300 4900 try c3 c "$(annotated tiny)"
	wait
}

@test "an unknown namespace is never answered by the default pool" {
	namespace=red
	takes 1000 4900 fails_with 11 'pod red/web: its namespace is not known on node n1 yet; try again later' try c1 web '.wait = 1'
	[ "$(pinpool get pods -o json | jq '.items | length')" = 0 ]
	own_node default=10.10.0.0/24 mars=10.20.0.32/27 | applied
	(sleep 0.4; namespace red 'ipam.cilium.io/ip-pool: mars' | applied) 3>&- &
	result=$(try c1 web)
	[ "$(address "$result")" = 10.20.0.33 ]
	wait
	# the pod's own annotation beats every namespace's
	namespace=blue
	result=$(try c2 web "$(annotated mars)")
	[ "$(address "$result")" = 10.20.0.34 ]
	# containers that are no pods have none
	ip netns add c3
	result=$(conf | cni ADD c3 /run/netns/c3)
	[ "$(address "$result")" = 10.10.0.1 ]
}

# pool green for pods with the label colour=green
green() {
	printf 'apiVersion: cilium.io/v2alpha1\nkind: CiliumPodIPPool\nmetadata: {name: green}\n'
	printf 'spec: {ipv4: {cidrs: [10.60.0.0/24], maskSize: 27}, podSelector: {matchLabels: {%s}}}\n' "$1"
}

@test "unknown labels are waited for where a selector looks at them" {
	agent pod demo web '{"metadata": {"uid": "u1"}}'
	# no selector, or one that looks at names alone: the pod is not needed
	try c1 a
	pinpool get pools -o json >/dev/null
	{ green 'io.kubernetes.pod.name: nobody' | sed 's/green/names/; s/10.60/10.61/'; } | applied
	try c2 b
	{ green 'colour: green'; echo ---; own_node default=10.10.0.0/24 green=10.60.0.0/27; } | applied
	takes 1000 4900 fails_with 11 'pod demo/c: its labels and annotations are not known' try c3 c '.wait = 1'
	(sleep 0.4; agent pod demo c '{"metadata": {"uid": "u3", "labels": {"colour": "green"}}}') 3>&- &
	result=$(try c3 c . K8S_POD_UID=u3)
	[ "$(address "$result")" = 10.60.0.1 ]
	wait
	# an annotation decides without labels
	own_node default=10.10.0.0/24 mars=10.20.0.32/27 | applied
	try c4 d "$(annotated mars)"
	# known not to match
	agent pod demo e '{"metadata": {"uid": "u5", "labels": {"colour": "red"}}}'
	result=$(try c5 e . K8S_POD_UID=u5)
	[[ $(address "$result") == 10.10.0.* ]]
}

@test "what is stored of an earlier pod of the same name does not count" {
	{ green 'colour: green'; echo ---; own_node default=10.10.0.0/24 green=10.60.0.0/27; } | applied
	agent pod demo web '{"metadata": {"uid": "old", "labels": {"colour": "green"}}}'
	fails_with 11 'labels' try c1 web '.wait = 0' K8S_POD_UID=new
	(sleep 0.3; agent pod demo web '{"metadata": {"uid": "new", "labels": {"colour": "red"}}}') 3>&- &
	result=$(try c1 web . K8S_POD_UID=new)
	[[ $(address "$result") == 10.10.0.* ]]
	wait
	# a static pod's copy at the API server has another UID, and names the pod's
	agent pod demo static '{"metadata": {"uid": "copy", "labels": {"colour": "green"}, "annotations": {"kubernetes.io/config.mirror": "5ec1"}}}'
	result=$(try c2 static . K8S_POD_UID=5ec1)
	[[ $(address "$result") == 10.60.0.* ]]
}

@test "annotations that the runtime does not pass come from the agent" {
	own_node default=10.10.0.0/24 mars=10.20.0.32/27 | applied
	fails_with 11 annotations try c1 web 'del(.runtimeConfig) | .wait = 0'
	agent pod demo web '{"metadata": {"uid": "u1", "annotations": {"ipam.cilium.io/ip-pool": "mars", "pinpool.io/ipv4-address": "10.20.0.40"}}}'
	result=$(try c1 web 'del(.runtimeConfig)')
	[ "$(address "$result")" = 10.20.0.40 ]
	# where it passes some, those are all
	result=$(try c2 web)
	[[ $(address "$result") == 10.10.0.* ]]
}

@test "a pod that waits holds no lock, and many get their addresses from one block" {
	operator 0.2
	for i in $(seq 20); do
		try "c$i" "web$i" "$(annotated mars)" >"$BATS_TEST_TMPDIR/result$i" 3>&- &
		pods+=($!)
	done
	for pid in "${pods[@]}"; do wait "$pid"; done
	[ "$(cat "$BATS_TEST_TMPDIR"/result* | jq -r '.ips[0].address' | sort -u | wc -l)" = 20 ]
	[ "$(pendings)" = 0 ]
	# each attempt one record at most: the first ones, and those that found the block not there yet
	[ "$(sort "$BATS_TEST_TMPDIR/demand" | uniq -c | awk '$1 > 2' | wc -l)" = 0 ]
}

@test "a pod waits through a restart of the node, and not for one that is gone" {
	try c1 web "$(annotated mars)" >"$BATS_TEST_TMPDIR/result" 3>&- &
	sleep 0.3
	pinpool up
	own_node default=10.10.0.0/24 mars=10.20.0.32/27 | applied
	wait $!
	[ "$(address "$(cat "$BATS_TEST_TMPDIR/result")")" = 10.20.0.33 ]
	conf | cni DEL c1 ""
	try c2 web "$(annotated nowhere) | .wait = 60" >"$BATS_TEST_TMPDIR/result" 3>&- &
	sleep 0.3
	pinpool down --all
	run ! wait $!
	jq -e '.code == 103' "$BATS_TEST_TMPDIR/result"
	PINPOOL_STATE=/run/node.yaml agent up n1 /run/objects.yaml
}

@test "attach asks the agent's objects, too, and does not wait" {
	ip netns add a
	run -1 pinpool attach a --pod red/a
	[[ $output == *"pod red/a: its namespace is not known on node n1 yet; try again later, "* ]]
	namespace red | applied
	[ "$(pinpool attach a --pod red/a)" = 10.10.0.1 ]
	# plain addresses, and those of a pool by name, need neither
	[ "$(pinpool alloc --owner o)" = 10.10.0.2 ]
	pinpool release --owner o
}

@test "STATUS of a managed node does not depend on blocks" {
	own_node | applied
	conf '.cniVersion = "1.1.0"' | cni STATUS "" ""
	agent prune <(own_node)
	conf '.cniVersion = "1.1.0"' | cni STATUS "" ""
}

@test "a node that is not managed answers at once" {
	pinpool down --all
	rm -f /run/node.yaml
	pinpool up --node n1 -f <(cni_pools) --set node-cidr-allocator=static
	namespace=unheard-of
	takes 0 4000 fails_with 100 'lists no block' try c1 web "$(annotated mars)"
}
