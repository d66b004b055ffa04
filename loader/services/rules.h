/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kube-proxy's rules: Services and EndpointSlices to frontends and the endpoints of each, for one node
 * (pinpool-services(7)). Pure.
 */
#ifndef PP_SERVICES_RULES_H
#define PP_SERVICES_RULES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loader/base/prefix.h"
#include "maps/services.h"

struct services_input {
	const json_t *services, *slices; /* arrays of normalized objects */
	const char *node, *zone;         /* of this node; @zone NULL: unknown */
	uint16_t node_port_min, node_port_max;
	bool external_cluster_ip;        /* ClusterIPs are reachable from outside */
	bool external_ips;
};

struct endpoint {
	struct addr address;
	uint16_t port;
};

/* Sorted, each once. */
struct endpoint_set {
	struct endpoint *list; /* owned */
	size_t count;
};

enum endpoint_scope {
	SCOPE_CLUSTER, /* of the cluster, by topology */
	SCOPE_LOCAL,   /* of this node */
	SCOPE_SERVING, /* all that keep their connections; those of the others are among them */
	SCOPE_HEALTHY, /* of this node, ready and not terminating: for health checks alone */
	SCOPES,
};

/* A port of a Service, in one family. */
struct service_port {
	const char *namespace, *service, *name; /* borrowed from the input; @name "": the only port */
	enum family family;
	uint8_t protocol;
	uint64_t owner;    /* hash of the above */
	uint32_t affinity; /* seconds; 0: none */
	bool any;          /* there is an endpoint, if not in each set */
	struct endpoint_set sets[SCOPES];
};

struct frontend {
	struct service_key key;
	enum service_kind kind;
	uint32_t flags; /* enum service_flags */
	uint32_t port;  /* index in services.ports */
	enum endpoint_scope outside, inside;
};

struct service_range {
	struct prefix prefix;
	uint32_t port; /* index in services.ports */
};

/* healthCheckNodePort: the balancer outside sends to nodes whose @endpoints is not 0. */
struct service_health {
	const char *namespace, *service; /* borrowed */
	uint16_t port;
	size_t endpoints; /* ready ones of this node */
};

/* All lists are owned. */
struct services {
	struct service_port *ports;
	size_t port_count;
	struct frontend *frontends; /* by key; of several with one key, the one that counts */
	size_t frontend_count;
	struct service_range *ranges;
	size_t range_count;
	struct service_health *health;
	size_t health_count;
	char **refused; /* "default/web: 10.0.0.1:80/tcp is a frontend of default/other"; sentences */
	size_t refused_count;
};

/* @in must outlive @s. */
void services_compute(const struct services_input *in, struct services *s);
void services_free(struct services *s);

/* "[fd00::1]:80/tcp", "*:30080/udp"; @text has FRONTEND_TEXT bytes. */
#define FRONTEND_TEXT (ADDR_TEXT + 24)
const char *frontend_format(const struct service_key *key, char *text);
bool service_key_is_wildcard(const struct service_key *key);

#endif
