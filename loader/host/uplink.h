/* SPDX-License-Identifier: GPL-2.0-only */
/* The interfaces by which pods leave the node: chosen, attached, compared with the routes. */
#ifndef PP_UPLINK_LOADER_H
#define PP_UPLINK_LOADER_H

#include "loader/net/link.h"
#include "loader/net/netlink.h"
#include "loader/kernel/context.h"
#include "loader/net/tc.h"
#include "maps/uplinks.h"

/* One entry of pp_uplinks. */
struct uplink_entry {
	uint32_t ifindex;
	struct uplink uplink;
};

/* The caller frees *list. */
int uplinks_read(struct context *node, struct uplink_entry **list, size_t *count, struct error *e);
/* The entry of @ifindex, NULL if there is none. */
const struct uplink_entry *uplink_find(const struct uplink_entry *list, size_t count,
				       uint32_t ifindex);

/* The path of an uplink's pinned tcx link: <root>/v<ABI>/link/<ifname>_in or _out ('.' becomes '_'). */
void uplink_pin(const struct context *node, const char *ifname, enum tc_direction direction,
		char *path, size_t size);

enum uplink_program {
	UPLINK_ATTACHED,
	UPLINK_DETACHED, /* no program of ours */
	UPLINK_OTHER,    /* another one than the pinned one */
};

/* The program of @ifindex, named @ifname, at a hook: an enum uplink_program or -errno. */
int uplink_program(struct context *node, struct netlink *nl, uint32_t ifindex, const char *ifname,
		   enum tc_direction direction, struct error *e);

struct uplink_choice {
	struct link list[UPLINKS_MAX];
	size_t count;
};

/*
 * Chooses the interfaces that `devices` names, or else those with a default route. -ENODEV with a
 * sentence if `devices` names one that does not exist or has no Ethernet header; the others are
 * chosen. An interface with a default route but no Ethernet header is left out, because it cannot
 * masquerade.
 */
int uplinks_choose(struct netlink *nl, const struct options *options, struct uplink_choice *choice,
		   struct error *e);

enum uplinks_flags {
	UPLINKS_LOAD_TIME = 1, /* `up`: attaches or detaches the XDP guard */
	UPLINKS_KEEP = 2,      /* uplinks without a default route stay for now */
};

struct uplinks_result {
	size_t count;         /* attached */
	unsigned int changes; /* number of changes on the host or in pp_uplinks */
};

/*
 * Attaches the programs to the chosen uplinks, detaches those that are gone, renamed or not chosen
 * any more, and updates pp_uplinks and node->config (address, mtu; not written to the map). A
 * failed one does not stop the others; the first error is returned.
 */
int uplinks_attach(struct context *node, struct netlink *nl, const struct options *options,
		   unsigned int flags, struct uplinks_result *result, struct error *e);
int uplinks_detach(struct context *node, struct netlink *nl, struct error *e);

/* Receives the differences. */
struct uplink_report {
	void (*problem)(const char *text, void *arg);
	void (*note)(const char *text, void *arg); /* NULL: without notes */
	void *arg;
};

/* Compares the attached uplinks with the expected ones: links, programs, addresses, the choice. */
void uplinks_compare(struct context *node, struct netlink *nl, const struct options *options,
		     const struct uplink_report *report);
/*
 * Reports routes past the uplinks, on which packets of pods that need masquerading are dropped: a
 * default or similarly broad route is a problem, others are notes.
 */
void uplinks_bypassed(struct context *node, struct netlink *nl, const struct options *options,
		      const struct uplink_report *report);

#endif
