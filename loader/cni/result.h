/* SPDX-License-Identifier: GPL-2.0-only */
/* The plugin's standard output, in the format of the configuration's cniVersion. Pure. */
#ifndef PP_CNI_RESULT_H
#define PP_CNI_RESULT_H

#include "loader/cni/cni.h"
#include "loader/pod/pod.h"

/* ADD's result: prevResult, if there was one, and ADD's work. The caller owns it. */
json_t *cni_result(const struct cni_request *r, const struct pod_result *pod, uint32_t mtu);

/* VERSION's result. */
json_t *cni_result_versions(const struct cni_request *r);

/* The error object: the sentence's first part is the message, its way out the details. */
json_t *cni_result_error(const struct cni_request *r, enum cni_code code, const struct error *e);

/* Our interface in prevResult; other plugins' interfaces are ignored. */
struct cni_previous {
	uint8_t mac[6];           /* all zero: missing */
	struct addr ip[FAMILIES]; /* all zero: none */
};

/* Reads it. CNI_OK or CNI_BAD_CONFIG. */
enum cni_code cni_previous_parse(const struct cni_request *r, struct cni_previous *p,
				 struct error *e);

#endif
