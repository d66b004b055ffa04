// SPDX-License-Identifier: GPL-2.0-only
/* pp_services, pp_members, pp_backends, pp_source_ranges: the services' plan as rows. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/derive/derive.h"
#include "loader/kernel/map.h"
#include "loader/services/plan.h"

struct member_value {
	uint32_t index, backend;
};

/* The maps as they are, owned. */
struct present {
	struct service_row *services;
	struct backend_row *backends;
	struct member_value *members;
	uint32_t *ids; /* of the members, by index */
	struct service_maps maps;
};

void services_of(const struct context *node, const struct options *o, const struct state *state,
		 struct services *s)
{
	const struct services_input in = {
		.services = state->services, .slices = state->slices, .node = node->config.node,
		.zone = *state->zone ? state->zone : NULL,
		.node_port_min = o->node_port_min, .node_port_max = o->node_port_max,
		.external_cluster_ip = o->lb_external_cluster_ip, .external_ips = o->lb_external_ips,
	};

	*s = (struct services){};
	if (o->kube_proxy_replacement)
		services_compute(&in, s);
}

static bool is_map_empty(struct context *node)
{
	struct service_key key;

	return bpf_map_get_next_key(pins_map(&node->pins, PIN_SERVICES), NULL, &key) && errno == ENOENT;
}

static void present_free(struct present *p)
{
	free(p->services);
	free(p->backends);
	free(p->members);
	free(p->ids);
}

static int present_read(struct context *node, struct present *p, struct error *e)
{
	struct service_maps *m = &p->maps;
	int err = MAP_READ(&node->pins, PIN_SERVICES, p->services, m->service_count, key, service, e);

	if (!err)
		err = MAP_READ(&node->pins, PIN_BACKENDS, p->backends, m->backend_count, id, backend, e);
	if (!err)
		err = MAP_READ(&node->pins, PIN_MEMBERS, p->members, m->member_count, index, backend, e);
	if (err)
		return err;
	p->ids = xcalloc(m->member_count, sizeof(*p->ids));
	for (size_t i = 0; i < m->member_count; i++)
		p->ids[p->members[i].index] = p->members[i].backend;
	m->services = p->services;
	m->members = p->ids;
	/* an array is read in order; id 0 stands for none */
	m->backends = p->backends + !!m->backend_count;
	m->backend_count -= !!m->backend_count;
	return 0;
}

static bool is_new(const struct service_maps *now, const struct backend_row *row)
{
	return memcmp(&now->backends[row->id - 1].backend, &row->backend, sizeof(row->backend));
}

static void add_rows(const struct service_plan *plan, const struct service_maps *now, struct row_list *rows)
{
	for (size_t i = 0; i < plan->backend_count; i++) {
		const struct backend_row *row = &plan->backends[i];

		rows_add(&rows[MAP_BACKENDS], &row->id, &row->backend);
		if (is_new(now, row))
			rows_add(&rows[MAP_NEW_BACKENDS], &row->id, &row->backend);
	}
	for (size_t i = 0; i < plan->member_count; i++)
		rows_add(&rows[MAP_MEMBERS], &plan->members[i].index, &plan->members[i].backend);
	for (size_t i = 0; i < plan->source_count; i++)
		rows_add(&rows[MAP_SOURCES], &plan->sources[i].key, &plan->sources[i].one);
	for (size_t i = 0; i < plan->service_count; i++)
		rows_add(&rows[MAP_SERVICES], &plan->services[i].key, &plan->services[i].service);
}

int services_rows(const struct sources *x, struct row_list *rows, struct error *e)
{
	struct present now = {};
	struct service_plan plan;
	struct services s;
	int err = 0;

	services_of(x->node, x->options, x->state, &s);
	if (!s.frontend_count && is_map_empty(x->node)) {
		services_free(&s);
		return 1;
	}
	err = present_read(x->node, &now, e);
	if (!err) {
		services_plan(&s, &now.maps, &plan);
		if (plan.reuses)
			map_readers_end();
		add_rows(&plan, &now.maps, rows);
		if (plan.refused)
			err = error_set(e, -ENOSPC,
					"services: no room for %zu endpoints; 'pinpool up --set bpf-lb-map-max=N' makes room",
					plan.refused);
		service_plan_free(&plan);
	}
	services_free(&s);
	present_free(&now);
	return err;
}

/* In place where the frontend exists: its readers see the old or the new set, never a row of another one. */
int service_write(struct context *node, const void *key, const void *value, struct error *e)
{
	int fd = pins_map(&node->pins, PIN_SERVICES), program = pins_prog(&node->pins, PROG_SERVICE_SET);
	struct service_change change = { .key = *(const struct service_key *)key };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &change, .ctx_size_in = sizeof(change));
	char name[FRONTEND_TEXT];

	if (program < 0)
		return pins_error(&node->pins, "pp_service_set", program, e);
	if (!value)
		return bpf_map_delete_elem(fd, key) && errno != ENOENT ? -errno : 0;
	change.service = *(const struct service *)value;
	if (bpf_prog_test_run_opts(program, &opts))
		return error_set(e, -errno, "%s: the kernel did not run pp_service_set: %s; run 'pinpool up'",
				 node->pins.root.path, strerror(errno));
	if (!opts.retval || !bpf_map_update_elem(fd, key, value, BPF_NOEXIST))
		return 0;
	return error_set(e, -errno, "frontend %s: cannot add: %s; 'pinpool up --set bpf-lb-map-max=N' makes room",
			 frontend_format(key, name), strerror(errno));
}

/* An endpoint that goes ends its generation. */
int backend_write(struct context *node, const void *key, const void *value, struct error *e)
{
	int fd = pins_map(&node->pins, PIN_BACKENDS);
	struct backend gone;

	if (!value) {
		if (bpf_map_lookup_elem(fd, key, &gone))
			return pins_error(&node->pins, "pp_backends", -errno, e);
		gone.state = BACKEND_FREE;
		gone.generation++;
		value = &gone;
	}
	return bpf_map_update_elem(fd, key, value, BPF_ANY) ? pins_error(&node->pins, "pp_backends", -errno, e) : 0;
}
