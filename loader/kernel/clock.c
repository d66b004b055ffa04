// SPDX-License-Identifier: GPL-2.0-only
/* Jiffies, which only BPF programs can read. */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <unistd.h>

#include "loader/kernel/clock.h"

#define HZ_DEFAULT 250 /* Debian's */

uint32_t clock_shift(uint32_t hz)
{
	uint32_t shift = 0;

	/* The middle between 2^s and 2^(s+1) is 3 * 2^(s-1). */
	while (3ULL << shift < 2ULL * hz)
		shift++;
	return shift;
}

/* Runs a program that returns its result; 0 or -errno. */
static int ask(int program, uint32_t *answer)
{
	LIBBPF_OPTS(bpf_test_run_opts, run);
	int err = bpf_prog_test_run_opts(program, &run);

	*answer = run.retval;
	return err ? -errno : 0;
}

/* bpf_jiffies64() >> @shift, truncated to 32 bits. */
static int read_units(uint32_t shift, uint32_t *now)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_jiffies64 },
		{ .code = BPF_ALU64 | BPF_RSH | BPF_K, .imm = shift },
		{ .code = BPF_ALU | BPF_MOV | BPF_X },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, load, .prog_flags = BPF_F_SLEEPABLE);
	int fd = bpf_prog_load(BPF_PROG_TYPE_SYSCALL, "pp_jiffies", "GPL", code,
			       sizeof(code) / sizeof(code[0]), &load),
	    err;

	if (fd < 0)
		return -errno;
	err = ask(fd, now);
	close(fd);
	return err;
}

int clock_read(struct pins *pins, struct clock *clock)
{
	int program = pins_prog(pins, PROG_CLOCK);

	if (program < 0 || ask(program, &clock->hz) || !clock->hz || clock->hz > 10000)
		clock->hz = HZ_DEFAULT;
	clock->shift = clock_shift(clock->hz);
	return read_units(clock->shift, &clock->now);
}

int clock_seconds_left(const struct clock *clock, uint32_t expires)
{
	int64_t units = (int32_t)(expires - clock->now);

	return units * (1 << clock->shift) / clock->hz;
}
