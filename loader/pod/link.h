/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A pod's interface: a veth pair with addresses, routes and neighbours on both sides. Every step is
 * repeatable, so the next creator completes the work of one that was killed anywhere.
 */
#ifndef PP_POD_LINK_H
#define PP_POD_LINK_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loader/base/error.h"
#include "loader/net/link.h"
#include "loader/net/netlink.h"
#include "loader/pod/alias.h"
#include "loader/pod/route.h" /* POD_GATEWAY_IPV4, POD_GATEWAY_IPV6 */
#include "maps/addr.h"

struct pod_link {
	struct pod_alias who;            /* owner, interface in the pod, generation, names */
	int netns;                       /* the pod's; a descriptor */
	uint8_t mac[6];                  /* of the pod's end: pod_link_mac() */
	uint32_t mtu;                    /* 0: 1500 */
	struct addr ip[FAMILIES];        /* all zero: none of this family */
	bool is_block[FAMILIES];         /* the address is a block of its own */
	bool endpoint_routes;            /* /32 and /128 routes on the host */
	bool shaped;                     /* another plugin will attach queues to the host's end */
	int program;                     /* attached before the pod can send; -1: none */
};

struct pod_link_made {
	uint32_t ifindex;    /* of the host's end */
	char name[IFNAMSIZ]; /* of the host's end */
	uint8_t mac[6];      /* of the pod's end */
	uint8_t host_mac[6];
	bool created;        /* false: it existed and was completed */
};

/* 02:70:70 and the slot: the MAC of a pod's packets (maps/pods.h). */
void pod_link_mac(uint32_t slot, uint8_t mac[6]);
/* The host's end of the interface @ifname of @owner: "pp" and 13 hex digits, always the same. */
void pod_link_name(const char *owner, const char *ifname, char name[IFNAMSIZ]);

/*
 * Creates the interface, or completes an existing one of the same owner and generation. One of an
 * older generation, or a partial one, is replaced. -EEXIST: a foreign device has the name, on the
 * host or in the pod. On failure nothing of a new interface stays.
 */
int pod_link_create(struct netlink *nl, const struct pod_link *spec, struct pod_link_made *made,
		    struct error *e);

/*
 * Removes the interface of @owner and @ifname: the device @ifindex (0: unknown) if its alias is of
 * this owner, and the device of that name. None: success. Both ends, routes, neighbours and the
 * program vanish with it.
 */
int pod_link_delete(struct netlink *nl, const char *owner, const char *ifname, uint32_t ifindex,
		    struct error *e);

/*
 * 0, or -ENOENT with the first missing part of pod_link_create()'s work. A spec->netns of -1 leaves
 * out the pod's side.
 */
int pod_link_check(struct netlink *nl, const struct pod_link *spec, uint32_t ifindex,
		   struct error *e);

enum pod_link_kind {
	POD_LINK_FOREIGN,
	POD_LINK_PARTIAL,  /* its creator was killed before it wrote the alias: only the name identifies it */
	POD_LINK_COMPLETE, /* has an alias of ours */
};

/* The kind of @link, and of a complete one *who. */
enum pod_link_kind pod_link_kind(const struct link *link, struct pod_alias *who);

#endif
