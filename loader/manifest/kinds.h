/* SPDX-License-Identifier: GPL-2.0-only */
/* The kinds of IPAM.md 1: which fields they have, and how an object of them becomes JSON. */
#ifndef PP_MANIFEST_KINDS_H
#define PP_MANIFEST_KINDS_H

#include "loader/manifest/schema.h"

struct kind {
	const char *name; /* as manifests write it */
	const char *versions[2];
	enum object_kind object;
	const struct schema *spec;            /* NULL: a core kind, whose spec is not ours */
	bool namespaced, labels, annotations; /* what of the metadata is kept */
};

/*
 * The row of an object's kind and apiVersion in @kind, NULL for what is not ours. -EINVAL with the
 * sentence for what nearly is: another version, or another case.
 */
int kind_find(struct reader *r, const json_t *document, const char *kind_name,
	      const char *version, const struct kind **kind);

extern const struct schema schema_annotations;
extern const struct schema schema_options;    /* data of cilium-config */
extern const struct schema schema_masquerade; /* text of ip-masq-agent's data.config */

/*
 * Checks the document @in, whose place is r->top, and fills @o but for its place; what has another
 * kind becomes OBJECT_NONE. @kind and @version stand in for those that an item of a typed list lacks; may be
 * NULL.
 */
int object_read(struct reader *r, const json_t *in, const char *kind, const char *version,
		struct object *o);

#endif
