/* SPDX-License-Identifier: GPL-2.0-only */
/* The interfaces that pods leave by: chosen, attached, compared with the routes. */
#ifndef PP_UPLINK_LOADER_H
#define PP_UPLINK_LOADER_H

#include "loader/net/link.h"
#include "loader/net/netlink.h"
#include "loader/kernel/context.h"
#include "loader/net/tc.h"
#include "maps/uplinks.h"

/* One of pp_uplinks. */
struct uplink_entry {
	uint32_t ifindex;
	struct uplink uplink;
};

/* The caller frees *list. */
int uplinks_read(struct node *node, struct uplink_entry **list, size_t *count, struct error *e);
/* The entry of @ifindex, NULL if there is none. */
const struct uplink_entry *uplink_find(const struct uplink_entry *list, size_t count,
				       uint32_t ifindex);

/* Where an uplink's tcx link is pinned: <root>/v<ABI>/link/<ifname>_in or _out ('.' becomes '_'). */
void uplink_pin(const struct node *node, const char *ifname, enum tc_direction direction,
		char *path, size_t size);

enum uplink_program {
	UPLINK_ATTACHED,
	UPLINK_DETACHED, /* no program of ours */
	UPLINK_OTHER,    /* not the one that is pinned */
};

/* What @ifindex, which is called @ifname, has at a hook: an enum uplink_program or -errno. */
int uplink_program(struct node *node, struct netlink *nl, uint32_t ifindex, const char *ifname,
		   enum tc_direction direction, struct error *e);

struct uplink_choice {
	struct link list[UPLINKS_MAX];
	size_t count;
};

/*
 * The interfaces that `devices` names, or else those with a default route. -ENODEV with a sentence
 * if `devices` names one that does not exist or has no Ethernet header; the others are chosen. One
 * with a default route and no Ethernet header is left out: nothing could be masqueraded there.
 */
int uplinks_choose(struct netlink *nl, const struct options *options, struct uplink_choice *choice,
		   struct error *e);

enum uplinks_flags {
	UPLINKS_LOAD_TIME = 1, /* `up`: the XDP guard on or off */
	UPLINKS_KEEP = 2,      /* those that lost their default route stay, if only for the moment */
};

struct uplinks_result {
	size_t count;         /* attached */
	unsigned int changes; /* what had to be changed on the host or in pp_uplinks */
};

/*
 * Attaches the programs to the chosen uplinks, detaches those that are gone, renamed or not chosen
 * any more, and writes pp_uplinks and node->config (address, mtu; not written to the map). One that
 * fails does not stop the others; the first error is returned.
 */
int uplinks_attach(struct node *node, struct netlink *nl, const struct options *options,
		   unsigned int flags, struct uplinks_result *result, struct error *e);
int uplinks_detach(struct node *node, struct netlink *nl, struct error *e);

/* Is told what differs. */
struct uplink_report {
	void (*problem)(const char *text, void *arg);
	void (*note)(const char *text, void *arg); /* NULL: notes are not wanted */
	void *arg;
};

/* Compares the attached uplinks with what they must be: links, programs, addresses, the choice. */
void uplinks_compare(struct node *node, struct netlink *nl, const struct options *options,
		     const struct uplink_report *report);
/*
 * The routes past the uplinks that packets of pods to be masqueraded would take, and are dropped: a
 * route to about everything is a problem, others are notes.
 */
void uplinks_bypassed(struct node *node, struct netlink *nl, const struct options *options,
		      const struct uplink_report *report);

#endif
