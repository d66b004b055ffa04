// SPDX-License-Identifier: GPL-2.0-only
/* Memory allocation that never fails: the process aborts instead. */
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"

void *xmalloc(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p)
		abort();
	return p;
}

void *xcalloc(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size ? size : 1);

	if (!p)
		abort();
	return p;
}

void *xrealloc(void *old, size_t size)
{
	void *p = realloc(old, size ? size : 1);

	if (!p)
		abort();
	return p;
}

void *xgrow(void *list, size_t count, size_t size)
{
	size_t room = count ? 2 * count : 1;

	if (count & (count - 1))
		return list;
	list = reallocarray(list, room, size);
	if (!list)
		abort();
	return list;
}

char *xstrdup(const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		abort();
	return copy;
}
