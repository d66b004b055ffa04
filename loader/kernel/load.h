/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loads the programs of bpf/ and pins them and their maps. On a running node the pinned maps are
 * reused, and each program replaces its predecessor in one step.
 */
#ifndef PP_LOAD_H
#define PP_LOAD_H

#include "loader/options/options.h"
#include "loader/kernel/pins.h"
#include "maps/datapath.h"

/* Differences between kernels, found by probing, never by version. */
struct features {
	bool tcx;
	bool fib_skip_neigh; /* BPF_FIB_LOOKUP_SKIP_NEIGH */
	bool fib_source;     /* BPF_FIB_LOOKUP_SRC */
	enum buffer_access buffer_access; /* how offloads of pods' packets are checked */
	bool xdp_chain;      /* libxdp's dispatcher: several XDP programs on a device */
	bool map_memory;     /* the kernel reports the present memory of maps, not only the maximum */
	unsigned int hz;     /* timer ticks a second */
};

#define FIB_LOOKUP_SKIP_NEIGH (1U << 2)
#define FIB_LOOKUP_SRC (1U << 4)

/* Probed once in a process. Needs root. */
const struct features *features(void);

/* Loads the transactions and all maps that they need; independent of options. */
int load_ipam(struct pins *pins, struct error *e);

/*
 * Loads the datapath's programs for @options. A flow table of another size is recreated and its
 * flows are lost (*resized). Attached pods use the new program at once. 0 or -errno with a
 * sentence.
 */
int load_datapath(struct pins *pins, const struct options *options, bool *resized, struct error *e);

/* The XDP guard's object with constants and maps, for libxdp to load. NULL with errno and a sentence. */
struct bpf_object;
struct bpf_object *load_open_guard(struct pins *pins, const struct options *options,
				   struct error *e);

#endif
