/* SPDX-License-Identifier: GPL-2.0-only */
/* The compiled programs of bpf/, which this binary carries. */
#ifndef PP_OBJECT_FILES_H
#define PP_OBJECT_FILES_H

#include <bpf/libbpf.h>

#include "maps/datapath.h"

struct object_file {
	const char *name;
	/*
	 * Opens the object and sets its constants to @cfg if it has any; NULL: as compiled. The
	 * caller closes it. NULL with errno.
	 */
	struct bpf_object *(*open)(const struct datapath_config *cfg);
};

/* Each ends with a NULL name. */
extern const struct object_file ipam_files[], datapath_files[];
/* libxdp loads the guard; the other two are probes of the kernel's features. */
extern const struct object_file guard_file, clock_file, chain_file;

#endif
