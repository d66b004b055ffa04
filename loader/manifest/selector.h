/* SPDX-License-Identifier: GPL-2.0-only */
/* Label selectors, and the choice of a pod's pool (pinpool-ipam(7), CHOICE OF THE POOL). Pure. */
#ifndef PP_SELECTOR_H
#define PP_SELECTOR_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "loader/base/error.h"
#include "maps/abi.h"
#include "maps/addr.h"

/*
 * @selector: a LabelSelector (matchLabels, matchExpressions); NULL matches everything, as {} does.
 * @labels: object of strings. @known_labels false: the caller knew only some labels (a CNI runtime
 * passes none); then an expression on a key that @labels lacks does not match, whatever its
 * operator (pinpool-ipam(7), CHOICE OF THE POOL).
 */
bool selector_matches(const json_t *selector, const json_t *labels, bool known_labels);

/* Whether @selector, which may be NULL, looks at a label that the pod's names do not tell. */
bool selector_needs_labels(const json_t *selector);

struct pod_identity {
	const char *namespace, *name;       /* NULL or "": a plain container */
	const json_t *annotations;          /* may be NULL */
	const json_t *labels;               /* may be NULL */
	bool known_labels;
	const json_t *namespace_annotations, *namespace_labels; /* may be NULL */
};

enum pool_reason {
	POOL_BY_FAMILY_ANNOTATION, /* ipv4-pool, ipv6-pool: a missing family is an error */
	POOL_BY_ANNOTATION,        /* ip-pool: a missing family is left out */
	POOL_BY_SELECTOR,
	POOL_BY_DEFAULT,
};

struct pool_choice {
	char pool[PP_NAME];
	enum pool_reason reason;
};

/*
 * Chooses the pool of @family. @pools: array of normalized CiliumPodIPPool objects; only those with
 * a selector matter. @default_pool: the network's or the node's. 0, or -ENOENT / -EINVAL with the
 * sentence of pinpool-ipam(7), CHOICE OF THE POOL.
 */
int pool_choose(const struct pod_identity *pod, enum family family, const json_t *pools,
		const char *default_pool, struct pool_choice *choice, struct error *e);

/*
 * Warns about an annotation that resembles a pool annotation ("did you mean ip-pool?"). Returns a
 * static or interned sentence part, or NULL.
 */
const char *annotation_hint(const char *key);

#endif
