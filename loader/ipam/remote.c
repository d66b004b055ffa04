// SPDX-License-Identifier: GPL-2.0-only
/* pp_remote: mapped, searched, built from the CiliumNodes, replaced. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "loader/ipam/remote.h"
#include "loader/kernel/store.h"
#include "loader/base/memory.h"
#include "loader/base/trace.h"

#define SLOT sizeof(struct remote_row)

/* Rows being put together: the first @kept are sorted, those after them were added. */
struct builder {
	struct remote_row *rows;
	size_t kept, count, room;
	char *names;
	size_t names_size, names_room;
	uint32_t *pools; /* names of pools, each once */
	size_t pool_count;
};

/* By section, then prefix; then by all else, so that the same rows are always in the same order. */
static int compare(const void *a, const void *b, void *names)
{
	const struct remote_row *x = a, *y = b;
	int sections = (x->kind != REMOTE_BLOCK) - (y->kind != REMOTE_BLOCK);

	return sections ?: prefix_compare(&x->prefix, &y->prefix) ?: (int)x->kind - (int)y->kind ?:
	       strcmp((char *)names + x->node, (char *)names + y->node) ?:
	       strcmp((char *)names + x->pool, (char *)names + y->pool) ?:
	       addr_compare(&x->next_hop, &y->next_hop);
}

static uint32_t add_name(struct builder *b, const char *name)
{
	size_t size = strlen(name) + 1, at = b->names_size;

	if (at + size > b->names_room) {
		b->names_room = 2 * (at + size);
		b->names = xrealloc(b->names, b->names_room);
	}
	memcpy(b->names + at, name, size);
	b->names_size += size;
	return at;
}

static uint32_t add_pool(struct builder *b, const char *pool)
{
	/* the last one first: a node's blocks are listed by pool */
	for (size_t i = b->pool_count; i-- > 0;)
		if (!strcmp(b->names + b->pools[i], pool))
			return b->pools[i];
	b->pools = xrealloc(b->pools, (b->pool_count + 1) * sizeof(*b->pools));
	return b->pools[b->pool_count++] = add_name(b, pool);
}

static void builder_init(struct builder *b)
{
	memset(b, 0, sizeof(*b));
	add_pool(b, "");
}

static void builder_free(struct builder *b)
{
	free(b->rows);
	free(b->names);
	free(b->pools);
}

static struct remote_row *add_row(struct builder *b)
{
	if (b->count == b->room) {
		b->room = b->room ? 2 * b->room : 64;
		b->rows = xrealloc(b->rows, b->room * SLOT);
	}
	return &b->rows[b->count++];
}

/* The blocks of this node itself are in pp_blocks. */
static void add_node(struct builder *b, const struct context *node, const char *name, const json_t *json)
{
	const json_t *list = json_object_get(json_object_get(json, "spec"), "addresses"), *entry;
	uint32_t offset = add_name(b, name);
	struct claim *claims = NULL;
	size_t count = 0, i;

	if (strcmp(name, node->config.node))
		claims_of(json, "", &claims, &count);
	for (i = 0; i < count; i++)
		*add_row(b) = (struct remote_row){ .prefix = claims[i].prefix, .kind = REMOTE_BLOCK,
						   .node = offset, .pool = add_pool(b, claims[i].pool),
						   .next_hop = claims[i].next_hop };
	free(claims);
	json_array_foreach(list, i, entry) {
		const char *type = json_string_value(json_object_get(entry, "type"));
		const char *ip = json_string_value(json_object_get(entry, "ip"));
		bool internal = type && !strcmp(type, "CiliumInternalIP");
		struct addr addr;

		if (ip && !addr_parse(ip, &addr))
			*add_row(b) = (struct remote_row){
				.prefix = prefix_of(&addr, 128), .node = offset,
				.kind = internal ? REMOTE_INTERNAL_ADDRESS : REMOTE_ADDRESS };
	}
}

/* What was added goes where it belongs among what was kept. */
static void merge(struct builder *b)
{
	size_t kept = b->kept, added = b->count - kept, at = b->count;
	struct remote_row *fresh = xmalloc(added * SLOT);

	if (added) {
		memcpy(fresh, b->rows + kept, added * SLOT);
		qsort_r(fresh, added, SLOT, compare, b->names);
	}
	while (added)
		b->rows[--at] = kept && compare(&b->rows[kept - 1], &fresh[added - 1], b->names) > 0 ?
					b->rows[--kept] : fresh[--added];
	free(fresh);
}

/* Points into memory that has the array's bytes; false: they are damaged. */
static bool attach(struct remote *r, void *memory, size_t size)
{
	const struct remote_head *head = memory;
	size_t names;

	if (size < SLOT || head->layout != REMOTE_LAYOUT)
		return false;
	names = SLOT * (1 + (size_t)head->blocks + head->addresses);
	if (names + head->names > size || !head->names ||
	    ((char *)memory)[names + head->names - 1])
		return false;
	r->blocks = (const struct remote_row *)memory + 1;
	r->addresses = r->blocks + head->blocks;
	r->block_count = head->blocks;
	r->address_count = head->addresses;
	r->names = (char *)memory + names;
	r->names_size = head->names;
	return true;
}

/* The array's bytes that the builder's rows will be. */
static size_t bytes(const struct builder *b)
{
	return (SLOT * (1 + b->count) + b->names_size + SLOT - 1) / SLOT * SLOT;
}

/* Writes them into @memory, which is zero; the builder is gone. */
static void finish(struct builder *b, void *memory)
{
	struct remote_head *head = memory;

	merge(b);
	head->layout = REMOTE_LAYOUT;
	head->names = b->names_size;
	while (head->blocks < b->count && b->rows[head->blocks].kind == REMOTE_BLOCK)
		head->blocks++;
	head->addresses = b->count - head->blocks;
	if (b->count)
		memcpy(head + 1, b->rows, b->count * SLOT);
	memcpy((char *)(head + 1) + b->count * SLOT, b->names, b->names_size);
	builder_free(b);
}

int remote_build(struct context *node, struct remote *r, struct error *e)
{
	struct builder b;
	struct stored *nodes;
	size_t count;
	int err = store_list_texts(&node->pins, OBJECT_CILIUMNODE, &nodes, &count, e);

	memset(r, 0, sizeof(*r));
	if (err)
		return err;
	builder_init(&b);
	for (size_t i = 0; i < count; i++) {
		if (stored_parse(&nodes[i]))
			add_node(&b, node, nodes[i].name, nodes[i].json);
		stored_forget(&nodes[i]);
	}
	stored_free(nodes, count);
	r->size = bytes(&b);
	r->memory = xcalloc(1, r->size);
	finish(&b, r->memory);
	attach(r, r->memory, r->size);
	return 0;
}

void remote_free(struct remote *r)
{
	if (r->mapped)
		munmap(r->memory, r->size);
	else
		free(r->memory);
	memset(r, 0, sizeof(*r));
}

static bool map_pin(struct context *node, struct remote *r)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);
	char path[PATH_MAX + 64];
	int fd;

	memset(r, 0, sizeof(*r));
	pins_path(&node->pins, REMOTE_MAP, path, sizeof(path));
	fd = bpf_obj_get(path);
	if (fd < 0)
		return false;
	if (!bpf_obj_get_info_by_fd(fd, &info, &size) && info.value_size == SLOT) {
		r->size = SLOT * info.max_entries;
		r->memory = mmap(NULL, r->size, PROT_READ, MAP_SHARED, fd, 0);
		r->mapped = r->memory != MAP_FAILED;
	}
	close(fd);
	if (r->mapped && attach(r, r->memory, r->size))
		return true;
	if (r->mapped)
		munmap(r->memory, r->size);
	/* of another layout, or damaged */
	if (node->pins.root.locked)
		remote_forget(node, NULL);
	return false;
}

/* A new map, mapped to be filled; its descriptor or -errno. */
static int create(size_t size, void **memory)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, REMOTE_MAP, sizeof(__u32), SLOT, size / SLOT,
				&options), err;

	if (fd < 0)
		return fd;
	*memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (*memory != MAP_FAILED)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* Pins and closes it: 0 or -errno: -EEXIST another one is pinned. */
static int pin(struct context *node, int fd, void *memory, size_t size)
{
	char path[PATH_MAX + 64];
	int err;

	munmap(memory, size);
	pins_path(&node->pins, REMOTE_MAP, path, sizeof(path));
	err = bpf_obj_pin(fd, path) ? -errno : 0;
	close(fd);
	if (!err)
		trace("map " REMOTE_MAP ": %zu elements", size / SLOT);
	return err;
}

int remote_read(struct context *node, struct remote *r, struct error *e)
{
	void *memory;
	int err, fd;

	if (map_pin(node, r))
		return 0;
	err = remote_build(node, r, e);
	/* who has no lock might pin what is old: objects may be changing */
	if (err || !node->pins.root.locked)
		return err;
	fd = create(r->size, &memory);
	if (fd >= 0) {
		memcpy(memory, r->memory, r->size);
		pin(node, fd, memory, r->size);
	}
	return 0;
}

int remote_forget(struct context *node, struct error *e)
{
	char path[PATH_MAX + 64];

	pins_path(&node->pins, REMOTE_MAP, path, sizeof(path));
	if (unlink(path) && errno != ENOENT)
		return error_set(e, -errno, "%s: cannot remove: %s", path, strerror(errno));
	return 0;
}

int remote_rebuild(struct context *node, struct error *e)
{
	struct remote r;
	int err = remote_forget(node, e);

	if (!err)
		err = remote_read(node, &r, e);
	if (!err)
		remote_free(&r);
	return err;
}

static bool is_changed(const char *name, const struct remote_change *changes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(changes[i].name, name))
			return true;
	return false;
}

/* Where a name is now, by where it was; UINT32_MAX: its node has changed. */
static uint32_t move_name(struct builder *b, const struct remote *before, uint32_t *moved, uint32_t name,
			  bool is_pool, const struct remote_change *changes, size_t count)
{
	uint32_t *to = &moved[name < before->names_size ? name : 0];
	const char *text = remote_name(before, name);

	if (*to)
		return *to;
	if (is_pool)
		return *to = add_pool(b, text);
	return *to = is_changed(text, changes, count) ? UINT32_MAX : add_name(b, text);
}

/* Copies the rows of the nodes that have not changed. */
static void keep_rows(struct builder *b, const struct remote *before,
		      const struct remote_change *changes, size_t count)
{
	size_t rows = before->block_count + before->address_count;
	uint32_t *moved = xcalloc(before->names_size, sizeof(*moved));

	b->room = rows + 64;
	b->rows = xmalloc(b->room * SLOT);
	for (size_t i = 0; i < rows; i++) {
		struct remote_row row = before->blocks[i];

		row.node = move_name(b, before, moved, row.node, false, changes, count);
		if (row.node == UINT32_MAX)
			continue;
		if (row.pool)
			row.pool = move_name(b, before, moved, row.pool, true, changes, count);
		if (row.pool == UINT32_MAX)
			row.pool = 0; /* a damaged row */
		*add_row(b) = row;
	}
	b->kept = b->count;
	free(moved);
}

int remote_replace(struct context *node, const struct remote *before,
		   const struct remote_change *changes, size_t count, struct error *e)
{
	struct builder b;
	void *memory;
	size_t size;
	int fd, err;

	/* each node is compared with each name */
	if (count > 64)
		return remote_rebuild(node, e);
	builder_init(&b);
	keep_rows(&b, before, changes, count);
	for (size_t i = 0; i < count; i++)
		if (changes[i].json)
			add_node(&b, node, changes[i].name, changes[i].json);
	size = bytes(&b);
	fd = create(size, &memory);
	if (fd < 0) {
		builder_free(&b);
		err = fd;
	} else {
		finish(&b, memory);
		remote_forget(node, NULL);
		err = pin(node, fd, memory, size);
	}
	return err ? error_set(e, err, "%s: cannot pin " REMOTE_MAP ": %s; free kernel memory",
			       node->pins.root.path, strerror(-err)) : 0;
}
