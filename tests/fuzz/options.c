// SPDX-License-Identifier: GPL-2.0-only
/*
 * Options under libFuzzer: the input is lines of name=value. Each is checked alone, then all are
 * merged and parsed; what every check accepts must be read, and pools made of it must be valid.
 */
#include <stdlib.h>
#include <string.h>

#include "loader/options/table.h"
#include "loader/manifest/pool_spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_pools(const json_t *pools)
{
	const json_t *pool;
	size_t i;

	json_array_foreach(pools, i, pool) {
		struct pool_spec spec;

		if (pool_spec_from_json(pool, &spec, NULL))
			abort();
		if (pool_spec_check(&spec, NULL))
			abort();
		pool_spec_free(&spec);
	}
}

static void check_values(const json_t *effective, bool valid)
{
	struct options o;
	struct error e = {};
	int err = options_parse(effective, &o, &e);

	/* what no option can say of itself is all that may be wrong then */
	if (err && valid && strncmp(e.text, "options enable-ipv4", 19) &&
	    strncmp(e.text, "option mtu", 10))
		abort();
	if (err && !*e.text)
		abort();
	if (err)
		return;
	if (o.snat_port_min < 1024 || o.snat_port_min > o.snat_port_max || o.nat_max < 64)
		abort();
	for (size_t i = 0; i < o.pre_allocation_count; i++)
		if (options_pre_allocation(&o, o.pre_allocations[i].pool) !=
		    o.pre_allocations[i].addresses)
			abort();
	check_pools(o.auto_create);
	options_free(&o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size), *rest = NULL;
	json_t *config = json_object(), *effective;
	bool valid = true;

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *value = strchr(line, '=');
		struct error e = {};
		int err;

		if (!value)
			continue;
		*value++ = 0;
		err = option_check(line, value, &e);
		if (err && !*e.text)
			abort();
		/* a later line of the same name takes its place, so that an error may be gone */
		valid &= err >= 0;
		json_object_set_new(config, line, json_string(value));
	}
	effective = options_merge(config, NULL, NULL, NULL);
	check_values(effective, valid);
	json_decref(effective);
	json_decref(config);
	free(text);
	return 0;
}
