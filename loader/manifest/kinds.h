/* SPDX-License-Identifier: GPL-2.0-only */
/* The kinds of objects (pinpool-ipam(7), OBJECTS): their fields, and their conversion to JSON. */
#ifndef PP_MANIFEST_KINDS_H
#define PP_MANIFEST_KINDS_H

#include "loader/manifest/schema.h"

struct kind {
	const char *name; /* as manifests write it */
	const char *versions[2];
	enum object_kind object;
	const struct schema *spec;            /* NULL: the spec is not read */
	const struct schema *body;            /* of all fields but metadata; NULL: the spec alone */
	bool namespaced, labels, annotations; /* parts of the metadata that are kept */
};

/*
 * Finds the row of an object's kind and apiVersion in @kind; NULL if it is not one of pinpool's.
 * -EINVAL with a sentence for a near miss: another version, or another case.
 */
int kind_find(struct reader *r, const json_t *document, const char *kind_name,
	      const char *version, const struct kind **kind);

extern const struct schema schema_annotations;
extern const struct schema schema_service, schema_endpointslice; /* bodies */
extern const struct schema schema_options;    /* data of cilium-config */
extern const struct schema schema_masquerade; /* text of ip-masq-agent's data.config */

/*
 * Checks the document @in, whose place is r->top, and fills @o except for its place. An unknown
 * kind becomes OBJECT_NONE. @kind and @version are the defaults for an item of a typed list; may be
 * NULL.
 */
int object_read(struct reader *r, const json_t *in, const char *kind, const char *version,
		struct object *o);

#endif
