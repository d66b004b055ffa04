// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pods' interfaces in real namespaces: made, checked, repaired, removed, and processes killed
 * anywhere.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "loader/pod/link.h"
#include "loader/pod/link_list.h"
#include "loader/net/route.h"
#include "loader/net/tc.h"
#include "tests/lib/sandbox.h"

static struct netlink *nl;
static int program;

static struct addr addr(const char *text)
{
	struct addr a;

	if (addr_parse(text, &a))
		abort();
	return a;
}

static struct pod_link spec(const char *owner, const char *ifname, int netns, int number)
{
	struct pod_link s = {
		.who = { .generation = 1, .namespace = "default", .pod = "web" },
		.netns = netns,
		.mtu = 1400,
		.endpoint_routes = true,
		.program = program,
	};
	char text[ADDR_TEXT];

	snprintf(s.who.owner.id, sizeof(s.who.owner.id), "%s", owner);
	snprintf(s.who.owner.ifname, sizeof(s.who.owner.ifname), "%s", ifname);
	pod_link_mac(number, s.mac);
	snprintf(text, sizeof(text), "10.1.0.%d", number);
	s.ip[FAMILY_IPV4] = addr(text);
	snprintf(text, sizeof(text), "fd00:1::%d", number);
	s.ip[FAMILY_IPV6] = addr(text);
	return s;
}

static bool create(const struct pod_link *s, struct pod_link_made *made)
{
	struct error e = {};
	int err = pod_link_create(nl, s, made, &e);

	if (err)
		printf("# create: %d %s\n", err, e.text);
	return !err;
}

static bool check(const struct pod_link *s, uint32_t ifindex)
{
	struct error e = {};
	int err = pod_link_check(nl, s, ifindex, &e);

	if (err)
		printf("# check: %d %s\n", err, e.text);
	return !err;
}

/* Whether @s is broken now, and the sentence says @what. */
static bool finds(const struct pod_link *s, uint32_t ifindex, const char *what)
{
	struct error e = {};
	int err = pod_link_check(nl, s, ifindex, &e);

	if (err != -ENOENT || !strstr(e.text, what))
		printf("# check: %d %s\n", err, e.text);
	return err == -ENOENT && strstr(e.text, what);
}

static bool delete(const struct pod_link *s, uint32_t ifindex)
{
	struct error e = {};
	int err = pod_link_delete(nl, s->who.owner.id, s->who.owner.ifname, ifindex, &e);

	if (err)
		printf("# delete: %d %s\n", err, e.text);
	return !err;
}

/* Devices beside lo in @netns (-1: here), or -1. */
static int devices(int netns)
{
	struct netlink *there;
	struct link *list = NULL;
	size_t count = 0;
	int n = netlink_open(&there, netns, NULL) ? -1 : 0;

	if (!n) {
		n = link_list(there, "veth", &list, &count, NULL) ? -1 : (int)count;
		netlink_close(there);
	}
	free(list);
	return n;
}

static size_t routes(void)
{
	struct route *list;
	size_t count;

	if (route_list(nl, 0, ROUTE_PROTOCOL, &list, &count, NULL))
		return 999;
	free(list);
	return count;
}

static void test_life(int pod)
{
	struct pod_link s = spec("c1", "eth0", pod, 1);
	struct pod_link_made made, again;
	char name[IFNAMSIZ];

	pod_link_name("c1", "eth0", name);
	ok(create(&s, &made) && made.created && !strcmp(made.name, name) && strlen(name) == 15,
	   "a pod's interface is created: %s", made.name);
	ok(check(&s, made.ifindex), "and all of it is there");
	ok(sh("ping -q -c1 -W2 10.1.0.1 >/dev/null"), "the host reaches it, IPv4");
	ok(sh("ping -q -c1 -W2 fd00:1::1 >/dev/null"), "the host reaches it, IPv6");
	ok(sh("ip -4 route get 10.1.0.1 | grep -q 'src 10.255.0.1' && "
	      "ip -6 route get fd00:1::1 | grep -q 'src fd00:ff::1'"), "from the node's address");
	ok(sh("sysctl -n net.ipv4.conf.%s.rp_filter net.ipv6.conf.%s.accept_ra | tr -d '\\n' | "
	      "grep -qx 00", name, name),
	   "no rp_filter and no router advertisements on the host's end");
	ok(create(&s, &again) && !again.created && again.ifindex == made.ifindex &&
	   check(&s, made.ifindex), "created again: the same interface");
	s.who.generation = 2;
	ok(create(&s, &again) && again.created && again.ifindex != made.ifindex &&
	   check(&s, again.ifindex) && devices(-1) == 1, "a new generation: another interface");
	ok(delete(&s, again.ifindex) && devices(-1) == 0 && devices(pod) == 0 && routes() == 0,
	   "removed with routes and both ends");
	ok(delete(&s, again.ifindex) && delete(&s, 0), "removed twice: success");
}

static void test_one_family(int pod)
{
	struct pod_link s = spec("c4", "eth0", pod, 4), six = spec("c6", "eth1", pod, 6);
	struct pod_link_made made;

	s.ip[FAMILY_IPV6] = (struct addr){};
	s.endpoint_routes = false;
	s.program = -1;
	s.mtu = 0;
	ok(create(&s, &made) && check(&s, made.ifindex) && routes() == 0,
	   "IPv4 alone, no endpoint routes, no program");
	ok(sh("ip -6 -o addr show dev %s | { ! grep .; } && ip -6 route show table all dev %s | { ! grep .; }",
	      made.name, made.name), "IPv4 alone: the host's end has no IPv6");
	delete(&s, made.ifindex);
	sh("sysctl -qw net.ipv6.conf.default.disable_ipv6=1");
	six.ip[FAMILY_IPV4] = (struct addr){};
	ok(create(&six, &made) && check(&six, made.ifindex) && routes() == 1,
	   "IPv6 alone, on a host that disables IPv6 on new devices");
	sh("sysctl -qw net.ipv6.conf.default.disable_ipv6=0");
	delete(&six, made.ifindex);
}

static void test_second_interface(int pod)
{
	struct pod_link a = spec("c2", "eth0", pod, 11), b = spec("c2", "eth1", pod, 12);
	struct pod_link_made one, two;

	ok(create(&a, &one) && create(&b, &two) && check(&a, one.ifindex) && check(&b, two.ifindex),
	   "two interfaces in one pod");
	ok(sh("ping -q -c1 -W2 10.1.0.11 >/dev/null && ping -q -c1 -W2 10.1.0.12 >/dev/null &&"
	      "ping -q -c1 -W2 fd00:1::11 >/dev/null && ping -q -c1 -W2 fd00:1::12 >/dev/null"),
	   "both answer");
	ok(sh("timeout $((5 * ${PINPOOL_SLOW:-1})) tcpdump -Q in -nc1 -i %s icmp 2>/dev/null >/run/seen & sleep 0.5; "
	      "ping -q -c1 -W2 10.1.0.12 >/dev/null; wait; grep -q 10.1.0.12 /run/seen", two.name),
	   "each from its own interface");
	ok(create(&b, &two) && !two.created && check(&b, two.ifindex), "the second created again");
	ok(delete(&a, one.ifindex) && create(&b, &two) && check(&b, two.ifindex),
	   "the second stays when the first goes");
	delete(&b, two.ifindex);
}

static void test_collisions(int pod)
{
	struct pod_link s = spec("c3", "eth0", pod, 20);
	struct pod_link_made made;
	struct error e;
	char name[IFNAMSIZ];

	pod_link_name("c3", "eth0", name);
	sh("ip link add %s alias 'mine' type veth peer name x", name);
	ok(pod_link_create(nl, &s, &made, &e) == -EEXIST && strstr(e.text, name),
	   "a foreign device has the host's name: %s", e.text);
	ok(delete(&s, 0) && sh("ip link show %s >/dev/null", name), "it is not removed either");
	ok(delete(&s, 1) && sh("ip link show lo >/dev/null"), "nor another by a stale ifindex");
	sh("ip link set %s alias 'pinpool v1 owner=other if=eth0 gen=1'", name);
	ok(pod_link_create(nl, &s, &made, &e) == -EEXIST, "another owner has it: %s", e.text);
	ok(delete(&s, 0) && sh("ip link show %s >/dev/null", name), "it is not removed either");
	sh("ip link set %s alias '' address 02:70:00:00:00:01", name);
	ok(create(&s, &made) && made.created && check(&s, made.ifindex),
	   "a partial one is replaced");
	sh("ip link set %s down && ip link set %s name away", made.name, made.name);
	ok(delete(&s, made.ifindex) && devices(-1) == 0, "found by its ifindex though renamed");

	sh("ip link add y type veth peer name eth0 netns /proc/%d/fd/%d", getpid(), pod);
	ok(pod_link_create(nl, &s, &made, &e) == -EEXIST && devices(-1) == 1,
	   "the pod has an eth0 of its own: %s", e.text);
	sh("ip link del y");
	s.mtu = 10;
	ok(pod_link_create(nl, &s, &made, &e) == -EINVAL && devices(-1) == 0,
	   "an error leaves nothing: %s", e.text);
}

static void test_check(int pod)
{
	static const struct {
		const char *command;  /* $dev: the host's end; $pod: run in the pod */
		const char *finds;
	} cases[] = {
		{ "ip link set $dev alias x", "not this pod's" },
		{ "tc qdisc del dev $dev clsact", "detached" },
		{ "ip route del 10.1.0.30", "route" },
		{ "ip -6 route del fd00:1::30", "route" },
		{ "ip neigh del 10.1.0.30 dev $dev", "neighbour" },
		{ "ip neigh replace fd00:1::30 lladdr 02:00:00:00:00:09 dev $dev nud permanent",
		  "neighbour" },
		{ "$pod ip addr del 10.1.0.30/32 dev eth0", "lacks its address" },
		{ "$pod ip -6 route del default", "default route" },
		{ "$pod ip neigh del 169.254.1.1 dev eth0", "gateway" },
		{ "$pod ip link set eth0 address 02:00:00:00:00:08", "MAC" },
		{ "$pod ip link set eth0 mtu 1300", "MTU" },
		{ "$pod ip link set eth0 down", "down" },
		{ "ip link set $dev down", "down" },
		{ "ip link del $dev", "gone" },
	};
	struct pod_link s = spec("c5", "eth0", pod, 30);
	struct pod_link_made made;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		/* some damage is repaired by making it again; what is not, by removing it first */
		if (!create(&s, &made) || pod_link_check(nl, &s, made.ifindex, NULL)) {
			delete(&s, made.ifindex);
			create(&s, &made);
		}
		sh("dev=%s; pod='nsenter --net=/proc/%d/fd/%d'; %s", made.name, getpid(), pod,
		   cases[i].command);
		ok(finds(&s, made.ifindex, cases[i].finds), "found: %s", cases[i].command);
		if (strstr(cases[i].command, "alias"))
			sh("ip link del %s", made.name);
	}
}

static void test_list(int pod)
{
	struct pod_link a = spec("l1", "eth0", pod, 40), b = spec("l2", "eth1", pod, 41);
	struct pod_link_made made;
	struct pod_link_entry *list;
	size_t count;
	int whole = 0, half = 0;

	create(&a, &made);
	create(&b, &made);
	sh("ip link add pp00000000000ff address 02:70:00:00:00:01 type veth peer name z");
	if (!pod_link_list(nl, &list, &count, NULL)) {
		for (size_t i = 0; i < count; i++) {
			whole += list[i].kind == POD_LINK_COMPLETE &&
				 !strcmp(list[i].alias.pod, "web") &&
				 list[i].alias.owner.id[0] == 'l';
			half += list[i].kind == POD_LINK_PARTIAL;
		}
		free(list);
	}
	ok(count == 3 && whole == 2 && half == 1, "the list has two complete ones and a partial one");
	sh("ip link del pp00000000000ff");
	delete(&a, 0);
	delete(&b, 0);
}

/*
 * In a child that dies at the entry of its system call number @calls. True if it came to its end.
 */
static bool killed_at(const struct pod_link *s, int calls, bool making)
{
	int status;
	pid_t child = fork();

	if (!child) {
		struct pod_link_made made;
		struct netlink *own;

		if (netlink_open(&own, -1, NULL))
			_exit(2);
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		if (making)
			_exit(pod_link_create(own, s, &made, NULL) != 0);
		_exit(pod_link_delete(own, s->who.owner.id, s->who.owner.ifname, 0, NULL) != 0);
	}
	waitpid(child, &status, 0);
	/* a system call stops twice */
	for (int stop = 0; stop < 2 * calls && WIFSTOPPED(status); stop++) {
		ptrace(PTRACE_SYSCALL, child, 0, 0);
		waitpid(child, &status, 0);
	}
	if (WIFSTOPPED(status)) {
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		return false;
	}
	return true;
}

static void test_kills(int pod)
{
	struct pod_link s = spec("k1", "eth0", pod, 50);
	struct pod_link_made made;
	int calls, bad = 0;
	bool ended = false;

	for (calls = 1; !ended && calls < 500; calls++) {
		ended = killed_at(&s, calls, true);
		bad += !create(&s, &made) || !check(&s, made.ifindex) || devices(-1) != 1;
		bad += !delete(&s, made.ifindex) || devices(pod) != 0 || routes() != 0;
	}
	ok(!bad && ended, "a creator killed at each of %d system calls: the next completes it",
	   calls - 2);
	ended = false;
	for (calls = 1; !ended && calls < 500; calls++) {
		killed_at(&s, calls, true);
		bad += !delete(&s, 0) || devices(-1) != 0 || devices(pod) != 0;
		ended = calls > 60;
	}
	ok(!bad, "or removes its remains");
	ended = false;
	for (calls = 1; !ended && calls < 500; calls++) {
		bad += !create(&s, &made);
		ended = killed_at(&s, calls, false);
		bad += !delete(&s, made.ifindex) || devices(-1) != 0;
	}
	ok(!bad && ended, "a remover killed at each of %d system calls: the next ends it",
	   calls - 2);
}

static double least(double a, double b)
{
	return a < b ? a : b;
}

/* In round trips, for emulated machines run this, too. A wait for RCU would be some 1,000. */
static void test_speed(int pod)
{
	struct pod_link s = spec("s1", "eth0", pod, 60);
	double making = 1e9, trip = 1e9, start;
	struct pod_link_made made;
	struct link link;

	for (int i = 0; i < 20; i++) {
		start = sandbox_ms();
		create(&s, &made);
		making = least(making, sandbox_ms() - start);
		start = sandbox_ms();
		link_get(nl, NULL, made.ifindex, &link, NULL);
		trip = least(trip, sandbox_ms() - start);
		delete(&s, made.ifindex);
	}
	ok(making < 300 * trip, "created in %.2f ms, %.0f round trips", making, making / trip);
}

int main(void)
{
	struct error e;
	int pod;

	sandbox_enter();
	sh("ip link set lo up; ip addr add 10.255.0.1 dev lo; ip addr add fd00:ff::1 dev lo nodad");
	program = sandbox_program();
	pod = sandbox_netns();
	if (program < 0 || netlink_open(&nl, -1, &e))
		return 1;
	test_life(pod);
	test_one_family(pod);
	test_second_interface(pod);
	test_collisions(pod);
	test_check(pod);
	test_list(pod);
	test_kills(pod);
	test_speed(pod);
	netlink_close(nl);
	return tap_done();
}
