// SPDX-License-Identifier: GPL-2.0-only
/* The objects as bpftool wrapped them; only their bytes are used. */
#include <linux/types.h>

#include "loader/kernel/objects.h"
#include "maps/config.h"
#include "maps/datapath.h"
#include "maps/txn.h"
#include "chain.skel.h"
#include "clock.skel.h"
#include "flows.skel.h"
#include "guard.skel.h"
#include "ipam.skel.h"
#include "pod.skel.h"
#include "uplink.skel.h"

const struct object_file ipam_files[] = {
	{ "ipam", ipam__elf_bytes },
	{},
};

const struct object_file datapath_files[] = {
	{ "pod", pod__elf_bytes },
	{ "uplink", uplink__elf_bytes },
	{ "flows", flows__elf_bytes },
	{},
};

const struct object_file guard_file = { "guard", guard__elf_bytes };
const struct object_file clock_file = { "clock", clock__elf_bytes };
const struct object_file chain_file = { "chain", chain__elf_bytes };
