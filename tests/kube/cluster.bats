# SPDX-License-Identifier: GPL-2.0-only
# A whole cluster of two nodes, with kubelet and containerd (PINPOOL_CONTAINERD=debian: the machine's), and pinpool by
# its chart, as in the seed: pods of several pools, changes of agent, operator and chart under traffic.
load ../lib/kube

setup_file() {
	lab up --nodes 2 --containerd "${PINPOOL_CONTAINERD:-newest}"
	lab load "$TOP/build/pinpool-image.tar"
	install_pinpool || { logs; false; }
	nodes_ready
}
teardown_file() { lab down; }
teardown() {
	talkers_stop >/dev/null 2>&1
	[ -n "${BATS_TEST_COMPLETED-}" ] || logs >"/mnt/logs-$BATS_TEST_NUMBER" 2>&1
}

@test "the chart makes both nodes ready; status, pools and nodes are there" {
	run -0 lab on k8s-w1 pinpool status --wait
	run -0 kubectl -n kube-system exec ds/pinpool -c agent -- pinpool status --wait
	[[ $output = *"pinpool: "*OK* ]]
	run -0 kubectl get ciliumpodippool default -o 'jsonpath={.spec.ipv4}'
	[ "$(jq -c '[.cidrs, .maskSize]' <<<"$output")" = '[["10.10.0.0/16"],27]' ]
	run -0 kubectl get ciliumnodes -o name
	[ "${#lines[@]}" = 2 ]
	run -0 kubectl -n kube-system exec ds/pinpool -c agent -- pinpool config view
	[[ $output = *"ipam "*multi-pool* ]]
}

@test "twenty pods of four pools at once on two nodes, none waits for kubelet's back-off" {
	for n in 1 2 3 4; do pool "at-once-$n" "10.4$n.0.0/16" 27; done
	began=$(date +%s%N)
	for n in {1..20}; do pod "once-$n" "$([ $((n % 2)) = 0 ] && echo k8s-ctr || echo k8s-w1)" "at-once-$((n % 4 + 1))"; done |
		kubectl apply -f - >/dev/null
	names=()
	for n in {1..20}; do names+=("once-$n"); done
	running "${names[@]}" >/dev/null
	echo "# 20 pods of 4 new pools are ready after $((($(date +%s%N) - began) / 1000000)) ms" >&3
	run -0 kubectl get events --field-selector reason=FailedCreatePodSandBox -o name
	[ -z "$output" ]
	kubectl get pods -o 'jsonpath={range .items[*]}{.status.podIP}{"\n"}{end}' | sort >"$BATS_TEST_TMPDIR/addresses"
	[ "$(uniq "$BATS_TEST_TMPDIR/addresses" | wc -l)" = 20 ]
	[ "$(grep -c '^10\.4[1234]\.0\.' "$BATS_TEST_TMPDIR/addresses")" = 20 ]
	kubectl delete pods "${names[@]}" --now >/dev/null
	run -0 kubectl delete ciliumpodippools at-once-{1,2,3,4}
}

@test "a pod in a namespace that has just been created and annotated gets the namespace's pool" {
	pool mars 10.20.0.0/16 27
	kubectl apply -f - <<-'END'
		apiVersion: v1
		kind: Namespace
		metadata: {name: fresh, annotations: {ipam.cilium.io/ip-pool: mars}}
	END
	until kubectl -n fresh get serviceaccount default >/dev/null 2>&1; do sleep 0.1; done
	pod one k8s-ctr | kubectl -n fresh apply -f -
	kubectl -n fresh wait --for=condition=Ready pod/one --timeout=60s
	[[ $(kubectl -n fresh get pod one -o 'jsonpath={.status.podIP}') = 10.20.0.* ]]
	kubectl delete namespace fresh
}

@test "a selector sees the pod's labels" {
	kubectl apply -f - <<-'END'
		apiVersion: cilium.io/v2alpha1
		kind: CiliumPodIPPool
		metadata: {name: chosen}
		spec: {ipv4: {cidrs: [10.50.0.0/16], maskSize: 27}, podSelector: {matchLabels: {app: chosen}}}
	END
	{ pod chosen k8s-w1; pod other k8s-w1; } | kubectl apply -f -
	running chosen other
	[[ $(pod_address chosen) = 10.50.0.* ]]
	[[ $(pod_address other) = 10.10.* ]]
	kubectl delete pod chosen other --now
	kubectl delete ciliumpodippool chosen
}

@test "helm upgrade to another build and roll-back, under traffic: nothing is lost" {
	talkers_begin
	for node in k8s-ctr k8s-w1; do
		lab on $node ctr -n k8s.io image tag localhost/pinpool:latest localhost/pinpool:other
	done
	install_pinpool --set image.tag=other >/dev/null
	run -0 kubectl -n kube-system get pods -o 'jsonpath={.items[*].spec.containers[*].image}'
	[[ $output != *:latest* ]]
	helm rollback pinpool 1 -n kube-system --wait
	kubectl -n kube-system rollout status ds/pinpool --timeout=60s
	nodes_ready
	talkers_end
}

@test "helm uninstall and install again, under traffic: pods keep their addresses, nothing is lost" {
	talkers_begin
	before=$(pod_address asker)
	nothing_forbidden
	helm uninstall pinpool -n kube-system --wait
	kubectl -n kube-system wait --for=delete pod -l k8s-app=pinpool --timeout=60s
	sleep 2
	wc -l </mnt/audit.log >/mnt/reinstalled # their rights went before them
	install_pinpool >/dev/null
	nodes_ready
	[ "$(pod_address asker)" = "$before" ]
	lab on k8s-w1 pinpool get pods -o json | jq -e --arg ip "$before" '.items[] | select(.name == "asker") | .ips[0].address == $ip'
	pod later k8s-w1 | kubectl apply -f -
	running later
	kubectl delete pod later --now
	talkers_end
}

@test "another range for the default pool by one kubectl apply, under traffic" {
	talkers_begin
	old=$(pod_address asker)
	pool default 10.30.0.0/16 27
	{ pod new-1 k8s-w1; pod new-2 k8s-ctr; } | kubectl apply -f -
	running new-1 new-2
	[[ $(pod_address new-1) = 10.30.0.* ]]
	[[ $(pod_address new-2) = 10.30.0.* ]]
	kubectl exec new-1 -- curl -s -m 5 "$(pod_address new-2)" | grep -q 'a page'
	kubectl exec new-1 -- curl -s -m 5 "$old" | grep -q 'a page'
	lab on k8s-w1 pinpool get blocks | grep -E ' 10\.10\.0\.[0-9]+/27 .*draining'
	talkers_end
	kubectl delete pod new-1 new-2 --now
	await 20 eval "! lab on k8s-w1 pinpool get blocks | grep -q ' 10\.10\.'"
	# the operator hears of it
	await 20 eval "! kubectl get ciliumnode k8s-w1 -o 'jsonpath={.spec.ipam.pools.allocated}' | grep -q '10\.10\.'"
	pool default 10.10.0.0/16 27
}

@test "the leading operator is deleted: another one gives blocks" {
	holder() { kubectl -n kube-system get leases -o json | jq -r '[.items[] | select(.metadata.name | test("operator")) | .spec.holderIdentity][0]'; }
	before=$(holder)
	[ -n "$before" ] && [ "$before" != null ]
	kubectl -n kube-system delete pods -l io.cilium/app=operator --force --grace-period=0
	pool after-all 10.60.0.0/16 27
	pod moved k8s-w1 after-all | kubectl apply -f -
	running moved
	[[ $(pod_address moved) = 10.60.0.* ]]
	[ "$(holder)" != "$before" ]
	kubectl delete pod moved --now
	kubectl delete ciliumpodippool after-all
}

# before the next test: an API server that starts refuses what it has not yet read the roles for
@test "agent and operator are allowed all that they ask for" {
	nothing_forbidden "$(</mnt/reinstalled)"
}

@test "the API server is down: pods go on talking, and no demand is lost when it is back" {
	talkers_begin
	lab stop k8s-ctr apiserver KILL
	sleep "${PINPOOL_DOWN:-5}"
	lab on k8s-w1 pinpool status || true
	lab again k8s-ctr apiserver
	await 60 kubectl get --raw /readyz
	pool back 10.61.0.0/16 27
	pod back k8s-w1 back | kubectl apply -f -
	running back
	kubectl delete pod back --now
	kubectl delete ciliumpodippool back
	talkers_end
}

@test "uninstall with cni.uninstall: nothing of pinpool is left on the nodes" {
	install_pinpool --set cni.uninstall=true >/dev/null
	helm uninstall pinpool -n kube-system --wait
	kubectl -n kube-system wait --for=delete pod -l k8s-app=pinpool --timeout=60s
	for node in k8s-ctr k8s-w1; do
		run -0 lab on $node sh -c 'ls /etc/cni/net.d /opt/cni/bin /sys/fs/bpf; ls /sys/fs/bpf/pinpool 2>/dev/null
			tc filter show dev eth0 ingress; tc filter show dev eth0 egress; ip route show proto 112; bpftool net show dev eth0'
		echo "$node: $output"
		run ! grep -qE 'conflist|pinpool-cni|v2|pp_|via' <<<"$output"
	done
}
