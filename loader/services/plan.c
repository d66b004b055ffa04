// SPDX-License-Identifier: GPL-2.0-only
/* Ids, backends and extents of the services' maps: what can stay stays. */
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/services/plan.h"

/* A port's ids of one scope, and the extent that has exactly them. */
struct placed {
	uint32_t *ids;
	size_t count;
	struct extent extent;
	bool is_placed;
};

struct planning {
	const struct services *s;
	const struct service_maps *now;
	struct service_plan *plan;
	const struct service_row **by_owner, **by_key; /* the present rows, sorted */
	const struct backend_row **active;   /* sorted by service, address, port */
	size_t active_count;
	uint32_t next_id;
	size_t fresh_backend, freed_backend; /* positions of the searches for a free one */
	bool *used;                          /* members, by index */
	size_t next_member;                  /* never used from here on */
};

static int by_hash(const void *a, const void *b)
{
	const uint64_t x = (*(const struct service_row *const *)a)->service.owner;
	const uint64_t y = (*(const struct service_row *const *)b)->service.owner;

	return x < y ? -1 : x > y;
}

static int by_key(const void *a, const void *b)
{
	return memcmp(*(const struct service_row *const *)a, *(const struct service_row *const *)b,
		      sizeof(struct service_key));
}

static int backend_order(const struct backend *a, const struct backend *b)
{
	int order = memcmp(&a->address, &b->address, sizeof(a->address));

	if (a->service != b->service)
		return a->service < b->service ? -1 : 1;
	return order ? order : (int)a->port - b->port;
}

static int by_backend(const void *a, const void *b)
{
	return backend_order(&(*(const struct backend_row *const *)a)->backend,
			     &(*(const struct backend_row *const *)b)->backend);
}

static void index_services(struct planning *p)
{
	const struct service_maps *now = p->now;

	p->by_owner = xcalloc(now->service_count, sizeof(*p->by_owner));
	p->by_key = xcalloc(now->service_count, sizeof(*p->by_key));
	p->next_id = 1;
	for (size_t i = 0; i < now->service_count; i++) {
		const struct service *s = &now->services[i].service;

		p->by_owner[i] = p->by_key[i] = &now->services[i];
		p->next_id = s->id >= p->next_id ? s->id + 1 : p->next_id;
		for (int out = 0; out < 2; out++) {
			struct extent e = out ? s->outside : s->inside;

			for (size_t m = e.first; m < (size_t)e.first + e.count && m < now->member_count; m++)
				p->used[m] = true;
		}
	}
	if (!now->service_count)
		return;
	qsort(p->by_owner, now->service_count, sizeof(*p->by_owner), by_hash);
	qsort(p->by_key, now->service_count, sizeof(*p->by_key), by_key);
}

static void index_backends(struct planning *p)
{
	const struct service_maps *now = p->now;

	p->active = xcalloc(now->backend_count, sizeof(*p->active));
	for (size_t i = 0; i < now->backend_count; i++) {
		const struct backend *b = &now->backends[i].backend;

		if (b->state == BACKEND_ACTIVE)
			p->active[p->active_count++] = &now->backends[i];
		p->next_id = b->service >= p->next_id ? b->service + 1 : p->next_id;
	}
	if (p->active_count)
		qsort(p->active, p->active_count, sizeof(*p->active), by_backend);
}

static void index_members(struct planning *p)
{
	p->used = xcalloc(p->now->member_count, sizeof(*p->used));
	p->next_member = p->now->member_count;
	while (p->next_member > 1 && !p->now->members[p->next_member - 1])
		p->next_member--;
}

/* The first present row of the owner, or where it would be. */
static size_t rows_of(const struct planning *p, uint64_t owner)
{
	size_t low = 0, high = p->now->service_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (p->by_owner[middle]->service.owner < owner)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint32_t service_id(struct planning *p, uint64_t owner)
{
	size_t i = rows_of(p, owner);

	if (i < p->now->service_count && p->by_owner[i]->service.owner == owner)
		return p->by_owner[i]->service.id;
	return p->next_id++;
}

/* An id that never was in use, or else one that is free; NULL: none. */
static const struct backend_row *free_backend(struct planning *p)
{
	const struct service_maps *now = p->now;

	for (; p->fresh_backend < now->backend_count; p->fresh_backend++) {
		const struct backend *b = &now->backends[p->fresh_backend].backend;

		if (b->state == BACKEND_FREE && !b->generation && !b->service)
			return &now->backends[p->fresh_backend++];
	}
	for (; p->freed_backend < now->backend_count; p->freed_backend++) {
		const struct backend *b = &now->backends[p->freed_backend].backend;

		if (b->state != BACKEND_FREE || (!b->generation && !b->service))
			continue;
		p->plan->reuses = true;
		return &now->backends[p->freed_backend++];
	}
	return NULL;
}

/* The endpoint's id; 0: no room. */
static uint32_t backend_id(struct planning *p, uint32_t service, const struct endpoint *endpoint)
{
	struct backend_row row = { .backend = { .address = endpoint->address, .port = endpoint->port,
						.state = BACKEND_ACTIVE, .service = service } };
	const struct backend_row *key = &row, **found = NULL, *place;

	if (p->active_count)
		found = bsearch(&key, p->active, p->active_count, sizeof(*p->active), by_backend);
	place = found ? *found : free_backend(p);
	if (!place) {
		p->plan->refused++;
		return 0;
	}
	row.id = place->id;
	row.backend.generation = place->backend.generation;
	p->plan->backends = xgrow(p->plan->backends, p->plan->backend_count, sizeof(row));
	p->plan->backends[p->plan->backend_count++] = row;
	return row.id;
}

/* An endpoint of the port and its id, in the order of its sets. */
struct known {
	struct endpoint endpoint;
	uint32_t id;
};

static int by_known(const void *a, const void *b)
{
	const struct known *x = a, *y = b;
	int order = addr_compare(&x->endpoint.address, &y->endpoint.address);

	return order ? order : (int)x->endpoint.port - y->endpoint.port;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static struct known *known_read(struct planning *p, const struct endpoint_set *serving, uint32_t service)
{
	struct known *known = xcalloc(serving->count, sizeof(*known));

	for (size_t i = 0; i < serving->count; i++)
		known[i] = (struct known){ serving->list[i], backend_id(p, service, &serving->list[i]) };
	return known;
}

static void place_ids(struct placed *set, const struct endpoint_set *endpoints, const struct known *known,
		      size_t count)
{
	set->ids = xcalloc(endpoints->count, sizeof(*set->ids));
	for (size_t i = 0; i < endpoints->count; i++) {
		struct known key = { .endpoint = endpoints->list[i] }, *found;

		found = bsearch(&key, known, count, sizeof(*known), by_known);
		if (found && found->id)
			set->ids[set->count++] = found->id;
	}
	if (set->count)
		qsort(set->ids, set->count, sizeof(*set->ids), by_number);
}

static bool has_members(const struct planning *p, struct extent e, const struct placed *set)
{
	const struct service_maps *now = p->now;

	return e.count == set->count && (size_t)e.first + e.count <= now->member_count &&
	       !memcmp(now->members + e.first, set->ids, set->count * sizeof(*set->ids));
}

/* The present extent of one of the owner's rows that has exactly these members. */
static bool find_extent(const struct planning *p, uint64_t owner, struct placed *set)
{
	for (size_t i = rows_of(p, owner); i < p->now->service_count; i++) {
		const struct service *s = &p->by_owner[i]->service;

		if (s->owner != owner)
			break;
		if (has_members(p, s->inside, set))
			set->extent = s->inside;
		else if (has_members(p, s->outside, set))
			set->extent = s->outside;
		else
			continue;
		return true;
	}
	return false;
}

/* Room for @count members that nobody reads; 0: none. */
static uint32_t free_members(struct planning *p, size_t count)
{
	size_t first = p->next_member, run = 0;

	if (first + count <= p->now->member_count) {
		p->next_member += count;
		return first;
	}
	for (size_t i = 1; i < p->now->member_count; i++) {
		run = p->used[i] ? 0 : run + 1;
		if (run < count)
			continue;
		first = i + 1 - count;
		memset(p->used + first, true, count);
		p->plan->reuses = true;
		return first;
	}
	return 0;
}

static void place(struct planning *p, uint64_t owner, struct placed *set)
{
	uint32_t first;

	set->is_placed = true;
	if (!set->count || find_extent(p, owner, set))
		return;
	first = free_members(p, set->count);
	if (!first) {
		p->plan->refused += set->count;
		return;
	}
	set->extent = (struct extent){ first, set->count };
	for (size_t i = 0; i < set->count; i++) {
		p->plan->members = xgrow(p->plan->members, p->plan->member_count, sizeof(*p->plan->members));
		p->plan->members[p->plan->member_count++] = (struct member_row){ first + i, set->ids[i] };
	}
}

/* The port's id and the two sets, each made when its first frontend needs it. */
struct placed_port {
	uint32_t id;
	struct known *known;
	struct placed sets[2]; /* SCOPE_CLUSTER, SCOPE_LOCAL */
};

static struct extent extent_of(struct planning *p, const struct service_port *port, struct placed_port *placed,
			       enum endpoint_scope scope)
{
	struct placed *set = &placed->sets[scope];

	if (!set->is_placed) {
		place_ids(set, &port->sets[scope], placed->known, port->sets[SCOPE_SERVING].count);
		place(p, port->owner, set);
	}
	return set->extent;
}

static void add_service(struct planning *p, const struct frontend *f, struct placed_port *placed)
{
	const struct service_port *port = &p->s->ports[f->port];
	struct service_row row = { .key = f->key };
	const struct service_row *key = &row;

	if (!placed->id) {
		placed->id = service_id(p, port->owner);
		placed->known = known_read(p, &port->sets[SCOPE_SERVING], placed->id);
	}
	row.service = (struct service){ .owner = port->owner, .id = placed->id, .kind = f->kind,
					.flags = f->flags, .affinity = port->affinity };
	row.service.outside = extent_of(p, port, placed, f->outside);
	row.service.inside = extent_of(p, port, placed, f->inside);
	p->plan->reuses |= !p->now->service_count ||
			   !bsearch(&key, p->by_key, p->now->service_count, sizeof(*p->by_key), by_key);
	p->plan->services[p->plan->service_count++] = row;
}

static void add_sources(struct planning *p, const struct placed_port *placed)
{
	for (size_t i = 0; i < p->s->range_count; i++) {
		const struct service_range *r = &p->s->ranges[i];
		struct source_row row = { .key.length = 32 + r->prefix.length, .one = 1 };

		memcpy(row.key.addr.byte, r->prefix.addr.byte, sizeof(row.key.addr.byte));
		row.key.service = placed[r->port].id;
		if (row.key.service)
			p->plan->sources[p->plan->source_count++] = row;
	}
}

void services_plan(const struct services *s, const struct service_maps *now, struct service_plan *plan)
{
	struct planning p = { .s = s, .now = now, .plan = plan };
	struct placed_port *placed = xcalloc(s->port_count, sizeof(*placed));

	*plan = (struct service_plan){ .services = xcalloc(s->frontend_count, sizeof(*plan->services)),
				       .sources = xcalloc(s->range_count, sizeof(*plan->sources)) };
	index_members(&p);
	index_services(&p);
	index_backends(&p);
	for (size_t i = 0; i < s->frontend_count; i++)
		add_service(&p, &s->frontends[i], &placed[s->frontends[i].port]);
	add_sources(&p, placed);
	for (size_t i = 0; i < s->port_count; i++) {
		free(placed[i].known);
		free(placed[i].sets[SCOPE_CLUSTER].ids);
		free(placed[i].sets[SCOPE_LOCAL].ids);
	}
	free(placed);
	free(p.by_owner);
	free(p.by_key);
	free(p.active);
	free(p.used);
}

void service_plan_free(struct service_plan *plan)
{
	free(plan->services);
	free(plan->backends);
	free(plan->members);
	free(plan->sources);
	*plan = (struct service_plan){};
}
