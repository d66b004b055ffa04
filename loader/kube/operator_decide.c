// SPDX-License-Identifier: GPL-2.0-only
/* What a node should have: claims accepted or refused, and blocks for its demand. */
#include <errno.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/kube/operator_cluster.h"
#include "loader/manifest/schema.h"
#include "loader/text/text.h"

/* A block outside of its pool must not take a CIDR of another one: only absurd ones would. */
static bool is_absurd(const struct cluster *c, const struct prefix *block)
{
	const struct cluster_pool *pool;

	/* of both families: ::/0 has the IPv4 addresses in it */
	TAILQ_FOREACH(pool, &c->pools, all)
		for (int family = 0; pool->spec && family < FAMILIES; family++)
			for (size_t i = 0; i < pool->spec->family[family].cidr_count; i++)
				if (prefix_covers(block, &pool->spec->family[family].cidrs[i]))
					return true;
	return false;
}

static void claim_refuse(struct cluster *c, const struct cluster_node *node, struct claim *claim,
			 const char *reason)
{
	char text[PREFIX_TEXT];
	struct error e;

	error_set(&e, 0, "unable to reuse from pool %s: cidr %s %s; removed from allocated",
		  claim->pool->name, prefix_format(&claim->prefix, text), reason);
	if (c->report && !claim->refused)
		c->report(c->arg, "CiliumNode", node->name, node->uid, e.text);
	claim->refused = true;
}

static void claim_hold(struct cluster *c, struct cluster_node *node, struct claim *claim, bool inside)
{
	if (!claim->held && (inside || !is_absurd(c, &claim->prefix)))
		held_add(c, node, claim);
}

/* A node lists a block again that was removed: an agent does that while pods have addresses of it. */
static bool insists(struct cluster_node *node, const struct claim *claim)
{
	for (size_t i = 0; i < node->outside_count; i++)
		if (prefix_equal(&node->outside[i], &claim->prefix))
			return !claim->refused;
	if (node->outside_count < NODE_BLOCKS_MAX) {
		node->outside = xgrow(node->outside, node->outside_count, sizeof(*node->outside));
		node->outside[node->outside_count++] = claim->prefix;
	}
	return false;
}

void claim_settle(struct cluster *c, struct cluster_node *node, struct claim *claim)
{
	bool inside = pool_covers(claim->pool, &claim->prefix);
	bool missing = !claim->pool->spec;

	if (!claim->held && !inside && !missing && !c->settling && !insists(node, claim))
		return claim_refuse(c, node, claim, "is not part of the requested pool");
	claim_hold(c, node, claim, inside);
	claim->proven |= claim->held && inside;
	if (claim->held || missing)
		claim->refused = false;
	else
		claim_refuse(c, node, claim, "has already been allocated");
}

static void stands(struct error *e, const char *sentence)
{
	size_t length = strlen(e->text);

	if (!strstr(e->text, sentence))
		snprintf(e->text + length, sizeof(e->text) - length, "%s%s", length ? "\n" : "", sentence);
}

static int missing(const struct cluster_pool *pool, const char *what, struct error *e)
{
	return error_set(e, -ENOENT, "cannot %s non-existing pool: %s%s%s", what, pool->name,
			 pool->refusal ? ": " : "", pool->refusal ? pool->refusal : "");
}

static void settle_all(struct cluster *c, struct cluster_node *node, struct error *error)
{
	for (size_t i = 0; i < node->claim_count; i++) {
		const struct cluster_pool *pool = node->claims[i].pool;
		struct error e;

		claim_settle(c, node, &node->claims[i]);
		if (pool->spec)
			continue;
		missing(pool, "reuse from", &e);
		stands(error, e.text);
	}
}

static uint64_t addresses(const struct cluster_node *node, const struct cluster_pool *pool,
			  enum family family)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < node->claim_count; i++) {
		const struct claim *claim = &node->claims[i];

		if (claim->pool == pool && claim->held && prefix_family(&claim->prefix) == family &&
		    pool_covers(pool, &claim->prefix))
			sum += pool_usable(pool, &claim->prefix);
	}
	return sum;
}

static void grant(struct cluster *c, struct cluster_node *node, struct cluster_pool *pool,
		  const struct prefix *block)
{
	struct claim claim = { .prefix = *block, .pool = pool_get(c, pool->name), .proven = true };
	size_t at = node->claim_count;

	held_add(c, node, &claim);
	node->claims = xgrow(node->claims, node->claim_count++, sizeof(*node->claims));
	for (; at && claim_compare(&node->claims[at - 1], &claim) > 0; at--)
		node->claims[at] = node->claims[at - 1];
	node->claims[at] = claim;
}

/* 0, or the reason in @e, which is for a second sentence's end. */
static int satisfy(struct cluster *c, struct cluster_node *node, const struct demand *demand,
		   enum family family, struct error *e)
{
	struct cluster_pool *pool = demand->pool;
	uint64_t have;

	if (!pool->spec)
		return missing(pool, "allocate from", e);
	have = addresses(node, pool, family);
	while (have < demand->needed[family]) {
		struct prefix block;

		if (node->claim_count >= NODE_BLOCKS_MAX)
			return error_set(e, -E2BIG, "the node has %d blocks; use a smaller maskSize",
					 NODE_BLOCKS_MAX);
		if (pool_next_block(c, pool, family, &block))
			return error_set(e, -ENOSPC, "pool empty");
		grant(c, node, pool, &block);
		have += pool_usable(pool, &block);
	}
	return 0;
}

static void demand_decide(struct cluster *c, struct cluster_node *node, struct demand *demand,
			  enum family family, struct error *error)
{
	struct error reason, e;
	bool waited = demand->waiting[family];
	int err = demand->needed[family] ? satisfy(c, node, demand, family, &reason) : 0;

	pool_wait(demand, family, err == -ENOSPC);
	if (!err && waited)
		pool_wake(c, demand->pool, family);
	if (!err)
		return;
	error_set(&e, 0, "failed to allocate %s address for node \"%s\" from pool \"%s\": %s",
		  family_name(family), node->name, demand->pool->name, reason.text);
	stands(error, e.text);
}

static bool is_written(const struct cluster_node *node)
{
	bool same = !node->rewrite;

	for (size_t i = 0; same && i < node->claim_count; i++) {
		const struct claim *claim = &node->claims[i];
		const struct pool_spec *spec = claim->pool->spec;

		same = claim->listed != claim->refused && (!spec || claim->refused ||
		       (claim->first == spec->allow_first && claim->last == spec->allow_last));
	}
	return same;
}

/* Without allowFirstIP and allowLastIP where they are false: an older CRD does not have them. */
static json_t *entry_new(const struct claim *claim)
{
	const struct pool_spec *spec = claim->pool->spec;
	json_t *entry = json_pack("{s:s, s:[]}", "pool", claim->pool->name, "cidrs");

	if (spec ? spec->allow_first : claim->first)
		json_put(entry, "allowFirstIP", json_true());
	if (spec ? spec->allow_last : claim->last)
		json_put(entry, "allowLastIP", json_true());
	return entry;
}

static json_t *allocated_json(const struct cluster_node *node)
{
	json_t *list = json_array(), *entry = NULL;
	const struct cluster_pool *pool = NULL;
	char text[PREFIX_TEXT];

	for (size_t i = 0; i < node->claim_count; i++) {
		const struct claim *claim = &node->claims[i];

		if (claim->refused)
			continue;
		if (claim->pool != pool) {
			entry = entry_new(claim);
			json_array_append_new(list, entry);
		}
		pool = claim->pool;
		prefix_format(&claim->prefix, text);
		json_array_append_new(json_get(entry, "cidrs"), json_string(text));
	}
	return list;
}

/* A long name may have been cut within a character. */
static void make_valid(struct error *e)
{
	json_t *text = text_json(e->text, strlen(e->text));

	snprintf(e->text, sizeof(e->text), "%s", json_string_value(text));
	json_decref(text);
}

json_t *cluster_decide(struct cluster *c, struct cluster_node *node, struct error *error)
{
	error->text[0] = 0;
	if (node->ignored) {
		for (size_t i = 0; i < node->claim_count; i++)
			claim_hold(c, node, &node->claims[i], false);
		return NULL;
	}
	if (node->malformed)
		stands(error, node->malformed);
	settle_all(c, node, error);
	for (size_t i = 0; i < node->demand_count; i++)
		for (int family = 0; family < FAMILIES; family++)
			demand_decide(c, node, &node->demands[i], family, error);
	make_valid(error);
	return is_written(node) ? NULL : allocated_json(node);
}
