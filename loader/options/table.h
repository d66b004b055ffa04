/* SPDX-License-Identifier: GPL-2.0-only */
/* Interface between options.c, the table of options and the parsers of their values. */
#ifndef PP_OPTIONS_TABLE_H
#define PP_OPTIONS_TABLE_H

#include "loader/options/options.h"

#define AUTO_CREATE "auto-create-cilium-pod-ip-pools"
#define DEFAULT_POOL "ipam-default-ip-pool"
#define PRE_ALLOCATION "ipam-multi-pool-pre-allocation"

struct option {
	const char *name;
	const char *fallback; /* the default value */
	/* Checks @value and stores its meaning in @o; 0 or -EINVAL with a sentence. */
	int (*parse)(const struct option *option, const char *value, struct options *o,
		     struct error *e);
	size_t field;               /* offset in struct options, for a parser of several options */
	uint32_t low, high;         /* of a number */
	enum family family;         /* of a list of CIDRs */
	const char *const *choices; /* ends with NULL; a choice's index is its enum's value */
	const char *reason;         /* why there is only one choice */
	bool load_time;
};

extern const struct option options_table[];
extern const size_t options_table_count;

/* The row of @name, or NULL. */
const struct option *option_find(const char *name);
/* The option that @name is a mistyped form of; NULL: none. @name itself is not an option. */
const char *option_near_miss(const char *name);

/* Parsers for the table, one per type of value (values.c, lists.c, auto_create.c). */
int value_bool(const struct option *option, const char *value, struct options *o, struct error *e);
int value_number(const struct option *option, const char *value, struct options *o,
		 struct error *e);
int value_choice(const struct option *option, const char *value, struct options *o,
		 struct error *e);
int value_only(const struct option *option, const char *value, struct options *o, struct error *e);
int value_mtu(const struct option *option, const char *value, struct options *o, struct error *e);
int value_seconds(const struct option *option, const char *value, struct options *o,
		  struct error *e);
int value_ports(const struct option *option, const char *value, struct options *o, struct error *e);
int value_node_ports(const struct option *option, const char *value, struct options *o,
		     struct error *e);
int value_path(const struct option *option, const char *value, struct options *o, struct error *e);
int value_pool(const struct option *option, const char *value, struct options *o, struct error *e);
int value_cidrs(const struct option *option, const char *value, struct options *o, struct error *e);
int value_devices(const struct option *option, const char *value, struct options *o,
		  struct error *e);
int value_pre_allocation(const struct option *option, const char *value, struct options *o,
			 struct error *e);
int value_auto_create(const struct option *option, const char *value, struct options *o,
		      struct error *e);

/* Parses like Go's strconv.ParseBool: 0 and @out, or -EINVAL. */
int bool_parse(const char *text, bool *out);
/* A duration as Go writes it, "1.5h" or "0": 0 and @seconds, or -EINVAL. */
int duration_parse(const char *text, double *seconds);
/* Decimal digits only, at most @high; 0 and @out, or -EINVAL. */
int number_parse(const char *text, uint32_t high, uint32_t *out);

/*
 * Parses a map of name to string as Cilium reads it from its ConfigMap: a JSON object, or
 * "name=value,name=value" where a value may contain commas: a comma ends the value only if an "="
 * stands between it and the next comma (command.GetStringMapString). An empty text is an empty map.
 * Returns a new object, or NULL with a sentence. A duplicate name is an error.
 */
json_t *string_map_parse(const char *text, struct error *e);

#endif
