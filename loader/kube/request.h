/* SPDX-License-Identifier: GPL-2.0-only */
/* One HTTP request as libcurl's handle; for api.c. */
#ifndef PP_KUBE_REQUEST_H
#define PP_KUBE_REQUEST_H

#include <curl/curl.h>

#include "loader/kube/kubeconfig.h"

struct request {
	const char *method, *path, *type, *accept;
	const char *body; /* stays with its owner; or NULL */
};

/*
 * A handle with its headers (*@headers: freed after it), TLS material and token read anew; NULL with @e if
 * a file cannot be read. The caller adds its functions.
 */
CURL *request_new(const struct access *access, const struct request *r, struct curl_slist **headers,
		  struct error *e);

#endif
