// SPDX-License-Identifier: GPL-2.0-only
/* Label selectors as Kubernetes evaluates them, and the choice of a pod's pool. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/base/prefix.h"
#include "loader/manifest/selector.h"

#define DOMAIN "ipam.cilium.io/"
#define ANY_POOL DOMAIN "ip-pool"
#define REQUIRE_MATCH DOMAIN "require-pool-match"
#define POD_NAMESPACE "io.kubernetes.pod.namespace"
#define POD_NAME "io.kubernetes.pod.name"

static const char *const family_pool[FAMILIES] = {
	[FAMILY_IPV4] = DOMAIN "ipv4-pool",
	[FAMILY_IPV6] = DOMAIN "ipv6-pool",
};

static const char *string_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static bool values_contain(const json_t *values, const char *value)
{
	const json_t *item;
	size_t i;

	json_array_foreach(values, i, item)
		if (json_is_string(item) && !strcmp(json_string_value(item), value))
			return true;
	return false;
}

static bool expression_matches(const json_t *expression, const json_t *labels, bool known_labels)
{
	const char *key = string_of(expression, "key");
	const char *operator = string_of(expression, "operator");
	const json_t *values = json_object_get(expression, "values");
	const char *value;

	if (!key || !operator)
		return false;
	value = string_of(labels, key);
	/* A label that the caller could not know counts neither as present nor as absent. */
	if (!value && !known_labels)
		return false;
	if (!strcmp(operator, "In"))
		return value && values_contain(values, value);
	if (!strcmp(operator, "NotIn"))
		return !value || !values_contain(values, value);
	if (!strcmp(operator, "Exists"))
		return value;
	return !strcmp(operator, "DoesNotExist") && !value;
}

bool selector_matches(const json_t *selector, const json_t *labels, bool known_labels)
{
	const json_t *expression, *expected;
	const char *key;
	size_t i;

	json_object_foreach(json_object_get(selector, "matchLabels"), key, expected) {
		const char *value = string_of(labels, key);

		if (!value || !json_is_string(expected) || strcmp(value, json_string_value(expected)))
			return false;
	}
	json_array_foreach(json_object_get(selector, "matchExpressions"), i, expression)
		if (!expression_matches(expression, labels, known_labels))
			return false;
	return true;
}

/* The pool that @annotations name for @family, or NULL; an empty value counts as absent. */
static const char *annotated_pool(const json_t *annotations, enum family family,
				  enum pool_reason *reason)
{
	const char *pool = string_of(annotations, family_pool[family]);

	*reason = POOL_BY_FAMILY_ANNOTATION;
	if (pool && *pool)
		return pool;
	*reason = POOL_BY_ANNOTATION;
	pool = string_of(annotations, ANY_POOL);
	return pool && *pool ? pool : NULL;
}

static bool requires_match(const json_t *annotations)
{
	const char *value = string_of(annotations, REQUIRE_MATCH);

	return value && !strcmp(value, "true");
}

static bool pool_selects(const json_t *pool, const struct pod_identity *pod, const json_t *labels,
			 enum family family)
{
	const json_t *spec = json_object_get(pool, "spec");
	const json_t *pods = json_object_get(spec, "podSelector");
	const json_t *namespaces = json_object_get(spec, "namespaceSelector");

	if (!json_is_object(json_object_get(spec, family_name(family))))
		return false;
	if (!json_is_object(pods) && !json_is_object(namespaces))
		return false;
	/* The labels of a namespace without a manifest are unknown. */
	return selector_matches(pods, labels, pod->known_labels) &&
	       selector_matches(namespaces, pod->namespace_labels, pod->namespace_labels);
}

static bool is_name(const char *label)
{
	return !strcmp(label, POD_NAMESPACE) || !strcmp(label, POD_NAME);
}

bool selector_needs_labels(const json_t *selector)
{
	const json_t *expression;
	json_t *value;
	const char *key;
	size_t i;

	json_object_foreach(json_object_get(selector, "matchLabels"), key, value)
		if (!is_name(key))
			return true;
	json_array_foreach(json_object_get(selector, "matchExpressions"), i, expression)
		if (!is_name(string_of(expression, "key") ?: ""))
			return true;
	return false;
}

/* The pod's labels and the two that Cilium adds; owned by the caller. */
static json_t *pod_labels(const struct pod_identity *pod)
{
	json_t *labels = pod->labels ? json_copy((json_t *)pod->labels) : json_object();

	if (!labels)
		abort();
	if (pod->namespace && *pod->namespace)
		json_object_set_new(labels, POD_NAMESPACE,
				    json_string(pod->namespace));
	if (pod->name && *pod->name)
		json_object_set_new(labels, POD_NAME, json_string(pod->name));
	return labels;
}

static int choice_set(struct pool_choice *choice, const char *pool, enum pool_reason reason,
		      struct error *e)
{
	if (strlen(pool) >= sizeof(choice->pool))
		return error_set(e, -EINVAL,
				 "pool \"%.32s...\": the name has more than %zu characters; name a CiliumPodIPPool",
				 pool, sizeof(choice->pool) - 1);
	strcpy(choice->pool, pool);
	choice->reason = reason;
	return 0;
}

/* 1 and @match: the pool whose selectors match; 0: none; -EINVAL: more than one. */
static int pool_by_selector(const struct pod_identity *pod, enum family family, const json_t *pools,
			    const char **match, struct error *e)
{
	json_t *labels = pod_labels(pod);
	const json_t *pool;
	int found = 0;
	size_t i;

	json_array_foreach(pools, i, pool) {
		const char *name = string_of(json_object_get(pool, "metadata"), "name");

		if (!name || !pool_selects(pool, pod, labels, family))
			continue;
		if (found) {
			found = error_set(e, -EINVAL,
					  "multiple CiliumPodIPPools match pod %s/%s (family=%s): %s and %s; narrow their selectors or annotate the pod with " ANY_POOL,
					  pod->namespace ?: "", pod->name ?: "", family_name(family),
					  *match, name);
			break;
		}
		*match = name;
		found = 1;
	}
	json_decref(labels);
	return found;
}

int pool_choose(const struct pod_identity *pod, enum family family, const json_t *pools,
		const char *default_pool, struct pool_choice *choice, struct error *e)
{
	bool plain = !(pod->namespace && *pod->namespace) && !(pod->name && *pod->name);
	enum pool_reason reason;
	const char *pool = annotated_pool(pod->annotations, family, &reason);
	int err;

	if (!pool && !plain)
		pool = annotated_pool(pod->namespace_annotations, family, &reason);
	if (pool)
		return choice_set(choice, pool, reason, e);
	if (plain)
		return choice_set(choice, default_pool, POOL_BY_DEFAULT, e);
	err = pool_by_selector(pod, family, pools, &pool, e);
	if (err < 0)
		return err;
	if (err)
		return choice_set(choice, pool, POOL_BY_SELECTOR, e);
	if (requires_match(pod->annotations) || requires_match(pod->namespace_annotations))
		return error_set(e, -ENOENT,
				 "no matching CiliumPodIPPool found for pod %s/%s (family=%s) and require-pool-match annotation is set on %s; add a pool whose selectors match it",
				 pod->namespace ?: "", pod->name ?: "", family_name(family),
				 requires_match(pod->annotations) ? "pod" : "namespace");
	return choice_set(choice, default_pool, POOL_BY_DEFAULT, e);
}

const char *annotation_hint(const char *key)
{
	static const struct {
		const char *word, *part, *hint;
	} known[] = {
		{ "ipv4-pool", "v4", "did you mean ipv4-pool?" },
		{ "ipv6-pool", "v6", "did you mean ipv6-pool?" },
		{ "require-pool-match", "match", "did you mean require-pool-match?" },
		{ "skip-masquerade", "masq", "did you mean skip-masquerade?" },
		{ "ip-pool", "", "did you mean ip-pool?" }, /* "" is part of every word: the fallback */
	};
	const size_t count = sizeof(known) / sizeof(*known);
	const char *slash = strchr(key, '/');
	bool ours = !strncmp(key, DOMAIN, strlen(DOMAIN));

	/* Only keys of Cilium's domains: annotations of others may be about other pools. */
	if (!slash || !memmem(key, slash - key, "cilium", strlen("cilium")))
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (!strcmp(slash + 1, known[i].word))
			return ours ? NULL : "did you mean the domain ipam.cilium.io?";
	for (size_t i = 0; ours && i < count; i++)
		if (strstr(slash + 1, known[i].part))
			return known[i].hint;
	return NULL;
}
