// SPDX-License-Identifier: GPL-2.0-only
/* pinpool get services, endpointslices, backends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/cmd/get.h"
#include "loader/derive/derive.h"
#include "loader/services/plan.h"

static const char *string_of(const json_t *json, const char *key)
{
	return json_string_value(json_object_get(json, key));
}

static void column_type(const json_t *service, const char *path, char *text)
{
	snprintf(text, COLUMN_TEXT, "%s", string_of(json_object_get(service, "spec"), path) ?: "ClusterIP");
}

static void column_cluster_ip(const json_t *service, const char *path, char *text)
{
	const json_t *spec = json_object_get(service, "spec");

	if (json_object_get(spec, "clusterIPs"))
		column_text(spec, "clusterIPs", text);
	else
		snprintf(text, COLUMN_TEXT, "%s", string_of(spec, path) ?: "");
}

/* "80:30080/TCP,53/UDP" as kubectl has it */
static void column_ports(const json_t *service, const char *path, char *text)
{
	const json_t *port, *list = json_object_get(json_object_get(service, "spec"), path);
	size_t i, n = 0;

	*text = 0;
	json_array_foreach(list, i, port) {
		json_int_t node_port = json_integer_value(json_object_get(port, "nodePort"));
		char second[16] = "";

		if (node_port)
			snprintf(second, sizeof(second), ":%lld", (long long)node_port);
		if (n < COLUMN_TEXT)
			n += snprintf(text + n, COLUMN_TEXT - n, "%s%lld%s/%s", n ? "," : "",
				      (long long)json_integer_value(json_object_get(port, "port")), second,
				      string_of(port, "protocol") ?: "TCP");
	}
}

static void column_namespace(const json_t *object, const char *path, char *text)
{
	snprintf(text, COLUMN_TEXT, "%s", string_of(json_object_get(object, "metadata"), path) ?: "default");
}

static const struct column service_columns[] = {
	COLUMN("NAMESPACE", "namespace", .format = column_namespace),
	COLUMN("NAME", "metadata.name"),
	COLUMN("TYPE", "type", .format = column_type),
	COLUMN("CLUSTER-IP", "clusterIP", .format = column_cluster_ip),
	COLUMN("EXTERNAL-IP", "status.loadBalancer.ingress.ip"),
	COLUMN("PORT(S)", "ports", .format = column_ports),
	COLUMN("AGE", "metadata.creationTimestamp", .format = column_age),
	COLUMN("AFFINITY", "spec.sessionAffinity", .wide = true),
	COLUMN("EXTERNAL-POLICY", "spec.externalTrafficPolicy", .wide = true),
	COLUMN("INTERNAL-POLICY", "spec.internalTrafficPolicy", .wide = true),
	{},
}, slice_columns[] = {
	COLUMN("NAMESPACE", "namespace", .format = column_namespace),
	COLUMN("NAME", "metadata.name"),
	COLUMN("ADDRESSTYPE", "addressType"),
	COLUMN("PORTS", "ports.port"),
	COLUMN("ENDPOINTS", "endpoints.addresses"),
	COLUMN("AGE", "metadata.creationTimestamp", .format = column_age),
	{},
};

const struct get_kind get_services = OBJECT_KIND("service", OBJECT_SERVICE, service_columns, get_read_objects);
const struct get_kind get_slices =
	OBJECT_KIND("endpointslice", OBJECT_ENDPOINTSLICE, slice_columns, get_read_objects);

/* An endpoint in pp_backends, and the Service's port that has it. */
struct backend_entry {
	uint32_t id;
	struct backend backend;
	char service[STORE_NAME], port[PP_NAME];
	bool is_new; /* gets new connections */
};

static bool has_endpoint(const struct endpoint_set *set, const struct backend *b)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->list[i].port == b->port && !addr_compare(&set->list[i].address, &b->address))
			return true;
	return false;
}

static int by_service_id(const void *a, const void *b)
{
	uint32_t x = ((const struct backend_entry *)a)->backend.service;
	uint32_t y = ((const struct backend_entry *)b)->backend.service;

	return x < y ? -1 : x > y;
}

/* By the ids of the ports' frontends. */
static void name_backends(const struct services *s, const struct row_list *services, struct backend_entry *list,
			  size_t count)
{
	if (count)
		qsort(list, count, sizeof(*list), by_service_id);
	for (size_t f = 0; f < s->frontend_count; f++) {
		const struct service *row = rows_find(services, &s->frontends[f].key);
		const struct service_port *p = &s->ports[s->frontends[f].port];
		struct backend_entry key = { .backend.service = row ? row->id : 0 }, *b = NULL;

		if (count)
			b = bsearch(&key, list, count, sizeof(*list), by_service_id);
		while (b && b > list && !by_service_id(b - 1, &key))
			b--;
		for (; b && b < list + count && !by_service_id(b, &key); b++) {
			snprintf(b->service, sizeof(b->service), "%s/%s", p->namespace, p->service);
			snprintf(b->port, sizeof(b->port), "%s", p->name);
			b->is_new = has_endpoint(&p->sets[SCOPE_CLUSTER], &b->backend) ||
				    has_endpoint(&p->sets[SCOPE_LOCAL], &b->backend);
		}
	}
}

static int read_backends(struct get *get, struct error *e)
{
	struct row_list services, backends = {};
	struct options options = {};
	struct backend_entry *list;
	struct services s = {};
	int err = state_read(get->node, STATE_SERVICES, &get->state, e);

	if (!err)
		err = context_options(get->node, &options, e);
	if (err)
		return err;
	services_of(get->node, &options, &get->state, &s);
	err = rows_read(get->node, &derived_tables[MAP_SERVICES], &services, e);
	if (!err)
		err = rows_read(get->node, &derived_tables[MAP_BACKENDS], &backends, e);
	list = xcalloc(backends.count, sizeof(*list));
	for (size_t i = 0; i < backends.count; i++) {
		const struct backend_row *row = (const struct backend_row *)backends.list + i;

		list[i].id = row->id;
		list[i].backend = row->backend;
	}
	name_backends(&s, &services, list, backends.count);
	get->list = list;
	get->count = backends.count;
	rows_free(&services);
	rows_free(&backends);
	services_free(&s);
	options_free(&options);
	return err;
}

/* A service or an address. */
static bool is_backend_named(const struct get *get, const void *entry)
{
	const struct backend_entry *b = entry;
	char name[STORE_NAME], address[ADDR_TEXT];

	return !strcmp(b->service, qualified_name(OBJECT_SERVICE, get->name, name)) ||
	       !strcmp(get->name, addr_format(&b->backend.address, address));
}

static int by_service_and_address(const void *a, const void *b, const struct get *get)
{
	const struct backend_entry *x = a, *y = b;
	int order = strcmp(x->service, y->service);

	(void)get;
	if (!order)
		order = strcmp(x->port, y->port);
	return order ? order : addr_compare(&x->backend.address, &y->backend.address);
}

static json_t *backend_item(const struct get *get, const void *entry)
{
	const struct backend_entry *b = entry;
	char address[ADDR_TEXT];

	(void)get;
	return json_pack("{s:s, s:s, s:s, s:I, s:s, s:I, s:I}", "service", b->service, "portName", b->port, "address",
			 addr_format(&b->backend.address, address), "port", (json_int_t)b->backend.port, "state",
			 b->is_new ? "active" : "finishing", "id", (json_int_t)b->id, "generation",
			 (json_int_t)b->backend.generation);
}

static const struct column backend_columns[] = {
	COLUMN("SERVICE", "service"), COLUMN("PORT-NAME", "portName"), COLUMN("ADDRESS", "address"),
	COLUMN("PORT", "port"), COLUMN("STATE", "state"), COLUMN("ID", "id", .wide = true),
	COLUMN("GENERATION", "generation", .wide = true), {},
};

const struct get_kind get_backends = {
	.name = "backend", .name_path = "address", .columns = backend_columns,
	.size = sizeof(struct backend_entry), .read = read_backends, .is_named = is_backend_named,
	.order = by_service_and_address, .item = backend_item,
};
