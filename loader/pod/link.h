/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A pod's interface: a veth pair with addresses, routes and neighbours on both sides. Every step
 * can be repeated, so a maker that was killed anywhere is followed by one that makes it whole.
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
	bool shaped;                     /* another plugin will put queues on the host's end */
	int program;                     /* attached before the pod can send; -1: none */
};

struct pod_link_made {
	uint32_t ifindex;    /* of the host's end */
	char name[IFNAMSIZ]; /* of the host's end */
	uint8_t mac[6];      /* of the pod's end */
	uint8_t host_mac[6];
	bool created;        /* false: it was there already, and was made whole */
};

/* 02:70:70 and the slot: what a pod's packets carry (maps/pods.h). */
void pod_link_mac(uint32_t slot, uint8_t mac[6]);
/* The host's end of the interface @ifname of @owner: "pp" and 13 hex digits, the same for ever. */
void pod_link_name(const char *owner, const char *ifname, char name[IFNAMSIZ]);

/*
 * Makes the interface, or makes an existing one of the same owner and generation whole. One of an
 * older generation, or half made, is replaced. -EEXIST: a foreign device has the name, on the host
 * or in the pod. On failure nothing of a new interface stays.
 */
int pod_link_create(struct netlink *nl, const struct pod_link *spec, struct pod_link_made *made,
		    struct error *e);

/*
 * Removes the interface of @owner and @ifname: the device @ifindex (0: unknown) if its alias says
 * it is ours, and the device of that name. Gone already: success. Both ends, routes, neighbours and
 * the program go with it.
 */
int pod_link_delete(struct netlink *nl, const char *owner, const char *ifname, uint32_t ifindex,
		    struct error *e);

/*
 * 0, or -ENOENT with the first thing that pod_link_create made and that is not there any more. A
 * spec->netns of -1 leaves out the pod's side.
 */
int pod_link_check(struct netlink *nl, const struct pod_link *spec, uint32_t ifindex,
		   struct error *e);

enum pod_link_kind {
	POD_LINK_FOREIGN,
	POD_LINK_HALF,  /* its maker was killed before it wrote the alias: only the name tells */
	POD_LINK_WHOLE, /* has an alias of ours */
};

/* What @link is, and of a whole one *who. */
enum pod_link_kind pod_link_kind(const struct link *link, struct pod_alias *who);

struct pod_link_entry {
	uint32_t ifindex;
	char name[IFNAMSIZ];
	enum pod_link_kind kind; /* HALF: alias is empty */
	struct pod_alias alias;
};

/* All pod interfaces of this namespace, by their aliases. The caller frees *list. */
int pod_link_list(struct netlink *nl, struct pod_link_entry **list, size_t *count,
		  struct error *e);

#endif
