/* SPDX-License-Identifier: GPL-2.0-only */
/* The endpoints of a Service's port: EndpointSlices found by service, and the choice of endpoints. Pure. */
#ifndef PP_SERVICES_ENDPOINTS_H
#define PP_SERVICES_ENDPOINTS_H

#include "loader/services/rules.h"

/* EndpointSlices by namespace and service. */
struct slice_index {
	struct slice_entry {
		const char *namespace, *service;
		const json_t *slice;
	} *list; /* owned; sorted */
	size_t count;
};

void slices_sort(const json_t *slices, struct slice_index *index);

/* Fills in any and sets of @port, all else of which is set. @not_ready: publishNotReadyAddresses. */
void endpoints_choose(const struct services_input *in, const struct slice_index *index, bool not_ready,
		      struct service_port *port);

/* metadata.namespace, "default" if it has none */
const char *object_namespace(const json_t *object);
/* "TCP", "UDP", "SCTP" to IANA numbers; absent: TCP. */
uint8_t protocol_number(const json_t *port);

#endif
