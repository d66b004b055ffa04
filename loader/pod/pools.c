// SPDX-License-Identifier: GPL-2.0-only
/* Choice of the pools of a pod's addresses. */
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "loader/ipam/managed.h"
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

/* Whether an agent knows the pod's namespace, labels and annotations, or will. */
static bool is_managed(const struct context *node, const struct pod_request *request)
{
	return node->config.managed && !request->pool_is_fixed && request->namespace && request->namespace[0] &&
	       request->name && request->name[0];
}

json_t *pod_metadata(struct context *node, const struct pod_request *request)
{
	json_t *pod = pod_object_get(node, request->namespace, request->name);
	const char *uid = json_string_value(json_object_get(pod, "uid"));
	/* The API server's copy of a static pod has a UID of its own. */
	const char *mirrored = json_string_value(
		json_object_get(json_object_get(pod, "annotations"), "kubernetes.io/config.mirror"));

	if (!request->uid || !uid || !strcmp(uid, request->uid) ||
	    (mirrored && !strcmp(mirrored, request->uid)))
		return pod;
	json_decref(pod);
	return NULL;
}

json_t *pod_request_complete(struct context *node, struct pod_request *request)
{
	json_t *metadata = is_managed(node, request) ? pod_metadata(node, request) : NULL;

	if (!request->annotations)
		request->annotations = json_object_get(metadata, "annotations");
	if (!request->known_labels && metadata) {
		request->labels = json_object_get(metadata, "labels");
		request->known_labels = true;
	}
	return metadata;
}

/* What the choice would guess; @decided: an annotation made it. */
static enum pod_awaits lacks(const struct pod_identity *pod, const json_t *namespace, const json_t *pools,
			     bool decided)
{
	const json_t *pool;
	size_t i;

	if (!pod->annotations)
		return POD_AWAITS_METADATA;
	if (decided)
		return POD_AWAITS_NOTHING;
	if (!namespace)
		return POD_AWAITS_NAMESPACE;
	json_array_foreach(pools, i, pool)
		if (!pod->known_labels &&
		    selector_needs_labels(json_object_get(json_object_get(pool, "spec"), "podSelector")))
			return POD_AWAITS_METADATA;
	return POD_AWAITS_NOTHING;
}

static int unknown_error(const struct context *node, const struct pod_request *request, enum pod_awaits what,
			 struct error *e)
{
	return error_set(e, -EAGAIN,
			 "pod %s/%s: its %s not known on node %s yet; try again later, 'pinpool status' shows how the agent fares",
			 request->namespace, request->name,
			 what == POD_AWAITS_NAMESPACE ? "namespace is" : "labels and annotations are",
			 node->config.node);
}

static int choose(struct context *node, const struct pod_request *request,
		  struct pool_choice choices[FAMILIES], struct pod_result *result, struct error *e)
{
	const char *fallback = request->pool && request->pool[0] ? request->pool
								  : node->config.default_pool_name;
	bool named = request->namespace && request->namespace[0], decided = true;
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
		decided &= !err && choices[f].reason <= POOL_BY_ANNOTATION;
	}
	if (is_managed(node, request))
		result->awaits = lacks(&pod, namespace, pools, decided);
	if (result->awaits)
		err = unknown_error(node, request, result->awaits, e);
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
		   struct pod_pools *pools, char note[POD_NOTE], struct error *e)
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
	snprintf(note, POD_NOTE, "pool \"%s\" has no %s CIDRs: no %s address", choice->pool,
		 family_title(family), family_title(family));
	return 0;
}

int pod_pools_choose(struct context *node, const struct pod_request *request, struct pod_pools *pools,
		     struct pod_result *result, struct error *e)
{
	struct pool_choice choices[FAMILIES];
	int err, first = 0;

	memset(pools, 0, sizeof(*pools));
	result->note[0] = 0;
	result->awaits = POD_AWAITS_NOTHING;
	err = choose(node, request, choices, result, e);
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
		err = resolve(node, &choices[f], f, requested, pools, result->note, first ? NULL : e);
		first = first_error(first, err);
	}
	if (first == -ENOENT) {
		pod_pools_pend(node, request, pools);
		result->awaits = node->config.managed ? POD_AWAITS_BLOCK : POD_AWAITS_NOTHING;
	}
	if (!first && !pools->id[FAMILY_IPV4] && !pools->id[FAMILY_IPV6])
		return error_set(e, -EAFNOSUPPORT,
				 "pool \"%s\" has no CIDRs of a family that is enabled; add some to the pool or choose another",
				 choices[FAMILY_IPV4].pool[0] ? choices[FAMILY_IPV4].pool
							      : choices[FAMILY_IPV6].pool);
	return first;
}
