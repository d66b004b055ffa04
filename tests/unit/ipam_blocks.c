// SPDX-License-Identifier: GPL-2.0-only
/*
 * Blocks carved, dropped, drained and un-drained at random between leases: the pool's list, its hint
 * and its sums against counting, and each lease from the block that the rules say.
 */
#include <stdlib.h>

#include "tests/lib/transactions.h"

#define STEPS 6000
#define BLOCKS 40

static uint32_t pool;
static unsigned int owners;

static struct pool_family family_now(void)
{
	struct pool p = {};

	ipam_pool_read(&pins, pool, &p);
	return p.family[FAMILY_IPV4];
}

static bool has_room(const struct block *b)
{
	return b->state == BLOCK_ACTIVE && b->used < b->high - b->low;
}

/* The sums as they must be, and in @first the first block with room. */
static struct pool_family count_blocks(uint32_t *first)
{
	struct pool_family sum = {};
	struct block_entry *list;
	size_t count;

	*first = 0;
	ipam_blocks(&pins, &list, &count, NULL);
	for (size_t i = 0; i < count; i++) {
		const struct block *b = &list[i].block;

		sum.blocks++;
		sum.first = sum.first ? sum.first : list[i].id;
		sum.last = list[i].id;
		if (b->state == BLOCK_DRAINING) {
			sum.draining += b->used;
			continue;
		}
		sum.capacity += b->high - b->low;
		sum.in_use += b->used;
		sum.empty += !b->used;
		if (has_room(b) && !*first)
			*first = list[i].id;
	}
	free(list);
	return sum;
}

/* Both ways along the list: every block once, in the order of their ids. */
static bool list_is_whole(const struct pool_family *pf)
{
	uint32_t id = pf->first, before = 0, seen = 0;

	while (id) {
		struct block b = block_of(id);

		if (!b.state || b.prev != before || id <= before)
			return false;
		seen++;
		before = id;
		id = b.next;
	}
	return seen == pf->blocks && before == pf->last;
}

static bool is_true(unsigned int step)
{
	struct pool_family now = family_now(), sum;
	uint32_t first;

	sum = count_blocks(&first);
	if (sum.blocks == now.blocks && sum.capacity == now.capacity && sum.in_use == now.in_use &&
	    sum.empty == now.empty && sum.draining == now.draining && sum.first == now.first &&
	    sum.last == now.last && list_is_whole(&now) &&
	    (!first || (now.hint && now.hint <= first)))
		return true;
	printf("# step %u: hint %u, first with room %u; blocks %u %u, capacity %u %u, in use %u %u, empty %u %u, draining %u %u\n",
	       step, now.hint, first, now.blocks, sum.blocks, now.capacity, sum.capacity,
	       now.in_use, sum.in_use, now.empty, sum.empty, now.draining, sum.draining);
	return false;
}

static uint32_t any_block(void)
{
	struct block_entry *list;
	size_t count;
	uint32_t id;

	ipam_blocks(&pins, &list, &count, NULL);
	id = count ? list[rand() % count].id : 0;
	free(list);
	return id;
}

static bool lease_is_first_fit(void)
{
	char who[16];
	struct txn txn;
	uint32_t first;

	count_blocks(&first);
	snprintf(who, sizeof(who), "b%u", owners++);
	txn = lease(who, pool, 0, NULL);
	if (!first)
		return txn.error == IPAM_EXHAUSTED || txn.error == IPAM_NO_BLOCK;
	return !txn.error && txn.ip[FAMILY_IPV4].block == first;
}

static void release_any(void)
{
	struct lease_entry *leases;
	size_t count;

	ipam_leases(&pins, &leases, &count, NULL);
	if (count)
		release(leases[rand() % count].owner.id);
	free(leases);
}

static bool step(unsigned int number)
{
	uint32_t id = any_block();
	struct block b = block_of(id);
	char cidr[32];

	switch (rand() % 12) {
	case 0:
		if (family_now().blocks == BLOCKS)
			return true;
		snprintf(cidr, sizeof(cidr), "10.%u.%u.0/%u", number >> 8, number & 255,
			 28 + rand() % 5);
		return !block_carve(pool, cidr, rand() % 2, rand() % 2).error;
	case 1:
		return block_drop(id).error == (!id	 ? IPAM_NO_BLOCK
						: b.used ? IPAM_IN_USE
							 : IPAM_OK);
	case 2:
	case 3:
		return !id ||
		       !block_set(id, b.state == BLOCK_ACTIVE ? BLOCK_DRAINING : BLOCK_ACTIVE)
				.error;
	case 4:
	case 5:
	case 6:
	case 7:
		release_any();
		return true;
	default:
		return lease_is_first_fit();
	}
}

int main(void)
{
	bool right = true;
	unsigned int i;

	transactions_begin();
	srand(4);
	pool = pool_new("random");
	for (i = 0; right && i < STEPS; i++)
		right = step(i) && is_true(i);
	ok(right,
	   "%u random steps: list, hint and sums are true, leases come from the first block with room",
	   i);
	return tap_done();
}
