// SPDX-License-Identifier: GPL-2.0-only
/* The connectivity test's pods: in namespaces without a name, which end with the process. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/connect/connectivity.h"
#include "loader/kernel/map.h"
#include "loader/net/netns.h"
#include "loader/pod/pod.h"
#include "loader/net/route.h"

static const char self[] = "/proc/thread-self/ns/net";

static int unshare_here(void *arg)
{
	int fd;

	(void)arg;
	if (unshare(CLONE_NEWNET))
		return -errno;
	fd = open(self, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Creates a namespace that only the returned descriptor keeps alive. */
static int netns_new(struct error *e)
{
	int home = open(self, O_RDONLY | O_CLOEXEC), fd;

	if (home < 0)
		return error_set(e, -errno, "%s: %s", self, strerror(errno));
	/* netns_call() returns to the old namespace. */
	fd = netns_call(home, unshare_here, NULL);
	close(home);
	return fd < 0 ? error_set(e, fd, "network namespace: cannot create one: %s", strerror(-fd)) : fd;
}

static int pod_make(struct context *node, struct netlink *nl, const char *pool, unsigned int number,
		    struct test_pod *pod, struct error *e)
{
	struct pod_request request = { .pool = pool, .pool_is_fixed = true };
	char id[64], netns[64];
	struct pod_result made;
	int err;

	snprintf(id, sizeof(id), "pinpool-test-%d-%u", getpid(), number);
	err = lease_owner_set(&pod->owner, id, "eth0", e);
	if (err)
		return err;
	pod->netns = netns_new(e);
	if (pod->netns < 0)
		return pod->netns;
	snprintf(netns, sizeof(netns), "/proc/%d/fd/%d", getpid(), pod->netns);
	request.owner = pod->owner;
	request.netns = netns;
	request.netns_fd = pod->netns;
	err = pod_add(node, nl, &request, &made, e);
	if (err) {
		/* A test pod will not be retried, so its demand must not count. */
		ipam_pending_clear(&node->pins, pod->owner.id);
		close(pod->netns);
		pod->netns = -1;
		return err;
	}
	for (int f = 0; f < FAMILIES; f++)
		if (made.ip[f].block)
			pod->ip[f] = made.ip[f].address;
	return 0;
}

static int pool_make(struct context *node, struct netlink *nl, unsigned int number,
		     struct test_pool *p, struct error *e)
{
	int err = 0;

	for (int i = 0; !err && i < TEST_PODS; i++)
		err = pod_make(node, nl, p->name, number * TEST_PODS + i, &p->pod[i], e);
	for (int f = 0; !err && f < FAMILIES; f++)
		if (!addr_is_zero(&p->pod[1].ip[f]))
			err = probe_server_open(&p->pod[1].server[f], p->pod[1].netns,
						&p->pod[1].ip[f], e);
	p->usable = !err;
	return err;
}

/* A pool without free addresses is not a fault of the network. */
static bool is_shortage(const struct context *node, const struct pool *pool, int err)
{
	bool lacks = false;

	for (int f = 0; f < FAMILIES; f++)
		lacks |= node->config.enabled[f] && pool->family[f].mask_length &&
			 !pool->family[f].blocks;
	return err == -ENOSPC || err == -EAFNOSUPPORT ||
	       (err == -ENOENT && node->config.allocator == NODE_ALLOCATOR_STATIC && lacks);
}

static void pool_init(struct test_pool *p, const struct pool *pool)
{
	snprintf(p->name, sizeof(p->name), "%s", pool->name);
	for (int i = 0; i < TEST_PODS; i++) {
		p->pod[i].netns = -1;
		for (int f = 0; f < FAMILIES; f++)
			p->pod[i].server[f] = (struct probe_server){ .fd = { -1, -1 } };
	}
}

int test_pools_make(struct context *node, struct netlink *nl, const volatile sig_atomic_t *stop,
		    struct test_pool **list, size_t *count, struct error *e)
{
	struct pool_entry *pools = NULL;
	struct error why;
	int err = ipam_pools(&node->pins, &pools, count, e);

	*list = xcalloc(*count ? *count : 1, sizeof(**list));
	for (size_t i = 0; !err && i < *count; i++)
		pool_init(&(*list)[i], &pools[i].pool);
	for (size_t i = 0; !err && i < *count; i++) {
		struct test_pool *p = &(*list)[i];
		int failure = 0;

		if (*stop)
			err = -EINTR;
		else if (pools[i].pool.state != POOL_ACTIVE)
			snprintf(p->reason, sizeof(p->reason), "terminating");
		else
			failure = pool_make(node, nl, i, p, &why);
		if (failure) {
			p->broken = !is_shortage(node, &pools[i].pool, failure);
			snprintf(p->reason, sizeof(p->reason), "%.255s", why.text);
		}
	}
	free(pools);
	return err;
}

int test_pools_remove(struct context *node, struct netlink *nl, struct test_pool *list, size_t count,
		      struct error *e)
{
	int first = 0;

	for (size_t i = 0; i < count; i++) {
		for (int k = 0; k < TEST_PODS; k++) {
			struct test_pod *pod = &list[i].pod[k];
			int err = 0;

			for (int f = 0; f < FAMILIES; f++)
				probe_server_close(&pod->server[f]);
			if (pod->netns < 0)
				continue;
			if (nl)
				err = pod_remove(node, nl, &pod->owner, first ? NULL : e);
			close(pod->netns);
			pod->netns = -1;
			first = first_error(first, err);
		}
	}
	return first;
}
