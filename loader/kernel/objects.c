// SPDX-License-Identifier: GPL-2.0-only
/* The skeletons that bpftool generated: each object opened, and its constants set by their type. */
#include <linux/types.h>

#include "loader/kernel/objects.h"
#include "maps/config.h"
#include "maps/txn.h"
#include "chain.skel.h"
#include "clock.skel.h"
#include "flows.skel.h"
#include "guard.skel.h"
#include "ipam.skel.h"
#include "pod.skel.h"
#include "services.skel.h"
#include "sockets.skel.h"
#include "uplink.skel.h"

/* Frees the skeleton and keeps its object. */
#define OPEN(name, configure)                                                                      \
	static struct bpf_object *open_##name(const struct datapath_config *cfg)                   \
	{                                                                                          \
		struct name *skeleton = name##__open();                                            \
		struct bpf_object *object = skeleton ? skeleton->obj : NULL;                       \
                                                                                                   \
		if (object && cfg)                                                                 \
			configure;                                                                 \
		if (object) {                                                                      \
			skeleton->obj = NULL;                                                      \
			name##__destroy(skeleton);                                                 \
		}                                                                                  \
		return object;                                                                     \
	}

OPEN(ipam, (void)0)
OPEN(chain, (void)0)
OPEN(clock, (void)0)
OPEN(services, (void)0)
OPEN(sockets, skeleton->rodata->config = cfg->sockets)
OPEN(pod, skeleton->rodata->cfg = *cfg)
OPEN(uplink, skeleton->rodata->cfg = *cfg)
OPEN(flows, skeleton->rodata->cfg = *cfg)
OPEN(guard, skeleton->rodata->cfg = *cfg)

const struct object_file ipam_files[] = {
	{ "ipam", open_ipam },
	{},
};

const struct object_file datapath_files[] = {
	{ "services", open_services },
	{ "sockets", open_sockets },
	{ "pod", open_pod },
	{ "uplink", open_uplink },
	{ "flows", open_flows },
	{},
};

const struct object_file guard_file = { "guard", open_guard };
const struct object_file clock_file = { "clock", open_clock };
const struct object_file chain_file = { "chain", open_chain };
