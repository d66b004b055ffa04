// SPDX-License-Identifier: GPL-2.0-only
/* Names in a balanced tree and in a list: some 100 bytes for each, whatever the object's size. */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/kube/names.h"

struct name {
	struct name *next, **link; /* of the list, and what points here */
	unsigned int round;        /* when it was last put */
	char text[];               /* namespace, NUL, name, NUL */
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
	if (*found != new) {
		free(new);
		return;
	}
	new->next = names->first;
	new->link = &names->first;
	if (new->next)
		new->next->link = &new->next;
	names->first = new;
	names->count++;
}

static void drop(struct names *names, struct name *n)
{
	tdelete(n, &names->tree, compare);
	*n->link = n->next;
	if (n->next)
		n->next->link = n->link;
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

void names_sweep(struct names *names, name_fn *fn, void *arg)
{
	struct name *n, *next;

	for (n = names->first; n; n = next) {
		next = n->next;
		if (n->round == names->round)
			continue;
		fn(arg, n->text, name_of(n));
		drop(names, n);
	}
}

void names_free(struct names *names)
{
	while (names->first)
		drop(names, names->first);
}
