/* SPDX-License-Identifier: GPL-2.0-only */
/* pinpool-operator(8): what its parts share. One process, one thread, one loop. */
#ifndef PP_KUBE_OPERATOR_H
#define PP_KUBE_OPERATOR_H

#include "loader/kube/event.h"
#include "loader/kube/operator_cluster.h"
#include "loader/kube/operator_lease.h"
#include "loader/kube/program.h"
#include "loader/kube/watch.h"
#include "loader/kube/web.h"

#define REQUEST_MS 10000u
#define CILIUMNODES "/apis/cilium.io/v2/ciliumnodes"
#define CILIUMPODIPPOOLS "/apis/cilium.io/v2alpha1/ciliumpodippools"

struct operator {
	const char *kubeconfig, *namespace, *listen;
	const char *auto_create, *gc_interval; /* NULL: cilium-config's */
	const char *identity;
	struct loop *loop;
	struct api *api;
	struct web *web;
	struct lease *lease;
	struct cluster cluster;
	struct watch *pool_watch, *node_watch, *machine_watch; /* machines: Nodes; NULL: not the leader */
	struct timer gc;
	uint64_t gc_ms;
	unsigned int flying;        /* writes of CiliumNodes without an answer */
	unsigned int asking;        /* nodes whose pods are asked for after a take-over */
	struct events events;
	bool ending;
	struct {
		unsigned long long writes, conflicts, failures, reports, deleted;
	} count;
};

/* Acts no more, and ends the loop once no write is under way and the lease is given up. */
void operator_end(struct operator *o);
/* Logs, counts, and sends an Event about the object; a report_fn. */
void operator_report(void *arg, const char *kind, const char *name, const char *uid, const char *reason);

/* operator_lead.c: what a leader does, until the process ends. */
void operator_lead(void *arg);
/* operator_install.c: definitions, and pools of auto-create-cilium-pod-ip-pools that do not exist. */
void operator_install(struct operator *o);
/* operator_write.c: writes what was decided, as far as the lease and the number of requests permit. */
void nodes_write(struct operator *o);
void node_forget(struct operator *o, struct cluster_node *node);
/* operator_report.c: web_pages' metrics. */
void operator_metrics(void *arg, FILE *out);
/* operator_gc.c: deletes CiliumNodes whose Node is gone. @interval: "5m0s", "0" is never. */
int gc_start(struct operator *o, const char *interval);

#endif
