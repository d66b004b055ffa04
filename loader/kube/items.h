/* SPDX-License-Identifier: GPL-2.0-only */
/* The objects that are not in the node yet, by kind and name: those that wait, and those that were rejected. */
#ifndef PP_KUBE_ITEMS_H
#define PP_KUBE_ITEMS_H

#include "loader/kube/agent.h"

struct item {
	enum object_kind kind;
	char *name, uid[40];
	bool is_gone; /* to be deleted */
	char *text;   /* normalized; NULL: is_gone, or unreadable */
	char *reason; /* rejected; NULL: it waits */
};

struct item *item_find(struct objects *o, enum object_kind kind, const char *name);
/* The item as one that waits, with @text (owned; NULL: it is to be deleted). */
struct item *item_wait(struct agent *a, enum object_kind kind, const char *name, const char *uid, char *text);
/* It is in the node, or nobody wants it any more. */
void item_done(struct objects *o, struct item *item);
/* Logged and reported once for each reason. */
void item_reject(struct agent *a, struct item *item, const char *reason);

/* In the order in which they are applied. */
enum item_part { ITEMS_GONE, ITEMS_SETTINGS, ITEMS_OTHERS };

/* Up to @max items of @part that wait or, with @rejected, were rejected and can be tried again; their number. */
size_t items_collect(struct objects *o, enum item_part part, bool rejected, struct item **list, size_t max);

#endif
