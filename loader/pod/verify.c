// SPDX-License-Identifier: GPL-2.0-only
/* New leases checked against the node's addresses, which change without notice. */
#include <errno.h>

#include "loader/net/excluded.h"
#include "loader/pod/verify.h"
#include "loader/blocks/sync.h"
#include "loader/ipam/state.h"

int pod_verify(struct context *node, struct netlink *nl, const struct lease_owner *owner,
	       const struct txn *txn, struct error *e)
{
	struct owner_request request = { .owner = *owner, .generation = txn->generation };
	bool suspect = false, excluded = false;
	struct block block;
	struct txn answer;
	int err;

	for (int f = 0; f < FAMILIES; f++)
		suspect |= txn->ip[f].block && excluded_suspect(nl, &txn->ip[f].address);
	if (!suspect)
		return 0;
	err = sync_hosts(node, nl, e);
	for (int f = 0; f < FAMILIES && !err; f++)
		excluded |= txn->ip[f].block && !ipam_block_read(&node->pins, txn->ip[f].block, &block) &&
			    ipam_is_excluded(&node->pins, &txn->ip[f], &block);
	if (err || excluded) {
		int late = ipam_run(&node->pins, PROG_RELEASE, &request, &answer, err ? NULL : e);

		err = err ? err : late;
	}
	return err ? err : excluded;
}

int pod_excluded_error(struct context *node, const char *pool, const struct addr *addr,
		       struct error *e)
{
	char ip[ADDR_TEXT], text[EXCLUSION_TEXT] = "an address of the node or its network";
	struct prefix prefix = prefix_of(addr, 128);
	const struct exclusion *found = NULL;
	struct netlink *nl = NULL;
	struct state state;
	int err = state_read(node, STATE_REMOTE, &state, e);

	if (err)
		return err;
	if (!netlink_open(&nl, -1, NULL) && !state_read_exclusions(&state, nl, NULL))
		found = excluded_find(&state.exclusions, &prefix);
	if (found)
		exclusion_text(found, text);
	netlink_close(nl);
	state_free(&state);
	return error_set(e, -EADDRINUSE,
			 "pool \"%s\": IP %s: provided IP is not available: conflicts with %s; choose another",
			 pool, addr_format(addr, ip), text);
}
