// SPDX-License-Identifier: GPL-2.0-only
/* Options: layers merged into the values in effect on this node (pinpool-ipam(7), NODE DEFAULTS). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/options/table.h"
#include "loader/manifest/selector.h"

int option_check(const char *name, const char *value, struct error *e)
{
	const struct option *option = option_find(name);
	const char *meant = option ? NULL : option_near_miss(name);
	struct options scratch = {};
	int err;

	if (meant)
		return error_set(e, -EINVAL, "option %.80s: unknown; did you mean %s?", name, meant);
	if (!option)
		return error_set(e, OPTION_UNKNOWN,
				 "option %.80s: not implemented by pinpool; see OPTIONS in pinpool(8)",
				 name);
	if (!*value)
		return 0; /* the default */
	err = option->parse(option, value, &scratch, e);
	options_free(&scratch);
	return err;
}

#define IGNORED_NAMED 4 /* options listed by name in one warning */

/* One sentence for all of them: a cluster's cilium-config has a hundred options that pinpool lacks. */
static char *ignored_text(const json_t *names, bool all)
{
	size_t count = json_array_size(names), size, shown = count;
	char *text = NULL;
	FILE *out;

	if (!count)
		return NULL;
	if (!all && count > IGNORED_NAMED)
		shown = IGNORED_NAMED - 1;
	out = open_memstream(&text, &size);
	if (!out)
		abort();
	for (size_t i = 0; i < shown; i++)
		fprintf(out, "%s%s", i ? ", " : "", json_string_value(json_array_get(names, i)));
	if (shown < count)
		fprintf(out, " and %zu more options", count - shown);
	fprintf(out, ": not implemented by pinpool, ignored%s",
		shown < count ? "; 'pinpool -v' names all" : "");
	if (fclose(out))
		abort();
	return text;
}

int options_check(const json_t *map, bool all, char **ignored, struct error *e)
{
	json_t *names = json_array(), *value;
	const char *key;
	int err = 0;

	json_object_foreach((json_t *)map, key, value) {
		err = option_check(key, json_string_value(value) ?: "", e);
		if (err < 0)
			break;
		if (err == OPTION_UNKNOWN && json_array_append_new(names, json_string(key)))
			abort();
		err = 0;
	}
	*ignored = err ? NULL : ignored_text(names, all);
	json_decref(names);
	return err;
}

bool option_is_load_time(const char *name)
{
	const struct option *option = option_find(name);

	return option && option->load_time;
}

static void layer(json_t *effective, const json_t *values)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)values, name, value)
		if (json_is_string(value) && json_object_set(effective, name, value))
			abort();
}

static const char *config_name(const json_t *config)
{
	return json_string_value(json_object_get(json_object_get(config, "metadata"), "name")) ?: "";
}

static int config_compare(const void *a, const void *b)
{
	const json_t *const *x = a, *const *y = b;

	return strcmp(config_name(*x), config_name(*y));
}

/* The matching CiliumNodeConfigs in name order, so that the later name wins. */
static void layer_nodeconfigs(json_t *effective, const json_t *nodeconfigs, const json_t *labels)
{
	size_t count = json_array_size(nodeconfigs);
	const json_t **sorted = calloc(count + 1, sizeof(*sorted));

	if (!sorted)
		abort();
	for (size_t i = 0; i < count; i++)
		sorted[i] = json_array_get(nodeconfigs, i);
	qsort(sorted, count, sizeof(*sorted), config_compare);
	for (size_t i = 0; i < count; i++) {
		const json_t *spec = json_object_get(sorted[i], "spec");

		if (selector_matches(json_object_get(spec, "nodeSelector"), labels, true))
			layer(effective, json_object_get(spec, "defaults"));
	}
	free(sorted);
}

/* Helm writes "" for an option that is not set. */
static void fill_defaults(json_t *effective)
{
	for (size_t i = 0; i < options_table_count; i++) {
		const struct option *option = &options_table[i];
		const char *value = json_string_value(json_object_get(effective, option->name));

		if ((!value || !*value) &&
		    json_object_set_new(effective, option->name, json_string(option->fallback)))
			abort();
	}
}

static void pre_allocation_follow(json_t *effective)
{
	const char *value = json_string_value(json_object_get(effective, PRE_ALLOCATION));
	const char *pool = json_string_value(json_object_get(effective, DEFAULT_POOL));

	if (value && *value)
		return;
	if (json_object_set_new(effective, PRE_ALLOCATION, json_sprintf("%s=8", pool)))
		abort();
}

json_t *options_merge(const json_t *config, const json_t *nodeconfigs, const json_t *labels,
		      const json_t *settings)
{
	json_t *effective = json_object();

	layer(effective, config);
	layer_nodeconfigs(effective, nodeconfigs, labels);
	layer(effective, settings);
	fill_defaults(effective);
	pre_allocation_follow(effective);
	return effective;
}

/* Checks options against each other. */
static int options_agree(const struct options *o, struct error *e)
{
	if (!o->enable_ipv4 && !o->enable_ipv6)
		return error_set(e, -EINVAL,
				 "options enable-ipv4 and enable-ipv6: both are false; enable one of them");
	if (o->enable_ipv6 && o->mtu && o->mtu < 1280)
		return error_set(e, -EINVAL,
				 "option mtu: %u is less than the 1280 that IPv6 needs; raise it or disable enable-ipv6",
				 o->mtu);
	if (o->kube_proxy_replacement && o->node_port_min <= o->snat_port_max &&
	    o->snat_port_min <= o->node_port_max)
		return error_set(e, -EINVAL,
				 "options snat-port-range and node-port-range: %u-%u and %u-%u overlap; separate them",
				 o->snat_port_min, o->snat_port_max, o->node_port_min, o->node_port_max);
	return 0;
}

int options_parse(const json_t *effective, struct options *o, struct error *e)
{
	int err = 0;

	memset(o, 0, sizeof(*o));
	for (size_t i = 0; i < options_table_count && !err; i++) {
		const struct option *option = &options_table[i];
		const char *value = json_string_value(json_object_get(effective, option->name));

		err = option->parse(option, value && *value ? value : option->fallback, o, e);
	}
	err = err ?: options_agree(o, e);
	if (err)
		options_free(o);
	return err;
}

void options_free(struct options *o)
{
	for (size_t i = 0; i < o->device_count; i++)
		free(o->devices[i]);
	free(o->devices);
	free(o->native_cidrs);
	free(o->pre_allocations);
	json_decref(o->auto_create);
	memset(o, 0, sizeof(*o));
}

uint32_t options_pre_allocation(const struct options *o, const char *pool)
{
	for (size_t i = 0; i < o->pre_allocation_count; i++)
		if (!strcmp(o->pre_allocations[i].pool, pool))
			return o->pre_allocations[i].addresses;
	return 0;
}
