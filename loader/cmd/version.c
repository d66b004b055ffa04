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

int cmd_version(const struct globals *g, int argc, char **argv)
{
	struct utsname u;

	(void)g;
	if (argc != 1)
		return usage_error("version", "unexpected argument \"%s\"", argv[1]);
	uname(&u);
	printf("pinpool %s, ABI %d, libbpf %s, Linux %s\n", VERSION, PP_ABI, libbpf_version_string(),
	       u.release);
	if (geteuid()) {
		printf("kernel features: run as root to see them\n");
		return EXIT_DONE;
	}
	printf("kernel features:\n");
	print_feature("tcx", features()->tcx, "no (clsact is used)");
	print_feature("fib_lookup SKIP_NEIGH", features()->fib_skip_neigh, "no (lookups take longer)");
	print_feature("fib_lookup SRC", features()->fib_source, "no (the uplink's address is used)");
	print_feature("offload checks", features()->buffer_access != BUFFER_HIDDEN,
		      "no (a pod may send a forged checksum offload)");
	print_feature("XDP dispatcher", features()->xdp_chain, "no (the XDP guard is alone on its device)");
	print_feature("memory of maps", features()->map_memory, "no (status tells what full ones take)");
	printf("  %-22s %u\n", "HZ", features()->hz);
	return EXIT_DONE;
}
