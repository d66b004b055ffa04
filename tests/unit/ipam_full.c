// SPDX-License-Identifier: GPL-2.0-only
/* Blocks of 65,536 addresses filled to the last, at the borders of chunks, by threads; and the time. */
#include <pthread.h>
#include <stdatomic.h>

#include "maps/pods.h"
#include "tests/lib/transactions.h"

#define FULL 65534

static char name_of[16];

static const char *owner(uint32_t n)
{
	snprintf(name_of, sizeof(name_of), "o%u", n);
	return name_of;
}

static uint32_t offset_of(const struct txn *txn, enum family family)
{
	return txn->ip[family].address.byte[14] << 8 | txn->ip[family].address.byte[15];
}

/* Fills a block whose first and last address are reserved: each must be the one after the last. */
static bool fill_in_order(uint32_t pool)
{
	for (uint32_t i = 0; i < FULL; i++) {
		struct txn txn = lease(owner(i), 0, pool, NULL);

		if (txn.error || offset_of(&txn, FAMILY_IPV6) != i + 1) {
			printf("# lease %u: error %d, offset %u\n", i, txn.error,
			       offset_of(&txn, FAMILY_IPV6));
			return false;
		}
	}
	return true;
}

/* Microseconds of a lease at the present filling: the median of 201, each released again. */
static bool report_time(uint32_t pool, unsigned int percent)
{
	double took[201], t;
	unsigned int n = sizeof(took) / sizeof(took[0]);
	static struct lease_request r;
	struct owner_request back = {};
	bool right = true;
	struct txn txn;

	lease_request(&r, "timed", pool, 0, NULL);
	back.owner = r.owner;
	for (unsigned int i = 0; i < n; i++) {
		t = sandbox_ms();
		ipam_run(&pins, PROG_LEASE, &r, &txn, NULL);
		took[i] = (sandbox_ms() - t) * 1e3;
		right &= !txn.error && !txn.existed;
		ipam_run(&pins, PROG_RELEASE, &back, &txn, NULL);
	}
	for (unsigned int i = 0; i < n; i++) /* insertion sort: the middle is what counts */
		for (unsigned int k = i; k && took[k] < took[k - 1]; k--) {
			double swap = took[k];

			took[k] = took[k - 1];
			took[k - 1] = swap;
		}
	printf("# a lease in a block of 65,536 that is %u %% full: median %.1f us, worst %.1f us\n",
	       percent, took[n / 2], took[n - 1]);
	return right;
}

static void test_full(void)
{
	static const unsigned int percents[] = {1, 50, 90, 99};
	uint32_t pool = pool_new("full"), block, from = 0;
	bool right = true;

	block = block_carve(pool, "10.0.0.0/16", false, false).id;
	for (unsigned int i = 0; i < 4; i++) {
		uint32_t count = FULL / 100 * percents[i];

		for (; from < count; from++)
			right &= !lease(owner(from), pool, 0, NULL).error;
		right &= report_time(pool, percents[i]);
	}
	for (; from < FULL; from++)
		right &= !lease(owner(from), pool, 0, NULL).error;
	ok(right && block_of(block).used == FULL &&
		   lease("more", pool, 0, NULL).error == IPAM_EXHAUSTED,
	   "65,534 of a /16, and no more");
	ok(block_of(block).full[0] == ~0ULL && block_of(block).full[1] == ~0ULL,
	   "all 128 chunks are full");
}

/* Of a full block a few are freed: exactly these come again, each once. */
static void test_borders(void)
{
	static const uint32_t offsets[] = {1,	  511,	 512,	513,   1023, 1024,
					   32767, 32768, 65023, 65024, 65534};
	unsigned int n = sizeof(offsets) / sizeof(offsets[0]), again = 0;
	struct ipam before = state();
	struct lease_entry *leases;
	uint32_t pool = 0;
	bool seen[sizeof(offsets) / sizeof(offsets[0])] = {};
	size_t count;

	ipam_leases(&pins, &leases, &count, NULL);
	for (size_t i = 0; i < count; i++) {
		const struct lease_ip *l = &leases[i].lease.ip[FAMILY_IPV4];

		pool = l->pool;
		for (unsigned int k = 0; k < n; k++)
			if ((uint32_t)(l->address.byte[14] << 8 | l->address.byte[15]) ==
			    offsets[k])
				release(leases[i].owner.id);
	}
	free(leases);
	for (unsigned int i = 0; i < n; i++) {
		char again_owner[16];
		struct txn txn;

		snprintf(again_owner, sizeof(again_owner), "again%u", i);
		txn = lease(again_owner, pool, 0, NULL);
		for (unsigned int k = 0; !txn.error && k < n; k++) {
			if (offset_of(&txn, FAMILY_IPV4) != offsets[k] || seen[k])
				continue;
			seen[k] = true;
			again++;
		}
	}
	ok(again == n, "addresses at the borders of chunks: %u of %u are allocated again", again, n);
	ok(lease("more", pool, 0, NULL).error == IPAM_EXHAUSTED && state().leases == before.leases,
	   "and no other");
	for (unsigned int k = 0; k < n; k++) {
		char wanted[32];

		snprintf(wanted, sizeof(wanted), "10.0.%u.%u", offsets[k] >> 8, offsets[k] & 255);
		if (lease("wanted", pool, 0, wanted).error != IPAM_ADDRESS_TAKEN)
			again = 0;
	}
	ok(again, "each of them is taken");
}

static void release_all(void)
{
	struct lease_entry *leases;
	size_t count;

	ipam_leases(&pins, &leases, &count, NULL);
	for (size_t i = 0; i < count; i++)
		release(leases[i].owner.id);
	free(leases);
}

static bool all_empty(void)
{
	struct block_entry *blocks;
	bool empty = true;
	size_t count;

	ipam_blocks(&pins, &blocks, &count, NULL);
	for (size_t i = 0; i < count; i++)
		empty &= !blocks[i].block.used && !blocks[i].block.full[0] &&
			 !blocks[i].block.full[1];
	free(blocks);
	return empty;
}

static void test_large(void)
{
	uint32_t pool = pool_new("large");
	struct txn txn;

	release_all();
	block_carve(pool, "fd00::/64", false, false);
	ok(fill_in_order(pool) && lease("more", 0, pool, NULL).error == IPAM_EXHAUSTED,
	   "65,534 of a /64, in order, and no more");
	release_all();
	block_carve(pool, "10.128.0.0/12", true, true);
	txn = lease("first", pool, 0, NULL);
	ok(!strcmp(ip(&txn, FAMILY_IPV4), "10.128.0.0"), "a /12 with its first address");
	txn = lease("last", pool, 0, "10.128.255.255");
	ok(!txn.error && lease("beyond", pool, 0, "10.129.0.0").error == IPAM_NOT_IN_RANGE,
	   "and the last of the tracked 65,536");
	release_all();
	ok(all_empty() && !state().leases, "all released: no bit is left");
}

static void test_slots(void)
{
	uint32_t pool = pool_new("slots"), made = 0;
	struct txn txn = {};

	block_carve(pool, "10.1.0.0/16", false, false);
	while (!txn.error && made <= PODS_MAX) {
		txn = reserve(owner(made), pool, 0);
		made += !txn.error;
	}
	ok(made == PODS_MAX && txn.error == IPAM_NO_SLOT, "%u pods and no more", made);
	ok(block_of(txn.id).used == PODS_MAX, "the one that failed took no address");
	release(owner(4711));
	ok(reserve("late", pool, 0).slot == 4711, "a slot that became free is found");
	release_all();
}

#define THREADS 4
#define ROUNDS 3000

static atomic_uchar held[65536];
static atomic_uint twice, failed, busy_pool;

static void *hammer(void *argument)
{
	unsigned int me = (uintptr_t)argument, seed = me;
	struct pins mine;
	struct error e;
	char who[24];

	pins_init(&mine);
	root_init(&mine.root, "/sys/fs/bpf/test", &e);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		static _Thread_local struct lease_request r;
		struct owner_request back = {};
		struct txn txn;

		snprintf(who, sizeof(who), "t%u-%u", me, rand_r(&seed) % 60);
		lease_request(&r, who, busy_pool, 0, NULL);
		back.owner = r.owner;
		if (rand_r(&seed) % 2) {
			if (ipam_run(&mine, PROG_LEASE, &r, &txn, &e) || txn.error)
				failed++;
			else if (!txn.existed && held[offset_of(&txn, FAMILY_IPV4)]++)
				twice++;
		} else {
			struct lease before;

			if (ipam_lease_read(&mine, &r.owner, &before))
				continue;
			held[before.ip[0].address.byte[14] << 8 | before.ip[0].address.byte[15]]--;
			if (ipam_run(&mine, PROG_RELEASE, &back, &txn, &e) || txn.error)
				failed++;
		}
	}
	pins_close(&mine);
	return NULL;
}

static void test_threads(void)
{
	pthread_t threads[THREADS];
	uint32_t used = 0, block;

	busy_pool = pool_new("threads");
	block = block_carve(busy_pool, "10.2.0.0/24", false, false).id;
	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, hammer, (void *)i);
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned int i = 0; i < 65536; i++)
		used += held[i];
	ok(!twice, "%u threads, %u transactions: no address twice", THREADS, THREADS * ROUNDS);
	ok(!failed && used == block_of(block).used && used == state().leases, "none lost: %u held",
	   used);
	release_all();
	ok(all_empty(), "and none leaked");
}

int main(void)
{
	transactions_begin();
	test_full();
	test_borders();
	test_large();
	test_slots();
	test_threads();
	return tap_done();
}
