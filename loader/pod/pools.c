// SPDX-License-Identifier: GPL-2.0-only
/* Choice of the pools of a pod's addresses. */
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "loader/ipam/transactions.h"
#include "loader/pod/pools.h"
#include "loader/net/route.h"
#include "loader/manifest/selector.h"
#include "loader/kernel/store.h"
#include "maps/pods.h"

void pod_pools_pend(struct context *node, const struct pod_request *request,
		    const struct pod_pools *pools)
{
	const struct pending_owner who = { &request->owner, request->namespace, request->name };

	for (int f = 0; f < FAMILIES; f++)
		ipam_pending_set(&node->pins, &who, f, pools->name[f]);
}

/* The annotations that the "bandwidth" plugin obeys. */
static bool has_limits(const json_t *annotations)
{
	return json_string_length(json_object_get(annotations, "kubernetes.io/ingress-bandwidth")) ||
	       json_string_length(json_object_get(annotations, "kubernetes.io/egress-bandwidth"));
}

int requested_addresses(struct pod_request *request, struct error *e)
{
	static const char *const keys[FAMILIES] = { "pinpool.io/ipv4-address",
						    "pinpool.io/ipv6-address" };

	for (int f = 0; f < FAMILIES; f++) {
		const char *text = json_string_value(json_object_get(request->annotations, keys[f]));
		struct addr addr;

		if (!text || !text[0] || !addr_is_zero(&request->requested[f]))
			continue;
		if (addr_parse(text, &addr) || addr_family(&addr) != (enum family)f)
			return error_set(e, -EINVAL, "annotation %s: \"%s\" is not an %s address", keys[f],
					 text, f == FAMILY_IPV4 ? "IPv4" : "IPv6");
		request->requested[f] = addr;
	}
	if (has_limits(request->annotations))
		request->flags |= POD_SHAPED;
	return 0;
}

/* The objects of pools with a selector: only these matter for the choice. */
static json_t *selector_pools(struct context *node)
{
	json_t *array = json_array();
	struct pool_entry *pools;
	size_t count;

	if (ipam_pools(&node->pins, &pools, &count, NULL))
		return array;
	for (size_t i = 0; i < count; i++)
		if (pools[i].pool.flags & POOL_SELECTOR && pools[i].pool.state == POOL_ACTIVE) {
			json_t *object = store_get(&node->pins, OBJECT_POOL, pools[i].pool.name);

			if (object)
				json_array_append_new(array, object);
		}
	free(pools);
	return array;
}

static int choose(struct context *node, const struct pod_request *request,
		  struct pool_choice choices[FAMILIES], struct error *e)
{
	const char *fallback = request->pool && request->pool[0] ? request->pool
								  : node->config.default_pool_name;
	bool named = request->namespace && request->namespace[0];
	json_t *namespace = named ? store_get(&node->pins, OBJECT_NAMESPACE, request->namespace) : NULL;
	json_t *metadata = json_object_get(namespace, "metadata");
	json_t *pools = named ? selector_pools(node) : json_array();
	struct pod_identity pod = {
		.namespace = request->namespace,
		.name = request->name,
		.annotations = request->annotations,
		.labels = request->labels,
		.known_labels = request->known_labels,
		.namespace_annotations = json_object_get(metadata, "annotations"),
		.namespace_labels = json_object_get(metadata, "labels"),
	};
	int err = 0;

	for (int f = 0; f < FAMILIES && !err; f++) {
		memset(&choices[f], 0, sizeof(choices[f]));
		if (!node->config.enabled[f])
			continue;
		if (request->pool_is_fixed) {
			snprintf(choices[f].pool, sizeof(choices[f].pool), "%s", fallback);
			choices[f].reason = POOL_BY_ANNOTATION;
			continue;
		}
		err = pool_choose(&pod, f, pools, fallback, &choices[f], e);
	}
	json_decref(pools);
	json_decref(namespace);
	return err;
}

static const char *family_title(int family)
{
	return family == FAMILY_IPV4 ? "IPv4" : "IPv6";
}

/* Looks the pool up; a family that it lacks is left out, or an error if it was requested by name. */
static int resolve(struct context *node, const struct pool_choice *choice, int family, bool requested,
		   struct pod_pools *pools, char *note, size_t note_size, struct error *e)
{
	struct pool pool;
	int err;

	snprintf(pools->name[family], PP_NAME, "%s", choice->pool);
	err = ipam_pool_find(&node->pins, choice->pool, &pools->id[family], &pool);
	if (err || pool.state != POOL_ACTIVE)
		return error_set(e, -ENOENT,
				 "unable to allocate from pool \"%s\" (family %s): pool not (yet) available%s",
				 choice->pool, family_name(family),
				 err ? "; apply a CiliumPodIPPool of that name" : "; it is terminating");
	if (pool.family[family].mask_length)
		return 0;
	pools->name[family][0] = 0;
	pools->id[family] = 0;
	if (choice->reason == POOL_BY_FAMILY_ANNOTATION || requested)
		return error_set(e, -EAFNOSUPPORT,
				 "pool \"%s\" has no %s CIDRs; add some to the pool or choose another",
				 choice->pool, family_title(family));
	snprintf(note, note_size, "pool \"%s\" has no %s CIDRs: no %s address", choice->pool,
		 family_title(family), family_title(family));
	return 0;
}

int pod_pools_choose(struct context *node, const struct pod_request *request, struct pod_pools *pools,
		     char *note, size_t note_size, struct error *e)
{
	struct pool_choice choices[FAMILIES];
	int err, first = 0;

	memset(pools, 0, sizeof(*pools));
	note[0] = 0;
	err = choose(node, request, choices, e);
	if (err)
		return err;
	for (int f = 0; f < FAMILIES; f++) {
		bool requested = !addr_is_zero(&request->requested[f]);

		if (!choices[f].pool[0]) {
			if (requested && !first)
				first = error_set(e, -EAFNOSUPPORT,
						  "node %s: %s is not enabled; set enable-ipv%c=true",
						  node->config.node, family_title(f),
						  f == FAMILY_IPV4 ? '4' : '6');
			continue;
		}
		err = resolve(node, &choices[f], f, requested, pools, note, note_size, first ? NULL : e);
		first = first_error(first, err);
	}
	if (first == -ENOENT)
		pod_pools_pend(node, request, pools);
	if (!first && !pools->id[FAMILY_IPV4] && !pools->id[FAMILY_IPV6])
		return error_set(e, -EAFNOSUPPORT,
				 "pool \"%s\" has no CIDRs of a family that is enabled; add some to the pool or choose another",
				 choices[FAMILY_IPV4].pool[0] ? choices[FAMILY_IPV4].pool
							      : choices[FAMILY_IPV6].pool);
	return first;
}
