/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether a table of connections has any current entry (maps/expiries.h). */
#ifndef PP_EXPIRY_BPF_H
#define PP_EXPIRY_BPF_H

#include "maps/expiries.bpf.h"

/* Each failure means that another CPU has raised it. */
#define EXPIRY_TRIES 32

static __always_inline struct expiries *expiries_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&pp_expiries, &zero);
}

/* Raises *latest to @expires; called before the entry is written. */
static __always_inline void expiry_raise(__u32 *latest, __u32 expires)
{
	for (int n = 0; n < EXPIRY_TRIES; n++) {
		__u32 before = *(volatile __u32 *)latest;

		if (before >= expires || __sync_val_compare_and_swap(latest, before, expires) == before)
			return;
	}
}

#endif
