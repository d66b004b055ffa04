/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of `describe`: an object becomes a JSON object that describe_print() lays out. */
#ifndef PP_CMD_DESCRIBE_H
#define PP_CMD_DESCRIBE_H

#include <jansson.h>

#include "loader/kernel/context.h"

/* A string of any bytes. */
json_t *describe_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Name, labels, annotations, version and kind. */
void describe_head(json_t *d, const json_t *object);
void describe_spec(json_t *d, const json_t *object);
/* Owns @list; an empty one is "<none>". */
void describe_list(json_t *d, const char *label, json_t *list);

/* NAMESPACE/NAME; NAME alone is in default. */
int describe_service(json_t *d, struct context *node, const char *name, struct error *e);

#endif
