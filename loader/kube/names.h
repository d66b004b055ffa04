/* SPDX-License-Identifier: GPL-2.0-only */
/* The names of a collection's objects, and which of them a new list still has. */
#ifndef PP_KUBE_NAMES_H
#define PP_KUBE_NAMES_H

#include <jansson.h>
#include <stdbool.h>

struct names { /* zeroed at first; json_decref(rounds) at the end */
	json_t *rounds; /* when each was last put; NULL: none was */
	json_int_t round;
};

/* @namespace: "" for cluster-wide objects */
typedef void name_fn(void *arg, const char *namespace, const char *name);

/* Adds a name, or marks it as still there. */
void names_put(struct names *names, const char *namespace, const char *name);
bool names_have(const struct names *names, const char *namespace, const char *name);
/* Whether it was there. */
bool names_remove(struct names *names, const char *namespace, const char *name);

/* Names that are not put again between these two are removed, with a call of @fn for each. */
void names_begin(struct names *names);
void names_sweep(struct names *names, name_fn *fn, void *arg);

#endif
