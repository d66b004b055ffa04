// SPDX-License-Identifier: GPL-2.0-only
/*
 * No torn set: connect() on one CPU sees only members of the old or the new set, while another CPU replaces the
 * set as fast as it can, in extents that are used again and again; and a deleted frontend leads nowhere.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "loader/derive/derive.h"
#include "loader/kernel/load.h"
#include "loader/kernel/map.h"
#include "loader/services/plan.h"
#include "maps/flows.h"
#include "tests/lib/sandbox.h"

#define CGROUP "/run/test-cgroup"
#define LOOKUPS 1000000
/* The sets: backends and members 1 to 3, and 9 to 16. A mix of both would have members between them, too. */
#define SMALL 3
#define FIRST_LARGE 9
#define LARGE 8

static struct context node;
static struct service_row row = { .key = { .port = 80, .protocol = PROTOCOL_UDP },
				  .service = { .owner = 1, .id = 1 } };
static atomic_bool done;
static unsigned long replaced;

static void bail(const struct error *e)
{
	printf("Bail out! %s\n", e->text);
	exit(1);
}

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* 10.1.0.1 to .3, 10.3.0.4 to .8 of neither, 10.2.0.9 to .16 */
static void fill(void)
{
	struct error e;

	for (uint32_t id = 1; id < FIRST_LARGE + LARGE; id++) {
		struct backend b = { .port = 8080, .state = BACKEND_ACTIVE, .service = 1 };
		char text[ADDR_TEXT];

		snprintf(text, sizeof(text), "10.%d.0.%u", id <= SMALL ? 1 : id < FIRST_LARGE ? 3 : 2, id);
		addr_parse(text, &b.address);
		if (backend_write(&node, &id, &b, &e) ||
		    bpf_map_update_elem(pins_map(&node.pins, PIN_MEMBERS), &id, &id, BPF_ANY))
			bail(&e);
	}
}

static void publish(uint32_t first, uint32_t count)
{
	struct error e;

	row.service.inside = row.service.outside = (struct extent){ first, count };
	if (service_write(&node, &row.key, &row.service, &e))
		bail(&e);
}

static void *replace(void *arg)
{
	(void)arg;
	run_on(1);
	while (!done) {
		publish(1, SMALL);
		publish(FIRST_LARGE, LARGE);
		replaced += 2;
	}
	return NULL;
}

/* connect() to 10.96.0.1:80; the real peer in host order, 0: refused. getpeername is not attached. */
static uint32_t lookup(int fd)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(80) };
	socklen_t size = sizeof(to);

	inet_aton("10.96.0.1", &to.sin_addr);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) || getpeername(fd, (struct sockaddr *)&to, &size))
		return 0;
	return ntohl(to.sin_addr.s_addr);
}

static bool is_small(uint32_t peer)
{
	return peer > 0x0a010000 && peer <= 0x0a010000 + SMALL;
}

static bool is_large(uint32_t peer)
{
	return peer >= 0x0a020000 + FIRST_LARGE && peer < 0x0a020000 + FIRST_LARGE + LARGE;
}

static void test_sets(int fd)
{
	unsigned long small = 0, large = 0, wrong = 0;
	pthread_t thread;

	publish(1, SMALL);
	if (pthread_create(&thread, NULL, replace, NULL))
		abort();
	run_on(0);
	for (int i = 0; i < LOOKUPS; i++) {
		uint32_t peer = lookup(fd);

		small += is_small(peer);
		large += is_large(peer);
		wrong += !is_small(peer) && !is_large(peer);
	}
	done = true;
	pthread_join(thread, NULL);
	printf("# %lu replacements; %lu lookups of one set, %lu of the other\n", replaced, small, large);
	ok(!wrong && small > LOOKUPS / 1000 && large > LOOKUPS / 1000,
	   "%d lookups while another CPU replaces the set: %lu wrong", LOOKUPS, wrong);
}

static void test_all_members(int fd)
{
	bool seen[32] = {};
	unsigned int count = 0;

	publish(FIRST_LARGE, LARGE);
	for (int i = 0; i < 1000; i++)
		seen[lookup(fd) & 31] = true;
	for (int i = FIRST_LARGE; i < FIRST_LARGE + LARGE; i++)
		count += seen[i];
	ok(count == LARGE, "each member of a set is chosen");
}

static void test_ends(int fd)
{
	uint32_t id = FIRST_LARGE;
	struct error e;

	publish(0, 0);
	ok(!lookup(fd) && errno == ECONNREFUSED, "an empty set refuses");
	publish(FIRST_LARGE, 1);
	ok(lookup(fd) == 0x0a020000 + FIRST_LARGE, "a set of one");
	if (backend_write(&node, &id, NULL, &e))
		bail(&e);
	ok(!lookup(fd) && errno == ECONNREFUSED, "an endpoint that has ended is not used");
	if (service_write(&node, &row.key, NULL, &e))
		bail(&e);
	ok(lookup(fd) == 0x0a600001, "without the frontend the address is what it is");
}

static void begin(void)
{
	struct options options;
	struct error e;
	bool resized;
	int cgroup;

	sandbox_enter();
	sandbox_cgroup(CGROUP);
	pins_init(&node.pins);
	if (root_init(&node.pins.root, "/sys/fs/bpf/test", &e) ||
	    root_create(&node.pins.root, ROOT_EXCLUSIVE, &e) || load_ipam(&node.pins, &e) ||
	    options_parse(NULL, &options, &e) || load_datapath(&node.pins, &options, &resized, &e))
		bail(&e);
	options_free(&options);
	cgroup = open(CGROUP, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (bpf_link_create(pins_prog(&node.pins, PROG_CONNECT4), cgroup, BPF_CGROUP_INET4_CONNECT, NULL) < 0)
		printf("Bail out! cannot attach: %m\n");
	addr_parse("10.96.0.1", &row.key.address);
	fill();
}

int main(void)
{
	int fd;

	begin();
	sh("ip link set lo up && ip route add local default dev lo");
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	test_sets(fd);
	test_all_members(fd);
	test_ends(fd);
	return tap_done();
}
