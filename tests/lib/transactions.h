/* SPDX-License-Identifier: GPL-2.0-only */
/* For C tests of the transactions: a root of its own, and each transaction as one call. */
#ifndef PP_TRANSACTIONS_H
#define PP_TRANSACTIONS_H

#include <string.h>

#include "loader/ipam/transactions.h"
#include "loader/kernel/load.h"
#include "loader/ipam/rules.h"
#include "tests/lib/sandbox.h"

static struct pins pins;

/* A root with the transactions loaded, in namespaces of its own. */
static inline void transactions_begin(void)
{
	struct error e;

	sandbox_enter();
	pins_init(&pins);
	if (root_init(&pins.root, "/sys/fs/bpf/test", &e) ||
	    root_create(&pins.root, ROOT_EXCLUSIVE, &e) || load_ipam(&pins, &e)) {
		printf("Bail out! %s\n", e.text);
		exit(1);
	}
}

static inline struct txn run(enum pinned_prog prog, const void *request)
{
	struct txn txn = {};
	struct error e;

	if (ipam_run(&pins, prog, request, &txn, &e)) {
		printf("Bail out! %s\n", e.text);
		exit(1);
	}
	return txn;
}

static inline struct ipam state(void)
{
	struct ipam ipam = {};

	ipam_read(&pins, &ipam, NULL);
	return ipam;
}

/* A new pool with a mask length in both families, or (@id) a change of its state. */
static inline struct txn pool_set(const char *name, uint32_t id, enum pool_state pool_state)
{
	static struct pool_request r;

	memset(&r, 0, sizeof(r));
	r.expected = state().generation;
	r.id = id;
	r.pool.state = pool_state;
	r.pool.family[FAMILY_IPV4].mask_length = 96 + 24;
	r.pool.family[FAMILY_IPV6].mask_length = 120;
	snprintf(r.pool.name, sizeof(r.pool.name), "%s", name);
	return run(PROG_POOL_SET, &r);
}

static inline uint32_t pool_new(const char *name)
{
	return pool_set(name, 0, POOL_ACTIVE).id;
}

static inline struct txn block_carve(uint32_t pool, const char *cidr, bool first, bool last)
{
	struct block_request r = {.expected = state().generation, .cidr = NO_CIDR};

	if (prefix_parse(cidr, &r.block.prefix))
		abort();
	r.block.pool = pool;
	r.block.family = prefix_family(&r.block.prefix);
	r.block.state = BLOCK_ACTIVE;
	r.block.size = block_size(&r.block.prefix);
	block_range(&r.block.prefix, first, last, &r.block.low, &r.block.high);
	return run(PROG_BLOCK_CARVE, &r);
}

static inline struct txn block_drop(uint32_t id)
{
	struct block_request r = {.id = id};

	return run(PROG_BLOCK_DROP, &r);
}

static inline struct txn block_set(uint32_t id, enum block_state block_state)
{
	static struct pool_request r;
	struct block_change change = {id, block_state};

	memset(&r, 0, sizeof(r));
	r.expected = state().generation;
	r.change_count = 1;
	r.changes = (uintptr_t)&change;
	return run(PROG_BLOCK_STATE, &r);
}

/* Text of an address of the answer; "" if it has none of that family. */
static inline const char *ip(const struct txn *txn, enum family family)
{
	static char text[4][ADDR_TEXT];
	static unsigned int next;
	char *out = text[next++ % 4];

	out[0] = 0;
	return txn->ip[family].block ? addr_format(&txn->ip[family].address, out) : out;
}

static inline void lease_request(struct lease_request *r, const char *owner, uint32_t v4,
				 uint32_t v6, const char *requested)
{
	struct addr addr;

	memset(r, 0, sizeof(*r));
	lease_owner_set(&r->owner, owner, "", NULL);
	r->lease.state = LEASE_HELD;
	r->pool[FAMILY_IPV4] = v4;
	r->pool[FAMILY_IPV6] = v6;
	if (requested && !addr_parse(requested, &addr))
		r->requested[addr_family(&addr)] = addr;
}

static inline struct txn lease(const char *owner, uint32_t v4, uint32_t v6, const char *requested)
{
	struct lease_request r;

	lease_request(&r, owner, v4, v6, requested);
	return run(PROG_LEASE, &r);
}

static inline struct txn reserve(const char *owner, uint32_t v4, uint32_t v6)
{
	struct lease_request r;

	lease_request(&r, owner, v4, v6, NULL);
	r.lease.state = LEASE_RESERVED;
	return run(PROG_LEASE, &r);
}

static inline struct txn owner_run(enum pinned_prog prog, const char *owner, uint32_t generation)
{
	struct owner_request r = {.generation = generation};

	lease_owner_set(&r.owner, owner, "", NULL);
	return run(prog, &r);
}

static inline struct txn release(const char *owner)
{
	return owner_run(PROG_RELEASE, owner, 0);
}

static inline struct block block_of(uint32_t id)
{
	struct block block = {};

	ipam_block_read(&pins, id, &block);
	return block;
}

#endif
