// SPDX-License-Identifier: GPL-2.0-only
/* The paths of the connectivity test, and the probes along them. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/ipam/claims.h"
#include "loader/connect/connectivity.h"
#include "loader/base/memory.h"
#include "loader/net/route.h"
#include "loader/kernel/store.h"

#define PAIRS_POOLS 16 /* with more pools each is tried only with itself and the next one */
#define UDP_HEADERS_IPV4 28
#define UDP_HEADERS_IPV6 48
#define ECHO_SIZE 56 /* like ping(8) */

static struct path *add_path(struct test *t, enum family family, const char *from, const char *to)
{
	struct connectivity *r = t->result;
	struct path *path;

	r->paths = xgrow(r->paths, r->path_count, sizeof(*path));
	path = &r->paths[r->path_count++];
	memset(path, 0, sizeof(*path));
	path->family = family;
	path->first = r->probe_count;
	snprintf(path->from, sizeof(path->from), "%s", from);
	snprintf(path->to, sizeof(path->to), "%s", to);
	return path;
}

__attribute__((format(printf, 2, 3))) static void skip(struct path *path, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path->skipped, sizeof(path->skipped), fmt, ap);
	va_end(ap);
}

/* Adds a probe along the newest path. */
static struct probe *add_probe(struct test *t, enum probe_protocol protocol, int netns,
			       const struct addr *source, const struct addr *destination)
{
	struct connectivity *r = t->result;
	struct probe *p;

	r->probes = xgrow(r->probes, r->probe_count, sizeof(*p));
	p = &r->probes[r->probe_count++];
	memset(p, 0, sizeof(*p));
	p->protocol = protocol;
	p->netns = netns;
	p->source = *source;
	p->destination = *destination;
	p->size = ECHO_SIZE;
	r->paths[r->path_count - 1].count++;
	return p;
}

/* Adds probes of all protocols to one of our servers; UDP with a datagram of the pods' MTU. */
static void add_probes(struct test *t, int netns, const struct addr *source,
		       const struct addr *destination, const struct probe_server *server)
{
	uint32_t headers = addr_is_ipv4(destination) ? UDP_HEADERS_IPV4 : UDP_HEADERS_IPV6;
	uint32_t mtu = t->node->config.mtu;

	add_probe(t, PROBE_TCP, netns, source, destination)->port = server->port[PROBE_TCP];
	add_probe(t, PROBE_UDP, netns, source, destination)->port = server->port[PROBE_UDP];
	t->result->probes[t->result->probe_count - 1].size = mtu > headers ? mtu - headers : 0;
	add_probe(t, PROBE_ICMP, netns, source, destination);
}

static const char *pod_text(const struct test_pool *pool, char text[PP_NAME + 16])
{
	snprintf(text, PP_NAME + 16, "pod of %s", pool->name);
	return text;
}

static const char *node_text(const char *name, char text[PP_NAME + 16])
{
	snprintf(text, PP_NAME + 16, "node %s", name);
	return text;
}

/* Whether pods of the pool have this family. */
static bool has_family(const struct test_pool *pool, enum family family)
{
	return pool->usable && !addr_is_zero(&pool->pod[0].ip[family]);
}

static void add_pair(struct test *t, enum family f, const struct test_pool *a,
		     const struct test_pool *b)
{
	char from[PP_NAME + 16], to[PP_NAME + 16];

	if (!has_family(a, f) || !has_family(b, f))
		return;
	add_path(t, f, pod_text(a, from), pod_text(b, to));
	add_probes(t, a->pod[0].netns, &a->pod[0].ip[f], &b->pod[1].ip[f], &b->pod[1].server[f]);
}

static void add_pairs(struct test *t, enum family f)
{
	size_t n = t->pool_count;

	for (size_t i = 0; i < n; i++) {
		if (n > PAIRS_POOLS) {
			add_pair(t, f, &t->pools[i], &t->pools[i]);
			add_pair(t, f, &t->pools[i], &t->pools[(i + 1) % n]);
		}
		for (size_t k = 0; n <= PAIRS_POOLS && k < n; k++)
			add_pair(t, f, &t->pools[i], &t->pools[k]);
	}
}

/* Paths between the node and a pod, both directions. */
static void add_node(struct test *t, enum family f, const struct test_pool *p)
{
	const struct config *c = &t->node->config;
	char pod[PP_NAME + 16], node[PP_NAME + 16];
	static const struct addr any;

	if (!has_family(p, f))
		return;
	pod_text(p, pod);
	node_text(c->node, node);
	add_path(t, f, node, pod);
	/* The node's source address depends on the pods' own routes. */
	add_probes(t, -1, c->endpoint_routes ? &c->address[f] : &any, &p->pod[1].ip[f],
		   &p->pod[1].server[f]);
	if (addr_is_zero(&c->address[f]))
		skip(add_path(t, f, pod, node), "the node has no such address");
	else {
		add_path(t, f, pod, node);
		add_probes(t, p->pod[0].netns, &p->pod[0].ip[f], &c->address[f], &t->host[f]);
	}
}

/* Paths to another node's blocks of this family: tests only that each has a route. */
static void add_blocks(struct test *t, enum family f, const char *from, const struct stored *other)
{
	char to[PP_NAME + 16], cidr[PREFIX_TEXT];
	struct claim *claims = NULL;
	size_t count = 0, of_family = 0;
	struct path *path;

	claims_of(other->json, t->node->config.default_pool_name, &claims, &count);
	for (size_t i = 0; i < count; i++)
		of_family += prefix_family(&claims[i].prefix) == f;
	if (of_family) {
		snprintf(to, sizeof(to), "pods of %s", other->name);
		path = add_path(t, f, from, to);
		skip(path, "no pod of it is known here; its blocks have routes");
	}
	for (size_t i = 0; of_family && i < count; i++) {
		struct route route;

		if (prefix_family(&claims[i].prefix) != f ||
		    !route_lookup(t->nl, &claims[i].prefix.addr, &route, NULL))
			continue;
		path->skipped[0] = 0;
		snprintf(path->failed, sizeof(path->failed), "no route to its block %s",
			 prefix_format(&claims[i].prefix, cidr));
		break;
	}
	free(claims);
}

static int add_other_nodes(struct test *t, enum family f, const struct test_pool *p,
			   struct error *e)
{
	char from[PP_NAME + 16], to[PP_NAME + 16];
	struct stored *nodes;
	size_t count;
	int err = store_list(&t->node->pins, OBJECT_CILIUMNODE, &nodes, &count, e);

	if (err)
		return err;
	pod_text(p, from);
	for (size_t i = 0; i < count; i++) {
		struct addr addr;

		if (!strcmp(nodes[i].name, t->node->config.node))
			continue;
		if (ciliumnode_address(nodes[i].json, "InternalIP", f, &addr)) {
			/*
			 * The source is not checked: masquerade depends on the route between both nodes.
			 */
			add_path(t, f, from, node_text(nodes[i].name, to));
			add_probe(t, PROBE_ICMP, p->pod[0].netns, &p->pod[0].ip[f], &addr);
		}
		add_blocks(t, f, from, &nodes[i]);
	}
	stored_free(nodes, count);
	return 0;
}

/* An address outside of all pods and nodes (RFC 5737, RFC 3849), which only a default route reaches. */
static struct addr far_away(enum family f)
{
	struct addr addr = {};

	addr_parse(f == FAMILY_IPV4 ? "198.51.100.1" : "2001:db8:ffff::1", &addr);
	return addr;
}

static void add_world(struct test *t, enum family f, const struct test_pool *p)
{
	char from[PP_NAME + 16], to[ADDR_TEXT + 8] = "world", text[ADDR_TEXT];
	const struct world *w = t->world;
	struct addr target = w->given ? w->addr : far_away(f);
	struct route route;
	struct probe *tcp;
	struct path *path;

	if (addr_family(&target) != f)
		return;
	if (w->given)
		snprintf(to, sizeof(to), "world %s", addr_format(&w->addr, text));
	path = add_path(t, f, pod_text(p, from), to);
	if (route_lookup(t->nl, &target, &route, NULL)) {
		skip(path, w->given ? "no route" : "no default route");
		return;
	}
	if (!w->given) {
		skip(path, "give an address with --world");
		return;
	}
	add_probe(t, PROBE_ICMP, p->pod[0].netns, &p->pod[0].ip[f], &target);
	if (!w->port)
		return;
	tcp = add_probe(t, PROBE_TCP, p->pod[0].netns, &p->pod[0].ip[f], &target);
	tcp->port = w->port;
	tcp->stranger = true;
}

/* Reports pools without pods, or without pods of this family. */
static void add_unusable(struct test *t, enum family f, const struct test_pool *p)
{
	char from[PP_NAME + 16];
	struct path *path;

	if (has_family(p, f))
		return;
	path = add_path(t, f, pod_text(p, from), "anything");
	if (p->usable)
		skip(path, "the pool has no CIDRs of this family");
	else if (p->broken)
		snprintf(path->failed, sizeof(path->failed), "%s", p->reason);
	else
		skip(path, "%s", p->reason);
}

static const struct test_pool *first_usable(const struct test *t, enum family f)
{
	const struct test_pool *first = NULL;

	for (size_t i = 0; i < t->pool_count; i++) {
		if (!has_family(&t->pools[i], f))
			continue;
		if (!strcmp(t->pools[i].name, t->node->config.default_pool_name))
			return &t->pools[i];
		first = first ? first : &t->pools[i];
	}
	return first;
}

static int add_family(struct test *t, enum family f, struct error *e)
{
	const struct test_pool *first = first_usable(t, f);

	add_pairs(t, f);
	for (size_t i = 0; i < t->pool_count; i++)
		add_node(t, f, &t->pools[i]);
	for (size_t i = 0; i < t->pool_count; i++)
		if (has_family(&t->pools[i], f))
			add_world(t, f, &t->pools[i]);
	for (size_t i = 0; i < t->pool_count; i++)
		add_unusable(t, f, &t->pools[i]);
	return first ? add_other_nodes(t, f, first, e) : 0;
}

static int open_host(struct test *t, struct error *e)
{
	int err = 0;

	for (int f = 0; !err && f < FAMILIES; f++)
		if (!addr_is_zero(&t->node->config.address[f]))
			err = probe_server_open(&t->host[f], -1, &t->node->config.address[f], e);
	return err;
}

int test_paths_list(struct test *t, struct error *e)
{
	int err = open_host(t, e);

	for (int f = 0; !err && f < FAMILIES; f++)
		if (t->node->config.enabled[f])
			err = add_family(t, f, e);
	return err;
}
