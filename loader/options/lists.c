// SPDX-License-Identifier: GPL-2.0-only
/* Values of list-like options: lists of CIDRs and devices, maps by pool. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/manifest/schema.h"
#include "loader/options/table.h"

#define SEPARATORS ", \t\r\n" /* Cilium's lists have commas, Helm joins some with spaces */
#define IFNAME_MAX 15
#define PRE_ALLOCATION_DEFAULT 8

/* Copies the next word of *@text to @word (truncated to fit), or returns false; moves *@text past it. */
static bool next_word(const char **text, char *word, size_t size)
{
	size_t length;

	*text += strspn(*text, SEPARATORS);
	length = strcspn(*text, SEPARATORS);
	if (!length)
		return false;
	snprintf(word, size, "%.*s", (int)(length < size ? length : size), *text);
	*text += length;
	return true;
}

int value_cidrs(const struct option *option, const char *value, struct options *o, struct error *e)
{
	char word[80];

	while (next_word(&value, word, sizeof(word))) {
		struct prefix prefix;

		if (prefix_parse(word, &prefix) < 0 || prefix_family(&prefix) != option->family)
			return error_set(e, -EINVAL,
					 "option %s: \"%s\" is not an %s CIDR; use one such as %s",
					 option->name, word,
					 option->family == FAMILY_IPV4 ? "IPv4" : "IPv6",
					 option->family == FAMILY_IPV4 ? "10.0.0.0/8" : "fd00::/8");
		o->native_cidrs =
			xrealloc(o->native_cidrs, (o->native_cidr_count + 1) * sizeof(*o->native_cidrs));
		o->native_cidrs[o->native_cidr_count++] = prefix;
	}
	return 0;
}

/* A valid interface name; with a trailing '+' the part before it is a prefix of names. */
static bool device_valid(const char *name)
{
	size_t length = strlen(name);

	if (length && name[length - 1] == '+')
		length--;
	if (!length || length > IFNAME_MAX || strchr(name, '/') || strchr(name, ':'))
		return false;
	return strcmp(name, ".") && strcmp(name, "..");
}

int value_devices(const struct option *option, const char *value, struct options *o,
		  struct error *e)
{
	char word[80];

	while (next_word(&value, word, sizeof(word))) {
		char *device;

		if (!device_valid(word))
			return error_set(e, -EINVAL,
					 "option %s: invalid interface name \"%s\"; use names such as eth0 or eth+",
					 option->name, word);
		device = strdup(word);
		if (!device)
			abort();
		o->devices = xrealloc(o->devices, (o->device_count + 1) * sizeof(*o->devices));
		o->devices[o->device_count++] = device;
	}
	return 0;
}

static json_t *map_from_json(const char *text, struct error *e)
{
	json_error_t reason;
	json_t *map = json_loads(text, JSON_REJECT_DUPLICATES, &reason);
	const char *name;
	json_t *value;
	void *next;

	if (!json_is_object(map)) {
		error_set(e, -EINVAL, "not a JSON map of name to text: %s; write {\"name\":\"value\"}",
			  map ? "another type" : reason.text);
		goto bad;
	}
	json_object_foreach_safe(map, next, name, value) {
		char number[24];

		if (json_is_string(value))
			continue;
		if (!json_is_integer(value)) {
			error_set(e, -EINVAL, "the value of \"%.80s\" is not a string; write {\"name\":\"value\"}",
				  name);
			goto bad;
		}
		/* Cilium's own reader also turns {"default": 8} into {"default": "8"}. */
		snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		json_object_set_new(map, name, json_string(number));
	}
	return map;
bad:
	json_decref(map);
	return NULL;
}

/* The end of the pair at @pair: the first comma that has an '=' before the next one. */
static const char *pair_end(const char *pair)
{
	const char *comma = pair + strcspn(pair, ",");

	while (*comma) {
		size_t length = strcspn(comma + 1, ",");

		if (memchr(comma + 1, '=', length))
			break;
		comma += 1 + length;
	}
	return comma;
}

static int map_add_pair(json_t *map, const char *pair, size_t length, struct error *e)
{
	const char *equals = memchr(pair, '=', length);
	char *name = NULL, *value = NULL;
	int err = 0;

	if (!equals || equals == pair || memchr(equals + 1, '=', pair + length - equals - 1))
		return error_set(e, -EINVAL, "\"%.*s\" is not formatted as name=value,name=value",
				 (int)(length < 80 ? length : 80), pair);
	name = strndup(pair, equals - pair);
	value = strndup(equals + 1, pair + length - equals - 1);
	if (!name || !value)
		abort();
	if (json_object_get(map, name))
		err = error_set(e, -EINVAL, "duplicate name \"%.80s\"; remove one", name);
	else if (json_object_set_new(map, name, json_string(value)))
		err = error_set(e, -EINVAL, "not UTF-8 text; use plain characters");
	free(name);
	free(value);
	return err;
}

json_t *string_map_parse(const char *text, struct error *e)
{
	json_t *map;

	text += strspn(text, " \t\r\n");
	if (*text == '{' || *text == '[')
		return map_from_json(text, e);
	map = json_object();
	if (!map)
		abort();
	while (*text) {
		const char *end = pair_end(text);
		size_t length = end - text;

		while (length && strchr(" \t\r\n", text[length - 1]))
			length--;
		if (map_add_pair(map, text, length, e)) {
			json_decref(map);
			return NULL;
		}
		text = end + (*end == ',');
		text += strspn(text, " \t\r\n");
	}
	return map;
}

static void pre_allocation_add(struct options *o, const char *pool, uint32_t addresses)
{
	struct pre_allocation *added;

	o->pre_allocations = xrealloc(o->pre_allocations,
				      (o->pre_allocation_count + 1) * sizeof(*o->pre_allocations));
	added = &o->pre_allocations[o->pre_allocation_count++];
	*added = (struct pre_allocation){ .addresses = addresses };
	strcpy(added->pool, pool);
}

static int pre_allocation_compare(const void *a, const void *b)
{
	return strcmp(((const struct pre_allocation *)a)->pool,
		      ((const struct pre_allocation *)b)->pool);
}

int value_pre_allocation(const struct option *option, const char *value, struct options *o,
			 struct error *e)
{
	json_t *map, *number;
	const char *pool;
	int err = 0;

	if (!*value) {
		pre_allocation_add(o, o->default_pool, PRE_ALLOCATION_DEFAULT);
		return 0;
	}
	map = string_map_parse(value, e);
	if (!map)
		return error_wrap(e, -EINVAL, "option %s", option->name);
	json_object_foreach(map, pool, number) {
		uint32_t addresses;

		if (!name_is_subdomain(pool, strlen(pool)) ||
		    number_parse(json_string_value(number), INT32_MAX, &addresses)) {
			err = error_set(e, -EINVAL,
					"option %s: invalid value for pool \"%.80s\": \"%.80s\"; write pool=number[,pool=number]",
					option->name, pool, json_string_value(number));
			break;
		}
		pre_allocation_add(o, pool, addresses);
	}
	json_decref(map);
	if (o->pre_allocation_count)
		qsort(o->pre_allocations, o->pre_allocation_count, sizeof(*o->pre_allocations),
		      pre_allocation_compare);
	return err;
}
