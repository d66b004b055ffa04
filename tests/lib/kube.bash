# SPDX-License-Identifier: GPL-2.0-only
# For tests/kube/*.bats, which tests/run runs inside scripts/kube/inside: a cluster, pinpool by its chart, pods.
bats_require_minimum_version 1.5.0
TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
export TOP PATH=$TOP/scripts/kube:$TOP/build:$PATH:/usr/sbin:/sbin:$TOP/scripts
CHART=$TOP/scripts/chart
# shellcheck source=scripts/kube/versions
here=$TOP/scripts/kube . "$TOP/scripts/kube/versions"
PATH=$kube_path:$PATH

kubectl() { lab on k8s-ctr kubectl "$@"; }
helm() { lab on k8s-ctr helm "$@"; }

# the command of the seed, with this chart; more arguments may follow
install_pinpool() {
	helm upgrade --install pinpool "$CHART" -n kube-system --set ipam.mode=multi-pool --set routingMode=native \
		--set autoDirectNodeRoutes=true --set ipv4NativeRoutingCIDR=10.0.0.0/8 --set endpointRoutes.enabled=true \
		--set kubeProxyReplacement=true --set bpf.masquerade=true \
		--set ipam.operator.autoCreateCiliumPodIPPools.default.ipv4.cidrs='{10.10.0.0/16}' \
		--set ipam.operator.autoCreateCiliumPodIPPools.default.ipv4.maskSize=27 --wait --timeout 120s "$@" &&
		kubectl -n kube-system rollout status daemonset/pinpool --timeout=$((60 * ${PINPOOL_SLOW:-1}))s
}

nodes_ready() {
	kubectl wait --for=condition=Ready node --all --timeout=$((60 * ${PINPOOL_SLOW:-1}))s
}

# SECONDS COMMAND...: until it succeeds
await() {
	local end=$((SECONDS + $1 * ${PINPOOL_SLOW:-1}))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || { echo "not in time: $*"; "$@"; return 1; }
		sleep 0.1
	done
}

# NAME CIDR MASK-SIZE
pool() {
	kubectl apply -f - <<-END
		{apiVersion: cilium.io/v2alpha1, kind: CiliumPodIPPool, metadata: {name: $1},
		 spec: {ipv4: {cidrs: [$2], maskSize: $3}}}
	END
}

# NAME NODE [POOL]: the manifest of a web server, on this node
pod() {
	cat <<-END
		---
		apiVersion: v1
		kind: Pod
		metadata: {name: $1, labels: {app: $1}, annotations: {${3:+"ipam.cilium.io/ip-pool: $3"}}}
		spec: {nodeName: $2, terminationGracePeriodSeconds: 0, containers: [{name: web, image: "nginx:1.25.1"}]}
	END
}

pod_address() { kubectl get pod "$1" -o 'jsonpath={.status.podIP}'; }

# POD NODE COMMAND...: in the pod's network, with this machine's programs
in_pod() {
	local netns
	netns=$(lab on "$2" pinpool get pods -o json | jq -er --arg name "$1" '.items[] | select(.name == $name) | .netns')
	lab on "$2" nsenter --net="$netns" -- "${@:3}"
}

# POD NODE NAME COMMAND...: in the background, until end_in_pod; log and pid: /mnt/talk-NAME
begin_in_pod() {
	# shellcheck disable=SC2016 # the inner shell expands it
	in_pod "$1" "$2" sh -c 'echo $$ >"$0.pid"; exec "$@"' "/mnt/talk-$3" "${@:4}" >"/mnt/talk-$3" 2>&1 3>&- &
	await 20 test -s "/mnt/talk-$3.pid"
	echo "$2" >"/mnt/talk-$3.node"
}
end_in_pod() { # NAME
	local node
	node=$(<"/mnt/talk-$1.node")
	lab on "$node" kill -TERM "$(<"/mnt/talk-$1.pid")" || true
	await 10 eval "! lab on $node kill -0 $(<"/mnt/talk-$1.pid")"
	rm -f "/mnt/talk-$1.pid"
}

# traffic of a pod on k8s-w1 that begins now: to one on its node, one on the other, and the world (masqueraded)
talkers_begin() {
	{ pod asker k8s-w1; pod near k8s-w1; pod far k8s-ctr; } | kubectl apply -f -
	running asker near far
	begin_in_pod near k8s-w1 near traffic serve
	begin_in_pod far k8s-ctr far traffic serve
	nsenter --net=/run/netns/kube-world traffic serve 3>&- & echo $! >/mnt/world.pid
	sleep 1
	begin_in_pod asker k8s-w1 asker traffic ask "$(pod_address near)" "$(pod_address far)" 203.0.113.10
	await 20 grep -q asking /mnt/talk-asker
}
# and its end: each of six flows has every answer, and the nodes are as they should be
talkers_end() {
	talkers_stop
	cat /mnt/talk-asker
	# "tcp to 10.10.0.1: 50 asked, 50 answered"
	[ "$(awk '/ asked, / && $4 == $6 && $4 > 0' /mnt/talk-asker | wc -l)" = 6 ]
	lab on k8s-w1 pinpool check
	lab on k8s-ctr pinpool check
}
talkers_stop() {
	local name
	for name in asker near far; do
		[ ! -e "/mnt/talk-$name.pid" ] || end_in_pod $name
	done
	[ ! -e /mnt/world.pid ] || kill "$(</mnt/world.pid)" || true
	rm -f /mnt/world.pid
	kubectl delete pod asker near far --now --ignore-not-found
}

# NAME...: pods run
running() {
	kubectl wait --for=condition=Ready "${@/#/pod/}" --timeout=$((60 * ${PINPOOL_SLOW:-1}))s
}

# [LINE]: since this line of the audit log no 403 of an account of ours: what it may do suffices
nothing_forbidden() {
	tail -n "+${1:-1}" /mnt/audit.log | jq -r 'select(.user.username | test("kube-system:pinpool")) | select(.responseStatus.code == 403) |
		"\(.user.username) \(.verb) \(.requestURI)"' | sort | uniq -c >/mnt/forbidden
	cat /mnt/forbidden
	[ ! -s /mnt/forbidden ]
}

# what tells the reason of a failure
logs() {
	local pod
	for pod in $(kubectl -n kube-system get pods -o name); do
		echo "== $pod"
		kubectl -n kube-system logs "$pod" --all-containers --tail=30 2>&1
	done
	kubectl get events -A --sort-by=.lastTimestamp 2>&1 | tail -n 20
}
