# SPDX-License-Identifier: GPL-2.0-only
# The CNI plugin, called as runtimes call it: every command and version, wishes, errors, bad input.
load ../lib/cni

setup_file() { node_up; }
teardown() {
	ip netns pids world | xargs -r kill 2>/dev/null || true
	cni_cleanup
	is_clean
}

@test "VERSION prints the supported versions, with and without input" {
	conf | cni VERSION "" | jq -e '.cniVersion == "1.0.0" and .supportedVersions == ["0.3.1", "0.4.0", "1.0.0", "1.1.0"]'
	cni VERSION "" </dev/null | jq -e '.cniVersion == "1.1.0"'
	# a runtime from the future learns what we have
	echo '{"cniVersion":"2.0.0"}' | cni VERSION "" | jq -e '.cniVersion == "1.1.0"'
}

@test "ADD's result has the form of each version" {
	for version in 0.3.1 0.4.0 1.0.0 1.1.0; do
		result=$(add "p$version" ".cniVersion = \"$version\"")
		echo "$result"
		jq -e --arg v $version '.cniVersion == $v and (.interfaces | length) == 2 and
			(.interfaces[0] | has("sandbox") | not) and
			.interfaces[1].name == "eth0" and .interfaces[1].sandbox == "/run/netns/p" + $v and
			(.ips | length) == 1 and .ips[0].interface == 1 and .ips[0].gateway == "169.254.1.1" and
			.routes == [{dst: "0.0.0.0/0", gw: "169.254.1.1"}]' <<<"$result"
		# "version" went with 1.0.0, "mtu" came with 1.1.0
		case $version in
		0.*) jq -e '.ips[0].version == "4"' <<<"$result" ;;
		*) jq -e '.ips[0] | has("version") | not' <<<"$result" ;;
		esac
		[ $version != 1.1.0 ] || jq -e '.interfaces[1].mtu == 1500' <<<"$result"
		[ $version = 0.3.1 ] || check "p$version" "$result" ".cniVersion = \"$version\""
		del "p$version" ".cniVersion = \"$version\""
	done
}

@test "ADD's result is true, and pods reach each other, the node and the world" {
	a=$(add a) b=$(add b '.pool = "mars"')
	[[ $(address "$a") = 10.10.0.* ]]
	[[ $(address "$b") = 10.20.0.* ]]
	ip -n a -j addr show eth0 | jq -e --arg ip "$(address "$a")" --argjson r "$a" '.[0] |
		.address == $r.interfaces[1].mac and .addr_info[0].local == $ip and .addr_info[0].prefixlen == 32'
	ip -j link show "$(jq -r '.interfaces[0].name' <<<"$a")" |
		jq -e --argjson r "$a" '.[0].address == $r.interfaces[0].mac'
	ip netns exec a ping -qnc 1 -W "$PINPOOL_SLOW" "$(address "$b")"
	ip netns exec b ping -qnc 1 -W "$PINPOOL_SLOW" 192.168.10.1
	ip netns exec a ping -qnc 1 -W "$PINPOOL_SLOW" 192.168.10.254
	ping -qnc 1 -W "$PINPOOL_SLOW" "$(address "$a")"
}

@test "ADD again returns the same; DEL again and of an unknown pod succeed" {
	first=$(add a)
	[ "$(add a)" = "$first" ]
	[ "$(add a '.pool = "mars"')" = "$first" ]
	[ "$(pinpool get pods -o json | jq '.items | length')" = 1 ]
	conf | cni DEL a "" # as containerd does
	is_clean
	del a
	del nobody
	conf | cni DEL a /run/netns/nothing
	conf | cni DEL a /nothing/at/all
}

@test "ADD, DEL and ADD concurrently in one namespace" {
	for i in 1 2 3 4 5; do
		result=$(add a)
		check a "$result"
		del a
	done
}

@test "one container, two interfaces, two networks" {
	a=$(add a)
	b=$(conf '.name = "more" | .pool = "mars"' | CNI_IFNAME=eth1 cni ADD a /run/netns/a)
	[[ $(address "$b") = 10.20.0.* ]]
	ip -n a addr show eth1 | grep -qF "$(address "$b")"
	check a "$a"
	conf ".name = \"more\" | .prevResult = $b" | CNI_IFNAME=eth1 cni CHECK a /run/netns/a
	ping -qnc 1 -W "$PINPOOL_SLOW" "$(address "$b")"
	del a
	ping -qnc 1 -W "$PINPOOL_SLOW" "$(address "$b")"
	CNI_IFNAME=eth1 del a
}

@test "CHECK finds each broken part, and a missing pod" {
	a=$(add a)
	host=$(jq -r '.interfaces[0].name' <<<"$a")
	config=$(conf ".prevResult = $a")
	broken() { # PATTERN COMMAND…: breaks it, is told so, and a new ADD repairs it
		local pattern=$1
		shift
		"$@"
		fails_with 105 "$pattern" call "$config" CHECK a /run/netns/a
		conf | cni DEL a /run/netns/a
		a=$(add a)
		config=$(conf ".prevResult = $a")
		cni CHECK a /run/netns/a <<<"$config"
	}
	cni CHECK a /run/netns/a <<<"$config"
	broken "lacks its address" ip -n a addr flush dev eth0
	broken "lacks its default route" ip -n a route del default
	broken "neighbour entry of its gateway" ip -n a neigh del 169.254.1.1 dev eth0
	broken "pod's end is down" ip -n a link set eth0 down
	broken "another MAC" ip -n a link set eth0 address 02:00:00:00:00:99
	broken "host's end is down" ip link set "$host" down
	broken "route to it is missing" ip route del "$(address "$a")" dev "$host"
	broken "neighbour entry for it" ip neigh del "$(address "$a")" dev "$host"
	broken "program is detached" tc qdisc del dev "$host" clsact
	broken "gone" ip link del "$host"
	fails_with 105 "another address" call "$(jq -c '.prevResult.ips[0].address = "10.10.0.250/32"' <<<"$config")" CHECK a /run/netns/a
	fails_with 105 "another MAC" call "$(jq -c '.prevResult.interfaces[1].mac = "02:70:70:00:ff:ff"' <<<"$config")" CHECK a /run/netns/a
	fails_with 7 "no interface eth0" call "$(jq -c '.prevResult.interfaces = []' <<<"$config")" CHECK a /run/netns/a
	fails_with 7 "prevResult.* missing" call "$(conf)" CHECK a /run/netns/a
	fails_with 3 "has no addresses" call "$config" CHECK stranger /run/netns/a
	ip netns add other
	fails_with 105 "under its name" call "$config" CHECK a /run/netns/other
	# what a later plugin did is its own affair
	call "$(jq -c '.prevResult.ips += [{address: "192.0.2.1/24", interface: 0}] | .prevResult.routes = []' <<<"$config")" CHECK a /run/netns/a
}

@test "STATUS: ready, missing pool, exhausted, an uplink without its programs" {
	now='.cniVersion = "1.1.0"'
	conf "$now" | cni STATUS "" | diff /dev/null -
	conf "$now | .pool = \"mars\"" | cni STATUS ""
	fails_with 50 'pool "venus"' call "$(conf "$now | .pool = \"venus\"")" STATUS ""
	conf "$now | .pool = \"tiny\"" | cni STATUS ""
	add t1 '.pool = "tiny"'
	add t2 '.pool = "tiny"'
	fails_with 50 'pool "tiny".*exhausted' call "$(conf "$now | .pool = \"tiny\"")" STATUS ""
	del t1
	conf "$now | .pool = \"tiny\"" | cni STATUS ""
	fails_with 50 "node not up" call "$(conf "$now | .root = \"/sys/fs/bpf/nothing\"")" STATUS ""
	fails_with 1 "1.0.0 has no STATUS" call "$(conf)" STATUS ""
}

@test "GC frees only this network's attachments that are not in the list" {
	for i in 1 2 3; do add "a$i"; done
	add other '.name = "other"'
	ip netns add attached
	pinpool attach attached
	gc='.cniVersion = "1.1.0"'
	keep='[{containerID: "a2", ifname: "eth0"}, {containerID: "a3", ifname: "eth9"}]'
	conf "$gc | .\"cni.dev/valid-attachments\" = $keep" | cni GC "" | diff /dev/null -
	[ "$(pinpool get pods -o json | jq -c '[.items[].owner] | sort')" = '["a2","attached","other"]' ]
	# the key that the specification first had
	conf "$gc | .\"cni.dev/attachments\" = $keep" | cni GC ""
	[ "$(pinpool get pods -o json | jq '.items | length')" = 3 ]
	# no list is not an empty list
	fails_with 7 "valid-attachments.* missing" call "$(conf "$gc")" GC ""
	fails_with 7 "valid-attachments.0.*containerID: missing" call "$(conf "$gc | .\"cni.dev/valid-attachments\" = [{}]")" GC ""
	[ "$(pinpool get pods -o json | jq '.items | length')" = 3 ]
	# null neither: what is certainly gone goes, as everywhere
	add gone
	ip link del "$(pinpool get pods -o json | jq -r '.items[] | select(.owner == "gone") | .hostInterface')"
	conf "$gc | .\"cni.dev/valid-attachments\" = null | .\"cni.dev/attachments\" = null" | cni GC ""
	[ "$(pinpool get pods -o json | jq -c '[.items[].owner] | sort')" = '["a2","attached","other"]' ]
	fails_with 7 "must be a list" call "$(conf "$gc | .\"cni.dev/attachments\" = \"a2\"")" GC ""
	# either key, whichever has a list
	conf "$gc | .\"cni.dev/valid-attachments\" = null | .\"cni.dev/attachments\" = $keep" | cni GC ""
	[ "$(pinpool get pods -o json | jq '.items | length')" = 3 ]
	# and an empty one is what it says
	conf "$gc | .\"cni.dev/valid-attachments\" = []" | cni GC ""
	[ "$(pinpool get pods -o json | jq -c '[.items[].owner] | sort')" = '["attached","other"]' ]
	conf "$gc | .root = \"/sys/fs/bpf/nothing\" | .\"cni.dev/valid-attachments\" = []" | cni GC ""
	fails_with 1 "1.0.0 has no GC" call "$(conf)" GC ""
}

@test "the pool: annotations over the network's own, the namespace's too" {
	pods='.runtimeConfig."io.kubernetes.cri.pod-annotations"'
	a=$(add a "$pods = {\"ipam.cilium.io/ip-pool\": \"mars\"}")
	[[ $(address "$a") = 10.20.0.* ]]
	pinpool apply -f - <<-'NS'
	apiVersion: v1
	kind: Namespace
	metadata: {name: red, annotations: {ipam.cilium.io/ip-pool: mars}}
	NS
	args='IgnoreUnknown=1;K8S_POD_NAMESPACE=red;K8S_POD_NAME=web-0;K8S_POD_INFRA_CONTAINER_ID=b;K8S_POD_UID=1;FOO=bar'
	b=$(CNI_ARGS=$args add b)
	[[ $(address "$b") = 10.20.0.* ]]
	pinpool get pods -o json | jq -e '.items[] | select(.owner == "b") | .namespace == "red" and .name == "web-0"'
	pinpool delete namespace red
}

@test "a missing pool is error 100, and a retry succeeds once it exists" {
	ip netns add a
	fails_with 100 'unable to allocate from pool "venus" \(family ipv4\): pool not \(yet\) available' \
		call "$(conf '.pool = "venus"')" ADD a /run/netns/a
	pinpool apply -f - <<-'POOL'
	apiVersion: cilium.io/v2alpha1
	kind: CiliumPodIPPool
	metadata: {name: venus}
	spec: {ipv4: {cidrs: [10.50.0.0/16], maskSize: 27}}
	POOL
	a=$(add a '.pool = "venus"')
	[[ $(address "$a") = 10.50.0.* ]]
	del a
	pinpool delete pool venus
}

@test "an exhausted pool is error 101 and leaves nothing" {
	add a '.pool = "tiny"'
	add b '.pool = "tiny"'
	ip netns add c
	fails_with 101 "all CIDR ranges are exhausted" call "$(conf '.pool = "tiny"')" ADD c /run/netns/c
	! ip -n c link show eth0
	del a
	add c '.pool = "tiny"'
}

@test "requested addresses: three sources, the strongest first; an unavailable one is error 102" {
	a=$(add a '.runtimeConfig.ips = ["10.10.0.77/24"] | .args.cni.ips = ["10.10.0.78"]')
	[ "$(address "$a")" = 10.10.0.77 ]
	b=$(CNI_ARGS='IgnoreUnknown=1;IP=10.10.0.79' add b '.args.cni.ips = ["10.10.0.78"]')
	[ "$(address "$b")" = 10.10.0.78 ]
	c=$(CNI_ARGS='IP=10.10.0.79' add c)
	[ "$(address "$c")" = 10.10.0.79 ]
	ip netns add d
	wish() { conf ".runtimeConfig.ips = [\"$1\"]"; }
	fails_with 102 "provided IP is already allocated" call "$(wish 10.10.0.77)" ADD d /run/netns/d
	fails_with 102 "not in range of any CIDR" call "$(wish 10.99.0.1)" ADD d /run/netns/d
	fails_with 102 "not in the valid range" call "$(wish 10.10.0.0)" ADD d /run/netns/d
	fails_with 7 "second address of its family" call "$(conf '.runtimeConfig.ips = ["10.10.0.5", "10.10.0.6"]')" ADD d /run/netns/d
	fails_with 7 "not an IP address" call "$(wish 10.10.0.300)" ADD d /run/netns/d
	fails_with 7 "runtimeConfig.ips.0.*must be a string" call "$(conf '.runtimeConfig.ips = [7]')" ADD d /run/netns/d
	fails_with 100 "IPv6 is not enabled" call "$(wish fd40::7)" ADD d /run/netns/d
}

@test "requested MAC and MTU" {
	add a '.runtimeConfig.mac = "02:11:22:33:44:55" | .mtu = 1400'
	ip -n a -j link show eth0 | jq -e '.[0] | .address == "02:11:22:33:44:55" and .mtu == 1400'
	CNI_ARGS='MAC=02:11:22:33:44:56' add b
	ip -n b -j link show eth0 | jq -e '.[0].address == "02:11:22:33:44:56"'
	ip netns add c
	for mac in 01:00:00:00:00:01 00:00:00:00:00:00 02:11:22:33:44 02:11:22:33:44:5g 02-11-22-33-44-55; do
		fails_with 7 "runtimeConfig.mac" call "$(conf ".runtimeConfig.mac = \"$mac\"")" ADD c /run/netns/c
	done
	fails_with 7 "mtu: must be 0 .* or 68 to 65535" call "$(conf '.mtu = 67')" ADD c /run/netns/c
}

@test "both families in one result, or neither" {
	pinpool up --set enable-ipv6=true
	a=$(add a '.pool = "dual" | .runtimeConfig.ips = ["10.40.0.9", "fd40::9"]')
	jq -e '[.ips[] | .address] == ["10.40.0.9/32", "fd40::9/128"] and .ips[1].gateway == "fe80::1" and
		.routes[1] == {dst: "::/0", gw: "fe80::1"}' <<<"$a"
	check a "$a" '.pool = "dual"'
	b=$(add b '.pool = "dual" | .cniVersion = "0.3.1"')
	jq -e '[.ips[].version] == ["4", "6"]' <<<"$b"
	ip netns exec a ping -qnc 1 -W "$PINPOOL_SLOW" "$(jq -r '.ips[1].address | sub("/.*"; "")' <<<"$b")"
	ip netns add c
	fails_with 102 "already allocated" call "$(conf '.pool = "dual" | .runtimeConfig.ips = ["10.40.0.11", "fd40::9"]')" ADD c /run/netns/c
	[ "$(pinpool get pods -o json | jq '.items | length')" = 2 ]
	del a
	del b
	pinpool up --set enable-ipv6=false
}

# COMMAND RESULT: portmap after us in the list, port 8080 of the node to 80 of the pod
portmap() {
	jq -nc --argjson r "$2" '{cniVersion: "1.0.0", name: "pods", type: "portmap", snat: true, prevResult: $r,
		runtimeConfig: {portMappings: [{hostPort: 8080, containerPort: 80, protocol: "tcp"}]}}' |
		CNI_COMMAND=$1 CNI_CONTAINERID=a CNI_NETNS=/run/netns/a CNI_IFNAME=eth0 CNI_PATH=/usr/lib/cni /usr/lib/cni/portmap
}

# COMMAND…: what a server behind port 8080 of the node says to a client that runs under COMMAND
hear() {
	for try in 1 2 3 4 5; do
		"$@" busybox nc -w "$PINPOOL_SLOW" 192.168.10.1 8080 </dev/null && return
		sleep 0.2
	done
}

@test "portmap after us: a port of the node forwards to the pod, from the node itself" {
	a=$(add a)
	ip netns exec a busybox nc -ll -p 80 -e echo hello 3>&- & server=$!
	final=$(portmap ADD "$a")
	jq -e --argjson r "$a" '.ips == $r.ips and .interfaces == $r.interfaces' <<<"$final"
	check a "$final"
	heard=$(hear env)
	kill $server
	portmap DEL "$final"
	[ "$heard" = hello ]
}

@test "portmap after us: a port of the node forwards to the pod, from the world" {
	a=$(add a ".runtimeConfig.portMappings = [{hostPort: 8080, containerPort: 80, protocol: \"tcp\"}]")
	ip netns exec a busybox nc -ll -p 80 -e echo hello 3>&- & server=$!
	final=$(portmap ADD "$a")
	heard=$(hear ip netns exec world)
	kill $server
	portmap DEL "$final"
	[ "$heard" = hello ]
}

@test "a chained ADD returns the previous result, then ours" {
	ip netns add a
	lo=$(CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_NETNS=/run/netns/a CNI_IFNAME=lo CNI_PATH=/usr/lib/cni \
		/usr/lib/cni/loopback <<<'{"cniVersion":"1.0.0","name":"lo","type":"loopback"}')
	add a ".prevResult = $lo" | jq -e '(.interfaces | length) == 3 and .interfaces[0].name == "lo" and
		.ips[-1].interface == 2 and .interfaces[2].name == "eth0" and (.ips | length) > 1'
	add b '.dns = {nameservers: ["192.0.2.53"]}' | jq -e '.dns.nameservers == ["192.0.2.53"]'
}

@test "invalid input of all kinds is an error object" {
	ip netns add a
	ns=/run/netns/a
	# the environment
	fails_with 4 CNI_COMMAND call "$(conf)" "" a $ns
	fails_with 4 CNI_COMMAND call "$(conf)" add a $ns
	fails_with 4 CNI_COMMAND env -i "$PLUGIN" </dev/null
	for id in "" ../x "a b" -a "é" "$(printf 'x%.0s' {1..129})" $'a\nb'; do
		fails_with 4 CNI_CONTAINERID call "$(conf)" ADD "$id" $ns
		fails_with 4 CNI_CONTAINERID call "$(conf)" DEL "$id" $ns
	done
	for name in "" . .. a/b a:b "a b" 0123456789abcdef; do
		CNI_IFNAME=$name fails_with 4 CNI_IFNAME call "$(conf)" ADD a $ns
	done
	for netns in "" a relative/x /run/netns/nothing /etc/passwd /dev/null /run /proc/self/ns/mnt /proc/self/ns/net; do
		fails_with 4 CNI_NETNS call "$(conf)" ADD a "$netns"
	done
	for args in FOO=bar FOO =x ";;=;" IP=1 MAC=1 K8S_POD_NAME=a/b "K8S_POD_NAME=$(printf 'x%.0s' {1..254})" \
		"K8S_POD_NAMESPACE=$(printf 'x%.0s' {1..64})" K8S_POD_NAMESPACE=Red 'K8S_POD_NAME=web_1;K8S_POD_NAMESPACE=red' \
		K8S_POD_NAMESPACE=a.b 'K8S_POD_NAMESPACE=red;K8S_POD_NAME=web-' $'IP=\xff\xfe'; do
		CNI_ARGS=$args fails_with 4 CNI_ARGS call "$(conf)" ADD a $ns
	done
	# not JSON, or not an object
	for text in "" "{" "[]" "7" '"x"' "{} x" '{"a":1,"a":2}' $'{"name":"\xff"}' '{"name":"\u0000"}' "$(printf '[%.0s' {1..3000})"; do
		fails_with 6 "network configuration" call "$text" ADD a $ns
	done
	fails_with 6 "longer than" cni ADD a $ns < <(head -c 2000000 /dev/zero | tr '\0' ' ')
	# no such version
	for version in '""' '"0.1.0"' '"0.3.0"' '"1.2.0"' '"x"' null; do
		fails_with 1 cniVersion call "$(conf ".cniVersion = $version")" ADD a $ns
	done
	fails_with 1 "0.3.1 has no CHECK" call "$(conf '.cniVersion = "0.3.1"')" CHECK a $ns
	# fields
	fails_with 2 '"pools": "mars"' call "$(conf '.pools = "mars"')" ADD a $ns
	fails_with 2 '"ipam"' call "$(conf '.ipam = {type: "host-local"}')" ADD a $ns
	for bad in '.name = ""' '.name = "a/b"' 'del(.name)' 'del(.type)' '.type = 7' '.pool = 7' '.mtu = "1500"' '.mtu = -1' \
		'.mtu = 1500.5' '.root = "x"' '.root = 7' '.logFile = "x"' '.dns = []' '.prevResult = []' '.prevResult.ips = 7' \
		'.prevResult.ips = [7]' '.runtimeConfig = []' '.runtimeConfig.ips = "x"' '.runtimeConfig.mac = 7' '.args = 7' '.args.cni = 7' \
		'.args.cni.ips = [{}]' '.runtimeConfig."io.kubernetes.cri.pod-annotations" = {a: 1}' \
		'.runtimeConfig."io.kubernetes.cri.pod-annotations" = {"pinpool.io/ipv4-address": "x"}' '.cniVersion = 1'; do
		fails_with 7 . call "$(conf "$bad")" ADD a $ns
	done
	[ ! -e x ] # the refused logFile
	# what Go writes for nothing, and others' keys, are fine
	add a '.runtimeConfig = null | .args = null | .prevResult = null | ."example.com/x" = 7 | .ipMasq = true'
	# a configuration that was changed since does not keep a pod alive
	CNI_ARGS=junk del a '.pools = "mars" | .mtu = "x" | .prevResult = 7 | .runtimeConfig = 7'
	is_clean
}

@test "an existing interface of the pod is not touched" {
	ip netns add a
	ip -n a link add eth0 type veth peer name other
	fails_with 999 "eth0: the pod has one already" call "$(conf)" ADD a /run/netns/a
	ip -n a link show eth0 | grep -q eth0@other
	del a
	ip -n a link show eth0 | grep -q eth0@other
}

@test "two concurrent ADDs of one container create one pod" {
	ip netns add a
	for round in 1 2 3 4 5; do
		for i in 1 2 3 4; do
			conf | cni ADD a /run/netns/a >"$BATS_TEST_TMPDIR/$i" & pids[i]=$!
		done
		for i in 1 2 3 4; do wait "${pids[i]}"; done
		for i in 2 3 4; do cmp "$BATS_TEST_TMPDIR/1" "$BATS_TEST_TMPDIR/$i"; done
		check a "$(cat "$BATS_TEST_TMPDIR/1")"
		del a
		is_clean
	done
}

@test "concurrent ADD and DEL of one container end with one pod or none" {
	ip netns add a
	for round in 1 2 3 4 5 6 7 8; do
		conf | cni ADD a /run/netns/a >/dev/null & adder=$!
		conf | cni DEL a /run/netns/a
		wait $adder || true
		conf | cni DEL a /run/netns/a
		is_clean
	done
}

@test "a storm of pods, some with killed creators" {
	run "$BATS_TEST_DIRNAME/../crash/cni-storm" 60
	echo "$output"
	[ "$status" = 0 ]
}
