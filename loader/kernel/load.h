/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loading the programs of bpf/ and pinning them and their maps. On a running node the maps that are
 * pinned are taken as they are, and each program replaces the one before it in one step.
 */
#ifndef PP_LOAD_H
#define PP_LOAD_H

#include "loader/options/options.h"
#include "loader/kernel/pins.h"
#include "maps/datapath.h"

/* What differs between kernels, found out by trying, never by version. */
struct features {
	bool tcx;
	bool fib_skip_neigh; /* BPF_FIB_LOOKUP_SKIP_NEIGH */
	bool fib_source;     /* BPF_FIB_LOOKUP_SRC */
	enum buffer_access buffer_access; /* what offloads of pods' packets are checked by */
	bool xdp_chain;      /* libxdp's dispatcher: several XDP programs on a device */
	bool map_memory;     /* what maps take now is told; else what they take once they are full */
	unsigned int hz;     /* timer ticks a second */
};

#define FIB_LOOKUP_SKIP_NEIGH (1U << 2)
#define FIB_LOOKUP_SRC (1U << 4)

/* Probed once in a process. Needs root. */
const struct features *features(void);

/* The transactions and all maps that they need; no options matter here. */
int load_ipam(struct pins *pins, struct error *e);

/*
 * The packets' programs for @options; a flow table of another size is made anew (its flows are forgotten:
 * *resized says so). What is attached to pods takes the new program at once. 0 or -errno with a sentence.
 */
int load_datapath(struct pins *pins, const struct options *options, bool *resized, struct error *e);

/* The guard's object, configured and with its maps, for libxdp to load. NULL with errno and a sentence. */
struct bpf_object;
struct bpf_object *load_open_guard(struct pins *pins, const struct options *options,
				   struct error *e);

#endif
