// SPDX-License-Identifier: GPL-2.0-only
/* Ids, generations and extents of the services' maps over a series of changes, as the maps would have them. */
#include <stdlib.h>
#include <string.h>

#include "loader/manifest/manifest.h"
#include "loader/services/plan.h"
#include "tests/lib/tap.h"

#define BACKENDS 6
#define MEMBERS 12

static struct service_row services[16];
static struct backend_row backends[BACKENDS];
static uint32_t members[MEMBERS];
static struct service_maps maps = { services, 0, backends, BACKENDS, members, MEMBERS };

static void clear(void)
{
	maps.service_count = 0;
	memset(members, 0, sizeof(members));
	memset(backends, 0, sizeof(backends));
	for (uint32_t i = 0; i < BACKENDS; i++)
		backends[i].id = i + 1;
}

/* What the loader does with a plan. */
static void carry_out(const struct service_plan *plan)
{
	bool kept[BACKENDS] = {};

	for (size_t i = 0; i < plan->member_count; i++)
		members[plan->members[i].index] = plan->members[i].backend;
	for (size_t i = 0; i < plan->backend_count; i++) {
		kept[plan->backends[i].id - 1] = true;
		backends[plan->backends[i].id - 1] = plan->backends[i];
	}
	memcpy(services, plan->services, plan->service_count * sizeof(*services));
	maps.service_count = plan->service_count;
	for (int i = 0; i < BACKENDS; i++)
		if (backends[i].backend.state == BACKEND_ACTIVE && !kept[i]) {
			backends[i].backend.state = BACKEND_FREE;
			backends[i].backend.generation++;
		}
}

#define SERVICE(name, ip) "---\napiVersion: v1\nkind: Service\nmetadata: {name: " name "}\n" \
	"spec: {type: NodePort, clusterIP: " ip ", ports: [{port: 80, nodePort: 30080}]}\n"
#define SLICE(name, endpoints) "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n" \
	"metadata: {name: " name "-1, labels: {kubernetes.io/service-name: " name "}}\n" \
	"addressType: IPv4\nports: [{port: 8080}]\nendpoints: [" endpoints "]\n"
#define E(n) "{addresses: [10.0.0." #n "]},"
#define GOING(n) "{addresses: [10.0.0." #n "], conditions: {ready: false, serving: true, terminating: true}},"

/* Plans and carries out what @yaml has. */
static struct service_plan change(const char *yaml)
{
	struct services_input in = { .node = "n1", .node_port_min = 30000, .node_port_max = 32767 };
	json_t *lists[2] = { json_array(), json_array() };
	struct manifest m = {};
	struct service_plan plan;
	struct services s;
	struct error e;

	if (manifest_parse("case", yaml, strlen(yaml), &m, &e))
		printf("# %s\n", e.text);
	for (size_t i = 0; i < m.count; i++)
		json_array_append(lists[m.objects[i].kind != OBJECT_SERVICE], m.objects[i].json);
	in.services = lists[0];
	in.slices = lists[1];
	services_compute(&in, &s);
	services_plan(&s, &maps, &plan);
	carry_out(&plan);
	services_free(&s);
	json_decref(lists[0]);
	json_decref(lists[1]);
	manifest_free(&m);
	return plan;
}

/* The last bytes of the addresses of the members, in their order: "1,2" */
static const char *set_of(size_t row)
{
	static char text[64];
	struct extent e = services[row].service.inside;

	*text = 0;
	for (uint32_t i = e.first; i < e.first + e.count; i++)
		sprintf(text + strlen(text), "%s%u", i > e.first ? "," : "",
			backends[members[i] - 1].backend.address.byte[15]);
	return text;
}

static void test_series(void)
{
	struct service_plan plan;
	struct extent first;
	uint32_t id;

	clear();
	plan = change(SERVICE("a", "10.96.0.1") SLICE("a", E(1) E(2)));
	ok(maps.service_count == 2 && plan.member_count == 2 && plan.reuses && !plan.refused &&
		   !memcmp(&services[0].service.inside, &services[1].service.outside, sizeof(struct extent)),
	   "the frontends of a port share its id and one extent");
	ok(!strcmp(set_of(0), "1,2") && services[0].service.id == services[1].service.id, "that has its endpoints");
	service_plan_free(&plan);

	first = services[0].service.inside;
	id = services[0].service.id;
	plan = change(SERVICE("a", "10.96.0.1") SLICE("a", E(1) E(2)));
	ok(!plan.member_count && !plan.reuses && !memcmp(&services[0].service.inside, &first, sizeof(first)) &&
		   services[0].service.id == id,
	   "the same again changes nothing");
	service_plan_free(&plan);

	plan = change(SERVICE("a", "10.96.0.1") SLICE("a", E(2) E(3)));
	ok(services[0].service.inside.first == first.first + 2 && !strcmp(set_of(0), "2,3") && !plan.reuses,
	   "another set gets another extent");
	ok(backends[0].backend.generation == 1 && !backends[1].backend.generation &&
		   backends[0].backend.state == BACKEND_FREE,
	   "an endpoint that leaves ends its generation, one that stays does not");
	service_plan_free(&plan);

	plan = change(SERVICE("a", "10.96.0.1") SLICE("a", E(2) GOING(3)));
	ok(!strcmp(set_of(0), "2") && backends[2].backend.state == BACKEND_ACTIVE && !backends[2].backend.generation,
	   "a terminating endpoint leaves the set and keeps its generation");
	service_plan_free(&plan);

	plan = change(SERVICE("b", "10.96.0.1") SLICE("b", E(2)));
	ok(services[0].service.id != id && backends[1].backend.state == BACKEND_FREE &&
		   backends[1].backend.generation == 1 && !strcmp(set_of(0), "2"),
	   "another service at the same address has nothing of the old one's");
	service_plan_free(&plan);

	plan = change("");
	ok(!maps.service_count && !plan.backend_count, "no services: no rows");
	service_plan_free(&plan);
}

static void test_reuse(void)
{
	struct service_plan plan;
	bool reused = false;

	clear();
	for (int i = 0; i < 20; i++) {
		plan = change(i % 2 ? SERVICE("a", "10.96.0.1") SLICE("a", E(1) E(2) E(3))
				    : SERVICE("a", "10.96.0.1") SLICE("a", E(4) E(5) E(6)));
		reused |= i && plan.reuses;
		if (plan.refused || strcmp(set_of(0), i % 2 ? "1,2,3" : "4,5,6"))
			break;
		service_plan_free(&plan);
		plan.services = NULL;
	}
	ok(!plan.services && reused, "members and ids are used again, and the plan says so");
	if (plan.services)
		service_plan_free(&plan);
}

static void test_full(void)
{
	struct service_plan plan;

	clear();
	plan = change(SERVICE("a", "10.96.0.1") SLICE("a", E(1) E(2) E(3) E(4) E(5) E(6) E(7) E(8)));
	ok(plan.refused == 2 && plan.backend_count == 6 && !strcmp(set_of(0), "1,2,3,4,5,6"),
	   "endpoints without room are counted, the others work");
	service_plan_free(&plan);
	plan = change(SERVICE("a", "10.96.0.1") SLICE("a", E(7) E(8)));
	ok(plan.refused == 2, "an id is free after its endpoint has left the set, not before");
	service_plan_free(&plan);
	plan = change(SERVICE("a", "10.96.0.1") SLICE("a", E(7) E(8)));
	ok(!plan.refused && plan.reuses && !strcmp(set_of(0), "7,8"), "then it is used again");
	service_plan_free(&plan);
}

int main(void)
{
	test_series();
	test_reuse();
	test_full();
	return tap_done();
}
