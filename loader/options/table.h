/* SPDX-License-Identifier: GPL-2.0-only */
/* How options.c, the table of options and the parsers of their values fit together. */
#ifndef PP_OPTIONS_TABLE_H
#define PP_OPTIONS_TABLE_H

#include "loader/options/options.h"

#define AUTO_CREATE "auto-create-cilium-pod-ip-pools"
#define DEFAULT_POOL "ipam-default-ip-pool"
#define PRE_ALLOCATION "ipam-multi-pool-pre-allocation"

struct option {
	const char *name;
	const char *fallback; /* the value where nobody gives one */
	/* Checks @value and puts what it means into @o; 0 or -EINVAL with a sentence. */
	int (*parse)(const struct option *option, const char *value, struct options *o,
		     struct error *e);
	size_t field;               /* offset in struct options, where one parser serves many */
	uint32_t low, high;         /* of a number */
	enum family family;         /* of a list of CIDRs */
	const char *const *choices; /* ends with NULL; a choice's index is its enum's value */
	const char *reason;         /* why there is just one choice */
	bool load_time;
};

extern const struct option options_table[];
extern const size_t options_table_count;

/* The row of @name, or NULL. */
const struct option *option_find(const char *name);
/* The option that @name is a mistyped form of; NULL: it looks like none. @name itself is no option. */
const char *option_near_miss(const char *name);

/* Parsers for the table: the type of a value (options_values.c, options_lists.c, auto_create.c). */
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
int value_pool(const struct option *option, const char *value, struct options *o, struct error *e);
int value_cidrs(const struct option *option, const char *value, struct options *o, struct error *e);
int value_devices(const struct option *option, const char *value, struct options *o,
		  struct error *e);
int value_pre_allocation(const struct option *option, const char *value, struct options *o,
			 struct error *e);
int value_auto_create(const struct option *option, const char *value, struct options *o,
		      struct error *e);

/* As Go's strconv.ParseBool: 0 and @out, or -EINVAL. */
int bool_parse(const char *text, bool *out);
/* Decimal digits only, at most @high; 0 and @out, or -EINVAL. */
int number_parse(const char *text, uint32_t high, uint32_t *out);

/*
 * A map of name to string as Cilium reads one out of its ConfigMap: a JSON object, or
 * "name=value,name=value" where a value may have commas: a comma ends the value only if an "="
 * stands between it and the next comma (command.GetStringMapString). An empty text is an empty map.
 * Returns a new object, or NULL with a sentence. A name given twice is an error.
 */
json_t *string_map_parse(const char *text, struct error *e);

#endif
