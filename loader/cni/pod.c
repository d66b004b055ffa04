// SPDX-License-Identifier: GPL-2.0-only
/* ADD and DEL. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "loader/cni/result.h"
#include "loader/cni/session.h"
#include "loader/pod/pod.h"
#include "loader/pod/link.h"
#include "maps/pods.h"

static void fill_request(struct pod_request *request, const struct cni_request *r, int netns)
{
	static const uint8_t no_mac[6];

	*request = (struct pod_request){
		.owner = cni_owner(r),
		.netns = r->netns,
		.netns_fd = netns,
		.namespace = r->namespace,
		.name = r->pod,
		.uid = r->uid[0] ? r->uid : NULL,
		.network = r->network,
		.annotations = r->annotations,
		.pool = r->pool,
		.mac = memcmp(r->mac, no_mac, sizeof(no_mac)) ? r->mac : NULL,
		.mtu = r->mtu,
		.flags = (r->host_ports ? POD_BY_STACK : 0) | (r->shaped ? POD_SHAPED : 0),
	};
	memcpy(request->requested, r->requested, sizeof(request->requested));
}

/* One attempt, under the root's lock. */
static enum cni_code try_add(const struct cni_request *r, const struct pod_request *request,
			     struct pod_result *pod, json_t **result, struct error *e)
{
	enum cni_code code;
	struct cni_session s;
	int err = cni_open(&s, r, e);

	pod->awaits = POD_AWAITS_NOTHING;
	if (!err)
		err = cni_open_pins(&s, e);
	if (err) {
		code = err == -ENOENT ? CNI_NODE_NOT_UP : cni_code_of(err);
	} else {
		code = cni_code_of(pod_add(&s.node, s.nl, request, pod, e));
		if (!code)
			*result = cni_result(r, pod, r->mtu ? r->mtu : s.node.config.mtu);
	}
	cni_close(&s);
	return code;
}

/* Waits without a lock until the missing object or block is there; false: it timed out. */
static bool await(const struct cni_request *r, const struct pod_request *request, const struct pod_result *failed,
		  uint64_t deadline)
{
	struct context node;
	bool came;

	/* the next attempt reports errors of the node */
	if (!failed->awaits || context_open(&node, r->root, ROOT_UNLOCKED, NULL))
		return failed->awaits;
	came = pod_await(&node, request, failed, deadline);
	context_close(&node);
	return came;
}

enum cni_code cni_add(const struct cni_request *r, json_t **result, struct error *e)
{
	uint64_t deadline = pod_deadline(r->wait);
	struct pod_request request;
	struct pod_result pod = {};
	enum cni_code code;
	int netns = cni_open_netns(r, &code, e);

	*result = NULL;
	if (netns < 0)
		return code;
	fill_request(&request, r, netns);
	do
		code = try_add(r, &request, &pod, result, e);
	while (code && await(r, &request, &pod, deadline));
	close(netns);
	return code;
}

/* Finds the interface by its name alone, without a node or a lease. */
static int remove_link(const struct cni_request *r, struct netlink *nl, struct error *e)
{
	struct netlink *own = NULL;
	int err = nl ? 0 : netlink_open(&own, -1, e);

	if (!err)
		err = pod_link_delete(nl ? nl : own, r->container, r->ifname, 0, e);
	netlink_close(own);
	return err;
}

enum cni_code cni_del(const struct cni_request *r, struct error *e)
{
	struct lease_owner owner = cni_owner(r);
	struct cni_session s;
	int err = cni_open(&s, r, e);

	if (!err)
		err = pod_remove_attempt(&s.node, s.nl, &owner, e);
	/*
	 * Not up, or pins were removed by hand: `up` repairs them, and gc then frees the lease,
	 * whose interface is gone.
	 */
	if (!err || err == -ENOENT)
		err = remove_link(r, s.nl, e);
	cni_close(&s);
	return cni_code_of(err);
}
