// SPDX-License-Identifier: GPL-2.0-only
/* The connectivity test: pods created, probes sent along all paths, results, pods removed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "loader/base/memory.h"
#include "loader/connect/connectivity.h"

static int run_probes(struct test *t, const volatile sig_atomic_t *stop, struct error *e)
{
	struct probe_server *servers = xcalloc((t->pool_count + 1) * FAMILIES, sizeof(*servers));
	size_t count = 0;
	int err;

	for (int f = 0; f < FAMILIES; f++) {
		if (t->host[f].fd[PROBE_TCP] >= 0)
			servers[count++] = t->host[f];
		for (size_t i = 0; i < t->pool_count; i++)
			if (t->pools[i].pod[1].server[f].fd[PROBE_TCP] >= 0)
				servers[count++] = t->pools[i].pod[1].server[f];
	}
	err = probes_run(t->result->probes, t->result->probe_count, servers, count, stop, e);
	free(servers);
	return err;
}

/* Writes failures such as "tcp: no answer; icmp: no answer" to path->failed. */
static void summarize(struct path *path, const struct probe *probes)
{
	size_t length = 0;

	for (size_t i = path->first; i < path->first + path->count; i++)
		if (!probes[i].answered && length < sizeof(path->failed))
			length += snprintf(path->failed + length, sizeof(path->failed) - length,
					   "%s%s: %s", length ? "; " : "",
					   probe_protocol_name(probes[i].protocol), probes[i].reason);
}

/* Creates pods, paths and their probes, with the node's lock held. */
static int prepare(struct test *t, const char *root, const volatile sig_atomic_t *stop,
		   struct error *e)
{
	int err = context_open(t->node, root, ROOT_SHARED, e);

	if (err)
		return err;
	err = context_check_netns(t->node, e);
	if (!err)
		err = test_pools_make(t->node, t->nl, stop, &t->pools, &t->pool_count, e);
	if (!err)
		err = test_paths_list(t, e);
	context_close(t->node);
	return err;
}

static int clean(struct test *t, const char *root, struct error *e)
{
	int err;

	if (!t->pool_count)
		return 0;
	err = context_open(t->node, root, ROOT_SHARED, e);
	/* Without a node the interfaces at least vanish with their namespaces. */
	if (err)
		test_pools_remove(t->node, NULL, t->pools, t->pool_count, NULL);
	else
		err = test_pools_remove(t->node, t->nl, t->pools, t->pool_count, e);
	if (!err)
		context_close(t->node);
	return err;
}

int connectivity_run(const char *root, const struct world *world, const volatile sig_atomic_t *stop,
		     struct connectivity *result, struct error *e)
{
	struct context node;
	struct test t = { .node = &node, .world = world, .result = result };
	struct rlimit files;
	int err, clean_err;

	memset(result, 0, sizeof(*result));
	for (int f = 0; f < FAMILIES; f++)
		t.host[f] = (struct probe_server){ .fd = { -1, -1 } };
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	err = netlink_open(&t.nl, -1, e);
	if (!err)
		err = prepare(&t, root, stop, e);
	if (!err)
		err = run_probes(&t, stop, e);
	for (size_t i = 0; !err && i < result->path_count; i++)
		summarize(&result->paths[i], result->probes);
	clean_err = clean(&t, root, err ? NULL : e);
	for (int f = 0; f < FAMILIES; f++)
		probe_server_close(&t.host[f]);
	free(t.pools);
	netlink_close(t.nl);
	return err ? err : clean_err;
}

void connectivity_free(struct connectivity *result)
{
	free(result->paths);
	free(result->probes);
}
