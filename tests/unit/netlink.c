// SPDX-License-Identifier: GPL-2.0-only
/* Namespaces, addresses, routes in bulk, uplinks' programs and sysctls, against the real kernel. */
#include <errno.h>
#include <string.h>

#include "loader/net/address.h"
#include "loader/net/link.h"
#include "loader/net/netns.h"
#include "loader/net/routes.h"
#include "loader/net/sysctl.h"
#include "loader/net/tc.h"
#include "tests/lib/sandbox.h"

static struct netlink *nl;

static struct addr addr(const char *text)
{
	struct addr a;

	if (addr_parse(text, &a))
		abort();
	return a;
}

static uint32_t ifindex_of(const char *name)
{
	struct link link;

	return link_get(nl, name, 0, &link, NULL) ? 0 : link.ifindex;
}

static void test_netns(void)
{
	struct error e;
	uint64_t here, there, again;
	char path[64];
	int fd;

	ok(netns_open("none", &e) == -ENOENT, "no such name: %s", e.text);
	ok(netns_open("/etc/passwd", &e) == -EINVAL, "a file: %s", e.text);
	ok(netns_open("/run", &e) == -EINVAL, "a directory");
	ok(netns_open("", &e) == -EINVAL, "an empty name");
	ok(netns_open("/proc/self/ns/mnt", &e) == -EINVAL, "another kind of namespace");
	sh("mkfifo /run/netns/fifo");
	ok(netns_open("fifo", &e) == -EINVAL, "a fifo does not block");
	sh("ip netns add blue");
	fd = netns_open("blue", &e);
	ok(fd >= 0 && !netns_same(fd, -1) && netns_same(fd, fd), "a name under /run/netns");
	ok(!netns_cookie(-1, &here, &e) && !netns_cookie(fd, &there, &e) && here != there,
	   "each has its cookie");
	snprintf(path, sizeof(path), "/proc/%d/ns/net", getpid());
	close(fd);
	fd = netns_open(path, &e);
	ok(fd >= 0 && netns_same(fd, -1) && !netns_cookie(fd, &again, &e) && again == here,
	   "a process's");
	close(fd);
}

static bool is(const struct address *address, const char *text)
{
	struct addr expected = addr(text);

	return !addr_compare(&address->addr, &expected);
}

static void test_addresses(void)
{
	const struct address *found;
	struct address *list;
	size_t count;
	uint32_t u0, u1;

	sh("ip link add u0 type veth peer name u1; ip link set u0 up; ip link set u1 up");
	sh("ip addr add 10.9.0.5/24 dev u0; ip addr add 10.9.0.6/24 dev u0");
	sh("ip addr add 169.254.7.7/16 dev u1 scope link; ip addr add 10.8.0.1/24 dev u1");
	sh("ip addr add fd09::4/64 dev u0 nodad preferred_lft 0");
	sh("ip addr add fd09::5/64 dev u0 nodad");
	u0 = ifindex_of("u0");
	u1 = ifindex_of("u1");
	ok(!address_list(nl, &list, &count, NULL), "all addresses");
	found = address_primary(list, count, u0, FAMILY_IPV4);
	ok(found && found->length == 120 && is(found, "10.9.0.5"),
	   "the first of IPv4, not the secondary");
	found = address_primary(list, count, u1, FAMILY_IPV4);
	ok(found && is(found, "10.8.0.1"), "not the link-local");
	found = address_primary(list, count, u0, FAMILY_IPV6);
	ok(found && is(found, "fd09::5"), "not the deprecated, not fe80::");
	ok(!address_primary(list, count, u1, FAMILY_IPV6), "none: none");
	free(list);
}

static void test_lookups(void)
{
	const struct addr near = addr("10.9.0.77"), far = addr("192.0.2.1"), own = addr("10.9.0.5"),
			  six = addr("fd09::77"), none = addr("2001:db8::1");
	uint32_t device[8], by = 0, u0 = ifindex_of("u0");
	size_t count;

	ok(!route_default_devices(nl, device, 8, &count, NULL) && !count, "no default route");
	sh("ip route add default via 10.9.0.1; ip -6 route add default via fd09::1 dev u0");
	ok(!route_default_devices(nl, device, 8, &count, NULL) && count == 1 && device[0] == u0,
	   "both families by one device: once");
	sh("ip route replace default nexthop via 10.9.0.1 nexthop via 10.8.0.2");
	ok(!route_default_devices(nl, device, 8, &count, NULL) && count == 2, "two next hops: two");
	ok(route_is_onlink(nl, &near, &by, NULL) == 1 && by == u0, "a neighbour is on-link");
	ok(route_is_onlink(nl, &six, &by, NULL) == 1 && by == u0, "one of IPv6 too");
	ok(route_is_onlink(nl, &far, &by, NULL) == 0, "a route by a gateway is not");
	ok(route_is_onlink(nl, &own, &by, NULL) == 0, "nor an address of ours");
	sh("ip route del default; ip -6 route del default");
	ok(route_is_onlink(nl, &far, &by, NULL) == 0 && route_is_onlink(nl, &none, &by, NULL) == 0,
	   "nor a destination without route");
}

static struct route block(const char *format, unsigned int a, unsigned int b)
{
	struct route r = { .type = RTN_UNREACHABLE, .metric = 4096 };
	char text[64];

	snprintf(text, sizeof(text), format, a, b);
	if (prefix_parse(text, &r.to) < 0)
		abort();
	return r;
}

static struct route node(const char *to, const char *gateway)
{
	struct route r = { .type = RTN_UNICAST, .gateway = addr(gateway) };

	prefix_parse(to, &r.to);
	return r;
}

static bool reconcile(unsigned int kinds, struct route *wanted, size_t count, size_t added,
		      size_t removed, size_t kept)
{
	struct routes_change c;
	struct error e = {};
	int err = routes_reconcile(nl, 0, kinds, wanted, count, &c, &e);

	if (err || c.added != added || c.removed != removed || c.kept != kept)
		printf("# %d %s: added %zu removed %zu kept %zu\n", err, e.text, c.added, c.removed,
		       c.kept);
	return !err && c.added == added && c.removed == removed && c.kept == kept;
}

static void test_reconcile(void)
{
	struct route want[] = {
		block("10.20.%u.%u/27", 0, 0), block("10.20.%u.%u/27", 0, 32),
		block("fd20:%x::%x/120", 0, 0), node("10.30.0.0/24", "10.9.0.2"),
		node("fd30::/64", "fd09::2"),
	};
	const size_t all = sizeof(want) / sizeof(*want);
	const unsigned int any = ROUTES_BLOCKS | ROUTES_NODES | ROUTES_ENDPOINTS;
	struct error e;

	ok(reconcile(any, want, all, 5, 0, 0), "routes are added");
	ok(reconcile(any, want, all, 0, 0, 5), "and then all are correct");
	sh("ip route add 10.40.0.0/24 dev u0 proto static");
	sh("ip route add 10.20.9.0/27 dev u0 proto 112; ip route del 10.30.0.0/24");
	ok(reconcile(any, want, all, 1, 1, 4), "one missing, one unexpected");
	ok(sh("ip route show 10.40.0.0/24 | grep -q static"), "a foreign one stays");
	sh("ip route add 10.20.9.1 dev u0 proto 112");
	ok(reconcile(ROUTES_BLOCKS, want, all, 0, 0, 3) &&
	   sh("ip route show 10.20.9.1 | grep -q 112"), "only the selected kinds");
	ok(reconcile(ROUTES_ENDPOINTS, want, 0, 0, 1, 0), "pods' routes alone");
	want[0] = node("10.30.0.0/24", "10.9.0.3");
	want[1] = node("fd30::/64", "fd09::3");
	ok(reconcile(ROUTES_NODES, want, 2, 2, 0, 0) && reconcile(ROUTES_NODES, want, 2, 0, 0, 2),
	   "another gateway replaces the one before");
	sh("ip route add 10.31.0.0/24 dev u0 proto bird");
	want[2] = node("10.31.0.0/24", "10.9.0.3");
	ok(routes_reconcile(nl, 0, ROUTES_NODES, want, 3, NULL, &e) == -EEXIST,
	   "a foreign route conflicts: %s", e.text);
	ok(reconcile(any, want, 0, 0, 5, 0), "all gone");
	want[0] = block("fd50:%x::%x/64", 0, 0);
	want[1] = node("fd50::/64", "fd09::2");
	want[1].metric = want[0].metric;
	ok(reconcile(any, want, 1, 1, 0, 0) && reconcile(any, want + 1, 1, 1, 0, 0) &&
	   reconcile(any, want + 1, 1, 0, 0, 1) && reconcile(any, want, 1, 1, 0, 0) &&
	   reconcile(any, want, 1, 0, 0, 1) && reconcile(any, want, 0, 0, 1, 0),
	   "a block becomes another node's, and comes back");
	want[0] = node("10.32.0.0/24", "172.31.0.1");
	ok(routes_reconcile(nl, 0, ROUTES_NODES, want, 1, NULL, &e) == -ENETUNREACH,
	   "a gateway that is not on-link: %s", e.text);
	ok(!routes_reconcile(nl, 4711, any, want, 0, NULL, &e),
	   "a table that does not exist is empty");
}

static void test_bulk(void)
{
	enum { N = 5000 };
	struct route *want = calloc(N, sizeof(*want));
	double start = sandbox_ms(), add, keep, remove;
	bool good;

	for (unsigned int i = 0; i < N; i++)
		want[i] = i % 2 ? block("10.%u.%u.0/24", 64 + i / 256, i % 256)
				: block("fd40:%x:%x::/48", i / 256, i % 256);
	good = reconcile(ROUTES_BLOCKS, want, N, N, 0, 0);
	add = sandbox_ms() - start;
	start = sandbox_ms();
	good = good && reconcile(ROUTES_BLOCKS, want, N, 0, 0, N);
	keep = sandbox_ms() - start;
	start = sandbox_ms();
	good = good && reconcile(ROUTES_BLOCKS, want, 0, 0, N, 0);
	remove = sandbox_ms() - start;
	ok(good, "5,000 routes: add %.0f ms, nothing to do %.0f ms, remove %.0f ms", add, keep,
	   remove);
	free(want);
}

static void test_errors_in_bulk(void)
{
	struct error e;
	struct route r = block("10.%u.%u.0/24", 1, 1);

	r.type = RTN_UNICAST;
	r.ifindex = 4242;
	for (int i = 0; i < 1000; i++)
		route_add(nl, &r);
	ok(netlink_flush(nl, &e) == -ENODEV && strstr(e.text, "10.1.1.0/24"),
	   "1,000 failures: the first is reported: %s", e.text);
	ok(!netlink_flush(nl, &e) && ifindex_of("u0"), "and the connection goes on");
}

/* tcx detaches some time after the last reference is gone. */
static bool gone(uint32_t ifindex, enum tc_direction direction, const char *pin)
{
	uint32_t id = 1;

	return !tc_uplink_program(nl, ifindex, direction, pin, &id, NULL) && !id;
}

static void test_uplinks(void)
{
	const char *const pin[] = { "/sys/fs/bpf/u0_in", "/sys/fs/bpf/u0_out" };
	int one = sandbox_program(), two = sandbox_program();
	uint32_t id, u0 = ifindex_of("u0");
	struct error e = {};

	printf("# %s\n", tcx_exists() ? "tcx" : "clsact");
	for (int d = TC_INGRESS; d <= TC_EGRESS; d++) {
		ok(gone(u0, d, pin[d]) && !tc_detach_uplink(nl, u0, d, pin[d], &e),
		   "nothing there");
		ok(!tc_attach_uplink(nl, u0, d, one, pin[d], &e) &&
		   !tc_uplink_program(nl, u0, d, pin[d], &id, &e) && id == sandbox_program_id(one),
		   "attached");
		ok(!tc_attach_uplink(nl, u0, d, two, pin[d], &e) &&
		   !tc_uplink_program(nl, u0, d, pin[d], &id, &e) && id == sandbox_program_id(two),
		   "replaced");
	}
	ok(sh("ping -q -c1 -W2 10.9.0.5 >/dev/null"), "the rest of the world goes on");
	ok(!tc_detach_uplink(nl, u0, TC_EGRESS, pin[TC_EGRESS], &e) &&
	   gone(u0, TC_EGRESS, pin[TC_EGRESS]), "detached");
	sh("ip link del u0; ip link add u0 type veth peer name u1; ip link set u0 up");
	u0 = ifindex_of("u0");
	ok(gone(u0, TC_INGRESS, pin[TC_INGRESS]), "gone with its device");
	ok(!tc_attach_uplink(nl, u0, TC_INGRESS, one, pin[TC_INGRESS], &e) &&
	   !gone(u0, TC_INGRESS, pin[TC_INGRESS]), "attached to the new device");
	ok(!tc_detach_uplink(nl, u0, TC_INGRESS, pin[TC_INGRESS], &e), "and detached");
	ok(!tc_detach_uplink(nl, 4242, TC_INGRESS, pin[TC_INGRESS], &e),
	   "no such device: nothing to do");
	ok(tc_attach_uplink(nl, 4242, TC_INGRESS, one, pin[TC_INGRESS], &e) == -ENODEV,
	   "or an error: %s", e.text);
	close(one);
	close(two);
}

static const char *planned(const struct sysctl_expected *list, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strstr(list[i].name, name))
			return list[i].value;
	return "";
}

static void test_sysctls(void)
{
	static const char *const uplinks[] = { "u0", "u1", "missing" };
	const struct sysctl_host host = {
		.ipv4 = true, .ipv6 = true, .uplinks = uplinks, .uplink_count = 3,
		.port_min = 49152, .port_max = 65535,
	};
	char value[SYSCTL_VALUE];
	struct sysctl_expected *list;
	struct error e = {};
	bool good = true;
	size_t count;

	sh("sysctl -qw net.ipv6.conf.u0.accept_ra=1 net.ipv6.conf.u1.accept_ra=0");
	sh("sysctl -qw net.ipv4.ip_local_reserved_ports=8080,50000 net.ipv4.ip_forward=0");
	if (sysctl_plan(&host, &list, &count, &e))
		printf("# %s\n", e.text);
	ok(count == 4 && strstr(list[0].name, "u0/accept_ra") && !strcmp(list[0].value, "2") &&
	   strstr(list[1].name, "forwarding"),
	   "accept_ra comes first, of the uplinks that have it");
	ok(!strcmp(planned(list, count, "reserved"), "8080,49152-65535"), "ports are merged");
	for (size_t i = 0; i < count; i++)
		good = good && sysctl_set(list[i].name, list[i].value, NULL, &e) == 1;
	ok(good && sh("test $(sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding "
		      "net.ipv6.conf.u0.accept_ra | tr -d '\\n') = 112"), "written");
	for (size_t i = 0; i < count; i++)
		good = good && sysctl_set(list[i].name, list[i].value, value, &e) == 0 &&
		       !strcmp(value, list[i].value);
	ok(good, "written again: nothing changes");
	for (size_t i = 0; i < count; i++)
		good = good && sysctl_set(list[i].name, list[i].previous, NULL, &e) == 1;
	ok(good && !sysctl_get("net/ipv4/ip_local_reserved_ports", value, &e) &&
	   !strcmp(value, "8080,50000"), "and put back");
	ok(sysctl_set("net/ipv4/ip_local_reserved_ports", "", value, &e) == 1 &&
	   !sysctl_get("net/ipv4/ip_local_reserved_ports", value, &e) && !*value, "an empty list");
	ok(sysctl_get("net/no/such", value, &e) == -ENOENT, "unknown: %s", e.text);
	ok(sysctl_set("net/ipv4/ip_forward", "many", NULL, &e) == -EINVAL, "refused: %s", e.text);
	free(list);
}

int main(void)
{
	struct error e;

	sandbox_enter();
	sh("ip link set lo up");
	if (netlink_open(&nl, -1, &e))
		return 1;
	test_netns();
	test_addresses();
	test_lookups();
	test_reconcile();
	test_bulk();
	test_errors_in_bulk();
	test_uplinks();
	test_sysctls();
	netlink_close(nl);
	return tap_done();
}
