# SPDX-License-Identifier: GPL-2.0-only
# Choice of pool and address of a pod: the rules of pinpool-ipam(7).
load ../lib/ipam

setup_file() {
	bare_node
}

setup() {
	{
		pool default '{ipv4: {cidrs: [10.10.0.0/16], maskSize: 27}, ipv6: {cidrs: ["fd10::/112"], maskSize: 120}}'
		pool mars '{ipv4: {cidrs: [10.20.0.0/16], maskSize: 27}, ipv6: {cidrs: ["fd20::/112"], maskSize: 120}}'
		pool venus '{ipv4: {cidrs: [10.30.0.0/16], maskSize: 27}, ipv6: {cidrs: ["fd30::/112"], maskSize: 120}}'
		pool four "$(v4 10.40.0.0/16 27)"
		pool none '{}'
	} | apply >/dev/null
}

teardown() {
	audited_clean
}

teardown_file() {
	node_down
}

six() {
	config enable-ipv6=true | apply >/dev/null
}

# NAMESPACE ANNOTATIONS-AS-JSON [LABELS-AS-JSON]
namespace() {
	printf 'apiVersion: v1\nkind: Namespace\nmetadata: {name: %s, annotations: %s, labels: %s}\n' "$1" "$2" "${3-{\}}" | apply
}

# What a pod web of namespace test gets: "10.20 fd20" for addresses of mars
web() {
	local out
	ip netns add web
	out=$(pinpool attach web --pod test/web "$@") || return 1
	ip netns del web
	pinpool detach web
	sed 's/^\(10\.[0-9]*\)\..*/\1/; s/^\(fd[0-9]*\):.*/\1/' <<<"$out" | paste -sd' '
}

@test "the default pool, and another by option" {
	equal 10.10 "$(web)"
	config ipam-default-ip-pool=mars | apply
	equal 10.20 "$(web)"
}

@test "the pod's annotations: the family's own before the generic one" {
	six
	equal "10.20 fd20" "$(web --annotation ipam.cilium.io/ip-pool=mars)"
	equal "10.30 fd20" "$(web --annotation ipam.cilium.io/ip-pool=mars --annotation ipam.cilium.io/ipv4-pool=venus)"
	equal "10.20 fd30" "$(web --annotation ipam.cilium.io/ip-pool=mars --annotation ipam.cilium.io/ipv6-pool=venus)"
	equal "10.10 fd30" "$(web --annotation ipam.cilium.io/ipv6-pool=venus)"
}

@test "the namespace's annotations; any of the pod's beats any of them" {
	six
	namespace test '{ipam.cilium.io/ip-pool: mars, ipam.cilium.io/ipv6-pool: venus}'
	equal "10.20 fd30" "$(web)"
	equal "10.10 fd10" "$(web --annotation ipam.cilium.io/ip-pool=default)"
	equal "10.10 fd30" "$(web --annotation ipam.cilium.io/ipv4-pool=default)"
}

@test "an empty annotation counts as absent" {
	namespace test '{ipam.cilium.io/ip-pool: venus}'
	equal 10.30 "$(web --annotation ipam.cilium.io/ip-pool=)"
	namespace test '{ipam.cilium.io/ip-pool: ""}'
	equal 10.10 "$(web)"
}

@test "an annotation is literal: an unknown pool has no fallback, and a retry finds it" {
	ip netns add web
	fails 1 pinpool attach web --annotation ipam.cilium.io/ip-pool=io
	has 'unable to allocate from pool "io" (family ipv4): pool not (yet) available'
	equal "1 0" "$(needed io)"
	pool io "$(v4 10.50.0.0/16 27)" | apply
	equal 10.50.0.1 "$(pinpool attach web --annotation ipam.cilium.io/ip-pool=io)"
	equal "1 0" "$(needed io)"
}

@test "annotations count only at creation" {
	ip netns add web
	equal 10.10.0.1 "$(pinpool attach web --pod test/web)"
	namespace test '{ipam.cilium.io/ip-pool: mars}'
	equal 10.10.0.1 "$(pinpool attach web --pod test/web --annotation ipam.cilium.io/ip-pool=venus)"
}

@test "selectors: one match is the pool, none the default, two are an error" {
	pool blue '{ipv4: {cidrs: [10.60.0.0/16], maskSize: 27}, podSelector: {matchLabels: {color: blue}}}' | apply
	equal 10.60 "$(web --label color=blue)"
	equal 10.10 "$(web --label color=red)"
	equal 10.20 "$(web --label color=blue --annotation ipam.cilium.io/ip-pool=mars)"
	pool dark '{ipv4: {cidrs: [10.61.0.0/16], maskSize: 27}, podSelector: {matchExpressions: [
		{key: color, operator: In, values: [blue, black]}]}}' | apply
	equal 10.61 "$(web --label color=black)"
	ip netns add web
	fails 1 pinpool attach web --pod test/web --label color=blue
	has "multiple CiliumPodIPPools match pod"
	has blue
	has dark
}

@test "selectors: the namespace's labels, both together, synthetic labels, {} for all" {
	pool ns '{ipv4: {cidrs: [10.60.0.0/16], maskSize: 27}, namespaceSelector: {matchLabels: {team: a}}}' | apply
	equal 10.10 "$(web)"
	namespace test '{}' '{team: a}'
	equal 10.60 "$(web)"
	pool ns '{ipv4: {cidrs: [10.60.0.0/16], maskSize: 27}, namespaceSelector: {matchLabels: {team: a}},
		podSelector: {matchExpressions: [{key: tier, operator: Exists}]}}' | apply
	equal 10.10 "$(web)"
	equal 10.60 "$(web --label tier=db)"
	pool ns '{ipv4: {cidrs: [10.60.0.0/16], maskSize: 27}, podSelector: {matchLabels: {
		io.kubernetes.pod.namespace: test, io.kubernetes.pod.name: web}}}' | apply
	equal 10.60 "$(web)"
	pool ns '{ipv4: {cidrs: [10.60.0.0/16], maskSize: 27}, podSelector: {}}' | apply
	equal 10.60 "$(web)"
}

@test "selectors choose among the pools of that family" {
	six
	pool blue '{ipv4: {cidrs: [10.60.0.0/16], maskSize: 27}, podSelector: {matchLabels: {color: blue}}}' | apply
	equal "10.60 fd10" "$(web --label color=blue)"
}

@test "a plain container uses the default pool despite selectors" {
	pool all '{ipv4: {cidrs: [10.60.0.0/16], maskSize: 27}, podSelector: {}}' | apply
	ip netns add web
	equal 10.10.0.1 "$(pinpool attach web)"
}

@test "require-pool-match: of the pod, of the namespace, exactly \"true\"" {
	ip netns add web
	fails 1 pinpool attach web --pod test/web --annotation ipam.cilium.io/require-pool-match=true
	has "no matching CiliumPodIPPool found for pod test/web"
	has "and require-pool-match annotation is set on pod"
	equal 10.10.0.1 "$(pinpool attach web --pod test/web --annotation ipam.cilium.io/require-pool-match=True)"
	pinpool detach web
	namespace test '{ipam.cilium.io/require-pool-match: "true"}'
	fails 1 pinpool attach web --pod test/web
	has "require-pool-match annotation is set on namespace"
	equal 10.20.0.1 "$(pinpool attach web --pod test/web --annotation ipam.cilium.io/ip-pool=mars)"
}

@test "a pool without one family: skipped with a note for the generic key, an error for the family's" {
	six
	ip netns add web
	run --separate-stderr pinpool attach web --pod test/web --annotation ipam.cilium.io/ip-pool=four
	equal 10.40.0.1 "$output"
	[[ $stderr == *'pool "four" has no IPv6 CIDRs'* ]]
	pinpool detach web
	fails 1 pinpool attach web --pod test/web --annotation ipam.cilium.io/ipv6-pool=four
	has 'pool "four" has no IPv6 CIDRs'
	equal 0 "$(pinpool get pods -o json | jq '.items | length')"
	fails 1 pinpool attach web --pod test/web --annotation ipam.cilium.io/ip-pool=none
	has 'pool "none" has no CIDRs of a family that is enabled'
}

@test "a warning about the example's typo" {
	run --separate-stderr pinpool apply -f <(printf \
		'apiVersion: v1\nkind: Namespace\nmetadata: {name: test, annotations: {ipam.cilium.io/ipam-pool: mars}}\n')
	[ "$status" = 0 ]
	[[ $stderr == *"did you mean"*"ip-pool"* ]]
	equal 10.10 "$(web)"
}

@test "requested addresses: allocated exactly or refused, by option and by annotation" {
	ip netns add web
	pinpool alloc --owner a
	equal 10.10.0.7 "$(pinpool attach web --ip 10.10.0.7)"
	refused pinpool alloc --owner b --ip 10.10.0.7
	has "provided IP is already allocated"
	refused pinpool alloc --owner b --ip 10.10.0.0
	has "provided IP is not in the valid range. The range of valid IPs is 10.10.0.0/27"
	refused pinpool alloc --owner b --ip 10.10.0.31
	has "provided IP is not in the valid range. The range of valid IPs is 10.10.0.0/27"
	refused pinpool alloc --owner b --ip 10.99.0.1
	has "IP 10.99.0.1 not in range of any CIDR"
	# a pool of which the node had no block: demand, so a block comes, but not that address
	fails 1 pinpool alloc --owner b --pool mars --ip 10.10.0.9
	has "IP 10.10.0.9 not in range of any CIDR"
	pinpool release --owner b
	pinpool detach web
	equal 10.10.0.9 "$(pinpool attach web --annotation pinpool.io/ipv4-address=10.10.0.9)"
	pinpool detach web
	refused pinpool attach web --annotation pinpool.io/ipv4-address=fd00::1
	has 'annotation pinpool.io/ipv4-address: "fd00::1" is not an IPv4 address'
	refused pinpool alloc --owner b --ip fd10::5
	has "node n1: IPv6 is not enabled"
}

@test "dual stack is all or nothing, and both families' demand is recorded at once" {
	six
	pool tiny '{ipv4: {cidrs: [10.70.0.0/24], maskSize: 30}, ipv6: {cidrs: ["fd70::/128"], maskSize: 128}}' | apply
	equal $'10.70.0.1\nfd70::' "$(pinpool alloc --owner a --pool tiny)"
	fails 1 pinpool alloc --owner b --pool tiny
	has 'unable to allocate from pool "tiny" (family ipv6): all CIDR ranges are exhausted'
	equal "10.70.0.0/30 active 1" "$(blocks tiny ipv4)"
	equal "2 2" "$(needed tiny)"
	pinpool release --owner b
	equal "1 1" "$(needed tiny)"
	equal $'10.70.0.1\nfd70::' "$(pinpool alloc --owner a --pool tiny)"
}

@test "the same owner gets the same address again, with another interface another one" {
	ip netns add web
	equal 10.10.0.1 "$(pinpool attach web --owner c1)"
	equal 10.10.0.1 "$(pinpool attach web --owner c1)"
	equal 10.10.0.2 "$(pinpool attach web --owner c1 --ifname net1)"
	pinpool detach --owner c1
	equal 0 "$(pinpool get pods -o json | jq '.items | length')"
	pinpool detach --owner c1
	pinpool detach nosuch
	pinpool release --owner nosuch
}

@test "a freed address is reused last" {
	pool tiny "$(v4 10.70.0.0/29 29)" | apply
	allocs 1 3 --pool tiny
	pinpool release --owner o2
	pinpool release --owner o1
	for a in 4 5 6 1 2; do equal "10.70.0.$a" "$(pinpool alloc --owner "n$a" --pool tiny)"; done
	fails 1 pinpool alloc --owner x --pool tiny
	has 'unable to allocate from pool "tiny" (family ipv4): all CIDR ranges are exhausted'
}
