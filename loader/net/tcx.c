// SPDX-License-Identifier: GPL-2.0-only
/* tcx programs without links, by bpf(2). */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "loader/net/tcx.h"
#include "loader/base/trace.h"

#define PROGRAMS_MAX 64 /* the kernel's limit at one hook */

int tcx_hook(enum tc_direction direction)
{
	/* Linux 6.6; the headers of the oldest supported build system lack them. */
	return direction == TC_INGRESS ? 46 /* BPF_TCX_INGRESS */ : 47 /* BPF_TCX_EGRESS */;
}

bool tcx_exists(void)
{
	static int known;
	__u32 flags, count = 0;

	/* The answer for lo is ignored: without tcx the hook itself is unknown. */
	if (!known)
		known = !bpf_prog_query(1, tcx_hook(TC_INGRESS), 0, &flags, NULL, &count) ||
			errno == ENOENT || errno == ENODEV ? 1 : -1;
	return known > 0;
}

bool tcx_is_named(uint32_t id, const char *name)
{
	/* All pods have the same program. */
	static uint32_t known_id;
	static const char *known_name;
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);
	bool same;
	int fd;

	if (known_id == id && known_name == name)
		return true;
	fd = bpf_prog_get_fd_by_id(id);
	if (fd < 0)
		return false;
	same = !bpf_obj_get_info_by_fd(fd, &info, &size) && !strcmp(info.name, name);
	close(fd);
	if (same) {
		known_id = id;
		known_name = name;
	}
	return same;
}

int tcx_find(uint32_t ifindex, enum tc_direction direction, const char *name, uint32_t *id)
{
	__u32 ids[PROGRAMS_MAX], flags, count = PROGRAMS_MAX;

	*id = 0;
	if (!tcx_exists())
		return 0;
	if (bpf_prog_query(ifindex, tcx_hook(direction), 0, &flags, ids, &count))
		return errno == ENOENT ? 0 : -errno;
	for (__u32 i = 0; i < count && !*id; i++)
		if (tcx_is_named(ids[i], name))
			*id = ids[i];
	return 0;
}

int tcx_attach(uint32_t ifindex, enum tc_direction direction, int program)
{
	if (bpf_prog_attach(program, ifindex, tcx_hook(direction), 0))
		return errno == EEXIST ? 0 : -errno;
	trace("interface %u: tcx program attached", ifindex);
	return 0;
}

int tcx_replace(uint32_t ifindex, enum tc_direction direction, uint32_t old, int program)
{
	LIBBPF_OPTS(bpf_prog_attach_opts, opts, .flags = BPF_F_REPLACE);
	int err = 0;

	opts.replace_prog_fd = bpf_prog_get_fd_by_id(old);
	if (opts.replace_prog_fd < 0)
		return -errno;
	/* EEXIST: the same program is attached already. */
	if (bpf_prog_attach_opts(program, ifindex, tcx_hook(direction), &opts) && errno != EEXIST)
		err = -errno;
	close(opts.replace_prog_fd);
	return err;
}

int tcx_detach(uint32_t ifindex, enum tc_direction direction, uint32_t id)
{
	int fd = bpf_prog_get_fd_by_id(id), err = 0;

	if (fd < 0)
		return -errno;
	if (bpf_prog_detach2(fd, ifindex, tcx_hook(direction)) && errno != ENOENT)
		err = -errno;
	close(fd);
	return err;
}
