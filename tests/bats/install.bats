#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# make install, make uninstall, the Debian package, and what works without root.
bats_require_minimum_version 1.5.0

setup_file() {
	cd "$BATS_TEST_DIRNAME/../.."
	make all
}

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
	root=$BATS_TEST_TMPDIR/root
}

installed() {
	(cd "$root" && find . -type f | sort)
}

@test "install puts each file where its folder is said to be" {
	make install DESTDIR="$root" PREFIX=/opt/pp SYSCONFDIR=/opt/etc CNIDIR=/opt/cni UNITDIR=/opt/units
	run installed
	echo "$output"
	[ "$output" = "./opt/cni/pinpool-cni
./opt/etc/cni/net.d/10-pinpool.conflist.example
./opt/etc/pinpool/cilium-config.yaml.example
./opt/etc/pinpool/node-pools.yaml.example
./opt/etc/pinpool/nodes.yaml.example
./opt/etc/pinpool/pools.yaml.example
./opt/pp/bin/pinpool
./opt/pp/share/bash-completion/completions/pinpool
./opt/pp/share/doc/pinpool/README.md
./opt/pp/share/doc/pinpool/examples/bird.conf
./opt/pp/share/doc/pinpool/examples/frr.conf
./opt/pp/share/man/man5/pinpool-maps.5
./opt/pp/share/man/man7/pinpool-ipam.7
./opt/pp/share/man/man8/pinpool-cni.8
./opt/pp/share/man/man8/pinpool.8
./opt/units/pinpool-gc.service
./opt/units/pinpool-gc.timer
./opt/units/pinpool.service" ]
	grep -q '^ExecStart=/opt/pp/bin/pinpool up$' "$root/opt/units/pinpool.service"
	run ! grep -r '@PREFIX@' "$root"
}

@test "by default pinpool is in /usr/bin and pinpool-cni in /opt/cni/bin" {
	make install DESTDIR="$root"
	[ -x "$root/usr/bin/pinpool" ]
	[ -x "$root/opt/cni/bin/pinpool-cni" ]
	[ -e "$root/usr/lib/systemd/system/pinpool.service" ]
}

@test "a file that the administrator has is not overwritten, and not removed" {
	mkdir -p "$root/etc/pinpool"
	echo mine | tee "$root/etc/pinpool/pools.yaml.example" >"$root/etc/pinpool/pools.yaml"
	make install DESTDIR="$root"
	[ "$(cat "$root/etc/pinpool/pools.yaml.example")" = mine ]
	make uninstall DESTDIR="$root"
	run installed
	[ "$output" = "./etc/pinpool/pools.yaml
./etc/pinpool/pools.yaml.example" ]
}

@test "uninstall leaves nothing, twice is as good as once" {
	make install DESTDIR="$root"
	make uninstall DESTDIR="$root"
	make uninstall DESTDIR="$root"
	[ -z "$(find "$root" -mindepth 1)" ]
}

@test "uninstall takes no folder that holds anything else" {
	mkdir -p "$root/opt/cni/bin"
	touch "$root/opt/cni/bin/portmap"
	make install DESTDIR="$root"
	make uninstall DESTDIR="$root"
	[ "$(installed)" = ./opt/cni/bin/portmap ]
}

@test "the examples are manifests that pinpool takes, and none is read as it lies" {
	make install DESTDIR="$root"
	run -1 build/pinpool apply -f "$root/etc/pinpool"
	mkdir "$BATS_TEST_TMPDIR/use"
	for file in "$root"/etc/pinpool/*.example; do
		cp "$file" "$BATS_TEST_TMPDIR/use/$(basename "$file" .example)"
	done
	export PINPOOL_ROOT=/sys/fs/bpf/examples PINPOOL_STATE=$BATS_TEST_TMPDIR/state.yaml
	run -0 build/pinpool up --node k8s-w1 -f "$BATS_TEST_TMPDIR/use" \
		--set direct-routing-skip-unreachable=true
	run -0 build/pinpool config view
	build/pinpool down --all
	grep -qE '^ipam-default-ip-pool +dc1-pool$' <<<"$output"
	jq -e '.plugins[0].type == "pinpool-cni"' "$root/etc/cni/net.d/10-pinpool.conflist.example"
}

@test "the units pass systemd-analyze verify" {
	command -v systemd-analyze >/dev/null || skip "systemd is not installed"
	make install PREFIX="$root" SYSCONFDIR="$root/etc" CNIDIR="$root/cni"
	for unit in pinpool.service pinpool-gc.service pinpool-gc.timer; do
		run -0 systemd-analyze verify --man=no "$root/lib/systemd/system/$unit"
		[ -z "$output" ]
	done
}

@test "version and help need no root; what does says so" {
	local bin
	bin=$(mktemp -d) # the build may lie where only root can look
	chmod 755 "$bin"
	cp build/pinpool "$bin/"
	run -0 setpriv --reuid=65534 --regid=65534 --clear-groups "$bin/pinpool" version
	[[ $output = "pinpool "* ]]
	run -0 setpriv --reuid=65534 --regid=65534 --clear-groups "$bin/pinpool" --help
	[[ $output = "usage: pinpool"* ]]
	run -1 setpriv --reuid=65534 --regid=65534 --clear-groups "$bin/pinpool" up
	[[ $output = "pinpool: "*"run as root"* ]]
	rm -r "$bin"
}

@test "the Debian package builds, has all files, and lintian finds no error" {
	command -v dpkg-deb >/dev/null || skip "no dpkg here"
	BUILD=build VERSION=0.1.0 scripts/deb/build
	deb=$(echo build/pinpool_0.1.0_*.deb)
	dpkg-deb --fsys-tarfile "$deb" | tar t >"$BATS_TEST_TMPDIR/list"
	for file in usr/bin/pinpool usr/lib/cni/pinpool-cni usr/lib/systemd/system/pinpool.service \
		usr/share/man/man8/pinpool.8.gz usr/share/doc/pinpool/copyright etc/pinpool/pools.yaml.example; do
		grep -qx "./$file" "$BATS_TEST_TMPDIR/list"
	done
	[[ $(dpkg-deb --field "$deb" Depends) = *libbpf1*libxdp1* ]]
	[ "$(dpkg-deb --info "$deb" conffiles | grep -c '^/etc/')" = 5 ]
	command -v lintian >/dev/null || skip "lintian is not installed"
	run -0 lintian --fail-on error "$deb"
}
