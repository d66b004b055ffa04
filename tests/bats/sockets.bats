#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Services of sockets, of the node and of pods (pinpool-services(7)): tests/run gives this file a cgroup of its own.
load ../lib/helper

cgroup=/run/cgroup

setup() {
	# never the machine's own: the namespace hides what is above
	[ "$(stat -f -c %T $cgroup)" = cgroup2fs ]
	[[ $(tail -n 1 /proc/self/cgroup) == 0::/* ]]
	[ ! -e $cgroup/cgroup.type ] || [[ $(grep " $cgroup " /proc/self/mountinfo | cut -d' ' -f4) == / ]]
	node_up cgroup-root=$cgroup enable-ipv6=true
	ip addr add 192.168.10.200/24 dev up0
	ip -6 addr add fd00:1::100/64 dev up0 nodad
	pinpool apply -f <(pool_manifest default 10.10.0.0/16 27 fd00:10::/112 120)
	clients= servers=
}

teardown() {
	local pid
	for pid in $servers $clients; do kill "$pid" 2>/dev/null || true; done
	wait
	node_down
}

services() {
	/usr/bin/python3 "$BATS_TEST_DIRNAME/../lib/services.py" "$@"
}

# POD…: pods with servers on both of their addresses; A1, A2… are their IPv4 addresses, B1… the IPv6 ones
endpoints() {
	local name n=0 addresses
	for name; do
		n=$((n + 1))
		pod "$name" >"$BATS_TEST_TMPDIR/$name.addresses"
		mapfile -t addresses <"$BATS_TEST_TMPDIR/$name.addresses"
		printf -v "A$n" %s "${addresses[0]}"
		printf -v "B$n" %s "${addresses[1]}"
		nsenter --net="/run/netns/$name" -- /usr/bin/python3 "$BATS_TEST_DIRNAME/../lib/services.py" serve "${addresses[@]}" >"$BATS_TEST_TMPDIR/$name.ready" 3>&- &
		servers+=" $!"
		until grep -q ready "$BATS_TEST_TMPDIR/$name.ready"; do sleep 0.05; done
	done
}

# SPEC: Service web of 10.96.0.1 and fd00:96::1, with ports t (TCP 80, NodePort 30080) and u (UDP 80, NodePort 30080)
service() {
	printf -- '---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {type: NodePort, clusterIPs: [10.96.0.1, "fd00:96::1"], ports: [{name: t, port: 80, nodePort: 30080}, {name: u, port: 80, protocol: UDP, nodePort: 30080}]%s}\n' "${1:+, $1}"
}

# FAMILY ENDPOINT…: an endpoint is an address, or "{addresses: …}"
slice() {
	local family=$1 list= e
	shift
	for e; do [[ $e == {* ]] || e="{addresses: [\"$e\"]}"; list+="$e, "; done
	printf -- '---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: web-%s, labels: {kubernetes.io/service-name: web}}\n' "${family,,}"
	printf 'addressType: %s\nports: [{name: t, port: 8080}, {name: u, port: 8080, protocol: UDP}]\nendpoints: [%s]\n' "$family" "$list"
}

apply() {
	cat >"$BATS_TEST_TMPDIR/services.yaml"
	pinpool apply -f "$BATS_TEST_TMPDIR/services.yaml" >/dev/null
}

# ADDRESS PORT PROTOCOL: starts a client that `ask` asks for its endpoint
hold() {
	coproc CLIENT { exec /usr/bin/python3 "$BATS_TEST_DIRNAME/../lib/services.py" hold "$@" 3>&-; }
	clients+=" $CLIENT_PID"
}

ask() {
	echo >&"${CLIENT[1]}"
	read -r -t 10 answer <&"${CLIENT[0]}"
}

linked() {
	find "$root/link" -name 'pp_*' | wc -l
}

@test "nothing is attached without services; with them all hooks are, until the last one goes, or down" {
	[ "$(linked)" = 0 ]
	service | apply
	[ "$(linked)" = 10 ]
	run pinpool status
	[[ $(grep ^services <<<"$output") == *"OK      8 frontends, sockets of $cgroup" ]]
	rm "$root/link/pp_connect4"
	run pinpool status
	[[ $(grep ^services <<<"$output") == *"not OK  socket programs are not all attached to $cgroup; run 'pinpool check --fix'"* ]]
	pinpool check --fix
	[ "$(linked)" = 10 ]
	before=$(bpftool -j link show pinned "$root/link/pp_connect4" | jq -c '[.id, .prog_id]')
	pinpool up
	after=$(bpftool -j link show pinned "$root/link/pp_connect4" | jq -c '[.id, .prog_id]')
	[ "$(jq .[0] <<<"$before")" = "$(jq .[0] <<<"$after")" ] # the link stays,
	[ "$(jq .[1] <<<"$before")" != "$(jq .[1] <<<"$after")" ] # and has the new program
	pinpool down
	[ "$(linked)" = 0 ]
	pinpool up
	[ "$(linked)" = 10 ]
	pinpool delete service web
	[ "$(linked)" = 0 ]
}

@test "a node in a network namespace attaches nothing of its own accord" {
	service | apply
	pinpool up --set enable-ipv6=true
	[ "$(linked)" = 0 ]
	run pinpool status
	[[ $(grep ^services <<<"$output") == *"OK      8 frontends, sockets are not translated: the node has a network namespace of its own; set cgroup-root to the cgroup of its processes" ]]
	fails 1 pinpool up --set cgroup-root=/run
	has "option cgroup-root: /run is not a directory of a cgroup2 file system"
}

@test "TCP: from the node and from pods, IPv4, IPv6 and mapped; the socket shows the service" {
	endpoints a b
	{ service; slice IPv4 "$A1" "$A2"; slice IPv6 "$B1" "$B2"; } | apply
	for in in "" "in_pod a" "in_pod b"; do
		run $in /usr/bin/python3 "$BATS_TEST_DIRNAME/../lib/services.py" connect 10.96.0.1 80 40
		has "$A1 "
		has "$A2 "
		has "peer 10.96.0.1:80"
		run $in /usr/bin/python3 "$BATS_TEST_DIRNAME/../lib/services.py" connect fd00:96::1 80 40
		has "$B1 "
		has "$B2 "
		has "peer fd00:96::1:80"
		run $in /usr/bin/python3 "$BATS_TEST_DIRNAME/../lib/services.py" connect ::ffff:10.96.0.1 80 40
		has "$A1 "
		has "peer ::ffff:10.96.0.1:80"
	done
	# addresses and ports that are no frontends pass untouched
	run services connect "$A1" 8080 1
	has "peer $A1:8080"
	# a pod that has no route to the service's address
	in_pod a ip route del default
	in_pod a ip route add "$A2" via 169.254.1.1 dev eth0 onlink
	slice IPv4 "$A2" | apply
	run in_pod a /usr/bin/python3 "$BATS_TEST_DIRNAME/../lib/services.py" connect 10.96.0.1 80 3
	has "$A2 3"
}

@test "no endpoint: refused at once; only the policy excludes them: unreachable at once" {
	service | apply
	for to in 10.96.0.1 fd00:96::1 ::ffff:10.96.0.1; do
		[ "$(services connect $to 80 1)" = ECONNREFUSED ]
		[ "$(services send $to 80 1)" = ECONNREFUSED ]
	done
	[ "$(services connect 127.0.0.1 30080 1)" = ECONNREFUSED ]
	{ service 'internalTrafficPolicy: Local'; slice IPv4 '{addresses: [10.10.0.99], nodeName: other}'; } | apply
	[ "$(services connect 10.96.0.1 80 1)" = EHOSTUNREACH ]
	[ "$(services send 10.96.0.1 80 1)" = EHOSTUNREACH ]
}

@test "NodePort: each address of the node and 127.0.0.1, TCP and UDP; not a pod's own loopback" {
	endpoints a
	{ service; slice IPv4 "$A1"; slice IPv6 "$B1"; } | apply
	for to in 127.0.0.1 192.168.10.100 192.168.10.200; do
		run services connect $to 30080 2
		has "$A1 2"
		has "peer $to:30080"
		run services send $to 30080 2
		has "$A1 2"
		has "peer $to:30080"
	done
	for to in ::1 fd00:1::100; do
		run services connect $to 30080 2
		has "$B1 2"
	done
	run in_pod a /usr/bin/python3 "$BATS_TEST_DIRNAME/../lib/services.py" connect 192.168.10.200 30080 1
	has "$A1 1"
	in_pod a ip link set lo up
	[ "$(in_pod a /usr/bin/python3 "$BATS_TEST_DIRNAME/../lib/services.py" connect 127.0.0.1 30080 1)" = ECONNREFUSED ]
}

@test "a process of the node cannot bind a NodePort; other ports, and pods, can" {
	endpoints a
	service | apply
	for kind in tcp udp; do
		for to in 0.0.0.0 :: 192.168.10.100; do
			[ "$(services bind $to 30080 $kind)" = EPERM ]
			[ "$(services bind $to 30081 $kind)" = "" ]
		done
		[ "$(in_pod a /usr/bin/python3 "$BATS_TEST_DIRNAME/../lib/services.py" bind 0.0.0.0 30080 $kind)" = "" ]
	done
	pinpool delete service web
	[ "$(services bind 0.0.0.0 30080 tcp)" = "" ]
}

@test "UDP, unconnected: recvfrom shows the service; a flow stays while others change, and moves at once when its endpoint goes" {
	endpoints a b
	{ service; slice IPv4 "$A1" "$A2"; slice IPv6 "$B1"; } | apply
	for to in 10.96.0.1 fd00:96::1; do
		run services send $to 80 20
		has "peer $to:80"
		[ "${#lines[@]}" = 2 ] # one endpoint
	done
	hold 10.96.0.1 80 udp
	ask
	first=$answer
	slice IPv4 "$A1" "$A2" 10.10.0.99 | apply
	for _ in {1..20}; do
		ask
		[ "$answer" = "$first" ]
	done
	other=$A1
	[ "$first" != "$A1" ] || other=$A2
	slice IPv4 "$other" | apply
	ask
	[ "$answer" = "$other" ]
	slice IPv4 | apply
	ask
	[ "$answer" = ECONNREFUSED ]
	slice IPv4 "$A1" | apply
	ask
	[ "$answer" = "$A1" ]
}

@test "a terminating endpoint keeps its connections and flows, and gets no new ones" {
	endpoints a b
	{ service; slice IPv4 "$A1"; } | apply
	going="{addresses: [$A1], conditions: {ready: false, serving: true, terminating: true}}"
	for kind in tcp udp; do
		slice IPv4 "$A1" | apply
		hold 10.96.0.1 80 $kind
		ask
		[ "$answer" = "$A1" ]
		slice IPv4 "$going" "$A2" | apply
		ask
		[ "$answer" = "$A1" ]
		run services "$([ $kind = tcp ] && echo connect || echo send)" 10.96.0.1 80 10
		has "$A2 10"
	done
}

@test "sessionAffinity: one endpoint for each client, void once it is gone or the time is over" {
	endpoints a b
	{ service 'sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 1}}'; slice IPv4 "$A1" "$A2"; } | apply
	run services connect 10.96.0.1 80 30
	[ "${#lines[@]}" = 2 ]
	run services connect 192.168.10.100 30080 1 # another frontend of the same port
	first=${lines[0]% 1}
	run services connect 10.96.0.1 80 30
	has "$first 30"
	other=$A1
	[ "$first" != "$A1" ] || other=$A2
	slice IPv4 "{addresses: [$first], conditions: {ready: false, serving: true, terminating: true}}" "$other" | apply
	run services connect 10.96.0.1 80 3
	has "$other 3"
	# a client is a network namespace
	slice IPv4 "$A1" "$A2" | apply
	seen=
	for _ in {1..12}; do
		sleep $((PINPOOL_SLOW + 1)) &
		wait $!
		run services connect 10.96.0.1 80 1
		seen+=" ${lines[0]% 1}"
		[[ $seen != *"$A1"*"$A2"* && $seen != *"$A2"*"$A1"* ]] || break
	done
	[[ $seen == *"$A1"* && $seen == *"$A2"* ]]
}

@test "a service that is made again with the same address has nothing of the old one's sessions" {
	endpoints a b
	{ service 'sessionAffinity: ClientIP'; slice IPv4 "$A1"; } | apply
	run services connect 10.96.0.1 80 1
	has "$A1 1"
	hold 10.96.0.1 80 udp
	ask
	[ "$answer" = "$A1" ]
	pinpool delete service web
	{ service 'sessionAffinity: ClientIP'; slice IPv4 "$A2"; } | apply
	run services connect 10.96.0.1 80 5
	has "$A2 5"
	ask
	[ "$answer" = "$A2" ]
}

@test "options: bpf-lb-sock, bpf-lb-sock-hostns-only, kube-proxy-replacement" {
	endpoints a
	{ service; slice IPv4 "$A1"; } | apply
	local common=(--set cgroup-root=$cgroup --set enable-ipv6=true)
	pinpool up "${common[@]}" --set bpf-lb-sock-hostns-only=true
	run services connect 10.96.0.1 80 1
	has "$A1 1"
	run in_pod a timeout 2 /usr/bin/python3 "$BATS_TEST_DIRNAME/../lib/services.py" connect 10.96.0.1 80 1
	has_not "$A1"
	pinpool up "${common[@]}" --set bpf-lb-sock=false
	[ "$(linked)" = 0 ]
	pinpool up "${common[@]}" --set kube-proxy-replacement=false
	[ "$(linked)" = 0 ]
	pinpool up "${common[@]}"
	[ "$(linked)" = 10 ]
	run in_pod a /usr/bin/python3 "$BATS_TEST_DIRNAME/../lib/services.py" connect 10.96.0.1 80 1
	has "$A1 1"
}
