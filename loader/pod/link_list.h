/* SPDX-License-Identifier: GPL-2.0-only */
/* The pods' interfaces of this namespace, by their aliases. */
#ifndef PP_POD_LINK_LIST_H
#define PP_POD_LINK_LIST_H

#include "loader/ipam/transactions.h"
#include "loader/pod/link.h"

struct pod_link_entry {
	uint32_t ifindex;
	char name[IFNAMSIZ];
	enum pod_link_kind kind; /* PARTIAL: alias is empty */
	struct pod_alias alias;
};

/* All. With thousands of pods it takes long (net/link.h). The caller frees *list. */
int pod_link_list(struct netlink *nl, struct pod_link_entry **list, size_t *count, struct error *e);

/*
 * Whether the interface of the bound lease @l exists: under its index and recorded name, or renamed,
 * with its alias.
 */
bool pod_link_exists(struct netlink *nl, const struct lease_entry *l);
/* All that are not the interface of one of the bound @leases. The caller frees *list. */
int pod_link_list_others(struct netlink *nl, const struct lease_entry *leases, size_t lease_count,
			 struct pod_link_entry **list, size_t *count, struct error *e);

#endif
