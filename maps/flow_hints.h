/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_flow_hints: the flow that was last found or created for a key with this hash, of pp_flow_fwd and
 * pp_flow_rev alike. The flow's record confirms the key and the generation (else the index is looked
 * up), so entries need no removal. Most first packets of a tick find their flow without a hash table,
 * whose elements would be cold memory. An entry is written by a single store.
 */
#ifndef PP_FLOW_HINTS_H
#define PP_FLOW_HINTS_H

#include "maps/flows.h"

#define FLOW_HINTS 65536

#endif
