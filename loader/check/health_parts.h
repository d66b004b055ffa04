/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of health.c, one function each; for it only. */
#ifndef PP_HEALTH_PARTS_H
#define PP_HEALTH_PARTS_H

#include "loader/check/health.h"
#include "loader/net/netlink.h"
#include "loader/kernel/context.h"
#include "loader/derive/derive.h"

/* What the parts look at. */
struct examination {
	struct context *node;
	struct netlink *nl;
	struct state s; /* STATE_SOURCES | STATE_LEASES */
	struct options options;
};

/* A new part, ok so far. */
struct health_part *part_begin(struct health *h, const char *name);
/* What there is; counts only while the part is ok. */
void part_note(struct health_part *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What is wrong; several are joined by commas. */
void part_fail(struct health_part *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "; @advice" if the part is not ok. */
void part_end(struct health_part *p, const char *advice);

void health_pins(struct health *h, struct pins *pins);
void health_uplinks(struct health *h, struct examination *x);
void health_xdp(struct health *h, struct examination *x);
void health_routes(struct health *h, struct examination *x);
void health_sysctls(struct health *h, struct examination *x);
/* Names pods above their fair share of flows, or of ports to one destination, where they are short. */
void health_flow_share(struct health *h, struct examination *x);
/* Parts "flows" and "ports". */
void health_nat(struct health *h, struct examination *x);
/* Part "agent", of a managed node only. */
void health_agent(struct health *h, struct examination *x);
void health_services(struct health *h, struct examination *x);
void health_firewall(struct health *h, struct examination *x);

#endif
