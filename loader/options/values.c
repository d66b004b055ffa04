// SPDX-License-Identifier: GPL-2.0-only
/* Parsers of single-word values: booleans, numbers, choices, durations, ports. */
#include <errno.h>
#include <string.h>

#include "loader/manifest/schema.h"
#include "loader/options/table.h"

#define SHOWN 80 /* characters of an invalid value that an error quotes */

static int invalid(const struct option *option, const char *value, const char *expected,
		   struct error *e)
{
	return error_set(e, -EINVAL, "option %s: invalid value \"%.*s\"; %s", option->name, SHOWN,
			 value, expected);
}

static void *field_of(const struct option *option, struct options *o)
{
	return (char *)o + option->field;
}

int bool_parse(const char *text, bool *out)
{
	static const char *const words[2][6] = {
		{ "0", "f", "F", "false", "FALSE", "False" },
		{ "1", "t", "T", "true", "TRUE", "True" },
	};

	for (int truth = 0; truth < 2; truth++)
		for (int i = 0; i < 6; i++)
			if (!strcmp(text, words[truth][i])) {
				*out = truth;
				return 0;
			}
	return -EINVAL;
}

int number_parse(const char *text, uint32_t high, uint32_t *out)
{
	uint64_t n = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		n = n * 10 + (*text - '0');
		if (n > high)
			return -EINVAL;
	}
	*out = n;
	return 0;
}

int value_bool(const struct option *option, const char *value, struct options *o, struct error *e)
{
	if (bool_parse(value, field_of(option, o)))
		return invalid(option, value, "use true or false", e);
	return 0;
}

int value_number(const struct option *option, const char *value, struct options *o,
		 struct error *e)
{
	uint32_t n;

	if (number_parse(value, option->high, &n) || n < option->low)
		return error_set(e, -EINVAL,
				 "option %s: invalid value \"%.*s\"; use a number from %u to %u",
				 option->name, SHOWN, value, option->low, option->high);
	*(uint32_t *)field_of(option, o) = n;
	return 0;
}

int value_choice(const struct option *option, const char *value, struct options *o,
		 struct error *e)
{
	for (unsigned int i = 0; option->choices[i]; i++)
		if (!strcmp(value, option->choices[i])) {
			*(unsigned int *)field_of(option, o) = i;
			return 0;
		}
	return error_set(e, -EINVAL, "option %s: invalid value \"%.*s\"; use %s or %s",
			 option->name, SHOWN, value, option->choices[0], option->choices[1]);
}

int value_only(const struct option *option, const char *value, struct options *o, struct error *e)
{
	(void)o;
	if (strcmp(value, option->fallback))
		return error_set(e, -EINVAL, "option %s: invalid value \"%.*s\": %s; use %s",
				 option->name, SHOWN, value, option->reason, option->fallback);
	return 0;
}

int value_mtu(const struct option *option, const char *value, struct options *o, struct error *e)
{
	/* 68 is the minimum of IPv4 (RFC 791); IPv6's 1280 is checked with enable-ipv6. */
	if (number_parse(value, 65535, &o->mtu) || (o->mtu && o->mtu < 68))
		return invalid(option, value, "use 68 to 65535, or 0 for the uplink's own", e);
	return 0;
}

static int parse_ports(const struct option *option, const char *value, char separator, uint16_t *min,
		       uint16_t *max, struct error *e)
{
	const char *dash = strchr(value, separator);
	char first[8] = "";
	uint32_t low, high;

	if (dash && (size_t)(dash - value) < sizeof(first))
		memcpy(first, value, dash - value);
	if (!dash || number_parse(first, option->high, &low) ||
	    number_parse(dash + 1, option->high, &high) || low < option->low || low > high)
		return error_set(e, -EINVAL,
				 "option %s: invalid value \"%.*s\"; use FIRST%cLAST with %u <= FIRST <= LAST <= %u",
				 option->name, SHOWN, value, separator, option->low, option->high);
	*min = low;
	*max = high;
	return 0;
}

int value_ports(const struct option *option, const char *value, struct options *o, struct error *e)
{
	return parse_ports(option, value, '-', &o->snat_port_min, &o->snat_port_max, e);
}

/* Cilium's own notation has a comma. */
int value_node_ports(const struct option *option, const char *value, struct options *o, struct error *e)
{
	return parse_ports(option, value, strchr(value, ',') ? ',' : '-', &o->node_port_min, &o->node_port_max,
			   e);
}

/* "" is allowed: the default of an option that may be left out. */
int value_path(const struct option *option, const char *value, struct options *o, struct error *e)
{
	if ((*value && *value != '/') || strlen(value) >= PP_PATH)
		return invalid(option, value, "use an absolute path", e);
	strcpy(field_of(option, o), value);
	return 0;
}

/* Parses one unit of Go's durations, "1.5h", at *@text; moves past it and adds to @seconds. */
static int duration_term(const char **text, double *seconds)
{
	static const struct {
		const char *name;
		double seconds;
	} units[] = { { "ns", 1e-9 }, { "us", 1e-6 }, { "µs", 1e-6 }, { "ms", 1e-3 },
		      { "s", 1 },     { "m", 60 },    { "h", 3600 } };
	double n = 0, place = 1;
	const char *at = *text;
	size_t digits, length;

	for (digits = 0; *at >= '0' && *at <= '9'; at++, digits++)
		n = n * 10 + (*at - '0');
	if (*at == '.')
		for (at++; *at >= '0' && *at <= '9'; at++, digits++)
			n += (*at - '0') * (place /= 10);
	length = strcspn(at, ".0123456789");
	for (size_t i = 0; digits && i < sizeof(units) / sizeof(*units); i++)
		if (length == strlen(units[i].name) && !strncmp(at, units[i].name, length)) {
			*seconds += n * units[i].seconds;
			*text = at + length;
			return 0;
		}
	return -EINVAL;
}

int duration_parse(const char *text, double *seconds)
{
	*seconds = 0;
	/* "0" alone needs no unit, as in Go. */
	for (bool more = strcmp(text, "0"); more; more = *text)
		if (duration_term(&text, seconds) || !(*seconds <= UINT32_MAX - 1))
			return -EINVAL;
	return 0;
}

int value_seconds(const struct option *option, const char *value, struct options *o,
		  struct error *e)
{
	double seconds;
	uint32_t whole;

	if (duration_parse(value, &seconds))
		return invalid(option, value, "use a duration such as 15s or 1m", e);
	whole = seconds;
	*(uint32_t *)field_of(option, o) = whole + (seconds > whole);
	return 0;
}

int value_pool(const struct option *option, const char *value, struct options *o, struct error *e)
{
	if (!name_is_subdomain(value, strlen(value)))
		return invalid(option, value, "use the name of a CiliumPodIPPool", e);
	strcpy(o->default_pool, value);
	return 0;
}
