// SPDX-License-Identifier: GPL-2.0-only
/* The maps of ABI 1 copied into the present ones: ids, cursors and generations stay as they are. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/host/migrate_parts.h"
#include "loader/kernel/map.h"
#include "loader/kernel/store.h"
#include "maps/ipam.h"
#include "maps/pods.h"
#include "maps/txn.h"

#define KEY_MAX 512
#define VALUE_MAX 2048

struct copy {
	const char *name;
	uint32_t key, value; /* sizes in ABI 1 */
	enum pinned_map to;
	void (*convert)(const void *from, void *to); /* the value; NULL: it is the same */
	void (*convert_key)(const void *from, void *to); /* NULL: the key is the same */
	enum pinned_map (*place)(const void *key); /* of the new key; NULL: all are in @to */
	bool is_array;       /* elements of zero are there already */
};

static void convert_block(const void *from, void *to)
{
	const struct abi1_block *old = from;
	struct block b = {
		.pool = old->pool,
		.family = old->family,
		.state = old->state,
		.used = old->used,
		.prefix = { .length = old->prefix.length },
		.size = old->size,
		.low = old->low,
		.high = old->high,
		.cursor = old->cursor,
		.prev = old->prev,
		.next = old->next,
		.created = old->created,
		.keep_until = old->keep_until,
		.full = { old->full[0], old->full[1] },
	};

	memcpy(&b.prefix.addr, &old->prefix.addr, sizeof(b.prefix.addr));
	memcpy(to, &b, sizeof(b));
}

static void convert_pod(const void *from, void *to)
{
	const struct abi1_pod *old = from;
	struct pod pod = {
		.state = old->state,
		.flags = old->flags,
		.mtu = old->mtu,
		.ifindex = old->ifindex,
		.generation = old->generation,
		.pool = { old->pool[0], old->pool[1] },
	};

	memcpy(pod.mac, old->mac, sizeof(pod.mac));
	memcpy(pod.host_mac, old->host_mac, sizeof(pod.host_mac));
	memcpy(pod.ip, old->ip, sizeof(pod.ip));
	memcpy(to, &pod, sizeof(pod));
}

static void convert_object_key(const void *from, void *to)
{
	const struct abi1_object_key *old = from;
	struct object_key key = { .kind = old->kind, .chunk = old->chunk };

	memcpy(key.name, old->name, sizeof(key.name));
	memcpy(to, &key, sizeof(key));
}

static enum pinned_map place_object(const void *key)
{
	return store_map(((const struct object_key *)key)->kind);
}

static void convert_config(const struct abi1_config *old, struct config *c)
{
	memset(c, 0, sizeof(*c));
	c->enabled[FAMILY_IPV4] = old->ipv4;
	c->enabled[FAMILY_IPV6] = old->ipv6;
	memcpy(c->masquerade, old->masquerade, sizeof(c->masquerade));
	c->masquerade_default_only = old->masquerade_default_only;
	c->endpoint_routes = old->endpoint_routes;
	c->default_pool = old->default_pool;
	c->mtu = old->mtu;
	memcpy(c->address, old->address, sizeof(c->address));
	c->allocator = old->allocator;
	c->netns_cookie = old->netns_cookie;
	memcpy(c->default_pool_name, old->default_pool_name, sizeof(c->default_pool_name));
	memcpy(c->node, old->node, sizeof(c->node));
	memcpy(c->state_file, old->state_file, sizeof(c->state_file));
}

_Static_assert(sizeof(struct ipam) == ABI1_IPAM && sizeof(struct pool) == ABI1_POOL &&
		       sizeof(struct pool_name) == ABI1_POOL_NAME &&
		       sizeof(struct pool_cidr_key) == ABI1_POOL_CIDR_KEY &&
		       sizeof(struct pool_cidr) == ABI1_POOL_CIDR,
	       "changed since ABI 1: freeze it in abi1.h and convert it");
_Static_assert(sizeof(struct ips_key) == ABI1_IPS_KEY && sizeof(struct ips_chunk) == ABI1_IPS_CHUNK &&
		       sizeof(struct lease_owner) == ABI1_LEASE_OWNER &&
		       sizeof(struct lease) == ABI1_LEASE && sizeof(struct pod_ip) == ABI1_POD_IP,
	       "changed since ABI 1: freeze it in abi1.h and convert it");
_Static_assert(sizeof(struct object_chunk) == ABI1_OBJECT_CHUNK && sizeof(struct addr) == ABI1_ADDR,
	       "changed since ABI 1: freeze it in abi1.h and convert it");

/* pp_pending is left out: a pod that waits asks again. */
static const struct copy copies[] = {
	{ "pp_ipam", 4, ABI1_IPAM, .to = PIN_IPAM },
	{ "pp_pools", 4, ABI1_POOL, .to = PIN_POOLS },
	{ "pp_pool_ids", ABI1_POOL_NAME, 4, .to = PIN_POOL_IDS },
	{ "pp_pool_cidrs", ABI1_POOL_CIDR_KEY, ABI1_POOL_CIDR, .to = PIN_POOL_CIDRS },
	{ "pp_blocks", 4, sizeof(struct abi1_block), .to = PIN_BLOCKS, .convert = convert_block },
	{ "pp_ips", ABI1_IPS_KEY, ABI1_IPS_CHUNK, .to = PIN_IPS },
	{ "pp_leases", ABI1_LEASE_OWNER, ABI1_LEASE, .to = PIN_LEASES },
	{ "pp_objects", sizeof(struct abi1_object_key), ABI1_OBJECT_CHUNK, .to = PIN_OBJECTS,
	  .convert_key = convert_object_key, .place = place_object },
	{ "pp_pods", 4, sizeof(struct abi1_pod), .to = PIN_PODS, .convert = convert_pod, .is_array = true },
	{ "pp_pod_ips", ABI1_ADDR, ABI1_POD_IP, .to = PIN_POD_IPS },
};

static int unreadable(const char *path, int err, const char *reason, struct error *e)
{
	return error_set(e, err,
			 "%s: cannot be read as ABI %d: %s; it is left as it is, use the pinpool that made it",
			 path, PP_ABI_BEFORE, reason);
}

int abi1_read(const struct root *root, const char *name, uint32_t key, uint32_t value, void **list,
	      size_t *count, struct error *e)
{
	char dir[sizeof(root->dir)], path[sizeof(root->dir) + 64];
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);
	int fd, err;

	*list = NULL;
	*count = 0;
	root_before(root, dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return unreadable(path, -errno, strerror(errno), e);
	if (bpf_obj_get_info_by_fd(fd, &info, &size) || info.key_size != key || info.value_size != value) {
		close(fd);
		return unreadable(path, -EUCLEAN, "its keys or values have another size", e);
	}
	err = map_read_all(fd, key, ABI1_ALIGN(key), value, ABI1_ALIGN(key) + ABI1_ALIGN(value), list, count);
	close(fd);
	return err ? unreadable(path, err, strerror(-err), e) : 0;
}

static bool is_zero(const char *bytes, size_t size)
{
	return !size || (!bytes[0] && !memcmp(bytes, bytes + 1, size - 1));
}

static void convert(void (*fn)(const void *from, void *to), const void *from, size_t size, void *to)
{
	if (fn)
		fn(from, to);
	else
		memcpy(to, from, size);
}

static int copy_map(struct pins *pins, const struct copy *c, struct error *e)
{
	char key[KEY_MAX], value[VALUE_MAX];
	char *list;
	size_t count;
	int err = abi1_read(&pins->root, c->name, c->key, c->value, (void **)&list, &count, e);
	for (size_t i = 0; !err && i < count; i++) {
		const char *from = list + i * (ABI1_ALIGN(c->key) + ABI1_ALIGN(c->value));
		enum pinned_map to;

		if (c->is_array && is_zero(from + ABI1_ALIGN(c->key), c->value))
			continue;
		convert(c->convert_key, from, c->key, key);
		convert(c->convert, from + ABI1_ALIGN(c->key), c->value, value);
		to = c->place ? c->place(key) : c->to;
		if (bpf_map_update_elem(pins_map(pins, to), key, value, BPF_ANY))
			err = error_set(e, -errno, "%s: cannot copy the state of ABI %d: %s; free kernel memory",
					pinned_map_names[to], PP_ABI_BEFORE, strerror(errno));
	}
	free(list);
	return err;
}

/* A first `up` that was killed, or pins that somebody removed: then `up` finds the pods by their interfaces. */
static bool has_leases(const struct root *root)
{
	char dir[sizeof(root->dir)], path[sizeof(root->dir) + 64];

	root_before(root, dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/pp_leases", dir);
	return !access(path, F_OK);
}

int migrate_state(struct context *node, struct error *e)
{
	struct {
		__u32 key;
		struct abi1_config config;
	} *old;
	size_t count;
	int err = abi1_read(&node->pins.root, "pp_config", 4, sizeof(old->config), (void **)&old, &count, e);

	if (err == -ENOENT && !has_leases(&node->pins.root))
		return 0;
	if (err)
		return err;
	convert_config(&old->config, &node->config);
	free(old);
	if (!node->config.node[0])
		return 0;
	err = context_check_netns(node, e);
	for (size_t i = 0; !err && i < sizeof(copies) / sizeof(copies[0]); i++)
		err = copy_map(&node->pins, &copies[i], e);
	return err;
}
