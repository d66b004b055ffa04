/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Other nodes' blocks and all nodes' addresses as rows (maps/remote.h), so that no event reads every
 * CiliumNode. CiliumNodes change under the root's exclusive lock alone.
 */
#ifndef PP_REMOTE_LOADER_H
#define PP_REMOTE_LOADER_H

#include "loader/ipam/claims.h"
#include "loader/kernel/context.h"
#include "maps/remote.h"

struct remote {
	const struct remote_row *blocks, *addresses; /* each sorted by prefix */
	size_t block_count, address_count;
	const char *names;
	size_t names_size;
	void *memory; /* owned: mapped, or allocated */
	size_t size;
	bool mapped;
};

/*
 * The rows as pp_remote has them; where it is not there, from the objects, and who has the root locked
 * pins them. Free them after failure too.
 */
int remote_read(struct context *node, struct remote *r, struct error *e);
/* The same from the objects, whatever pp_remote says; changes nothing. */
int remote_build(struct context *node, struct remote *r, struct error *e);
void remote_free(struct remote *r);

/* A node's or pool's name; "?" if the row is damaged. Lives as long as @r. */
const char *remote_name(const struct remote *r, uint32_t name);

/* Indexes *from .. *to - 1 of the blocks, or addresses, that overlap @prefix. */
void remote_find_blocks(const struct remote *r, const struct prefix *prefix, size_t *from, size_t *to);
void remote_find_addresses(const struct remote *r, const struct prefix *prefix, size_t *from, size_t *to);
bool remote_is_claimed(const struct remote *r, const struct prefix *prefix);

/* A block's row as a claim; its node's name lives as long as @r. */
struct claim remote_claim(const struct remote *r, const struct remote_row *row,
			  const char *default_pool);

/* A CiliumNode that was written, or deleted (@json NULL). */
struct remote_change {
	const char *name;
	const json_t *json;
};

/* Before a CiliumNode changes: removes the pin. Under the root's exclusive lock, as the next one. */
int remote_forget(struct context *node, struct error *e);
/* When all have changed: pins @before without the rows of these nodes and with their new ones. */
int remote_replace(struct context *node, const struct remote *before,
		   const struct remote_change *changes, size_t count, struct error *e);
/* Makes pp_remote say what the objects say. */
int remote_rebuild(struct context *node, struct error *e);

/* Tells of each row that pp_remote lacks, or has and should not have. */
int remote_compare(struct context *node,
		   void (*fn)(const struct remote_row *row, const char *name, const char *what, void *arg),
		   void *arg, struct error *e);

#endif
