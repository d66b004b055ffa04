// SPDX-License-Identifier: GPL-2.0-only
/* Runs transactions, and reads the IPAM maps. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "loader/ipam/transactions.h"
#include "loader/kernel/map.h"
#include "loader/base/trace.h"
#include "loader/base/prefix.h"

/* A transaction takes microseconds: this is far beyond any wait that ends by itself. */
#define BUSY_TRIES 200000

const char *ipam_error_text(enum ipam_error error)
{
	static const char *const texts[] = {
		[IPAM_OK] = "done",
		[IPAM_BUSY] = "another transaction is running",
		[IPAM_FAULT] = "the request could not be read",
		[IPAM_STALE] = "pools or blocks changed meanwhile",
		[IPAM_NO_MEMORY] = "the maps are full",
		[IPAM_NO_LEASE] = "no such lease",
		[IPAM_WRONG_STATE] = "the lease is in another state",
		[IPAM_NO_POOL] = "no such pool",
		[IPAM_POOL_TERMINATING] = "the pool is terminating",
		[IPAM_NO_BLOCK] = "no such block",
		[IPAM_EXHAUSTED] = "no free address",
		[IPAM_NOT_IN_CIDR] = "the address is in no block",
		[IPAM_NOT_IN_RANGE] = "the address is reserved",
		[IPAM_ADDRESS_TAKEN] = "the address is in use",
		[IPAM_ADDRESS_DRAINING] = "the address is in a draining block",
		[IPAM_NO_SLOT] = "pp_pods is full",
		[IPAM_IN_USE] = "the block is in use",
	};

	if ((size_t)error < sizeof(texts) / sizeof(*texts) && texts[error])
		return texts[error];
	return "unknown error";
}

int ipam_refused(struct pins *pins, enum pinned_prog prog, const struct txn *txn, struct error *e)
{
	return error_set(e, txn->error == IPAM_NO_MEMORY ? -ENOSPC : -EPROTO,
			 "%s: %s: %s; run 'pinpool check'", pins->root.path, pinned_prog_names[prog],
			 ipam_error_text(txn->error));
}

int ipam_run(struct pins *pins, enum pinned_prog prog, const void *request, struct txn *txn,
	     struct error *e)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = txn, .ctx_size_in = sizeof(*txn));
	const struct timespec delay = { .tv_nsec = 20000 };
	int fd = pins_prog(pins, prog), err;

	if (fd < 0)
		return pins_error(pins, pinned_prog_names[prog], fd, e);
	for (unsigned int i = 0; i < BUSY_TRIES; i++) {
		memset(txn, 0, sizeof(*txn));
		txn->request = (uintptr_t)request;
		err = bpf_prog_test_run_opts(fd, &opts) ? -errno : 0;
		if (err == -EINTR || err == -EAGAIN)
			continue;
		if (err)
			return error_set(e, err, "%s: the kernel did not run %s: %s; run 'pinpool up'",
					 pins->root.path, pinned_prog_names[prog], strerror(-err));
		if (txn->error != IPAM_BUSY) {
			trace("transaction %s: %s", pinned_prog_names[prog], ipam_error_text(txn->error));
			return 0;
		}
		nanosleep(&delay, NULL);
	}
	return error_set(e, -EDEADLK,
			 "%s: cannot get the transaction lock of pp_ipam; run 'pinpool check --fix'",
			 pins->root.path);
}

int ipam_read(struct pins *pins, struct ipam *ipam, struct error *e)
{
	int fd = pins_map(pins, PIN_IPAM);
	__u32 zero = 0;

	if (fd < 0)
		return pins_error(pins, "pp_ipam", fd, e);
	if (bpf_map_lookup_elem(fd, &zero, ipam))
		return pins_error(pins, "pp_ipam", -errno, e);
	return 0;
}

static int read_one(struct pins *pins, enum pinned_map map, const void *key, void *value)
{
	int fd = pins_map(pins, map);

	if (fd < 0)
		return fd;
	return bpf_map_lookup_elem(fd, key, value) ? -errno : 0;
}

int ipam_pool_read(struct pins *pins, uint32_t id, struct pool *pool)
{
	return read_one(pins, PIN_POOLS, &id, pool);
}

int ipam_pool_find(struct pins *pins, const char *name, uint32_t *id, struct pool *pool)
{
	struct pool_name key = {};
	int err;

	if (strlen(name) >= sizeof(key.name))
		return -ENOENT;
	memcpy(key.name, name, strlen(name));
	err = read_one(pins, PIN_POOL_IDS, &key, id);
	return err ? err : ipam_pool_read(pins, *id, pool);
}

int ipam_block_read(struct pins *pins, uint32_t id, struct block *block)
{
	return read_one(pins, PIN_BLOCKS, &id, block);
}

bool ipam_is_block(struct pins *pins, const struct lease_ip *ip)
{
	struct block block;

	return ip->block && !ipam_block_read(pins, ip->block, &block) && block.prefix.length == 128;
}

bool ipam_is_excluded(struct pins *pins, const struct lease_ip *ip, const struct block *block)
{
	uint64_t offset = addr_distance(&ip->address, &block->prefix.addr);
	struct ips_key key = { .block = ip->block, .chunk = offset / CHUNK_ADDRESSES };
	struct ips_chunk chunk;

	return !read_one(pins, PIN_EXCLUDED, &key, &chunk) &&
	       chunk.word[offset / 64 % CHUNK_WORDS] >> (offset % 64) & 1;
}

int ipam_lease_read(struct pins *pins, const struct lease_owner *owner, struct lease *lease)
{
	return read_one(pins, PIN_LEASES, owner, lease);
}

int ipam_leases(struct pins *pins, struct lease_entry **list, size_t *count, struct error *e)
{
	return MAP_READ(pins, PIN_LEASES, *list, *count, owner, lease, e);
}

int ipam_owner_interfaces(struct pins *pins, const char *id, struct lease_owner **list, size_t *count,
			  struct error *e)
{
	int fd = pins_map(pins, PIN_LEASES);
	struct lease_owner key, next;

	*list = NULL;
	*count = 0;
	if (fd < 0)
		return pins_error(pins, pinned_map_names[PIN_LEASES], fd, e);
	/* Values are seven times as much to copy. */
	for (bool first = true; !bpf_map_get_next_key(fd, first ? NULL : &key, &next); first = false) {
		key = next;
		if (strcmp(key.id, id) || !key.ifname[0])
			continue;
		*list = xgrow(*list, *count, sizeof(**list));
		(*list)[(*count)++] = key;
	}
	return 0;
}

static int by_pool_name(const void *a, const void *b)
{
	return strcmp(((const struct pool_entry *)a)->pool.name,
		      ((const struct pool_entry *)b)->pool.name);
}

int ipam_pools(struct pins *pins, struct pool_entry **list, size_t *count, struct error *e)
{
	int err = MAP_READ(pins, PIN_POOLS, *list, *count, id, pool, e);

	if (!err && *count)
		qsort(*list, *count, sizeof(**list), by_pool_name);
	return err;
}

static int by_block_id(const void *a, const void *b)
{
	uint32_t x = ((const struct block_entry *)a)->id, y = ((const struct block_entry *)b)->id;

	return x < y ? -1 : x > y;
}

int ipam_blocks(struct pins *pins, struct block_entry **list, size_t *count, struct error *e)
{
	int err = MAP_READ(pins, PIN_BLOCKS, *list, *count, id, block, e);

	if (!err && *count)
		qsort(*list, *count, sizeof(**list), by_block_id);
	return err;
}

int ipam_pendings(struct pins *pins, struct pending_entry **list, size_t *count, struct error *e)
{
	return MAP_READ(pins, PIN_PENDING, *list, *count, key, pending, e);
}

int ipam_pool_cidrs(struct pins *pins, uint32_t pool, enum family family, struct pool_cidr *cidrs,
		    uint32_t count)
{
	struct pool_cidr_key key = { .pool = pool, .family = family };
	int err = 0;

	for (key.index = 0; !err && key.index < count && key.index < POOL_FAMILY_CIDRS; key.index++)
		err = read_one(pins, PIN_POOL_CIDRS, &key, &cidrs[key.index]);
	return err;
}

uint64_t ipam_boot_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec;
}

/* The same key as pending_forget() of bpf/ipam_lease.bpf.h. */
static void pending_key_fill(struct pending_key *key, const struct pending_owner *who,
			     enum family family)
{
	bool named = who->namespace && who->namespace[0] && who->name && who->name[0];

	memset(key, 0, sizeof(*key));
	if (named)
		snprintf(key->namespace, sizeof(key->namespace), "%s", who->namespace);
	snprintf(key->name, sizeof(key->name), "%s", named ? who->name : who->owner->id);
	memcpy(key->ifname, who->owner->ifname, sizeof(key->ifname));
	key->family = family;
}

int ipam_pending_set(struct pins *pins, const struct pending_owner *who, enum family family,
		     const char *pool)
{
	struct pending value = { .last_attempt = ipam_boot_seconds() };
	int fd = pins_map(pins, PIN_PENDING);
	size_t length = strlen(pool);
	struct pending_key key;

	if (fd < 0)
		return fd;
	if (length >= sizeof(value.pool))
		return -ENAMETOOLONG;
	pending_key_fill(&key, who, family);
	if (!length)
		return bpf_map_delete_elem(fd, &key) && errno != ENOENT ? -errno : 0;
	memcpy(value.pool, pool, length);
	memcpy(value.owner, who->owner->id, sizeof(value.owner));
	return bpf_map_update_elem(fd, &key, &value, BPF_ANY) ? -errno : 0;
}

/* @owner NULL: of the pod. */
static void pending_clear(struct pins *pins, const char *owner, const char *namespace, const char *name)
{
	struct pending_entry *list;
	size_t count;

	if (ipam_pendings(pins, &list, &count, NULL))
		return;
	for (size_t i = 0; i < count; i++)
		if (owner ? !strcmp(list[i].pending.owner, owner) :
			    !strcmp(list[i].key.namespace, namespace) && !strcmp(list[i].key.name, name))
			bpf_map_delete_elem(pins_map(pins, PIN_PENDING), &list[i].key);
	free(list);
}

void ipam_pending_clear(struct pins *pins, const char *owner)
{
	pending_clear(pins, owner, NULL, NULL);
}

void ipam_pending_clear_pod(struct pins *pins, const char *namespace, const char *name)
{
	pending_clear(pins, NULL, namespace, name);
}

uint32_t ipam_pending_count(struct pins *pins, const char *pool, enum family family)
{
	struct pending_entry *list;
	uint64_t now = ipam_boot_seconds();
	uint32_t found = 0;
	size_t count;

	if (ipam_pendings(pins, &list, &count, NULL))
		return 0;
	for (size_t i = 0; i < count; i++) {
		if (now - list[i].pending.last_attempt > PENDING_SECONDS)
			bpf_map_delete_elem(pins_map(pins, PIN_PENDING), &list[i].key);
		else if (list[i].key.family == family && !strcmp(list[i].pending.pool, pool))
			found++;
	}
	free(list);
	return found;
}

int lease_owner_set(struct lease_owner *owner, const char *id, const char *ifname, struct error *e)
{
	memset(owner, 0, sizeof(*owner));
	if (!id[0])
		return error_set(e, -EINVAL, "owner: is empty; give --owner ID");
	if (strlen(id) > 128)
		return error_set(e, -ENAMETOOLONG, "owner: \"%.40s…\" has %zu bytes; at most 128 are allowed",
				 id, strlen(id));
	if (strlen(ifname) >= sizeof(owner->ifname))
		return error_set(e, -ENAMETOOLONG,
				 "interface \"%.40s\": has %zu bytes; at most 15 are allowed", ifname,
				 strlen(ifname));
	memcpy(owner->id, id, strlen(id));
	memcpy(owner->ifname, ifname, strlen(ifname));
	return 0;
}
