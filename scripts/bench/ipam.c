// SPDX-License-Identifier: GPL-2.0-only
/*
 * Leases without a process around each: the transactions themselves, run as by the loader,
 * on the pinned programs of a node.
 * usage: bench_ipam ROOT POOL fill COUNT            owners 0 … COUNT-1 each take an address
 *        bench_ipam ROOT POOL thin COUNT FROM TO    of COUNT, FROM are left: release some at random
 *        bench_ipam ROOT POOL churn SECONDS PROCS   pairs of lease and release, owners of its own each
 */
#include <err.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "loader/ipam/transactions.h"
#include "loader/kernel/context.h"

#define SAMPLES (1 << 20)
#define PROCS_MAX 64

struct samples {
	uint32_t lease[SAMPLES], release[SAMPLES]; /* ns */
	size_t count;
	uint64_t started, ended;
};

static struct context node;
static uint32_t pool_id;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static void name_owner(struct lease_owner *owner, const char *prefix, size_t number)
{
	char id[64];

	snprintf(id, sizeof(id), "%s-%zu", prefix, number);
	if (lease_owner_set(owner, id, "", NULL))
		errx(1, "owner %s", id);
}

static uint32_t run(enum pinned_prog prog, const void *request)
{
	uint64_t before = now_ns();
	struct error e = {};
	struct txn txn;

	if (ipam_run(&node.pins, prog, request, &txn, &e))
		errx(1, "%s", e.text);
	if (txn.error)
		errx(1, "%s: error %d", pinned_prog_names[prog], txn.error);
	return now_ns() - before;
}

static uint32_t lease(const char *prefix, size_t number)
{
	struct lease_request request = { .lease.state = LEASE_HELD, .pool[FAMILY_IPV4] = pool_id };

	name_owner(&request.owner, prefix, number);
	return run(PROG_LEASE, &request);
}

static uint32_t release(const char *prefix, size_t number)
{
	struct owner_request request = {};

	name_owner(&request.owner, prefix, number);
	return run(PROG_RELEASE, &request);
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void print_us(const char *name, uint32_t *ns, size_t count)
{
	if (!count)
		return;
	qsort(ns, count, sizeof(*ns), by_value);
	printf(", \"%s_us\": {\"p50\": %.3f, \"p90\": %.3f, \"p99\": %.3f, \"max\": %.3f}", name,
	       ns[count / 2] / 1e3, ns[count * 9 / 10] / 1e3, ns[count * 99 / 100] / 1e3,
	       ns[count - 1] / 1e3);
}

/* Each lease's time in order, thinned out for a plot, then the whole. */
static void fill(size_t count)
{
	uint32_t *ns = calloc(count, sizeof(*ns));
	size_t step = count / 1000 + 1;

	for (size_t i = 0; i < count; i++)
		ns[i] = lease("fill", i);
	printf("{\"count\": %zu, \"series\": [", count);
	for (size_t at = 0; at + step <= count; at += step) {
		uint64_t sum = 0;

		for (size_t i = at; i < at + step; i++)
			sum += ns[i];
		printf("%s[%zu, %.3f]", at ? ", " : "", at + step, sum / 1e3 / step);
	}
	printf("]");
	print_us("lease", ns, count);
	puts("}");
	free(ns);
}

/* The same shuffle each time, so that calls follow one another. */
static void thin(size_t count, size_t from, size_t to)
{
	size_t *order = calloc(count, sizeof(*order)), swap;

	srand48(1);
	for (size_t i = 0; i < count; i++)
		order[i] = i;
	for (size_t i = count; i > 1; i--) {
		size_t j = drand48() * i;

		swap = order[i - 1];
		order[i - 1] = order[j];
		order[j] = swap;
	}
	for (size_t i = to; i < from && i < count; i++)
		release("fill", order[i]);
	printf("{\"left\": %zu}\n", to);
	free(order);
}

static void churn_one(struct samples *s, int number, double seconds)
{
	cpu_set_t set;
	char prefix[16];
	uint64_t end;

	CPU_ZERO(&set);
	CPU_SET(number % sysconf(_SC_NPROCESSORS_ONLN), &set);
	sched_setaffinity(0, sizeof(set), &set);
	snprintf(prefix, sizeof(prefix), "churn%d", number);
	s->started = now_ns();
	end = s->started + seconds * 1e9;
	for (s->count = 0; now_ns() < end && s->count < SAMPLES; s->count++) {
		s->lease[s->count] = lease(prefix, s->count);
		s->release[s->count] = release(prefix, s->count);
	}
	s->ended = now_ns();
}

static void churn(double seconds, int procs)
{
	struct samples *s;
	double rate = 0;
	int status;

	if (procs < 1 || procs > PROCS_MAX)
		errx(2, "churn: 1 to %d processes", PROCS_MAX);
	s = mmap(NULL, procs * sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED)
		err(1, "mmap");
	for (int i = 0; i < procs; i++) {
		if (!fork()) {
			churn_one(&s[i], i, seconds);
			_exit(0);
		}
	}
	for (int i = 0; i < procs; i++)
		if (wait(&status) < 0 || status)
			errx(1, "churn: a process failed");
	for (int i = 0; i < procs; i++)
		rate += s[i].count / ((s[i].ended - s[i].started) / 1e9);
	printf("{\"procs\": %d, \"pairs_per_s\": %.0f", procs, rate);
	print_us("lease", s[0].lease, s[0].count);
	print_us("release", s[0].release, s[0].count);
	puts("}");
}

int main(int argc, char **argv)
{
	struct pool pool;
	struct error e;

	if (argc < 5)
		errx(2, "usage: bench_ipam ROOT POOL fill COUNT | thin COUNT FROM TO | churn SECONDS PROCS");
	if (context_open(&node, argv[1], ROOT_SHARED, &e))
		errx(1, "%s", e.text);
	if (ipam_pool_find(&node.pins, argv[2], &pool_id, &pool))
		errx(1, "pool %s: is not there", argv[2]);
	if (!strcmp(argv[3], "fill"))
		fill(atoi(argv[4]));
	else if (!strcmp(argv[3], "thin") && argc == 7)
		thin(atoi(argv[4]), atoi(argv[5]), atoi(argv[6]));
	else if (!strcmp(argv[3], "churn") && argc == 6)
		churn(atof(argv[4]), atoi(argv[5]));
	context_close(&node);
	return 0;
}
