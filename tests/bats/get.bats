#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# get and describe: columns and JSON shapes, words of kubectl.
load ../lib/helper

setup() {
	node_up
}

teardown() {
	node_down
}

@test "get pools: kubectl's table and every alias" {
	pod a
	for kind in pool pools ciliumpodippool ciliumpodippools cpip; do
		run bash -c "pinpool get $kind | tr -s ' '"
		has "NAME CIDRS MASKSIZE BLOCKS USED FREE STATE AGE"
		has "default 10.10.0.0/16 27 1 1 29 active"
		has "mars 10.20.0.0/16 27 0 0 0 active"
	done
	run bash -c "pinpool get pools mars | wc -l"
	[ "$output" = 2 ]
}

@test "get pool NAME -o yaml is the object with creationTimestamp, sorted as kubectl does" {
	succeeds pinpool get pool mars -o yaml
	[ "${lines[0]}" = "apiVersion: cilium.io/v2alpha1" ]
	[ "${lines[1]}" = "kind: CiliumPodIPPool" ]
	[[ ${lines[3]} =~ ^\ \ creationTimestamp:\ \"20..-..-..T..:..:..Z\"$ ]]
	[ "${lines[4]}" = "  name: mars" ]
	has $'spec:\n  ipv4:\n    cidrs:\n    - 10.20.0.0/16\n    maskSize: 27'
	has_not status
	run bash -c "pinpool get pool mars -o json | jq -c .status"
	[ "$output" = '{"ipv4":{"blocks":0,"draining":0,"free":0,"usable":0,"used":0},"state":"active"}' ]
	pinpool get pool mars -o yaml >"$BATS_TEST_TMPDIR/mars.yaml"
	succeeds pinpool apply -f "$BATS_TEST_TMPDIR/mars.yaml"
	has "ciliumpodippool/mars unchanged"
}

@test "kubectl could apply the output of -o yaml: strictly by the CRDs, and unchanged for pinpool" {
	pinpool apply -f - <<-'MANIFESTS'
	apiVersion: cilium.io/v2alpha1
	kind: CiliumPodIPPool
	metadata: {name: both, labels: {a: b}, annotations: {ipam.cilium.io/skip-masquerade: "true"}}
	spec:
	  ipv4: {cidrs: [10.50.0.0/16, 10.51.0.0/16], maskSize: 26}
	  ipv6: {cidrs: ["fd00:50::/104"], maskSize: 120}
	  podSelector: {matchLabels: {app: web}, matchExpressions: [{key: tier, operator: In, values: [x]}, {key: z, operator: Exists}]}
	  namespaceSelector: {}
	---
	apiVersion: cilium.io/v2
	kind: CiliumNode
	metadata: {name: other}
	spec:
	  addresses: [{type: InternalIP, ip: 192.168.10.101}]
	  ipam: {podCIDRs: [10.10.9.0/27], pools: {requested: [{pool: mars, needed: {ipv4-addrs: 8}}], allocated: [{pool: mars, cidrs: [10.20.9.0/27]}]}}
	---
	apiVersion: cilium.io/v2
	kind: CiliumNodeConfig
	metadata: {name: dc, namespace: kube-system}
	spec: {nodeSelector: {matchLabels: {zone: dc1}}, defaults: {mtu: "1400"}}
	---
	apiVersion: v1
	kind: Namespace
	metadata: {name: red, annotations: {ipam.cilium.io/ip-pool: mars}}
	MANIFESTS
	pod a # what a pool and a node have once they are used
	local kind
	for kind in pools nodes nodeconfigs configmaps namespaces; do
		pinpool get $kind -o yaml >"$BATS_TEST_TMPDIR/list.yaml"
		/usr/bin/python3 "$BATS_TEST_DIRNAME/../lib/crd.py" <"$BATS_TEST_TMPDIR/list.yaml"
	done
	pinpool get pool both -o yaml | /usr/bin/python3 "$BATS_TEST_DIRNAME/../lib/crd.py"
	pinpool get pools -o yaml >"$BATS_TEST_TMPDIR/list.yaml"
	succeeds pinpool apply -f "$BATS_TEST_TMPDIR/list.yaml"
	[ "$(grep -c 'unchanged$' <<<"$output")" = 3 ]
	[ "${#lines[@]}" = 3 ]
	# the check can fail
	fails 1 /usr/bin/python3 "$BATS_TEST_DIRNAME/../lib/crd.py" < <(pinpool get pool both -o json)
	has "CiliumPodIPPool/both.status: not in the schema"
}

@test "a List with -o json, single items by name" {
	run bash -c "pinpool get pools -o json | jq -c '[.apiVersion, .kind, (.items | length), .items[0].kind]'"
	[ "$output" = '["v1","List",2,"CiliumPodIPPool"]' ]
	run bash -c "pinpool get pool mars -o json | jq -r .metadata.name"
	[ "$output" = mars ]
	run bash -c "pinpool get flows -o json | jq -c ."
	[ "$output" = '{"apiVersion":"v1","kind":"List","items":[]}' ]
	run bash -c "pinpool get pools -o name"
	[ "$output" = $'pool/default\npool/mars' ]
}

@test "get pods: every lease, also those of alloc" {
	pod a --annotation ipam.cilium.io/ip-pool=mars
	pinpool alloc --owner lone
	run bash -c "pinpool get pods | tr -s ' '"
	has "NAMESPACE NAME IP POOL INTERFACE STATE AGE"
	has "default a 10.20.0.1 mars eth0 bound"
	has "<none> lone 10.10.0.1 default <none> held"
	run bash -c "pinpool get pods -o json | jq -cS '.items[] | select(.name == \"a\") | del(.creationTimestamp, .hostInterface, .draining)'"
	[ "$output" = "{\"ifindex\":$(pod_get a ifindex),\"ifname\":\"eth0\",\"ips\":[{\"address\":\"10.20.0.1\",\"block\":\"10.20.0.0/27\",\"family\":\"ipv4\",\"pool\":\"mars\"}],\"name\":\"a\",\"namespace\":\"default\",\"netns\":\"a\",\"owner\":\"a\",\"state\":\"bound\"}" ]
	[ "$(ip -j link show "$(pod_get a hostInterface)" | jq '.[0].ifindex')" = "$(pod_get a ifindex)" ]
	for name in a default/a; do
		run bash -c "pinpool get pod $name -o json | jq -r .name"
		[ "$output" = a ]
	done
}

@test "get blocks" {
	pod a
	run bash -c "pinpool get blocks | tr -s ' '"
	has "POOL CIDR NODE STATE USABLE USED FREE"
	has "default 10.10.0.0/27 k8s-w1 active 30 1 29"
	run bash -c "pinpool get blocks -o json | jq -cS '.items[0] | del(.creationTimestamp)'"
	[ "$output" = '{"cidr":"10.10.0.0/27","family":"ipv4","free":29,"node":"k8s-w1","pool":"default","state":"active","usable":30,"used":1}' ]
}

@test "get nodes: this one's present state, others as applied, and input for other nodes" {
	printf 'apiVersion: cilium.io/v2\nkind: CiliumNode\nmetadata: {name: other}\nspec:\n  addresses: [{type: InternalIP, ip: 192.168.10.101}, {type: CiliumInternalIP, ip: 10.10.9.1}]\n  ipam: {pools: {allocated: [{pool: mars, cidrs: [10.20.9.0/27]}]}}\n' |
		pinpool apply -f -
	run bash -c "pinpool get cn | tr -s ' '"
	has "NAME CILIUMINTERNALIP INTERNALIP AGE"
	has "k8s-w1 <none> 192.168.10.100"
	has "other 10.10.9.1 192.168.10.101"
	pod a
	run bash -c "pinpool get node k8s-w1 -o json | jq -c .spec.ipam.pools.allocated"
	[ "$output" = '[{"cidrs":["10.10.0.0/27"],"pool":"default"}]' ]
	pinpool get nodes -o yaml >"$BATS_TEST_TMPDIR/nodes.yaml"
	run pinpool diff -f "$BATS_TEST_TMPDIR/nodes.yaml"
	[ "$status" -le 1 ]
}

@test "get routes: kinds, and whether they are correct" {
	printf 'apiVersion: cilium.io/v2\nkind: CiliumNode\nmetadata: {name: other}\nspec:\n  addresses: [{type: InternalIP, ip: 192.168.10.101}]\n  ipam: {pools: {allocated: [{pool: mars, cidrs: [10.20.9.0/27]}]}}\n' |
		pinpool apply -f -
	pod a
	ip route add 10.99.0.0/24 dev up0 proto 112
	ip route del 10.20.9.0/27
	run bash -c "pinpool get routes | tr -s ' '"
	has "DESTINATION KIND GATEWAY DEVICE STATE"
	has "10.10.0.0/27 block <none> <none> ok"
	has "10.10.0.1/32 pod <none> $(pod_get a hostInterface) ok"
	has "10.20.9.0/27 node 192.168.10.101 up0 missing"
	has "10.99.0.0/24 pod <none> up0 surplus"
	run bash -c "pinpool get routes -o json | jq -c '.items[] | select(.state == \"missing\")'"
	[ "$output" = '{"destination":"10.20.9.0/27","kind":"node","gateway":"192.168.10.101","device":"up0","state":"missing"}' ]
}

@test "objects of the other kinds" {
	run bash -c "pinpool get configmap cilium-config -o json | jq -r '.data[\"auto-direct-node-routes\"]'"
	[ "$output" = true ]
	printf 'apiVersion: v1\nkind: Namespace\nmetadata: {name: cilium-test, annotations: {ipam.cilium.io/ip-pool: mars}}\n' | pinpool apply -f -
	run bash -c "pinpool get namespaces -o name"
	[ "$output" = namespace/cilium-test ]
}

@test "a missing object, and an unknown kind" {
	for kind in pool node block pod route flow configmap; do
		fails 1 pinpool get "$kind" nothing
		[ "$output" = "pinpool: $kind \"nothing\": not found" ]
	done
	run --separate-stderr pinpool get flows
	[ "$status" = 0 ] && [ -z "$output" ] && [ "$stderr" = "No resources found" ]
	fails 2 pinpool get
	fails 2 pinpool get things
	has 'unknown kind "things"'
	fails 2 pinpool get pods -o html
	fails 2 pinpool get pods a b
}

@test "draining blocks are marked, and describe names their pods" {
	pod a --annotation ipam.cilium.io/ip-pool=mars
	pool_manifest mars 10.30.0.0/16 27 | pinpool apply -f -
	run bash -c "pinpool get pods -o wide | tr -s ' '"
	has "OWNER HOST-INTERFACE NETNS BLOCK DRAINING"
	has " 10.20.0.0/27 yes"
	run bash -c "pinpool get blocks | tr -s ' '"
	has "mars 10.20.0.0/27 k8s-w1 draining 30 1 0"
	succeeds pinpool describe pool mars
	has "10.20.0.0/27 of mars:  used 1"
	has "default/a  10.20.0.1  bound"
	pinpool delete pool mars
	run bash -c "pinpool get pool mars | tr -s ' '"
	has "terminating"
}

@test "describe node has requested and allocated exactly like the example" {
	for i in 1 2 3 4 5 6 7 8; do pinpool alloc --owner "o$i"; done
	pod m --annotation ipam.cilium.io/ip-pool=mars
	run bash -c "pinpool describe ciliumnode k8s-w1 | grep -i ipam -A20 | head -17"
	echo "$output"
	[ "$output" = "$(cat <<-'E'
	  Ipam:
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
	        Pool:          mars
	Status:
	E
	)" ]
}

@test "describe node reports present errors" {
	fails 1 pinpool alloc --owner x --pool nope
	succeeds pinpool describe node
	has 'failed to allocate ipv4 address for node "k8s-w1" from pool "nope": cannot allocate from non-existing pool: nope'
	pool_manifest tiny 10.40.0.0/30 30 | pinpool apply -f -
	pinpool alloc --owner t1 --pool tiny
	pinpool alloc --owner t2 --pool tiny
	fails 1 pinpool alloc --owner t3 --pool tiny
	succeeds pinpool describe node
	has 'failed to allocate ipv4 address for node "k8s-w1" from pool "tiny": pool empty'
	fails 1 pinpool describe pool none
	fails 1 pinpool describe node none
	fails 2 pinpool describe
	fails 2 pinpool describe pool
	fails 2 pinpool describe flows
}

@test "a new family: both addresses in one row" {
	pinpool apply -f - <<-'Y'
	apiVersion: v1
	kind: ConfigMap
	metadata: {name: cilium-config, namespace: kube-system}
	data: {enable-ipv6: "true", ipam-default-ip-pool: dual}
	Y
	pool_manifest dual 10.50.0.0/16 27 fd00:50::/96 112 | pinpool apply -f -
	pod d
	run bash -c "pinpool get pods | tr -s ' '"
	has "default d 10.50.0.1,fd00:50::1 dual eth0 bound"
	run bash -c "pinpool get pools dual | tr -s ' '"
	has "dual 10.50.0.0/16,fd00:50::/96 27,112 2 2"
}
