# SPDX-License-Identifier: GPL-2.0-only
# The command line: usage, sentences, hostile input, roots, locks, what is left, what survives a reboot.
load ../lib/ipam

setup_file() {
	bare_node
	# somebody holds the lock of another root for longer than anyone waits: its test is the last one
	pinpool --root /sys/fs/bpf/locked --state /run/locked.yaml up --node locked >/dev/null 2>&1
	flock -F /sys/fs/bpf/locked sleep 300 3>&- &
	echo $! >"$BATS_FILE_TMPDIR/holder"
	while flock -n /sys/fs/bpf/locked true; do sleep 0.1; done
	pinpool --root /sys/fs/bpf/locked gc >"$BATS_FILE_TMPDIR/locked.out" 2>"$BATS_FILE_TMPDIR/locked.err" 3>&- &
}

setup() {
	san=$BATS_TEST_DIRNAME/../../build/san/pinpool
	tmp=$BATS_TEST_TMPDIR
}

teardown() {
	audited_clean
}

teardown_file() {
	kill "$(<"$BATS_FILE_TMPDIR/holder")" 2>/dev/null || true
	node_down
}

# ARGUMENT…: a usage error: status 2, nothing on stdout, one line
usage() {
	run --separate-stderr pinpool "$@"
	[ "$status" = 2 ] || { echo "pinpool $*: status $status: $stderr"; return 1; }
	[ -z "$output" ] || { echo "pinpool $*: on stdout: $output"; return 1; }
	[ -n "$stderr" ] || { echo "pinpool $*: says nothing"; return 1; }
}

@test "usage errors: exit 2, a message on stderr, nothing on stdout" {
	local before
	before=$(snapshot)
	usage
	usage nosuch
	usage --nosuch
	usage up surplus
	usage up --set nothing
	usage up --set =x
	usage up --node ''
	usage down surplus
	usage apply
	usage apply -f
	usage apply -f x surplus
	usage apply --nosuch
	usage diff
	usage delete
	usage delete pool
	usage delete nosuch name
	usage delete pool a b
	usage get
	usage get nosuch
	usage get pods -o nosuch
	usage describe
	usage describe nosuch
	usage attach
	usage attach a b
	usage attach a --pod nonsense
	usage attach a --pod x/y/z
	local name
	for name in x/ /y Red/y red/Y a.b/y red/y- red/-y red/a..b red/a_b "$(printf 'n%.0s' {1..64})/y" \
		"red/$(printf 'n%.0s' {1..254})"; do
		usage attach a --pod "$name"
	done
	usage attach a --annotation nonsense
	usage attach a --label =x
	usage attach a --ip nonsense
	usage attach a --ip 10.0.0.1 --ip 10.0.0.2
	usage attach a --ifname ''
	usage detach
	usage detach a b
	usage alloc
	usage alloc --owner a surplus
	usage alloc --owner a --ip 10.0.0.256
	usage release
	usage release surplus
	usage status surplus
	usage status -o nosuch
	usage config
	usage config nosuch
	usage check surplus
	usage gc surplus
	usage version surplus
	equal "$before" "$(snapshot)"
}

# SENTENCE ARGUMENT…: the usage error says so
says() {
	local sentence=$1
	shift
	usage "$@"
	[ "$stderr" = "pinpool: $1: $sentence; see 'pinpool $1 --help'" ] || { echo "pinpool $*: $stderr"; return 1; }
}

@test "usage errors name what is missing, surplus or wrong" {
	says "-f is missing" apply
	says "-f is missing" diff --prune
	says "--owner is missing" alloc --pool mars
	says "--owner is missing" release
	says 'unexpected argument "surplus"' up surplus
	says 'unexpected argument "b"' get pods a b
	says 'unexpected argument "a"' detach a --owner b
	says 'expects "view"' config
	says 'expects "test"' connectivity
	says "expects a kind and a name" delete pool
	says "expects one network namespace" attach a b
	says '--tcx-after "1m": not a number of seconds' gc --tcx-after 1m
	says '--tcx-after "4294967296": not a number of seconds' gc --tcx-after 4294967296
	says '--ip "x": is not an address' alloc --owner a --ip x
	says 'unknown output "html": wide, json, yaml or name' get pods -o html
	says 'unknown output "wide": json' status -o wide
}

@test "the usage line of a command is made of its options" {
	equal "usage: pinpool up [-f FILE|DIR]... [--node NAME] [--set OPTION=VALUE]... [--require-uplink]" \
		"$(pinpool up --help | head -n 1)"
	equal "usage: pinpool apply [--prune] -f FILE|DIR|-" "$(pinpool apply -h | head -n 1)"
	equal "usage: pinpool get KIND [NAME] [-o wide|json|yaml]" "$(pinpool get --help pods | head -n 1)"
	equal "usage: pinpool detach NETNS | --owner ID" "$(pinpool detach --help | head -n 1)"
	equal "usage: pinpool config view" "$(pinpool config --help | head -n 1)"
	equal "usage: pinpool metrics" "$(pinpool metrics --help | head -n 1)"
}

@test "help everywhere, on stdout" {
	local command
	for command in up down apply diff delete get describe attach detach alloc release status config check gc version; do
		run --separate-stderr pinpool $command --help
		[ "$status" = 0 ]
		[[ $output == "usage: pinpool $command"* ]]
	done
	run pinpool --help
	[ "$status" = 0 ]
	has "usage: pinpool"
	run pinpool --version
	[ "$status" = 0 ]
}

@test "each failure is one sentence: object, reason, way out" {
	pool mars "$(v4 10.20.0.0/24 29)" | apply
	refused pinpool apply -f "$tmp/nosuch.yaml"
	has nosuch.yaml
	refused pinpool get pool nosuch
	refused pinpool get node nosuch
	refused pinpool describe pool nosuch
	refused pinpool delete pool nosuch
	refused pinpool delete node nosuch
	refused pinpool attach nosuch
	refused pinpool attach /nosuch/netns
	refused pinpool alloc --owner "$(printf 'x%.0s' {1..129})"
	has "has 129 bytes; at most 128 are allowed"
	refused pinpool alloc --owner ''
	ip netns add web
	refused pinpool attach web --ifname averyveryverylongname
	has "at most 15 are allowed"
	refused pinpool apply -f <(config bpf-nat-max=1024)
	has "bpf-nat-max: cannot change from 65536 to 1024 while running; run pinpool up"
	refused pinpool apply -f <(config snat-port-range=50000-50100)
	has "run pinpool up"
	refused pinpool apply -f <(config enable-ipv7=true)
	has "did you mean enable-ipv4"
	refused pinpool --netns nosuch get pods
	[[ $output != *$'\n'* ]]
}

@test "options: unknown ones are refused, Cilium's own are stored with a warning" {
	fails 1 pinpool up --set ipam-default-ip-poool=x
	has "ipam-default-ip-pool"
	fails 1 pinpool up --set enable-ipv4=perhaps
	has enable-ipv4
	run --separate-stderr pinpool apply -f <(config bpf-lb-algorithm=maglev)
	[ "$status" = 0 ]
	[[ $stderr == *bpf-lb-algorithm* ]]
	pinpool config view | grep -E '^bpf-lb-algorithm +maglev$'
	fails 1 pinpool up --set bpf-lb-mode=dsr
	has "bpf-lb-mode: not implemented"
	fails 1 pinpool up --set nosuch=
	has "option nosuch:"
	equal "$(pinpool config view | sort)" "$(pinpool config view)"
}

# NAME: one of Helm's own, with its value; the rest of a default cilium-config is like it
helm_config() {
	config "enable-dynamic-config=true" "enable-drift-checker=true" "enable-experimental-lb=false" \
		"cluster-pool-ipv4-cidr=10.0.0.0/8" "enable-srv6=false" "synchronize-k8s-nodes=true" "mtu=" \
		"ipv4-native-routing-cidr=" "enable-ipv6=" "node-cidr-allocator=" "bpf-nat-max=" "snat-port-range=" \
		"ipam=" "routing-mode=" "ipam-default-ip-pool=" "ipam-cilium-node-update-rate=" "$@"
}

@test "options: a cluster's cilium-config is accepted with one warning" {
	run --separate-stderr pinpool apply -f <(helm_config)
	[ "$status" = 0 ] || { echo "$stderr"; return 1; }
	equal "pinpool: configmap/cilium-config: cluster-pool-ipv4-cidr, enable-drift-checker, enable-dynamic-config and 3 more options: not implemented by pinpool, ignored; 'pinpool -v' names all" \
		"$stderr"
	pinpool config view | grep -E '^mtu +0$'
	pinpool config view | grep -E '^enable-ipv6 +false$'
	pinpool config view | grep -E '^ipam-default-ip-pool +default$'
	run --separate-stderr pinpool apply -f <(helm_config)
	[ -z "$stderr" ] # unchanged: said once
	run --separate-stderr pinpool -v apply -f <(helm_config one-more=1)
	grep 'enable-srv6, .*one-more.*: not implemented' <<<"$stderr"
	refused pinpool apply -f <(helm_config enable-ipv4-masqurade=false)
	has "configmap/cilium-config: option enable-ipv4-masqurade: unknown; did you mean enable-ipv4-masquerade?"
	refused pinpool apply -f - <<-'CONFIG'
	apiVersion: cilium.io/v2
	kind: CiliumNodeConfig
	metadata: {name: a, namespace: kube-system}
	spec: {nodeSelector: {}, defaults: {ipam-defualt-ip-pool: x}}
	CONFIG
	has "did you mean ipam-default-ip-pool?"
}

@test "-v: each change on stderr as it is made, nothing without a change" {
	run --separate-stderr pinpool -v apply -f <(pool default '{ipv4: {cidrs: [10.78.0.0/24], maskSize: 28}}')
	equal "ciliumpodippool/default created" "$output"
	grep -x 'pinpool: transaction pp_pool_set: done' <<<"$stderr"
	grep -E '^pinpool: map pp_cidrs: [0-9]+ rows written, 0 removed$' <<<"$stderr"
	ip netns add web
	run --separate-stderr pinpool attach web
	[ -z "$stderr" ]
	pinpool detach web
	run --separate-stderr pinpool -v attach web
	equal 0 "$status"
	grep -x 'pinpool: transaction pp_lease: done' <<<"$stderr"
	grep -E '^pinpool: route [0-9.]+/32: add it' <<<"$stderr"
	grep -E '^pinpool: interface .*: add it$' <<<"$stderr"
	[[ $output != *pinpool:* ]]
	run --separate-stderr pinpool -v get pods
	[ -z "$stderr" ]
	run --separate-stderr pinpool -v up
	grep -x 'pinpool: bpf/pod.*: loaded and pinned' <<<"$stderr"
	pinpool detach web
	pinpool delete pool default
	ip netns del web
}

# Broken or hostile manifests, each as a file in $tmp/bad
broken() {
	local name spec='spec: {ipv4: {cidrs: [10.77.0.0/24], maskSize: 29}}' head
	head=$'apiVersion: cilium.io/v2alpha1\nkind: CiliumPodIPPool\nmetadata: {name: x}\n'
	mkdir -p "$tmp/bad"
	cd "$tmp/bad"
	printf '%sspec: {ipv4: {cidrs: [10.77.0.0/24], maskSize: 29, nosuch: 1}}\n' "$head" >unknown-field
	printf '%sspec: {ipv4: {cidrs: "10.77.0.0/24", maskSize: 29}}\n' "$head" >wrong-type
	printf '%sspec: {ipv4: {cidrs: [10.77.0.0/24], maskSize: 33}}\n' "$head" >mask-33
	printf '%sspec: {ipv4: {cidrs: [], maskSize: 29}}\n' "$head" >no-cidr
	printf '%sspec: {ipv4: {cidrs: [%s10.77.255.0/32], maskSize: 32}}\n' "$head" \
		"$(for i in {0..31}; do printf '10.77.%s.0/32, ' "$i"; done)" >33-cidrs
	printf '%s%s\n%s\n' "$head" "$spec" "$spec" >duplicate-key
	printf '%s\t%s\n' "$head" "$spec" >tab
	printf '%sspec: {ipv4: {cidrs: [10.77.0.0/24], maskSize: 29\n' "$head" >unclosed
	printf '%s%s\n---\n%s%s\n' "$head" "$spec" "$head" "$spec" >twice
	printf '%s%s\n' "${head/name: x/name: X_Y}" "$spec" >bad-name
	printf '%s%s\n' "${head/name: x/nosuch: x}" "$spec" >no-name
	printf 'a: &a [x,x,x,x,x,x,x,x]\n' >bomb
	for name in b c d e f g h i; do
		printf '%s: &%s [*%s,*%s,*%s,*%s,*%s,*%s,*%s,*%s]\n' $name $name \
			"$(tr b-i a-h <<<$name)"{,,,,,,,} >>bomb
	done
	printf '{"apiVersion": "cilium.io/v2alpha1", "kind": "CiliumPodIPPool", ' >half-json
	head -c 4096 /dev/urandom >random
	printf '\0\0\0\0' >zeros
	printf '%0.s[' {1..20000} >deep
	/usr/bin/python3 -c 'print("a: " + "x" * 10 * 1024 * 1024 + "\n  b: 1")' >large
	cd - >/dev/null
}

@test "broken manifests under ASan: one clear sentence each, the state unchanged" {
	local file before
	broken
	before=$(snapshot)
	for file in "$tmp"/bad/*; do
		run --separate-stderr "$san" apply -f "$file"
		[ "$status" = 1 ] || { echo "$file: status $status: $stderr"; return 1; }
		[ -z "$output" ]
		[[ $stderr == pinpool:* && $stderr != *AddressSanitizer* && $stderr != *$'\n'* ]] ||
			{ echo "$file: $stderr"; return 1; }
	done
	equal "$before" "$(snapshot)"
	rm "$tmp"/bad/*
	run "$san" apply -f "$tmp/bad"
	[ "$status" = 0 ] || has "no manifests"
}

@test "every command under ASan, and the fuzzer's corpus" {
	local file status
	for file in "$BATS_TEST_DIRNAME"/../fuzz/corpus/manifest/*; do
		"$san" apply -f "$file" >"$tmp/out" 2>&1 || status=$?
		! grep -E "Sanitizer|runtime error" "$tmp/out"
	done
	ip netns add web
	for command in "attach web --pod test/web" "alloc --owner a" "get pods" "get pods -o json" "get pools -o yaml" \
		"get blocks" "get nodes -o yaml" "describe node" "config view" "check" "gc" "status" "detach web" \
		"release --owner a" "version" "up"; do
		# shellcheck disable=SC2086
		"$san" $command >"$tmp/out" 2>&1 || true
		! grep -E "Sanitizer|runtime error" "$tmp/out"
	done
}

@test "up again changes nothing" {
	pool default "$(v4 10.10.0.0/16 27)" | apply
	pinpool alloc --owner a
	ip netns add web
	pinpool attach web
	before=$(snapshot | grep -v pp_pods)
	pinpool up >/dev/null 2>&1
	equal "$before" "$(snapshot | grep -v pp_pods)"
	fails 1 pinpool up --node other
	has "is node n1 already"
}

@test "a failed write to standard output is an error" {
	[ -c /dev/full ] || skip "no /dev/full"
	run --separate-stderr bash -c 'pinpool get pods -o json >/dev/full'
	[ "$status" = 1 ]
	[[ $stderr == *"standard output"* ]]
}

@test "another root: created and mounted, separate from the first, removed by down --all" {
	local at=$tmp/elsewhere
	fails 1 pinpool --root relative/path get pods
	has "must be an absolute path"
	fails 1 pinpool --root "$at" get pods
	has "node not up; run 'pinpool up'"
	pinpool --root "$at" --state "$tmp/state" up --node n9 >/dev/null 2>&1
	findmnt -t bpf "$at"
	pool mars "$(v4 10.20.0.0/24 29)" | PINPOOL_ROOT=$at pinpool apply -f -
	equal 10.20.0.1 "$(pinpool --root "$at" alloc --owner a --pool mars)"
	refused pinpool get pool mars
	pinpool --root "$at" release --owner a
	pinpool --root "$at" down --all
	[ ! -e "$at/v2" ]
	umount "$at"
}

@test "a node that is not up, wrong user, wrong namespace" {
	local command
	for command in "apply -f /dev/null" "get pods" "alloc --owner a" "gc" "check" "config view" "delete pool a"; do
		# shellcheck disable=SC2086
		run --separate-stderr pinpool --root /sys/fs/bpf/nothing $command
		[ "$status" = 1 ]
		[[ $stderr == *"node not up; run 'pinpool up'"* ]]
	done
	pinpool --root /sys/fs/bpf/nothing down --all
	run setpriv --reuid 65534 --regid 65534 --clear-groups pinpool get pods
	[ "$status" = 1 ]
	has "run as root"
	ip netns add other
	refused pinpool --netns other alloc --owner a
	has "was brought up in another network namespace"
}

@test "state of another ABI is reported and left unchanged" {
	mkdir -p /sys/fs/bpf/future/v999
	for command in "up" "get pods" "apply -f /dev/null"; do
		# shellcheck disable=SC2086
		run --separate-stderr pinpool --root /sys/fs/bpf/future $command
		[ "$status" = 1 ]
		[[ $stderr == *"holds state of ABI 999 and this pinpool has ABI 2"* ]]
	done
	equal v999 "$(ls /sys/fs/bpf/future)"
	rmdir /sys/fs/bpf/future/v999 /sys/fs/bpf/future
}

# What pinpool may change of a host
host() {
	sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding net.ipv4.ip_local_reserved_ports
	ip -o link show | sed 's/^[0-9]*: //; s/@.*//' | sort
	for family in -4 -6; do ip $family route show table all proto 112; ip $family rule; done
	tc filter show dev far1 ingress
	bpftool net show dev far1 | grep pp_ || true
}

# A node of its own in a namespace of its own, with an uplink
other_node() {
	pinpool --netns other --root /sys/fs/bpf/other --state "$tmp/other.yaml" "$@"
}

@test "down and down --all leave nothing on the host" {
	ip netns add other
	nsenter --net=/run/netns/other ip link add far1 type veth peer name far2
	nsenter --net=/run/netns/other sh -c 'ip link set lo up; ip link set far1 up; ip link set far2 up
		ip addr add 192.168.9.1/24 dev far1; ip route add default via 192.168.9.2'
	before=$(nsenter --net=/run/netns/other bash -c "$(declare -f host); host")
	{ pool default "$(v4 10.10.0.0/16 27)"; config snat-port-range=50000-50100; } >"$tmp/f"
	other_node up -f "$tmp/f" --node other >/dev/null
	ip netns add web
	other_node attach web
	during=$(nsenter --net=/run/netns/other bash -c "$(declare -f host); host")
	[ "$before" != "$during" ]
	other_node down
	[ -e /sys/fs/bpf/other/v2/pp_leases ]
	other_node up >/dev/null
	other_node detach web
	other_node down --all
	[ ! -e /sys/fs/bpf/other ]
	equal "$before" "$(nsenter --net=/run/netns/other bash -c "$(declare -f host); host")"
}

# A reboot as far as pins go: the files under /sys/fs/bpf/other are gone, the disk is not
reboot() {
	rm -rf /sys/fs/bpf/other
	ip netns del other
	ip netns add other
}

@test "the state file: written with each change, and a reboot keeps the blocks" {
	ip netns add other
	{ pool default "$(v4 10.10.0.0/16 27)"; pool mars "$(v4 10.20.0.0/16 29)"; } >"$tmp/f"
	other_node up -f "$tmp/f" --node other >/dev/null 2>&1
	for i in {1..14}; do other_node alloc --owner "o$i" --pool mars >/dev/null; done
	for i in {1..6}; do other_node release --owner "o$i"; done
	held=$(other_node get blocks -o json | jq -c '[.items[].cidr]')
	equal '["10.10.0.0/27","10.20.0.8/29","10.20.0.16/29"]' "$held"
	equal "$(jq -r '.[]' <<<"$held")" "$(grep -oE '[0-9.]+/[0-9]+' "$tmp/other.yaml")"
	equal 600 "$(stat -c %a "$tmp/other.yaml")"
	reboot
	other_node up -f "$tmp/f" --node other >/dev/null 2>&1
	equal "$held" "$(other_node get blocks -o json | jq -c '[.items[].cidr]')"
	other_node check
	reboot
}

@test "a corrupt state file is set aside with a warning, never used in part; a missing one is harmless" {
	local text
	pool default "$(v4 10.10.0.0/16 27)" >"$tmp/f"
	ip netns add other
	other_node up -f "$tmp/f" --node other >/dev/null 2>&1
	text=$(<"$tmp/other.yaml")
	for broken in "${text:0:$((${#text} - 12))}" "$(head -c 300 /dev/urandom | tr -d '\0')" "${text/10.10.0.0\/27/10.10.0.0\/99}"; do
		reboot
		printf '%s' "$broken" >"$tmp/other.yaml"
		run --separate-stderr other_node up -f "$tmp/f" --node other
		[ "$status" = 0 ]
		if [ -e "$tmp/other.yaml.corrupt" ]; then
			[[ $stderr == *"other.yaml.corrupt"* ]]
			equal "$broken" "$(<"$tmp/other.yaml.corrupt")"
			rm "$tmp/other.yaml.corrupt"
		else
			[[ $stderr == *"other.yaml"* ]]
		fi
		equal "$text" "$(<"$tmp/other.yaml")"
	done
	reboot
	rm "$tmp/other.yaml"
	other_node up -f "$tmp/f" --node other >/dev/null 2>&1
	equal "$text" "$(<"$tmp/other.yaml")"
	reboot
}

@test "a held lock: the error names its holder" {
	wait_for_it() {
		for _ in $(seq $((600 * PINPOOL_SLOW))); do [ -s "$BATS_FILE_TMPDIR/locked.err" ] && return; sleep 0.1; done
	}
	wait_for_it
	equal "" "$(<"$BATS_FILE_TMPDIR/locked.out")"
	output=$(<"$BATS_FILE_TMPDIR/locked.err")
	has "pinpool: /sys/fs/bpf/locked: locked by process $(<"$BATS_FILE_TMPDIR/holder") for over 30 seconds"
}
