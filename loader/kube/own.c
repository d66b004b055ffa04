// SPDX-License-Identifier: GPL-2.0-only
/*
 * This node's CiliumNode at the API server: created once, its demand merged in as soon as it changes, blocks given back
 * by the version that was read. The server's list is the truth about which blocks are ours.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/blocks/ciliumnode.h"
#include "loader/ipam/claims.h"
#include "loader/kube/agent.h"
#include "loader/kube/allocated.h"
#include "loader/kube/backoff.h"
#include "loader/text/text.h"

#define PATH "/apis/cilium.io/v2/ciliumnodes"
#define TIMEOUT_MS 10000
#define OVERTAKE_MS 10000
#define PUT_BACK_MS 30000  /* between attempts to list a block that the operator does not let us have */

static const char *version_of(const json_t *object)
{
	return json_string_value(json_get_path(object, "metadata.resourceVersion")) ?: "0";
}

/*
 * An answer to us may overtake older events of the watch. Versions are numbers that grow (KEP-5504), but not where
 * etcd was restored from a backup: after a while the watch is right, whatever it says.
 */
static bool is_overtaken(const struct own *own, const json_t *object)
{
	return own->server && loop_now() < own->answered_at + OVERTAKE_MS &&
	       strtoull(version_of(object), NULL, 10) < strtoull(version_of(own->server), NULL, 10);
}

void own_hand_over(struct agent *a)
{
	json_t *object = json_deep_copy(a->own.server);
	json_t *pools = ciliumnode_pools(object);

	for (size_t i = 0; i < a->own.giving_count; i++)
		allocated_remove(object, &a->own.giving[i]);
	json_object_del(pools, "requested");
	json_object_del(object, "status");
	objects_set(a, object);
	json_decref(object);
}

static void forget_given(struct agent *a)
{
	struct own *own = &a->own;

	for (size_t i = own->giving_count; i-- > 0;)
		if (!allocated_has(own->server, &own->giving[i]))
			prefixes_remove(own->giving, &own->giving_count, &own->giving[i]);
}

void own_set(struct agent *a, json_t *object)
{
	struct own *own = &a->own;

	own->is_known = true;
	if (is_overtaken(own, object))
		return;
	json_decref(own->server);
	own->server = json_deep_copy(object);
	json_object_del(json_object_get(own->server, "metadata"), "managedFields");
	forget_given(a);
	own_hand_over(a);
	own_look(a);
}

void own_gone(struct agent *a)
{
	json_decref(a->own.server);
	a->own.server = NULL;
	a->own.is_known = true;
	a->own.giving_count = 0; /* nothing is listed: there is nothing to give back */
	own_look(a);
}

/* The addresses by which other nodes reach this one. */
static json_t *node_addresses(const struct agent *a)
{
	json_t *all = json_get_path(a->node_object, "status.addresses"), *address;
	json_t *list = json_array();
	size_t i;

	json_array_foreach(all, i, address) {
		const char *type = json_text(address, "type");
		json_t *ip = json_object_get(address, "address");

		if (json_is_string(ip) && (!strcmp(type, "InternalIP") || !strcmp(type, "ExternalIP")))
			json_array_append_new(list, json_pack("{s:s, s:O}", "type", type, "ip", ip));
	}
	return list;
}

/* Since when this node needs more than it has been given. */
static void note_unmet(struct agent *a, const struct state *state, const struct options *options)
{
	struct request *list;
	bool unmet = false;
	size_t count;

	ciliumnode_requested(&a->reader, state, options, &list, &count);
	for (size_t i = 0; i < count; i++)
		for (int f = 0; f < FAMILIES; f++)
			unmet |= list[i].needed[f] > list[i].capacity[f];
	free(list);
	if (!unmet)
		a->own.unmet_since = 0;
	else if (!a->own.unmet_since)
		a->own.unmet_since = loop_now();
}

/* What the CiliumNode should say of this node; its `allocated` are the blocks that the kernel holds. */
static json_t *desired(struct agent *a, struct error *e)
{
	json_t *labels = json_get_path(a->node_object, "metadata.labels");
	struct options options;
	struct state state;
	json_t *object = NULL, *addresses;
	int err = context_options(&a->reader, &options, e);

	if (err)
		return NULL;
	err = state_read(&a->reader, STATE_POOLS | STATE_BLOCKS, &state, e);
	if (!err) {
		object = ciliumnode_own(&a->reader, &state, &options);
		note_unmet(a, &state, &options);
		state_free(&state);
	}
	options_free(&options);
	if (!object)
		return NULL;
	addresses = node_addresses(a);
	if (json_array_size(addresses))
		json_object_set(json_object_get(object, "spec"), "addresses", addresses);
	json_decref(addresses);
	json_object_set_new(json_get(object, "metadata"), "labels", json_copy(labels) ?: json_object());
	return object;
}

static void look(void *arg);

static void answered(void *arg, const struct answer *answer)
{
	struct agent *a = arg;
	struct own *own = &a->own;

	own->call = NULL;
	own->trouble[0] = 0;
	if (answer->status / 100 == 2) {
		own->failures = 0;
		own->answered_at = loop_now();
		if (answer->body)
			own_set(a, answer->body);
	} else if (answer->status == 404) {
		own_gone(a);
	} else {
		/* 409: the object is newer than ours, and the watch or the next GET brings it */
		if (answer->status != 409)
			snprintf(own->trouble, sizeof(own->trouble), "ciliumnode/%s: %s", a->node, answer->message);
		if (own->trouble[0])
			log_line("%s", own->trouble);
		report_soon(a);
		timer_start(a->loop, &own->retry, answer->status == 409 ? 50 : backoff_ms(own->failures++),
			    look, a);
		return;
	}
	report_soon(a);
	if (own->is_due)
		own_look(a);
}

static void submit(struct agent *a, const char *method, const char *type, const json_t *body)
{
	bool creates = !strcmp(method, "POST");
	char path[sizeof(PATH) + PP_NAME];

	snprintf(path, sizeof(path), "%s%s%s", PATH, creates ? "" : "/", creates ? "" : a->node);
	a->own.is_due = false;
	a->own.call = api_send(a->api, method, path, type, body, TIMEOUT_MS, answered, a);
}

static void create(struct agent *a, json_t *object)
{
	json_t *node = json_object_get(a->node_object, "metadata"), *metadata = json_object_get(object, "metadata");

	if (!a->node_object) /* its owner; the kubelet will make it */
		return;
	json_object_set_new(metadata, "ownerReferences",
			    json_pack("[{s:s, s:s, s:O, s:O}]", "apiVersion", "v1", "kind", "Node", "name",
				      json_object_get(node, "name"), "uid", json_object_get(node, "uid")));
	log_line("creating ciliumnode/%s", a->node);
	submit(a, "POST", NULL, object);
}

/* A block with pods that the list has lost: they keep it, and nobody else may get it. */
static void put_back(struct agent *a, const json_t *desired, json_t *object)
{
	struct own *own = &a->own;
	struct claim *list = NULL;
	char text[PREFIX_TEXT];
	size_t count = 0;

	claims_of(desired, NULL, &list, &count);
	for (size_t i = 0; i < count; i++) {
		const struct prefix *block = &list[i].prefix;

		if (allocated_has(own->server, block) || prefixes_have(own->giving, own->giving_count, block))
			continue;
		log_line("block %s of pool %s is in use here and not in ciliumnode/%s; listing it again",
			  prefix_format(block, text), list[i].pool, a->node);
		allocated_add(object, list[i].pool, block);
		own->put_back_at = loop_now() + PUT_BACK_MS;
	}
	free(list);
}

/* The server's object with the blocks that it should list; NULL: it does. */
static json_t *relisted(struct agent *a, const json_t *desired)
{
	json_t *object = json_deep_copy(a->own.server);

	if (loop_now() >= a->own.put_back_at)
		put_back(a, desired, object);
	for (size_t i = 0; i < a->own.giving_count; i++)
		allocated_remove(object, &a->own.giving[i]);
	if (!a->own.giving_count && json_equal(object, a->own.server)) {
		json_decref(object);
		return NULL;
	}
	return object;
}

/* Labels as a merge patch: those that are gone are null. */
static json_t *labels_patch(json_t *have, json_t *want)
{
	json_t *patch = json_object(), *value;
	const char *key;

	json_object_foreach(want, key, value)
		if (!json_equal(json_object_get(have, key), value))
			json_object_set(patch, key, value);
	json_object_foreach(have, key, value)
		if (!json_object_get(want, key))
			json_object_set_new(patch, key, json_null());
	return patch;
}

/* What of demand, addresses and labels differs, as a merge patch; NULL: nothing. */
static json_t *difference(json_t *server, json_t *want)
{
	json_t *addresses = json_get_path(want, "spec.addresses");
	json_t *requested = json_object_get(ciliumnode_pools(want), "requested");
	json_t *had = json_object_get(ciliumnode_pools(server), "requested");
	json_t *patch = json_object(), *changed = json_object();
	json_t *labels = labels_patch(json_get_path(server, "metadata.labels"),
				      json_get_path(want, "metadata.labels"));

	if (!json_equal(had, requested) && (had || json_array_size(requested)))
		json_object_set_new(changed, "ipam", json_pack("{s:{s:O}}", "pools", "requested", requested));
	if (!json_equal(json_get_path(server, "spec.addresses"), addresses))
		json_object_set(changed, "addresses", addresses);
	if (json_object_size(changed))
		json_object_set(patch, "spec", changed);
	if (json_object_size(labels))
		json_object_set_new(patch, "metadata", json_pack("{s:O}", "labels", labels));
	json_decref(changed);
	json_decref(labels);
	if (json_object_size(patch))
		return patch;
	json_decref(patch);
	return NULL;
}

static void update(struct agent *a, json_t *want)
{
	json_t *listed = relisted(a, want), *patch = NULL;

	if (listed) {
		json_object_set(ciliumnode_pools(listed), "requested", json_object_get(ciliumnode_pools(want), "requested"));
		submit(a, "PUT", NULL, listed);
	} else {
		patch = difference(a->own.server, want);
		if (patch)
			submit(a, "PATCH", MERGE_PATCH, patch);
	}
	json_decref(listed);
	json_decref(patch);
}

static void look(void *arg)
{
	struct agent *a = arg;
	struct own *own = &a->own;
	struct error e;
	json_t *want;

	own->is_due = own->call != NULL;
	if (own->call || !own->is_known || !a->is_up || !watches_are_synced(a))
		return;
	want = desired(a, &e);
	if (!want)
		log_line("%s", e.text);
	else if (own->server)
		update(a, want);
	else
		create(a, want);
	json_decref(want);
}

void own_look(struct agent *a)
{
	timer_start(a->loop, &a->own.soon, 0, look, a);
}

bool own_is_settled(const struct agent *a)
{
	return a->own.server && !a->own.call && !a->own.soon.at && !a->own.retry.at && !a->own.trouble[0];
}

void own_free(struct agent *a)
{
	json_decref(a->own.server);
	free(a->own.giving);
	free(a->own.surplus);
}
