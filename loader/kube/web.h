/* SPDX-License-Identifier: GPL-2.0-only */
/* A small HTTP server on the loop (libmicrohttpd): /metrics (OpenMetrics), /healthz, /readyz. */
#ifndef PP_KUBE_WEB_H
#define PP_KUBE_WEB_H

#include <stdio.h>

#include "loader/base/error.h"
#include "loader/kube/loop.h"

struct web;

struct web_pages {
	void (*metrics)(void *arg, FILE *out); /* text of OpenMetrics; web.c adds # EOF */
	bool (*ready)(void *arg, FILE *out);     /* false: 503, with the sentence in @out as its body */
	void *arg;
};

/* @listen: "ADDRESS:PORT", "[ADDRESS6]:PORT" or ":PORT" (all addresses). /healthz: always ok. */
struct web *web_start(struct loop *loop, const char *listen, const struct web_pages *pages, struct error *e);
void web_stop(struct web *web); /* NULL: nothing */

/* The head of a metric in a page; and all of one that has no labels. */
void metric_family(FILE *out, const char *name, const char *type, const char *help);
void metric(FILE *out, const char *name, const char *type, const char *help, unsigned long long value);

#endif
