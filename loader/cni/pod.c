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

static enum cni_code add(struct cni_session *s, const struct cni_request *r, int netns,
			 json_t **result, struct error *e)
{
	static const uint8_t no_mac[6];
	struct pod_request request = {
		.owner = cni_owner(r),
		.netns = r->netns,
		.netns_fd = netns,
		.namespace = r->namespace,
		.name = r->pod,
		.network = r->network,
		.annotations = r->annotations,
		.pool = r->pool,
		.mac = memcmp(r->mac, no_mac, sizeof(no_mac)) ? r->mac : NULL,
		.mtu = r->mtu,
		.flags = (r->host_ports ? POD_BY_STACK : 0) | (r->shaped ? POD_SHAPED : 0),
	};
	struct pod_result pod;
	int err;

	memcpy(request.requested, r->requested, sizeof(request.requested));
	err = pod_add(&s->node, s->nl, &request, &pod, e);
	if (!err)
		*result = cni_result(r, &pod, r->mtu ? r->mtu : s->node.config.mtu);
	return cni_code_of(err);
}

enum cni_code cni_add(const struct cni_request *r, json_t **result, struct error *e)
{
	struct cni_session s;
	enum cni_code code;
	int netns = cni_open_netns(r, &code, e), err;

	*result = NULL;
	if (netns < 0)
		return code;
	err = cni_open(&s, r, e);
	if (!err)
		err = cni_open_pins(&s, e);
	if (err)
		code = err == -ENOENT ? CNI_NODE_NOT_UP : cni_code_of(err);
	else
		code = add(&s, r, netns, result, e);
	cni_close(&s);
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
