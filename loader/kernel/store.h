/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The applied objects in pp_objects, pp_nodes, pp_metadata and pp_endpoints. An object's name is that of its
 * metadata, that of a Pod, Service or EndpointSlice NAMESPACE/NAME. Writing chunk 0 is the one instant at which an object
 * becomes new; a writer killed before leaves the old one and some litter that store_sweep() removes.
 */
#ifndef PP_STORE_H
#define PP_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loader/base/error.h"
#include "loader/kernel/pins.h"
#include "maps/objects.h"

struct stored {
	enum object_kind kind;
	char name[STORE_NAME];
	uint64_t created; /* seconds since the epoch */
	json_t *json;     /* owned */
	char *text;       /* owned; as stored */
};

/* The objects by their map. */
enum store_part {
	STORE_SETTINGS = 1, /* pools, options and all that there are few of */
	STORE_NODES = 2,
	STORE_METADATA = 4,
	STORE_SERVICES = 8, /* and EndpointSlices */
	STORE_ALL = 15,
};

/* The part and the map that have the objects of a kind. */
enum store_part store_part(enum object_kind kind);
enum pinned_map store_map(enum object_kind kind);

/* The normalized JSON of one object, owned by the caller; NULL if it is missing or unreadable. */
json_t *store_get(struct pins *pins, enum object_kind kind, const char *name);

/* All objects of @kind, sorted by name. */
int store_list(struct pins *pins, enum object_kind kind, struct stored **list, size_t *count,
	       struct error *e);
/*
 * The same as text: json is NULL until stored_parse(), which gives NULL for what is no JSON. Parsed and
 * forgotten one by one, thousands take a third of the time.
 */
int store_list_texts(struct pins *pins, enum object_kind kind, struct stored **list, size_t *count,
		     struct error *e);
const json_t *stored_parse(struct stored *s);
void stored_forget(struct stored *s);
/* All that manifests can have of @wanted (enum store_part), sorted by kind and name. */
int store_list_parts(struct pins *pins, unsigned int wanted, struct stored **list, size_t *count,
		     struct error *e);
/* One object; false: as NULL of store_get(). */
bool store_read(struct pins *pins, enum object_kind kind, const char *name, struct stored *s);
/* The name of what @key is of. */
const char *store_key_name(const struct object_key *key, char name[STORE_NAME]);
void stored_free(struct stored *list, size_t count);

/*
 * Writes the chunks of @text above 0 and fills in @key and @head for the caller to publish inside a
 * pp_pool_set transaction.
 */
int store_prepare(struct pins *pins, enum object_kind kind, const char *name, const char *text,
		  struct object_key *key, struct object_chunk *head, struct error *e);
/* Writes an object of another kind. */
int store_put(struct pins *pins, enum object_kind kind, const char *name, const char *text, struct error *e);
/* Removes chunks of other versions than the present one. */
void store_sweep(struct pins *pins, enum object_kind kind, const char *name);
int store_delete(struct pins *pins, enum object_kind kind, const char *name, struct error *e);

#endif
