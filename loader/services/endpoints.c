// SPDX-License-Identifier: GPL-2.0-only
/* Which endpoints of a Service's port get new connections: readiness, topology, node. */
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/services/endpoints.h"
#include "maps/flows.h"

#define SERVICE_LABEL "kubernetes.io/service-name"

/* Whether all ready endpoints have hints of a kind, and one is for this node or zone. */
struct hints {
	bool all, ours;
};

struct candidate {
	struct endpoint endpoint;
	bool ready, serving, draining, local, healthy; /* draining: serving and terminating */
	bool node_hint, zone_hint, for_node, for_zone;
};

struct candidates {
	struct candidate *list;
	size_t count;
};

const char *object_namespace(const json_t *object)
{
	return json_string_value(json_object_get(json_object_get(object, "metadata"), "namespace")) ?: "default";
}

uint8_t protocol_number(const json_t *port)
{
	const char *name = json_string_value(json_object_get(port, "protocol")) ?: "TCP";

	return !strcmp(name, "UDP") ? PROTOCOL_UDP : !strcmp(name, "SCTP") ? PROTOCOL_SCTP : PROTOCOL_TCP;
}

static int by_service(const void *a, const void *b)
{
	const struct slice_entry *x = a, *y = b;
	int order = strcmp(x->namespace, y->namespace);

	return order ? order : strcmp(x->service, y->service);
}

void slices_sort(const json_t *slices, struct slice_index *index)
{
	const json_t *slice;
	size_t i;

	*index = (struct slice_index){ .list = xcalloc(json_array_size(slices), sizeof(*index->list)) };
	json_array_foreach(slices, i, slice) {
		const json_t *labels = json_object_get(json_object_get(slice, "metadata"), "labels");
		const char *service = json_string_value(json_object_get(labels, SERVICE_LABEL));

		if (service)
			index->list[index->count++] =
				(struct slice_entry){ object_namespace(slice), service, slice };
	}
	if (index->count)
		qsort(index->list, index->count, sizeof(*index->list), by_service);
}

/* The first slice of the service, or where it would be. */
static size_t slices_from(const struct slice_index *index, const struct slice_entry *key)
{
	size_t low = 0, high = index->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (by_service(&index->list[middle], key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool condition(const json_t *endpoint, const char *name, bool unknown)
{
	const json_t *value = json_object_get(json_object_get(endpoint, "conditions"), name);

	return value ? json_is_true(value) : unknown;
}

/* Whether the endpoint has hints of @kind; *ours: one names @name. */
static bool hinted(const json_t *endpoint, const char *kind, const char *name, bool *ours)
{
	const json_t *list = json_object_get(json_object_get(endpoint, "hints"), kind), *hint;
	size_t i;

	json_array_foreach(list, i, hint)
		*ours |= name && !strcmp(json_string_value(json_object_get(hint, "name")), name);
	return json_array_size(list);
}

/* The addresses of an endpoint are the same endpoint: kube-proxy uses the first. */
static void add(const struct services_input *in, const json_t *json, uint16_t port, bool not_ready,
		struct candidates *all)
{
	const char *text = json_string_value(json_array_get(json_object_get(json, "addresses"), 0));
	const char *node = json_string_value(json_object_get(json, "nodeName"));
	bool ready = condition(json, "ready", true), terminating = condition(json, "terminating", false);
	struct candidate c = { .endpoint.port = port, .ready = ready || not_ready };

	if (!text || addr_parse(text, &c.endpoint.address))
		return;
	c.serving = c.ready || condition(json, "serving", ready);
	c.draining = condition(json, "serving", ready) && terminating;
	c.healthy = c.ready && !terminating;
	c.local = node && !strcmp(node, in->node);
	c.node_hint = hinted(json, "forNodes", in->node, &c.for_node);
	c.zone_hint = hinted(json, "forZones", in->zone, &c.for_zone);
	all->list = xgrow(all->list, all->count, sizeof(c));
	all->list[all->count++] = c;
}

static void add_slice(const struct services_input *in, const json_t *slice, bool not_ready,
		      const struct service_port *p, struct candidates *all)
{
	static const char *const types[FAMILIES] = { [FAMILY_IPV4] = "IPv4", [FAMILY_IPV6] = "IPv6" };
	const char *type = json_string_value(json_object_get(slice, "addressType"));
	const json_t *port, *endpoint;
	size_t i, k;

	if (!type || strcmp(type, types[p->family]))
		return;
	json_array_foreach(json_object_get(slice, "ports"), i, port) {
		const char *name = json_string_value(json_object_get(port, "name")) ?: "";
		uint16_t number = json_integer_value(json_object_get(port, "port"));

		if (!number || strcmp(name, p->name) || protocol_number(port) != p->protocol)
			continue;
		json_array_foreach(json_object_get(slice, "endpoints"), k, endpoint)
			add(in, endpoint, number, not_ready, all);
	}
}

static int by_endpoint(const void *a, const void *b)
{
	const struct endpoint *x = a, *y = b;
	int order = addr_compare(&x->address, &y->address);

	return order ? order : (int)x->port - y->port;
}

static int by_endpoint_and_state(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	int order = by_endpoint(&x->endpoint, &y->endpoint);

	if (!order)
		order = y->ready - x->ready;
	return order ? order : y->draining - x->draining;
}

/* An endpoint may be in two slices while it moves: the better state counts. */
static void unique(struct candidates *all)
{
	size_t kept = 0;

	if (all->count)
		qsort(all->list, all->count, sizeof(*all->list), by_endpoint_and_state);
	for (size_t i = 0; i < all->count; i++)
		if (!kept || by_endpoint(&all->list[kept - 1].endpoint, &all->list[i].endpoint))
			all->list[kept++] = all->list[i];
	all->count = kept;
}

/* Hints count only if every ready endpoint has them and one is for us. */
static void read_hints(const struct candidates *all, struct hints *node, struct hints *zone)
{
	*node = *zone = (struct hints){ .all = true };
	for (size_t i = 0; i < all->count; i++) {
		const struct candidate *c = &all->list[i];

		if (!c->ready)
			continue;
		node->all &= c->node_hint;
		node->ours |= c->for_node;
		zone->all &= c->zone_hint;
		zone->ours |= c->for_zone;
	}
}

static void put(struct endpoint_set *set, const struct endpoint *endpoint)
{
	set->list = xgrow(set->list, set->count, sizeof(*endpoint));
	set->list[set->count++] = *endpoint;
}

static void choose_cluster(const struct candidates *all, struct endpoint_set *set)
{
	struct hints node, zone;

	read_hints(all, &node, &zone);
	for (size_t i = 0; i < all->count; i++) {
		const struct candidate *c = &all->list[i];
		bool near = node.all && node.ours ? c->for_node : zone.all && zone.ours ? c->for_zone : true;

		if (c->ready && near)
			put(set, &c->endpoint);
	}
	for (size_t i = 0, ready = set->count; !ready && i < all->count; i++)
		if (all->list[i].draining)
			put(set, &all->list[i].endpoint);
}

static void choose_local(const struct candidates *all, struct endpoint_set *set)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->list[i].local && all->list[i].ready)
			put(set, &all->list[i].endpoint);
	for (size_t i = 0, ready = set->count; !ready && i < all->count; i++)
		if (all->list[i].local && all->list[i].draining)
			put(set, &all->list[i].endpoint);
}

void endpoints_choose(const struct services_input *in, const struct slice_index *index, bool not_ready,
		      struct service_port *port)
{
	const struct slice_entry key = { port->namespace, port->service, NULL };
	struct candidates all = {};

	for (size_t i = slices_from(index, &key); i < index->count && !by_service(&index->list[i], &key); i++)
		add_slice(in, index->list[i].slice, not_ready, port, &all);
	unique(&all);
	choose_cluster(&all, &port->sets[SCOPE_CLUSTER]);
	choose_local(&all, &port->sets[SCOPE_LOCAL]);
	for (size_t i = 0; i < all.count; i++) {
		const struct candidate *c = &all.list[i];

		port->any |= c->ready || c->draining;
		if (c->serving)
			put(&port->sets[SCOPE_SERVING], &c->endpoint);
		if (c->healthy && c->local)
			put(&port->sets[SCOPE_HEALTHY], &c->endpoint);
	}
	free(all.list);
}
