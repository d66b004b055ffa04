// SPDX-License-Identifier: GPL-2.0-only
/* CiliumNodes of the API server: blocks that they list and addresses that they need. */
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "loader/base/memory.h"
#include "loader/kube/operator_cluster.h"
#include "loader/text/text.h"

int name_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void cluster_init(struct cluster *c, report_fn *report, void *arg)
{
	*c = (struct cluster){ .report = report, .arg = arg };
	TAILQ_INIT(&c->pools);
	TAILQ_INIT(&c->nodes);
	TAILQ_INIT(&c->queue);
}

struct cluster_node *cluster_find_node(const struct cluster *c, const char *name)
{
	struct cluster_node **found = tfind(&name, (void *const *)&c->nodes_by_name, name_compare);

	return found ? *found : NULL;
}

void cluster_queue(struct cluster *c, struct cluster_node *node)
{
	if (!node->queued)
		TAILQ_INSERT_TAIL(&c->queue, node, queue);
	node->queued = true;
}

struct cluster_node *cluster_next(struct cluster *c)
{
	struct cluster_node *node = c->synced ? TAILQ_FIRST(&c->queue) : NULL;

	if (node)
		TAILQ_REMOVE(&c->queue, node, queue);
	if (node)
		node->queued = false;
	return node;
}

int claim_compare(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;

	return x->pool == y->pool ? prefix_compare(&x->prefix, &y->prefix)
				  : strcmp(x->pool->name, y->pool->name);
}

static void malformed(struct cluster_node *node, const char *list, size_t at, const char *what,
		      const json_t *value)
{
	char *text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;
	struct error e;

	error_set(&e, 0, "spec.ipam.pools.%s[%zu]: invalid %s %.80s", list, at, what, text ? text : "(none)");
	if (!node->malformed)
		node->malformed = xstrdup(e.text);
	node->rewrite = true;
	free(text);
}

static void demands_free(struct cluster *c, struct cluster_node *node)
{
	for (size_t i = 0; i < node->demand_count; i++) {
		for (int family = 0; family < FAMILIES; family++)
			if (node->demands[i].waiting[family]) {
				pool_wait(&node->demands[i], family, false);
				pool_wake(c, node->demands[i].pool, family);
			}
		pool_put(c, node->demands[i].pool);
	}
	free(node->demands);
	node->demands = NULL;
	node->demand_count = 0;
}

static uint32_t needed_addresses(const json_t *needed, const char *key)
{
	json_int_t n = json_integer_value(json_get(needed, key));

	return n < 0 ? 0 : n > UINT32_MAX ? UINT32_MAX : n;
}

static const char *pool_name(const json_t *entry)
{
	const char *name = json_string_value(json_get(entry, "pool"));

	return name && *name && strlen(name) < PP_NAME ? name : NULL;
}

static void demands_read(struct cluster *c, struct cluster_node *node, const json_t *requested)
{
	const json_t *entry;
	size_t i;

	demands_free(c, node);
	node->demands = xcalloc(json_array_size(requested), sizeof(*node->demands));
	json_array_foreach(requested, i, entry) {
		const json_t *needed = json_get(entry, "needed");
		struct demand *demand = &node->demands[node->demand_count];

		if (!pool_name(entry)) {
			malformed(node, "requested", i, "pool", json_get(entry, "pool"));
			continue;
		}
		demand->pool = pool_get(c, pool_name(entry));
		demand->node = node;
		demand->needed[FAMILY_IPV4] = needed_addresses(needed, "ipv4-addrs");
		demand->needed[FAMILY_IPV6] = needed_addresses(needed, "ipv6-addrs");
		node->demand_count++;
	}
}

/* The claims of an object while it is read. */
struct reading {
	struct cluster *c;
	struct cluster_node *node;
	struct claim *list;
	size_t count;
};

static void read_block(struct reading *r, const json_t *entry, const json_t *cidr, size_t at)
{
	struct claim claim = { .listed = true, .first = json_is_true(json_get(entry, "allowFirstIP")),
			       .last = json_is_true(json_get(entry, "allowLastIP")) };
	const char *text = json_string_value(cidr);
	char canonical[PREFIX_TEXT];

	if (r->count >= NODE_BLOCKS_MAX || !text || prefix_parse(text, &claim.prefix) < 0) {
		malformed(r->node, "allocated", at, r->count < NODE_BLOCKS_MAX ? "CIDR" : "number of blocks", cidr);
		return;
	}
	claim.pool = pool_get(r->c, pool_name(entry));
	r->node->rewrite |= strcmp(text, prefix_format(&claim.prefix, canonical)) ||
			    (r->count && claim_compare(&r->list[r->count - 1], &claim) >= 0);
	r->list = xgrow(r->list, r->count, sizeof(*r->list));
	r->list[r->count++] = claim;
}

static void read_allocated(struct reading *r, const json_t *allocated)
{
	const json_t *entry, *cidr;
	size_t i, k;

	json_array_foreach(allocated, i, entry) {
		const json_t *cidrs = json_get(entry, "cidrs");

		if (!pool_name(entry)) {
			malformed(r->node, "allocated", i, "pool", json_get(entry, "pool"));
			continue;
		}
		/* an entry without a block, or a pool's second entry */
		r->node->rewrite |= !json_array_size(cidrs) ||
				    (r->count && !strcmp(r->list[r->count - 1].pool->name, pool_name(entry)));
		json_array_foreach(cidrs, k, cidr)
			read_block(r, entry, cidr, i);
	}
}

static void claims_sort(struct reading *r)
{
	size_t kept = 0;

	if (r->count)
		qsort(r->list, r->count, sizeof(*r->list), claim_compare);
	for (size_t i = 0; i < r->count; i++)
		if (kept && !claim_compare(&r->list[kept - 1], &r->list[i]))
			pool_put(r->c, r->list[i].pool);
		else
			r->list[kept++] = r->list[i];
	r->count = kept;
}

static void claims_free(struct cluster *c, struct claim *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		held_remove(c, &list[i]);
		pool_put(c, list[i].pool);
	}
	free(list);
}

/* A block that was given by a write which met a newer object (409) is still to be given. */
static void carry_over(struct cluster *c, struct reading *r, struct claim *granted)
{
	r->list = xgrow(r->list, r->count, sizeof(*r->list));
	r->list[r->count++] = *granted;
	pool_get(c, granted->pool->name);
	granted->held = false;
}

/* What is known of a claim goes on; a block that is not listed any more is free at once. */
static void claims_replace(struct cluster *c, struct cluster_node *node, struct reading *r)
{
	size_t listed = r->count;

	for (size_t i = 0; i < node->claim_count; i++) {
		struct claim *old = &node->claims[i];
		struct claim *new = NULL;

		if (listed)
			new = bsearch(old, r->list, listed, sizeof(*old), claim_compare);
		if (new) {
			new->held = old->held;
			new->proven = old->proven;
			new->refused = old->refused;
			old->held = false;
		} else if (old->held && !old->listed && pool_covers(old->pool, &old->prefix)) {
			carry_over(c, r, old);
		}
	}
	if (r->count > listed)
		claims_sort(r);
	claims_free(c, node->claims, node->claim_count);
	node->claims = r->list;
	node->claim_count = r->count;
}

static void read_metadata(struct cluster_node *node, const json_t *metadata)
{
	const json_t *annotations = json_get(metadata, "annotations");
	const char *ignore = json_string_value(json_get(annotations, "ipam.cilium.io/ignore"));
	const char *keep = json_string_value(json_get(annotations, "cilium.io/do-not-gc"));

	snprintf(node->uid, sizeof(node->uid), "%s", json_text(metadata, "uid"));
	snprintf(node->created, sizeof(node->created), "%s", json_text(metadata, "creationTimestamp"));
	node->ignored = ignore && !strcasecmp(ignore, "true");
	node->keep = json_array_size(json_get(metadata, "ownerReferences")) ||
		     (keep && !strcasecmp(keep, "true"));
}

static struct cluster_node *node_get(struct cluster *c, const char *name)
{
	struct cluster_node *node = cluster_find_node(c, name);

	if (node)
		return node;
	node = xcalloc(1, sizeof(*node));
	node->name = xstrdup(name);
	TAILQ_INSERT_TAIL(&c->nodes, node, all);
	if (!tsearch(node, &c->nodes_by_name, name_compare))
		abort();
	return node;
}

struct cluster_node *cluster_set_node(struct cluster *c, const json_t *json)
{
	const json_t *metadata = json_get(json, "metadata");
	const char *name = json_string_value(json_get(metadata, "name"));
	const char *version = json_text(metadata, "resourceVersion");
	struct cluster_node *node = name ? node_get(c, name) : NULL;
	struct reading r = { c, node, NULL, 0 };
	const char *error;
	char *before;

	if (!node || (*version && !strcmp(node->version, version)))
		return node;
	snprintf(node->version, sizeof(node->version), "%s", version);
	read_metadata(node, metadata);
	before = node->malformed;
	node->malformed = NULL;
	node->rewrite = false;
	demands_read(c, node, json_get_path(json, "spec.ipam.pools.requested"));
	node->rewrite = false; /* demand is the node's */
	read_allocated(&r, json_get_path(json, "spec.ipam.pools.allocated"));
	claims_sort(&r);
	claims_replace(c, node, &r);
	error = json_text(json, "status.ipam.operator-status.error");
	free(node->status_error);
	node->status_error = *error ? xstrdup(error) : NULL;
	if (c->report && node->malformed && (!before || strcmp(before, node->malformed)))
		c->report(c->arg, "CiliumNode", name, node->uid, node->malformed);
	free(before);
	cluster_queue(c, node);
	return node;
}

static void node_free(struct cluster *c, struct cluster_node *node)
{
	demands_free(c, node);
	claims_free(c, node->claims, node->claim_count);
	if (node->queued)
		TAILQ_REMOVE(&c->queue, node, queue);
	tdelete(node, &c->nodes_by_name, name_compare);
	TAILQ_REMOVE(&c->nodes, node, all);
	free(node->outside);
	free(node->malformed);
	free(node->status_error);
	free(node->name);
	free(node);
}

void cluster_remove_node(struct cluster *c, const char *name)
{
	struct cluster_node *node = cluster_find_node(c, name);

	if (node)
		node_free(c, node);
}

void cluster_free(struct cluster *c)
{
	struct cluster_pool *pool, *next;

	while (!TAILQ_EMPTY(&c->nodes))
		node_free(c, TAILQ_FIRST(&c->nodes));
	for (pool = TAILQ_FIRST(&c->pools); pool; pool = next) {
		next = TAILQ_NEXT(pool, all);
		pool->version[0] = 0;
		pool->users = 1;
		pool_put(c, pool);
	}
	free(c->held);
}
