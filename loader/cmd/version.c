// SPDX-License-Identifier: GPL-2.0-only
/* pinpool version: program, ABI, and, for root, what the kernel can do. */
#include <bpf/libbpf.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "loader/cmd/cmd.h"
#include "loader/kernel/load.h"

static void print_feature(const char *name, bool present, const char *otherwise)
{
	printf("  %-22s %s\n", name, present ? "yes" : otherwise);
}

static int run(struct call *c, struct error *e)
{
	const struct features *f;
	struct utsname u;

	(void)c;
	(void)e;
	uname(&u);
	printf("pinpool %s, ABI %d, libbpf %s, Linux %s\n", VERSION, PP_ABI, libbpf_version_string(),
	       u.release);
	if (geteuid()) {
		printf("kernel features: run as root to see them\n");
		return 0;
	}
	f = features();
	printf("kernel features:\n");
	print_feature("tcx", f->tcx, "no (clsact is used)");
	print_feature("fib_lookup SKIP_NEIGH", f->fib_skip_neigh, "no (lookups take longer)");
	print_feature("fib_lookup SRC", f->fib_source, "no (the uplink's address is used)");
	print_feature("offload checks", f->buffer_access != BUFFER_NONE,
		      "no (a pod may send a forged checksum offload)");
	print_feature("XDP dispatcher", f->xdp_chain, "no (the XDP guard is alone on its device)");
	print_feature("memory of maps", f->map_memory, "no (status tells what full ones take)");
	printf("  %-22s %u\n", "HZ", f->hz);
	return 0;
}

const struct command command_version = {
	.name = "version", .help = "version, ABI and kernel features", .run = run,
};
