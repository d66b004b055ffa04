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

@test "install puts each file into its folder" {
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
./opt/pp/bin/pinpool-agent
./opt/pp/bin/pinpool-operator
./opt/pp/lib/udev/rules.d/80-pinpool.rules
./opt/pp/share/bash-completion/completions/pinpool
./opt/pp/share/doc/pinpool/README.md
./opt/pp/share/doc/pinpool/examples/bird.conf
./opt/pp/share/doc/pinpool/examples/frr.conf
./opt/pp/share/man/man5/pinpool-maps.5
./opt/pp/share/man/man7/pinpool-ipam.7
./opt/pp/share/man/man7/pinpool-services.7
./opt/pp/share/man/man8/pinpool-agent.8
./opt/pp/share/man/man8/pinpool-cni.8
./opt/pp/share/man/man8/pinpool-operator.8
./opt/pp/share/man/man8/pinpool.8
./opt/units/pinpool-agent.service
./opt/units/pinpool-gc.service
./opt/units/pinpool-gc.timer
./opt/units/pinpool-operator.service
./opt/units/pinpool.service" ]
	grep -q '^ExecStart=/opt/pp/bin/pinpool up --require-uplink$' "$root/opt/units/pinpool.service"
	run ! grep -r '@PREFIX@' "$root"
}

@test "by default pinpool is in /usr/bin and pinpool-cni in /opt/cni/bin" {
	make install DESTDIR="$root"
	[ -x "$root/usr/bin/pinpool" ]
	[ -x "$root/opt/cni/bin/pinpool-cni" ]
	[ -e "$root/usr/lib/systemd/system/pinpool.service" ]
}

@test "an administrator's file is neither overwritten nor removed" {
	mkdir -p "$root/etc/pinpool"
	echo mine | tee "$root/etc/pinpool/pools.yaml.example" >"$root/etc/pinpool/pools.yaml"
	make install DESTDIR="$root"
	[ "$(cat "$root/etc/pinpool/pools.yaml.example")" = mine ]
	make uninstall DESTDIR="$root"
	run installed
	[ "$output" = "./etc/pinpool/pools.yaml
./etc/pinpool/pools.yaml.example" ]
}

@test "uninstall leaves nothing, also when repeated" {
	make install DESTDIR="$root"
	make uninstall DESTDIR="$root"
	make uninstall DESTDIR="$root"
	[ -z "$(find "$root" -mindepth 1)" ]
}

@test "uninstall removes no folder with other files" {
	mkdir -p "$root/opt/cni/bin"
	touch "$root/opt/cni/bin/portmap"
	make install DESTDIR="$root"
	make uninstall DESTDIR="$root"
	[ "$(installed)" = ./opt/cni/bin/portmap ]
}

@test "the examples are valid manifests, and none is read from its place" {
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
	for unit in pinpool.service pinpool-gc.service pinpool-gc.timer pinpool-agent.service pinpool-operator.service; do
		run -0 systemd-analyze verify --man=no "$root/lib/systemd/system/$unit"
		[ -z "$output" ]
	done
}

@test "the udev rule is valid, and starts gc" {
	udevadm verify --help >/dev/null 2>&1 || skip "needs udevadm 254, which verifies rules (Debian 12 has 252)"
	make install DESTDIR="$root"
	run -0 udevadm verify --no-style "$root/usr/lib/udev/rules.d/80-pinpool.rules"
	grep -q 'pinpool-gc.service' "$root/usr/lib/udev/rules.d/80-pinpool.rules"
}

@test "the udev rule ignores pods' own interfaces" {
	# the pattern that ends with GOTO, as the shell knows it, and names as pod_link_name() makes them
	pattern=$(sed -n 's/^KERNEL=="\(pp[^"]*\)".*/\1/p' scripts/pinpool.rules)
	[ -n "$pattern" ]
	# shellcheck disable=SC2254
	case ppb650270767562 in $pattern) ;; *) false ;; esac
	# shellcheck disable=SC2254
	for name in ppp0 pp0 ppb65027076756 eth0; do case $name in $pattern) echo "$name"; false ;; esac; done
}

@test "version and help need no root; commands that do report it" {
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

# TEXT PATTERN
holds() {
	grep -q -- "$2" <<<"$1" || { echo "no $2 in: ${1:0:2000}"; return 1; }
}

@test "both programs are position independent, bound at start, and read-only from then on" {
	local program
	for program in build/pinpool build/pinpool-cni; do
		echo "$program"
		holds "$(readelf -hW "$program")" 'Type: *DYN'
		holds "$(readelf -dW "$program")" 'BIND_NOW'
		holds "$(readelf -dW "$program")" 'Flags:.*PIE'
		holds "$(readelf -lW "$program")" 'GNU_RELRO'
		holds "$(readelf -lW "$program")" 'GNU_STACK .* RW '
	done
}

@test "our own code has stack protectors and checked string functions" {
	local file
	for file in build/loader/{cmd/main,cni/cni,net/netlink,cni/log,cmd/get}.o; do
		echo "$file"
		holds "$(nm -u "$file")" __stack_chk_fail
	done
	for file in build/loader/{cmd/main,base/error,cni/log,net/netlink_describe,cmd/get}.o; do
		echo "$file"
		holds "$(nm -u "$file")" 'printf_chk$'
	done
}

@test "the build links no unused library" {
	local package needed library
	needed=$(readelf -dW build/pinpool | grep NEEDED)
	for package in $(sed -n 's/^LIBS *:= //p' Makefile); do
		library=$(pkg-config --libs-only-l "$package")
		library=${library%% *}
		holds "$needed" "\[lib${library#-l}[-.]"
	done
}

@test "the plugin contains no unused functions" {
	run -0 nm build/pinpool-cni
	[[ $output = *cni_* && $output != *connectivity_* ]]
}

# FLAGS…: how the compiler would be called for one file
compiler() {
	make -n -B V=1 CC=cc "$@" build/loader/base/error.o | grep -- '-c loader/base/error.c'
}

@test "a packager's flags come last, and FORTIFY is defined once" {
	local line
	line=$(compiler CFLAGS='-O2 -g -Wformat' CPPFLAGS='-Wdate-time -D_FORTIFY_SOURCE=2')
	[[ $line = *-fstack-protector-strong*-Wdate-time*-Wformat* ]]
	[ "$(grep -o '_FORTIFY_SOURCE=.' <<<"$line")" = _FORTIFY_SOURCE=2 ]
	line=$(compiler CFLAGS='-O2 -D_FORTIFY_SOURCE=1')
	[ "$(grep -o '_FORTIFY_SOURCE=.' <<<"$line")" = _FORTIFY_SOURCE=1 ]
	line=$(compiler CFLAGS='-O0 -g') # FORTIFY would only warn
	[[ $line = *-fstack-protector-strong* && $line != *FORTIFY* ]]
	line=$(compiler)
	[[ $line = *-D_FORTIFY_SOURCE=[23]* ]]
}

@test "the Debian package builds, has all files, and lintian finds no error" {
	command -v dpkg-deb >/dev/null || skip "no dpkg here"
	BUILD=build VERSION=0.1.0 scripts/deb/build
	deb=$(echo build/pinpool_0.1.0_*.deb)
	dpkg-deb --fsys-tarfile "$deb" | tar t >"$BATS_TEST_TMPDIR/list"
	for file in usr/bin/pinpool usr/lib/cni/pinpool-cni usr/lib/systemd/system/pinpool.service \
		usr/lib/udev/rules.d/80-pinpool.rules \
		usr/share/man/man8/pinpool.8.gz usr/share/doc/pinpool/copyright etc/pinpool/pools.yaml.example; do
		grep -qx "./$file" "$BATS_TEST_TMPDIR/list"
	done
	[[ $(dpkg-deb --field "$deb" Depends) = *libbpf1*libxdp1* ]]
	[ "$(dpkg-deb --info "$deb" conffiles | grep -c '^/etc/')" = 5 ]
	kube=$(echo build/pinpool-kube_0.1.0_*.deb)
	dpkg-deb --fsys-tarfile "$kube" | tar t >"$BATS_TEST_TMPDIR/list"
	for file in usr/bin/pinpool-agent usr/bin/pinpool-operator usr/lib/systemd/system/pinpool-agent.service \
		usr/share/man/man8/pinpool-operator.8.gz; do
		grep -qx "./$file" "$BATS_TEST_TMPDIR/list"
	done
	[[ $(dpkg-deb --field "$kube" Depends) = "pinpool (= 0.1.0)"*libcurl4*libmicrohttpd12* ]]
	command -v lintian >/dev/null || skip "lintian is not installed"
	run -0 lintian --display-info --fail-on error "$deb" "$kube"
	[[ $output != *hardening-* ]]
}
