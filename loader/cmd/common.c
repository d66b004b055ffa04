// SPDX-License-Identifier: GPL-2.0-only
/* What all commands say the same way. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "loader/cmd/cmd.h"

void print_error(const struct error *e)
{
	fprintf(stderr, "pinpool: %s\n", e->text);
}

int usage_error(const struct call *c, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "pinpool: %s: ", c->command->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "; see 'pinpool %s --help'\n", c->command->name);
	return EXIT_USAGE;
}

void warning(const char *fmt, ...)
{
	va_list ap;

	fputs("pinpool: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

/* kubectl's: two units while they are small, one when they are large */
const char *age_text(uint64_t created, char *text)
{
	uint64_t now = time(NULL), s = now > created ? now - created : 0;
	uint64_t m = s / 60, h = m / 60, d = h / 24;

	if (s < 120)
		snprintf(text, 16, "%us", (unsigned int)s);
	else if (m < 10 && s % 60)
		snprintf(text, 16, "%um%us", (unsigned int)m, (unsigned int)(s % 60));
	else if (m < 180)
		snprintf(text, 16, "%um", (unsigned int)m);
	else if (h < 8 && m % 60)
		snprintf(text, 16, "%uh%um", (unsigned int)h, (unsigned int)(m % 60));
	else if (h < 48)
		snprintf(text, 16, "%uh", (unsigned int)h);
	else
		snprintf(text, 16, "%ud", (unsigned int)d);
	return text;
}

const char *time_text(uint64_t seconds, char *text)
{
	time_t t = seconds;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(text, 32, TIME_FORMAT, &tm);
	return text;
}

json_t *json_sorted(const json_t *json)
{
	char *text = json_dumps(json, JSON_SORT_KEYS);
	json_t *sorted = text ? json_loads(text, 0, NULL) : NULL;

	free(text);
	if (!sorted)
		abort();
	return sorted;
}

enum object_kind kind_by_name(const char *name)
{
	static const struct {
		enum object_kind kind;
		const char *names;
	} kinds[] = {
		{ OBJECT_POOL, " pool pools ciliumpodippool ciliumpodippools cpip ciliumpodippools.cilium.io " },
		{ OBJECT_CILIUMNODE, " node nodes ciliumnode ciliumnodes cn ciliumnodes.cilium.io " },
		{ OBJECT_NODECONFIG, " nodeconfig nodeconfigs ciliumnodeconfig ciliumnodeconfigs " },
		{ OBJECT_CONFIGMAP, " configmap configmaps cm " },
		{ OBJECT_NAMESPACE, " namespace namespaces ns " },
		{ OBJECT_SERVICE, " service services svc " },
		{ OBJECT_ENDPOINTSLICE, " endpointslice endpointslices " },
	};
	char word[64];

	if (snprintf(word, sizeof(word), " %s ", name) >= (int)sizeof(word) || strchr(name, ' '))
		return OBJECT_NONE;
	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strstr(kinds[i].names, word))
			return kinds[i].kind;
	return OBJECT_NONE;
}

const char *qualified_name(enum object_kind kind, const char *name, char *text)
{
	bool has_namespace = kind == OBJECT_SERVICE || kind == OBJECT_ENDPOINTSLICE;

	snprintf(text, STORE_NAME, "%s%s", has_namespace && !strchr(name, '/') ? "default/" : "", name);
	return text;
}
