// SPDX-License-Identifier: GPL-2.0-only
/* Services and EndpointSlices to frontends (pinpool-services(7)): services.cases has every rule. */
#include <stdlib.h>
#include <string.h>

#include "loader/manifest/manifest.h"
#include "loader/services/rules.h"
#include "tests/lib/tap.h"

#define CASES "tests/unit/services.cases"
#define TEXT 16384

static void print_set(FILE *out, const struct service_port *p, enum endpoint_scope scope, bool drop)
{
	const struct endpoint_set *set = &p->sets[scope];
	char address[ADDR_TEXT];

	for (size_t i = 0; i < set->count; i++)
		fprintf(out, "%s%s:%u", i ? "," : "", addr_format(&set->list[i].address, address), set->list[i].port);
	if (!set->count)
		fputs(drop ? "dropped" : "refused", out);
}

static void print(FILE *out, const struct services *s)
{
	static const char *const kinds[SERVICE_KINDS] = { "cluster", "node", "balancer", "external" };
	char text[FRONTEND_TEXT + PREFIX_TEXT];

	for (size_t i = 0; i < s->frontend_count; i++) {
		const struct frontend *f = &s->frontends[i];
		const struct service_port *p = &s->ports[f->port];

		fprintf(out, "= %s %s inside=", frontend_format(&f->key, text), kinds[f->kind]);
		print_set(out, p, f->inside, f->flags & SERVICE_DROP_INSIDE);
		fputs(" outside=", out);
		if (f->flags & SERVICE_CLOSED)
			fputs("closed", out);
		else
			print_set(out, p, f->outside, f->flags & SERVICE_DROP_OUTSIDE);
		if (p->affinity)
			fprintf(out, " affinity=%u", p->affinity);
		fprintf(out, "%s\n", f->flags & SERVICE_SOURCES ? " sources" : "");
	}
	for (size_t i = 0; i < s->range_count; i++)
		fprintf(out, "= source %s\n", prefix_format(&s->ranges[i].prefix, text));
	for (size_t i = 0; i < s->health_count; i++)
		fprintf(out, "= health %s/%s %u: %zu\n", s->health[i].namespace, s->health[i].service, s->health[i].port,
			s->health[i].endpoints);
	for (size_t i = 0; i < s->refused_count; i++)
		fprintf(out, "= refused %s\n", s->refused[i]);
}

static void option(struct services_input *in, const char *words)
{
	static char zone[64];

	in->external_cluster_ip |= strstr(words, "external-clusterip") != NULL;
	in->external_ips |= strstr(words, "external-ips") != NULL;
	if (strstr(words, "zone=") && sscanf(strstr(words, "zone=") + 5, "%63s", zone) == 1)
		in->zone = zone;
}

static void compute(const char *name, const char *yaml, struct services_input *in, const char *wanted)
{
	struct manifest m = {};
	struct services s = {};
	json_t *services = json_array(), *slices = json_array();
	struct error e = {};
	char *got = NULL;
	size_t size;
	FILE *out;
	int err = manifest_parse("case", yaml, strlen(yaml), &m, &e);

	for (size_t i = 0; i < m.count; i++)
		json_array_append(m.objects[i].kind == OBJECT_SERVICE ? services : slices, m.objects[i].json);
	in->services = services;
	in->slices = slices;
	services_compute(in, &s);
	out = open_memstream(&got, &size);
	if (!out)
		abort();
	print(out, &s);
	fclose(out);
	if (!ok(!err && !strcmp(got, wanted), "%s", name))
		printf("# %s\n# wanted\n%s# got\n%s", e.text, wanted, got);
	services_free(&s);
	json_decref(services);
	json_decref(slices);
	manifest_free(&m);
	free(got);
}

/* A line of a case into YAML. */
static void add_line(char *yaml, const char *line)
{
	char name[128], namespace[128] = "default", extra[256] = "";
	int n = sscanf(line, "@service %127s %127s %255[^\n]", name, namespace, extra);

	if (n > 0) {
		sprintf(yaml + strlen(yaml), "---\napiVersion: v1\nkind: Service\nmetadata: {name: %s, namespace: %s%s}\n",
			name, namespace, extra);
		return;
	}
	n = sscanf(line, "@slice %127s %127s", name, namespace);
	if (n > 0)
		sprintf(yaml + strlen(yaml),
			"---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: %s-%zu, namespace: %s, labels: {kubernetes.io/service-name: %s}}\n",
			name, strlen(yaml), namespace, name);
	else
		strcat(yaml, line);
}

static void run_case(const char *name, const char *yaml, const char *options, const char *wanted)
{
	struct services_input in = { .node = "n1", .node_port_min = 30000, .node_port_max = 32767 };

	option(&in, options);
	compute(name, yaml, &in, wanted);
}

int main(void)
{
	char name[128] = "", yaml[TEXT] = "", options[256] = "", wanted[TEXT] = "", line[2048];
	FILE *f = fopen(CASES, "r");

	if (!ok(f, "%s is there; run the tests from the root of the tree", CASES))
		return tap_done();
	while (fgets(line, sizeof(line), f)) {
		if (*line == '#') {
			snprintf(name, sizeof(name), "%.*s", (int)strcspn(line + 2, "\n"), line + 2);
		} else if (*line == '=') {
			strcat(wanted, line);
		} else if (*line == '!') {
			strcpy(options, line);
		} else if (*line != '\n') {
			add_line(yaml, line);
		} else if (*yaml) {
			run_case(name, yaml, options, wanted);
			*yaml = *options = *wanted = 0;
		}
	}
	fclose(f);
	return tap_done();
}
