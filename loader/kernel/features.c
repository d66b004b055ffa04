// SPDX-License-Identifier: GPL-2.0-only
/* Features of the running kernel, probed by programs of a few instructions. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <unistd.h>

#include "loader/kernel/load.h"
#include "loader/kernel/usage.h"
#include "loader/kernel/objects.h"
#include "loader/net/tcx.h"

/*
 * A tc program that returns the result of bpf_fib_lookup() with @flags: an unknown flag yields
 * -EINVAL, with a known one the lookup at least reads the packet's family, which is zero.
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

/* Whether the verifier accepts a tc program of these instructions. */
static bool is_accepted(const struct bpf_insn *program, size_t count)
{
	LIBBPF_OPTS(bpf_prog_load_opts, load);
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "pp_probe", "GPL", program, count, &load);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Linux 6.2: bpf_cast_to_kern_ctx() gives a program the packet's struct sk_buff. */
static bool shows_buffers(void)
{
	struct btf *kernel = btf__load_vmlinux_btf();
	int id = kernel ? btf__find_by_name_kind(kernel, "bpf_cast_to_kern_ctx", BTF_KIND_FUNC) : 0;
	const struct bpf_insn program[] = {
		{ .code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_KFUNC_CALL, .imm = id },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	btf__free(kernel);
	return id > 0 && is_accepted(program, sizeof(program) / sizeof(program[0]));
}

/* Fails if the kernel is locked down to confidentiality. */
static bool copies_buffers(void)
{
	const struct bpf_insn program[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 3, .src_reg = 1 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 1, .src_reg = 10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 1, .imm = -8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .imm = 8 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_probe_read_kernel },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return is_accepted(program, sizeof(program) / sizeof(program[0]));
}

static enum buffer_access buffer_access(void)
{
	if (shows_buffers())
		return BUFFER_DIRECT;
	return copies_buffers() ? BUFFER_PROBED : BUFFER_NONE;
}

static int silent(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

/* @second is opened from the same file as @first: its program replaces the one of @first. */
static bool links(struct bpf_object *first, struct bpf_object *second)
{
	struct bpf_program *base, *next;
	struct bpf_link *link;

	if (!first || !second || bpf_object__load(first))
		return false;
	base = bpf_object__find_program_by_name(first, "pp_chain");
	bpf_program__set_autoload(bpf_object__find_program_by_name(second, "pp_chain"), false);
	next = bpf_object__find_program_by_name(second, "pp_chain_link");
	bpf_program__set_autoload(next, true);
	if (bpf_program__set_attach_target(next, bpf_program__fd(base), "pp_chain_slot") ||
	    bpf_object__load(second))
		return false;
	link = bpf_program__attach_freplace(next, 0, NULL);
	bpf_link__destroy(link);
	return link;
}

static bool has_xdp_chain(void)
{
	libbpf_print_fn_t before = libbpf_set_print(silent);
	struct bpf_object *first = chain_file.open(NULL), *second = chain_file.open(NULL);
	bool has = links(first, second);

	bpf_object__close(second);
	bpf_object__close(first);
	libbpf_set_print(before);
	return has;
}

/* An empty map that would be large when full. */
static bool counts_map_memory(void)
{
	const __u32 entries = 1024, value = 4096;
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "pp_probe", 4, value, entries, &opts);
	uint64_t bytes;

	if (fd < 0)
		return false;
	bytes = memory_of(fd);
	close(fd);
	return bytes && bytes < entries * value;
}

/* 250 if the kernel does not report it: time-outs are then up to 4 times off. */
static unsigned int kernel_hz(void)
{
	LIBBPF_OPTS(bpf_test_run_opts, run);
	struct bpf_program *program;
	struct bpf_object *object;
	unsigned int hz = 250;

	object = clock_file.open(NULL);
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
	found.tcx = tcx_exists();
	found.fib_skip_neigh = fib_knows(FIB_LOOKUP_SKIP_NEIGH);
	found.fib_source = fib_knows(FIB_LOOKUP_SRC);
	found.buffer_access = buffer_access();
	found.xdp_chain = has_xdp_chain();
	found.map_memory = counts_map_memory();
	found.hz = kernel_hz();
	known = true;
	return &found;
}
