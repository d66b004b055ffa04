/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Creation of a pod: pools chosen, addresses leased, interface created, published; and the reverse.
 * `attach`, `alloc` and pinpool-cni are thin wrappers. The caller holds the root's lock at least
 * shared and is in the node's network namespace.
 */
#ifndef PP_POD_H
#define PP_POD_H

#include <jansson.h>
#include <net/if.h>

#include "loader/kernel/context.h"
#include "loader/net/netlink.h"
#include "maps/leases.h"

struct lease_entry;

struct pod_request {
	struct lease_owner owner;
	const char *netns;           /* the caller's name of it; NULL: only addresses (`alloc`) */
	int netns_fd;                /* the same, open */
	const char *namespace, *name; /* NULL or "": a plain container */
	const char *uid;             /* of the pod; NULL: unknown */
	const char *network;         /* CNI's name of it; NULL: none */
	const json_t *annotations, *labels; /* may be NULL; of a managed node's pod: the agent knows them */
	bool known_labels;           /* false: the caller cannot know the pod's labels */
	const char *pool;            /* the network's own default pool; NULL: the node's */
	bool pool_is_fixed;          /* `alloc --pool`: annotations and selectors are ignored */
	struct addr requested[FAMILIES]; /* requested; all zero: any */
	const uint8_t *mac;          /* requested for the pod; NULL: ours */
	uint32_t mtu;                /* 0: the node's */
	uint32_t flags;              /* enum pod_flags */
};

#define POD_NOTE 512

/* What a managed node lacked for the pod, and what its agent or its operator may bring. */
enum pod_awaits {
	POD_AWAITS_NOTHING,
	POD_AWAITS_NAMESPACE,
	POD_AWAITS_METADATA, /* labels or annotations of the pod */
	POD_AWAITS_BLOCK,
};

struct pod_result {
	struct lease_ip ip[FAMILIES];
	char host_ifname[IFNAMSIZ];
	uint8_t mac[6], host_mac[6];
	char note[POD_NOTE]; /* "": a family that the pool lacks, reported once */
	enum pod_awaits awaits; /* after an error */
	uint64_t generation;    /* of pp_ipam, before the attempt */
};

/*
 * 0, or -errno with a sentence: -ENOENT pool not (yet) available, -ENOSPC exhausted, -EADDRINUSE
 * and -EADDRNOTAVAIL the requested address, -EBUSY another process creates the pod, -EAGAIN the namespace
 * or the pod is not known on this managed node. Nothing of a failed pod stays but its pending demand.
 */
int pod_add(struct context *node, struct netlink *nl, const struct pod_request *request,
	    struct pod_result *result, struct error *e);

/*
 * After a failed attempt on a managed node: waits until another one is worth it, at most until @deadline.
 * @node must hold no lock. False: in vain.
 */
uint64_t pod_deadline(uint32_t seconds);
bool pod_await(struct context *node, const struct pod_request *request, const struct pod_result *failed,
	       uint64_t deadline);

/* Removes interface and addresses; unknown: success. @nl may be NULL for leases without interface. */
int pod_remove(struct context *node, struct netlink *nl, const struct lease_owner *owner,
	       struct error *e);

/*
 * Removes a lease of this generation (0: any): unpublished, interface removed, addresses free. In
 * this order it can be interrupted anywhere and repeated.
 */
int pod_teardown(struct context *node, struct netlink *nl, const struct lease_owner *owner,
		  uint32_t generation, struct error *e);

/*
 * The same for a runtime's DEL. A named pod that is only some seconds old counts as a failed
 * attempt of a pod that will be retried (blocks_balance_failed()).
 */
int pod_remove_attempt(struct context *node, struct netlink *nl, const struct lease_owner *owner,
		       struct error *e);

/*
 * Whether the creator of @l died before it was done. The list that @l is of may be old: a creator
 * that has finished does not count.
 */
bool pod_is_abandoned(struct context *node, const struct lease_entry *l);

/* Cleans up after crashes and administrators. Counts in *freed. */
int pod_gc(struct context *node, struct netlink *nl, unsigned int *freed, struct error *e);

/*
 * Moves some of the pods that are @age seconds old and have a filter to tcx (tc.h), if the kernel
 * has it; repeated calls move all. The root's shared lock is enough: pods come and go meanwhile.
 */
int pods_move_to_tcx(struct context *node, struct netlink *nl, unsigned int age, struct error *e);

/* Updates derived maps and routes if a killed process left them behind its blocks. */
int pod_repair(struct context *node, struct error *e);

#endif
