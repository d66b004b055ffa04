// SPDX-License-Identifier: GPL-2.0-only
/* Names as keys of one JSON object: some 100 bytes for each, whatever the object's size. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/kube/names.h"

/* "NAMESPACE\0NAME"; the caller frees it. */
static char *key_of(const char *namespace, const char *name, size_t *length)
{
	char *key;

	*length = strlen(namespace) + 1 + strlen(name);
	key = xmalloc(*length + 1);
	sprintf(key, "%s%c%s", namespace, 0, name);
	return key;
}

bool names_have(const struct names *names, const char *namespace, const char *name)
{
	size_t length;
	char *key = key_of(namespace, name, &length);
	bool found = json_object_getn(names->rounds, key, length);

	free(key);
	return found;
}

void names_put(struct names *names, const char *namespace, const char *name)
{
	size_t length;
	char *key = key_of(namespace, name, &length);

	if (!names->rounds)
		names->rounds = json_object();
	if (json_object_setn_new_nocheck(names->rounds, key, length, json_integer(names->round)))
		abort();
	free(key);
}

bool names_remove(struct names *names, const char *namespace, const char *name)
{
	size_t length;
	char *key = key_of(namespace, name, &length);
	bool found = !json_object_deln(names->rounds, key, length);

	free(key);
	return found;
}

void names_begin(struct names *names)
{
	names->round++;
}

void names_sweep(struct names *names, name_fn *fn, void *arg)
{
	const char *key;
	size_t length;
	json_t *round;
	void *next;

	json_object_keylen_foreach_safe(names->rounds, next, key, length, round) {
		if (json_integer_value(round) == names->round)
			continue;
		fn(arg, key, key + strlen(key) + 1);
		json_object_deln(names->rounds, key, length);
	}
}
