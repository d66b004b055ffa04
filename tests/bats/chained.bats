# SPDX-License-Identifier: GPL-2.0-only
# Plugins behind ours in the list that change its interface: the distribution's, and those of
# scripts/cni-plugins in the folder $PINPOOL_CNI_PLUGINS.
load ../lib/cni

setup_file() { node_up; }
teardown() {
	cni_cleanup
	is_clean
}

# NAME…: the folders of plugins; one that was named must have them
folders() {
	local folder name
	for folder in /usr/lib/cni ${PINPOOL_CNI_PLUGINS-}; do
		for name; do [ -x "$folder/$name" ] || { echo "$folder: has no plugin $name" >&2; return 1; }; done
		echo "$folder"
	done
}

# FOLDER COMMAND NAME RESULT CONFIGURATION: the plugin behind ours, for pod NAME
chained() {
	jq -nc --argjson r "$4" "{cniVersion: \"1.0.0\", name: \"pods\", prevResult: \$r} + $5" |
		CNI_COMMAND=$2 CNI_CONTAINERID=$3 CNI_NETNS=/run/netns/$3 CNI_IFNAME=eth0 CNI_PATH=$1 \
			"$1/$(jq -nr "$5 | .type")"
}

host_end() { jq -r '.interfaces[0].name' <<<"$1"; }
# a pod's pings: 20 kB and more each way
ping_from() { ip netns exec "$1" ping -qnc 20 -i 0.01 -s 1000 -W "$PINPOOL_SLOW" "$2"; }
# DEVICE: bytes that its queue has let through
queued() { tc -s -j qdisc show dev "$1" root | jq '.[0].bytes'; }
# DEVICE COMMAND…: during which at least 20 kB pass the device's queue
passes_queue() {
	local dev=$1 before
	shift
	before=$(queued "$dev")
	"$@"
	[ $(($(queued "$dev") - before)) -ge 20000 ]
}
limiter() { ip -j link show type ifb | jq -r '.[].ifname'; }
# FOLDER FILTER: pod a with limits both ways; FILTER tells pinpool-cni
limited_pod() {
	a=$(add a "$2")
	final=$(chained "$1" ADD a "$a" "$limits") || { echo "$final"; return 1; }
}
limits='{type: "bandwidth", ingressRate: 100000000, ingressBurst: 10000000, egressRate: 100000000, egressBurst: 10000000}'

has_tcx() { [ "$(printf '6.6\n%s\n' "$(uname -r)" | sort -V | head -n 1)" = 6.6 ]; }

@test "bandwidth after us: both directions obey the limits on every path" {
	has_tcx || skip "an ingress qdisc beside our filter needs tcx (Linux 6.6)"
	b=$(add b)
	list=$(folders bandwidth)
	for folder in $list; do
		for told in '.runtimeConfig["io.kubernetes.cri.pod-annotations"] = {"kubernetes.io/egress-bandwidth": "100M"}' \
			'.runtimeConfig.bandwidth = {ingressRate: 100000000}' '.bandwidth = true'; do
			limited_pod "$folder" "$told"
			check a "$final" "$told"
			for there in "$(address "$b")" 192.168.10.254 192.168.10.1; do
				passes_queue "$(limiter)" ping_from a "$there"
				passes_queue "$(host_end "$a")" ping_from a "$there"
			done
			passes_queue "$(limiter)" ping_from b "$(address "$a")"
			passes_queue "$(host_end "$a")" ping_from b "$(address "$a")"
			pinpool check
			chained "$folder" DEL a "$final" "$limits"
			del a
		done
	done
}

@test "bandwidth after us, receiving rate only: found by CHECK and by gc" {
	limits='{type: "bandwidth", ingressRate: 100000000, ingressBurst: 10000000}'
	b=$(add b)
	list=$(folders bandwidth)
	for folder in $list; do
		for finder in "check a" "pinpool gc"; do
			limited_pod "$folder" .
			if [ "$finder" = "check a" ]; then check a "$final"; else pinpool gc; fi
			passes_queue "$(host_end "$a")" ping_from b "$(address "$a")"
			passes_queue "$(host_end "$a")" ping_from a 192.168.10.254
			chained "$folder" DEL a "$final" "$limits"
			del a
		done
	done
}

@test "bandwidth: invalid announcements are refused" {
	fails_with 7 'bandwidth: must be true or false' call "$(conf '.bandwidth = 1')" ADD a /proc/self/ns/net
	fails_with 7 'runtimeConfig.bandwidth: must be a map' call "$(conf '.runtimeConfig.bandwidth = true')" ADD a /proc/self/ns/net
}

@test "tuning after us, another MTU: CHECK accepts it, and both ends agree" {
	list=$(folders tuning)
	for folder in $list; do
		for mtu in 1300 4000; do
			a=$(add a)
			final=$(chained "$folder" ADD a "$a" "{type: \"tuning\", mtu: $mtu}")
			ping_from a 192.168.10.254
			check a "$final"
			[ "$(ip -j link show "$(host_end "$a")" | jq '.[0].mtu')" = $mtu ]
			pinpool check
			del a
		done
	done
}

@test "tuning after us, another MAC: the pod has traffic at once, and the node after CHECK or gc" {
	b=$(add b '.pool = "dual"')
	mac=c2:b0:57:49:47:f1
	list=$(folders tuning)
	for folder in $list; do
		for finder in check gc fix; do
			a=$(add a '.pool = "dual"')
			final=$(chained "$folder" ADD a "$a" "{type: \"tuning\", mac: \"$mac\"}")
			for there in 192.168.10.254 $(jq -r '.ips[].address | sub("/.*"; "")' <<<"$b"); do
				ping_from a "$there"
			done
			ping_from b "$(address "$a")"
			case $finder in
			check) check a "$final" '.pool = "dual"' ;;
			gc) pinpool gc ;;
			fix) pinpool check --fix ;;
			esac
			[ "$(ip -n a -j link show eth0 | jq -r '.[0].address')" = $mac ]
			for there in $(jq -r '.ips[].address | sub("/.*"; "")' <<<"$a"); do
				ping -qnc 1 -W "$PINPOOL_SLOW" "$there"
			done
			ping_from a 192.168.10.1
			ip -n a neigh show 169.254.1.1 | grep PERMANENT
			check a "$final" '.pool = "dual"'
			pinpool check
			# the MAC that ADD gave is not the pod's any more
			fails_with 105 "another MAC" call "$(conf ".pool = \"dual\" | .prevResult = $a")" CHECK a /run/netns/a
			del a
		done
	done
}
