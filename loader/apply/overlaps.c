// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pools and other nodes' blocks over addresses that are something else already. New ones are refused;
 * what this node has stays, with a warning, as does all that it reads after a reboot, for a restart must
 * not stop it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/apply/check.h"
#include "loader/ipam/remote.h"
#include "loader/ipam/transactions.h"
#include "loader/derive/overlaps.h"

/* The addresses in @prefix of the nodes that stay as they are. */
static void add_kept(const struct remote *r, const struct changed_nodes *changed,
		     const struct prefix *prefix, struct exclusions *x)
{
	size_t from, to;

	remote_find_addresses(r, prefix, &from, &to);
	for (; from < to; from++) {
		const char *name = remote_name(r, r->addresses[from].node);

		if (r->addresses[from].kind == REMOTE_ADDRESS && !changed_nodes_have(changed, name))
			excluded_add(x, EXCLUDED_NODE, &r->addresses[from].prefix, name);
	}
}

static void add_object(const struct apply *plan, const struct apply_object *o, const struct remote *r,
		       const struct changed_nodes *changed, struct exclusions *x)
{
	struct claim *claims = NULL;
	size_t count = 0;

	if (o->kind == OBJECT_CILIUMNODE) {
		excluded_by_node(o->json, x);
		claims_of(o->json, plan->options.default_pool, &claims, &count);
	}
	for (size_t i = 0; i < count; i++)
		add_kept(r, changed, &claims[i].prefix, x);
	for (int f = 0; f < FAMILIES && o->kind == OBJECT_POOL; f++)
		for (size_t c = 0; c < o->pool.family[f].cidr_count; c++)
			add_kept(r, changed, &o->pool.family[f].cidrs[c], x);
	free(claims);
}

/* Reads addresses from routes and from the plan's new objects, and those of kept nodes inside new ranges. */
static int read_exclusions(const struct apply *plan, const struct changed_nodes *changed,
			   const struct remote *r, struct exclusions *x, struct error *e)
{
	struct netlink *nl = NULL;
	int err = netlink_open(&nl, -1, e);

	if (!err)
		err = excluded_by_routes(nl, x, e);
	netlink_close(nl);
	for (size_t i = 0; i < plan->count; i++)
		if (apply_is_fresh(&plan->objects[i]))
			add_object(plan, &plan->objects[i], r, changed, x);
	excluded_sort(x);
	return err;
}

static bool pool_has(struct context *node, const char *pool, const struct prefix *cidr)
{
	enum family family = prefix_family(cidr);
	struct pool_cidr cidrs[POOL_FAMILY_CIDRS];
	struct pool p;
	uint32_t id;

	if (ipam_pool_find(&node->pins, pool, &id, &p) ||
	    ipam_pool_cidrs(&node->pins, id, family, cidrs, p.family[family].cidrs))
		return false;
	for (uint32_t i = 0; i < p.family[family].cidrs && i < POOL_FAMILY_CIDRS; i++)
		if (prefix_covers(&cidrs[i].cidr, cidr))
			return true;
	return false;
}

/* Whether this is the first `up` after a reboot: no pool yet, and a block list of this node. */
static bool is_rebooted(struct context *node)
{
	struct manifest m = {};
	struct ipam ipam;
	bool found = false;

	if (ipam_read(&node->pins, &ipam, NULL) || ipam.pools || !node->config.state_file[0] ||
	    access(node->config.state_file, F_OK) ||
	    manifest_read(node->config.state_file, &m, NULL))
		return false;
	for (size_t i = 0; i < m.count; i++)
		found |= m.objects[i].kind == OBJECT_CILIUMNODE && !strcmp(m.objects[i].name, node->config.node);
	manifest_free(&m);
	return found;
}

static int check_cidr(struct context *node, struct apply *plan, const struct apply_object *o,
		      const struct prefix *cidr, const struct exclusions *x, struct error *e)
{
	const struct pool_family_spec *f = &o->pool.family[prefix_family(cidr)];
	char prefix[PREFIX_TEXT], text[EXCLUSION_TEXT];
	size_t at = 0;
	const struct exclusion *found = overlap_next(x, cidr, f, &at);

	if (!found)
		return 0;
	prefix_format(cidr, prefix);
	exclusion_text(found, text);
	if (!pool_has(node, o->name, cidr) && !(plan->is_up && is_rebooted(node)))
		return error_set(e, -EADDRINUSE,
				 "pool \"%s\": CIDR %s overlaps %s; use a range that is free, or reserve that part (spec.%s.pool[].reservedRanges)",
				 o->name, prefix, text, family_name(prefix_family(cidr)));
	apply_warn(plan, "pool \"%s\": CIDR %s overlaps %s: no pod gets an address of it; use a range that is free",
		   o->name, prefix, text);
	return 0;
}

/* The route to another node's block must not come before the way to something else. */
static int check_claims(const struct context *node, const struct apply *plan,
			const struct apply_object *o, const struct exclusions *x, struct error *e)
{
	char prefix[PREFIX_TEXT], text[EXCLUSION_TEXT];
	const struct exclusion *found = NULL;
	struct claim *claims = NULL;
	size_t count = 0;
	int err = 0;

	if (!strcmp(o->name, node->config.node))
		return 0; /* must lie in its pools, which are checked */
	claims_of(o->json, plan->options.default_pool, &claims, &count);
	for (size_t i = 0; i < count && !err; i++) {
		found = excluded_find(x, &claims[i].prefix);
		if (found)
			err = error_set(e, -EADDRINUSE,
					"CiliumNode \"%s\": block %s overlaps %s; use a range that is free",
					o->name, prefix_format(&claims[i].prefix, prefix),
					exclusion_text(found, text));
	}
	free(claims);
	return err;
}

int apply_check_overlaps(struct context *node, const struct changed_nodes *changed, const struct remote *r,
			 struct apply *plan, struct error *e)
{
	struct exclusions x = {};
	int err = read_exclusions(plan, changed, r, &x, e);

	for (size_t i = 0; i < plan->count && !err; i++) {
		const struct apply_object *o = &plan->objects[i];

		if (!apply_is_fresh(o))
			continue;
		if (o->kind == OBJECT_CILIUMNODE)
			err = check_claims(node, plan, o, &x, e);
		for (int f = 0; f < FAMILIES && o->kind == OBJECT_POOL; f++)
			for (size_t c = 0; c < o->pool.family[f].cidr_count && !err; c++)
				err = check_cidr(node, plan, o, &o->pool.family[f].cidrs[c], &x, e);
	}
	excluded_free(&x);
	return err;
}
