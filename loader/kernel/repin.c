// SPDX-License-Identifier: GPL-2.0-only
/* Lost pins recreated: a map lives as long as a program that uses it, and is found through it. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "loader/kernel/repin.h"

#define MAPS_OF_PROGRAM 64 /* the kernel's limit */

static bool is_pinned(const struct pins *pins, const char *name)
{
	char path[PATH_MAX + 64];

	pins_path(pins, name, path, sizeof(path));
	return !access(path, F_OK);
}

static bool is_ours(const char *name)
{
	for (int m = 0; m < PIN_MAPS; m++)
		if (!strcmp(name, pinned_map_names[m]))
			return true;
	return false;
}

static int repin_map(const struct pins *pins, __u32 id, struct error *e)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);
	char path[PATH_MAX + 64];
	int fd = bpf_map_get_fd_by_id(id), err = 0;

	if (fd < 0)
		return 0; /* The map is gone by now. */
	if (!bpf_obj_get_info_by_fd(fd, &info, &size) && is_ours(info.name) &&
	    !is_pinned(pins, info.name)) {
		pins_path(pins, info.name, path, sizeof(path));
		if (bpf_obj_pin(fd, path))
			err = error_set(e, -errno, "%s: cannot pin it again: %s; run 'pinpool status'", path,
					strerror(errno));
	}
	close(fd);
	return err;
}

static int repin_maps_of(const struct pins *pins, int program, struct error *e)
{
	__u32 ids[MAPS_OF_PROGRAM], size = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = { .nr_map_ids = MAPS_OF_PROGRAM, .map_ids = (uintptr_t)ids };
	int err = 0;

	if (bpf_obj_get_info_by_fd(program, &info, &size))
		return 0;
	for (__u32 i = 0; !err && i < info.nr_map_ids && i < MAPS_OF_PROGRAM; i++)
		err = repin_map(pins, ids[i], e);
	return err;
}

int repin_maps(struct pins *pins, struct error *e)
{
	int missing = 0, err = 0;

	for (int m = 0; m < PIN_MAPS; m++)
		missing += !is_pinned(pins, pinned_map_names[m]);
	for (int p = 0; missing && !err && p < PIN_PROGS; p++) {
		int fd = pins_prog(pins, p);

		if (fd >= 0)
			err = repin_maps_of(pins, fd, e);
	}
	return err;
}
