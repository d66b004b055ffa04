/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of audit.c; for it and fix.c only. */
#ifndef PP_AUDIT_PARTS_H
#define PP_AUDIT_PARTS_H

#include "loader/check/audit.h"
#include "loader/derive/derive.h"

struct audit {
	struct context *node;
	struct netlink *nl;
	const struct audit_report *report;
	size_t count;
	struct state s; /* AUDIT_STATE */
	struct options options;
};

#define AUDIT_STATE (STATE_SOURCES | STATE_MODEL | STATE_SERVICES)

void violation(struct audit *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define LEASE_TEXT 512
/* "pod default/web (owner 4f2d…, eth0)" or "owner x" */
const char *lease_text(const struct lease_entry *l, char text[LEASE_TEXT]);

/* Blocks, pools and objects. */
void audit_blocks(struct audit *a);
/* Leases, and that their addresses are nothing else's. */
void audit_leases(struct audit *a);
int audit_links(struct audit *a, struct error *e);
/* A bound lease's slot and interface. */
void audit_pod(struct audit *a, size_t lease, int program);
int audit_remote(struct audit *a, struct error *e);
int audit_routes(struct audit *a, struct error *e);
int audit_flows(struct audit *a, struct error *e);
/* Uplinks and sysctls. */
void audit_host(struct audit *a);

#endif
