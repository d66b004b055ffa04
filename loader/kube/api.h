/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests to a Kubernetes API server (HTTP over TLS, by libcurl on the loop). TLS is always verified.
 * No secret is ever in a message, a log or argv.
 */
#ifndef PP_KUBE_API_H
#define PP_KUBE_API_H

#include <jansson.h>

#include "loader/base/error.h"
#include "loader/kube/loop.h"

struct api;
struct call;

/*
 * @kubeconfig: a file (current context: client certificate, token, tokenFile, inline data); NULL: in-cluster
 * (KUBERNETES_SERVICE_HOST, projected token and CA). Token and CA are read again for each connection and
 * after 401. Exec plugins and insecure-skip-tls-verify are refused by name.
 */
struct api *api_new(struct loop *loop, const char *kubeconfig, struct error *e);
void api_free(struct api *api); /* ends all calls; their functions are not called */

struct answer {
	int status;                 /* of HTTP; 0: none came, @message says why */
	json_t *body;               /* borrowed; NULL: not JSON, or none */
	char message[256];          /* status not 2xx: the server's Status.message, or the transport's error */
	unsigned int retry_after;   /* seconds; 0: not given */
	bool too_large;
};

typedef void answer_fn(void *arg, const struct answer *a);

#define MERGE_PATCH "application/merge-patch+json"
#define APPLY_PATCH "application/apply-patch+yaml"

/*
 * Sends a request and calls @fn exactly once, later, unless it is cancelled. @path with its query;
 * @type: of @body (NULL: application/json); @body is not kept. Ends @timeout_ms after it was sent. An answer
 * above 4 MiB is an error, with @too_large. Some 30 run at a time, the others wait for their turn.
 * @method, @type and @accept are string literals: they are kept, not copied.
 */
struct call *api_send(struct api *api, const char *method, const char *path, const char *type,
		      const json_t *body, unsigned int timeout_ms, answer_fn *fn, void *arg);
/* GET with another Accept header than application/json. */
struct call *api_get(struct api *api, const char *path, const char *accept, unsigned int timeout_ms,
		     answer_fn *fn, void *arg);
/* Also from within a function of its own. NULL: nothing. */
void api_cancel(struct call *call);

/*
 * A request whose answer comes in lines (a watch): @line with NULL when the server has accepted it, and for
 * each complete line as JSON text; then @end once, with status 200 if the server ended an accepted stream. No
 * line is longer than 4 MiB. Nothing heard for @silence_ms ends it. @accept: NULL is application/json.
 */
typedef void line_fn(void *arg, const char *line, size_t length);
struct call *api_stream(struct api *api, const char *path, const char *accept, unsigned int silence_ms,
			line_fn *line, answer_fn *end, void *arg);

#endif
