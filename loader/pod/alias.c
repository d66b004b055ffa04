// SPDX-License-Identifier: GPL-2.0-only
/* The alias of a pod's host veth, for people and for repair. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/pod/alias.h"

static const char magic[] = "pinpool v1 ";

static bool plain(char c)
{
	return c > ' ' && c < 0x7f && c != '%';
}

/* Appends key=text at @at, escaped, as far as it fits before @end. Returns the new end. */
static char *put(char *at, const char *end, const char *key, const char *text)
{
	size_t key_size = strlen(key);

	if (at + key_size + 3 >= end)
		return at;
	memcpy(at, key, key_size);
	at += key_size;
	for (; *text && at + (plain(*text) ? 1 : 3) < end; text++) {
		if (plain(*text))
			*at++ = *text;
		else
			at += sprintf(at, "%%%02x", (unsigned char)*text);
	}
	return at;
}

void pod_alias_format(const struct pod_alias *who, char alias[LINK_ALIAS])
{
	/* The required words come first; an owner is truncated to leave room for the rest. */
	const char *end = alias + LINK_ALIAS;
	char generation[16], name[sizeof(who->namespace) + sizeof(who->pod) + 1];
	char *at = alias + sprintf(alias, "%s", magic);

	snprintf(generation, sizeof(generation), "%u", who->generation);
	at = put(at, end - 3 * IFNAMSIZ - 32, "owner=", who->owner.id);
	at = put(at, end, " if=", who->owner.ifname);
	at = put(at, end, " gen=", generation);
	if (*who->pod) {
		snprintf(name, sizeof(name), "%s/%s", who->namespace, who->pod);
		at = put(at, end, " pod=", name);
	}
	*at = 0;
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reads the word after "key=" into @to; returns its end, NULL if the key is missing. */
static const char *get(const char *at, const char *key, char *to, size_t size)
{
	size_t n = 0;

	if (strncmp(at, key, strlen(key)))
		return NULL;
	memset(to, 0, size);
	for (at += strlen(key); *at && *at != ' '; at++) {
		char c = *at;

		if (c == '%' && hex(at[1]) >= 0 && hex(at[2]) >= 0) {
			c = (char)(hex(at[1]) << 4 | hex(at[2]));
			at += 2;
		}
		if (n + 1 < size)
			to[n++] = c;
	}
	return at;
}

bool pod_alias_parse(const char *alias, struct pod_alias *who)
{
	char generation[16], name[sizeof(who->namespace) + sizeof(who->pod) + 1], *slash;

	*who = (struct pod_alias){};
	if (strncmp(alias, magic, sizeof(magic) - 1))
		return false;
	alias = get(alias + sizeof(magic) - 1, "owner=", who->owner.id, sizeof(who->owner.id));
	alias = alias ? get(alias, " if=", who->owner.ifname, sizeof(who->owner.ifname)) : NULL;
	alias = alias ? get(alias, " gen=", generation, sizeof(generation)) : NULL;
	if (!alias)
		return false;
	who->generation = strtoul(generation, NULL, 10);
	if (get(alias, " pod=", name, sizeof(name)) && (slash = strchr(name, '/'))) {
		*slash++ = 0;
		snprintf(who->namespace, sizeof(who->namespace), "%.63s", name);
		snprintf(who->pod, sizeof(who->pod), "%.255s", slash);
	}
	return true;
}
