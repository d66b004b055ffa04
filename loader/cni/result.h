/* SPDX-License-Identifier: GPL-2.0-only */
/* What the plugin writes to standard output, as the configuration's cniVersion has it. Pure. */
#ifndef PP_CNI_RESULT_H
#define PP_CNI_RESULT_H

#include "loader/cni/cni.h"
#include "loader/pod/pod.h"

/* Of ADD: prevResult, if there was one, and what we added. The caller owns it. */
json_t *cni_result(const struct cni_request *r, const struct pod_result *pod, uint32_t mtu);

/* Of VERSION. */
json_t *cni_result_versions(const struct cni_request *r);

/* The error object: the sentence's first part is the message, its way out the details. */
json_t *cni_result_error(const struct cni_request *r, enum cni_code code, const struct error *e);

/* What prevResult says of our interface in the pod; other plugins' interfaces are not looked at. */
struct cni_previous {
	uint8_t mac[6];           /* all zero: not told */
	struct addr ip[FAMILIES]; /* all zero: none */
};

/* CNI_OK or CNI_BAD_CONFIG. */
enum cni_code cni_previous_parse(const struct cni_request *r, struct cni_previous *p,
				 struct error *e);

#endif
