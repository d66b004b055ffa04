# SPDX-License-Identifier: GPL-2.0-only
# For *.bats about pools, blocks and addresses: a node without uplink, audited after each test. `load ipam`.
load ../lib/helper

# A bare node n1, the same for all tests of a file: `up` takes longer than most of them.
bare_node() {
	pinpool --state "$BATS_FILE_TMPDIR/node.yaml" up --node n1 >/dev/null 2>&1
}

# After each test both audits must find nothing, and nothing may stay.
audited_clean() {
	local status=0 owner
	/usr/bin/python3 "$BATS_TEST_DIRNAME/../model/audit.py" || status=1
	pinpool check || status=1
	for owner in $(ip netns list | cut -d' ' -f1); do ip netns del "$owner"; done
	# the kernel takes a deleted namespace's interfaces away some time later
	for _ in $(seq $((100 * PINPOOL_SLOW))); do
		pinpool gc >/dev/null
		[ -n "$(pinpool get pods -o json | jq '.items[] | select((.ifindex // 0) > 0)')" ] || break
		sleep 0.1
	done
	for owner in $(pinpool get pods -o json | jq -r '.items[].owner'); do pinpool release --owner "$owner"; done
	mkdir -p "$BATS_TEST_TMPDIR/none"
	pinpool apply --prune -f "$BATS_TEST_TMPDIR/none" >/dev/null
	equal 0 "$(pinpool get blocks -o json | jq '.items | length')" || status=1
	return $status
}

# A manifest from stdin
apply() {
	pinpool apply -f -
}

# [KEY=VALUE…]: cilium-config with these options and no others
config() {
	local o
	printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cilium-config}\ndata:\n  enable-ipv4: "true"\n'
	for o; do printf "  %s: '%s'\n" "${o%%=*}" "${o#*=}"; done
}

# NAME SPEC-AS-JSON
pool() {
	printf 'apiVersion: cilium.io/v2alpha1\nkind: CiliumPodIPPool\nmetadata: {name: %s}\nspec: %s\n---\n' "$1" "$2"
}

# NAME CIDR MASK: one line of JSON flow for pool
v4() {
	printf '{ipv4: {cidrs: [%s], maskSize: %s}}' "$1" "$2"
}

# POOL [FAMILY]: "CIDR state used" of its blocks, one a line, in the order of their CIDRs
blocks() {
	pinpool get blocks -o json | jq -r --arg p "$1" --arg f "${2-}" '
		.items[] | select(.pool == $p and ($f == "" or .family == $f)) | "\(.cidr) \(.state) \(.used)"'
}

# POOL: "ipv4 ipv6" of requested
needed() {
	pinpool get nodes n1 -o json | jq -r --arg p "$1" '
		[.spec.ipam.pools.requested[]? | select(.pool == $p) | .needed] | first // {} |
		"\(."ipv4-addrs" // 0) \(."ipv6-addrs" // 0)"'
}

# FROM TO [ALLOC-OPTION…]: owners oFROM … oTO
allocs() {
	local i from=$1 to=$2
	shift 2
	for ((i = from; i <= to; i++)); do pinpool alloc --owner "o$i" "$@" >/dev/null || return 1; done
}

releases() {
	local i
	for ((i = $1; i <= $2; i++)); do pinpool release --owner "o$i" || return 1; done
}

# WANTED FOUND
equal() {
	[ "$1" = "$2" ] || { printf 'wanted: %s\nfound:  %s\n' "$1" "$2"; return 1; }
}

# All state that a command may change
snapshot() {
	/usr/bin/python3 "$BATS_TEST_DIRNAME/../model/maps.py" "${root%/v2}"
	ip route show table all proto 112 | sort
}

# COMMAND…: refused with status 1, and nothing has changed; the sentence is in $output
refused() {
	local before after
	before=$(snapshot)
	run --separate-stderr "$@"
	after=$(snapshot)
	[ "$status" = 1 ] || { echo "status $status: $output $stderr"; return 1; }
	[ -z "$output" ] || { echo "on stdout: $output"; return 1; }
	[ "$before" = "$after" ] || { echo "state has changed"; diff <(echo "$before") <(echo "$after"); return 1; }
	output=$stderr
	[[ $output == "pinpool: "*": "* ]] || { echo "not 'pinpool: object: reason': $output"; return 1; }
}
