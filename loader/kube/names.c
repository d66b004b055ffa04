// SPDX-License-Identifier: GPL-2.0-only
/* Names in a balanced tree: 64 bytes for each, whatever the object's size. */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/kube/names.h"

struct name {
	unsigned int round; /* when it was last put */
	char text[];        /* namespace, NUL, name, NUL */
};

struct stale {
	const struct names *names;
	struct name **list;
	size_t count;
};

static const char *name_of(const struct name *n)
{
	return n->text + strlen(n->text) + 1;
}

static int compare(const void *a, const void *b)
{
	int order = strcmp(((const struct name *)a)->text, ((const struct name *)b)->text);

	return order ? order : strcmp(name_of(a), name_of(b));
}

static struct name *name_new(const char *namespace, const char *name)
{
	size_t first = strlen(namespace) + 1, second = strlen(name) + 1;
	struct name *n = xmalloc(sizeof(*n) + first + second);

	memcpy(n->text, namespace, first);
	memcpy(n->text + first, name, second);
	return n;
}

bool names_have(const struct names *names, const char *namespace, const char *name)
{
	struct name *key = name_new(namespace, name);
	bool found = tfind(key, &names->tree, compare) != NULL;

	free(key);
	return found;
}

void names_put(struct names *names, const char *namespace, const char *name)
{
	struct name *new = name_new(namespace, name), **found = tsearch(new, &names->tree, compare);

	if (!found)
		abort();
	(*found)->round = names->round;
	if (*found == new)
		names->count++;
	else
		free(new);
}

static void drop(struct names *names, struct name *n)
{
	tdelete(n, &names->tree, compare);
	names->count--;
	free(n);
}

bool names_remove(struct names *names, const char *namespace, const char *name)
{
	struct name *key = name_new(namespace, name), **found = tfind(key, &names->tree, compare);

	free(key);
	if (found)
		drop(names, *found);
	return found;
}

void names_begin(struct names *names)
{
	names->round++;
}

static void collect(const void *node, VISIT visit, void *arg)
{
	struct stale *stale = arg;
	struct name *n = *(struct name *const *)node;

	if ((visit == postorder || visit == leaf) && n->round != stale->names->round) {
		stale->list = xgrow(stale->list, stale->count, sizeof(struct name *));
		stale->list[stale->count++] = n;
	}
}

void names_sweep(struct names *names, name_fn *fn, void *arg)
{
	struct stale stale = { .names = names };

	twalk_r(names->tree, collect, &stale);
	for (size_t i = 0; i < stale.count; i++) {
		fn(arg, stale.list[i]->text, name_of(stale.list[i]));
		drop(names, stale.list[i]);
	}
	free(stale.list);
}

void names_free(struct names *names)
{
	tdestroy(names->tree, free);
	*names = (struct names){};
}
