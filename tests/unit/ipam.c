// SPDX-License-Identifier: GPL-2.0-only
/* The transactions of bpf/ipam.bpf.c: every error, the choice of the address, a full /16, its time. */
#include <bpf/bpf.h>
#include <errno.h>
#include <sys/mman.h>

#include "maps/pods.h"
#include "tests/lib/transactions.h"

static bool gives(struct txn txn, const char *v4, const char *v6)
{
	if (!txn.error && !strcmp(ip(&txn, FAMILY_IPV4), v4) && !strcmp(ip(&txn, FAMILY_IPV6), v6))
		return true;
	printf("# error %d, \"%s\" \"%s\"\n", txn.error, ip(&txn, FAMILY_IPV4),
	       ip(&txn, FAMILY_IPV6));
	return false;
}

static bool fails(struct txn txn, enum ipam_error error)
{
	if (txn.error == error)
		return true;
	printf("# error %d, expected %d\n", txn.error, error);
	return false;
}

static void test_next_fit(void)
{
	uint32_t pool = pool_new("next-fit");

	block_carve(pool, "10.0.0.0/29", false, false);
	ok(gives(lease("a", pool, 0, NULL), "10.0.0.1", ""),
	   "the first address is after the reserved one");
	ok(gives(lease("b", pool, 0, NULL), "10.0.0.2", ""), "then the next one");
	release("a");
	ok(gives(lease("c", pool, 0, NULL), "10.0.0.3", ""), "an address just freed is not taken");
	release("c");
	lease("d", pool, 0, NULL);
	lease("e", pool, 0, NULL);
	ok(gives(lease("f", pool, 0, NULL), "10.0.0.6", ""), "up to the last but one");
	ok(gives(lease("g", pool, 0, NULL), "10.0.0.1", ""), "then round: the one freed first");
	ok(gives(lease("h", pool, 0, NULL), "10.0.0.3", ""), "and the one freed after it");
	ok(fails(lease("i", pool, 0, NULL), IPAM_EXHAUSTED), "six of a /29, no more");
	ok(gives(lease("b", pool, 0, NULL), "10.0.0.2", ""),
	   "an owner gets its address again");
	ok(lease("b", pool, 0, NULL).existed == 1, "and the answer has .existed");
	ok(release("b").error == IPAM_OK && fails(release("b"), IPAM_NO_LEASE), "releasing twice");
	block_carve(pool, "10.0.0.8/29", false, false);
	ok(gives(lease("j", pool, 0, NULL), "10.0.0.2", ""),
	   "blocks in the order of their allocation");
	ok(gives(lease("k", pool, 0, NULL), "10.0.0.9", ""), "a full one is passed over");
}

static void test_small(void)
{
	static const struct {
		const char *cidr;
		bool first, last;
		const char *gives[4];
	} cases[] = {
		{"10.1.0.0/32", false, false, {"10.1.0.0"}},
		{"10.1.1.0/31", false, false, {"10.1.1.0", "10.1.1.1"}},
		{"10.1.2.0/30", false, false, {"10.1.2.1", "10.1.2.2"}},
		{"10.1.3.0/30", true, false, {"10.1.3.0", "10.1.3.1", "10.1.3.2"}},
		{"10.1.4.0/30", false, true, {"10.1.4.1", "10.1.4.2", "10.1.4.3"}},
		{"10.1.5.0/30", true, true, {"10.1.5.0", "10.1.5.1", "10.1.5.2", "10.1.5.3"}},
		{"fd01::/128", false, false, {"fd01::"}},
		{"fd01:0:0:1::/127", false, false, {"fd01:0:0:1::", "fd01:0:0:1::1"}},
		{"fd01:0:0:2::/126", false, false, {"fd01:0:0:2::1", "fd01:0:0:2::2"}},
	};

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool right = true, six = strchr(cases[i].cidr, ':');
		char name[16], owner[16];
		uint32_t pool, n = 0;

		snprintf(name, sizeof(name), "small%u", i);
		pool = pool_new(name);
		block_carve(pool, cases[i].cidr, cases[i].first, cases[i].last);
		for (; n < 4 && cases[i].gives[n]; n++) {
			struct txn txn;

			snprintf(owner, sizeof(owner), "small%u-%u", i, n);
			txn = lease(owner, six ? 0 : pool, six ? pool : 0, NULL);
			right &= gives(txn, six ? "" : cases[i].gives[n],
				       six ? cases[i].gives[n] : "");
		}
		right &=
			fails(lease("small", six ? 0 : pool, six ? pool : 0, NULL), IPAM_EXHAUSTED);
		ok(right, "%s%s%s has %u addresses", cases[i].cidr, cases[i].first ? ", first" : "",
		   cases[i].last ? ", last" : "", n);
	}
}

static void test_wanted(void)
{
	uint32_t pool = pool_new("wanted"), second, draining;
	struct txn txn;

	block_carve(pool, "10.2.0.0/28", false, false);
	second = block_carve(pool, "10.2.1.0/28", false, false).id;
	draining = block_carve(pool, "10.2.2.0/28", false, false).id;
	ok(gives(lease("w1", pool, 0, "10.2.1.7"), "10.2.1.7", ""),
	   "a requested address in the second block");
	ok(fails(lease("w2", pool, 0, "10.2.1.7"), IPAM_ADDRESS_TAKEN), "taken");
	txn = lease("w2", pool, 0, "10.2.1.0");
	ok(fails(txn, IPAM_NOT_IN_RANGE) && txn.id == second,
	   "reserved first, and the block is named");
	ok(fails(lease("w2", pool, 0, "10.2.1.15"), IPAM_NOT_IN_RANGE), "reserved last");
	ok(fails(lease("w2", pool, 0, "10.2.1.16"), IPAM_NOT_IN_CIDR), "one after the block");
	ok(fails(lease("w2", pool, 0, "10.1.255.255"), IPAM_NOT_IN_CIDR), "before all blocks");
	ok(gives(lease("w3", pool, 0, "10.2.2.5"), "10.2.2.5", ""), "in a block that will drain");
	block_set(draining, BLOCK_DRAINING);
	ok(fails(lease("w4", pool, 0, "10.2.2.6"), IPAM_ADDRESS_DRAINING), "not from a draining block");
	ok(fails(lease("w4", pool, 0, "10.2.2.5"), IPAM_ADDRESS_TAKEN), "draining and taken");
	block_carve(pool, "fd02::/64", false, false);
	ok(gives(lease("w5", 0, pool, "fd02::fffe"), "", "fd02::fffe"),
	   "the last of 65,536 that are tracked, less one");
	ok(fails(lease("w6", 0, pool, "fd02::ffff"), IPAM_NOT_IN_RANGE),
	   "the last tracked one is reserved");
	ok(fails(lease("w6", 0, pool, "fd02::1:0"), IPAM_NOT_IN_RANGE),
	   "in the block, not tracked");
	ok(fails(lease("w6", 0, pool, "fd02::ffff:ffff:ffff:ffff"), IPAM_NOT_IN_RANGE),
	   "the last of a /64");
	ok(fails(lease("w6", 0, pool, "fd02:0:0:1::1"), IPAM_NOT_IN_CIDR), "the next /64");
	block_carve(pool, "fd03::/48", false, false);
	ok(fails(lease("w6", 0, pool, "fd03:0:0:1::1"), IPAM_NOT_IN_RANGE),
	   "high host bits of a /48");
	ok(gives(lease("w6", 0, pool, "fd03::1"), "", "fd03::1"), "its tracked part");
}

static void test_dual_stack(void)
{
	uint32_t pool = pool_new("dual"), v4only = pool_new("v4only");
	uint32_t four, six;

	four = block_carve(pool, "10.3.0.0/30", false, false).id;
	six = block_carve(pool, "fd04::/128", false, false).id;
	block_carve(v4only, "10.3.1.0/30", false, false);
	ok(gives(lease("d1", pool, pool, NULL), "10.3.0.1", "fd04::"),
	   "both families in one transaction");
	ok(fails(lease("d2", pool, pool, NULL), IPAM_EXHAUSTED), "IPv6 full: both families fail");
	ok(block_of(four).used == 1 && block_of(four).cursor == 2, "and IPv4 is untouched");
	ok(lease("d2", pool, pool, NULL).family == FAMILY_IPV6, "the answer names the family");
	ok(fails(lease("d2", pool, v4only, NULL), IPAM_NO_BLOCK), "no block of that family");
	ok(gives(lease("d3", v4only, 0, NULL), "10.3.1.1", ""), "one family alone");
	release("d1");
	ok(!block_of(four).used && !block_of(six).used, "released in both");
	ok(gives(lease("d4", v4only, pool, NULL), "10.3.1.2", "fd04::"), "a pool of each family");
}

static void test_life(void)
{
	uint32_t pool = pool_new("life"), generation;
	struct bind_request bind = {.ifindex = 77, .mtu = 1400, .host_ifname = "lxc1"};
	struct pod_ip pod_ip;
	struct addr key;
	struct txn txn;

	block_carve(pool, "10.4.0.0/28", false, false);
	txn = reserve("pod", pool, 0);
	generation = txn.generation;
	key = txn.ip[FAMILY_IPV4].address;
	ok(!txn.error && txn.state == LEASE_RESERVED && txn.slot < PODS_MAX,
	   "a pod in the making has a slot");
	lease_owner_set(&bind.owner, "pod", "", NULL);
	bind.generation = generation + 1;
	ok(fails(run(PROG_BIND, &bind), IPAM_NO_LEASE), "bind of another generation");
	bind.generation = generation;
	ok(!run(PROG_BIND, &bind).error &&
		   !bpf_map_lookup_elem(pins_map(&pins, PIN_POD_IPS), &key, &pod_ip) &&
		   pod_ip.slot == txn.slot,
	   "bound: published by address");
	ok(!run(PROG_BIND, &bind).error, "binding twice");
	ok(fails(owner_run(PROG_RELEASE, "pod", generation + 1), IPAM_NO_LEASE),
	   "release of another generation");
	ok(!owner_run(PROG_DYING, "pod", 0).error &&
		   bpf_map_lookup_elem(pins_map(&pins, PIN_POD_IPS), &key, &pod_ip),
	   "dying: unpublished");
	ok(fails(run(PROG_BIND, &bind), IPAM_WRONG_STATE), "a dying lease cannot be bound");
	ok(release("pod").state == LEASE_DYING && !state().pods, "released, its slot too");
	lease("held", pool, 0, NULL);
	ok(fails(owner_run(PROG_DYING, "held", 0), IPAM_WRONG_STATE), "held addresses do not die");
	lease_owner_set(&bind.owner, "held", "", NULL);
	bind.generation = generation + 1;
	ok(fails(run(PROG_BIND, &bind), IPAM_WRONG_STATE), "nor are they bound");
	ok(fails(owner_run(PROG_DYING, "unknown", 0), IPAM_NO_LEASE), "dying of an unknown owner");
	ok(reserve("pod", pool, 0).generation == generation + 2, "generations are never reused");
	release("pod");
	release("held");
}

static void test_structure(void)
{
	static struct pool_request r;
	struct block_request carve = {.cidr = NO_CIDR};
	uint32_t pool = pool_new("structure"), block, generation;

	block = block_carve(pool, "10.5.0.0/28", false, false).id;
	ok(fails(lease("s", 0, 0, NULL), IPAM_NO_POOL), "a lease without any pool");
	ok(fails(lease("s", 999999, 0, NULL), IPAM_NO_POOL), "of an unknown pool");
	ok(fails(lease("s", 0, pool, NULL), IPAM_NO_BLOCK), "of a family without blocks");
	r.expected = state().generation - 1;
	ok(fails(run(PROG_POOL_SET, &r), IPAM_STALE) &&
		   fails(run(PROG_POOL_DELETE, &r), IPAM_STALE) &&
		   fails(run(PROG_BLOCK_STATE, &r), IPAM_STALE),
	   "stale pools and states");
	carve.expected = r.expected;
	carve.block.pool = pool;
	carve.id = block;
	ok(fails(run(PROG_BLOCK_CARVE, &carve), IPAM_STALE) &&
		   fails(run(PROG_BLOCK_DROP, &carve), IPAM_STALE),
	   "stale blocks");
	ok(fails(pool_set("structure", 0, POOL_ACTIVE), IPAM_STALE), "a second pool of that name");
	ok(fails(pool_set("structure", 999999, POOL_ACTIVE), IPAM_NO_POOL),
	   "a change of an unknown pool");
	ok(fails(block_carve(999999, "10.5.1.0/28", false, false), IPAM_NO_POOL),
	   "a block of an unknown pool");
	ok(fails(block_drop(999999), IPAM_NO_BLOCK), "dropping an unknown block");
	lease("s", pool, 0, NULL);
	ok(fails(block_drop(block), IPAM_IN_USE), "dropping one in use");
	pool_set("structure", pool, POOL_TERMINATING);
	ok(fails(lease("t", pool, 0, NULL), IPAM_POOL_TERMINATING),
	   "no lease of a terminating pool");
	ok(gives(lease("s", pool, 0, NULL), "10.5.0.1", ""), "but an owner keeps its address");
	pool_set("structure", pool, POOL_ACTIVE);
	release("s");
	generation = state().generation;
	ok(!block_drop(block).error && state().generation == generation + 1,
	   "a structural change adds one");
	lease("nobody", pool, 0, NULL);
	ok(state().generation == generation + 1, "and failures none");
	r.expected = state().generation;
	r.id = pool;
	ok(!run(PROG_POOL_DELETE, &r).error && fails(lease("s", pool, 0, NULL), IPAM_NO_POOL),
	   "an empty pool is removed");
}

static enum ipam_error raw(enum pinned_prog prog, uint64_t request)
{
	struct txn txn = {.request = request};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &txn, .ctx_size_in = sizeof(txn));

	return bpf_prog_test_run_opts(pins_prog(&pins, prog), &opts) ? 99 : txn.error;
}

/* Whatever a transaction cannot read or believe, it refuses; the lock is free and nothing has changed. */
static void test_fault(void)
{
	static const enum pinned_prog all[] = {PROG_LEASE,	 PROG_BIND,	   PROG_DYING,
					       PROG_RELEASE,	 PROG_POOL_SET,	   PROG_POOL_DELETE,
					       PROG_BLOCK_STATE, PROG_BLOCK_CARVE, PROG_BLOCK_DROP,
					       PROG_BLOCK_EXCLUDE};
	long page = sysconf(_SC_PAGESIZE);
	char *edge =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct ipam before = state(), after;
	static struct pool_request r;
	struct block_request carve = {.cidr = NO_CIDR, .expected = before.generation};
	uint32_t pool;
	bool right = true;

	munmap(edge + page, page);
	for (unsigned int i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		right &= raw(all[i], 0) == IPAM_FAULT &&
			 raw(all[i], 0xffffffff80000000) == IPAM_FAULT;
		right &= raw(all[i], (uintptr_t)edge + page - 8) == IPAM_FAULT;
	}
	after = state();
	ok(right && !memcmp(&before, &after, sizeof(before)),
	   "a request that cannot be read: IPAM_FAULT, nothing changed");
	r.expected = before.generation;
	r.change_count = BLOCKS_MAX + 1;
	ok(fails(run(PROG_BLOCK_STATE, &r), IPAM_FAULT), "more changes than there can be blocks");
	r.change_count = 0x20000001; /* times 8 wraps to 8 */
	ok(fails(run(PROG_BLOCK_STATE, &r), IPAM_FAULT), "a count whose size wraps around");
	r.change_count = 1;
	r.changes = 8;
	ok(fails(run(PROG_BLOCK_STATE, &r), IPAM_FAULT), "changes that cannot be read");
	pool = pool_new("fault");
	carve.expected = state().generation;
	carve.block = (struct block){
		.pool = pool, .state = BLOCK_ACTIVE, .size = 16, .low = 5, .high = 5};
	ok(fails(run(PROG_BLOCK_CARVE, &carve), IPAM_FAULT), "a block without addresses");
	carve.block.high = 17;
	ok(fails(run(PROG_BLOCK_CARVE, &carve), IPAM_FAULT), "a range beyond its size");
	carve.block.size = carve.block.high = 65537;
	ok(fails(run(PROG_BLOCK_CARVE, &carve), IPAM_FAULT), "more than 65,536 addresses");
	carve.block.family = FAMILIES;
	ok(fails(run(PROG_BLOCK_CARVE, &carve), IPAM_NO_POOL), "a family that does not exist");
}

static struct txn exclude(uint32_t block, uint32_t chunk, uint64_t first_word)
{
	struct exclude_request r = {.key = {block, chunk}};

	r.excluded.word[0] = first_word;
	return run(PROG_BLOCK_EXCLUDE, &r);
}

static bool has_entry(uint32_t block)
{
	struct ips_key key = {block, 0};
	struct ips_chunk chunk;

	return !bpf_map_lookup_elem(pins_map(&pins, PIN_EXCLUDED), &key, &chunk);
}

/* Offsets 1 to 6 of a /29: what is excluded is never given, whether it is leased at that time or not. */
static void test_excluded(void)
{
	uint32_t pool = pool_new("excluded"), block = block_carve(pool, "10.9.0.0/29", false, false).id;
	struct pool p;
	struct txn a = lease("ea", pool, 0, NULL), b;

	/* the block's first and last address do not count, nor do bits beyond it */
	ok(!exclude(block, 0, 0xff87).error && block_of(block).excluded == 2, "two of six are excluded");
	ipam_pool_read(&pins, pool, &p);
	ok(p.family[FAMILY_IPV4].capacity == 4 && p.family[FAMILY_IPV4].in_use == 1,
	   "capacity without them, in use with the one that is leased");
	ok(!strcmp(ip(&a, FAMILY_IPV4), "10.9.0.1"), "which keeps its address");
	b = lease("eb", pool, 0, NULL);
	ok(!strcmp(ip(&b, FAMILY_IPV4), "10.9.0.3"), "the next free one that is not excluded");
	ok(fails(lease("ex", pool, 0, "10.9.0.2"), IPAM_ADDRESS_EXCLUDED), "a requested one is refused");
	ok(fails(lease("ex", pool, 0, "10.9.0.1"), IPAM_ADDRESS_TAKEN), "one that is leased is taken");
	release("ea");
	for (int i = 0; i < 3; i++) {
		char owner[8];

		snprintf(owner, sizeof(owner), "e%d", i);
		b = lease(owner, pool, 0, NULL);
	}
	ok(!strcmp(ip(&b, FAMILY_IPV4), "10.9.0.6") && block_of(block).full[0] == 1,
	   "all four are allocated, and the chunk is full");
	ok(fails(lease("ex", pool, 0, NULL), IPAM_EXHAUSTED), "a released one is not allocated again");
	ok(!exclude(block, 0, 2).error && block_of(block).full[0] == 0, "one is not excluded any more");
	b = lease("ex", pool, 0, NULL);
	ok(!strcmp(ip(&b, FAMILY_IPV4), "10.9.0.2"), "it is allocated");
	ok(fails(exclude(block, 1, 2), IPAM_FAULT) && fails(exclude(block + 99, 0, 2), IPAM_NO_BLOCK),
	   "a chunk or block that does not exist");
	release("eb");
	release("ex");
	for (int i = 0; i < 3; i++) {
		char owner[8];

		snprintf(owner, sizeof(owner), "e%d", i);
		release(owner);
	}
	ok(has_entry(block) && !block_drop(block).error && !has_entry(block), "and removed with its block");
	block = block_carve(pool, "10.9.0.0/29", false, false).id;
	ok(!exclude(block, 0, 0x7e).error && block_of(block).excluded == 6 &&
		   fails(lease("ex", pool, 0, NULL), IPAM_EXHAUSTED),
	   "a block of which nothing is left");
	ok(!exclude(block, 0, 0).error && !has_entry(block) && !block_drop(block).error, "dropped clean");
}

static void test_busy(void)
{
	int fd = pins_map(&pins, PIN_IPAM);
	struct ipam ipam = state();
	__u32 zero = 0;
	static struct lease_request r;

	ipam.lock = 1;
	bpf_map_update_elem(fd, &zero, &ipam, BPF_ANY);
	ok(raw(PROG_LEASE, (uintptr_t)&r) == IPAM_BUSY && raw(PROG_BLOCK_DROP, 0) == IPAM_BUSY,
	   "a lock that is taken: IPAM_BUSY");
	ipam.lock = 0;
	bpf_map_update_elem(fd, &zero, &ipam, BPF_ANY);
	ok(raw(PROG_LEASE, (uintptr_t)&r) == IPAM_NO_POOL, "and free again");
}

/* The entry of @who, made @age seconds ago. */
static void pending_age(const struct pending_owner *who, uint64_t age)
{
	struct pending_entry *list;
	size_t count;

	ipam_pending_set(&pins, who, FAMILY_IPV4, "wanted");
	ipam_pendings(&pins, &list, &count, NULL);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(list[i].pending.owner, who->owner->id))
			continue;
		list[i].pending.last_attempt -= age;
		bpf_map_update_elem(pins_map(&pins, PIN_PENDING), &list[i].key, &list[i].pending, BPF_ANY);
	}
	free(list);
}

static void test_pending(void)
{
	static const struct lease_owner a = { "a", "eth0" }, b = { "b", "eth0" }, c = { "c", "eth1" };
	const struct pending_owner pod_a = { &a, "ns", "pod" }, pod_b = { &b, "ns", "pod" };
	const struct pending_owner pod_c = { &c, "ns", "pod" }, plain = { &a, "", "pod" };

	ipam_pending_set(&pins, &pod_a, FAMILY_IPV4, "wanted");
	ipam_pending_set(&pins, &pod_b, FAMILY_IPV4, "wanted");
	ok(ipam_pending_count(&pins, "wanted", FAMILY_IPV4) == 1, "one pod, two containers");
	ipam_pending_set(&pins, &pod_c, FAMILY_IPV4, "wanted");
	ipam_pending_set(&pins, &plain, FAMILY_IPV4, "wanted");
	ok(ipam_pending_count(&pins, "wanted", FAMILY_IPV4) == 3, "another interface, and no pod's name");
	ipam_pending_set(&pins, &pod_a, FAMILY_IPV4, "");
	ok(ipam_pending_count(&pins, "wanted", FAMILY_IPV4) == 2, "without demand after its success");
	ipam_pending_clear(&pins, "c");
	ipam_pending_clear(&pins, "a");
	ok(!ipam_pending_count(&pins, "wanted", FAMILY_IPV4), "cleared by their owners");
	pending_age(&pod_a, PENDING_SECONDS - 5);
	pending_age(&pod_c, PENDING_SECONDS + 1);
	ok(ipam_pending_count(&pins, "wanted", FAMILY_IPV4) == 1, "expired after more than five minutes");
	pending_age(&pod_a, PENDING_SECONDS + 1);
	ok(!ipam_pending_count(&pins, "wanted", FAMILY_IPV4), "expired after the last attempt");
}

static void test_limits(void)
{
	uint32_t pool = pool_new("limits"), made = 0;
	enum ipam_error error = 0;
	char name[32];

	while (!error && made <= POOLS_MAX) {
		snprintf(name, sizeof(name), "pool%u", made);
		error = pool_set(name, 0, POOL_ACTIVE).error;
		made += !error;
	}
	ok(error == IPAM_NO_MEMORY && state().pools == POOLS_MAX, "%u pools and no more",
	   POOLS_MAX);
	for (made = 0, error = 0; !error && made <= BLOCKS_MAX; made += !error) {
		snprintf(name, sizeof(name), "10.%u.%u.%u/32", 64 + (made >> 16), made >> 8 & 255,
			 made & 255);
		error = block_carve(pool, name, false, false).error;
	}
	ok(error == IPAM_NO_MEMORY && state().blocks == BLOCKS_MAX, "%u blocks and no more",
	   BLOCKS_MAX);
}

int main(void)
{
	transactions_begin();
	test_next_fit();
	test_small();
	test_wanted();
	test_dual_stack();
	test_life();
	test_structure();
	test_fault();
	test_excluded();
	test_busy();
	test_pending();
	test_limits();
	return tap_done();
}
