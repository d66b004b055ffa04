/* SPDX-License-Identifier: GPL-2.0-only */
/* How the pods share the flow table: the programs' own counts, with names. */
#ifndef PP_FLOW_SHARES_H
#define PP_FLOW_SHARES_H

#include <stddef.h>

#include "loader/ipam/transactions.h"
#include "maps/flows.h"
#include "maps/pod_flows.h"

#define POD_TEXT (64 + PP_NAME + 1) /* "namespace/pod" */

struct pod_share {
	uint32_t slot; /* in pp_pods */
	uint32_t flows;
	char pod[POD_TEXT]; /* "namespace/pod" or the lease's owner; "slot N": nobody has it any more */
};

struct flow_shares {
	struct pod_share *list; /* owned; of pods that have flows, the one with most first */
	size_t count;
	uint32_t used, max;     /* records, bpf-nat-max */
};

/* Flows that are over count until they are swept, a second or two. 0 or -errno with a sentence. */
int flow_shares_read(struct pins *pins, struct flow_shares *shares, struct error *e);
void flow_shares_free(struct flow_shares *shares);
/* The name of the pod in @slot, which has flows. */
const char *flow_shares_name(const struct flow_shares *shares, uint32_t slot);
/* What each of @pods may have of @total: bpf/flow_share.bpf.h. */
uint32_t fair_share(uint32_t total, size_t pods);

#endif
