// SPDX-License-Identifier: GPL-2.0-only
/* A node's state: Services and EndpointSlices. */
#include <stdio.h>
#include <stdlib.h>

#include "loader/ipam/state.h"

static int read_objects(struct context *node, enum object_kind kind, json_t **array, struct error *e)
{
	struct stored *list;
	size_t count;
	int err = store_list(&node->pins, kind, &list, &count, e);

	if (err)
		return err;
	*array = json_array();
	for (size_t i = 0; i < count; i++)
		if (json_array_append(*array, list[i].json))
			abort();
	stored_free(list, count);
	return 0;
}

int state_read_services(struct context *node, struct state *s, struct error *e)
{
	int err = read_objects(node, OBJECT_SERVICE, &s->services, e);
	const char *zone;
	json_t *labels;

	if (!err)
		err = read_objects(node, OBJECT_ENDPOINTSLICE, &s->slices, e);
	labels = context_labels(node);
	zone = json_string_value(json_object_get(labels, "topology.kubernetes.io/zone")) ?: "";
	snprintf(s->zone, sizeof(s->zone), "%s", zone);
	json_decref(labels);
	return err;
}
