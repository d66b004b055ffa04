/* SPDX-License-Identifier: GPL-2.0-only */
/* Network devices by rtnetlink: look up, make veth pairs, change, remove. */
#ifndef PP_LINK_H
#define PP_LINK_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loader/base/error.h"
#include "loader/net/netlink.h"

#define LINK_ALIAS 256 /* the kernel's IFALIASZ: 255 bytes and NUL */

struct link {
	uint32_t ifindex;
	uint32_t peer;  /* a veth's other end: ifindex in its own namespace; 0: none */
	int peer_netns; /* that namespace's id here; -1: this one */
	uint32_t mtu;
	uint16_t type;  /* ARPHRD_* */
	bool up;
	bool xdp; /* has a program */
	uint8_t mac[6];
	char name[IFNAMSIZ];
	char kind[16];  /* "veth", "bridge", …; "" for hardware */
	char alias[LINK_ALIAS];
	char qdisc[16]; /* of what is sent: "noqueue", "tbf", … */
};

struct veth {
	const char *name;      /* here */
	const char *peer_name; /* in peer_netns */
	int peer_netns;
	const uint8_t *mac, *peer_mac;
	uint32_t mtu; /* of both; 0: the kernel's 1500 */
};

/* Looks up by name, or by index if @name is NULL. -ENODEV: none. */
int link_get(struct netlink *nl, const char *name, uint32_t ifindex, struct link *link,
	     struct error *e);
/* The other end of the veth @link, wherever it is; its .peer_netns is seen from there. */
int link_get_peer(struct netlink *nl, const struct link *link, struct link *peer, struct error *e);
/*
 * What is cheap with many pods: link_get() and link_list() of a veth search the ids of all other
 * ends' namespaces, 0.1 ms at 5,000. link_name() is false if there is no such device. The caller of
 * link_indexes() frees *list, all devices, not sorted.
 */
bool link_name(const struct netlink *nl, uint32_t ifindex, char name[IFNAMSIZ]);
/* Of the device @name in the namespace of the socket @fd; false: none. */
bool link_mac_mtu(int fd, const char *name, uint8_t mac[6], uint32_t *mtu);
int link_indexes(struct netlink *nl, uint32_t **list, size_t *count, struct error *e);
/* All devices, or those of @kind ("veth"; NULL: any). The caller frees *list. */
int link_list(struct netlink *nl, const char *kind, struct link **list, size_t *count,
	      struct error *e);

/*
 * Creates a veth pair. The peer is created in its namespace under its final name, so nothing is
 * moved or renamed later. Both ends are down. Reads the near end back into @link. -EEXIST if either
 * name exists already: then @link is the device with the near name (ifindex 0: none).
 */
int link_create_veth(struct netlink *nl, const struct veth *veth, struct link *link,
		     struct error *e);

/* Changes of a device; zero: unchanged. */
struct link_change {
	bool up;
	uint32_t mtu;
	const char *alias;
	bool no_rp_filter;      /* IPv4: no reverse path filter */
	bool no_ipv6_link_local; /* the kernel adds no fe80:: address by itself */
};

/* These queue (netlink.h). */
void link_set(struct netlink *nl, uint32_t ifindex, const struct link_change *change);
void link_delete(struct netlink *nl, uint32_t ifindex); /* none: success */

/* Whether @name has the form of the host's end of a pod's veth (pod/link.h): "pp" and 13 hex digits. */
bool link_has_pod_name(const char *name);

#endif
