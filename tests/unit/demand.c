// SPDX-License-Identifier: GPL-2.0-only
/* pp_demand: a lease that lacks a block wakes whoever waits there, and nothing else does. */
#include <bpf/libbpf.h>
#include <poll.h>

#include "maps/demand.h"
#include "tests/lib/transactions.h"

static struct demand last;
static unsigned int records;

static int take(void *arg, void *data, size_t size)
{
	(void)arg;
	if (size < sizeof(last))
		return 0;
	memcpy(&last, data, sizeof(last));
	records++;
	return 0;
}

/* The number of new records; the newest is in `last`. */
static unsigned int new_records(struct ring_buffer *ring)
{
	records = 0;
	ring_buffer__consume(ring);
	return records;
}

static struct txn lease_of_pod(uint32_t v4, uint32_t v6)
{
	struct lease_request r;

	lease_request(&r, "container", v4, v6, NULL);
	strcpy(r.owner.ifname, "eth0");
	strcpy(r.lease.namespace, "red");
	strcpy(r.lease.pod, "web");
	return run(PROG_LEASE, &r);
}

static struct txn lease_silently(uint32_t pool)
{
	struct lease_request r;

	lease_request(&r, "silent", pool, 0, NULL);
	r.silent = 1;
	return run(PROG_LEASE, &r);
}

static void test_without_block(struct ring_buffer *ring)
{
	struct pollfd wait = { .fd = ring_buffer__epoll_fd(ring), .events = POLLIN };
	uint32_t pool = pool_new("wanted");

	ok(!poll(&wait, 1, 0) && !new_records(ring), "a pool alone is no demand");
	ok(lease_of_pod(pool, 0).error == IPAM_NO_BLOCK && poll(&wait, 1, 0) == 1, "a refused lease wakes");
	ok(new_records(ring) == 1 && last.pool == pool && last.family == FAMILY_IPV4, "with pool and family");
	ok(!strcmp(last.owner.id, "container") && !strcmp(last.owner.ifname, "eth0") &&
		   !strcmp(last.namespace, "red") && !strcmp(last.pod, "web"), "and who asked");
	ok(lease_silently(pool).error == IPAM_NO_BLOCK && !new_records(ring), "not one that will be tried again at once");
	block_carve(pool, "10.0.0.0/30", false, false);
	ok(!lease_of_pod(pool, 0).error && !new_records(ring), "a lease that is made is none");
	ok(lease_of_pod(pool, 0).existed && !new_records(ring), "nor one that was there");
	ok(!lease("b", pool, 0, NULL).error && lease("c", pool, 0, NULL).error == IPAM_EXHAUSTED &&
		   new_records(ring) == 1 && !last.namespace[0], "a full pool is demand again");
	ok(lease("c", pool, 0, "10.0.0.1").error == IPAM_ADDRESS_TAKEN && !new_records(ring),
	   "another address than the wanted one is of no use");
	ok(lease("d", 0, pool, NULL).error == IPAM_NO_BLOCK && new_records(ring) == 1 &&
		   last.family == FAMILY_IPV6, "of the other family");
}

/* Nobody reads: leases go on as before. */
static void test_full(struct ring_buffer *ring)
{
	uint32_t pool = pool_new("unread"), expected = DEMAND_BYTES / (sizeof(struct demand) + 8);
	bool right = true;

	for (uint32_t i = 0; i < 2 * expected; i++)
		right &= lease("e", pool, 0, NULL).error == IPAM_NO_BLOCK;
	ok(right, "leases are refused the same way when the buffer is full");
	records = new_records(ring);
	ok(records <= expected && records > expected - 2, "it holds what fits (%u of %u)", records, expected);
	block_carve(pool, "10.1.0.0/30", false, false);
	ok(!lease("e", pool, 0, NULL).error, "and made once there is a block");
}

int main(void)
{
	struct ring_buffer *ring;

	transactions_begin();
	ring = ring_buffer__new(pins_map(&pins, PIN_DEMAND), take, NULL, NULL);
	if (!ring) {
		printf("Bail out! pp_demand: %m\n");
		return 1;
	}
	test_without_block(ring);
	test_full(ring);
	ring_buffer__free(ring);
	return tap_done();
}
