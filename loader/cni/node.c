// SPDX-License-Identifier: GPL-2.0-only
/* STATUS and GC: commands about the node, not about one pod. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "loader/blocks/blocks.h"
#include "loader/cni/session.h"
#include "loader/ipam/transactions.h"
#include "loader/kernel/map.h"
#include "loader/pod/pod.h"
#include "loader/net/tc.h"
#include "loader/host/uplink.h"
#include "maps/uplinks.h"

/* Whether the next ADD gets an address of this family from the network's pool. */
static enum cni_code status_family(struct context *node, uint32_t id, const char *name, int family,
				   struct error *e)
{
	int err = blocks_room(node, id, family, e);

	if (err == -ENOSPC)
		return error_set(e, CNI_UNAVAILABLE,
				 "pool \"%s\" (family %s): all CIDR ranges are exhausted; add a CIDR to the pool",
				 name, family_name(family));
	return err ? CNI_UNAVAILABLE : CNI_OK;
}

static enum cni_code status_pool(struct context *node, const struct cni_request *r, struct error *e)
{
	const char *name = r->pool ? r->pool : node->config.default_pool_name;
	enum cni_code code = CNI_OK;
	struct pool pool;
	uint32_t id;

	if (ipam_pool_find(&node->pins, name, &id, &pool) || pool.state != POOL_ACTIVE)
		return error_set(e, CNI_UNAVAILABLE,
				 "pool \"%s\": not (yet) available; apply a CiliumPodIPPool of that name", name);
	for (int f = 0; f < FAMILIES && !code; f++)
		if (node->config.enabled[f] && pool.family[f].mask_length)
			code = status_family(node, id, name, f, e);
	return code;
}

/* Without an uplink's programs running pods reach only each other. */
static enum cni_code status_uplinks(struct cni_session *s, struct error *e)
{
	struct entry {
		__u32 ifindex;
		struct uplink uplink;
	} *list = NULL;
	int fd = pins_map(&s->node.pins, PIN_UPLINKS);
	enum cni_code code = CNI_OK;
	char pin[PATH_MAX + 64];
	size_t count = 0;

	if (fd < 0 || map_read_all(fd, sizeof(__u32), offsetof(struct entry, uplink),
				   sizeof(struct uplink), sizeof(*list), (void **)&list, &count)) {
		pins_error(&s->node.pins, "pp_uplinks", fd < 0 ? fd : -EIO, e);
		return CNI_LIMITED;
	}
	for (size_t i = 0; i < count && !code; i++)
		for (int d = TC_INGRESS; d <= TC_EGRESS && !code; d++) {
			uint32_t id = 0;

			uplink_pin(&s->node, list[i].uplink.ifname, d, pin, sizeof(pin));
			if (tc_uplink_program(s->nl, list[i].ifindex, d, pin, &id, e) || !id)
				code = error_set(e, CNI_LIMITED,
						 "uplink %s: its programs are detached; run 'pinpool gc' to repair it",
						 list[i].uplink.ifname);
		}
	free(list);
	return code;
}

enum cni_code cni_status(const struct cni_request *r, struct error *e)
{
	struct cni_session s;
	enum cni_code code = CNI_OK;
	int err = cni_open(&s, r, e);

	if (!err)
		err = cni_open_pins(&s, e);
	if (err)
		code = CNI_UNAVAILABLE;
	if (!code)
		code = status_uplinks(&s, e);
	/* the cluster's operator gives a managed node blocks when they are needed */
	if (!code && !s.node.config.managed)
		code = status_pool(&s.node, r, e);
	cni_close(&s);
	return code;
}

static bool is_valid(const struct cni_request *r, const struct lease_owner *owner)
{
	for (size_t i = 0; i < json_array_size(r->valid); i++) {
		const json_t *item = json_array_get(r->valid, i);
		const char *id = json_string_value(json_object_get(item, "containerID"));
		const char *ifname = json_string_value(json_object_get(item, "ifname"));

		if (!strcmp(id, owner->id) && !strcmp(ifname, owner->ifname))
			return true;
	}
	return false;
}

/* Whether to free the lease: of this network, not in the list, and not being created. */
static bool is_garbage(struct context *node, const struct cni_request *r, const struct lease_entry *l)
{
	return !strcmp(l->lease.network, r->network) && !is_valid(r, &l->owner) &&
	       (l->lease.state != LEASE_RESERVED || pod_is_abandoned(node, l));
}

enum cni_code cni_gc(const struct cni_request *r, struct error *e)
{
	struct lease_entry *leases = NULL;
	struct cni_session s;
	unsigned int freed;
	size_t count = 0;
	int err = cni_open(&s, r, e), first;

	if (!err)
		err = ipam_leases(&s.node.pins, &leases, &count, e);
	first = err;
	/* Without a list only orphans are freed, by pod_gc(). */
	for (size_t i = 0; !err && r->valid && i < count; i++) {
		const struct lease_entry *l = &leases[i];
		int failed = 0;

		if (is_garbage(&s.node, r, l))
			failed = pod_teardown(&s.node, s.nl, &l->owner, l->lease.generation,
					       first ? NULL : e);
		first = first_error(first, failed); /* all are tried */
	}
	/* Orphans of crashes are freed for every network. */
	if (!first)
		first = pod_gc(&s.node, s.nl, &freed, e);
	free(leases);
	cni_close(&s);
	/* A node that is not up has nothing to free. */
	return first == -ENOENT && !count ? CNI_OK : cni_code_of(first);
}
