// SPDX-License-Identifier: GPL-2.0-only
/* pinpool diff: what apply would do, blocks that would start draining and their pods included. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/ipam/claims.h"
#include "loader/cmd/cmd.h"
#include "loader/cmd/apply.h"
#include "loader/ipam/transactions.h"

static const char *pool_name(const struct pool_entry *pools, size_t count, uint32_t id)
{
	for (size_t i = 0; i < count; i++)
		if (pools[i].id == id)
			return pools[i].pool.name;
	return "?";
}

static void print_pods(const struct lease_entry *leases, size_t count, uint32_t block, int family)
{
	char ip[ADDR_TEXT];

	for (size_t i = 0; i < count; i++) {
		const struct lease *l = &leases[i].lease;

		if (l->ip[family].block != block)
			continue;
		addr_format(&l->ip[family].address, ip);
		if (l->pod[0])
			printf("  pod %s/%s %s stays\n", l->namespace, l->pod, ip);
		else
			printf("  owner %s %s stays\n", leases[i].owner.id, ip);
	}
}

/* What the CiliumNodes of the plan list: this node's own, and the others'. */
struct lists {
	struct claim *own, *others;
	size_t own_count, other_count;
};

static void lists_read(struct node *node, const struct apply *plan, struct lists *l)
{
	memset(l, 0, sizeof(*l));
	for (size_t i = 0; i < plan->count; i++) {
		const struct apply_object *o = &plan->objects[i];

		if (o->kind != OBJECT_NODE || o->result == APPLY_DELETED)
			continue;
		if (strcmp(o->name, node->config.node))
			claims_of(o->json, plan->options.default_pool, &l->others, &l->other_count);
		else
			claims_of(o->json, plan->options.default_pool, &l->own, &l->own_count);
	}
}

static bool is_listed(const struct claim *list, size_t count, const struct prefix *prefix)
{
	for (size_t i = 0; i < count; i++)
		if (prefix_equal(&list[i].prefix, prefix))
			return true;
	return false;
}

static bool is_claimed(const struct claim *list, size_t count, const struct prefix *prefix)
{
	for (size_t i = 0; i < count; i++)
		if (prefix_overlaps(&list[i].prefix, prefix))
			return true;
	return false;
}

/* Whether the block would be active: the rule of blocks_settle(), on the plan. */
static bool is_kept(const struct apply *plan, const struct lists *l, const char *pool,
		    const struct prefix *prefix)
{
	const struct apply_object *o = apply_pool(plan, pool);

	return o && apply_covers(o, prefix) && !is_claimed(l->others, l->other_count, prefix) &&
	       (plan->options.allocator != ALLOCATOR_STATIC ||
		is_listed(l->own, l->own_count, prefix));
}

static bool is_held(const struct block_entry *blocks, size_t count, const struct prefix *prefix)
{
	for (size_t i = 0; i < count; i++)
		if (prefix_equal(&blocks[i].block.prefix, prefix))
			return true;
	return false;
}

/* In static mode the list says which blocks would come. */
static bool print_taken(const struct apply *plan, const struct lists *l,
			const struct block_entry *blocks, size_t count)
{
	char text[PREFIX_TEXT];
	bool any = false;

	for (size_t i = 0; i < l->own_count && plan->options.allocator == ALLOCATOR_STATIC; i++) {
		const struct claim *c = &l->own[i];

		if (is_held(blocks, count, &c->prefix) || !is_kept(plan, l, c->pool, &c->prefix))
			continue;
		any = true;
		printf("block %s of pool %s would be taken\n", prefix_format(&c->prefix, text), c->pool);
	}
	return any;
}

static bool print_blocks(struct node *node, const struct apply *plan, struct error *e, int *err)
{
	struct pool_entry *pools = NULL;
	struct block_entry *blocks = NULL;
	struct lease_entry *leases = NULL;
	size_t pool_count = 0, block_count = 0, lease_count = 0;
	struct lists l;
	bool any = false;
	char text[PREFIX_TEXT];

	lists_read(node, plan, &l);
	*err = ipam_pools(&node->pins, &pools, &pool_count, e);
	if (!*err)
		*err = ipam_blocks(&node->pins, &blocks, &block_count, e);
	if (!*err)
		*err = ipam_leases(&node->pins, &leases, &lease_count, e);
	for (size_t i = 0; !*err && i < block_count; i++) {
		const struct block *b = &blocks[i].block;
		const char *name = pool_name(pools, pool_count, b->pool);
		bool kept = is_kept(plan, &l, name, &b->prefix);

		if (kept == (b->state == BLOCK_ACTIVE))
			continue;
		any = true;
		printf("block %s of pool %s would %s\n", prefix_format(&b->prefix, text), name,
		       kept ? "stop draining" : b->used ? "start draining" : "be dropped");
		if (!kept)
			print_pods(leases, lease_count, blocks[i].id, b->family);
	}
	if (!*err)
		any |= print_taken(plan, &l, blocks, block_count);
	free(l.own);
	free(l.others);
	free(pools);
	free(blocks);
	free(leases);
	return any;
}

static bool print_objects(const struct apply *plan)
{
	static const char *const words[] = { [APPLY_CREATED] = "would be created",
					     [APPLY_CONFIGURED] = "would be configured",
					     [APPLY_DELETED] = "would be deleted" };
	bool any = false;

	for (size_t i = 0; i < plan->count; i++) {
		const struct apply_object *o = &plan->objects[i];

		if (o->result > APPLY_DELETED || !words[o->result])
			continue;
		any = true;
		printf("%s/%s %s\n", o->kind_name, o->name, words[o->result]);
	}
	return any;
}

static int run(struct call *c, struct error *e)
{
	const struct input *input = c->data;
	bool changes = false;
	struct apply plan;
	int err = apply_plan(&c->node, &input->manifest, NULL, NULL, input->flags, &plan, e);

	if (err)
		return err;
	print_warnings(&plan);
	changes = print_objects(&plan);
	changes |= print_blocks(&c->node, &plan, e, &err);
	apply_free(&plan);
	return err ? err : changes;
}

const struct command command_diff = {
	.name = "diff", .help = "what apply would do; exit 0 nothing, 1 something, 2 error",
	.options = INPUT_OPTIONS, .needs = NEEDS_NODE | NEEDS_INTERFACES, .error_status = 2,
	.data_size = sizeof(struct input), .prepare = prepare_input, .run = run, .finish = finish_input,
};
