// SPDX-License-Identifier: GPL-2.0-only
/* What happens on this host: links, addresses and routes change, pods lack a block, crashes leave things behind. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loader/base/memory.h"
#include "loader/kube/agent.h"
#include "loader/net/route.h"
#include "loader/node/node.h"

#define SETTLE_MS 100       /* changes of links come in groups */
#define REPAIR_MS 1000      /* at least between two repairs, however much changes */
#define COLLECT_MS 60000

struct host {
	struct agent *agent;
	int netlink;                /* its notifications */
	struct ring_buffer *demand; /* pp_demand; NULL until the node is up */
	struct timer repair, collect;
	uint64_t repaired;          /* loop_now() */
};

/* The node, with what it needs to be repaired; false: there is none. */
static bool open_node(struct agent *a, struct context *node, struct netlink **nl)
{
	struct error e;
	int err;

	*nl = NULL;
	err = context_open(node, a->root, ROOT_SHARED, &e);
	/* of an earlier agent, until the API server is there: the host is followed meanwhile */
	if (err && !a->is_up)
		return false;
	if (err) {
		log_line("%s", e.text);
		if (err == -ENOENT) /* taken down under us: begin anew */
			loop_stop(a->loop, 1);
		return false;
	}
	if (context_check_netns(node, &e) || netlink_open(nl, -1, &e)) {
		log_line("%s", e.text);
		context_close(node);
		return false;
	}
	return true;
}

static void set_trouble(struct agent *a, const struct error *e)
{
	const char *text = e ? e->text : "";

	if (!strcmp(a->trouble, text))
		return;
	if (*text)
		log_line("%s", text);
	snprintf(a->trouble, sizeof(a->trouble), "%s", text);
	report_soon(a);
}

static void repair(void *arg)
{
	struct host *h = arg;
	struct context node;
	struct netlink *nl;
	struct repair r;

	h->repaired = loop_now();
	if (!open_node(h->agent, &node, &nl))
		return;
	if (!repair_node(&node, nl, &r))
		set_trouble(h->agent, NULL);
	for (int part = 0; part < REPAIR_PARTS; part++)
		if (r.failed[part])
			set_trouble(h->agent, &r.errors[part]);
	if (r.changes)
		own_look(h->agent); /* the node's address may be another */
	netlink_close(nl);
	context_close(&node);
}

static void collect(void *arg)
{
	struct host *h = arg;
	struct collected c;
	struct context node;
	struct netlink *nl;

	timer_start(h->agent->loop, &h->collect, COLLECT_MS, collect, h);
	if (!open_node(h->agent, &node, &nl))
		return;
	node_collect(&node, nl, TCX_AFTER, &c);
	set_trouble(h->agent, c.error_count ? &c.errors[0] : NULL);
	netlink_close(nl);
	context_close(&node);
	conflist_keep(h->agent);
	own_look(h->agent);
}

/* Routes of ours and of the kernel's local table change with each pod; what else changes may concern the node. */
static bool is_foreign(const struct nlmsghdr *m)
{
	const struct rtmsg *route = NLMSG_DATA(m);

	if (m->nlmsg_type == RTM_NEWROUTE || m->nlmsg_type == RTM_DELROUTE)
		return route->rtm_protocol != ROUTE_PROTOCOL && route->rtm_table != RT_TABLE_LOCAL;
	return true;
}

static void notified(void *arg, int fd, uint32_t events)
{
	struct host *h = arg;
	char buffer[16384] __attribute__((aligned(NLMSG_ALIGNTO)));
	bool foreign = false;
	uint64_t wait;
	ssize_t n;

	(void)events;
	while ((n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT)) > 0)
		for (struct nlmsghdr *m = (void *)buffer; NLMSG_OK(m, n); m = NLMSG_NEXT(m, n))
			foreign |= is_foreign(m);
	foreign |= n < 0 && errno == ENOBUFS; /* some were lost */
	if (!foreign || h->repair.at)
		return;
	wait = h->repaired + REPAIR_MS > loop_now() ? h->repaired + REPAIR_MS - loop_now() : 0;
	timer_start(h->agent->loop, &h->repair, wait > SETTLE_MS ? wait : SETTLE_MS, repair, h);
}

static int handle_demand(void *arg, void *data, size_t size)
{
	(void)data;
	(void)size;
	own_look(arg); /* pp_pending has who still waits */
	return 0;
}

static void demanded(void *arg, int fd, uint32_t events)
{
	struct host *h = arg;

	(void)fd, (void)events;
	ring_buffer__consume(h->demand);
}

void host_follow_demand(struct agent *a)
{
	struct host *h = a->host;
	int map = pins_map(&a->reader.pins, PIN_DEMAND);

	if (h->demand) {
		loop_unwatch(a->loop, ring_buffer__epoll_fd(h->demand));
		ring_buffer__free(h->demand);
	}
	h->demand = map < 0 ? NULL : ring_buffer__new(map, handle_demand, a, NULL);
	if (h->demand)
		loop_watch(a->loop, ring_buffer__epoll_fd(h->demand), EPOLLIN, demanded, h);
	else
		log_line("pp_demand cannot be read; demand is met by the next look, within seconds");
}

int host_start(struct agent *a, struct error *e)
{
	const struct sockaddr_nl groups = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE,
	};
	struct host *h = xcalloc(1, sizeof(*h));

	a->host = h;
	h->agent = a;
	h->netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (h->netlink < 0 || bind(h->netlink, (const struct sockaddr *)&groups, sizeof(groups)))
		return error_set(e, -errno, "netlink notifications: %s", strerror(errno));
	loop_watch(a->loop, h->netlink, EPOLLIN, notified, h);
	timer_start(a->loop, &h->collect, COLLECT_MS, collect, h);
	return 0;
}

void host_stop(struct agent *a)
{
	struct host *h = a->host;

	if (!h)
		return;
	if (h->demand)
		ring_buffer__free(h->demand);
	if (h->netlink >= 0)
		close(h->netlink);
	free(h);
}
