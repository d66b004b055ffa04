// SPDX-License-Identifier: GPL-2.0-only
/*
 * SIGKILL of pinpool-cni at every system call of ADD and of DEL. Whatever follows, the same call
 * again, the opposite one or `pinpool gc`, ends with nothing of the pod left and other pods
 * undisturbed. BUILD says where the binaries are.
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "loader/ipam/transactions.h"
#include "loader/net/netlink.h"
#include "loader/kernel/context.h"
#include "loader/pod/pod.h"
#include "loader/pod/link_list.h"
#include "tests/lib/sandbox.h"

#define CONFIG "/run/config.json"
#define VICTIM "victim"
#define NEVER 1000000

static const char *build;
static char plugin[4096];

/* What a killed call is followed by. */
enum then { THEN_AGAIN, THEN_DEL, THEN_GC };
static const char *const then_names[] = { "the same call again", "DEL", "gc" };

static void become_plugin(const char *command, const char *pod)
{
	char netns[64];
	int in = open(CONFIG, O_RDONLY), out = open("/dev/null", O_WRONLY);

	snprintf(netns, sizeof(netns), "/run/netns/%s", pod);
	clearenv();
	setenv("CNI_COMMAND", command, 1);
	setenv("CNI_CONTAINERID", pod, 1);
	setenv("CNI_NETNS", netns, 1);
	setenv("CNI_IFNAME", "eth0", 1);
	dup2(in, 0);
	dup2(out, 1);
	execl(plugin, plugin, (char *)NULL);
	_exit(127);
}

static bool call(const char *command, const char *pod)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		become_plugin(command, pod);
	waitpid(pid, &status, 0);
	return status == 0;
}

/*
 * Runs it until it is about to make its @n-th system call and kills it; how many it made. *own: the
 * first one that is not the dynamic linker's: it reads standard input.
 */
static int kill_at(const char *command, const char *pod, int n, int *own)
{
	struct __ptrace_syscall_info info = {};
	int status, calls = 0, entering = 1;
	pid_t pid = fork();

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		become_plugin(command, pod);
	}
	waitpid(pid, &status, 0); /* stopped by execve */
	ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	while (WIFSTOPPED(status)) {
		bool syscall = WSTOPSIG(status) == (SIGTRAP | 0x80);

		ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info);
		if (!*own && syscall && entering && info.entry.nr == SYS_read &&
		    !info.entry.args[0])
			*own = calls + 1;
		if (syscall && entering && ++calls == n)
			kill(pid, SIGKILL);
		else
			ptrace(PTRACE_SYSCALL, pid, 0, 0);
		entering ^= syscall;
		waitpid(pid, &status, 0);
	}
	return calls;
}

static bool owned_by_victim(const struct lease_owner *owner)
{
	return !strcmp(owner->id, VICTIM);
}

/* No lease and no interface of the victim; says what there is. */
static bool victim_is_gone(struct context *node, struct netlink *nl, char *what, size_t size)
{
	struct pod_link_entry *links = NULL;
	struct lease_entry *leases = NULL;
	size_t lease_count = 0, link_count = 0;
	char name[IFNAMSIZ];

	what[0] = 0;
	pod_link_name(VICTIM, "eth0", name);
	ipam_leases(&node->pins, &leases, &lease_count, NULL);
	pod_link_list(nl, &links, &link_count, NULL);
	for (size_t i = 0; i < lease_count; i++)
		if (owned_by_victim(&leases[i].owner))
			snprintf(what, size, "a lease in state %d is left", leases[i].lease.state);
	for (size_t i = 0; i < link_count; i++)
		if (!strcmp(links[i].name, name))
			snprintf(what, size, "the interface is left");
	if (lease_count != 2 && !what[0])
		snprintf(what, size, "%zu leases and not those two of the others", lease_count);
	free(leases);
	free(links);
	return !what[0];
}

/* Follows a killed call until, by the rules, nothing of the pod may be left. */
static bool follow(struct context *node, struct netlink *nl, const char *command, enum then then)
{
	unsigned int freed;
	bool done = true;

	if (then == THEN_AGAIN)
		done = call(command, VICTIM);
	else if (then == THEN_DEL)
		done = call("DEL", VICTIM);
	else if (pod_gc(node, nl, &freed, NULL))
		return false;
	/* a pod that was whole when its ADD or DEL died stays one, and gc leaves it alone */
	if (strcmp(command, "DEL") ? then == THEN_AGAIN : then == THEN_GC)
		done &= call("DEL", VICTIM);
	if (!strcmp(command, "ADD") && then == THEN_GC) {
		struct lease_owner owner;
		struct lease lease;

		lease_owner_set(&owner, VICTIM, "eth0", NULL);
		if (!ipam_lease_read(&node->pins, &owner, &lease) && lease.state == LEASE_BOUND)
			done &= call("DEL", VICTIM);
	}
	return done;
}

static void test_kills(struct context *node, struct netlink *nl, const char *command, enum then then)
{
	bool del = !strcmp(command, "DEL"), pass = true;
	char what[128] = "";
	int n, calls, own = 0;

	if (del && !call("ADD", VICTIM))
		ok(false, "ADD before DEL");
	calls = kill_at(command, VICTIM, NEVER, &own);
	if (!del)
		call("DEL", VICTIM);
	/* before its own calls it cannot have changed anything: once is enough */
	for (n = then == THEN_AGAIN && !del ? 1 : own; n <= calls && pass; n++) {
		if (del && !call("ADD", VICTIM))
			snprintf(what, sizeof(what), "ADD fails");
		kill_at(command, VICTIM, n, &own);
		if (!follow(node, nl, command, then))
			snprintf(what, sizeof(what), "the next command fails");
		pass = !what[0] && victim_is_gone(node, nl, what, sizeof(what));
	}
	ok(pass && own && calls > 50, "%s killed at each of %d system calls, then %s%s%s", command,
	   calls, then_names[then], pass ? "" : ": at the last tried one ", what);
	if (!pass)
		printf("# call %d\n", n - 1);
}

static bool node_up(void)
{
	FILE *f = fopen(CONFIG, "w");

	fprintf(f, "{\"cniVersion\":\"1.0.0\",\"name\":\"pods\",\"type\":\"pinpool-cni\"}");
	fclose(f);
	f = fopen("/run/pool.yaml", "w");
	fprintf(f, "{apiVersion: cilium.io/v2alpha1, kind: CiliumPodIPPool, metadata: {name: default},"
		   " spec: {ipv4: {cidrs: [10.10.0.0/16], maskSize: 26}}}\n");
	fclose(f);
	return sh("ip link set lo up && ip link add eth0 type veth peer name other &&"
		  " ip addr add 192.168.10.1/24 dev eth0 && ip link set eth0 up && ip link set other up &&"
		  " ip route add default via 192.168.10.254 &&"
		  " %s/pinpool --state /run/node.yaml up -f /run/pool.yaml --node n1 >/dev/null",
		  build);
}

/* Two pods that talk all the while. */
static bool others_up(void)
{
	return sh("ip netns add keep1 && ip netns add keep2 && ip netns add %s", VICTIM) &&
	       call("ADD", "keep1") && call("ADD", "keep2") &&
	       sh("ip netns exec keep1 ping -q -i 0.02 10.10.0.2 >/run/ping & echo $! >/run/ping.pid");
}

static void test_others(void)
{
	sh("kill -INT $(cat /run/ping.pid); while kill -0 $(cat /run/ping.pid) 2>/dev/null; do sleep 0.1; done");
	ok(sh("grep -q ' 0%% packet loss' /run/ping"), "the others' traffic was not disturbed");
}

/*
 * Peak memory from /proc, once the plugin is about to exit: what wait4() tells has this process's
 * own, and the sanitizer makes that large.
 */
static void test_memory(void)
{
	char path[64], line[128];
	unsigned long peak = 0;
	int status, event = 0;
	pid_t pid = fork();
	FILE *f;

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		become_plugin("ADD", VICTIM);
	}
	waitpid(pid, &status, 0);
	ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL);
	while (WIFSTOPPED(status) && !event) {
		ptrace(PTRACE_CONT, pid, 0, 0);
		waitpid(pid, &status, 0);
		event = status >> 8 == (SIGTRAP | PTRACE_EVENT_EXIT << 8);
	}
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "VmHWM: %lu kB", &peak);
	if (f)
		fclose(f);
	ptrace(PTRACE_CONT, pid, 0, 0);
	waitpid(pid, &status, 0);
	ok(peak && peak < 8192, "ADD needs %lu KiB at most", peak);
	call("DEL", VICTIM);
}

int main(void)
{
	struct netlink *nl = NULL;
	struct context node;
	struct error e;

	build = getenv("BUILD") ? getenv("BUILD") : "build";
	if (!realpath(build, plugin))
		return 1;
	strncat(plugin, "/pinpool-cni", sizeof(plugin) - strlen(plugin) - 1);
	sandbox_enter();
	if (!ok(node_up() && others_up(), "a node and two pods that talk"))
		return tap_done();
	if (context_open(&node, PP_ROOT, ROOT_UNLOCKED, &e) || netlink_open(&nl, -1, &e)) {
		ok(false, "%s", e.text);
		return tap_done();
	}
	test_kills(&node, nl, "ADD", THEN_AGAIN);
	test_kills(&node, nl, "ADD", THEN_DEL);
	test_kills(&node, nl, "ADD", THEN_GC);
	test_kills(&node, nl, "DEL", THEN_AGAIN);
	test_kills(&node, nl, "DEL", THEN_GC);
	test_memory();
	test_others();
	ok(sh("%s/pinpool --state /run/node.yaml check", build), "every invariant holds");
	netlink_close(nl);
	context_close(&node);
	return tap_done();
}
