// SPDX-License-Identifier: GPL-2.0-only
/* pinpool diff: what apply would do, blocks that would start draining and their pods included. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/cmd/cmd.h"
#include "loader/cmd/apply.h"
#include "loader/ipam/state.h"

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

/* What the CiliumNodes of the plan list. */
static void lists_read(struct context *node, const struct apply *plan, struct claim **own,
		       struct claim **others, struct block_lists *l)
{
	*l = (struct block_lists){ .is_static = plan->options.allocator == ALLOCATOR_STATIC };
	*own = *others = NULL;
	for (size_t i = 0; i < plan->count; i++) {
		const struct apply_object *o = &plan->objects[i];

		if (o->kind != OBJECT_CILIUMNODE || o->result == APPLY_DELETED)
			continue;
		if (strcmp(o->name, node->config.node))
			claims_of(o->json, plan->options.default_pool, others, &l->other_count);
		else
			claims_of(o->json, plan->options.default_pool, own, &l->own_count);
	}
	l->own = *own;
	l->others = *others;
}

/* The state of the block after the plan. */
static enum block_state state_after(const struct apply *plan, const struct block_lists *l,
				    const char *pool, const struct prefix *prefix)
{
	const struct apply_object *o = apply_pool(plan, pool);

	return block_expected_state(l, o && apply_covers(o, prefix), prefix);
}

static bool print_held(const struct apply *plan, const struct block_lists *l, const struct state *s)
{
	char text[PREFIX_TEXT];
	bool any = false;

	for (size_t i = 0; i < s->block_count; i++) {
		const struct block *b = &s->blocks[i].block;
		const char *name = state_pool_name(s, b->pool);
		enum block_state after = state_after(plan, l, name, &b->prefix);

		if (after == b->state)
			continue;
		any = true;
		printf("block %s of pool %s would %s\n", prefix_format(&b->prefix, text), name,
		       after == BLOCK_ACTIVE ? "stop draining" : b->used ? "start draining" : "be dropped");
		if (after != BLOCK_ACTIVE)
			print_pods(s->leases, s->lease_count, s->blocks[i].id, b->family);
	}
	return any;
}

/* In static mode the list says which blocks would come. */
static bool print_taken(const struct apply *plan, const struct block_lists *l, const struct state *s)
{
	char text[PREFIX_TEXT];
	bool any = false;

	for (size_t i = 0; i < l->own_count && l->is_static; i++) {
		const struct claim *c = &l->own[i];

		if (state_block_at(s, &c->prefix) ||
		    state_after(plan, l, c->pool, &c->prefix) != BLOCK_ACTIVE)
			continue;
		any = true;
		printf("block %s of pool %s would be taken\n", prefix_format(&c->prefix, text), c->pool);
	}
	return any;
}

static bool print_blocks(struct context *node, const struct apply *plan, struct error *e, int *err)
{
	struct claim *own, *others;
	struct block_lists l;
	struct state s;
	bool any;

	*err = state_read(node, STATE_POOLS | STATE_BLOCKS | STATE_LEASES, &s, e);
	if (*err)
		return false;
	lists_read(node, plan, &own, &others, &l);
	any = print_held(plan, &l, &s);
	any |= print_taken(plan, &l, &s);
	free(own);
	free(others);
	state_free(&s);
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
	int err = apply_plan(&c->node, &input->manifest, NULL, NULL, input->flags | APPLY_ALL_NODES, &plan, e);

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
