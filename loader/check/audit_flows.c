// SPDX-License-Identifier: GPL-2.0-only
/* Masquerade flows against the node's addresses. */
#include <stdlib.h>

#include "loader/check/audit_parts.h"
#include "loader/kernel/flows.h"

static int compare_masq(const void *a, const void *b)
{
	const struct flow_entry *x = a, *y = b;

	return addr_compare(&x->flow.masq_address, &y->flow.masq_address);
}

/* One violation for each address that is gone. */
static void report_gone(struct audit *a, struct flow_entry *flows, size_t count,
			const struct addr *own, size_t own_count)
{
	char text[ADDR_TEXT];
	size_t next;

	qsort(flows, count, sizeof(*flows), compare_masq);
	for (size_t i = 0; i < count; i = next) {
		const struct addr *addr = &flows[i].flow.masq_address;

		for (next = i + 1; next < count && !compare_masq(&flows[i], &flows[next]); next++)
			;
		if (!node_has_address(own, own_count, addr))
			violation(a, "flows: %zu masqueraded as %s, which the node does not have",
				  next - i, addr_format(addr, text));
	}
}

int audit_flows(struct audit *a, struct error *e)
{
	struct flow_entry *flows = NULL;
	struct addr *own = NULL;
	size_t count, own_count;
	struct clock clock;
	int err = flows_read(&a->node->pins, &flows, &count, &clock, e);

	/* the addresses after the flows: one that came in between is there */
	if (!err && count)
		err = node_addresses(a->nl, &own, &own_count, e);
	if (!err && count)
		report_gone(a, flows, count, own, own_count);
	free(flows);
	free(own);
	return err;
}
