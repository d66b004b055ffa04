// SPDX-License-Identifier: GPL-2.0-only
/* The node and the network namespace of a call, opened; errors as the specification's codes. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "loader/cni/session.h"
#include "loader/net/netns.h"
#include "maps/leases.h"

enum cni_code cni_code_of(int err)
{
	switch (err < 0 ? -err : err) {
	case 0:
		return CNI_OK;
	case ENOENT:
	case EAFNOSUPPORT: /* the pool exists without this family */
		return CNI_NO_POOL;
	case ENOSPC:
		return CNI_EXHAUSTED;
	case EADDRINUSE:
	case EADDRNOTAVAIL:
		return CNI_NO_ADDRESS;
	case EXDEV:
		return CNI_NODE_NOT_UP;
	case EUCLEAN:
		return CNI_OTHER_ABI;
	case EDQUOT:
		return CNI_UNLISTED;
	case EINVAL:
		return CNI_BAD_CONFIG;
	case EAGAIN:
	case EBUSY:
	case ECANCELED:
	case ETIMEDOUT:
		return CNI_TRY_AGAIN;
	default:
		return CNI_INTERNAL;
	}
}

int cni_open(struct cni_session *s, const struct cni_request *r, struct error *e)
{
	int err;

	s->nl = NULL;
	err = context_open(&s->node, r->root, ROOT_SHARED, e);
	if (!err)
		err = context_check_netns(&s->node, e);
	return err ? err : netlink_open(&s->nl, -1, e);
}

void cni_close(struct cni_session *s)
{
	netlink_close(s->nl);
	context_close(&s->node);
}

int cni_open_pins(struct cni_session *s, struct error *e)
{
	static const enum pinned_map maps[] = { PIN_IPAM, PIN_LEASES, PIN_POOL_IDS, PIN_POOLS,
						PIN_BLOCKS, PIN_PENDING };
	static const enum pinned_prog progs[] = { PROG_LEASE, PROG_BIND, PROG_POD_ENTRY };
	struct pins *pins = &s->node.pins;
	int fd;

	for (unsigned int i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		fd = pins_map(pins, maps[i]);
		if (fd < 0)
			return pins_error(pins, pinned_map_names[maps[i]], fd, e);
	}
	for (unsigned int i = 0; i < sizeof(progs) / sizeof(progs[0]); i++) {
		fd = pins_prog(pins, progs[i]);
		if (fd < 0)
			return pins_error(pins, pinned_prog_names[progs[i]], fd, e);
	}
	return 0;
}

int cni_open_netns(const struct cni_request *r, enum cni_code *code, struct error *e)
{
	int fd = netns_open(r->netns, e);

	if (fd < 0) {
		*code = error_wrap(e, CNI_BAD_ENVIRONMENT, "CNI_NETNS");
		return -1;
	}
	if (!netns_same(fd, -1))
		return fd;
	close(fd);
	*code = error_set(e, CNI_BAD_ENVIRONMENT,
			  "CNI_NETNS: %s is the node's own network namespace; give the container's",
			  r->netns);
	return -1;
}

struct lease_owner cni_owner(const struct cni_request *r)
{
	struct lease_owner owner = {};

	/* cni_request_parse() has checked that both fit. */
	snprintf(owner.id, sizeof(owner.id), "%s", r->container);
	snprintf(owner.ifname, sizeof(owner.ifname), "%s", r->ifname);
	return owner;
}
