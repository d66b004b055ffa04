# SPDX-License-Identifier: GPL-2.0-only
# The lab itself: whatever happens to it, nothing is left on the machine.
load ../lib/kube

# The outer namespaces are those of this test: a lab within makes its own.
INSIDE=(env -u PINPOOL_KUBE_CGROUP "$TOP/scripts/kube/inside")

@test "a lab that is killed leaves no process, and its cgroups go with the next one" {
	"${INSIDE[@]}" bash -c 'lab up --containerd none && echo $PINPOOL_KUBE_CGROUP >"$0"; exec sleep 300' "$BATS_TEST_TMPDIR/up" \
		>"$BATS_TEST_TMPDIR/log" 2>&1 3>&- & pid=$!
	await 60 test -s "$BATS_TEST_TMPDIR/up"
	group=$(find /sys/fs/cgroup -maxdepth 2 -name "$(<"$BATS_TEST_TMPDIR/up")" | head -n 1)
	[ -n "$group" ]
	kill -KILL $pid
	await 10 eval "! grep -qs . $group/cgroup.procs $group/*/cgroup.procs $group/*/init/cgroup.procs"
	await 10 eval '"${INSIDE[@]}" true && [ ! -e $group ]'
}

@test "a node sees no cgroup but its own" {
	lab up --nodes 1 --containerd none
	run -0 lab on k8s-ctr sh -c 'cat /proc/self/cgroup; find /sys/fs/cgroup -name "pinpool-kube*"; grep -c " cgroup2 " /proc/mounts'
	echo "$output"
	[[ $output != *pinpool-kube* ]]
	[ "${lines[-1]}" = 1 ]
	lab down
}
