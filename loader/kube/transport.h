/* SPDX-License-Identifier: GPL-2.0-only */
/* libcurl's transfers on the event loop; for api.c. */
#ifndef PP_KUBE_TRANSPORT_H
#define PP_KUBE_TRANSPORT_H

#include <curl/curl.h>

#include "loader/kube/loop.h"

struct transport;

/* @done: a transfer has ended, and is to be removed. Called from the loop only, never from within libcurl. */
struct transport *transport_new(struct loop *loop,
				void (*done)(void *arg, CURL *easy, CURLcode result), void *arg);
void transport_free(struct transport *t); /* after all transfers were removed */

/* Neither may be called from within a function of a transfer. */
void transport_add(struct transport *t, CURL *easy);
void transport_remove(struct transport *t, CURL *easy);

#endif
