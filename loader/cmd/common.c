// SPDX-License-Identifier: GPL-2.0-only
/* What all commands say the same way. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "loader/cmd/cmd.h"

int fail(const struct error *e)
{
	fprintf(stderr, "pinpool: %s\n", e->text);
	return EXIT_FAILED;
}

int usage_error(const char *command, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "pinpool: %s: ", command);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "; see 'pinpool %s --help'\n", command);
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

int finish_output(int status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	fprintf(stderr, "pinpool: standard output: %s; what was printed is not whole\n", strerror(errno));
	return status ? status : EXIT_FAILED;
}

bool open_node(struct node *node, const struct globals *g, enum root_lock lock, bool interfaces)
{
	struct error e;

	if (node_open(node, g->root, lock, &e)) {
		fail(&e);
		return false;
	}
	if (interfaces && node_check_netns(node, &e)) {
		fail(&e);
		node_close(node);
		return false;
	}
	return true;
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

enum object_kind kind_by_name(const char *name)
{
	static const struct {
		const char *name;
		enum object_kind kind;
	} names[] = {
		{ "pool", OBJECT_POOL }, { "pools", OBJECT_POOL }, { "ciliumpodippool", OBJECT_POOL },
		{ "ciliumpodippools", OBJECT_POOL }, { "cpip", OBJECT_POOL },
		{ "ciliumpodippools.cilium.io", OBJECT_POOL },
		{ "node", OBJECT_NODE }, { "nodes", OBJECT_NODE }, { "ciliumnode", OBJECT_NODE },
		{ "ciliumnodes", OBJECT_NODE }, { "cn", OBJECT_NODE },
		{ "ciliumnodes.cilium.io", OBJECT_NODE },
		{ "nodeconfig", OBJECT_NODECONFIG }, { "nodeconfigs", OBJECT_NODECONFIG },
		{ "ciliumnodeconfig", OBJECT_NODECONFIG }, { "ciliumnodeconfigs", OBJECT_NODECONFIG },
		{ "configmap", OBJECT_CONFIGMAP }, { "configmaps", OBJECT_CONFIGMAP },
		{ "cm", OBJECT_CONFIGMAP },
		{ "namespace", OBJECT_NAMESPACE }, { "namespaces", OBJECT_NAMESPACE },
		{ "ns", OBJECT_NAMESPACE },
	};

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i].name, name))
			return names[i].kind;
	return OBJECT_NONE;
}
