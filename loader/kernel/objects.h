/* SPDX-License-Identifier: GPL-2.0-only */
/* The compiled programs of bpf/, which this binary carries. */
#ifndef PP_OBJECT_FILES_H
#define PP_OBJECT_FILES_H

#include <stddef.h>

struct object_file {
	const char *name;
	const void *(*bytes)(size_t *size);
};

/* Each ends with a NULL name. */
extern const struct object_file ipam_files[], datapath_files[];
/* libxdp loads the guard; the other two only tell what the kernel can do. */
extern const struct object_file guard_file, clock_file, chain_file;

#endif
