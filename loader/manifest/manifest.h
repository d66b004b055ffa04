/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kubernetes manifests, YAML or JSON, one or many documents: read strictly, checked completely, and
 * normalized to JSON with only the fields that pinpool uses (pinpool-ipam(7), OBJECTS). Pure: no
 * maps, no output.
 */
#ifndef PP_MANIFEST_H
#define PP_MANIFEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "loader/base/error.h"
#include "maps/objects.h"

struct object {
	enum object_kind kind; /* OBJECT_NONE: not ours; reported as ignored */
	char name[STORE_NAME]; /* NAMESPACE/NAME for Services and EndpointSlices */
	char kind_name[PP_NAME]; /* as written: "Deployment" */
	json_t *json;            /* owned; normalized, keys in a fixed order; NULL for OBJECT_NONE */
	char *where;             /* owned; "file.yaml:12" */
};

struct manifest {
	struct object *objects; /* in the order of the input */
	size_t count;
	char **warnings;        /* owned; complete sentences */
	size_t warning_count;
};

/*
 * Reads a file, a directory (its *.yaml, *.yml and *.json in name order, without subdirectories),
 * or "-" for standard input, and appends to @m (zero-initialised by the caller). A file is read
 * completely or rejected. Returns 0 or -errno with a sentence that names file, line, object and
 * field.
 */
int manifest_read(const char *path, struct manifest *m, struct error *e);
/* The same for text in memory; @name is the file's name in messages. */
int manifest_parse(const char *name, const char *text, size_t length, struct manifest *m,
		   struct error *e);
/*
 * Appends one object of an API server, which has checked it already by its own schema: unknown fields are left
 * out with a warning. @name, "KIND/NAME", is its place in messages. @json is borrowed.
 */
int manifest_take(const char *name, const json_t *json, struct manifest *m, struct error *e);
void manifest_free(struct manifest *m);

/* "ciliumpodippool", "ciliumnode", "ciliumnodeconfig", "configmap", "node", "namespace", "service" */
const char *object_kind_name(enum object_kind kind);

/* The object as compact JSON, keys in the normalized order; equal objects give equal text. */
char *object_text(const json_t *json);

#endif
