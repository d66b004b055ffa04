# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# For tests on a lab named t (scripts/lab): nodes with pinpool, pods with addresses, traffic, captures.

repo=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
export PATH=$PATH:/usr/sbin:/sbin
declare -gA v4 v6 job

lab() { "$repo/scripts/lab" "$1" t "${@:2}"; }
# HOST CMD…
on() { nsenter --net="/run/netns/t-$1" -- "${@:2}"; }
# NODE ARG…
pp() { lab pinpool "$@"; }

# NODE POD [ATTACH-OPTION…]: a pod; its addresses are ${v4[POD]} and ${v6[POD]}
pod() {
	local out
	out=$(lab pod "$1" "$2" --ifname eth0 "${@:3}") || return
	v4[$2]=$(grep -v : <<<"$out") || true
	v6[$2]=$(grep : <<<"$out") || true
}
# NODE POD: it goes, with its namespace
unpod() {
	pp "$1" detach "t-$2" && ip netns del "t-$2"
}

# HOST ADDRESS…: each answers an echo request
reach() {
	local host=$1
	shift
	for address; do
		on "$host" ping -qnc 1 -W $((2 * PINPOOL_SLOW)) "$address" >/dev/null ||
			{ echo "$host does not reach $address"; return 1; }
	done
}
# HOST ADDRESS: the address that the HTTP server there sees
seen_as() {
	local url=$2
	[[ $url != *:* ]] || url="[$url]"
	on "$1" curl -gsS --max-time $((3 * PINPOOL_SLOW)) "http://$url:7001/" | sed 's/^::ffff://'
}

# CMD…: until it succeeds, for at most 10 seconds
eventually() {
	local try
	for ((try = 0; try < 100 * PINPOOL_SLOW; try++)); do
		! "$@" >/dev/null 2>&1 || return 0
		sleep 0.1
	done
	"$@"
}
wait_file() {
	eventually test -e "$1" || { echo "$1 never came"; cat "${1%.ready}.log"; return 1; }
}

# HOST…: TCP, UDP and HTTP servers there
serve() {
	local host
	for host; do
		nsenter --net="/run/netns/t-$host" -- "$repo/tests/lib/traffic.py" --ready "$BATS_TEST_TMPDIR/$host-serve.ready" \
			serve >"$BATS_TEST_TMPDIR/$host-serve.log" 2>&1 3>&- &
	done
	for host; do wait_file "$BATS_TEST_TMPDIR/$host-serve.ready"; done
}
# HOST [--long] ADDRESS…: traffic from there until `quiet HOST`; --long: no new connections
traffic() {
	local file=$BATS_TEST_TMPDIR/$1-load
	rm -f "$file".*
	nsenter --net="/run/netns/t-$1" -- "$repo/tests/lib/traffic.py" --ready "$file.ready" load "${@:2}" \
		>"$file.json" 2>"$file.log" 3>&- &
	job[$1]=$!
	wait_file "$file.ready"
}
# HOST…: ends the traffic of each; there was some, and nothing of it was lost
quiet() {
	local host file
	for host; do kill "${job[$host]}"; done
	for host; do
		file=$BATS_TEST_TMPDIR/$host-load
		wait "${job[$host]}" || true
		jq -ce --arg host "$host" '. + {host: $host} |
			if .tcp.resets + .udp.lost + .udp.wrong + .http.errors == 0 and .tcp.bytes > 0 and .udp.sent > 0
			then . else error(tojson) end' "$file.json" ||
			{ cat "$file.log"; return 1; }
	done
}

# HOST NAME INTERFACE FILTER…: starts to count
capture() {
	local file=$BATS_TEST_TMPDIR/$2
	# without -s its buffer holds 32 packets
	nsenter --net="/run/netns/t-$1" -- tcpdump --immediate-mode -B 8192 -s 256 -pnUi "$3" -w "$file.pcap" "${@:4}" \
		2>"$file.log" 3>&- &
	job[$2]=$!
	eventually grep -q listening "$file.log"
}
# NAME [TCPDUMP-ARG…]: the packets up to now, as text; ends the capture
captured() {
	local log=$BATS_TEST_TMPDIR/$1.log try
	# on a busy machine tcpdump is behind: SIGUSR1 makes it tell what it has seen and what there was
	for ((try = 0; try < 50 * PINPOOL_SLOW; try++)); do
		kill -USR1 "${job[$1]}" 2>/dev/null || break
		sleep 0.1
		! tail -n 1 "$log" | grep -qE '([0-9]+) packets? captured, \1 packets? received' || break
	done
	kill -INT "${job[$1]}" 2>/dev/null || true # a second look
	wait "${job[$1]}" 2>/dev/null || true
	tcpdump -nr "$BATS_TEST_TMPDIR/$1.pcap" "${@:2}" 2>/dev/null
}

# What `apply` and `up` read: pools default and mars of both families, and a ConfigMap with the
# options given as "name: value"…
pools() {
	cat <<-END
	apiVersion: cilium.io/v2alpha1
	kind: CiliumPodIPPool
	metadata: {name: default}
	spec: {ipv4: {cidrs: [10.10.0.0/16], maskSize: 27}, ipv6: {cidrs: ["fd00:100::/80"], maskSize: 96}}
	---
	apiVersion: cilium.io/v2alpha1
	kind: CiliumPodIPPool
	metadata: {name: mars}
	spec: {ipv4: {cidrs: [10.20.0.0/16], maskSize: 27}, ipv6: {cidrs: ["fd00:200::/80"], maskSize: 96}}
	END
}
config() {
	cat <<-END
	apiVersion: v1
	kind: ConfigMap
	metadata: {name: cilium-config, namespace: kube-system}
	data:
	  enable-ipv6: "true"
	  ipv4-native-routing-cidr: 10.0.0.0/8
	  ipv6-native-routing-cidr: fd00::/16
	END
	local option
	for option; do echo "  ${option%%: *}: '${option#*: }'"; done
}
# NUMBER [LABELS]: the CiliumNode of that node, with a block of each pool and family
cilium_node() {
	cat <<-END
	apiVersion: cilium.io/v2
	kind: CiliumNode
	metadata: {name: node$1, labels: {${2-}}}
	spec:
	  addresses: [{type: InternalIP, ip: 192.168.10.10$1}, {type: InternalIP, ip: "fd00:10::10$1"}]
	  ipam:
	    pools:
	      allocated:
	      - {pool: default, cidrs: [10.10.$1.0/27, "fd00:100::$1:0:0/96"]}
	      - {pool: mars, cidrs: [10.20.$1.0/27, "fd00:200::$1:0:0/96"]}
	END
}
# DATA: the ConfigMap of ip-masq-agent, as a document after others
masq_agent() {
	cat <<-END
	---
	apiVersion: v1
	kind: ConfigMap
	metadata: {name: ip-masq-agent, namespace: kube-system}
	data: {config: "$1"}
	END
}
mars=(--annotation ipam.cilium.io/ip-pool=mars)
