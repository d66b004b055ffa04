# SPDX-License-Identifier: GPL-2.0-only
# The chart without a cluster: Cilium's values become Cilium's options, what is unknown is refused; the image.
load ../lib/kube

template() { command helm template pinpool "$CHART" -n kube-system "$@"; }
# YAML documents as a JSON list
json() { python3 -c 'import json, sys, yaml; print(json.dumps([d for d in yaml.safe_load_all(sys.stdin) if d]))'; }
# KIND NAME FILTER
part() { jq -er --arg kind "$1" --arg name "$2" ".[] | select(.kind == \$kind and .metadata.name == \$name) | $3"; }

@test "the seed's command gives the options that pinpool reads" {
	template --set ipam.mode=multi-pool --set routingMode=native --set autoDirectNodeRoutes=true \
		--set ipv4NativeRoutingCIDR=10.0.0.0/8 --set endpointRoutes.enabled=true --set kubeProxyReplacement=true \
		--set bpf.masquerade=true --set ipam.operator.autoCreateCiliumPodIPPools.default.ipv4.cidrs='{10.10.0.0/16}' \
		--set ipam.operator.autoCreateCiliumPodIPPools.default.ipv4.maskSize=27 | json >"$BATS_TEST_TMPDIR/all"
	part ConfigMap cilium-config '.data | [.ipam, ."routing-mode", ."auto-direct-node-routes",
		."ipv4-native-routing-cidr", ."enable-endpoint-routes", ."kube-proxy-replacement", ."enable-bpf-masquerade",
		."auto-create-cilium-pod-ip-pools"] | join(" ")' <"$BATS_TEST_TMPDIR/all" >"$BATS_TEST_TMPDIR/options"
	[ "$(<"$BATS_TEST_TMPDIR/options")" = "multi-pool native true 10.0.0.0/8 true true true default=ipv4-cidrs:10.10.0.0/16;ipv4-mask-size:27" ]
	part Deployment pinpool-operator '.spec.replicas' <"$BATS_TEST_TMPDIR/all" | grep -qx 2
}

@test "every option of the manual has a value" {
	template --set devices='{eth0,eth1}' --set ipMasqAgent.enabled=true --set ipMasqAgent.config.masqLinkLocal=true \
		--set ipam.ciliumNodeUpdateRate=15s --set extraConfig.xdp-guard=native --set extraConfig.snat-port-range=50000-60000 \
		--set extraConfig.ipam-default-ip-pool=mars --set extraConfig.only-masquerade-default-pool=true \
		--set extraConfig.bpf-lb-external-ips=true --set extraConfig.masquerade-portless-protocols=true --set ipv6.enabled=true | json >"$BATS_TEST_TMPDIR/all"
	part ConfigMap cilium-config '.data | keys[]' <"$BATS_TEST_TMPDIR/all" | sort >"$BATS_TEST_TMPDIR/chart"
	sed -n '/^const struct option options_table/,/^};/s/.*\.name = "\([^"]*\)".*/\1/p; s/.*BOOL("\([^"]*\)".*/\1/p;
		s/^#define \(DEFAULT_POOL\|PRE_ALLOCATION\|AUTO_CREATE\) "\(.*\)"/\2/p' \
		"$TOP"/loader/options/{table.c,options.h} | sort -u >"$BATS_TEST_TMPDIR/options"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/options")" -ge 20 ]
	# this one belongs to a node without a cluster
	run comm -13 "$BATS_TEST_TMPDIR/chart" <(grep -vx node-cidr-allocator "$BATS_TEST_TMPDIR/options")
	echo "without a value: $output"
	[ -z "$output" ]
	[ "$(part ConfigMap cilium-config '.data.devices' <"$BATS_TEST_TMPDIR/all")" = "eth0 eth1" ]
	part ConfigMap ip-masq-agent '.data.config | fromjson | .masqLinkLocal' <"$BATS_TEST_TMPDIR/all" | grep -qx true
}

@test "pinpool accepts the ConfigMap of the chart" {
	template --set ipam.operator.autoCreateCiliumPodIPPools.both.ipv4.cidrs='{10.10.0.0/16,10.11.0.0/16}' \
		--set ipam.operator.autoCreateCiliumPodIPPools.both.ipv4.maskSize=27 \
		--set ipam.operator.autoCreateCiliumPodIPPools.both.ipv6.cidrs='{fd10::/112}' \
		--set ipam.operator.autoCreateCiliumPodIPPools.both.ipv6.maskSize=120 \
		--set ipam.operator.autoCreateCiliumPodIPPools.both.allowFirstIP=true \
		--set ipMasqAgent.enabled=true --set ipMasqAgent.config.nonMasqueradeCIDRs='{10.0.0.0/8}' \
		--show-only templates/configmap.yaml >"$BATS_TEST_TMPDIR/config.yaml"
	pinpool --root "/sys/fs/bpf/chart" --state "$BATS_TEST_TMPDIR/state" up -f "$BATS_TEST_TMPDIR/config.yaml" --node n1
	pinpool --root "/sys/fs/bpf/chart" get pool both -o json | jq -e '.spec | .ipv4.maskSize == 27 and .ipv6.maskSize == 120
		and (.ipv4.cidrs | length) == 2 and .allowFirstIP'
	pinpool --root "/sys/fs/bpf/chart" down --all
}

@test "unknown and wrong values are refused, by name" {
	for set in hubble.enabled=true ipam.mode=cluster-pool routingMode=tunnel ipam.operator.clusterPoolIPv4MaskSize=24 \
		bpf.natMax=3 extraConfig.enable-policy=always cni.chainingMode=aws-cni operator.replicas=two; do
		run template --set "$set"
		echo "$set: $output"
		[ "$status" != 0 ]
		key=${set%%=*}
		[[ $output = *"${key%%.*}"* || $output = *"${key##*.}"* ]]
	done
	run template --set ipam.operator.autoCreateCiliumPodIPPools.p.ipv4.cidrs='{10.0.0.0/8}'
	[ "$status" != 0 ]
	[[ $output = *maskSize* ]]
}

@test "the image: same bytes from the same build, no shell, all libraries" {
	(cd "$TOP" && BUILD=build VERSION=test scripts/kube/image "$BATS_TEST_TMPDIR/again.tar" localhost/pinpool:latest)
	(cd "$TOP" && BUILD=build VERSION=test scripts/kube/image "$BATS_TEST_TMPDIR/once.tar" localhost/pinpool:latest)
	cmp "$BATS_TEST_TMPDIR/again.tar" "$BATS_TEST_TMPDIR/once.tar"
	mkdir "$BATS_TEST_TMPDIR/oci" "$BATS_TEST_TMPDIR/root"
	tar -C "$BATS_TEST_TMPDIR/oci" -xf "$BATS_TEST_TMPDIR/once.tar"
	layer=$(find "$BATS_TEST_TMPDIR/oci/blobs" -size +500k)
	tar -C "$BATS_TEST_TMPDIR/root" -xzf "$layer"
	(cd "$BATS_TEST_TMPDIR/root" && find . -type f -perm -100 | sort) >"$BATS_TEST_TMPDIR/files"
	cat "$BATS_TEST_TMPDIR/files"
	run ! grep -E '/(ba)?sh$|busybox' "$BATS_TEST_TMPDIR/files"
	for program in pinpool pinpool-agent pinpool-operator; do
		chroot "$BATS_TEST_TMPDIR/root" /usr/bin/$program --version
	done
	# the plugin runs on the host, with none of the image's libraries
	[ "$(ldd "$BATS_TEST_TMPDIR/root/usr/lib/pinpool/pinpool-cni" 2>&1)" = "$(printf '\tstatically linked')" ]
}
