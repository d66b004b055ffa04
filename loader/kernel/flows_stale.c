// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flows whose address the node has lost: their answers cannot arrive, and a sender with a fixed
 * port would keep its flow for ever. The loader ends them, because BPF programs cannot list the
 * node's addresses.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/net/address.h"
#include "loader/kernel/flows.h"
#include "loader/kernel/map.h"
#include "maps/node_ips.h"

static int compare_addr(const void *a, const void *b)
{
	return addr_compare(a, b);
}

int node_addresses(struct netlink *nl, struct addr **list, size_t *count, struct error *e)
{
	struct address *all;
	int err = address_list(nl, &all, count, e);

	*list = NULL;
	if (err)
		return err;
	*list = xcalloc(*count, sizeof(**list));
	for (size_t i = 0; i < *count; i++)
		(*list)[i] = all[i].addr;
	free(all);
	qsort(*list, *count, sizeof(**list), compare_addr);
	return 0;
}

bool node_has_address(const struct addr *list, size_t count, const struct addr *addr)
{
	return count && bsearch(addr, list, count, sizeof(*list), compare_addr);
}

struct node_ip_entry {
	struct addr addr;
	uint32_t present;
};

/* Makes pp_node_ips equal to the addresses of @list. */
static int write_addresses(int fd, const struct addr *list, size_t count)
{
	const uint32_t present = 1;
	struct node_ip_entry *known;
	size_t known_count;
	int err = map_read_all(fd, sizeof(struct addr), offsetof(struct node_ip_entry, present),
			       sizeof(uint32_t), sizeof(*known), (void **)&known, &known_count);

	if (err)
		return err;
	for (size_t i = 0; i < known_count; i++)
		if (!node_has_address(list, count, &known[i].addr))
			bpf_map_delete_elem(fd, &known[i].addr);
	free(known);
	for (size_t i = 0; i < count; i++)
		if (bpf_map_update_elem(fd, &list[i], &present, BPF_ANY))
			return -errno;
	return 0;
}

static int run_stale(struct pins *pins, unsigned int *ended, struct error *e)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int fd = pins_prog(pins, PROG_FLOWS_STALE);

	if (fd < 0)
		return pins_error(pins, "pp_flows_stale", fd, e);
	if (bpf_prog_test_run_opts(fd, &opts))
		return error_set(e, -errno, "pp_flows_stale: cannot run: %s", strerror(errno));
	*ended = opts.retval;
	return 0;
}

int flows_end_stale(struct pins *pins, struct netlink *nl, unsigned int *ended, struct error *e)
{
	int fd = pins_map(pins, PIN_NODE_IPS), err;
	struct addr *list;
	size_t count;

	*ended = 0;
	if (fd < 0)
		return pins_error(pins, "pp_node_ips", fd, e);
	/* Two processes that read at different times must not mix their lists. */
	err = root_lock_derived(&pins->root);
	if (err)
		return error_set(e, err, "%s: cannot lock: %s", pins->root.dir, strerror(-err));
	err = node_addresses(nl, &list, &count, e);
	if (!err) {
		err = write_addresses(fd, list, count);
		if (err)
			error_set(e, err, "pp_node_ips: cannot write %zu addresses: %s", count,
				  strerror(-err));
		else
			err = run_stale(pins, ended, e);
		free(list);
	}
	root_unlock_derived(&pins->root);
	return err;
}
