// SPDX-License-Identifier: GPL-2.0-only
/* What this kernel can do, asked by programs of a few instructions. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <unistd.h>

#include "loader/load.h"
#include "loader/objects.h"
#include "loader/tc.h"

/*
 * A tc program that returns what bpf_fib_lookup() says to @flags: an unknown one is -EINVAL, a known
 * one at least looks at the packet's family, which is none.
 */
static bool fib_knows(__u32 flags)
{
	struct bpf_insn program[] = {
		/* r6 = ctx; 64 zero bytes of params on the stack */
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 6, .src_reg = 1 },
		{ .code = BPF_ST | BPF_MEM | BPF_DW, .dst_reg = 10, .off = -64 },
		{ .code = BPF_ST | BPF_MEM | BPF_DW, .dst_reg = 10, .off = -56 },
		{ .code = BPF_ST | BPF_MEM | BPF_DW, .dst_reg = 10, .off = -48 },
		{ .code = BPF_ST | BPF_MEM | BPF_DW, .dst_reg = 10, .off = -40 },
		{ .code = BPF_ST | BPF_MEM | BPF_DW, .dst_reg = 10, .off = -32 },
		{ .code = BPF_ST | BPF_MEM | BPF_DW, .dst_reg = 10, .off = -24 },
		{ .code = BPF_ST | BPF_MEM | BPF_DW, .dst_reg = 10, .off = -16 },
		{ .code = BPF_ST | BPF_MEM | BPF_DW, .dst_reg = 10, .off = -8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 2, .src_reg = 10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 2, .imm = -64 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 3, .imm = 64 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 4, .imm = (__s32)flags },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_fib_lookup },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, load);
	char packet[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet, .data_size_in = sizeof(packet));
	int fd, err;

	fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "pp_probe", "GPL", program,
			   sizeof(program) / sizeof(program[0]), &load);
	if (fd < 0)
		return false;
	err = bpf_prog_test_run_opts(fd, &run);
	close(fd);
	return !err && (int)run.retval != -22 /* EINVAL */;
}

/* 250 if the kernel does not say: then time-outs are up to 4 times off, no more. */
static unsigned int kernel_hz(void)
{
	LIBBPF_OPTS(bpf_test_run_opts, run);
	struct bpf_program *program;
	struct bpf_object *object;
	unsigned int hz = 250;
	size_t size;
	const void *bytes = clock_file.bytes(&size);

	object = bpf_object__open_mem(bytes, size, NULL);
	if (!object)
		return hz;
	program = bpf_object__next_program(object, NULL);
	if (program && !bpf_object__load(object) &&
	    !bpf_prog_test_run_opts(bpf_program__fd(program), &run) && run.retval)
		hz = run.retval;
	bpf_object__close(object);
	return hz;
}

const struct features *features(void)
{
	static struct features found;
	static bool known;

	if (known)
		return &found;
	found.tcx = tc_has_tcx();
	found.fib_skip_neigh = fib_knows(FIB_LOOKUP_SKIP_NEIGH);
	found.fib_source = fib_knows(FIB_LOOKUP_SRC);
	found.hz = kernel_hz();
	known = true;
	return &found;
}
