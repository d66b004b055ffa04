// SPDX-License-Identifier: GPL-2.0-only
/* pinpool describe service: its frontends, and where each leads. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "loader/cmd/cmd.h"
#include "loader/cmd/describe.h"
#include "loader/derive/derive.h"

static json_t *endpoints(const struct endpoint_set *set, bool dropped)
{
	json_t *list = json_array();
	char address[ADDR_TEXT];

	if (!set->count) {
		json_decref(list);
		return json_string(dropped ? "dropped (no endpoint on this node)" : "refused (no endpoint)");
	}
	for (size_t i = 0; i < set->count; i++)
		json_array_append_new(list, describe_line(addr_is_ipv4(&set->list[i].address) ? "%s:%u" : "[%s]:%u",
							  addr_format(&set->list[i].address, address),
							  set->list[i].port));
	return list;
}

static bool is_port_of(const struct service_port *p, const char *name)
{
	size_t length = strlen(p->namespace);

	return !strncmp(name, p->namespace, length) && name[length] == '/' && !strcmp(name + length + 1, p->service);
}

static json_t *describe_frontends(const struct services *s, const char *name)
{
	static const char *const kinds[SERVICE_KINDS] = {
		[SERVICE_CLUSTER_IP] = "ClusterIP", [SERVICE_NODE_PORT] = "NodePort",
		[SERVICE_LOAD_BALANCER] = "LoadBalancer", [SERVICE_EXTERNAL_IP] = "ExternalIP",
	};
	json_t *all = json_object();
	char text[FRONTEND_TEXT];

	for (size_t i = 0; i < s->frontend_count; i++) {
		const struct frontend *f = &s->frontends[i];
		const struct service_port *p = &s->ports[f->port];
		json_t *one;

		if (!is_port_of(p, name))
			continue;
		one = json_pack("{s:s, s:s, s:o}", "Kind", kinds[f->kind], "Port Name", *p->name ? p->name : "<none>",
				"Inside", endpoints(&p->sets[f->inside], f->flags & SERVICE_DROP_INSIDE));
		json_object_set_new(one, "Outside",
				    f->flags & SERVICE_CLOSED ? json_string("closed") :
				    endpoints(&p->sets[f->outside], f->flags & SERVICE_DROP_OUTSIDE));
		json_object_set_new(all, frontend_format(&f->key, text), one);
	}
	return all;
}

static void describe_refused(json_t *d, const struct services *s, const char *name)
{
	json_t *errors = json_array();
	char prefix[STORE_NAME + 16];

	snprintf(prefix, sizeof(prefix), "service %s: ", name);
	for (size_t i = 0; i < s->refused_count; i++)
		if (!strncmp(s->refused[i], prefix, strlen(prefix)))
			json_array_append_new(errors, describe_line("%s", s->refused[i] + strlen(prefix)));
	describe_list(d, "Errors", errors);
}

static void describe_object(json_t *d, const json_t *object, const struct services *s, const char *name)
{
	describe_head(d, object);
	json_object_set_new(d, "Namespace", describe_line("%.*s", (int)strcspn(name, "/"), name));
	describe_spec(d, object);
	if (json_object_get(object, "status"))
		json_object_set_new(d, "Status", json_sorted(json_object_get(object, "status")));
	json_object_set_new(d, "Frontends", describe_frontends(s, name));
	describe_refused(d, s, name);
}

int describe_service(json_t *d, struct context *node, const char *name, struct error *e)
{
	struct options options = {};
	struct state state = {};
	struct services s = {};
	char full[STORE_NAME];
	json_t *object;
	int err;

	object = store_get(&node->pins, OBJECT_SERVICE, qualified_name(OBJECT_SERVICE, name, full));
	if (!object)
		return error_set(e, -ENOENT, "service \"%s\": not found; see 'pinpool get services'", full);
	err = state_read(node, STATE_SERVICES, &state, e);
	if (!err)
		err = context_options(node, &options, e);
	if (!err) {
		services_of(node, &options, &state, &s);
		describe_object(d, object, &s, full);
	}
	services_free(&s);
	state_free(&state);
	options_free(&options);
	json_decref(object);
	return err;
}
