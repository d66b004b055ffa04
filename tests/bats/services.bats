#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Services from files: objects, rows of the maps, changes, check and repair (pinpool-services(7)).
load ../lib/helper

setup() {
	node_up
}

teardown() {
	node_down
}

# NAME ADDRESS [SPEC]: a Service with port 80
service() {
	printf -- '---\napiVersion: v1\nkind: Service\nmetadata: {name: %s, namespace: %s}\nspec: {clusterIP: %s, ports: [{port: 80%s}]%s}\n' \
		"${1#*/}" "${1%/*}" "$2" "${4-}" "${3:+, $3}"
}

# SERVICE ADDRESS…: its EndpointSlice
slice() {
	local name=$1 list
	shift
	printf -v list '{addresses: [%s]}, ' "$@"
	printf -- '---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: %s-1, namespace: %s, labels: {kubernetes.io/service-name: %s}}\n' \
		"${name#*/}" "${name%/*}" "${name#*/}"
	printf 'addressType: IPv4\nports: [{port: 8080}]\nendpoints: [%s]\n' "${*:+$list}"
}

apply() {
	cat >"$BATS_TEST_TMPDIR/services.yaml"
	pinpool apply -f "$BATS_TEST_TMPDIR/services.yaml"
}

frontends() {
	pinpool describe service "$1" | sed -n '/^Frontends:/,$p' | grep -o '[0-9*][0-9.]*:[0-9]*\(/[a-z]*\)\?\|refused\|dropped\|closed' | tr '\n' ' '
}

entries() {
	bpftool -j map dump pinned "$root/pp_services" | jq length
}

@test "a Service and its endpoints become frontends; nothing remains of a deleted one" {
	[ "$(entries)" = 0 ]
	{ service red/web 10.96.0.1 'type: NodePort' ', nodePort: 30080'; slice red/web 10.10.0.1 10.10.0.2; } | apply
	[ "$(frontends red/web)" = "*:30080/tcp 10.10.0.1:8080 10.10.0.2:8080 10.10.0.1:8080 10.10.0.2:8080 10.96.0.1:80/tcp 10.10.0.1:8080 10.10.0.2:8080 closed " ]
	[ "$(entries)" = 2 ]
	run pinpool get services
	[[ ${lines[1]} =~ ^red\ +web\ +NodePort\ +10.96.0.1\ +\<none\>\ +80:30080/TCP ]]
	run pinpool get backends
	[[ ${lines[2]} =~ ^red/web\ +\<none\>\ +10.10.0.2\ +8080\ +active ]]
	fails 0 pinpool check
	pinpool delete service red/web
	[ "$(entries)" = 0 ]
	fails 1 pinpool describe service red/web
	fails 0 pinpool check
	[ "$(pinpool get backends 2>&1)" = "No resources found" ]
}

@test "two Services of one name in two namespaces; default where the metadata has none" {
	{ service red/web 10.96.0.1; slice red/web 10.10.0.1; service default/web 10.96.0.2; } | sed 's/, namespace: default//' | apply
	[ "$(frontends red/web)$(frontends web)" = "10.96.0.1:80/tcp 10.10.0.1:8080 closed 10.96.0.2:80/tcp refused closed " ]
	pinpool delete service web
	[ "$(pinpool get services -o json | jq -r '.items[].metadata.namespace')" = red ]
	pinpool get services -o yaml >"$BATS_TEST_TMPDIR/list.yaml"
	succeeds pinpool apply -f "$BATS_TEST_TMPDIR/list.yaml"
	has "service/red/web unchanged"
}

@test "a change keeps ids and generations of the endpoints that stay" {
	{ service a/web 10.96.0.1; slice a/web 10.10.0.1 10.10.0.2 10.10.0.3; } | apply
	before=$(pinpool get backends -o json | jq -r '.items[] | "\(.address) \(.id) \(.generation)"')
	slice a/web 10.10.0.2 10.10.0.3 10.10.0.4 | apply
	after=$(pinpool get backends -o json | jq -r '.items[] | "\(.address) \(.id) \(.generation)"')
	[ "$(comm -12 <(echo "$before") <(echo "$after") | wc -l)" = 2 ]
	slice a/web 10.10.0.1 | apply
	[ "$(frontends a/web)" = "10.96.0.1:80/tcp 10.10.0.1:8080 closed " ]
	fails 0 pinpool check
}

@test "the same input again writes nothing" {
	{ service a/web 10.96.0.1; slice a/web 10.10.0.1; } | apply
	run pinpool -v apply -f "$BATS_TEST_TMPDIR/services.yaml"
	has_not "rows written"
}

@test "check and fix: a frontend that is missing, wrong, unexpected; a backend that is missing" {
	{ service a/web 10.96.0.1; slice a/web 10.10.0.1; service a/other 10.96.0.2; slice a/other 10.10.0.2; } | apply
	local key value
	key=$(bpftool -j map dump pinned "$root/pp_services" | jq -r '.[0].key | join(" ")')
	value=$(bpftool -j map dump pinned "$root/pp_services" | jq -r '.[0].value | join(" ")')
	bpftool map delete pinned "$root/pp_services" key $key
	# shellcheck disable=SC2086
	bpftool map update pinned "$root/pp_services" key 0 0 0 0 0 0 0 0 0 0 0xff 0xff 1 2 3 4 9 0 6 0 0 0 0 0 value $value
	fails 1 pinpool check
	has "frontend 10.96.0."
	has ":80/tcp is missing"
	has "frontend 1.2.3.4:9/tcp is unexpected"
	succeeds pinpool check --fix
	fails 0 pinpool check
	[ "$(entries)" = 2 ]
	bpftool map update pinned "$root/pp_backends" key 1 0 0 0 value $(printf '0 %.0s' {1..32})
	fails 1 pinpool check
	has "is missing"
	succeeds pinpool check --fix
	fails 0 pinpool check
}

@test "a frontend of two Services, and a port outside node-port-range, are warnings" {
	{ service a/web 10.96.0.1 'type: NodePort' ', nodePort: 30080'; service a/other 10.96.0.1 'type: NodePort' ', nodePort: 40000'; } >"$BATS_TEST_TMPDIR/f.yaml"
	succeeds pinpool apply -f "$BATS_TEST_TMPDIR/f.yaml"
	has "pinpool: service a/web: 10.96.0.1:80/tcp is a frontend of service a/other; use another address or port"
	has "pinpool: service a/other: *:40000/tcp is outside node-port-range"
	run pinpool describe service a/web
	has "10.96.0.1:80/tcp is a frontend of service a/other"
}

@test "options: off, outside, external addresses, ports that overlap" {
	{ service a/web 10.96.0.1 'externalIPs: [192.0.2.1]'; slice a/web 10.10.0.1; } | apply
	pinpool up --set kube-proxy-replacement=false
	[ "$(entries)" = 0 ]
	fails 0 pinpool check
	pinpool up --set bpf-lb-external-clusterip=true --set bpf-lb-external-ips=true
	[ "$(frontends a/web)" = "10.96.0.1:80/tcp 10.10.0.1:8080 10.10.0.1:8080 192.0.2.1:80/tcp 10.10.0.1:8080 10.10.0.1:8080 " ]
	fails 1 pinpool up --set node-port-range=40000-50000
	has "options snat-port-range and node-port-range: 49152-65535 and 40000-50000 overlap; separate them"
	fails 1 pinpool up --set node-port-range=50000
}

@test "more endpoints than bpf-lb-map-max: those without room are counted, the others work" {
	pinpool up --set bpf-lb-map-max=64
	{ service a/web 10.96.0.1; slice a/web 10.10.1.{1..70}; } >"$BATS_TEST_TMPDIR/f.yaml"
	fails 1 pinpool apply -f "$BATS_TEST_TMPDIR/f.yaml"
	has "services: no room for 7 endpoints; 'pinpool up --set bpf-lb-map-max=N' makes room"
	[ "$(pinpool get backends -o json | jq '.items | length')" = 63 ]
	succeeds pinpool up --set bpf-lb-map-max=128
	[ "$(pinpool get backends -o json | jq '.items | length')" = 70 ]
	fails 0 pinpool check
}

@test "1,000 services of 2 endpoints: at once, and one endpoint more" {
	for i in {0..999}; do
		service "a/s$i" "10.96.$((i / 250)).$((i % 250 + 1))"
		slice "a/s$i" "10.11.$((i / 250)).$((i % 250 + 1))" "10.12.$((i / 250)).$((i % 250 + 1))"
	done >"$BATS_TEST_TMPDIR/f.yaml"
	succeeds pinpool apply -f "$BATS_TEST_TMPDIR/f.yaml" >/dev/null
	[ "$(entries)" = 1000 ]
	slice a/s7 10.11.0.8 10.12.0.8 10.13.0.8 | apply
	[ "$(frontends a/s7)" = "10.96.0.8:80/tcp 10.11.0.8:8080 10.12.0.8:8080 10.13.0.8:8080 closed " ]
	fails 0 pinpool check
}
