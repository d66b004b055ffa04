// SPDX-License-Identifier: GPL-2.0-only
/* The parts of a node's health, and those that only the IPAM maps tell. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "loader/blocks/list.h"
#include "loader/blocks/ciliumnode.h"
#include "loader/check/health_parts.h"
#include "loader/derive/overlaps.h"
#include "loader/base/process.h"

struct health_part *part_begin(struct health *h, const char *name)
{
	struct health_part *p = &h->parts[h->count++];

	*p = (struct health_part){ .name = name, .ok = true };
	return p;
}

static void append(struct health_part *p, const char *separator, const char *fmt, va_list ap)
{
	size_t used = strlen(p->text);

	used += snprintf(p->text + used, sizeof(p->text) - used, "%s", used ? separator : "");
	if (used < sizeof(p->text))
		vsnprintf(p->text + used, sizeof(p->text) - used, fmt, ap);
}

void part_note(struct health_part *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (p->ok)
		append(p, ", ", fmt, ap);
	va_end(ap);
}

void part_fail(struct health_part *p, const char *fmt, ...)
{
	va_list ap;

	if (p->ok)
		p->text[0] = 0;
	p->ok = false;
	va_start(ap, fmt);
	append(p, ", ", fmt, ap);
	va_end(ap);
}

void part_end(struct health_part *p, const char *advice)
{
	size_t used = strlen(p->text);

	if (!p->ok)
		snprintf(p->text + used, sizeof(p->text) - used, "; %s", advice);
}

/* Pods that wait for an address are what is wrong with a pool; an unmet pre-allocation is not. */
static void health_demand(struct health_part *p, struct examination *x)
{
	struct request *list;
	size_t count;

	ciliumnode_requested(x->node, &x->s, &x->options, &list, &count);
	for (size_t i = 0; i < count; i++) {
		const struct request *r = &list[i];

		for (int f = 0; f < FAMILIES; f++) {
			uint32_t pending = ipam_pending_count(&x->node->pins, r->pool, f);

			if (pending && r->in_use[f] + pending > r->capacity[f])
				part_fail(p, "waiting for an %s address of pool \"%s\": %u, %s",
					  family_name(f), r->pool, pending,
					  r->exists ? "pool empty"
						    : "cannot allocate from non-existing pool");
			else if (r->needed[f] > r->capacity[f])
				part_note(p, "%s of \"%s\" is short of its pre-allocation",
					  family_name(f), r->pool);
		}
	}
	free(list);
	part_end(p, "add a CIDR to the pool or apply the pool, see 'pinpool describe node'");
}

static void health_pools(struct health *h, struct examination *x)
{
	struct health_part *p = part_begin(h, "pools");
	unsigned int terminating = 0;

	for (size_t i = 0; i < x->s.pool_count; i++)
		terminating += x->s.pools[i].pool.state == POOL_TERMINATING;
	part_note(p, "%zu active", x->s.pool_count - terminating);
	if (terminating)
		part_note(p, "%u terminating", terminating);
	if (!x->node->config.default_pool)
		part_note(p, "the default pool \"%s\" does not exist",
			  x->node->config.default_pool_name);
	health_demand(p, x);
}

/* In static mode: what this node's own object lists and what it does not hold. */
static unsigned int count_untaken(const struct examination *x, const struct claim **first)
{
	unsigned int untaken = 0;

	for (size_t i = 0; i < x->s.own_count && x->node->config.allocator == NODE_ALLOCATOR_STATIC; i++)
		if (!state_block_at(&x->s, &x->s.own[i].prefix) && !untaken++)
			*first = &x->s.own[i];
	return untaken;
}

static void health_blocks(struct health *h, struct examination *x)
{
	struct health_part *p = part_begin(h, "blocks");
	unsigned int draining = 0, held = 0, untaken;
	char text[PREFIX_TEXT];
	const struct claim *first = NULL;

	untaken = count_untaken(x, &first);
	for (size_t i = 0; i < x->s.block_count; i++) {
		if (x->s.blocks[i].block.state != BLOCK_DRAINING)
			continue;
		draining++;
		held += x->s.blocks[i].block.used;
	}
	part_note(p, "%zu active", x->s.block_count - draining);
	if (draining)
		part_note(p, "%u draining with %u addresses in use", draining, held);
	if (untaken)
		part_fail(p, "%u listed by the CiliumNode but not held (%s: not part of pool \"%s\")",
			  untaken, prefix_format(&first->prefix, text), first->pool);
	if (x->s.ipam.generation != x->node->config.synced)
		part_fail(p, "routes and derived maps are behind the blocks");
	part_end(p, untaken ? "correct the CiliumNode or the pool" : "run 'pinpool gc'");
}

/* Under a carve that is under way the file is ahead for a moment: several looks. */
static bool list_is_current(struct context *node)
{
	const struct timespec nap = { .tv_nsec = 20000000 };
	bool current = block_list_is_current(node);

	for (int tries = 0; !current && tries < 25; tries++) {
		nanosleep(&nap, NULL);
		current = block_list_is_current(node);
	}
	return current;
}

static void health_list(struct health *h, struct examination *x)
{
	struct health_part *p = part_begin(h, "list");
	const char *path = x->node->config.state_file;
	struct error e;

	part_note(p, "%s", path[0] ? path : "none");
	if (block_list_probe(x->node, &e)) {
		part_fail(p, "%s", e.text);
		return;
	}
	if (!list_is_current(x->node))
		part_fail(p, "%s does not list the blocks that this node holds", path);
	part_end(p, "run 'pinpool gc'");
}

static void report_overlap(const struct overlap *o, void *arg)
{
	char cidr[PREFIX_TEXT], text[EXCLUSION_TEXT];
	struct health_part *p = arg;

	/* one of a kind says enough: `check` has them all */
	if (p->ok)
		part_fail(p, "pool \"%s\": CIDR %s overlaps %s", o->pool,
			  prefix_format(&o->cidr, cidr), exclusion_text(o->exclusion, text));
}

static void health_overlaps(struct health *h, struct examination *x)
{
	struct health_part *p = part_begin(h, "overlaps");

	part_note(p, "none");
	overlaps_report(x->node, &x->s, report_overlap, p);
	part_end(p, "no pod gets such an address; use a range that is free, 'pinpool check' shows all");
}

static void health_leases(struct health *h, struct examination *x)
{
	struct health_part *p = part_begin(h, "leases");
	unsigned int by_state[LEASE_DYING + 1] = {}, lost = 0;

	for (size_t i = 0; i < x->s.lease_count; i++) {
		const struct lease *l = &x->s.leases[i].lease;

		if (l->state <= LEASE_DYING)
			by_state[l->state]++;
		lost += l->state == LEASE_DYING || (l->state == LEASE_RESERVED &&
						    !process_alive(l->creator_pid, l->creator_start));
	}
	part_note(p, "%u pods", by_state[LEASE_BOUND]);
	part_note(p, "%u held", by_state[LEASE_HELD]);
	if (by_state[LEASE_RESERVED])
		part_note(p, "%u reserved", by_state[LEASE_RESERVED]);
	if (lost)
		part_fail(p, "%u left behind by killed commands", lost);
	part_end(p, "run 'pinpool gc'");
}

static int examine(struct health *h, struct examination *x, struct error *e)
{
	int err = state_read(x->node, STATE_SOURCES | STATE_LEASES, &x->s, e);

	if (!err)
		err = context_options(x->node, &x->options, e);
	if (err)
		return err;
	health_agent(h, x);
	health_pools(h, x);
	health_blocks(h, x);
	health_list(h, x);
	health_leases(h, x);
	health_flow_share(h, x);
	err = context_check_netns(x->node, e);
	if (!err)
		err = netlink_open(&x->nl, -1, e);
	if (err)
		return err;
	err = state_read_exclusions(&x->s, x->nl, e);
	if (err)
		return err;
	health_overlaps(h, x);
	health_uplinks(h, x);
	health_xdp(h, x);
	health_routes(h, x);
	health_sysctls(h, x);
	health_nat(h, x);
	health_services(h, x);
	health_firewall(h, x);
	return 0;
}

static void health_node(struct health *h, struct context *node)
{
	struct examination x = { .node = node };
	struct health_part *p = part_begin(h, "node");
	struct error e;
	int err = root_open(&node->pins.root, ROOT_UNLOCKED, &e);

	if (err) {
		part_fail(p, "%s", e.text);
		return;
	}
	health_pins(h, &node->pins);
	err = context_read_config(node, &e);
	if (err) {
		part_fail(p, "%s", e.text);
		return;
	}
	memcpy(h->node, node->config.node, sizeof(h->node));
	if (!h->node[0]) {
		part_fail(p, "%s: node not up; run 'pinpool up'", node->pins.root.path);
		return;
	}
	part_note(p, "%s", h->node);
	part_note(p, "%s allocator",
		  node->config.allocator == NODE_ALLOCATOR_STATIC ? "static" : "local");
	part_note(p, "default pool %s", node->config.default_pool_name);
	err = examine(h, &x, &e);
	if (err)
		part_fail(p, "%s", e.text);
	netlink_close(x.nl);
	options_free(&x.options);
	state_free(&x.s);
}

void health_read(const char *root, struct health *h)
{
	struct context node;
	struct error e;

	memset(h, 0, sizeof(*h));
	pins_init(&node.pins);
	if (root_init(&node.pins.root, root, &e))
		part_fail(part_begin(h, "node"), "%s", e.text);
	else
		health_node(h, &node);
	context_close(&node);
}

bool health_is_ok(const struct health *h)
{
	for (size_t i = 0; i < h->count; i++)
		if (!h->parts[i].ok)
			return false;
	return true;
}
