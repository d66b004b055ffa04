// SPDX-License-Identifier: GPL-2.0-only
/* Transactions that the kernel's side refuses: what reconciles says so, whatever the reason. */
#include <errno.h>
#include <stddef.h>

#include "loader/apply/apply.h"
#include "loader/blocks/blocks.h"
#include "loader/ipam/claims.h"
#include "tests/lib/transactions.h"

static struct context node;

/* In place of a transaction: one that answers @error and does nothing. */
static int refusing(enum ipam_error error)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_ST | BPF_MEM | BPF_W, .dst_reg = BPF_REG_1,
		  .off = offsetof(struct txn, error), .imm = error },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, load, .prog_flags = BPF_F_SLEEPABLE);
	int fd = bpf_prog_load(BPF_PROG_TYPE_SYSCALL, "pp_refusing", "GPL", code,
			       sizeof(code) / sizeof(*code), &load);

	if (fd < 0) {
		printf("Bail out! bpf_prog_load: %m\n");
		exit(1);
	}
	return fd;
}

/* Runs with @prog answering @error; the right one is back afterwards. */
static int with_refusal(enum pinned_prog prog, enum ipam_error error, int (*fn)(struct error *e),
			struct error *e)
{
	int right = pins_prog(&node.pins, prog), err;

	node.pins.prog[prog] = refusing(error);
	e->text[0] = 0;
	err = fn(e);
	close(node.pins.prog[prog]);
	node.pins.prog[prog] = right;
	return err;
}

/* The static allocator's list is empty, so that the block should drain. */
static int settle(struct error *e)
{
	node.config.allocator = NODE_ALLOCATOR_STATIC;
	return blocks_settle(&node, NULL, 0, e);
}

/* The pool has no pre-allocation yet, and its default is 8. */
static int reconcile(struct error *e)
{
	json_t *effective = options_merge(NULL, NULL, NULL, NULL);
	struct options options;
	int err = options_parse(effective, &options, e);

	json_decref(effective);
	if (err)
		return err;
	err = apply_reconcile(&node, &options, true, e);
	options_free(&options);
	return err;
}

static uint32_t block, dying_pool;

static int retire_block(struct error *e)
{
	return blocks_retire(&node, block, e);
}

static int retire_pool(struct error *e)
{
	return pool_retire(&node, dying_pool, e);
}

static const struct {
	const char *what;
	enum pinned_prog prog;
	int (*fn)(struct error *e);
	enum ipam_error error;
	int result;
	const char *text;
} cases[] = {
	/* the last cases remove block and pool */
	{ "blocks_retire", PROG_BLOCK_DROP, retire_block, IPAM_FAULT, -EPROTO,
	  "pp_block_drop: the request could not be read" },
	{ "blocks_retire", PROG_BLOCK_DROP, retire_block, IPAM_IN_USE, 0, "" },
	{ "pool_retire", PROG_POOL_DELETE, retire_pool, IPAM_NO_MEMORY, -ENOSPC,
	  "pp_pool_delete: the maps are full" },
	{ "pool_retire", PROG_POOL_DELETE, retire_pool, IPAM_NO_POOL, 0, "" },
	{ "blocks_settle", PROG_BLOCK_STATE, settle, IPAM_FAULT, -EPROTO,
	  "pp_block_state: the request could not be read" },
	{ "blocks_settle", PROG_BLOCK_STATE, settle, IPAM_NO_MEMORY, -ENOSPC,
	  "pp_block_state: the maps are full" },
	{ "pre-allocation", PROG_POOL_SET, reconcile, IPAM_NO_MEMORY, -ENOSPC,
	  "pp_pool_set: the maps are full" },
	{ "pre-allocation", PROG_POOL_SET, reconcile, IPAM_FAULT, -EPROTO,
	  "pp_pool_set: the request could not be read" },
};

/* A pool that counts a CIDR which its list has not got. */
static void test_missing_cidr(void)
{
	struct pool p;
	uint32_t id;
	struct error e = {};

	ipam_pool_find(&pins, "default", &id, &p);
	p.family[FAMILY_IPV4].cidrs = 3;
	bpf_map_update_elem(pins_map(&pins, PIN_POOLS), &id, &p, BPF_ANY);
	ok(reconcile(&e) == -ENOENT && strstr(e.text, "pool default: cannot read its CIDRs"),
	   "a missing CIDR has a sentence (%s)", e.text);
}

int main(void)
{
	uint32_t pool;

	transactions_begin();
	pool = pool_new("default");
	if (block_carve(pool, "10.1.0.0/24", false, false).error)
		abort();
	block = block_carve(pool, "10.2.0.0/24", false, false).id;
	dying_pool = pool_new("dying");
	if (block_set(block, BLOCK_DRAINING).error ||
	    pool_set("dying", dying_pool, POOL_TERMINATING).error)
		abort();
	node.pins = pins;
	snprintf(node.config.node, sizeof(node.config.node), "node1");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct error e;
		int err = with_refusal(cases[i].prog, cases[i].error, cases[i].fn, &e);

		ok(err == cases[i].result && strstr(e.text, cases[i].text), "%s: %s (%d, %s)",
		   cases[i].what, ipam_error_text(cases[i].error), err, e.text);
	}
	test_missing_cidr();
	return tap_done();
}
